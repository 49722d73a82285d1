"""Dense against convolution: weights and memory for an image of any size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cnnviz.errors import GeometryError
from cnnviz.matrix import WEIGHT_BYTES, conv_weights, dense_weights
from cnnviz.render import THIN, number, size
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default

MAX_PIXELS, MAX_BANDS = 12_000_000, 13
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
#: Images to start from: label → (rows, cols, bands).
IMAGES = {
    "28 × 28 digit": (28, 28, 1),
    "800 × 600 photo": (600, 800, 3),
    "12 megapixels, grey": (3000, 4000, 1),
    "12 megapixels, RGB": (3000, 4000, 3),
    "12 megapixels, 13 bands": (3000, 4000, 13),
}


@dataclass(frozen=True)
class Size:
    """An image, a dense layer of ``nodes`` and a kernel of ``side`` × ``side`` on all bands."""

    rows: int
    cols: int
    bands: int
    nodes: int
    side: int

    def layers(self) -> dict[str, int]:
        """Weights of each layer, biases left out, by its name."""
        shape = (self.rows, self.cols, self.bands)
        return {
            f"Dense, {self.nodes} node{'s' * (self.nodes != 1)}": dense_weights(shape, self.nodes),
            "Dense, one node per pixel": dense_weights(shape, self.rows * self.cols),
            f"Convolution, {self.side} × {self.side}": conv_weights(self.side, self.bands),
        }


DEFAULT = Size(3000, 4000, 1, 4, 3)


def show() -> None:
    """Controls, table and chart."""
    st.markdown("#### Dense against convolution")
    st.markdown("A dense layer has a weight for every cell of its matrix; a convolution shares those of its kernel.")
    given = good_or_default("dense", lambda: checked(_controls()), lambda: DEFAULT)
    left, right = st.columns(2)
    with left:
        st.markdown(table(given))
        st.caption(_words(given))
    with right:
        st.vega_lite_chart(_chart(given), key="dense_chart")


def _controls() -> Size:
    # The name that the page's style hides, where a teacher's link says so.
    with st.container(key="more_hidden" if link.hides("controls") else "dense_controls"):
        return _size()


def _size() -> Size:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rows = link.figure("Rows", 1, MAX_PIXELS, DEFAULT.rows, "dense_rows")
        cols = link.figure("Columns", 1, MAX_PIXELS, DEFAULT.cols, "dense_cols")
        bands = link.figure("Bands", 1, MAX_BANDS, DEFAULT.bands, "dense_bands")
        nodes = link.figure("Dense nodes", 1, 1000, DEFAULT.nodes, "dense_nodes")
        side = link.figure("Kernel side", 1, 15, DEFAULT.side, "dense_side")
    with st.container(horizontal=True, gap="xsmall"):
        for label, image in IMAGES.items():
            st.button(label, key=f"dense_{label}", on_click=_take, args=(image,))
    return Size(rows, cols, bands, nodes, side)


def _take(image: tuple[int, int, int]) -> None:
    for key, value in zip(("dense_rows", "dense_cols", "dense_bands"), image, strict=True):
        st.session_state[key] = value


def checked(given: Size) -> Size:
    """The same size; raises GeometryError above 12 megapixels."""
    if given.rows * given.cols > MAX_PIXELS:
        raise GeometryError(
            f"received an image of {size(given.rows, given.cols)} = {whole(given.rows * given.cols)} pixels: at most "
            f"{whole(MAX_PIXELS)} are expected; give fewer rows or columns"
        )
    return given


def memory(count: int) -> str:
    """Bytes as text, in decimal units.

    >>> memory(36), memory(192_000_000), memory(576 * 10**12)
    ('36 bytes', '192 MB', '576 TB')
    """
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    return f"{number(count / 1000**power, 3)} {_UNITS[power]}"


def table(given: Size) -> str:
    """Weights and memory of the three layers, as a table."""
    lines = ["| Layer | Weights | Memory |", "|---|--:|--:|"]
    lines += [
        f"| {name} | {whole(weights)} | {memory(weights * WEIGHT_BYTES)} |" for name, weights in given.layers().items()
    ]
    return "\n".join(lines)


def whole(count: int) -> str:
    r"""A count in full up to a thousand million, in powers of ten above.

    >>> whole(48_000_000), whole(1_440 * 10**11)
    ('48\u202f000\u202f000', '1.44\xa0×\xa010¹⁴')
    """
    return f"{count:,}".replace(",", THIN) if count < 10**9 else number(count).replace(" ", "\N{NO-BREAK SPACE}")


def _words(given: Size) -> str:
    dense, _, shared = given.layers().values()
    return (
        f"{size(given.rows, given.cols)} pixels × {given.bands} band{'s' * (given.bands != 1)}, weights in float32, "
        "biases left out. "
        f"The dense layer holds {whole(round(dense / shared))} times as many weights as the convolution, and gives "
        f"{given.nodes} number{'s' * (given.nodes != 1)} where the convolution gives a whole map. "
        "More pixels make the dense layer larger; the convolution stays as it is."
    )


def _sizes(given: Size) -> list[Size]:
    """Square images from 4 × 4 to 12 megapixels."""
    sides = np.unique(np.geomspace(4, MAX_PIXELS**0.5, 24).astype(int)).tolist()
    return [Size(side, side, given.bands, given.nodes, given.side) for side in sides]


def _rows(sizes: list[Size]) -> Iterator[dict[str, Any]]:
    for each in sizes:
        for name, weights in each.layers().items():
            memory_text = memory(weights * WEIGHT_BYTES)
            yield {"layer": name, "pixels": each.rows * each.cols, "weights": float(weights), "memory": memory_text}


@st.cache_data(max_entries=16, show_spinner=False)
def _chart(given: Size) -> dict[str, Any]:
    """The chart as Vega-Lite has it; kept, because checking one takes as long as the rest of the page."""
    import altair as alt

    names = list(given.layers())
    x = alt.X("pixels:Q", title="Pixels of the image").scale(type="log").axis(format="~s", tickCount=7)
    y = alt.Y("weights:Q", title="Weights").scale(type="log").axis(format="~s", tickCount=8)
    colour = alt.Color("layer:N", title=None).scale(domain=names).legend(orient="bottom", columns=2, labelLimit=400)
    counts = [alt.Tooltip(f"{name}:Q", format=",.0f") for name in ("pixels", "weights")]
    tooltip = [alt.Tooltip("layer:N"), *counts, alt.Tooltip("memory:N")]
    lines = alt.Chart(_inline(_rows(_sizes(given)))).mark_line()
    points = alt.Chart(_inline(_rows([given]))).mark_point(filled=True, size=90)
    limit = alt.Chart(_inline([{"weights": 16e9 / WEIGHT_BYTES, "text": "16 GB, a laptop's memory"}]))
    rule = limit.mark_rule(strokeDash=[4, 4], color="gray").encode(y="weights:Q")
    note = limit.mark_text(align="left", dx=4, dy=-7, x=0, color="gray").encode(y="weights:Q", text="text:N")
    series = alt.layer(lines, points).encode(x=x, y=y, color=colour, tooltip=tooltip)
    chart: dict[str, Any] = alt.layer(series, rule, note).properties(height=380).to_dict()
    chart.pop("config", None)  # the page's own theme comes in its place
    return chart


def _inline(rows: Any) -> Any:
    import altair as alt

    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]
