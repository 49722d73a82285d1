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
        hint = "Click a pixel to pin it; its numbers are drawn."
        pins = replace(shown, pins=pinned(view))
        strip([pins], PINS, crs=view.crs, hint=hint, room=Room(height=1040), on_pick=add_pin)
    else:
        strip(
            [replace(shown, transform=None, origin=(0, 0))],
            "turned",
            hint="Turned as an array; pins wait.",
            room=Room(height=1040),
        )


def stage(view: View, given: Setting) -> Stage:
    """The picture of a setting, with its caption and legend."""
    array = values(view, given)
    found = scales(view, given)
    if given.what is What.INDEX:
        found = [replace(found[0], rule=f"fixed, {render.span(-1, 1)}{_beyond(array)}")]
    if given.bits < 16:
        found = [replace(scale, levels=2**given.bits) for scale in found]
        layers = zip(np.moveaxis(array, -1, 0), found, strict=True)
        array = np.dstack([render.quantise(layer, scale.low, scale.high, given.bits) for layer, scale in layers])
    array = _TURNS[given.orientation](array)
    alone = len(found) == 1
    return Stage(
        name=name(given),
        picture=found[0].indices(array[..., 0]) if alone else render.composite(array, [(s.low, s.high) for s in found]),
        caption=caption(array, view.metres, _note(given, found)),
        alt=f"{name(given)} of {view.scene.name}, {render.size(*array.shape[:2])} pixels.",
        scale=found[0] if alone else None,
        channels=() if alone else list(zip(given.bands, found, strict=True)),
        transform=view.transform if view.on_ground else None,
        origin=view.window[:2],
        cells=cells(array[..., 0]) if alone else None,
    )


def values(view: View, given: Setting) -> np.ndarray:
    """Float32 ``(rows, cols, bands)`` in the unit of the setting."""
    return computed(view, given, view.patch(given.bands).array)


def computed(view: View, given: Setting, array: np.ndarray) -> np.ndarray:
    """Numbers of the file in the setting's bands ``(rows, cols, bands)`` as the picture shows them."""
    sensor = view.scene.naming.sensor
    if given.what is not What.INDEX or sensor is None:
        return given.numbers(array)
    # Whatever the visitor wants to read, an index is that of reflectance: the offset shifts it.
    exact = array if given.calibration is None else to_reflectance(array, given.calibration)
    return sensor.indices[given.index].compute(*np.moveaxis(exact, -1, 0))[..., None]


def scales(view: View, given: Setting) -> list[ColourScale]:
    """One colour scale per channel of the picture."""
    if given.what is What.INDEX:
        return [ColourScale(Palette.SIGNED, -1.0, 1.0, f"fixed, {render.span(-1, 1)}")]
    if given.rule is StretchRule.MANUAL:
        return [ColourScale(Palette.GREY, *given.manual, "by hand")] * len(given.bands)
    found = []
    for band in given.bands:
        ends = np.array(render.limits(view.band_statistics(band), given.rule))
        low, high = ends if given.shown_as is None else given.shown_as.reflectance(ends)
        found.append(ColourScale(Palette.GREY, float(low), float(high), f"{given.rule} {view.basis}"))
    return found


def _beyond(array: np.ndarray) -> str:
    """How many of an index's values have no colour of their own."""
    share = np.count_nonzero(np.abs(array) > 1) / max(array.size, 1)
    return f"; {render.number(100 * share, 1)} % of the values lie beyond" if share else ""


def name(given: Setting) -> str:
    """What the picture shows, in a word."""
    return given.index if given.what is What.INDEX else ", ".join(dict.fromkeys(given.bands))


def _note(given: Setting, scales: list[ColourScale]) -> str:
    parts = [given.unit] if given.unit else []
    if len(scales) > 1:
        parts.append(f"each band stretched {scales[0].rule}")
    if given.bits < 16:
        parts.append(f"{bits(given.bits)}, {2**given.bits} levels")
    return " · ".join(parts)


def bits(count: int) -> str:
    """A number of bits as text.

    >>> bits(1), bits(8)
    ('1 bit', '8 bits')
    """
    return "1 bit" if count == 1 else f"{count} bits"
