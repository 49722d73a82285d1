"""``python -m cnnviz run``: a recipe over a whole scene."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from glob import glob
from pathlib import Path

from cnnviz.batch import Batch, Outcome, run_scenes, targets
from cnnviz.errors import ProcessError, RecipeError
from cnnviz.estimate import duration, estimate
from cnnviz.layers import Network
from cnnviz.process import Options, PlannedRun, Run, planned

EXAMPLE = "run data/edges.json data/sentinel2.tif edges.tif --memory 256MB"
ABOUT = "run a recipe or a Keras model over whole scenes, in bounded memory"
_BAR = 30
_NAMED = 3
_LARGEST = 256 * 10**6  # bytes of a recipe, about 20 million weights
_PATTERN = re.compile(r"[*?\[]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what ``run`` takes."""
    add = parser.add_argument
    add("recipe", metavar="RECIPE", help="the layers: RECIPE.json as the dashboard saves it, or a MODEL.keras")
    add(
        "input",
        metavar="INPUT",
        nargs="+",
        help="the scene: a raster, a SAFE folder or zip, or its bands' files; a pattern in quotes stands for what it "
        "matches",
    )
    add(
        "output",
        metavar="OUTPUT.tif",
        help="the Cloud-Optimized GeoTIFF to write: float32, NaN for no data. OUTPUT.vrt: tiles of 4096 × 4096 that "
        "stay, and a VRT that shows them as one. A folder that exists: every INPUT is a scene of its own",
    )
    add("--memory", default="512MB", metavar="SIZE", help="what the run may hold, as 512MB or 2GB (default: 512MB)")
    add("--workers", type=int, metavar="N", help="threads (default: one per core)")
    add("--scheduler", metavar="ADDRESS", help="let a dask cluster compute, as tcp://10.0.0.5:8786; see the README")
    add("--bands", metavar="B04,B03", help="the bands that the network sees, in this order (default: the recipe's)")
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
    if not given.output:
        raise ProcessError("received an empty name as output: give the name of a file, or of a folder that exists")
    network, inputs, output = read_network(Path(given.recipe), given.bands), expanded(given.input), Path(given.output)
    if not output.is_dir():
        _run_one(network, inputs[0] if len(inputs) == 1 else inputs, output, options, estimating=given.estimate)
    elif given.estimate:
        for source, target in targets(inputs, output):
            _run_one(network, str(source), target, options, estimating=True)
    else:
        _run_all(Batch(network, options), targets(inputs, output))


def expanded(inputs: Sequence[str]) -> list[str]:
    """Inputs with patterns replaced by what they match, sorted. Raises ProcessError where that is nothing."""
    found: list[str] = []
    for each in inputs:
        is_plain = Path(each).exists() or not _PATTERN.search(each)
        matches = [each] if is_plain else sorted(glob(each, recursive=True))  # noqa: PTH207  (absolute ones too)
        if not matches:
            raise ProcessError(f"{Path(each).name} matches no file: check the pattern, and keep it in quotes")
        found += matches
    return found


def _run_one(network: Network, source: str | list[str], target: Path, options: Options, *, estimating: bool) -> None:
    with planned(network, source, target, options) as ready:
        names = f"{ready.job.imagery.name} → {ready.target.name}"
        print_line(f"{names}: {estimate(ready.job, ready.plan, ready.crew)}")
        for remark in ready.job.imagery.remarks.values():
            print_line(remark)
        if not estimating:
            _tell(_watched(ready, resume=options.resume))


def _run_all(batch: Batch, pairs: Sequence[tuple[Path, Path]]) -> None:
    """Run over many scenes, with a line for each. Raises ProcessError where some could not be run."""
    progress = Progress() if sys.stderr.isatty() else None
    failed: list[Outcome] = []
    try:
        for outcome in run_scenes(batch, pairs, progress or (lambda share: None)):
            if progress:
                progress.clear()
            print_line(f"{outcome.source.name} → {_became(outcome)}")
            failed += [outcome] * bool(outcome.error)
    except KeyboardInterrupt:
        raise ProcessError("stopped; the same command goes on with what is missing") from None
    finally:
        if progress:
            progress.clear()
    if failed:
        names = ", ".join(outcome.source.name for outcome in failed[:_NAMED]) + " …" * (len(failed) > _NAMED)
        raise ProcessError(f"{len(failed)} of {len(pairs)} scenes could not be run ({names}): {failed[0].error}")


def _became(outcome: Outcome) -> str:
    if outcome.error:
        return f"not run: {outcome.error}"
    if outcome.run is None:
        return f"{outcome.target.name} is there already"
    rows, cols, maps = outcome.run.shape
    lost = f"; {len(outcome.run.damages)} damaged parts are nodata" if outcome.run.damages else ""
    return f"{outcome.target.name}: {rows:,} × {cols:,} × {maps}, {duration(outcome.run.seconds)}{lost}"


def _watched(ready: PlannedRun, *, resume: bool) -> Run:
    """Execute a run before the user's eyes."""
    progress = Progress() if sys.stderr.isatty() else None
    try:
        return ready.execute(progress, progress.enter if progress else None)
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


def read_network(path: Path, bands: str | None = None) -> Network:
    """Network of a recipe or of a Keras model, for these bands where they are given. Raises CnnvizError."""
    names = None if bands is None else [name.strip() for name in bands.split(",")]
    if path.suffix.lower() == ".keras":
        from cnnviz.models import load_model  # recipes need none of it, and every start would wait for it

        with _without_native_notes():
            model = load_model(path)
        return Network.from_keras(model, bands=names)
    network = read_recipe(path)
    return network if names is None else Network(network.layers, bands=names, name=network.name)


@contextmanager
def _without_native_notes() -> Iterator[None]:
    """Keep TensorFlow's notes on its start off the terminal; they go past Python, straight to the descriptor."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def read_recipe(path: Path) -> Network:
    """Network of a recipe file. Raises RecipeError."""
    name = f"{path.name or path!s:.80}"
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise RecipeError(f"{name} is no file: expected a recipe, such as RECIPE.json")
        if size > _LARGEST:
            raise RecipeError(
                f"{name} has {size / 1e6:,.0f} MB: expected a recipe of at most {_LARGEST / 1e6:,.0f} MB; save a "
                "larger network as MODEL.keras"
            )
        text = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"{name} cannot be read: {error.strerror}; check the path of the recipe") from None
    return Network.from_json(text, longest=None)


class Progress:
    """A bar with the time that is left, in one line of the terminal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started: tuple[float, float] | None = None
        self._stage = ""
        self._shown = ""

    def enter(self, stage: str) -> None:
        """From now on say ``stage``, and judge the time by it alone: no two stages go on at the same speed."""
        self._stage, self._started = stage, None

    def __call__(self, share: float) -> None:
        """Show the share that is done, 0…1."""
        now = self._clock()
        self._started = self._started or (now, share)
        self._show(self.line(share, now))

    def line(self, share: float, now: float) -> str:
        """Bar, percentage, stage and time left, which is judged by what the stage has done so far."""
        since, before = self._started or (now, share)
        full = round(share * _BAR)
        said = [self._stage] * bool(self._stage)
        if share > before:
            said.append(f"{duration((now - since) / (share - before) * (1 - share))} left")
        return f"{'█' * full}{'·' * (_BAR - full)} {share:4.0%} {', '.join(said)}".rstrip()

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
