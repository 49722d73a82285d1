"""A network over a whole scene, in bounded memory: the same numbers as in memory, to the last bit.

::

    run_scene(Network([Conv2D("sobel_vertical"), Activation("relu")]), "scene.tif", "edges.tif", memory="512MB")

The result is a Cloud-Optimized GeoTIFF of float32 with NaN as nodata. It gets its name when it is complete. A run that
was killed goes on where it stopped when it is started again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from pathlib import Path
from shutil import disk_usage

from cnnviz.blocks import Shape
from cnnviz.budget import Plan, memory_bytes, plan_run, worker_count
from cnnviz.cog import write_cog
from cnnviz.errors import ProcessError
from cnnviz.feed import Feed
from cnnviz.job import Job, fitted
from cnnviz.journal import Workspace, covered, workspace
from cnnviz.layers import Network
from cnnviz.products import AnySource, as_reflectance, open_imagery
from cnnviz.reader import reading
from cnnviz.scratch import Scratch, create, full_disk, reopen, scratch_bytes
from cnnviz.sources import Imagery
from cnnviz.windows import Window

Progress = Callable[[float], None]
_SECTOR = 512  # what st_blocks counts


class Like(StrEnum):
    """What numbers a network sees: the file's own, or reflectance."""

    FILE = "file"
    REFLECTANCE = "reflectance"


@dataclass(frozen=True)
class Run:
    """What a run has made: the file, its shape, what could not be read and is nodata now, and seconds of this run."""

    target: Path
    shape: Shape
    damages: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Options:
    """How a run is made; see :func:`run_scene`."""

    memory: str | int = "512MB"
    workers: int | None = None
    resume: bool = True
    overwrite: bool = False
    skip_bad_blocks: bool = False
    like: str = Like.FILE
    offset: str = "auto"


def run_scene(
    network: Network,
    source: AnySource,
    target: str | os.PathLike[str],
    *,
    memory: str | int = "512MB",
    workers: int | None = None,
    resume: bool = True,
    on_progress: Progress | None = None,
    overwrite: bool = False,
    skip_bad_blocks: bool = False,
    like: str = "file",
    offset: str = "auto",
) -> Run:
    """Run ``network`` over ``source`` and write its last layer's maps to the GeoTIFF ``target``.

    ``source`` is a raster file, a Sentinel-2 product (SAFE, folder or zip), a folder of band files, or a list of files
    that are bands of one scene. ``memory`` bounds what is held beside the program itself; ``workers`` are threads, one
    per core by default. ``on_progress`` gets the finished share, 0…1; what it raises stops the run. Without ``resume``
    nothing of an earlier run is used, and nothing is kept where this one fails. With ``skip_bad_blocks`` damaged parts
    of the source become nodata. ``like="reflectance"`` applies scale and offset as the numbers are read; ``offset`` is
    one of :class:`cnnviz.sensors.Offset`. Raises CnnvizError; nothing half-written ever stands under the name of
    ``target``.
    """
    options = Options(memory, workers, resume, overwrite, skip_bad_blocks, like, offset)
    with planned(network, source, target, options) as run:
        return run.execute(on_progress)


@dataclass(frozen=True)
class PlannedRun:
    """A run that is ready to start: nothing is computed yet, and nobody else can write the target."""

    job: Job
    plan: Plan
    work: Workspace
    target: Path

    def execute(self, on_progress: Progress | None = None) -> Run:
        """Compute what is missing, and give the result its name. Raises CnnvizError."""
        started = time.monotonic()
        tell = on_progress or (lambda share: None)
        split = 1 - self.job.writing_share
        compute(self.job, self.plan, self.work, lambda share: tell(share * split))
        self._finish(lambda share: tell(split + (1 - split) * share))
        damages = tuple(self.work.notes())
        self.work.forget()
        tell(1.0)
        return Run(self.target, self.job.shape, damages, time.monotonic() - started)

    def _finish(self, on_progress: Progress) -> None:
        """Turn the pixels into the final file, and give it its name."""
        write_cog(self.work.pixels, self.work.partial, threads=self.plan.workers, on_progress=on_progress)
        try:
            with self.work.partial.open("rb") as file:
                os.fsync(file.fileno())
            self.work.partial.replace(self.target)
        except OSError as error:
            raise full_disk(self.target, error) from None


