"""How a run goes through a scene within a memory budget: strips of rows, chunks of columns, cells that are read.

The scene is read once, from top to bottom, in cells of whole blocks. A strip of the result is computed as soon as the
rows that it needs are read; those that the next strip needs too are kept, not read again. Every strip is computed in
chunks of columns, each a :class:`cnnviz.tiles.Tile`. Larger cells compute fewer pixels twice where a network is deep;
smaller ones need less memory.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import ProcessError
from cnnviz.layers import Conv2D, Network
from cnnviz.padding import Axis, Border
from cnnviz.sources import Imagery
from cnnviz.tiles import trace
from cnnviz.windows import Window

TILE = 512
"""Side of the output's blocks, in pixels: chunks end there where they can."""

_CACHE = 64 * 2**20  # GDAL's own, see cnnviz.gdal
_NUMBER = 4  # bytes of a float32
_SPARE = 1.5  # what a layer and a read hold for themselves, on top of input and result
_LEAST_ROWS, _STEPS = 64, 5
_WIDEST_FRAME = 64  # columns: to copy more of the neighbours is no better than to copy the window
# What a row of a window costs beside its pixels, in pixels: seams are read, filtered and written piece by piece.
_SEAM = 50
_GOOD = 1.05  # what is faster by less is not worth more memory
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}
_MEMORY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMG]I?)?B?\s*", re.IGNORECASE)


def memory_bytes(value: str | int) -> int:
    """Bytes of a budget such as ``"512MB"``, ``"1.5 GiB"`` or a whole number. Raises ProcessError.

    >>> memory_bytes("512MB"), memory_bytes("1GiB"), memory_bytes(10**8)
    (512000000, 1073741824, 100000000)
    """
    found = _MEMORY.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if not found:
        raise ProcessError(f"received memory {value!r:.40}: a size such as 512MB or 2GB is expected")
    return int(float(found[1]) * _UNITS[(found[2] or "").upper()])


def worker_count(value: int | None) -> int:
    """Threads to use: as given, or one per core. Raises ProcessError.

    >>> worker_count(3)
    3
    """
    if value is None:
        return os.cpu_count() or 1
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1024:
        raise ProcessError(f"received {value!r:.40} workers: a whole number from 1 to 1024 is expected")
    return value


class Strip(NamedTuple):
    """Output rows ``[first, last)`` and the input rows ``[start, stop)`` that they need, new ones from ``fresh`` on."""

    first: int
    last: int
    start: int
    fresh: int
    stop: int


class Chunk(NamedTuple):
    """Output columns ``[first, last)`` and the input columns ``[start, stop)`` that they need."""

    first: int
    last: int
    start: int
    stop: int


@dataclass(frozen=True)
class Plan:
    """How a run goes through a scene; ``cells`` are the columns that are read together.

    ``memory`` is the most that it holds, in bytes, beside what the program itself takes; ``effort`` is the work for
    each useful output, 1 where nothing is done twice and there are no seams.
    """

    strips: tuple[Strip, ...]
    chunks: tuple[Chunk, ...]
    cells: tuple[tuple[int, int], ...]
    workers: int
    memory: int
    effort: float

    @property
    def speed(self) -> float:
        """Useful work at one time."""
        return self.workers / self.effort

    @property
    def frame(self) -> tuple[int, int]:
        """Columns to keep free left and right of a cell for its neighbours' pixels."""
        return frame_of(self.chunks, self.cells)

    def window(self, strip: Strip, chunk: Chunk) -> Window:
        """Part of the result that one task computes."""
        return Window(strip.first, chunk.first, strip.last - strip.first, chunk.last - chunk.first)

    def windows(self) -> Iterator[Window]:
        """All parts of the result, in the order in which they are computed."""
        return (self.window(strip, chunk) for strip in self.strips for chunk in self.chunks)


