"""Pixels of imagery for a run: from several threads at once, on one grid, and around damaged blocks where wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
import rasterio

from cnnviz.errors import SceneError
from cnnviz.reading import FAILURES, read_pixels, unreadable
from cnnviz.scene import Scene
from cnnviz.sensors import to_reflectance
from cnnviz.sources import Imagery, Origin, places, shift
from cnnviz.weights import Array
from cnnviz.windows import Window

_SKIP = "let what cannot be read be nodata (--skip-bad-blocks)"


@dataclass(frozen=True)
class Damage:
    """A part of a band that could not be read and became nodata; ``window`` in the file's own pixels."""

    file: str
    band: str
    window: Window

    def __str__(self) -> str:
        row, col, rows, cols = self.window
        return f"{self.band} of {self.file}, {rows} × {cols} pixels at row {row}, column {col}"


class Reader:
    """Reads windows of imagery, from as many threads at once as it has handles."""

    def __init__(self, imagery: Imagery, handles: Sequence[Sequence[Any]], *, skip_bad: bool) -> None:
        self.imagery = imagery
        self._in_place = [shift(imagery.grid, origin.scene) is None for origin in imagery.origins]
        self._damages: SimpleQueue[Damage] = SimpleQueue()
        self._skip_bad = skip_bad
        self._free: SimpleQueue[Sequence[Any]] = SimpleQueue()
        for each in handles:
            self._free.put(each)

    def read(self, window: Window, planes: Array) -> None:
        """Fill ``planes`` (bands, rows, cols) with the pixels of a window; NaN where there are none.

        Raises SceneError that names file, band and window, unless damaged blocks are to be skipped.
        """
        handles = self._free.get()
        try:
            with rasterio.Env():
                first = 0
                for origin, dataset, own in zip(self.imagery.origins, handles, self._in_place, strict=True):
                    last = first + len(origin.bands)
                    (self._fill_own if own else self._fill)(planes[first:last], origin, dataset, window)
                    first = last
        finally:
            self._free.put(handles)
        if self.imagery.blank is not None:
            planes[planes == self.imagery.blank] = np.nan
        if self.imagery.calibration is not None:
            planes[:] = to_reflectance(planes, self.imagery.calibration)

    def new_damages(self) -> Iterator[Damage]:
        """What has become nodata since this was last asked; a block that was read twice stands twice."""
        while not self._damages.empty():
            yield self._damages.get()

    def _fill(self, planes: Array, origin: Origin, dataset: Any, window: Window) -> None:
        """Put the bands of one file on the imagery's grid, which is another than its own."""
        planes[:] = np.nan
        rows, cols = places(self.imagery.grid, origin.scene, window)
        if (rows >= 0).any() and (cols >= 0).any():
            top, left = int(rows[rows >= 0].min()), int(cols[cols >= 0].min())
            around = Window(top, left, int(rows.max()) + 1 - top, int(cols.max()) + 1 - left)
            pixels = np.empty((len(planes), around.rows, around.cols), np.float32)
            self._fill_own(pixels, origin, dataset, around)
            there, picked = np.ix_(rows >= 0, cols >= 0), np.ix_(rows[rows >= 0] - top, cols[cols >= 0] - left)
            for plane, own in zip(planes, pixels, strict=True):
                plane[there] = own[picked]

    def _fill_own(self, planes: Array, origin: Origin, dataset: Any, window: Window) -> None:
        """Put the bands of one file in their own pixels."""
        numbers = [origin.scene.facts[band].number for band in origin.bands]
        try:
            read_pixels(dataset, numbers, window, (window.rows, window.cols), out=planes)
        except FAILURES:
            for plane, band in zip(planes, origin.bands, strict=True):
                plane[:] = self._block_by_block(origin, band, window)

    def _block_by_block(self, origin: Origin, band: int, window: Window) -> Array:
        """One band from fresh handles, in which no earlier error lingers."""
        plane = np.full((window.rows, window.cols), np.nan, np.float32)
        scene, number = origin.scene, origin.scene.facts[band].number
        for piece in _blocks(window, scene.storage.block):
            try:
                with origin.source.opened() as dataset:
                    pixels = read_pixels(dataset, [number], piece, (piece.rows, piece.cols))[..., 0]
            except FAILURES:
                if not self._skip_bad:
                    raise unreadable(scene.name, number, piece, instead=_SKIP) from None
                self._damages.put(Damage(scene.name, scene.band_names[band], piece))
            else:
                row, col = piece.row - window.row, piece.col - window.col
                plane[row : row + piece.rows, col : col + piece.cols] = pixels
        return plane


def _blocks(window: Window, block: tuple[int, int]) -> Iterator[Window]:
    """Parts of a window that lie in one block of the file each."""
    for row in range(window.row // block[0] * block[0], window.row + window.rows, block[0]):
        for col in range(window.col // block[1] * block[1], window.col + window.cols, block[1]):
            top, left = max(row, window.row), max(col, window.col)
            bottom, right = min(row + block[0], window.row + window.rows), min(col + block[1], window.col + window.cols)
            yield Window(top, left, bottom - top, right - left)


@contextmanager
def reading(imagery: Imagery, threads: int, *, skip_bad: bool = False) -> Iterator[Reader]:
    """Give a :class:`Reader` with files opened for so many threads. Raises SceneError where a file has changed."""
    for each in imagery.origins:
        _check_unchanged(each.scene)
    with ExitStack() as stack:
        handles = [[stack.enter_context(each.source.opened()) for each in imagery.origins] for _ in range(threads)]
        yield Reader(imagery, handles, skip_bad=skip_bad)


def _check_unchanged(scene: Scene) -> None:
    try:
        status = scene.path.stat()
    except OSError:
        raise SceneError(f"{scene.name} is gone: bring it back, then start again") from None
    if scene.key[1:] != (status.st_mtime_ns, status.st_size):
        raise SceneError(f"{scene.name} has changed since it was opened: start again")
