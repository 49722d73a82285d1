"""What can still be read of a damaged file: its pixels, around the blocks that cannot be read."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnviz.reading import FAILURES, Area, Source, read_pixels

_TRIES = 128  # reads of one band: a window's blocks, or a large area to a hundredth, in less than a second


@dataclass(frozen=True)
class _Part:
    """An area of the file and where it comes to lie in the result: first row and column, rows and columns."""

    area: Area
    place: tuple[int, int, int, int]

    def halves(self, block: tuple[int, int]) -> Iterator["_Part"]:
        """Yield both sides of the boundary of blocks that lies nearest to the middle; nothing inside one block."""
        longest_first = sorted((0, 1), key=lambda axis: -self.area[axis + 2] / block[axis])
        for axis in longest_first:
            first, extent, pixels = self.area[axis], self.area[axis + 2], self.place[axis + 2]
            cut = round((first + extent / 2) / block[axis]) * block[axis] - first
            behind = round(cut / extent * pixels)
            if 0 < cut < extent and 0 < behind < pixels:
                yield self._cut(axis, 0, cut, 0, behind)
                yield self._cut(axis, cut, extent - cut, behind, pixels - behind)
                return

    def _cut(self, axis: int, first: float, extent: float, behind: int, pixels: int) -> "_Part":
        area, place = list(self.area), list(self.place)
        area[axis], area[axis + 2] = area[axis] + first, extent
        place[axis], place[axis + 2] = place[axis] + behind, pixels
        return _Part((area[0], area[1], area[2], area[3]), (place[0], place[1], place[2], place[3]))


def salvage_bands(source: Source, numbers: Sequence[int], area: Area, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return what :func:`cnnviz.reading.read_bands` returns, with NaN where the file cannot be read.

    What fails is halved between the file's blocks, each band for itself, and the largest parts come first: after
    a bounded number of reads what still fails is given up. Raises SceneError where the file cannot be opened.
    """
    with source.opened() as dataset:
        block: tuple[int, int] = dataset.block_shapes[0]
    planes = np.full((len(numbers), *size), np.nan, np.float32)
    for plane, number in zip(planes, numbers, strict=True):
        waiting = deque([_Part(area, (0, 0, *size))])
        tries = 0
        while waiting and tries < _TRIES:
            part = waiting.popleft()
            tries += 1
            if not _filled(plane, source, number, part):
                waiting.extend(part.halves(block))
    return np.moveaxis(planes, 0, -1)


def _filled(plane: NDArray[np.float32], source: Source, number: int, part: _Part) -> bool:
    """Put one part of a band in its place in ``plane``; False where it cannot be read.

    Each part gets a handle of its own, for GDAL's errors linger.
    """
    row, col, rows, cols = part.place
    try:
        with source.opened() as dataset:
            pixels = read_pixels(dataset, [number], part.area, (rows, cols))
    except FAILURES:
        return False
    plane[row : row + rows, col : col + cols] = pixels[..., 0]
    return True
