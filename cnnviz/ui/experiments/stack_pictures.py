"""Every layer's maps in one strip, and one pixel of the last map with all that it saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import streamlit as st

from cnnviz import render
from cnnviz.layers import FeatureMap
from cnnviz.padding import plan
from cnnviz.render import ColourScale
from cnnviz.ui.experiments import spot, stack_facts
from cnnviz.ui.experiments.stack import ALL_MAPS, MAX_SHOWN, Scope, Setting, preset_of
from cnnviz.ui.maps import band_stage, composite_stage, group_scales, map_stage
from cnnviz.ui.page import beside
from cnnviz.ui.pictures import Mark, Room, Stage, strip
from cnnviz.ui.view import View

STRIP = "stack_strip"
Place = tuple[int, int]
#: Longest side of a picture where many stand side by side, and where very many do; larger maps show every second
#: pixel, or fewer.
_SMALL, _TINY, _VERY_MANY = 256, 128, 24
#: How much of the scene is shown around a receptive field, in its sizes, and at least in pixels.
_AROUND, _LEAST = 2.0, 24
#: Width in rem that a row of pictures may count on, and how many share it at most.
_ROW, _IN_A_ROW = 56, 8


def show(view: View, given: Setting, maps: Sequence[FeatureMap], number: int, *, covered: bool) -> None:
    """The strip, and below it what one pixel of layer ``number``, counted from 0, saw."""
    at = spot.place(view, place(maps))
    _show_strip(view, given, maps, at, covered=covered)
    close, facts = beside(300)
    with close:
        spot.field()
        if not covered:
            _show_close(view, given, maps[: number + 1], at)
    with facts:
        if not covered:
            stack_facts.show(view, given, maps)


def _show_strip(view: View, given: Setting, maps: Sequence[FeatureMap], at: Place, *, covered: bool) -> None:
    shown = [replace(stage, covered=covered) for stage in stages(view, given, maps)]
    if len(shown) >= _IN_A_ROW:
        side = _SMALL if len(shown) <= _VERY_MANY else _TINY
        shown = [_thinned(view, stage, side) for stage in shown]
    shown = [replace(_scene(view, given), boxes=() if covered else [box(maps[-1], at)]), *shown]
    picker = spot.picker(view, [stage.field for stage in shown], STRIP)
    # One row where that leaves pictures of some size; rows of equal pictures where it does not.
    least, height = (f"{_ROW / len(shown):.2f}rem", 360) if len(shown) <= _IN_A_ROW else ("8rem", 180)
    strip(shown, STRIP, crs=view.crs, room=Room(least=least, height=height), hint=_HINT, on_pick=picker)
    if preset := preset_of(given):
        st.caption(f"{preset.title}. {preset.about}")
    if given.shown == ALL_MAPS and any(found.array.shape[2] > MAX_SHOWN for found in maps):
        st.caption(f"Of layers with more maps than {MAX_SHOWN}, the first {MAX_SHOWN} are shown; files hold them all.")


_HINT = "Point at a pixel: the same place is marked in every picture, and what it saw on the scene. Click to keep it."


def channels(found: FeatureMap, shown: int) -> list[int]:
    """Which maps of a layer are shown, from 0: all, or one; a layer with fewer shows its last."""
    count = found.array.shape[2]
    return list(range(min(count, MAX_SHOWN))) if shown == ALL_MAPS else [min(shown, count) - 1]


def map_scales(maps: Sequence[FeatureMap], scope: Scope) -> list[list[ColourScale]]:
    """Colour scale of every map of every layer."""
    if scope is Scope.MAP:
        return [[ColourScale.signed(found.array[..., i]) for i in range(found.array.shape[2])] for found in maps]
    if scope is Scope.GROUP:
        scales = group_scales(maps)
        chosen = [_shared(scales[found.group], maps, found.group) for found in maps]
    elif scope is Scope.LAYER:
        chosen = [ColourScale.signed(found.array) for found in maps]
    else:
        chosen = [_named(ColourScale.signed(*(found.array for found in maps)), "all layers")] * len(maps)
    return [[scale] * found.array.shape[2] for scale, found in zip(chosen, maps, strict=True)]


def _shared(scale: ColourScale, maps: Sequence[FeatureMap], group: int) -> ColourScale:
    numbers = [number for number, found in enumerate(maps, 1) if found.group == group]
    return scale if len(numbers) == 1 else _named(scale, f"layers {numbers[0]}–{numbers[-1]}")


def _named(scale: ColourScale, sharers: str) -> ColourScale:
    return replace(scale, rule=f"{scale.rule}; one scale for {sharers}")


def _scene(view: View, given: Setting) -> Stage:
    bands = given.network.bands or ()
    return composite_stage(view, bands) if len(bands) == 3 else band_stage(view, bands[0])


def stages(view: View, given: Setting, maps: Sequence[FeatureMap]) -> Iterator[Stage]:
    """One picture per map that is shown; the first of each layer names the operation that leads to it."""
    scales = map_scales(maps, given.scope)
    for layer, found in enumerate(maps):
        shown = channels(found, given.shown)
        for channel in shown:
            name = found.channels[channel] if found.array.shape[2] > 1 else found.name
            operation = found.name if channel == shown[0] else ""
            yield map_stage(view, found, scales[layer][channel], channel=channel, name=name, operation=operation)


def _thinned(view: View, stage: Stage, side: int) -> Stage:
    """Every n-th pixel of a large picture, in its true place."""
    rows, cols = stage.picture.shape[:2]
    step = -(-max(rows, cols) // side)
    if step == 1:
        return stage
    thinned = stage.field.then(plan((rows, cols), 1, stride=step))
    return replace(
        stage,
        picture=stage.picture[::step, ::step],
        caption=f"{stage.caption} · every {step}{'nd' if step == 2 else 'rd' if step == 3 else 'th'} pixel drawn",
        field=thinned,
        transform=thinned.place(view.transform) if view.on_ground else None,
    )


def place(maps: Sequence[FeatureMap]) -> Place:
    """The pixel of the window at the centre of what the strongest pixel of the last map saw."""
    last = maps[-1]
    y, x = last.field.centre(*spot.strongest(last.array[..., 0]))
    return int(y), int(x)


def pixel(found: FeatureMap, at: Place) -> Place:
    """The pixel of a map that lies nearest to a pixel of the window."""
    sizes, field = found.array.shape[:2], found.field
    places = ((p + 0.5 - offset) // jump for p, offset, jump in zip(at, field.offset, field.jump, strict=True))
    row, col = (min(max(int(place), 0), size - 1) for place, size in zip(places, sizes, strict=True))
    return row, col


def box(found: FeatureMap, at: Place) -> Mark:
    """What the map's pixel at a place of the window saw, in pixels of the window."""
    top, left, bottom, right = found.field.box(*pixel(found, at))
    return Mark(top, left, bottom - top, right - left)


