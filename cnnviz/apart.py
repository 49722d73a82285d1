"""A run that is computed in parts by many hands: merged into one file, or left as they are."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cnnviz.cluster import Hands
from cnnviz.job import Job
from cnnviz.journal import Recorder, Workspace, covered, remove_folder
from cnnviz.mosaic import publish, tiles_folder, vrt
from cnnviz.parts import Order, check_arrived, even_parts, make_part, merge, quick_parts
from cnnviz.scratch import Scratch
from cnnviz.windows import Window

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Share:
    """Who computes a run's parts, and what each may take: bytes, and threads."""

    hands: Hands
    memory: int
    workers: int


def compute_merged(
    job: Job, share: Share, work: Workspace, pixels: Scratch, done: Sequence[Window], on_progress: Progress
) -> None:
    """Compute what is not ``done`` and put it into ``pixels``; every part is recorded as it gets there."""
    windows = quick_parts(job, share.hands.threads)
    there = covered(windows, done)
    missing = [window for window in windows if window not in there]
    with _loose(work) as folder, work.recording() as recorder:
        order = Order(job, folder, share.memory, share.workers, lasting=False)
        for window in _spread(order, share.hands, windows, missing, recorder, on_progress):
            merge(order.file(window), window, pixels)
            order.file(window).unlink()
            recorder.add(window)


def compute_lasting(job: Job, share: Share, work: Workspace, on_progress: Progress) -> None:
    """Compute the parts that are missing among those that stay, and record each."""
    order = Order(job, work.parts, share.memory, share.workers, lasting=True)
    finished = {window for window in work.finished(job.word) if order.file(window).exists()}
    if not finished:
        work.restart(job.word)
    work.parts.mkdir(exist_ok=True)
    windows = even_parts(job)
    missing = [window for window in windows if window not in finished]
    with work.recording() as recorder:
        for window in _spread(order, share.hands, windows, missing, recorder, on_progress):
            recorder.add(window)


def publish_lasting(job: Job, work: Workspace, target: Path) -> None:
    """Give the parts, and the VRT that shows them as one, their names."""
    order = Order(job, work.parts, 0, 0, lasting=True)
    folder = PurePosixPath(tiles_folder(target).name)
    files = {window: folder / order.file(window).name for window in even_parts(job)}
    for path in work.parts.iterdir():
        if path.name.startswith("."):  # of a worker that was killed
            path.unlink(missing_ok=True)
    publish(target, work.parts, work.partial, vrt(job.shape, job.labels, files))


def _spread(
    order: Order,
    hands: Hands,
    windows: Sequence[Window],
    missing: Sequence[Window],
    recorder: Recorder,
    on_progress: Progress,
) -> Iterator[Window]:
    """Yield each missing window when its file is there."""
    total, sizes = sum(_size(window) for window in windows), [_size(window) for window in missing]
    left, done = sum(sizes), 0

    def tell(share: float) -> None:
        on_progress(1 - (left - share * sizes[done]) / total if share else 1 - left / total)

    tell(0.0)
    for window, damages in hands.spread(make_part, order, missing, tell):
        check_arrived(order.file(window))
        for damage in damages:
            recorder.note(damage)
        yield window
        left, done = left - _size(window), done + 1
    tell(0.0)


def _size(window: Window) -> int:
    return window.rows * window.cols


@contextmanager
def _loose(work: Workspace) -> Iterator[Path]:
    """Give a folder for parts on their way, which no worker of an earlier run knows."""
    for old in work.folder.glob("loose-*"):
        remove_folder(old)
    folder = work.folder / f"loose-{secrets.token_hex(8)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        remove_folder(folder)
