"""When the scene shifts by a few pixels: how far each pooled map moves, and how much of it stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import streamlit as st

from cnnviz.errors import GeometryError
from cnnviz.layers import PoolMode, ReceptiveField
from cnnviz.render import ColourScale, number
from cnnviz.translation import Movement, change, movement, shifted
from cnnviz.ui import link
from cnnviz.ui.experiments.pooling import MODES, Result
from cnnviz.ui.experiments.pooling_pictures import shared_scale
from cnnviz.ui.maps import map_stage
from cnnviz.ui.pictures import Room, strip
from cnnviz.ui.view import View


class Way(StrEnum):
    """Where the scene goes."""

    RIGHT = "right"
    DOWN = "down"
    BOTH = "both"


WAYS = {Way.RIGHT: "to the right", Way.DOWN: "down", Way.BOTH: "right and down"}
_STEPS = {Way.RIGHT: (0, 1), Way.DOWN: (1, 0), Way.BOTH: (1, 1)}


@dataclass(frozen=True)
class Shifted:
    """One way of making a map smaller: what it gives before and after the shift, and how that has moved."""

    name: str
    before: np.ndarray
    after: np.ndarray
    movement: Movement


def show(view: View, result: Result) -> bool:
    """The pooled map before and after, their difference, and the figures for all ways of pooling.

    Returns whether, after a shift of 2 pixels or more, over a third of the largest numbers are still the same.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pixels = link.slide("Shift the scene by", 1, 4, 1, "pool_shift", format="%d px", width=220)
        way = link.switch("Direction", WAYS, "pool_way")
        mode = link.switch("Look at", MODES, "pool_mode")
    bare, maps = measure(result, pixels, way)
    _pictures(view, result, next(found for found in maps if found.name == MODES[mode]))
    _table(result, bare, maps, pixels)
    return pixels >= 2 and maps[0].movement.unchanged > 1 / 3


def measure(result: Result, pixels: int, way: Way) -> tuple[float, list[Shifted]]:
    """How much the map itself changes under the shift, and what the three poolings and plain striding make of it."""
    step, stride = _STEPS[way], result.given.stride
    source = result.source.array[..., 0]
    try:
        old, new = shifted(source, (step[0] * pixels, step[1] * pixels))
        pairs = {
            name: [result.given.pool(mode).apply(cut[..., None])[..., 0] for cut in (old, new)]
            for mode, name in MODES.items()
        }
    except GeometryError:
        raise GeometryError(
            f"The map of {source.shape[0]} × {source.shape[1]} pixels is too small to be shifted by {pixels} and "
            "pooled again; choose a larger window on the scene or a smaller shift."
        ) from None
    pairs[_strided(stride)] = [old[::stride, ::stride], new[::stride, ::stride]]
    reach = pixels / stride
    return change(old, new), [
        Shifted(name, before, after, movement(before, after, direction=step, reach=reach))
        for name, (before, after) in pairs.items()
    ]


def _strided(stride: int) -> str:
    return "no pooling" if stride == 1 else f"no pooling, every {stride}{_ORDINALS.get(stride, 'th')} pixel"


_ORDINALS = {2: "nd", 3: "rd"}


def _pictures(view: View, result: Result, found: Shifted) -> None:
    pooled = result.pooled[PoolMode(found.name)]
    scale = shared_scale(view, result)
    difference = found.after - found.before
    spread = ColourScale.signed(difference, *([found.before] if result.given.signed else []))
    before, after = (replace(pooled, array=array[..., None]) for array in (found.before, found.after))
    gap = replace(pooled, array=difference[..., None])
    stages = [
        map_stage(view, before, scale, name="Before", operation="", transform=None),
        map_stage(view, after, scale, name="After the shift", operation="the scene moves", transform=None),
        map_stage(view, gap, spread, name="After − before", operation="− before", transform=None),
    ]
    strip([replace(stage, field=ReceptiveField()) for stage in stages], "pooling_shift", room=Room(least="14rem"))


def _table(result: Result, bare: float, maps: list[Shifted], pixels: int) -> None:
    stride = result.given.stride
    rows: dict[str, list[str]] = {
        "": [found.name for found in maps],
        "Moves, in its own cells": [number(round(found.movement.cells, 2)) for found in maps],
        "Cells with the same number": [_percent(found.movement.unchanged) for found in maps],
        "Change": [_percent(found.movement.change) for found in maps],
        "Tolerance": [number(round(found.movement.tolerance(bare), 2)) for found in maps],
    }
    st.table(rows, border="horizontal", hide_index=True)
    st.caption(
        f"A shift of {pixels} px is {number(pixels / stride)} cells of the map. **Moves**: the shift, interpolated "
        "between cells, that brings the map before closest to the map after. **Change**: root mean square difference, "
        f"100 % for two unrelated maps; for what is pooled it is {_percent(bare)}. **Tolerance**: 1 − change / that, "
        "1 for a map that holds still, 0 for one that changes as much as its input."
    )


def _percent(share: float) -> str:
    return "no data" if np.isnan(share) else f"{number(100 * share, 3)} %"
