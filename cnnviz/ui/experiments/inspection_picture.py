"""The picture of the inspection page: a composite, a band or an index of the current window, with its pins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnnviz import render
from cnnviz.render import ColourScale, Palette, StretchRule
from cnnviz.sensors import to_reflectance
from cnnviz.ui.experiments.inspection import Orientation, Setting, What
from cnnviz.ui.experiments.pins import PINS, add_pin, pinned
from cnnviz.ui.pictures import Room, Stage, caption, cells, strip
from cnnviz.ui.view import View

_TURNS = {
    Orientation.AS_STORED: lambda array: array,
    Orientation.FLIP_ROWS: lambda array: array[::-1],
    Orientation.FLIP_COLS: lambda array: array[:, ::-1],
}


def show(view: View, given: Setting) -> None:
    """Show the picture; a click on it sets a pin."""
    shown = stage(view, given)
    if given.orientation is Orientation.AS_STORED:
        hint = "Click a pixel to pin it; its spectrum is drawn."
        pins = replace(shown, pins=pinned(view))
        strip([pins], PINS, crs=view.crs, hint=hint, room=Room(height=620), on_pick=add_pin)
    else:
        strip(
            [replace(shown, transform=None, origin=(0, 0))],
            "turned",
            hint="Turned as an array; pins wait.",
            room=Room(height=620),
        )


def stage(view: View, given: Setting) -> Stage:
    """The picture of a setting, with its caption and legend."""
    found = scales(view, given)
    array = values(view, given)
    if given.bits < 16:
        layers = zip(np.moveaxis(array, -1, 0), found, strict=True)
        array = np.dstack([render.quantise(layer, scale.low, scale.high, given.bits) for layer, scale in layers])
    array = _TURNS[given.orientation](array)
    alone = len(found) == 1
    return Stage(
        name=_name(given),
        picture=found[0].indices(array[..., 0]) if alone else render.composite(array, [(s.low, s.high) for s in found]),
        caption=caption(array, view.metres, _note(given, found)),
        alt=f"{_name(given)} of {view.scene.name}, {render.size(*array.shape[:2])} pixels.",
        scale=found[0] if alone else None,
        transform=view.transform if view.on_ground else None,
        origin=view.window[:2],
        cells=cells(array[..., 0]) if alone else None,
    )


def values(view: View, given: Setting) -> np.ndarray:
    """Float32 ``(rows, cols, bands)`` in the unit of the setting."""
    array = view.patch(given.bands).array
    if given.calibration is not None:
        array = to_reflectance(array, given.calibration)
    if given.what is What.INDEX and view.scene.naming.sensor is not None:
        index = view.scene.naming.sensor.indices[given.index]
        return index.compute(*np.moveaxis(array, -1, 0))[..., None]
    return array


def scales(view: View, given: Setting) -> list[ColourScale]:
    """One colour scale per channel of the picture."""
    if given.what is What.INDEX:
        return [ColourScale(Palette.SIGNED, -1.0, 1.0, f"fixed, {render.span(-1, 1)}")]
    basis = "" if given.rule is StretchRule.MANUAL else f" {view.basis}"
    found = []
    for band in given.bands:
        ends = np.array(render.limits(view.band_statistics(band), given.rule, given.manual))
        if given.calibration is not None and given.rule is not StretchRule.MANUAL:
            ends = (ends + given.calibration.offset) / given.calibration.scale
        found.append(ColourScale(Palette.GREY, float(ends[0]), float(ends[1]), f"{given.rule}{basis}"))
    return found


def _name(given: Setting) -> str:
    return given.index if given.what is What.INDEX else ", ".join(dict.fromkeys(given.bands))


def _note(given: Setting, scales: list[ColourScale]) -> str:
    parts = [given.unit] if given.unit else []
    if len(scales) > 1:
        parts.append(f"each band stretched {scales[0].rule}")
    if given.bits < 16:
        parts.append(f"{given.bits} bits, {2**given.bits} levels")
    return " · ".join(parts)
