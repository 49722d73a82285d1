"""``python -m cnnviz run``: a recipe over a whole scene."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cnnviz.budget import memory_bytes, plan_run, worker_count
from cnnviz.errors import ProcessError, RecipeError
from cnnviz.estimate import duration, estimate
from cnnviz.layers import Network
from cnnviz.process import free_target, prepared, run_scene

EXAMPLE = "run data/edges.json data/sentinel2.tif edges.tif --memory 256MB"
ABOUT = "run a recipe over a whole scene, in bounded memory"
_BAR = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what ``run`` takes."""
    add = parser.add_argument
    add("recipe", metavar="RECIPE.json", help="the layers, as the dashboard saves them")
    add("input", metavar="INPUT", help="the scene: a GeoTIFF, JPEG 2000, PNG or JPEG file")
    add("output", metavar="OUTPUT.tif", help="the Cloud-Optimized GeoTIFF to write: float32, NaN for no data")
    add("--memory", default="512MB", metavar="SIZE", help="what the run may hold, as 512MB or 2GB (default: 512MB)")
    add("--workers", type=int, metavar="N", help="threads (default: one per core)")
    add("--no-resume", action="store_true", help="start anew, where an earlier run was stopped half-way")
    add("--overwrite", action="store_true", help="replace the output where it exists")
    add("--skip-bad-blocks", action="store_true", help="let damaged parts of the input become nodata")
    add("--estimate", action="store_true", help="only say what the run would take")


def run(given: argparse.Namespace) -> None:
    """Run the command. Raises CnnvizError."""
    network = read_recipe(Path(given.recipe))
    job = prepared(network, given.input, skip_bad_blocks=given.skip_bad_blocks)
    plan = plan_run(job.network, job.imagery, memory=memory_bytes(given.memory), workers=worker_count(given.workers))
    free_target(Path(given.output), job.imagery, overwrite=given.overwrite or given.estimate)
    print_line(f"{job.imagery.name} → {Path(given.output).name}: {estimate(job, plan)}")
    if given.estimate:
        return
    progress = Progress() if sys.stderr.isatty() else None
    try:
        done = run_scene(
            network,
            job.imagery,
            given.output,
            memory=given.memory,
            workers=given.workers,
            resume=not given.no_resume,
            on_progress=progress,
            overwrite=given.overwrite,
            skip_bad_blocks=given.skip_bad_blocks,
        )
    except KeyboardInterrupt:
        what = "nothing is kept" if given.no_resume else "the same command goes on from here"
        raise ProcessError(f"stopped; {what}") from None
    finally:
        if progress:
            progress.clear()
    for damage in done.damages:
        print_line(f"nodata, for it cannot be read: {damage}")
    rows, cols, maps = done.shape
    print_line(f"wrote {done.target.name}: {rows:,} × {cols:,} × {maps}, {duration(done.seconds)}")


def read_recipe(path: Path) -> Network:
    """Network of a recipe file. Raises RecipeError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"{path.name} cannot be read: {error.strerror}; check the path of the recipe") from None
    return Network.from_json(text)


class Progress:
    """A bar with the time that is left, in one line of the terminal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started: tuple[float, float] | None = None
        self._shown = ""

    def __call__(self, share: float) -> None:
        """Show the share that is done, 0…1."""
        now = self._clock()
        self._started = self._started or (now, share)
        self._show(self.line(share, now))

    def line(self, share: float, now: float) -> str:
        """Bar, percentage and time left, which is judged by what this run has done so far."""
        since, before = self._started or (now, share)
        full = round(share * _BAR)
        left = ""
        if share > before:
            left = f" {duration((now - since) / (share - before) * (1 - share))} left"
        return f"{'█' * full}{'·' * (_BAR - full)} {share:4.0%}{left}"

    def clear(self) -> None:
        """Leave the line as it was."""
        self._show("")

    def _show(self, line: str) -> None:
        if line != self._shown:
            sys.stderr.write("\r" + line.ljust(len(self._shown)) + ("" if line else "\r"))
            sys.stderr.flush()
            self._shown = line


def print_line(text: str) -> None:
    """Tell the user."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
