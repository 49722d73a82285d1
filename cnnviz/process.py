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
from math import prod
from pathlib import Path
from shutil import disk_usage

from cnnviz import __version__
from cnnviz.blocks import Shape
from cnnviz.budget import Plan, memory_bytes, plan_run, worker_count
from cnnviz.cog import write_cog
from cnnviz.errors import ProcessError
from cnnviz.feed import Feed
from cnnviz.journal import Workspace, covered, fingerprint, workspace
from cnnviz.layers import Network
from cnnviz.reader import reading
from cnnviz.scene import Scene, open_scene
from cnnviz.scratch import Labels, Scratch, create, full_disk, reopen, scratch_bytes
from cnnviz.sources import Imagery, from_scene
from cnnviz.windows import Window

Progress = Callable[[float], None]
# Nanoseconds for a number that is read, a product, and a number that is written: rough, for the shares of a run.
_READ, _PRODUCT, _WRITTEN = 6.0, 0.1, 40.0
_SECTOR = 512  # what st_blocks counts


@dataclass(frozen=True)
class Run:
    """What a run has made: the file, its shape, what could not be read and is nodata now, and seconds of this run."""

    target: Path
    shape: Shape
    damages: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Job:
    """A network that fits its imagery, and what is asked of the run."""

    network: Network
    imagery: Imagery
    skip_bad_blocks: bool = False

    @property
    def shape(self) -> Shape:
        """Rows, columns and maps of the result."""
        return self.network.output_shape(self.imagery.shape)

    @property
    def labels(self) -> Labels:
        """What the result says about itself."""
        return Labels(
            self.imagery.crs,
            self.network.transform(self.imagery.transform, self.imagery.shape),
            self.network.labels(self.imagery.shape[2])[-1],
            {
                "TIFFTAG_SOFTWARE": f"cnnviz {__version__}",
                "CNNVIZ_VERSION": __version__,
                "CNNVIZ_RECIPE": self.network.to_json(),
                "CNNVIZ_SOURCE": self.imagery.name,
                **self.imagery.remarks,
            },
        )

    @property
    def word(self) -> str:
        """Fingerprint of what is computed; not of how: memory and workers may change between runs."""
        return fingerprint(
            {
                "tags": self.labels.tags,
                "bands": self.imagery.band_names,
                "source": self.imagery.key,
                "skip": self.skip_bad_blocks,
            }
        )

    @property
    def writing_share(self) -> float:
        """About how much of a run turns pixels into the final file, 0…1."""
        written = prod(self.shape) * _WRITTEN
        computed = sum(self.network.multiply_adds(self.imagery.shape)) * _PRODUCT
        return written / (prod(self.imagery.shape) * _READ + computed + written)


def run_scene(
    network: Network,
    source: str | os.PathLike[str] | Scene | Imagery,
    target: str | os.PathLike[str],
    *,
    memory: str | int = "512MB",
    workers: int | None = None,
    resume: bool = True,
    on_progress: Progress | None = None,
    overwrite: bool = False,
    skip_bad_blocks: bool = False,
) -> Run:
    """Run ``network`` over ``source`` and write its last layer's maps to the GeoTIFF ``target``.

    ``memory`` bounds what is held beside the program itself; ``workers`` are threads, one per core by default.
    ``on_progress`` gets the finished share, 0…1; what it raises stops the run. Without ``resume`` nothing of an earlier
    run is used, and nothing is kept where this one fails. Raises CnnvizError; nothing half-written ever stands under
    the name of ``target``.
    """
    started = time.monotonic()
    job = prepared(network, source, skip_bad_blocks=skip_bad_blocks)
    place = free_target(Path(target), job.imagery, overwrite=overwrite)
    plan = plan_run(job.network, job.imagery, memory=memory_bytes(memory), workers=worker_count(workers))
    tell = on_progress or (lambda share: None)
    with _kept_for_later(place, resume=resume) as work:
        _check_room(work, job.shape)
        split = 1 - job.writing_share
        compute(job, plan, work, lambda share: tell(share * split))
        finish(work, place, threads=plan.workers, on_progress=lambda share: tell(split + (1 - split) * share))
        damages = tuple(work.notes())
        work.forget()
    tell(1.0)
    return Run(place, job.shape, damages, time.monotonic() - started)


def prepared(
    network: Network, source: str | os.PathLike[str] | Scene | Imagery, *, skip_bad_blocks: bool = False
) -> Job:
    """Open the source and pick the bands that the network wants. Raises CnnvizError where they do not fit together."""
    imagery = source if isinstance(source, Imagery) else from_scene(_opened(source))
    if network.bands is not None:
        imagery = imagery.select(network.bands)
    network.output_shape(imagery.shape)
    return Job(Network(network.layers, bands=imagery.band_names, name=network.name), imagery, skip_bad_blocks)


def _opened(source: str | os.PathLike[str] | Scene) -> Scene:
    return source if isinstance(source, Scene) else open_scene(source)


def free_target(target: Path, imagery: Imagery, *, overwrite: bool) -> Path:
    """Path of a file that may be written. Raises ProcessError."""
    place = target.absolute()
    if place.suffix.lower() not in (".tif", ".tiff"):
        raise ProcessError(f"received output {target.name!r}: a name that ends with .tif is expected")
    if any(place.exists() and place.samefile(each.scene.path) for each in imagery.origins):
        raise ProcessError(f"{target.name} is what is read: give the output another name")
    if not place.parent.is_dir():
        raise ProcessError(f"{place.parent.name} is no folder: choose one that exists")
    if place.is_dir():
        raise ProcessError(f"{target.name} is a folder: give the name of a file")
    if place.exists() and not overwrite:
        raise ProcessError(f"{target.name} exists: allow it to be replaced (--overwrite), or give another name")
    return place


@contextmanager
def _kept_for_later(place: Path, *, resume: bool) -> Iterator[Workspace]:
    """The folder of the run; it goes with a run that fails where nothing is to be resumed."""
    with workspace(place) as work:
        if not resume:
            work.forget()
        try:
            yield work
        except BaseException:
            if not resume or not work.has_finished_any():
                work.forget()
            raise


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


def finish(work: Workspace, place: Path, *, threads: int, on_progress: Progress) -> None:
    """Turn the pixels of a complete run into the final file, and give it its name."""
    write_cog(work.pixels, work.partial, threads=threads, on_progress=on_progress)
    try:
        with work.partial.open("rb") as file:
            os.fsync(file.fileno())
        work.partial.replace(place)
    except OSError as error:
        raise full_disk(place, error) from None
