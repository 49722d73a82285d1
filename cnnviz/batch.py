"""Many scenes: the same network over each, one after the other or spread over a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import rasterio

from cnnviz import __version__
from cnnviz.apart import Progress
from cnnviz.budget import memory_bytes
from cnnviz.cluster import Crew, connected
from cnnviz.errors import CnnvizError, ProcessError
from cnnviz.layers import Network
from cnnviz.parts import check_arrived, check_seen
from cnnviz.process import Like, Options, Run, run_with
from cnnviz.reading import FAILURES, quiet

_ENDINGS = (".tif", ".tiff", ".jp2", ".safe", ".zip", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Outcome:
    """What became of one scene: a run, an ``error``, or neither where an earlier run has made the same file."""

    source: Path
    target: Path
    run: Run | None = None
    error: str = ""


@dataclass(frozen=True)
class Batch:
    """What is asked of every scene. It travels to other machines."""

    network: Network
    options: Options


def targets(sources: Sequence[str | os.PathLike[str]], folder: Path) -> list[tuple[Path, Path]]:
    """Each scene with the file in ``folder`` that it is written to. Raises ProcessError where two would be the same.

    >>> targets(["a/S2A_X.SAFE.zip"], Path("maps"))[0][1].name
    'S2A_X.tif'
    """
    found: dict[Path, Path] = {}
    for source in map(Path, sources):
        target = folder / f"{_stem(source.name)}.tif"
        if target in found:
            raise ProcessError(
                f"{found[target].name} and {source.name} would both be written to {target.name}: run them apart"
            )
        found[target] = source
    return [(source.absolute(), target.absolute()) for target, source in found.items()]


def _stem(name: str) -> str:
    while name.lower().endswith(_ENDINGS):
        name = name[: name.rindex(".")]
    return name


def run_scenes(batch: Batch, pairs: Sequence[tuple[Path, Path]], tell: Progress) -> Iterator[Outcome]:
    """Run over every scene; yield what became of each as it is done. ``tell`` gets the share of all, 0…1.

    On a cluster with at least as many scenes as threads, each thread takes whole scenes; with fewer, all threads
    work on one scene at a time. Raises ProcessError where there is no going on.
    """
    if batch.options.scheduler is not None:
        with connected(batch.options.scheduler) as crew:
            if len(pairs) >= crew.threads:
                yield from _spread(batch, crew, pairs, tell)
                return
    for number, pair in enumerate(pairs):
        yield run_one(batch, pair, partial(_told, tell, number, len(pairs)))


def _told(tell: Progress, number: int, total: int, share: float) -> None:
    tell((number + share) / total)


def _spread(batch: Batch, crew: Crew, pairs: Sequence[tuple[Path, Path]], tell: Progress) -> Iterator[Outcome]:
    memory = memory_bytes(batch.options.memory) // crew.broadest
    each = Batch(batch.network, replace(batch.options, memory=memory, workers=1, scheduler=None))
    done: list[Outcome] = []
    for _, outcome in crew.spread(_run_afar, each, pairs, lambda share: tell(len(done) / len(pairs))):
        if not outcome.error:
            check_arrived(outcome.target)
        done.append(outcome)
        yield outcome


def _run_afar(batch: Batch, pair: tuple[Path, Path], tell: Progress) -> Outcome:
    """As :func:`run_one`, on a worker, which has to see the files. Raises ProcessError."""
    source, target = pair
    check_seen({source.name: source, "the output's folder": target.parent})
    return run_one(batch, pair, tell)


def run_one(batch: Batch, pair: tuple[Path, Path], tell: Progress | None = None) -> Outcome:
    """Run over one scene, unless an earlier run has made the same file."""
    source, target = pair
    try:
        if not batch.options.overwrite and is_made(batch, source, target):
            return Outcome(source, target)
        run = run_with(batch.network, source, target, batch.options, tell)
    except CnnvizError as error:
        return Outcome(source, target, error=str(error))
    return Outcome(source, target, run)


def is_made(batch: Batch, source: Path, target: Path) -> bool:
    """Whether ``target`` says that it was made of this source, which has not changed since, by this network."""
    try:
        with quiet():
            dataset = rasterio.open(target, driver="GTiff")
        with dataset:
            tags = dataset.tags()
        made = Network.from_json(tags.get("CNNVIZ_RECIPE", ""), longest=None)
        newer = target.stat().st_mtime_ns >= source.stat().st_mtime_ns
    except FAILURES:
        return False
    wanted = batch.network
    return (
        newer
        and made.layers == wanted.layers
        and wanted.bands in (None, made.bands)
        and tags.get("CNNVIZ_SOURCE") == source.name
        and tags.get("CNNVIZ_VERSION") == __version__
        and ("CNNVIZ_REFLECTANCE" in tags) == (batch.options.like == Like.REFLECTANCE)
    )
