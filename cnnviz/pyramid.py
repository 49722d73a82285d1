"""Finished pixels and their smaller copies on disk: tiles of float32, level after level, each half of the one before.

A pixel of a smaller copy is the mean of those of the four above it that hold a number, NaN where none does.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice, product
from typing import BinaryIO, TypeVar

import numpy as np

from cnnviz.budget import TILE
from cnnviz.overviews import block_mean
from cnnviz.packing import packed
from cnnviz.weights import Array

_TILE_BYTES = TILE * TILE * 4
_turn = threading.Lock()  # a file has one place at a time where it is read and written
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Level:
    """An image of ``maps`` maps whose tiles, map after map, begin at byte ``start`` of an open file."""

    file: BinaryIO
    start: int
    rows: int
    cols: int
    maps: int

    @property
    def grid(self) -> tuple[int, int]:
        """Tiles down and across."""
        return -(-self.rows // TILE), -(-self.cols // TILE)

    @property
    def tiles(self) -> int:
        """How many tiles there are, of all maps."""
        return self.grid[0] * self.grid[1] * self.maps

    @property
    def end(self) -> int:
        """The byte behind the last."""
        return self.start + self.tiles * _TILE_BYTES

    def places(self) -> Iterator[tuple[int, int, int]]:
        """Map, row and column of every tile, in the order in which they lie."""
        return product(range(self.maps), range(self.grid[0]), range(self.grid[1]))

    def read(self, number: int) -> Array:
        """A whole tile by its place in the order, ``(512, 512)``; beyond the image anything may stand."""
        with _turn:
            self.file.seek(self.start + number * _TILE_BYTES)
            data = self.file.read(_TILE_BYTES)
        return np.frombuffer(data.ljust(_TILE_BYTES, b"\0"), np.float32).reshape(TILE, TILE)

    def packed(self, number: int) -> bytes:
        """The same tile as a TIFF packs it."""
        return packed(self.read(number))

    def write(self, number: int, pixels: Array) -> None:
        """Put a whole tile in its place. Raises OSError where the disk refuses."""
        with _turn:
            self.file.seek(self.start + number * _TILE_BYTES)
            self.file.write(np.ascontiguousarray(pixels).data)

    def above(self, place: tuple[int, int, int]) -> Array:
        """Pixels that a tile of the next level, by map, row and column, is the mean of: up to (1024, 1024)."""
        which, row, col = place
        down, across = self.grid
        high, wide = (min(2 * TILE, side - 2 * TILE * at) for side, at in ((self.rows, row), (self.cols, col)))
        found = np.empty((high, wide), np.float32)
        for y, x in product(range(2 * row, min(2 * row + 2, down)), range(2 * col, min(2 * col + 2, across))):
            part = found[(y - 2 * row) * TILE :, (x - 2 * col) * TILE :][:TILE, :TILE]
            part[:] = self.read((which * down + y) * across + x)[: part.shape[0], : part.shape[1]]
        return found


def halved(image: Array) -> Array:
    """Means of every 2 × 2 pixels that hold a number, ``(rows, cols)``; a cell at the edge has what is there.

    >>> halved(np.float32([[1, 3, 5], [5, np.nan, 7]])).tolist()
    [[3.0, 6.0]]
    """
    if image.shape[0] % 2 == image.shape[1] % 2 == 0:
        pairs = image[::2] + image[1::2]
        total = pairs[:, ::2] + pairs[:, 1::2]
        if np.isfinite(total).all():
            total *= np.float32(0.25)
            return total
    return block_mean(image[..., np.newaxis], 2)[..., 0]


def add_levels(whole: Level, shapes: Sequence[tuple[int, int]], file: BinaryIO, each: Each) -> list[Level]:
    """``whole`` and its smaller copies of these shapes, which are made in the open file."""
    levels = [whole]
    for rows, cols in shapes:
        above = levels[-1]
        level = Level(file, 0 if above is whole else above.end, rows, cols, whole.maps)

        def make(numbered: tuple[int, tuple[int, int, int]], above: Level = above, level: Level = level) -> None:
            tile = np.zeros((TILE, TILE), np.float32)
            small = halved(above.above(numbered[1]))
            tile[: small.shape[0], : small.shape[1]] = small
            level.write(numbered[0], tile)

        for _ in each(make, enumerate(level.places())):
            pass
        levels.append(level)
    return levels


@dataclass(frozen=True)
class Each:
    """Work on many things on the threads of a pool, ``ahead`` of them under way at one time."""

    pool: Executor
    ahead: int

    def __call__(self, work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
        """Results in the order of what is given."""
        rest = iter(given)
        running = deque(self.pool.submit(work, each) for each in islice(rest, self.ahead))
        while running:
            made = running.popleft().result()
            running.extend(self.pool.submit(work, each) for each in islice(rest, 1))
            yield made
