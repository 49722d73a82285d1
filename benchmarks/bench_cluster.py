"""What many machines would take: two figures of one core, measured here, and the table that follows from them.

    python -m benchmarks.bench_cluster [--side 10980 | --scene FILE] [--repeats 3] [--cores 8]

The work is that of :mod:`benchmarks.bench_scene`: a 3 × 3 volume convolution of all bands to one float32 band. R is the
processor time in which a scene is read and computed, W that in which its overviews and its file are made. A cut for
many hands decompresses some blocks more than once: the factor f is counted on the very parts that would be handed out.
Last comes a check of the sum: the same scene by worker processes of a scheduler on this machine.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from distributed import LocalCluster

from benchmarks.bench_scene import FOLDER, sample
from benchmarks.measuring import machine
from cnnviz.estimate import decoded_pixels, duration
from cnnviz.job import Job, fitted
from cnnviz.layers import Conv2D, Network
from cnnviz.parts import quick_parts
from cnnviz.process import run_scene
from cnnviz.products import open_imagery
from cnnviz.tiles import tile

MACHINES = (1, 10, 100)
SCENES = 1000


class Taken(NamedTuple):
    """Seconds of a run on the clock, and of the processor in its two stages."""

    clock: float
    reading: float
    writing: float


def work(scene: Path) -> Network:
    """All bands to one, with weights that are the same in every run."""
    bands = open_imagery(scene).shape[2]
    weights = np.random.default_rng(0).normal(size=(3, 3, bands, 1)).astype(np.float32)
    return Network([Conv2D(weights, padding="same")], name="volume")


def measured(network: Network, scene: Path, **how: object) -> Taken:
    """One run; with a ``scheduler`` the processor time is that of this process alone."""
    times: list[float] = []
    started = time.perf_counter()
    run_scene(
        network,
        scene,
        FOLDER / "cluster.tif",
        overwrite=True,
        resume=False,
        on_stage=lambda stage: times.append(time.process_time()),
        **how,  # type: ignore[arg-type]
    )
    reading, writing = np.diff([*times, time.process_time()])
    return Taken(time.perf_counter() - started, float(reading), float(writing))


def factor(job: Job, hands: int) -> float:
    """How many times so many hands decompress each pixel, on average."""
    shape, block = job.imagery.shape, job.imagery.block
    inputs = [tile(job.network, shape, window).inputs for window in quick_parts(job, hands)]
    return sum(decoded_pixels(each, block, shape) for each in inputs) / (shape[0] * shape[1])


def seconds(job: Job, taken: Taken, hands: int, cores: int) -> tuple[float, float]:
    """The factor, and the sum f · R / n + W / c."""
    times = factor(job, hands) if hands > cores else 1.0
    return times, times * taken.reading / hands + taken.writing / cores


def table(job: Job, taken: Taken, cores: int) -> None:
    """Print the README's table."""
    print(f"\n*R* = {taken.reading:.1f} s, *W* = {taken.writing:.1f} s\n")
    print(
        f"| | one scene: *f* · *R* / *n* + *W* / *c* | {SCENES:,} scenes: {SCENES:,} · (*R* + *W*) / *n* |\n"
        "|---|---|---|"
    )
    for count in MACHINES:
        times, one = seconds(job, taken, count * cores, cores)
        many = SCENES * (taken.reading + taken.writing) / (count * cores)
        name = f"1 machine of {cores} cores" if count == 1 else f"{count} machines"
        print(f"| {name} | *f* = {times:.2g}: {one:.1f} s | {duration(many)} |")


def check(network: Network, job: Job, scene: Path, taken: Taken) -> None:
    """Print what worker processes of a real scheduler on this machine take, beside the sum."""
    cores = os.cpu_count() or 1
    alone = measured(network, scene)
    with LocalCluster(n_workers=cores, threads_per_worker=1, dashboard_address=None) as here:
        many = measured(network, scene, scheduler=here.scheduler_address)
    times = factor(job, cores)
    expected = (times * taken.reading + taken.writing) / cores
    print(f"\n{cores} worker processes here: {many.clock:.1f} s; the sum says {expected:.1f} s with f = {times:.2g}")
    print(f"the same without a scheduler, {cores} threads: {alone.clock:.1f} s")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=10980, help="rows and columns of the synthetic tile")
    parser.add_argument("--scene", type=Path, help="a GeoTIFF of your own instead")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", type=int, default=8, help="cores of each machine in the table")
    wanted = parser.parse_args()
    print(machine("rasterio", "numpy", "distributed"))
    scene = wanted.scene or sample(wanted.side)
    network = work(scene)
    job = fitted(network, open_imagery(scene))
    runs = [measured(network, scene, workers=1) for _ in range(wanted.repeats)]
    taken = Taken(*(float(np.median(each)) for each in zip(*runs, strict=True)))
    table(job, taken, wanted.cores)
    check(network, job, scene, taken)


if __name__ == "__main__":
    main()
