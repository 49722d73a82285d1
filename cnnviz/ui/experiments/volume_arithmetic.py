"""1 × 1 filters are arithmetic of bands; why a ratio such as the NDVI is none of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnnviz.geometry import ReceptiveField
from cnnviz.layers import Conv2D, Network
from cnnviz.render import ColourScale, Palette, number, span
from cnnviz.sensors import SENSORS, to_reflectance
from cnnviz.ui.experiments import spot
from cnnviz.ui.experiments.volume_pictures import map_stages
from cnnviz.ui.maps import band_stage
from cnnviz.ui.pictures import Room, strip
from cnnviz.ui.view import View
from cnnviz.ui.words import plain
from cnnviz.volume import superposition

#: Difference and sum of two bands as one layer: ``(1, 1, 2 bands, 2 filters)``.
LAYER = Network([Conv2D([[[[1, 1], [-1, 1]]]])])
_INDEX = SENSORS["sentinel2"].indices["NDVI"]


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """Two bands in the unit of the setting, float32 ``(rows, cols, 2)``, their difference, sum and ratio."""

    bands: tuple[str, str]
    unit: str
    image: np.ndarray
    difference: np.ndarray
    total: np.ndarray
    ratio: np.ndarray

    @property
    def title(self) -> str:
        """Name of the ratio."""
        return "NDVI" if self.bands == _INDEX.bands else "Ratio"


def compute(view: View) -> Arithmetic:
    """Near infrared and red where the scene has them, else its first two bands; reflectance where that is known."""
    names = view.scene.band_names
    bands = (_INDEX.bands[0], _INDEX.bands[1]) if set(_INDEX.bands) <= set(names) else (names[0], names[1])
    image, unit = view.patch(bands).array, "numbers as stored"
    sensor = view.scene.naming.sensor
    if sensor is not None and sensor.scale is not None:
        image, unit = to_reflectance(image, view.calibration()), "reflectance"
    found = LAYER.apply(image)
    return Arithmetic(bands, unit, image, found[..., 0], found[..., 1], _INDEX.compute(image[..., 0], image[..., 1]))


def show(view: View) -> None:
    """The two bands, the two filters' maps and the ratio; and two pixels that tell a sum from a ratio."""
    if len(view.scene.band_names) < 2:
        st.info("Arithmetic of bands needs two of them, and this scene has one. Choose another scene.")
        return
    found = compute(view)
    one, other = found.bands
    scale = ColourScale.signed(found.difference, found.total)
    fixed = ColourScale(Palette.SIGNED, -1.0, 1.0, f"fixed, {span(-1, 1)}")
    field = ReceptiveField()
    maps = map_stages(
        view,
        [found.difference, found.total],
        field,
        scale,
        [(f"{one} − {other}", "1 × 1: weights 1, −1"), (f"{one} + {other}", "1 × 1: weights 1, 1")],
    )
    ratio = map_stages(view, [found.ratio], field, fixed, [(found.title, f"({one} − {other}) ÷ ({one} + {other})")])
    stages = [band_stage(view, one), band_stage(view, other), *maps, *ratio]
    key = "volume_arithmetic"
    strip(
        stages,
        key,
        room=Room(least="11rem", height=320),
        crs=view.crs,
        on_pick=spot.picker(view, [field] * len(stages), key),
    )
    _table(view, found)


def _table(view: View, found: Arithmetic) -> None:
    """f(p) + f(q) against f(p + q) at two pixels."""
    first = spot.place(view, spot.strongest(found.ratio))
    second = _opposite(found.ratio)
    one, other = found.bands
    p, q = found.image[first].astype(np.float64), found.image[second].astype(np.float64)
    rows = {f"{one} − {other}": _difference, f"{one} + {other}": _total, found.title: _ratio}
    pairs = {name: superposition(operation, p, q) for name, operation in rows.items()}
    st.table(
        {
            "f": [plain(name) for name in rows],
            "f(p)": [_say(operation(p)) for operation in rows.values()],
            "f(q)": [_say(operation(q)) for operation in rows.values()],
            "f(p) + f(q)": [_say(apart) for apart, _ in pairs.values()],
            "f(p + q)": [_say(together) for _, together in pairs.values()],
            "f(2 p)": [_say(operation(2 * p)) for operation in rows.values()],
        },
        border="horizontal",
        hide_index=True,
    )
    st.markdown(
        f"A convolution of a sum is the sum of the convolutions, and twice the light gives twice the answer. The "
        f"{found.title} divides: twice the light gives the same {found.title}, and those of p and q do not add up. So "
        "no weights make it, however many filters there are: a network would have to divide, which its layers do not."
    )
    st.caption(
        f"p = ({_pixel(p)}), the chosen pixel at {_place(view, first)}; q = ({_pixel(q)}), at {_place(view, second)}; "
        f"{plain(one)} and {plain(other)} in {found.unit}."
    )


def _say(value: float) -> str:
    # Digital numbers have no more than four decimals as reflectance, so that sums add up as shown.
    return number(round(value, 4), 7)


def _difference(pixel: np.ndarray) -> float:
    return float(pixel[0] - pixel[1])


def _total(pixel: np.ndarray) -> float:
    return float(pixel[0] + pixel[1])


def _ratio(pixel: np.ndarray) -> float:
    total = _total(pixel)
    return _difference(pixel) / total if total else float("nan")


def _opposite(ratio: np.ndarray) -> tuple[int, int]:
    """Place of the smallest ratio: water or bare ground where the largest is a plant."""
    if not np.isfinite(ratio).any():
        return 0, 0
    row, col = np.unravel_index(np.nanargmin(ratio), ratio.shape)
    return int(row), int(col)


def _pixel(values: np.ndarray) -> str:
    return ", ".join(number(value) for value in values.tolist())


def _place(view: View, at: tuple[int, int]) -> str:
    return f"row {view.window.row + at[0]}, column {view.window.col + at[1]}"
