"""A network over a whole scene, in bounded memory: the same numbers as in memory, to the last bit.

::

    run_scene(Network([Conv2D("sobel_vertical"), Activation("relu")]), "scene.tif", "edges.tif", memory="512MB")

The result is a Cloud-Optimized GeoTIFF of float32 with NaN as nodata. It gets its name when it is complete. A run that
was killed goes on where it stopped when it is started again. Where the target's name ends with ``.vrt``, the result
stays in tiles beside it. With a ``scheduler`` the workers of a dask.distributed cluster compute.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Union

from cnnviz.apart import Progress, Share, compute_lasting, compute_merged, publish_lasting
from cnnviz.blocks import Shape
from cnnviz.budget import Plan, memory_bytes, plan_run, worker_count
from cnnviz.cluster import Alone, Crew, connected
from cnnviz.cog import write_cog
from cnnviz.errors import ProcessError
from cnnviz.feed import Feed
from cnnviz.job import Job, fitted
from cnnviz.journal import Workspace, covered, workspace
from cnnviz.layers import Network
from cnnviz.mosaic import tiles_folder
from cnnviz.parts import even_parts, quick_parts
from cnnviz.products import AnySource, as_reflectance, open_imagery
from cnnviz.reader import reading
from cnnviz.scratch import Scratch, create, full_disk, reopen, scratch_bytes
from cnnviz.sensors import Offset
from cnnviz.sources import Imagery
from cnnviz.windows import Window

if TYPE_CHECKING:
    import keras

AnyNetwork = Union[Network, "keras.Model"]
_SECTOR = 512  # what st_blocks counts


class Like(StrEnum):
    """What numbers a network sees: the file's own, or reflectance."""

    FILE = "file"
    REFLECTANCE = "reflectance"


class Stage(StrEnum):
    """What a run is at."""

    COMPUTING = "computing"
    WRITING = "writing the file"


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
    scheduler: str | None = None


def run_scene(
    network: AnyNetwork,
    source: AnySource,
    target: str | os.PathLike[str],
    *,
    memory: str | int = "512MB",
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = True,
    on_progress: Progress | None = None,
    overwrite: bool = False,
    skip_bad_blocks: bool = False,
    like: str = "file",
    offset: str = "auto",
    on_stage: Callable[[Stage], None] | None = None,
) -> Run:
    """Run ``network`` over ``source`` and write its last layer's maps to ``target``, a GeoTIFF or a VRT of tiles.

    ``network`` may be a Keras model, see :mod:`cnnviz.from_keras`. ``source`` is a raster file, a Sentinel-2 product
    (SAFE, folder or zip), a folder of band files, or a list of files that are bands of one scene. ``memory`` bounds
    what is held beside the program itself; ``workers`` are threads, one per core by default. With a ``scheduler``
    (``"tcp://10.0.0.5:8786"``) the workers of a dask.distributed cluster compute, ``memory`` is for each of their
    processes, and all machines find input and output under the same paths.
    ``on_progress`` gets the finished share, 0…1; what it raises stops the run. ``on_stage`` gets every :class:`Stage`
    as it begins. Without ``resume`` nothing of an earlier run is used, and nothing is kept where this one fails. With
    ``skip_bad_blocks`` damaged parts of the source become nodata. ``like="reflectance"`` applies scale and offset as
    the numbers are read; ``offset`` is one of :class:`cnnviz.sensors.Offset`. Raises CnnvizError; nothing half-written
    ever stands under the name of ``target``.
    """
    options = Options(memory, workers, resume, overwrite, skip_bad_blocks, like, offset, scheduler)
    return run_with(network, source, target, options, on_progress, on_stage)


def run_with(
    network: AnyNetwork,
    source: AnySource,
    target: str | os.PathLike[str],
    options: Options,
    on_progress: Progress | None = None,
    on_stage: Callable[[Stage], None] | None = None,
) -> Run:
    """Do as :func:`run_scene` does, with its options as one value."""
    with planned(network, source, target, options) as run:
        return run.execute(on_progress, on_stage)


@dataclass(frozen=True)
class PlannedRun:
    """A run that is ready to start: nothing is computed yet, and nobody else can write the target.

    ``workers`` are threads of this machine; with a ``share`` the result is computed in parts, to the ``plan`` of one.
    """

    job: Job
    plan: Plan
    work: Workspace
    target: Path
    workers: int
    share: Share | None = None

    @property
    def crew(self) -> Crew | None:
        """The cluster that computes, if one does."""
        return self.share.hands if self.share and isinstance(self.share.hands, Crew) else None

    @property
    def is_lasting(self) -> bool:
        """Whether the result stays in parts."""
        return _is_vrt(self.target)

    def execute(self, on_progress: Progress | None = None, on_stage: Callable[[Stage], None] | None = None) -> Run:
        """Compute what is missing, and give the result its name. Raises CnnvizError."""
        started = time.monotonic()
        tell, enter = on_progress or (lambda share: None), on_stage or (lambda stage: None)
        split = 1.0 if self.is_lasting else 1 - self.job.writing_share(self._cores, self.workers)
        enter(Stage.COMPUTING)
        self._compute(lambda share: tell(share * split))
        if self.is_lasting:
            publish_lasting(self.job, self.work, self.target)
        else:
            enter(Stage.WRITING)
            self._finish(lambda share: tell(split + (1 - split) * share))
        damages = tuple(self.work.notes())
        self.work.forget()
        tell(1.0)
        return Run(self.target, self.job.shape, damages, time.monotonic() - started)

    @property
    def _cores(self) -> int:
        """How many compute."""
        return self.workers if self.share is None else max(self.share.hands.threads, 1) * self.share.workers

    def _compute(self, on_progress: Progress) -> None:
        if self.share is None:
            compute(self.job, self.plan, self.work, on_progress)
        elif self.is_lasting:
            compute_lasting(self.job, self.share, self.work, on_progress)
        else:
            pixels, done = _pixels(self.job, self.work)
            compute_merged(self.job, self.share, self.work, pixels, done, on_progress)

    def _finish(self, on_progress: Progress) -> None:
        """Turn the pixels into the final file, and give it its name."""
        write_cog(self.work.pixels, self.work.partial, threads=self.workers, on_progress=on_progress)
        try:
            with self.work.partial.open("rb") as file:
                os.fsync(file.fileno())
            self.work.partial.replace(self.target)
        except OSError as error:
            raise full_disk(self.target, error) from None


