"""Finished pixels to a Cloud-Optimized GeoTIFF: tiles, deflate, smaller copies, NaN as nodata.

What makes a GeoTIFF one is at https://cogeo.org: all directories first, then the pixels, the smallest copy before the
larger. GDAL's driver for it deflates for nearly as long as a run reads and computes; so the file is written here, with
what GDAL said about the image in the pixels' own file (:mod:`cnnviz.scratch`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import BinaryIO

import rasterio

from cnnviz import tiff
from cnnviz.budget import TILE
from cnnviz.pyramid import Each, Given, Level, Made, add_levels
from cnnviz.reading import FAILURES, quiet
from cnnviz.scratch import full_disk, reopen

WITH_OVERVIEWS = 4 / 3  # each smaller copy has a quarter of the pixels of the one before
_AHEAD = 4  # tiles under way for each thread
_CLASSIC = 4.0e9  # bytes: what is larger needs BigTIFF
_DEFLATE, _FLOATING_POINT, _REDUCED = 8, 3, 1


def write_cog(pixels: Path, partial: Path, *, threads: int, on_progress: Callable[[float], None]) -> None:
    """Write the finished file ``pixels`` to ``partial`` as a COG; ``on_progress`` gets the share that is done, 0…1.

    To make a tile of a smaller copy takes about as long as to compress one: each is a step. What ``on_progress`` raises
    ends the work. Raises ProcessError where the disk refuses.
    """
    try:
        with (
            pixels.open("rb") as source,
            tempfile.TemporaryFile(dir=pixels.parent) as smaller,
            partial.open("wb") as target,
            ThreadPoolExecutor(threads) as pool,
        ):
            whole = _whole(pixels, source)
            shapes = [(-(-whole.rows // by), -(-whole.cols // by)) for by in decimations((whole.rows, whole.cols))]
            made = sum(replace(whole, rows=rows, cols=cols).tiles for rows, cols in shapes)
            each = _Told(pool, threads * _AHEAD, _counter(whole.tiles + 2 * made, on_progress))
            levels = add_levels(whole, shapes, smaller, each)
            _write(target, tiff.first_directory(pixels), levels, each)
        _check(partial)
    except FAILURES as error:
        partial.unlink(missing_ok=True)
        raise full_disk(partial, error) from None


@dataclass(frozen=True)
class _Told(Each):
    """Work on many things, of which each that is done is told."""

    tell: Callable[[], None]

    def __call__(self, work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
        """See :class:`Each`."""
        for made in super().__call__(work, given):
            self.tell()
            yield made


def _counter(steps: int, on_progress: Callable[[float], None]) -> Callable[[], None]:
    """Tells the share of ``steps`` that is done: none now, one more with each call."""
    numbers = count(1)
    on_progress(0.0)
    return lambda: on_progress(next(numbers) / steps)


def _whole(pixels: Path, source: BinaryIO) -> Level:
    with quiet():
        dataset = rasterio.open(pixels, driver="GTiff")
    with dataset:
        shape = (*dataset.shape, dataset.count)
    return Level(source, reopen(pixels, shape).start, *shape)


def decimations(shape: Sequence[int]) -> Iterator[int]:
    """Factors of the smaller copies of an image of ``shape``: halves until a copy fits into one tile.

    >>> list(decimations((10980, 10980))), list(decimations((512, 512)))
    ([2, 4, 8, 16, 32], [])
    """
    factor = 1
    while max(shape[:2]) > TILE * factor:
        factor *= 2
        yield factor


def _write(target: BinaryIO, tags: tiff.Directory, levels: Sequence[Level], each: Each) -> None:
    """Leave room for the directories, write the pixels from the smallest copy on, then say where they are."""
    raw = sum(level.tiles for level in levels) * TILE * TILE * 4
    big = raw > _CLASSIC
    packs = [([0] * level.tiles, [0] * level.tiles) for level in levels]
    target.seek(len(tiff.head(_directories(tags, levels, packs, big=big), big=big)))
    for level, (places, sizes) in reversed(list(zip(levels, packs, strict=True))):
        for number, data in enumerate(each(level.packed, range(level.tiles))):
            places[number], sizes[number] = target.tell() + tiff.LEADER, len(data)
            target.write(tiff.framed(data))
    target.seek(0)
    target.write(tiff.head(_directories(tags, levels, packs, big=big), big=big))


def _directories(
    tags: tiff.Directory, levels: Sequence[Level], packs: Sequence[tuple[list[int], list[int]]], *, big: bool
) -> list[tiff.Directory]:
    """What the file says about each level: GDAL's own words, and where the tiles are now."""
    found: list[tiff.Directory] = []
    for number, (level, (places, sizes)) in enumerate(zip(levels, packs, strict=True)):
        said = {tag: entry for tag, entry in tags.items() if not number or tag in tiff.ABOUT_PIXELS}
        said |= {tiff.SUBFILE: tiff.long(_REDUCED)} if number else {}
        found.append(
            said
            | {
                tiff.WIDTH: tiff.long(level.cols),
                tiff.HEIGHT: tiff.long(level.rows),
                tiff.COMPRESSION: tiff.short(_DEFLATE),
                tiff.PREDICTOR: tiff.short(_FLOATING_POINT),
                tiff.NODATA: tiff.text("nan"),
                tiff.OFFSETS: tiff.numbers(places, big=big),
                tiff.SIZES: tiff.numbers(sizes, big=False),
            }
        )
    return found


def _check(partial: Path) -> None:
    """Read the first block and the last, which a full disk would have cut: GDAL does not report all that fails."""
    with quiet():
        dataset = rasterio.open(partial, driver="GTiff")
    with dataset:
        blocks = [window for _, window in dataset.block_windows(1)]
        for window in (blocks[0], blocks[-1]):
            dataset.read(window=window)
