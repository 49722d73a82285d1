"""The synthetic scene as a GeoTIFF of any size, written tile by tile.

Memory is bounded by the tiles in work, not by the scene. A file appears under its name only when it is complete.
"""

import os
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnviz import gdal  # noqa: F401  (before rasterio: it switches off what is not needed)
from cnnviz.errors import SceneError
from cnnviz.memory import give_back
from cnnviz.sensors import SENSORS
from cnnviz.synthetic import DEFAULT_SEED, OFFSET, SCALE, TILE, window
from cnnviz.synthetic_land import Bytes
from cnnviz.synthetic_materials import LABEL_CLASSES
from cnnviz.synthetic_noise import Frame

_CRS, _WEST, _NORTH, _PIXEL = "EPSG:32633", 399960.0, 4800000.0, 10.0
_BLOCK = 256
_MOST = 200_000  # px a side: larger than any product, small enough that a slip of the keyboard is caught
_PIXEL_BYTES = 10  # of the file, for a pixel of the scene: 13 numbers of two bytes, packed, and the overviews
_WORKERS = min(4, os.cpu_count() or 1)
_TAGS = {
    "SYNTHETIC": "YES",
    "TITLE": "Synthetic Sentinel-2 scene, computed by cnnviz; no satellite saw this place",
    "PRODUCT_LEVEL": "top-of-atmosphere reflectance, as Level-1C",
    "QUANTIFICATION_VALUE": str(SCALE),
    "RADIO_ADD_OFFSET": str(OFFSET),
}

Tile = tuple[int, int, NDArray[np.uint16], Bytes]


def write_sample(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] = (512, 512),
    seed: int = DEFAULT_SEED,
    labels: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    on_progress: Callable[[float], None] | None = None,
) -> None:
    """Write the world's first ``size`` (rows, cols) pixels as 13 uint16 bands, and their labels beside it if asked.

    ``on_progress`` is told the share that is done, 0…1. Raises SceneError for an impossible size or seed, a file that
    exists, or a disk that refuses.
    """
    rows, cols = size
    _check(rows, cols, seed)
    targets = [Path(path)] + ([Path(labels)] if labels is not None else [])
    if len({target.resolve() for target in targets}) < len(targets):
        raise SceneError(f"scene and labels are both called {targets[0].name}: give the labels another name")
    for target in targets:
        _check_target(target, overwrite=overwrite)
    with ExitStack() as stack:
        partial = [stack.enter_context(_completed(target)) for target in targets]
        _check_room(targets[0].parent, rows, cols)
        _write(partial, Frame(seed, 0, 0, rows, cols), on_progress or (lambda share: None))


def _check(rows: int, cols: int, seed: int) -> None:
    if not (1 <= rows <= _MOST and 1 <= cols <= _MOST):
        raise SceneError(f"the size is {rows} × {cols} pixels; expected 1 to {_MOST} rows and columns")
    if not 0 <= seed < 2**32:
        raise SceneError(f"the seed is {seed}; expected a whole number from 0 to {2**32 - 1}")


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.suffix.lower() not in (".tif", ".tiff") or not target.name.isprintable():
        raise SceneError(f"received the name {target.name!r:.80}: a printable one that ends with .tif is expected")
    if target.exists() and not overwrite:
        raise SceneError(f"{target.name} exists already: choose another name, or allow overwriting (--overwrite)")
    if not target.parent.is_dir():
        raise SceneError(f"the folder of {target.name} does not exist: make it first, or choose another")


def _check_room(folder: Path, rows: int, cols: int) -> None:
    """Raise where the disk can surely not hold the scene."""
    needed, free = rows * cols * _PIXEL_BYTES, disk_usage(folder).free
    if free < needed:
        raise SceneError(
            f"the disk has {free / 1e6:,.0f} MB left: at least {needed / 1e6:,.0f} MB are needed; "
            "free some space, choose another folder or a smaller scene"
        )


