"""``python -m cnnviz run``: a recipe over a whole scene."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cnnviz.errors import ProcessError, RecipeError
from cnnviz.estimate import duration, estimate
from cnnviz.layers import Network
from cnnviz.process import Options, PlannedRun, Run, planned

EXAMPLE = "run data/edges.json data/sentinel2.tif edges.tif --memory 256MB"
ABOUT = "run a recipe over a whole scene, in bounded memory"
_BAR = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what ``run`` takes."""
    add = parser.add_argument
    add("recipe", metavar="RECIPE.json", help="the layers, as the dashboard saves them")
    add("input", metavar="INPUT", nargs="+", help="the scene: a raster, a SAFE folder or zip, or its bands' files")
    add("output", metavar="OUTPUT.tif", help="the Cloud-Optimized GeoTIFF to write: float32, NaN for no data")
    add("--memory", default="512MB", metavar="SIZE", help="what the run may hold, as 512MB or 2GB (default: 512MB)")
    add("--workers", type=int, metavar="N", help="threads (default: one per core)")
    add("--scheduler", metavar="ADDRESS", help="let a dask cluster compute, as tcp://10.0.0.5:8786; see the README")
    add("--no-resume", action="store_true", help="start anew, where an earlier run was stopped half-way")
    add("--overwrite", action="store_true", help="replace the output where it exists")
    add("--skip-bad-blocks", action="store_true", help="let damaged parts of the input become nodata")
    add("--like", default="file", metavar="file|reflectance", help="what numbers the network sees (default: file)")
    add("--offset", default="auto", metavar="auto|0|-1000", help="offset of the reflectance (default: auto)")
    add("--estimate", action="store_true", help="only say what the run would take")


def run(given: argparse.Namespace) -> None:
    """Run the command. Raises CnnvizError."""
    options = Options(
        memory=given.memory,
        workers=given.workers,
        resume=not given.no_resume,
        overwrite=given.overwrite or given.estimate,
        skip_bad_blocks=given.skip_bad_blocks,
        like=given.like,
        offset=given.offset,
        scheduler=given.scheduler,
    )
    source = given.input[0] if len(given.input) == 1 else given.input
    with planned(read_recipe(Path(given.recipe)), source, given.output, options) as ready:
        names = f"{ready.job.imagery.name} → {ready.target.name}"
        print_line(f"{names}: {estimate(ready.job, ready.plan, ready.crew)}")
        for remark in ready.job.imagery.remarks.values():
            print_line(remark)
        if not given.estimate:
            _tell(_watched(ready, resume=options.resume))


def _watched(ready: PlannedRun, *, resume: bool) -> Run:
    """Execute a run before the user's eyes."""
    progress = Progress() if sys.stderr.isatty() else None
    try:
        return ready.execute(progress)
    except KeyboardInterrupt:
        raise ProcessError(
            f"stopped; {'the same command goes on from here' if resume else 'nothing is kept'}"
        ) from None
    finally:
        if progress:
            progress.clear()


def _tell(done: Run) -> None:
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