@contextmanager
def planned(
    network: Network, source: AnySource, target: str | os.PathLike[str], options: Options
) -> Iterator[PlannedRun]:
    """Give a run that is ready to start. What it has done is kept where it fails, and is to be resumed."""
    memory, workers, like = memory_bytes(options.memory), worker_count(options.workers), _like(options.like)
    place = free_target(Path(target), overwrite=options.overwrite)
    with workspace(place) as work:
        try:
            if not options.resume:
                work.forget()
            imagery = open_imagery(source, bands=network.bands, folder=work.source)
            _check_not_source(place, imagery)
            if like is Like.REFLECTANCE:
                imagery = as_reflectance(imagery, options.offset)
            job = fitted(network, imagery, skip_bad_blocks=options.skip_bad_blocks)
            plan = plan_run(job.network, imagery, memory=memory, workers=workers)
            _check_room(work, job.shape)
            yield PlannedRun(job, plan, work, place)
        except BaseException:
            if not options.resume or not work.has_finished_any():
                work.forget()
            raise


def _like(value: str) -> Like:
    try:
        return Like(value)
    except ValueError:
        raise ProcessError(f"received like {value!r:.40}: one of {', '.join(sorted(Like))} is expected") from None


def free_target(target: Path, *, overwrite: bool) -> Path:
    """Path of a file that may be written. Raises ProcessError."""
    place = target.absolute()
    if place.suffix.lower() not in (".tif", ".tiff"):
        raise ProcessError(f"received output {target.name!r}: a name that ends with .tif is expected")
    if not place.parent.is_dir():
        raise ProcessError(f"{place.parent.name} is no folder: choose one that exists")
    if place.is_dir():
        raise ProcessError(f"{target.name} is a folder: give the name of a file")
    if place.exists() and not overwrite:
        raise ProcessError(f"{target.name} exists: allow it to be replaced (--overwrite), or give another name")
    return place


def _check_not_source(place: Path, imagery: Imagery) -> None:
    if place.exists() and any(place.samefile(each.scene.path) for each in imagery.origins):
        raise ProcessError(f"{place.name} is what is read: give the output another name")


def _check_room(work: Workspace, shape: Shape) -> None:
    """Raise where the disk cannot hold the pixels and the final file."""
    needed = scratch_bytes(shape) + prod(shape) * 4
    free = disk_usage(work.folder).free
    if work.pixels.exists():
        status = work.pixels.stat()
        free += getattr(status, "st_blocks", status.st_size // _SECTOR) * _SECTOR
    if free < needed:
        raise ProcessError(
            f"the disk has {free / 1e6:,.0f} MB left: up to {needed / 1e6:,.0f} MB are needed on the way; "
            "free some space or choose another folder"
        )


def compute(job: Job, plan: Plan, work: Workspace, on_progress: Progress) -> None:
    """Compute the windows that are missing in ``work``, and record each as it is done."""
    pixels, done = _pixels(job, plan, work)
    total = len(plan.strips) * len(plan.chunks)
    on_progress(len(done) / total)
    with (
        reading(job.imagery, plan.workers, skip_bad=job.skip_bad_blocks) as reader,
        work.recording() as recorder,
        ThreadPoolExecutor(plan.workers) as pool,
    ):
        feed = Feed(job.network, plan, reader, pixels.write)
        for count, window in enumerate(feed.run(pool, plan.strips, lambda each: each not in done), len(done) + 1):
            for damage in reader.new_damages():
                recorder.note(str(damage))
            recorder.add(window)
            on_progress(count / total)


def _pixels(job: Job, plan: Plan, work: Workspace) -> tuple[Scratch, set[Window]]:
    """The growing result, and which of the plan's windows it has already."""
    finished = work.finished(job.word)
    if finished:
        return reopen(work.pixels, job.shape), covered(list(plan.windows()), finished)
    work.restart(job.word)
    return create(work.pixels, job.shape, job.labels), set()