@contextmanager
def _completed(target: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``target``; rename it if all went well, remove it if not."""
    from rasterio.errors import RasterioError

    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        partial.touch(exist_ok=False)  # the system says in fewer words than GDAL why it cannot
        yield partial
        partial.replace(target)
    except (OSError, RasterioError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "output error"
        raise SceneError(
            f"{target.name} could not be written: {reason}; free some space, or choose another place"
        ) from None
    finally:
        partial.unlink(missing_ok=True)


def _write(files: list[Path], frame: Frame, on_progress: Callable[[float], None]) -> None:
    import rasterio
    from rasterio.enums import Resampling

    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_TIFF_OVR_BLOCKSIZE=_BLOCK):
        with ExitStack() as stack:
            scene, *rest = (
                stack.enter_context(rasterio.open(file, "w", **_profile(frame, n))) for n, file in enumerate(files)
            )
            _describe_scene(scene, frame.seed)
            for dataset in rest:
                _describe_labels(dataset, frame.seed)
            for share, (row, col, numbers, labels) in _tiles(frame):
                place = rasterio.windows.Window(col, row, *labels.shape[::-1])
                scene.write(numbers, window=place)
                for dataset in rest:
                    dataset.write(labels, 1, window=place)
                del numbers, labels  # before the next tile is waited for
                give_back()  # or the process grows with the number of tiles
                on_progress(0.9 * share)
        for file, method in zip(files, (Resampling.average, Resampling.mode), strict=False):
            _add_overviews(file, frame, method)
    on_progress(1.0)


def _profile(frame: Frame, number: int) -> dict[str, Any]:
    """Creation options of the scene (number 0) and of the labels (1)."""
    from rasterio.transform import Affine

    return {
        "driver": "GTiff",
        "dtype": ("uint16", "uint8")[number],
        "count": (13, 1)[number],
        "height": frame.rows,
        "width": frame.cols,
        "nodata": 0,
        "crs": _CRS,
        "transform": Affine(_PIXEL, 0, _WEST, 0, -_PIXEL, _NORTH),
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "interleave": "band",
        "compress": "deflate",
        "predictor": (2, 1)[number],
        "zlevel": 1,  # noise does not shrink: level 9 takes eight times as long for 4 % less
        "bigtiff": "IF_SAFER",
    }


def _describe_scene(dataset: Any, seed: int) -> None:
    dataset.update_tags(**_TAGS, SEED=str(seed))
    for number, band in enumerate(SENSORS["sentinel2"].bands, 1):
        dataset.set_band_description(number, band.name)


def _describe_labels(dataset: Any, seed: int) -> None:
    dataset.write_colormap(1, {0: (0, 0, 0, 0)} | {each.value: (*each.colour, 255) for each in LABEL_CLASSES})
    names = {f"CLASS_{each.value}": each.title for each in LABEL_CLASSES}
    dataset.update_tags(SYNTHETIC="YES", SEED=str(seed), **names)
    dataset.set_band_description(1, "land cover")


def _tiles(frame: Frame) -> Iterator[tuple[float, Tile]]:
    """Yield every tile as (share done, (row, col, numbers, labels)), computed ahead by a few threads."""
    corners = [(row, col) for row in range(0, frame.rows, TILE) for col in range(0, frame.cols, TILE)]
    ahead: deque[tuple[int, int, Future[tuple[NDArray[np.uint16], Bytes]]]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for done, (row, col) in enumerate(corners):
            part = Frame(frame.seed, row, col, min(TILE, frame.rows - row), min(TILE, frame.cols - col))
            ahead.append((row, col, pool.submit(window, part)))
            if len(ahead) == _WORKERS:  # while one is written, its blocks keep a processor busy
                yield (done + 1 - len(ahead)) / len(corners), _finished(*ahead.popleft())
        while ahead:
            yield 1 - len(ahead) / len(corners), _finished(*ahead.popleft())


def _finished(row: int, col: int, future: Future[tuple[NDArray[np.uint16], Bytes]]) -> Tile:
    return (row, col, *future.result())


def _add_overviews(file: Path, frame: Frame, method: Any) -> None:
    """Add smaller copies inside the file, each half the one before, down to one block."""
    import rasterio

    factors = [2**k for k in range(1, 20) if max(frame.rows, frame.cols) > _BLOCK * 2 ** (k - 1)]
    if factors:
        with rasterio.open(file, "r+", driver="GTiff") as dataset:
            dataset.build_overviews(factors, method)
