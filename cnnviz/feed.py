"""Reads a scene once, from top to bottom, and computes the result's windows on the way, on several threads.

Reading runs ahead of computing by a few cells. Rows that the next strip needs again are kept in memory. What is held at
one time is what :mod:`cnnviz.budget` counts.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import zip_longest
from math import prod
from typing import NamedTuple

import numpy as np

from cnnviz.budget import Chunk, Plan, Strip, in_flight
from cnnviz.layers import Network
from cnnviz.reader import Reader
from cnnviz.tiles import tile
from cnnviz.weights import Array
from cnnviz.windows import Window

Write = Callable[[Window, Array], None]


class Cell(NamedTuple):
    """Pixels ``(bands, rows, cols)`` of a strip's new rows, from column ``left`` on, and the memory they lie in.

    ``framed`` has room around them for what a window needs of the rows above and of the neighbours.
    """

    left: int
    pixels: Array
    framed: Array
    memory: Array

    @property
    def right(self) -> int:
        """The column behind the last."""
        return self.left + int(self.pixels.shape[2])


class Task(NamedTuple):
    """A window that is being computed, if it is wanted, and the cells that nobody needs after it."""

    window: Window
    computed: Future[None] | None
    spent: Sequence[Cell]


class Feed:
    """A network, where its pixels come from, and where its results go: ``write(window, array)``, from any thread.

    Memory is used again: to get fresh pages from the system costs more than to fill them.
    """

    def __init__(self, network: Network, plan: Plan, reader: Reader, write: Write) -> None:
        self.network, self.plan, self.reader, self.write = network, plan, reader, write
        self._bands, self._frame = reader.imagery.shape[2], plan.frame
        self._free: list[Array] = []
        self._own = threading.local()

    def run(self, pool: Executor, strips: Sequence[Strip], wanted: Callable[[Window], bool]) -> Iterator[Window]:
        """Compute the ``wanted`` windows of ``strips``; yield each when it is written, in reading order.

        Raises what reading, computing and writing raise; whoever owns the pool cancels the rest.
        """
        running: deque[Task] = deque()
        for task in self._tasks(pool, list(self._route(strips, wanted)), wanted):
            running.append(task)
            while len(running) >= in_flight(self.plan.workers):
                yield from self._finished(running.popleft())
        while running:
            yield from self._finished(running.popleft())

    def _finished(self, task: Task) -> Iterator[Window]:
        if task.computed is not None:
            task.computed.result()
            yield task.window
        self._free.extend(cell.memory for cell in task.spent)

    def _route(self, strips: Sequence[Strip], wanted: Callable[[Window], bool]) -> Iterator[Strip]:
        """Strips with something to do; where the one before is left out, its rows are read again."""
        before: Strip | None = None
        for strip in strips:
            if any(wanted(self.plan.window(strip, chunk)) for chunk in self.plan.chunks):
                if before is None or before.last != strip.first or before.start > strip.start:
                    strip = strip._replace(fresh=strip.start)
                yield strip
                before = strip

    def _tasks(self, pool: Executor, route: Sequence[Strip], wanted: Callable[[Window], bool]) -> Iterator[Task]:
        """Submit every window as soon as its pixels are there."""
        cells = self._read_ahead(pool, route)
        kept: Array | None = None
        for strip, following in zip_longest(route, route[1:]):
            above, kept = kept, self._room(strip, following)
            for chunk, parts, spent in self._chunks(cells, above, kept):
                window, computed = self.plan.window(strip, chunk), None
                if wanted(window):
                    computed = pool.submit(self._compute, window, strip, above, parts)
                yield Task(window, computed, spent)

    def _read_ahead(self, pool: Executor, route: Iterable[Strip]) -> Iterator[Cell]:
        """Cells of all strips in the order in which they are needed, a few of them read ahead."""
        waiting: deque[tuple[Cell, Future[None]]] = deque()
        for strip in route:
            for left, right in self.plan.cells:
                window = Window(strip.fresh, left, strip.stop - strip.fresh, right - left)
                cell = self._cell(window, max(strip.fresh - strip.start, 0))
                waiting.append((cell, pool.submit(self.reader.read, window, cell.pixels)))
                if len(waiting) >= in_flight(self.plan.workers):
                    yield _read(*waiting.popleft())
        while waiting:
            yield _read(*waiting.popleft())

    def _cell(self, window: Window, above: int) -> Cell:
        """Room for a cell below so many rows, in memory that is free or fresh."""
        left, right = self._frame
        shape = (self._bands, above + window.rows, left + window.cols + right)
        size = prod(shape)
        memory = self._free.pop() if self._free else np.empty(size, np.float32)
        if memory.size < size:
            memory = np.empty(size, np.float32)
        framed = memory[:size].reshape(shape)
        return Cell(window.col, framed[:, above:, left : left + window.cols], framed, memory)

    def _room(self, strip: Strip, following: Strip | None) -> Array | None:
        """Memory for the rows of this strip that the following one needs too."""
        if following is None or following.start >= following.fresh:
            return None
        width = self.plan.cells[-1][1] - self.plan.cells[0][0]
        return np.empty((self._bands, strip.stop - following.start, width), np.float32)

    def _chunks(
        self, cells: Iterator[Cell], above: Array | None, kept: Array | None
    ) -> Iterator[tuple[Chunk, Sequence[Cell], Sequence[Cell]]]:
        """Chunks of a strip as soon as they are read, with their cells and those of no further use.

        Fills ``kept`` on the way.
        """
        held: list[Cell] = []
        coming = deque(self.plan.chunks)
        for _, right in self.plan.cells:
            held.append(next(cells))
            if kept is not None:
                self._keep(held[-1], above, kept)
            while coming and coming[0].stop <= right:
                chunk = coming.popleft()
                parts = [cell for cell in held if cell.left < chunk.stop and cell.right > chunk.start]
                least = min((each.start for each in coming), default=right)
                spent = [cell for cell in held if cell.right <= least]
                yield chunk, parts, spent
                held = held[len(spent) :]

    def _keep(self, cell: Cell, above: Array | None, kept: Array) -> None:
        """Copy the last rows of a cell, and of what lies above it, to ``kept``."""
        first = self.plan.cells[0][0]
        columns = slice(cell.left - first, cell.right - first)
        rows = min(kept.shape[1], cell.pixels.shape[1])
        kept[:, kept.shape[1] - rows :, columns] = cell.pixels[:, cell.pixels.shape[1] - rows :]
        missing = kept.shape[1] - rows
        if missing and above is not None:
            kept[:, :missing, columns] = above[:, above.shape[1] - missing :, columns]

    def _compute(self, window: Window, strip: Strip, above: Array | None, parts: Sequence[Cell]) -> None:
        piece = tile(self.network, self.reader.imagery.shape, window)
        pixels = self._gathered(piece.inputs, strip, above, parts)
        self.write(window, piece.apply(self.network, np.moveaxis(pixels, 0, -1)))

    def _gathered(self, wanted: Window, strip: Strip, above: Array | None, parts: Sequence[Cell]) -> Array:
        """Pixels ``(bands, rows, cols)`` of kept rows and cells, which hold until this thread's next call.

        They lie where they were read if a cell and its frame hold them all: what is missing is copied there. Windows
        that share a frame write the same numbers to it.
        """
        right = wanted.col + wanted.cols
        home = next((cell for cell in parts if self._holds(cell, wanted.col, right)), None)
        old = max(strip.fresh - wanted.row, 0)
        if home is None:
            pixels = self._spare(wanted)
        else:
            top, left = home.framed.shape[1] - home.pixels.shape[1] - old, wanted.col - home.left + self._frame[0]
            top += max(wanted.row - strip.fresh, 0)
            pixels = home.framed[:, top : top + wanted.rows, left : left + wanted.cols]
        if above is not None and old:
            left, first = wanted.col - self.plan.cells[0][0], above.shape[1] - old
            pixels[:, :old] = above[:, first : first + wanted.rows, left : left + wanted.cols]
        top = wanted.row + old - strip.fresh
        for cell in parts:
            if cell is not home:
                start, stop = max(cell.left, wanted.col), min(cell.right, right)
                seen = cell.pixels[:, top : top + wanted.rows - old, start - cell.left : stop - cell.left]
                pixels[:, old:, start - wanted.col : stop - wanted.col] = seen
        return pixels

    def _holds(self, cell: Cell, left: int, right: int) -> bool:
        return cell.left - self._frame[0] <= left and right <= cell.right + self._frame[1]

    def _spare(self, wanted: Window) -> Array:
        """Memory of this thread for a window's pixels."""
        size = self._bands * wanted.rows * wanted.cols
        if getattr(self._own, "memory", np.empty(0)).size < size:
            self._own.memory = np.empty(size, np.float32)
        pixels: Array = self._own.memory[:size].reshape(self._bands, wanted.rows, wanted.cols)
        return pixels


def _read(cell: Cell, done: Future[None]) -> Cell:
    done.result()
    return cell
