"""The picture of the inspection page: a composite, a band or an index of the current window, with its pins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnnviz import render
from cnnviz.render import ColourScale, Palette, StretchRule
from cnnviz.sensors import to_reflectance
from cnnviz.ui.experiments.inspection import Orientation, Setting, What
from cnnviz.ui.experiments.pins import PINS, add_pin, pinned
from cnnviz.ui.pictures import Stage, caption, strip
from cnnviz.ui.view import View

_TURNS = {
    Orientation.AS_STORED: lambda array: array,
    Orientation.FLIP_ROWS: lambda array: array[::-1],
    Orientation.FLIP_COLS: lambda array: array[:, ::-1],
}


def show(view: View, given: Setting) -> None:
    """Show the picture; a click on it sets a pin."""
    stage = _stage(view, given)
    if given.orientation is Orientation.AS_STORED:
        stage = replace(stage, pins=pinned(view))
        hint = "Click a pixel to pin it; its spectrum is drawn."
        strip([stage], PINS, crs=view.crs, hint=hint, height=620, on_pick=add_pin)
    else:
        strip([replace(stage, transform=None)], "turned", hint="Turned as an array; pins wait.", height=620)


def _stage(view: View, given: Setting) -> Stage:
    values = _values(view, given)
    scales = _scales(view, given)
    if given.bits < 16:
        values = np.dstack(
            [render.quantise(values[..., i], scale.low, scale.high, given.bits) for i, scale in enumerate(scales)]
        )
    turned = _TURNS[given.orientation](values)
    alone = len(scales) == 1
    picture = (
        scales[0].indices(turned[..., 0])
        if alone
        else render.composite(turned, [(scale.low, scale.high) for scale in scales])
    )
    return Stage(
        name=_name(given),
        picture=picture,
        caption=caption(turned, view.metres, _note(given, scales)),
        alt=f"{_name(given)} of {view.scene.name}, {render.size(*turned.shape[:2])} pixels.",
        scale=scales[0] if alone else None,
        transform=view.transform if view.on_ground else None,
    )


def _values(view: View, given: Setting) -> np.ndarray:
    """Float32 ``(rows, cols, bands)`` in the unit of the setting."""
    array = view.patch(given.bands).array
    if given.calibration is not None:
        array = to_reflectance(array, given.calibration)
    if given.what is What.INDEX and view.scene.naming.sensor is not None:
        index = view.scene.naming.sensor.indices[given.index]
        return index.compute(*np.moveaxis(array, -1, 0))[..., None]
    return array


def _scales(view: View, given: Setting) -> list[ColourScale]:
    if given.what is What.INDEX:
        return [ColourScale(Palette.SIGNED, -1.0, 1.0, f"fixed, {render.span(-1, 1)}")]
    basis = "" if given.rule is StretchRule.MANUAL else f" {view.basis}"
    scales = []
    for band in given.bands:
        ends = np.array(render.limits(view.band_statistics(band), given.rule, given.manual))
        if given.calibration is not None and given.rule is not StretchRule.MANUAL:
            ends = to_reflectance(ends, given.calibration)
        scales.append(ColourScale(Palette.GREY, float(ends[0]), float(ends[1]), f"{given.rule}{basis}"))
    return scales


def _name(given: Setting) -> str:
    return given.index if given.what is What.INDEX else ", ".join(given.bands)


def _note(given: Setting, scales: list[ColourScale]) -> str:
    parts = [given.unit]
    if len(scales) > 1:
        parts.append(f"each band stretched {scales[0].rule}")
    if given.bits < 16:
        parts.append(f"{given.bits} bits, {2**given.bits} levels")
    return " · ".join(parts)
