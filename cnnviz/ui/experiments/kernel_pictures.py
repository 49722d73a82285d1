"""Input, result and difference of the kernel playground, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.geometry import ReceptiveField
from cnnviz.render import MINUS, ColourScale, Palette
from cnnviz.ui.experiments.kernel import Result, Setting, Show, Target, look_at
from cnnviz.ui.maps import band_stage, composite_stage, scaled
from cnnviz.ui.pictures import Mark, Room, Stage, caption, cells, strip
from cnnviz.ui.view import View

_SCALED = "scaled to 0–255"


def show(
    view: View, given: Setting, result: Result, *, covered: bool = False, asked: tuple[int, int] | None = None
) -> None:
    """Show all pictures of a setting; ``covered`` hides what comes out, ``asked`` is the pixel asked about."""
    first, *made = _three(view, given.closer, result.band(given.looked) if given.target is Target.EACH else result)
    if asked is not None:
        first = replace(first, boxes=[_window(result, asked)], enlarged=True)
    strip([first, *_covered(made, covered)], "kernel_strip", crs=view.crs, room=Room(least="11rem", height=640))
    if given.target is Target.EACH:
        _gallery(view, given, _covered(each_band(view, given, result), covered))


def _covered(stages: Sequence[Stage], covered: bool) -> list[Stage]:
    return [replace(stage, covered=covered) for stage in stages]


def _gallery(view: View, given: Setting, stages: Sequence[Stage]) -> None:
    """The results of all bands, small; a click looks at one."""
    st.markdown(f"**{how_many(view, given).capitalize()}**")
    strip(
        stages,
        "kernel_bands",
        crs=view.crs,
        hint="Click a picture to look at that band above.",
        room=Room(least="10rem", height=320, shared=_one_scale(stages), gallery=True),
        on_pick=lambda: look_at(given.bands[st.session_state["kernel_bands"]["pick"]["stage"]]),
    )


def how_many(view: View, given: Setting) -> str:
    """How many of the scene's bands the kernel is applied to, in words."""
    used, there = len(given.bands), len(view.scene.band_names)
    return "every band" if used == there else f"{used} of {render.number(there)} bands"


def _one_scale(stages: Sequence[Stage]) -> bool:
    return len({stage.scale for stage in stages}) == 1


def displayed(show: Show, array: np.ndarray) -> np.ndarray:
    """The numbers that a result ``(rows, cols, bands)`` is shown by: its own, or those from 0 to 255."""
    return render.scaled_255(array) if show is Show.SCALE255 else array


class Coloured(NamedTuple):
    """A picture, the scale of each of its bands, and what must be said of them."""

    picture: np.ndarray
    scales: tuple[ColourScale, ...]
    note: str

    @property
    def scale(self) -> ColourScale | None:
        """The one scale of a picture of one band."""
        return self.scales[0] if len(self.scales) == 1 else None


def coloured(view: View, given: Setting, numbers: np.ndarray) -> Coloured:
    """Picture of the :func:`displayed` numbers ``(rows, cols, bands)``."""
    bands = given.bands if numbers.shape[2] > 1 else given.bands[:1]
    scales = tuple(_scale(view, given.show, numbers, band) for band in bands)
    note = _beyond(numbers, scales) if given.show is Show.INPUT else ""
    if len(scales) == 1:
        return Coloured(scales[0].indices(numbers[..., 0]), scales, note or _SCALED * (given.show is Show.SCALE255))
    ends = f"black {render.number(scales[0].low)}, white {render.number(scales[0].high)}, {scales[0].rule}"
    return Coloured(render.composite(numbers, [(scale.low, scale.high) for scale in scales]), scales, note or ends)


def _scale(view: View, show: Show, array: np.ndarray, band: str) -> ColourScale:
    if show is Show.INPUT:
        return view.grey(band)
    if show is Show.SIGNED:
        return ColourScale.signed(array)
    return ColourScale(Palette.GREY, 0, 255, f"255 · (a {MINUS} min) / (max {MINUS} min)")


def _beyond(array: np.ndarray, scales: Sequence[ColourScale]) -> str:
    low = np.array([scale.low for scale in scales], np.float32)
    high = np.array([scale.high for scale in scales], np.float32)
    share = float(((array < low) | (array > high)).mean())
    return f"{render.number(100 * share, 2)} % lie beyond the input's stretch"


def _three(view: View, given: Setting, result: Result) -> list[Stage]:
    first = composite_stage(view, given.bands) if given.target is Target.COLOUR else band_stage(view, given.bands[0])
    times = "" if given.times == 1 else f", {given.times} times"
    operation = f"{given.title}{times}"
    field = result.after.field
    smaller = field if result.after.array.shape <= result.before.shape else ReceptiveField()
    signed = replace(given, show=Show.SIGNED)
    return [
        first,
        _stage(view, given, result.after.array, field, name="Result", operation=operation),
        _stage(view, signed, result.difference, smaller, name=f"Result {MINUS} input", operation=f"{MINUS} input"),
    ]


def _stage(view: View, given: Setting, array: np.ndarray, field: ReceptiveField, *, name: str, operation: str) -> Stage:
    numbers = displayed(given.show, array)
    look = coloured(view, given, numbers)
    return Stage(
        name=name,
        operation=operation,
        picture=look.picture,
        caption=caption(array, view.metres and scaled(view.metres, field), look.note),
        alt=f"{name}: {render.size(*array.shape[:2])} pixels, {render.span(*render.value_range(array))}.",
        scale=look.scale,
        channels=() if look.scale else list(zip(given.bands, look.scales, strict=True)),
        cells=cells(numbers[..., 0]) if look.scale else None,
        field=field,
        transform=field.place(view.transform) if view.on_ground else None,
    )


def each_band(view: View, given: Setting, result: Result) -> list[Stage]:
    """One picture per band; signed results share one scale, so that bands can be compared."""
    shared = ColourScale.signed(result.after.array)
    stages = []
    for index, band in enumerate(given.bands):
        array = result.after.array[..., index : index + 1]
        alone = replace(given, bands=(band,))
        stage = _stage(view, alone, array, result.after.field, name=band, operation="")
        if given.show is Show.SIGNED:
            stage = replace(stage, picture=shared.indices(array[..., 0]), scale=shared)
        stages.append(stage)
    return stages


def _window(result: Result, asked: tuple[int, int]) -> Mark:
    top, left, bottom, right = result.after.field.box(*asked)
    return Mark(top, left, bottom - top, right - left)
