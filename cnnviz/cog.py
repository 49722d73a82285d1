"""Finished pixels to a Cloud-Optimized GeoTIFF: tiles, deflate, smaller copies, NaN as nodata.

What makes a GeoTIFF one is at https://cogeo.org. GDAL's driver for it only copies whole files, so a run writes its
pixels to a file of its own first (:mod:`cnnviz.scratch`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.enums import Resampling
from rasterio.windows import Window

from cnnviz.budget import TILE
from cnnviz.errors import ProcessError
from cnnviz.geotiff import geotiff_bytes
from cnnviz.reading import FAILURES, quiet
from cnnviz.scratch import full_disk

# zlib's usual level 6 takes two to three times as long and saves 2 to 7 % of the size: float32 hardly repeats itself.
_LEVEL = 1
_POLL = 0.2  # seconds
WITH_OVERVIEWS = 4 / 3  # each smaller copy has a quarter of the pixels of the one before


def write_cog(pixels: Path, partial: Path, *, threads: int, on_progress: Callable[[float], None]) -> None:
    """Write the finished file ``pixels`` to ``partial`` as a COG; ``on_progress`` gets about the share that is done.

    ``pixels`` gets its smaller copies on the way. What ``on_progress`` raises ends the wait. Raises ProcessError where
    the disk refuses.
    """
    expected = cog_bytes(pixels)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            _add_overviews(pixels)
            _copy(pixels, partial, threads)
            _check(partial)
        except FAILURES as error:
            failed.append(error)

    # GDAL cannot be stopped half-way; a daemon does not keep the program waiting for it.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL)
        on_progress(min(partial.stat().st_size / expected, 1.0) if partial.exists() else 0.0)
    if failed:
        partial.unlink(missing_ok=True)
        if isinstance(failed[0], ProcessError):
            raise failed[0]
        raise full_disk(partial, failed[0]) from None


def cog_bytes(pixels: Path) -> float:
    """About how large the COG of a file will be, judged by how well its middle is compressed."""
    with quiet():
        dataset = rasterio.open(pixels, driver="GTiff")
    with dataset:
        (rows, cols), maps = dataset.shape, dataset.count
        height, width = min(rows, TILE), min(cols, TILE)
        middle = Window((cols - width) // 2, (rows - height) // 2, width, height)
        sample = dataset.read(maps // 2 + 1, window=middle)
    ratio = len(geotiff_bytes(sample, transform=Affine.identity(), crs=None)) / (height * width)
    return float(ratio * rows * cols * maps * WITH_OVERVIEWS)


def _add_overviews(pixels: Path) -> None:
    with quiet():
        dataset = rasterio.open(pixels, "r+", driver="GTiff")
    with dataset:
        dataset.nodata = float("nan")
        factors = list(decimations(dataset.shape))
        if factors and not dataset.overviews(1):
            dataset.build_overviews(factors, Resampling.average)


def decimations(shape: Sequence[int]) -> Iterator[int]:
    """Factors of the smaller copies of an image of ``shape``: halves until a copy fits into one tile.

    >>> list(decimations((10980, 10980))), list(decimations((512, 512)))
    ([2, 4, 8, 16, 32], [])
    """
    factor = 1
    while max(shape[:2]) > TILE * factor:
        factor *= 2
        yield factor


def _copy(pixels: Path, partial: Path, threads: int) -> None:
    with quiet():
        rasterio.shutil.copy(
            pixels,
            partial,
            driver="COG",
            compress="DEFLATE",
            level=_LEVEL,
            predictor="YES",
            blocksize=TILE,
            bigtiff="IF_SAFER",
            overviews="FORCE_USE_EXISTING",
            num_threads=threads,
        )


def _check(partial: Path) -> None:
    """Read the first block and the last, which a full disk would have cut: GDAL does not report all that fails."""
    with quiet():
        dataset = rasterio.open(partial, driver="GTiff")
    with dataset:
        blocks = [window for _, window in dataset.block_windows(1)]
        for window in (blocks[0], blocks[-1]):
            dataset.read(window=window)