def strips_of(
    network: Network, axes: Sequence[Axis], height: int, part: tuple[int, int] | None = None
) -> tuple[Strip, ...]:
    """Strips of a scene that is read ``height`` rows at a time; ``axes`` are the layers' row axes.

    With ``part`` only output rows ``[first, last)`` are wanted, and reading begins at the last block before them.

    >>> edges = Network([Conv2D("sobel_vertical", padding="same")])
    >>> [tuple(strip[:3]) for strip in strips_of(edges, [rows for rows, _ in edges.axes((20, 9))], 8)]
    [(0, 7, 0), (7, 15, 6), (15, 20, 14)]
    """
    found: list[Strip] = []
    size = axes[0].size
    first, total = part or (0, axes[-1].out)
    fresh = _needs(network, axes, first, first + 1)[0] // height * height if first else 0
    for edge in range(fresh + height, size + height, height):
        last = total
        if edge < size:
            last = bisect_right(range(total), edge, lo=first, key=lambda row: _needs(network, axes, first, row + 1)[1])
        if last > first:
            start, stop = _needs(network, axes, first, last)
            found.append(Strip(first, last, start, fresh, edge if edge < size else stop))
            first, fresh = last, edge
        if first == total:
            break
    return tuple(found)


def _needs(network: Network, axes: Sequence[Axis], first: int, last: int) -> tuple[int, int]:
    seen = trace(network.layers, axes, first, last)[0]
    return seen.start, seen.stop


def chunks_of(
    network: Network, axes: Sequence[Axis], width: int, part: tuple[int, int] | None = None
) -> tuple[Chunk, ...]:
    """Chunks of ``width`` output columns, of ``part`` alone where given; ``axes`` are the layers' column axes."""
    first, last = part or (0, axes[-1].out)
    edges = [*range(first, last, width), last]
    return tuple(Chunk(a, b, *_needs(network, axes, a, b)) for a, b in pairwise(edges))


