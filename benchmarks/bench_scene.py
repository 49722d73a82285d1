"""A network over a whole scene, beside what the disk and the decoder alone take, and beside others that do the same.

    python -m benchmarks.bench_scene [--side 10980 | --scene FILE] [--memory 512MB] [--repeats 5] [--limit 900]

The work: a 3 × 3 volume convolution of 13 uint16 bands to one float32 band, ``same``, on the synthetic tile, which is
made in ``build/bench`` once. Every case runs in a fresh process; seconds are those of the whole process, start
included, MB is the most that it held. The files of the peers are compared with ours pixel by pixel. ``read_and_write``
is rasterio alone: it reads all blocks of all bands and writes the result's pixels, deflated as ours are, on as many
threads. Ours and that take turns; peers run once.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from rasterio.windows import Window

from benchmarks.measuring import machine
from cnnviz.layers import Conv2D, Network

FOLDER = Path(__file__).parents[1] / "build" / "bench"
NEEDED: dict[str, Callable[[], bool]] = {
    "scipy_whole": lambda: find_spec("scipy") is not None,
    "xarray_spatial": lambda: find_spec("xrspatial") is not None and find_spec("dask") is not None,
    "gdal_vrt": lambda: shutil.which("gdal_translate") is not None,
    "orfeo": lambda: shutil.which("otbcli_BandMathX") is not None,
}
BASES = ("read_and_write", "read_and_write_plain")
AGREED = 1e-4  # of the largest value: float32 sums of 117 products, in whatever order


class Taken(NamedTuple):
    """Seconds of a process, those of all its processors, and megabytes; whether it ended well."""

    seconds: float
    processor: float
    megabytes: float
    ended: bool


class Bench(NamedTuple):
    """A scene, the work on it, and where results go."""

    scene: Path
    folder: Path
    threads: int
    limit: float

    @property
    def recipe(self) -> Path:
        """The network."""
        return self.folder / "scene-recipe.json"

    @property
    def weights(self) -> Path:
        """The same weights for the peers."""
        return self.folder / "scene-weights.npy"

    @property
    def pixels(self) -> Path:
        """Our result as an array."""
        return self.folder / "scene-pixels.npy"

    def output(self, name: str) -> Path:
        """File of a case."""
        return self.folder / f"scene-{name}.tif"

    def ours(self, memory: str) -> Taken:
        """``python -m cnnviz run``."""
        given = [str(self.recipe), str(self.scene), str(self.output("ours")), "--memory", memory]
        return self._timed(["cnnviz", "run", *given, "--workers", str(self.threads), "--overwrite", "--no-resume"])

    def peer(self, name: str) -> Taken:
        """One of :mod:`benchmarks.scene_peers`."""
        given = self.pixels if name in BASES else self.weights
        paths = [str(self.scene), str(given), str(self.output(name)), str(self.threads)]
        return self._timed(["benchmarks.scene_peers", name, *paths])

    def _timed(self, module: Sequence[str]) -> Taken:
        started, before = time.perf_counter(), _spent()
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        peak = 0.0
        while process.poll() is None and time.perf_counter() - started < self.limit:
            time.sleep(0.01)
            peak = max(peak, _held(process.pid))
        seconds = time.perf_counter() - started
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        ended = process.wait() == 0
        return Taken(seconds, _spent() - before, peak, ended)


def _spent() -> float:
    """Processor seconds of all processes that this one has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _held(leader: int) -> float:
    """Resident megabytes at most so far, of a process or of one that it has started, whichever held more."""
    found = 0
    for entry in (leader, *_children(leader)):
        try:
            lines = Path(f"/proc/{entry}/status").read_text().splitlines()
        except OSError:
            continue
        found = max(found, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
    return found * 1024 / 1e6


def _children(leader: int) -> list[int]:
    try:
        own = [int(pid) for pid in Path(f"/proc/{leader}/task/{leader}/children").read_text().split()]
    except OSError:
        return []
    return [pid for each in own for pid in (each, *_children(each))]


def prepared(scene: Path, threads: int, limit: float) -> Bench:
    """The work on a scene, written down; our own result as the array that is compared."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    bench = Bench(scene, FOLDER, threads, limit)
    with rasterio.open(scene) as dataset:
        bands = dataset.count
    weights = np.random.default_rng(0).normal(size=(3, 3, bands)).astype(np.float32)
    np.save(bench.weights, weights)
    bench.recipe.write_text(Network([Conv2D(weights[..., None], padding="same")], name="volume").to_json())
    if not bench.ours("512MB").ended:
        raise SystemExit(f"cnnviz failed on {scene.name}")
    with rasterio.open(bench.output("ours")) as dataset:
        np.save(bench.pixels, dataset.read(1))
    return bench


def sample(side: int) -> Path:
    """The synthetic tile, made once."""
    path = FOLDER / f"tile-{side}.tif"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        size = ["--rows", str(side), "--cols", str(side)]
        subprocess.run(
            [sys.executable, "-m", "cnnviz", "sample", str(path), *size], check=True, stdout=subprocess.DEVNULL
        )
    return path


def difference(bench: Bench, name: str) -> float:
    """Largest difference from ours inside the frame, where ours holds numbers, as a share of the largest value."""
    ours, worst, largest = np.load(bench.pixels, mmap_mode="r"), 0.0, 0.0
    with rasterio.open(bench.output(name)) as dataset:
        for row in range(1, dataset.height - 1, 512):
            rows = min(512, dataset.height - 1 - row)
            other = dataset.read(1, window=Window(1, row, dataset.width - 2, rows))
            own = ours[row : row + rows, 1:-1]
            known = np.isfinite(own)
            worst = max(worst, float(np.abs(own - other, where=known, out=np.zeros_like(own)).max()))
            largest = max(largest, float(np.abs(own, where=known, out=np.zeros_like(own)).max()))
    if worst > AGREED * largest:
        raise SystemExit(f"{name} differs from ours by {worst / largest:.1e} of the largest value")
    return worst / largest


def line(name: str, runs: Sequence[Taken], base: float, remark: str = "") -> None:
    """Print median and spread of the seconds, the ratio to ``base``, processor seconds and the peak."""
    seconds, more = [run.seconds for run in runs], "" if runs[-1].ended else "> "
    middle, busy = float(np.median(seconds)), float(np.median([run.processor for run in runs]))
    spread, peak = f"{min(seconds):.1f}–{max(seconds):.1f}", max(run.megabytes for run in runs)
    print(f"{name:22}{f'{more}{middle:.2f}':>10}{spread:>14}{f'{more}{middle / base:.2f}':>9}", end="")
    print(f"{busy:10.1f}{peak:8.0f}  {remark}")


def against_others(bench: Bench, memory: str, repeats: int, skip: Sequence[str]) -> None:
    """Ours and rasterio's bare reading and writing in turns, then the peers, each compared with ours."""
    works = {"cnnviz": lambda: bench.ours(memory), **{name: lambda name=name: bench.peer(name) for name in BASES}}
    taken: dict[str, list[Taken]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            taken[name].append(work())
    base = float(np.median([run.seconds for run in taken[BASES[0]]]))
    print(f"\n{bench.scene.name}, {memory}\n{'':22}{'s':>10}{'spread':>14}{'ratio':>9}{'CPU s':>10}{'MB':>8}")
    for name, runs in taken.items():
        line(name, runs, base)
    for name, is_here in NEEDED.items():
        if name in skip or not is_here():
            print(f"{name:22}   {'skipped' if name in skip else 'not installed'}")
            continue
        run = bench.peer(name)
        line(name, [run], base, f"differs by {difference(bench, name):.0e}" if run.ended else "stopped")


def by_size(sides: Sequence[int], threads: int, repeats: int) -> None:
    """Cost per pixel of ours, of the whole process and without what an almost empty scene takes."""
    print(f"\n{'px a side':>12}{'s':>9}{'CPU s':>9}{'CPU ns / px':>13}{'less start':>12}{'MB':>8}")
    start = None
    for side in (64, *sides):
        bench = prepared(sample(side), threads, 600)
        runs = [bench.ours("512MB") for _ in range(repeats)]
        seconds, busy = float(np.median([run.seconds for run in runs])), float(np.median([r.processor for r in runs]))
        start = busy if start is None else start
        each, rest = busy / side**2 * 1e9, (busy - start) / side**2 * 1e9
        peak = max(run.megabytes for run in runs)
        print(f"{side:12,}{seconds:9.2f}{busy:9.2f}{each:13.1f}{rest:12.1f}{peak:8.0f}")


def by_memory(bench: Bench, budgets: Sequence[str]) -> None:
    """Peak of ours under several budgets."""
    print(f"\n{'budget':>12}{'s':>9}{'MB':>8}")
    for budget in budgets:
        run = bench.ours(budget)
        print(f"{budget:>12}{run.seconds:9.2f}{run.megabytes:8.0f}" + ("" if run.ended else "  failed"))


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=10980, help="rows and columns of the synthetic tile")
    parser.add_argument("--scene", type=Path, help="a GeoTIFF of your own instead")
    parser.add_argument("--memory", default="512MB", help="budget of ours in the first table")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=float, default=900, help="seconds after which a peer is stopped")
    parser.add_argument("--skip", nargs="*", default=[], choices=[*NEEDED, "sizes", "budgets"])
    wanted = parser.parse_args()
    print(machine("rasterio", "numpy", "opencv-python-headless"))
    bench = prepared(wanted.scene or sample(wanted.side), wanted.threads, wanted.limit)
    against_others(bench, wanted.memory, wanted.repeats, wanted.skip)
    if "budgets" not in wanted.skip:
        by_memory(bench, ("128MB", "256MB", "512MB", "2GB"))
    if "sizes" not in wanted.skip and not wanted.scene:
        by_size([side for side in (1024, 2048, 4096) if side < wanted.side] + [wanted.side], wanted.threads, 3)


if __name__ == "__main__":
    main()