@contextmanager
def planned(
    network: AnyNetwork, source: AnySource, target: str | os.PathLike[str], options: Options
) -> Iterator[PlannedRun]:
    """Give a run that is ready to start. What it has done is kept where it fails, and is to be resumed."""
    memory, workers, like = memory_bytes(options.memory), worker_count(options.workers), _like(options)
    network = network if isinstance(network, Network) else Network.from_keras(network)
    place = free_target(Path(target), overwrite=options.overwrite)
    crew = connected(options.scheduler) if options.scheduler is not None else nullcontext()
    with workspace(place) as work, crew as hands:
        try:
            if not options.resume:
                work.forget()
            imagery = open_imagery(source, bands=network.bands, folder=work.source)
            _check_not_source(place, imagery)
            if like is Like.REFLECTANCE:
                imagery = as_reflectance(imagery, options.offset)
            job = fitted(network, imagery, skip_bad_blocks=options.skip_bad_blocks)
            share = _share(hands, memory, workers, lasting=_is_vrt(place))
            plan = (
                plan_run(job.network, imagery, memory=memory, workers=workers) if share is None else _plan(job, share)
            )
            _check_room(work, job.shape)
            yield PlannedRun(job, plan, work, place, workers, share)
        except BaseException:
            if not options.resume or not work.has_finished_any():
                work.forget()
            raise


def _share(crew: Crew | None, memory: int, workers: int, *, lasting: bool) -> Share | None:
    """Who computes parts; None where there are none: one machine makes one file in one go."""
    if crew is not None:
        return Share(crew, memory // crew.broadest, 1)
    return Share(Alone(), memory, workers) if lasting else None


def _plan(job: Job, share: Share) -> Plan:
    """Plan of the part that takes most memory, so far as the first and the middle one tell. Raises ProcessError."""
    parts = even_parts(job) if isinstance(share.hands, Alone) else quick_parts(job, share.hands.threads)
    how = {"memory": share.memory, "workers": share.workers}
    try:
        plans = [plan_run(job.network, job.imagery, **how, part=parts[place]) for place in (0, len(parts) // 2)]
    except ProcessError as error:
        if not isinstance(share.hands, Crew):
            raise
        raise ProcessError(f"{error} for each thread of a worker process, which has {share.hands.broadest}") from None
    return max(plans, key=lambda plan: plan.memory)


def _is_vrt(target: Path) -> bool:
    return target.suffix.lower() == ".vrt"


def _like(options: Options) -> Like:
    try:
        like = Like(options.like)
    except ValueError:
        raise ProcessError(
            f"received like {options.like!r:.40}: one of {', '.join(sorted(Like))} is expected"
        ) from None
    if like is Like.FILE and options.offset != Offset.AUTO:
        raise ProcessError(f"received offset {options.offset!r:.40}: it is for reflectance (--like reflectance)")
    return like


def free_target(target: Path, *, overwrite: bool) -> Path:
    """Path of a file that may be written. Raises ProcessError."""
    place = target.absolute()
    if place.suffix.lower() not in (".tif", ".tiff", ".vrt") or not place.name.isprintable():
        raise ProcessError(
            f"received output {target.name!r}: a printable name that ends with .tif is expected, or with .vrt, or a "
            "folder that exists"
        )
    if not place.parent.is_dir():
        raise ProcessError(f"{place.parent.name} is no folder: choose one that exists")
    if place.is_dir():
        raise ProcessError(f"{target.name} is a folder: give the name of a file")
    if place.exists() and not overwrite:
        raise ProcessError(f"{target.name} exists: allow it to be replaced (--overwrite), or give another name")
    if _is_vrt(place) and tiles_folder(place).exists() and not overwrite:
        raise ProcessError(
            f"{tiles_folder(place).name} exists: allow it to be replaced (--overwrite), or give another name"
        )
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
    pixels, finished = _pixels(job, work)
    done = covered(list(plan.windows()), finished)
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


def _pixels(job: Job, work: Workspace) -> tuple[Scratch, list[Window]]:
    """The growing result, and which windows it has already."""
    finished = work.finished(job.word)
    if finished:
        return reopen(work.pixels, job.shape), finished
    work.restart(job.word)
    return create(work.pixels, job.shape, job.labels), []
