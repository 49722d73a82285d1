"""A smaller copy of a raster that has no overviews of its own, made once and kept.

The copy is the mean of every ``factor`` × ``factor`` pixels that hold a number (of a palette and of complex
numbers: the middle one), float32 with NaN where none does. The source is read in blocks, so that memory does
not grow with the raster.
"""

import hashlib
import os
import secrets
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from math import ceil
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine
from rasterio.windows import Window as RasterioWindow

from cnnviz.errors import SceneError
from cnnviz.facts import Overview
from cnnviz.reading import FAILURES, Source, quiet, read_pixels, unreadable
from cnnviz.scene import Scene
from cnnviz.windows import Window

_WORKERS = 2
_CHUNK = 2**23  # samples that a worker holds, as float32
_KEPT = 2**31  # bytes of overviews that a folder keeps
_BLOCK = 256

Job = tuple[Window, tuple[int, ...]]
"""A window of the scene and the bands to read there, from 0."""


def make_overview(
    scene: Scene,
    folder: str | os.PathLike[str],
    *,
    max_size: int = 2048,
    on_progress: Callable[[float], None] = lambda part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Scene:
    """Return ``scene`` with an overview of at most ``max_size`` a side, kept in ``folder``.

    ``on_progress`` gets the part that is done, 0…1; ``cancelled`` is asked between blocks. The file is named
    after ``scene.key``, is used again when it is there, and appears only when complete; old ones go where all
    together exceed two gigabytes.
    Raises SceneError where the source cannot be read, the disk refuses, or the work is too much or cancelled.
    """
    factor = decimation(scene.shape, max_size)
    if factor == 1:
        return scene
    target = Path(folder) / f"{hashlib.sha256(repr((scene.key, factor)).encode()).hexdigest()[:32]}.tif"
    if not target.exists():
        _check_work(scene)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _new_file(target, scene, factor) as output:
            jobs = list(_jobs(scene, factor))
            for done, (job, means) in enumerate(_means(scene, jobs, factor, cancelled), 1):
                _write(output, job, means, factor)
                on_progress(done / len(jobs))
        _prune(target)
    return replace(scene, overview=Overview(target, factor))


def decimation(shape: tuple[int, ...], max_size: int) -> int:
    """Return the smallest power of two that brings ``shape`` (rows, cols, …) within ``max_size``.

    Powers of two divide the tiles of nearly every file, so that no block is read twice.

    >>> decimation((10980, 10980, 13), 2048), decimation((512, 512), 2048)
    (8, 1)
    """
    factor = 1
    while ceil(max(shape[:2]) / factor) > max_size:
        factor *= 2
    return factor


def block_mean(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the mean of every ``factor`` × ``factor`` block of (rows, cols, bands), leaving NaN out.

    A block that is cut off by the edge is the mean of what is there.

    >>> block_mean(np.array([[1, 3, 5], [5, np.nan, 7]], np.float32)[..., None], 2)[..., 0].tolist()
    [[3.0, 6.0]]
    """
    rows, cols, _ = image.shape
    edges = ((0, 0), (0, -rows % factor), (0, -cols % factor))
    planes = np.moveaxis(image, -1, 0)
    if edges[1][1] or edges[2][1]:
        planes = np.pad(planes, edges, constant_values=np.nan)
    total = _block_sum(planes, factor)
    count = np.full_like(total, factor * factor)
    if np.isnan(total).any():
        valid = ~np.isnan(planes)
        total = _block_sum(np.where(valid, planes, np.float32(0)), factor)
        count = _block_sum(valid.astype(np.float32), factor)
    with np.errstate(invalid="ignore"):
        return np.moveaxis(total / count, 0, -1)


def _block_sum(planes: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the sums of blocks of (bands, rows, cols), rows first because they lie far apart in memory."""
    bands, rows, cols = planes.shape
    tall = planes.reshape(bands, rows // factor, factor, cols).sum(axis=2)
    return np.asarray(tall.reshape(bands, rows // factor, cols // factor, factor).sum(axis=3))


def _check_work(scene: Scene) -> None:
    rows, cols, bands = scene.shape
    if rows * cols * bands > scene.limits.overview:
        raise SceneError(
            f"{scene.name} has {rows:,} × {cols:,} × {bands} numbers, too many for an overview "
            "to be made here: add overviews to the file itself (gdaladdo), or look at windows of it"
        )


def _jobs(scene: Scene, factor: int) -> Iterator[Job]:
    """Yield windows that cover the scene in whole blocks, with the bands to read there (0-based)."""
    rows, cols, bands = scene.shape
    height, width = (ceil(side / factor) * factor for side in scene.storage.block)
    group = bands
    if scene.storage.interleave != "pixel":
        group = max(1, min(bands, _CHUNK // (height * width)))
    room = _CHUNK // group
    if height * width > room:
        height = max(factor, room // width // factor * factor)
    elif width < cols:
        width *= room // (height * width)
    else:
        height *= room // (height * width)
    for row in range(0, rows, height):
        for col in range(0, cols, width):
            window = Window(row, col, height, width).clipped(scene.shape)
            for first in range(0, bands, group):
                yield window, tuple(range(first, min(first + group, bands)))


def _means(
    scene: Scene, jobs: Iterable[Job], factor: int, cancelled: Callable[[], bool]
) -> Iterator[tuple[Job, NDArray[np.float32]]]:
    """Yield each job with its block means, in order; a few are read ahead."""
    source = Source(scene.path, scene.storage.format, scene.name, scene.sidecars)
    running: deque[tuple[Job, Future[NDArray[np.float32]]]] = deque()
    with ExitStack() as stack:
        handles: SimpleQueue[Any] = SimpleQueue()
        for _ in range(_WORKERS):
            handles.put(stack.enter_context(source.opened()))
        pool = stack.enter_context(ThreadPoolExecutor(_WORKERS))
        for job in jobs:
            if cancelled():
                raise SceneError(f"the overview of {scene.name} was stopped half-way: start it again")
            running.append((job, pool.submit(_mean, scene, handles, job, factor)))
            if len(running) > _WORKERS:
                first, means = running.popleft()
                yield first, means.result()
        for first, means in running:
            yield first, means.result()


def _mean(scene: Scene, handles: "SimpleQueue[Any]", job: Job, factor: int) -> NDArray[np.float32]:
    window, bands = job
    numbers = [scene.facts[band].number for band in bands]
    dataset = handles.get()
    try:
        with rasterio.Env():
            image = read_pixels(dataset, numbers, window, (window.rows, window.cols))
    except FAILURES:
        raise unreadable(scene.name, numbers[0] if len(numbers) == 1 else None, window) from None
    finally:
        handles.put(dataset)
    if scene.storage.palette or scene.dtype.startswith("complex"):
        middles = (np.minimum(np.arange(0, side, factor) + factor // 2, side - 1) for side in image.shape[:2])
        return image[np.ix_(*middles)]
    return block_mean(image, factor)


@contextmanager
def _new_file(target: Path, scene: Scene, factor: int) -> Iterator[Any]:
    """Give a raster to write for ``target``, which appears when the block ends well."""
    rows, cols, bands = (ceil(scene.shape[0] / factor), ceil(scene.shape[1] / factor), scene.shape[2])
    size = rows * cols * bands * 4
    partial = target.with_name(f"{target.stem}.{secrets.token_hex(4)}.part")
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "nodata": float("nan"),
        "height": rows,
        "width": cols,
        "count": bands,
        "crs": scene.crs,
        "transform": scene.transform @ Affine.scale(factor),
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "interleave": "band",
        "bigtiff": "IF_SAFER",
    }
    try:
        if shutil.disk_usage(target.parent).free < size:
            raise SceneError(f"the overview of {scene.name} needs {size / 2**20:,.0f} MB of disk: free some")
        with quiet():
            output = rasterio.open(partial, "w", **profile)
        with output:
            yield output
        if partial.stat().st_size < size:  # rasterio does not report what fails while a file is closed
            raise SceneError(f"the overview of {scene.name} could not be written: free some disk and retry")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _write(output: Any, job: Job, means: NDArray[np.float32], factor: int) -> None:
    """Put the means of one job in their place."""
    window, bands = job
    place = RasterioWindow(window.col // factor, window.row // factor, means.shape[1], means.shape[0])
    try:
        output.write(np.moveaxis(means, -1, 0), [band + 1 for band in bands], window=place)
    except FAILURES:
        raise SceneError("the overview could not be written: free some disk and retry") from None


def _prune(newest: Path) -> None:
    """Remove the oldest overviews beside ``newest`` until the rest fit."""
    room = _KEPT - newest.stat().st_size
    others = [(path.stat(), path) for path in newest.parent.glob("*.tif") if path != newest]
    for status, path in sorted(others, key=lambda other: other[0].st_mtime, reverse=True):
        room -= status.st_size
        if room < 0:
            path.unlink(missing_ok=True)
