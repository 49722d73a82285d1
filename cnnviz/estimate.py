"""What a run will take, told before it starts: time, memory, disk and the size of the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from operator import itemgetter
from typing import TypeVar

import numpy as np
from affine import Affine

from cnnviz.budget import Plan, worker_count
from cnnviz.cluster import Crew
from cnnviz.cog import WITH_OVERVIEWS
from cnnviz.geotiff import geotiff_bytes
from cnnviz.job import Job
from cnnviz.reader import reading
from cnnviz.scratch import scratch_bytes
from cnnviz.tiles import tile
from cnnviz.windows import Window

Result = TypeVar("Result")

_LONG, _TRIES = 0.2, 3  # seconds beside which a first call's own do not count, and how often a short one is repeated
_SIDE = 256  # pixels of the result that are computed to see how long it takes
_WRITING = 0.4  # what a run takes to compress, smaller copies included, beside the usual level


@dataclass(frozen=True)
class Estimate:
    """Seconds, and bytes: held in memory, taken on disk on the way, and of the result, which is about as large.

    With ``machines`` that many worker processes work, and memory is that of each thread.
    """

    seconds: float
    memory: int
    disk: int
    output: int
    workers: int
    machines: int | None = None

    def __str__(self) -> str:
        if self.machines is None:
            who, each = f"{self.workers} worker{'s' * (self.workers > 1)}", ""
        else:
            processes = f"{self.machines} process{'es' * (self.machines > 1)}"
            who = f"{self.workers} thread{'s' * (self.workers > 1)} of {processes} on the cluster"
            each = " for each thread"
        return (
            f"about {duration(self.seconds)} with {who}, "
            f"up to {self.memory / 1e6:,.0f} MB of memory{each}, {self.disk / 1e6:,.0f} MB of disk on the way, "
            f"about {self.output / 1e6:,.1f} MB in the end"
        )


def duration(seconds: float) -> str:
    """Time as people say it.

    >>> duration(4.2), duration(192), duration(7500)
    ('4 s', '3 min 12 s', '2 h 5 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def estimate(job: Job, plan: Plan, crew: Crew | None = None) -> Estimate:
    """Try a small window in the middle, and take the rest to be like it; with a ``crew``, its threads read and compute.

    Raises SceneError where the window cannot be read.
    """
    rows, cols, _ = job.shape
    height, width = min(rows, _SIDE), min(cols, _SIDE)
    middle = Window((rows - height) // 2, (cols - width) // 2, height, width)
    piece = tile(job.network, job.imagery.shape, middle)
    planes = np.empty((job.imagery.shape[2], *piece.inputs[2:]), np.float32)
    with reading(job.imagery, 1, skip_bad=job.skip_bad_blocks) as reader:
        read, _ = _timed(lambda: reader.read(piece.inputs, planes))
    computed, found = _warm(lambda: piece.apply(job.network, np.moveaxis(planes, 0, -1)))
    written, data = _warm(lambda: geotiff_bytes(found, transform=Affine.identity(), crs=None))
    parts = prod(job.shape) / found.size
    computing = read * _decoded(job, plan) / decoded_pixels(piece.inputs, job.imagery.block, job.imagery.shape)
    computing += computed * parts * plan.effort
    output = int(len(data) * parts * WITH_OVERVIEWS)
    threads = crew.threads if crew else plan.workers
    seconds = computing / threads + written * parts * _WRITING / worker_count(None if crew else threads)
    disk = scratch_bytes(job.shape) + output
    return Estimate(seconds, plan.memory, disk, output, threads, crew.workers if crew else None)


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds, and what came of them."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _warm(work: Callable[[], Result]) -> tuple[float, Result]:
    """As :func:`_timed`; where that was short, again: what libraries do at their first call happens once in a run."""
    seconds, result = _timed(work)
    return (seconds, result) if seconds > _LONG else min((_timed(work) for _ in range(_TRIES)), key=itemgetter(0))


def _decoded(job: Job, plan: Plan) -> int:
    """Pixels that a plan decompresses: those of blocks that its strips share more than once."""
    cols = job.imagery.shape[1]
    windows = [Window(strip.fresh, 0, strip.stop - strip.fresh, cols) for strip in plan.strips]
    once = prod(job.imagery.shape[:2])
    return max(once, sum(decoded_pixels(each, job.imagery.block, job.imagery.shape) for each in windows))


def decoded_pixels(window: Window, block: tuple[int, int], shape: Sequence[int]) -> int:
    """Pixels, of an image of ``shape``, in the blocks that a window touches.

    >>> decoded_pixels(Window(60, 0, 10, 10), (64, 64), (100, 64))
    6400
    """
    sides = zip(window[:2], window[2:], block, shape[:2], strict=True)
    return prod(min(-(-(start + size) // step) * step, end) - start // step * step for start, size, step, end in sides)