def frame_of(chunks: Sequence[Chunk], cells: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Columns that chunks need left and right of the cell in which their middle lies; none where they are many.

    >>> frame_of([Chunk(0, 4, 0, 5), Chunk(4, 8, 3, 8)], [(0, 4), (4, 8)])
    (1, 1)
    """
    left = right = 0
    for chunk in chunks:
        start, stop = next((a, b) for a, b in cells if (chunk.start + chunk.stop) // 2 < b)
        left, right = max(left, start - chunk.start), max(right, chunk.stop - stop)
    return (left, right) if max(left, right) <= _WIDEST_FRAME else (0, 0)


def plan_run(network: Network, imagery: Imagery, *, memory: int, workers: int, part: Window | None = None) -> Plan:
    """The fastest plan that fits into ``memory`` bytes, with up to so many ``workers``.

    With ``part`` only these pixels of the result are computed. Raises ProcessError that says how much would do,
    GeometryError where the network does not fit the scene.
    """
    options = list(_options(network, imagery, part))
    plans = [option.plan(count) for option in options for count in range(1, workers + 1)]
    fitting = [plan for plan in plans if plan.memory <= memory]
    if fitting:
        fastest = max(plan.speed for plan in fitting)
        return min((plan for plan in fitting if plan.speed * _GOOD >= fastest), key=lambda plan: plan.memory)
    least = ceil(min(plan.memory for plan in plans) / 1e6)
    raise ProcessError(
        f"received memory {memory / 1e6:,.0f} MB: one window of {imagery.name} takes {least:,} MB with this network; "
        f"give {least}MB or more{_hint(network)}"
    )


def _hint(network: Network) -> str:
    wraps = any(isinstance(layer, Conv2D) and layer.border is Border.WRAP for layer in network.layers)
    return ", or another border than wrap, which joins opposite sides of the scene" if wraps else ""


def in_flight(workers: int) -> int:
    """Reads, and computations, that are under way or waiting at one time.

    >>> in_flight(2)
    3
    """
    return workers + 1


@dataclass(frozen=True)
class _Option:
    """A way through the scene, before it is said how many work on it; ``task`` and ``block`` are bytes for each."""

    strips: tuple[Strip, ...]
    chunks: tuple[Chunk, ...]
    cells: tuple[tuple[int, int], ...]
    bands: int
    task: int
    block: int
    effort: float

    def plan(self, workers: int) -> Plan:
        """The same with so many workers."""
        pixel = self.bands * _NUMBER
        width = max(b - a for a, b in self.cells) + sum(frame_of(self.chunks, self.cells))
        cell = max(s.stop - min(s.start, s.fresh) for s in self.strips) * width * pixel
        spanned = max(sum(a < chunk.stop and b > chunk.start for a, b in self.cells) for chunk in self.chunks)
        kept = max(max(s.fresh - s.start, 0) for s in self.strips) * (self.cells[-1][1] - self.cells[0][0]) * pixel
        # Cells being read or read ahead, and those held for what is being computed or comes next.
        held = 2 * in_flight(workers) + spanned + workers * (_SPARE - 1)
        memory = max(_CACHE, workers * self.block) + held * cell + 2 * kept + workers * self.task
        return Plan(self.strips, self.chunks, self.cells, workers, int(memory), self.effort)


def _options(network: Network, imagery: Imagery, part: Window | None) -> Iterator[_Option]:
    shape = imagery.shape
    window = part or Window(0, 0, *network.output_shape(shape)[:2])
    pairs = network.axes(shape)
    rows, cols = ([pair[axis] for pair in pairs] for axis in (0, 1))
    maps = np.array([shape[2], *(len(names) for names in network.labels(shape[2]))])
    share = window.rows * window.cols / (rows[-1].out * cols[-1].out)
    useful = np.sum([a.out * b.out for a, b in pairs] * maps[1:]) * share
    lines, columns = (window.row, window.row + window.rows), (window.col, window.col + window.cols)
    ways_down = [(height, strips_of(network, rows, height, lines)) for height in _heights(imagery)]
    ways_across = [(width, chunks_of(network, cols, width, columns)) for width in _widths(network, shape)]
    tall = [_sizes(network, rows, strips) for _, strips in ways_down]
    wide = [_sizes(network, cols, chunks) for _, chunks in ways_across]
    for (height, strips), down in zip(ways_down, tall, strict=True):
        again = max(1.0, imagery.block[0] / height)  # blocks that are cut are read again by the next strip
        for (width, chunks), across in zip(ways_across, wide, strict=True):
            held = down.max(axis=0) * across.max(axis=0) * maps
            done = np.sum((down.sum(axis=0) * (across.sum(axis=0) + _SEAM * len(chunks)) * maps)[1:])
            cells = _cells(chunks, imagery, width * network.receptive_field().jump[1])
            task = int(_SPARE * _NUMBER * np.max(held[:-1] + held[1:]))
            yield _Option(strips, chunks, cells, shape[2], task, imagery.block_bytes, float(again * done / useful))


def _sizes(network: Network, axes: Sequence[Axis], pieces: Sequence[Strip] | Sequence[Chunk]) -> NDArray[np.int64]:
    """Pixels along one axis that each piece has before every layer, and behind the last: (pieces, layers + 1)."""
    return np.array(
        [
            [part.size for part in trace(network.layers, axes, piece.first, piece.last)] + [piece.last - piece.first]
            for piece in pieces
        ]
    )


def _heights(imagery: Imagery) -> list[int]:
    """Rows that may be read together: whole blocks, or parts of tall ones."""
    rows, block = imagery.shape[0], imagery.block[0]
    least = block * ceil(_LEAST_ROWS / block)
    whole = [least * 2**step for step in range(_STEPS)]
    parts = [block // 2**step for step in range(1, _STEPS) if block // 2**step >= _LEAST_ROWS]
    return [height for height in [*whole, *parts] if height < 2 * max(rows, _LEAST_ROWS)] or [rows]


def _widths(network: Network, shape: Sequence[int]) -> list[int]:
    """Output columns that may be computed together."""
    cols, jump = network.output_shape(shape)[1], network.receptive_field().jump[1]
    widths = {max(1, TILE * 2**step // jump) for step in range(_STEPS)}
    return sorted(width for width in widths if width < 2 * cols) or [cols]


def _cells(chunks: Sequence[Chunk], imagery: Imagery, wanted: int) -> tuple[tuple[int, int], ...]:
    """Columns that are read together: whole blocks, about as wide as what a chunk needs."""
    block, end = imagery.block[1], max(chunk.stop for chunk in chunks)
    width = block * max(1, round(wanted / block))
    edges = [*range(min(chunk.start for chunk in chunks) // block * block, end, width), end]
    return tuple(pairwise(edges))
