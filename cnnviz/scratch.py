"""The growing result of a run on disk: uncompressed pixels in their final order, written in any order, from any thread.

It is a GeoTIFF that GDAL lays out and this module fills in place, so that what is written stays when the program is
killed. GDAL turns it into the final file (:mod:`cnnviz.cog`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import rasterio
from affine import Affine

from cnnviz.blocks import Shape
from cnnviz.budget import TILE
from cnnviz.errors import ProcessError
from cnnviz.reading import FAILURES, quiet
from cnnviz.weights import Array
from cnnviz.windows import Window

_WORK = re.compile(r"\.(.+)\.run")
_TILE_BYTES = TILE * TILE * 4


@dataclass(frozen=True)
class Labels:
    """What a result says about itself: its place, its bands and its tags."""

    crs: Any
    transform: Affine
    bands: Sequence[str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Scratch:
    """A file of ``shape`` (rows, cols, maps) whose tiles begin at byte ``start``, map after map."""

    path: Path
    shape: Shape
    start: int

    def write(self, window: Window, array: Array) -> None:
        """Put ``array`` (rows, cols, maps) in its place. Windows that do not overlap may be written at the same time.

        Raises ProcessError where the disk refuses.
        """
        for number, plane in enumerate(np.moveaxis(array, -1, 0)):
            self.write_plane(window, plane, number)

    def write_plane(self, window: Window, plane: Array, number: int) -> None:
        """Put one map ``(rows, cols)``, by its 0-based number, in its place; as :meth:`write`."""
        try:
            with self.path.open("r+b", buffering=0) as file:
                for part in _tiles(window):
                    rows = slice(part.row - window.row, part.row - window.row + part.rows)
                    cols = slice(part.col - window.col, part.col - window.col + part.cols)
                    self._put(file, number, part, plane[rows, cols])
        except OSError as error:
            raise full_disk(self.path, error) from None

    def _put(self, file: BinaryIO, number: int, part: Window, pixels: Array) -> None:
        """Write what lies in one tile: at once where whole lines of the tile are known, else line by line."""
        tiles_down, tiles_across = (-(-side // TILE) for side in self.shape[:2])
        down, across = part.row // TILE, part.col // TILE
        place = self.start + ((number * tiles_down + down) * tiles_across + across) * _TILE_BYTES
        place += ((part.row % TILE) * TILE + part.col % TILE) * 4
        beyond = min(TILE, TILE * (across + 1) - part.col) - part.cols
        if part.col % TILE == 0 and (beyond == 0 or part.col + part.cols == self.shape[1]):
            _write_all(file, place, np.pad(pixels, ((0, 0), (0, beyond))) if beyond else pixels)
            return
        for line in np.ascontiguousarray(pixels):
            _write_all(file, place, line)
            place += TILE * 4


def _write_all(file: BinaryIO, place: int, pixels: Array) -> None:
    file.seek(place)
    rest = np.ascontiguousarray(pixels).data.cast("B")
    while rest:
        rest = rest[file.write(rest) :]


def _tiles(window: Window) -> list[Window]:
    """Parts of a window in one tile each."""
    downs = range(window.row // TILE * TILE, window.row + window.rows, TILE)
    acrosses = range(window.col // TILE * TILE, window.col + window.cols, TILE)
    return [_common(window, Window(row, col, TILE, TILE)) for row in downs for col in acrosses]


def _common(one: Window, other: Window) -> Window:
    top, left = max(one.row, other.row), max(one.col, other.col)
    bottom, right = min(one.row + one.rows, other.row + other.rows), min(one.col + one.cols, other.col + other.cols)
    return Window(top, left, bottom - top, right - left)


def create(path: Path, shape: Shape, labels: Labels) -> Scratch:
    """Lay out a file of zeros; on most disks it takes no room before it is written. Raises ProcessError."""
    rows, cols, maps = shape
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "height": rows,
        "width": cols,
        "count": maps,
        "crs": labels.crs,
        "transform": labels.transform,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "interleave": "band",
        "bigtiff": "if_safer",
    }
    try:
        with quiet():
            output = rasterio.open(path, "w", **profile)
        with output:
            output.descriptions = tuple(labels.bands)
            output.update_tags(**labels.tags)
        return reopen(path, shape)
    except FAILURES as error:
        raise full_disk(path, error) from None


def reopen(path: Path, shape: Shape) -> Scratch:
    """The file that :func:`create` laid out."""
    with quiet():
        dataset = rasterio.open(path, driver="GTiff")
    with dataset:
        last = f"BLOCK_OFFSET_{(shape[1] - 1) // TILE}_{(shape[0] - 1) // TILE}"
        found = [
            dataset.get_tag_item(name, "TIFF", bidx=number)
            for name, number in (("BLOCK_OFFSET_0_0", 1), (last, shape[2]))
        ]
    if None in found:  # GDAL does not say so when the disk takes the header's start alone
        raise full_disk(path, EOFError())
    start, end = map(int, found)
    tiles = -(-shape[0] // TILE) * -(-shape[1] // TILE) * shape[2]
    if end != start + (tiles - 1) * _TILE_BYTES:
        raise ProcessError(f"this GDAL lays out {path.name} in another order than expected: use the GDAL of the setup")
    return Scratch(path, shape, start)


def scratch_bytes(shape: Shape) -> int:
    """Bytes of a file of ``shape``, with the smaller copies that are added at the end.

    >>> scratch_bytes((512, 512, 3))
    4194304
    """
    return -(-shape[0] // TILE) * -(-shape[1] // TILE) * shape[2] * _TILE_BYTES * 4 // 3


def work_folder(target: Path) -> Path:
    """Hidden folder beside a run's target, for what is kept until it is done.

    >>> work_folder(Path("maps/edges.tif")).name
    '.edges.tif.run'
    """
    return target.with_name(f".{target.name}.run")


def full_disk(path: Path, error: BaseException) -> ProcessError:
    """The error that says why a file could not be written; one in a work folder is called by the target's name."""
    found = (_WORK.fullmatch(each.name) for each in path.parents)
    name = next((match[1] for match in found if match), path.name)
    reason = getattr(error, "strerror", None) or "the disk refused"
    return ProcessError(f"{name} could not be written: {reason}; free some space or choose another folder")
