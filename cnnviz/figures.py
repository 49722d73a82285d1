"""Figures for download: pictures on paper, with titles and legends.

Matplotlib loads when a figure is made; nothing is drawn on a screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.render import LEVELS, PRIMARIES, ColourScale, number, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = tuple[str, np.ndarray, "ColourScale | None"]
"""Title, picture and scale of one part of a figure."""


def figure(picture: np.ndarray, title: str, *scales: ColourScale) -> Figure:
    """Figure of one picture, see :func:`png`, with its title and legend, for downloads; nodata is hatched.

    Of a picture in colours the scales are those of red, green and blue; the legends take these colours.
    """
    rows, cols = picture.shape[:2]
    drawing = _sheet(6.2 + len(scales), 6.0 * min(max(rows / cols, 0.25), 4.0) + 0.3, title)
    axes = drawing.add_subplot()
    _draw(axes, picture, scales[0] if scales else None)
    palettes = PRIMARIES if len(scales) == len(PRIMARIES) else [scale.palette for scale in scales]
    for scale, palette in reversed(list(zip(scales, palettes, strict=True))):  # the last one stands nearest
        _bar(drawing, [axes], replace(scale, palette=palette)).set_label(scale.rule, fontsize=8, parse_math=False)
    return drawing


def gallery(parts: Sequence[Drawn], title: str) -> Figure:
    """Figure of several pictures of one size in rows, each with its title; one legend where all share a scale."""
    rows, cols = parts[0][1].shape[:2]
    across = _across(len(parts))
    lines = -(-len(parts) // across)
    scales = [scale for *_, scale in parts if scale is not None]
    shared = len(set(scales)) == 1
    drawing = _sheet(across * (2.6 if shared else 3.3), lines * (2.4 * min(max(rows / cols, 0.25), 4.0) + 0.3), title)
    placed = []
    for place, (name, picture, scale) in enumerate(parts, 1):
        axes = drawing.add_subplot(lines, across, place)
        axes.set_title(name, fontsize=9, parse_math=False)
        _draw(axes, picture, scale)
        placed.append(axes)
        if scale is not None and not shared:
            _bar(drawing, [axes], scale)
    if shared:
        _bar(drawing, placed, scales[0])
    drawing.supxlabel("; ".join(dict.fromkeys(scale.rule for scale in scales)), fontsize=9, parse_math=False)
    return drawing


def _across(count: int) -> int:
    """Pictures in a row, so that the last row is as full as can be."""
    return count if count <= 3 else min((5, 4, 3), key=lambda across: -count % across)


_LETTERS = 13  # of the size below, to an inch


def _sheet(width: float, height: float, title: str) -> Figure:
    """Paper with a title, which is broken into lines where it is too long, and gets room for all of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = [part for line in title.splitlines() for part in wrap(line, int(_LETTERS * width))]
    drawing = Figure(figsize=(width, height + 0.18 * len(lines) + 0.2), dpi=150, layout="constrained")
    # A name from a file is no formula, whatever dollar signs it holds.
    drawing.suptitle("\n".join(lines), fontsize=9, parse_math=False)
    FigureCanvasAgg(drawing)
    return drawing


def _draw(axes: Any, picture: np.ndarray, scale: ColourScale | None) -> None:
    from matplotlib.patches import Rectangle

    rows, cols = picture.shape[:2]
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": "#b0b0b0", "hatch": "////", "lw": 0, "zorder": -1}
    axes.add_patch(Rectangle((-0.5, -0.5), cols, rows, **look))
    axes.imshow(table(scale.palette)[picture] if scale and picture.ndim == 2 else picture, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color="#b0b0b0", linewidth=0.5)


def _bar(drawing: Figure, axes: Sequence[Any], scale: ColourScale) -> Any:
    """The legend of a scale beside the ``axes`` that it belongs to."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colours = ListedColormap(table(scale.palette)[:LEVELS] / 255.0)
    ticks = sorted({scale.low, (scale.low + scale.high) / 2, scale.high})
    mappable = ScalarMappable(Normalize(scale.low, scale.high), colours)
    bar = drawing.colorbar(mappable, ax=axes, shrink=0.7, aspect=20 * len(axes) ** 0.5, ticks=ticks)
    bar.ax.set_yticklabels([number(tick) for tick in ticks], fontsize=8)
    return bar


def figure_png(drawing: Figure) -> bytes:
    """PNG file of a figure."""
    file = BytesIO()
    drawing.savefig(file, format="png")
    return file.getvalue()
