"""A few windows close up: every cell with its number, and which of them each pooling took."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnviz.geometry import inputs
from cnnviz.layers import PoolMode
from cnnviz.padding import Axis, Pads
from cnnviz.pooling import winners
from cnnviz.render import ColourScale
from cnnviz.ui.browser import component
from cnnviz.ui.cells import cells
from cnnviz.ui.experiments import spot
from cnnviz.ui.experiments.pooling import MODES, Result
from cnnviz.ui.experiments.pooling_pictures import shared_scale
from cnnviz.ui.view import View

_close = component("pooling", '<div class="pooling"></div>')

#: Input cells along a side, about, and windows at least and at most.
_CELLS, _FEWEST, _MOST = 10, 2, 5


@dataclass(frozen=True, eq=False)
class Region:
    """Neighbouring windows: their places among the outputs, and the part of the map that they see.

    ``cells`` ``(rows, cols)`` are those of the map alone; ``pads`` is how much padding the windows see around them, and
    ``first`` the row and column of the first cell, padding included.
    """

    blocks: tuple[slice, slice]
    cells: np.ndarray
    pads: Pads
    first: tuple[int, int]

    @property
    def padded(self) -> np.ndarray:
        """The cells with their padding, which is NaN."""
        return np.pad(self.cells, self.pads, constant_values=np.nan)


def region(source: np.ndarray, axes: tuple[Axis, Axis], at: tuple[int, int]) -> Region:
    """The windows around input ``at`` (row, col), as many as can be read."""
    blocks, cuts, pads, firsts = [], [], [], []
    for axis, place in zip(axes, at, strict=True):
        block = _block(axis, place)
        first, end = inputs(axis, block.start, block.stop)
        pads.append((max(-first, 0), max(end - axis.size, 0)))
        cuts.append(slice(max(first, 0), min(end, axis.size)))
        blocks.append(block)
        firsts.append(first)
    rows, cols = cuts
    return Region((blocks[0], blocks[1]), source[rows, cols], (pads[0], pads[1]), (firsts[0], firsts[1]))


def _block(axis: Axis, at: int) -> slice:
    count = min(max((_CELLS - axis.kernel) // axis.stride + 1, _FEWEST), _MOST, axis.out)
    middle = min((at + axis.before) // axis.stride, axis.out - 1)
    first = min(max(middle - count // 2, 0), axis.out - count)
    return slice(first, first + count)


def show(view: View, result: Result) -> None:
    """The windows around the chosen pixel; pointing at a result shows its window and the cell that won."""
    at = spot.place(view, spot.strongest(result.source.array[..., 0]))
    data = close_up(view, result, at)
    data["version"] = hashlib.blake2b(repr(data).encode(), digest_size=8).hexdigest()
    _close(key="pooling_close", data=data)


def close_up(view: View, result: Result, at: tuple[int, int]) -> dict[str, Any]:
    """What the component draws of the windows around ``at`` (row, col); ``first`` is in pixels of the scene."""
    found = region(result.source.array[..., 0], result.axes, at)
    scale = shared_scale(view, result)
    (top, _), (left, _) = found.pads
    return {
        "name": result.source.name,
        "input": cells(found.padded, scale),
        "inside": (top, left, *found.cells.shape),
        "maps": [_map(result, found, mode, scale) for mode in MODES],
        "size": result.given.size,
        "stride": result.given.stride,
        "first": (found.first[0] + view.window.row, found.first[1] + view.window.col),
    }


def _map(result: Result, found: Region, mode: PoolMode, scale: ColourScale) -> dict[str, Any]:
    """One pooled map in cells, with the winner of each in rows and columns of the padded region."""
    pooled = result.pooled[mode].array[(*found.blocks, 0)]
    spec = {"name": MODES[mode], "winners": None, **cells(pooled, scale)}
    if mode is not PoolMode.AVERAGE:
        won = winners(found.cells, result.given.size, mode=mode, stride=result.given.stride, padding=found.pads)
        (top, _), (left, _) = found.pads
        spec["winners"] = np.where(won < 0, -1, won + np.array([top, left])).tolist()
    return spec
