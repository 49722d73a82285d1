"""A result in parts: rectangles that are computed apart, each to a file of its own, by whoever has time.

A part reads what it needs from the scene itself, its surroundings included, so that parts ask nothing of each other.
Its file gets its name when it is complete; two workers that make the same part make the same file.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, prod
from pathlib import Path
from socket import gethostname

import rasterio
from rasterio.windows import Window as RasterWindow

from cnnviz.budget import TILE, Strip, plan_run, strips_of
from cnnviz.cog import write_cog
from cnnviz.errors import ProcessError
from cnnviz.feed import Feed
from cnnviz.job import Job
from cnnviz.reader import reading
from cnnviz.reading import FAILURES, quiet
from cnnviz.scratch import Labels, Scratch, create, full_disk
from cnnviz.weights import Array
from cnnviz.windows import Window

LARGEST = 4096
"""Pixels a side of a part, at most about so many; where parts stay apart, exactly so many."""

_SMALLEST = 256
_START = 0.05  # seconds that a part takes beside its pixels


@dataclass(frozen=True)
class Order:
    """What is asked of each part of a run. It travels to other machines, which see the same ``folder``.

    ``memory`` in bytes and ``workers`` are for one part; ``lasting`` parts stay as they are, as files of their own.
    """

    job: Job
    folder: Path
    memory: int
    workers: int
    lasting: bool

    def file(self, window: Window) -> Path:
        """Where a part is written."""
        return self.folder / f"row{window.row:06}_col{window.col:06}.tif"


def make_part(order: Order, window: Window, tell: Callable[[float], None] = lambda share: None) -> tuple[str, ...]:
    """Compute one part and write its file; returns what could not be read. Raises CnnvizError.

    ``tell`` gets the share that is done, 0…1; what it raises ends the work.
    """
    sources = {each.scene.name: each.scene.path for each in order.job.imagery.origins}
    check_seen(sources | {"the output's folder": order.folder})
    growing = order.folder / f".{secrets.token_hex(8)}"
    finished = growing.with_suffix(".part")
    split = 1 - order.job.writing_share() if order.lasting else 1.0
    try:
        damages = _compute(order, window, growing, lambda share: tell(split * share))
        if order.lasting:
            rest = 1 - split
            write_cog(growing, finished, threads=order.workers, on_progress=lambda share: tell(split + rest * share))
        else:
            growing.replace(finished)
        finished.replace(order.file(window))
    except OSError as error:
        raise full_disk(order.file(window), error) from None
    finally:
        for path in (growing, finished):
            path.unlink(missing_ok=True)
    return damages


def check_seen(paths: Mapping[str, Path]) -> None:
    """Raise ProcessError where a worker does not see one of ``paths``, by what messages call it."""
    unseen = next((name for name, path in paths.items() if not path.exists()), None)
    if unseen is not None:
        raise ProcessError(
            f"worker {gethostname()} does not see {unseen}: input and output must lie where all machines find them "
            "under the same path"
        )


def check_arrived(path: Path) -> None:
    """Raise ProcessError where the machine that asks does not see what a worker has written."""
    if not path.exists():
        raise ProcessError(
            f"a worker has finished {path.name}, but it is not to be seen here: the output must lie in a folder that "
            "all machines share"
        )


def _compute(order: Order, window: Window, path: Path, tell: Callable[[float], None]) -> tuple[str, ...]:
    job = order.job
    plan = plan_run(job.network, job.imagery, memory=order.memory, workers=order.workers, part=window)
    pixels = create(path, (window.rows, window.cols, job.shape[2]), labels_of(job, window))

    def write(each: Window, array: Array) -> None:
        pixels.write(Window(each.row - window.row, each.col - window.col, each.rows, each.cols), array)

    with (
        reading(job.imagery, plan.workers, skip_bad=job.skip_bad_blocks) as reader,
        ThreadPoolExecutor(plan.workers) as pool,
    ):
        feed = Feed(job.network, plan, reader, write)
        for count, _ in enumerate(feed.run(pool, plan.strips, lambda each: True), 1):
            tell(count / (len(plan.strips) * len(plan.chunks)))
        return tuple(dict.fromkeys(str(damage) for damage in reader.new_damages()))


def labels_of(job: Job, window: Window) -> Labels:
    """What a part says about itself: as the whole, but at its own place."""
    whole = job.labels
    return replace(whole, transform=whole.transform @ whole.transform.translation(window.col, window.row))


def merge(path: Path, window: Window, pixels: Scratch) -> None:
    """Put a part's file in its place in the whole. Raises ProcessError."""
    try:
        with quiet():
            dataset = rasterio.open(path, driver="GTiff")
        with dataset:
            for row in range(0, window.rows, TILE):
                height = min(TILE, window.rows - row)
                for number in range(dataset.count):
                    plane = dataset.read(number + 1, window=RasterWindow(0, row, window.cols, height))
                    pixels.write_plane(Window(window.row + row, window.col, height, window.cols), plane, number)
    except FAILURES as error:
        if isinstance(error, ProcessError):
            raise
        raise full_disk(path, error) from None


def even_parts(job: Job) -> list[Window]:
    """Parts of the same size, for files that stay: their smaller copies fit together without a seam."""
    rows, cols, _ = job.shape
    return _windows(_edges(range(0, rows, LARGEST), rows), _edges(range(0, cols, LARGEST), cols))


def quick_parts(job: Job, hands: int) -> list[Window]:
    """Parts that end with blocks of the source, of the size with which so many ``hands`` are done first."""
    down, across = ([pair[axis] for pair in job.network.axes(job.imagery.shape)] for axis in (0, 1))
    ways_down = [strips_of(job.network, down, size) for size in _sizes(job.imagery.block[0], job.imagery.shape[0])]
    ways_across = [strips_of(job.network, across, size) for size in _sizes(job.imagery.block[1], job.imagery.shape[1])]
    ways = [(high, wide) for high in ways_down for wide in ways_across]
    best = min(ways, key=lambda way: _seconds(job, hands, *way))
    return _windows(*([(strip.first, strip.last) for strip in strips] for strips in best))


def _sizes(block: int, size: int) -> list[int]:
    """Input pixels along one side of a part: whole blocks."""
    least = block * ceil(_SMALLEST / block)
    sizes = {min(least * 2**step, size) for step in range(8)}
    return sorted(each for each in sizes if each <= max(LARGEST, least)) or [size]


def _seconds(job: Job, hands: int, rows: Sequence[Strip], cols: Sequence[Strip]) -> float:
    """About how long a cut takes: one round more than is needed, for parts and machines are never quite equal."""
    count = len(rows) * len(cols)
    shape, block = job.imagery.shape, job.imagery.block
    decoded = _decoded(rows, block[0], shape[0]) * _decoded(cols, block[1], shape[1]) / prod(shape[:2])
    return (ceil(count / hands) + 1) * (_START + job.seconds(reads=decoded) / count)


def _decoded(strips: Sequence[Strip], block: int, size: int) -> int:
    """Pixels along one axis of the blocks that all strips touch, those of several strips more than once."""
    return sum(min(-(-strip.stop // block) * block, size) - strip.start // block * block for strip in strips)


def _edges(starts: range, end: int) -> list[tuple[int, int]]:
    return list(pairwise([*starts, end]))


def _windows(rows: Sequence[tuple[int, int]], cols: Sequence[tuple[int, int]]) -> list[Window]:
    return [Window(top, left, bottom - top, right - left) for top, bottom in rows for left, right in cols]