def _show_close(view: View, given: Setting, maps: Sequence[FeatureMap], at: Place) -> None:
    """The scene around that pixel, with what one pixel of each of these layers saw."""
    marks = [box(found, at) for found in maps]
    rows, cols = _around(marks[-1], view)
    number, last, stage = len(maps), maps[-1], _scene(view, given)
    row, col = pixel(last, at)
    value = render.number(float(last.array[row, col, 0]))
    closer = replace(
        stage,
        name=f"Layer {number} sees {stack_facts.seen(view, last)}",
        picture=stage.picture[rows, cols],
        caption=f" · here its pixel ({row}, {col}), {value}; smaller boxes: the layers before",
        alt=f"The scene around one pixel of layer {number}, with a box for what each layer up to it sees.",
        boxes=[replace(mark, row=mark.row - rows.start, col=mark.col - cols.start) for mark in marks],
        transform=None,
    )
    strip([closer], "stack_close", room=Room(least="12rem", height=300), hint="")


def _around(mark: Mark, view: View) -> tuple[slice, slice]:
    """Part of the window around a box, at least :data:`_LEAST` pixels a side where there are so many."""
    parts = []
    for start, size, most in ((mark.row, mark.rows, view.window.rows), (mark.col, mark.cols, view.window.cols)):
        side = min(max(int(size * _AROUND), _LEAST), most)
        first = min(max(int(start + size / 2 - side / 2), 0), most - side)
        parts.append(slice(first, first + side))
    return parts[0], parts[1]
