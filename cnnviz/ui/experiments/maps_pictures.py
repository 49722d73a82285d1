"""The maps of a layer beside the input: one montage on one scale, and what one cell of it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.geometry import Box
from cnnviz.layers import FeatureMap
from cnnviz.map_facts import MapFacts, facts, sparsity
from cnnviz.render import ColourScale
from cnnviz.ui.experiments import maps_inputs, spot
from cnnviz.ui.experiments.maps import AT, FILTER, Setting
from cnnviz.ui.experiments.stack import Scope
from cnnviz.ui.experiments.stack_pictures import map_scales
from cnnviz.ui.maps import scaled
from cnnviz.ui.pictures import Mark, Room, Stage, caption, strip
from cnnviz.ui.words import plain

STRIP = "maps_strip"
MAX_SHOWN = 32
_ROW = 16
#: Width in rem that a row of pictures may count on, and how many share it at most.
_WIDTH, _IN_A_ROW = 58, 8
Place = tuple[int, int]


def show(given: Setting, *, covered: bool) -> None:
    """The montage, and in words the cell that was clicked."""
    scales = chosen_scales(given)
    at = place(given.found)
    box = given.seen(*at)
    shown = [maps_inputs.stage(given.image, () if covered else marks(box)), *stages(given, scales, covered=covered)]
    shared = given.scope is not Scope.MAP
    least = f"{_WIDTH / min(max(len(shown), 4), _IN_A_ROW) - 0.5:.2f}rem"
    room = Room(least=least, height=260, shared=shared, gallery=len(shown) > 2)
    strip(shown, STRIP, room=room, hint=_HINT, on_pick=partial(_choose, given.found.array.shape[:2] == (1, 1)))
    st.caption(f"Input: {plain(given.image.note)}.")
    if not covered:
        st.markdown(summary(given.found))
        st.markdown(cell_words(given, at, box))


_HINT = "Point at a cell: the same place is marked in every map, and what it saw on the input. Click to keep it."


def chosen_scales(given: Setting) -> list[ColourScale]:
    """A scale for every map of the layer: of this image, or the one that was kept from an earlier image."""
    kept: dict[str, tuple[str, list[ColourScale]]] = st.session_state.setdefault("_maps_scales", {})
    key = f"{given.subject.name} {given.layer} {given.scope}"
    if not given.keep or key not in kept:
        kept[key] = given.image.key, map_scales(given.maps, given.scope)[given.layer]
    image, scales = kept[key]
    if image == given.image.key:
        return scales
    return [replace(scale, rule=f"{scale.rule.split(';')[0]}; kept from another image") for scale in scales]


def stages(given: Setting, scales: Sequence[ColourScale], *, covered: bool = False) -> list[Stage]:
    """One picture per map, up to a few; values without a place stand in rows of one picture."""
    found = given.found
    if found.array.shape[:2] == (1, 1):
        return [_vector(given, scales[0], covered=covered)]
    known = facts(found)
    count = min(found.array.shape[2], MAX_SHOWN)
    return [_map(given, n, scales[n], known[n], covered=covered) for n in range(count)]


def _map(given: Setting, number: int, scale: ColourScale, known: MapFacts, *, covered: bool) -> Stage:
    found, metres = given.found, given.image.metres
    array = found.array[..., number]
    name = found.channels[number] + (" · dead" if known.dead else "")
    zeros = f"{render.number(100 * known.zeros, 2)} % zeros" if known.zeros else ""
    return Stage(
        name=("▸ " if number == given.channel and found.array.shape[2] > 1 else "") + name,
        picture=scale.indices(array),
        caption=caption(array, metres and scaled(metres, found.field), zeros),
        alt=f"{found.name}, {name}: {render.span(known.low, known.high)}, {zeros or 'no zeros'}.",
        scale=scale,
        cells=array.round(2) if max(array.shape) <= 6 else None,
        field=found.field,
        transform=None if given.image.transform is None else found.field.place(given.image.transform),
        covered=covered,
    )


def _vector(given: Setting, scale: ColourScale, *, covered: bool) -> Stage:
    """Values that have no place any more, in rows of one picture."""
    values = given.found.array.ravel()
    width = min(len(values), _ROW)
    grid = np.full((-(-len(values) // width), width), np.nan, np.float32)
    grid.ravel()[: len(values)] = values
    return Stage(
        name=f"{len(values)} values, {width} in a row",
        picture=scale.indices(grid),
        caption=caption(values[None], None, "each sees the whole image"),
        alt=f"{given.found.name}: {len(values)} values, {render.span(*render.value_range(values))}.",
        scale=scale,
        cells=grid if len(values) <= _ROW else None,
        covered=covered,
    )


def summary(found: FeatureMap) -> str:
    """Size, sparsity and dead maps of a layer, in one line."""
    rows, cols, maps = found.array.shape
    dead = [str(n) for n, known in enumerate(facts(found), 1) if known.dead]
    said = f"dead here: {', '.join(dead)}" if dead else "none dead here"
    more = f" · the first {MAX_SHOWN} shown" if maps > MAX_SHOWN and (rows, cols) != (1, 1) else ""
    zeros = render.number(100 * sparsity(found), 3)
    return f"**{found.name}** · {maps} maps of {render.size(rows, cols)} · {zeros} % zeros · {said}{more}"


def place(found: FeatureMap) -> Place:
    """The cell that was clicked, or the strongest; (row, col) of the maps."""
    rows, cols, _ = found.array.shape
    row, col = spot.read(st.session_state.get(AT, "")) or (rows, cols)
    if row >= rows or col >= cols:
        strength = np.where(np.isfinite(found.array), np.abs(found.array), -1).max(axis=2)
        row, col = divmod(int(strength.argmax()), cols)
    return int(row), int(col)


def _choose(vector: bool) -> None:
    """A click in a map chooses the map and the cell; one on the input chooses nothing."""
    picked = st.session_state[STRIP]["pick"]
    if not picked["stage"]:
        return
    if vector:
        st.session_state[FILTER] = picked["row"] * _ROW + picked["col"] + 1
    else:
        st.session_state[FILTER] = picked["stage"]
        st.session_state[AT] = f"{picked['row']}, {picked['col']}"


def marks(box: Box | None) -> tuple[Mark, ...]:
    """What a cell saw, as a box on the input; none where it saw nothing but padding."""
    return () if box is None else (Mark(box.top, box.left, box.bottom - box.top, box.right - box.left),)


def cell_words(given: Setting, at: Place, box: Box | None) -> str:
    """Value of the cell in the chosen map, and its receptive field in pixels and in metres."""
    found = given.found
    value = render.number(float(found.array[at[0], at[1], given.channel]))
    name = plain(found.channels[given.channel])
    return f"Cell row {at[0]}, column {at[1]}: **{value}** in {name} · {_saw(given, box)}"


def _saw(given: Setting, box: Box | None) -> str:
    if box is None:
        return "it saw nothing but padding"
    size = box.bottom - box.top, box.right - box.left
    seen = f"rows {box.top:g}–{box.bottom - 1:g}, columns {box.left:g}–{box.right - 1:g} of the input"
    ground = ""
    if given.image.metres:
        down, across = (render.number(n * m) for n, m in zip(size, given.image.metres, strict=True))
        ground = f" = {down} × {across} m"
    joined = ", through all branches together" if _joins(given) else ""
    return f"it saw {seen}, {size[0]:g} × {size[1]:g} px{ground}{joined}"


def _joins(given: Setting) -> bool:
    """Whether branches join on the way from the image to the layer."""
    model = given.subject.opened
    return any(len(model.takes[number]) > 1 for number in model.way(given.layer))
