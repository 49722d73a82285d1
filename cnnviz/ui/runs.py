"""Runs over whole scenes that visitors begin: their bounds, their files, and the command that does the same at home."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from shlex import quote
from typing import Any

import streamlit as st

from cnnviz.blocks import Shape
from cnnviz.budget import plan_run, worker_count
from cnnviz.errors import CnnvizError, ProcessError
from cnnviz.estimate import Estimate, duration, estimate
from cnnviz.job import fitted
from cnnviz.layers import Network
from cnnviz.process import run_scene
from cnnviz.render import number
from cnnviz.samples import DATA, SAMPLES
from cnnviz.scene import Scene, open_scene
from cnnviz.sensors import NameSource
from cnnviz.sources import from_scene
from cnnviz.ui.jobs import Job, Queue, State, owner, queue
from cnnviz.ui.settings import RunLimits, settings
from cnnviz.ui.view import View, same_scene
from cnnviz.ui.visit import Visit

_UNSAFE = re.compile(r"[^\w.-]+")
_STATE = "_whole_run"
_GRACE = 2  # an estimate is rough: a run is stopped where it takes so many times what is allowed


@dataclass(frozen=True)
class Request:
    """What a visitor may let run: a network over the scene of the page; ``page`` names the files."""

    view: View
    network: Network
    page: str

    @property
    def key(self) -> object:
        """Equal for runs that give the same file."""
        return self.view.scene.key, self.view.scene.band_names, self.network.to_json()

    @property
    def title(self) -> str:
        """The layers and the bands in words."""
        names = [layer.title for layer in self.network.layers]
        shown = names if len(names) <= 4 else [*names[:2], f"{len(names) - 3} more", names[-1]]
        bands = self.network.bands or self.view.scene.band_names
        on = ", ".join(bands) if len(bands) <= 4 else f"{len(bands)} bands"
        return f"{' → '.join(shown)} on {on}"

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"{_stem(Path(self.view.scene.name).stem)}_{_stem(self.page)}.tif"

    @property
    def recipe_name(self) -> str:
        """Name of the recipe's file."""
        return f"{_stem(self.page)}.json"

    def command(self) -> str:
        """The command line that writes the same file where the visitor keeps the scene."""
        return f"python -m cnnviz run {self.recipe_name} {quote(_home(self.view.scene))} {quote(self.name)}"


def _stem(text: str) -> str:
    return _UNSAFE.sub("-", text).strip("-.").lower() or "scene"


def _home(scene: Scene) -> str:
    """Where a visitor finds the scene: in the project's folder, or under its own name; never the server's paths."""
    if DATA in Path(scene.path).parents:
        return f"{DATA.name}/{Path(scene.path).name}"
    return scene.name


def remark(scene: Scene) -> str:
    """What the command cannot know: scenes that are no file of the visitor's, and bands that were renamed here."""
    if st.session_state.get("scene") in SAMPLES and DATA not in Path(scene.path).parents:
        return f"“{scene.name}” comes with a package of the dashboard: put a file of your own in its place."
    if scene.naming.source == NameSource.EDITED:
        return "The recipe names the bands as you named them here; the file's own names are wanted there."
    return ""


@dataclass(frozen=True)
class Outlook:
    """What a run will take and give; ``refusal`` says why this server does not do it."""

    shape: Shape
    estimate: Estimate | None
    refusal: str = ""


def outlook(request: Request) -> Outlook:
    """Try a small window of the scene. Raises CnnvizError where network and scene do not fit."""
    return _outlook(request.view.scene, request.network, settings().runs)


_HASHES: dict[str | type[Any], Callable[[Any], Any]] = {Scene: same_scene, Network: Network.to_json, RunLimits: repr}


@st.cache_data(max_entries=32, ttl=600, show_spinner=False, hash_funcs=_HASHES)
def _outlook(scene: Scene, network: Network, allowed: RunLimits) -> Outlook:
    imagery = from_scene(scene)
    job = fitted(network, imagery if network.bands is None else imagery.select(network.bands))
    numbers = max(prod(job.imagery.shape), prod(job.shape)) / 1e6
    if not allowed.size:
        return Outlook(job.shape, None, "This server allows no runs over whole scenes.")
    if numbers > allowed.size:
        return Outlook(
            job.shape,
            None,
            f"This run goes through {number(numbers)} million numbers (pixels × bands), and this server takes runs "
            f"of up to {number(allowed.size)} million.",
        )
    plan = plan_run(job.network, job.imagery, memory=allowed.memory, workers=_workers())
    found = estimate(job, plan)
    late = f"This run would take about {duration(found.seconds)}, and this server takes runs of up to "
    refusal = f"{late}{duration(60 * allowed.minutes)}." if found.seconds > 60 * allowed.minutes else ""
    return Outlook(job.shape, found, refusal)


def _workers() -> int:
    """Threads of a run: one core is left to the pages."""
    return max(worker_count(None) - 1, 1)


@dataclass(frozen=True, eq=False)
class Running:
    """A run of this visit, whatever has become of it."""

    request: Request
    job: Job[Scene]
    target: Path

    @property
    def result(self) -> Scene | None:
        """The result, as long as its file is there."""
        return self.job.result if self.job.result and self.target.exists() else None


def current() -> Running | None:
    """The visit's last run."""
    found: Running | None = st.session_state.get(_STATE)
    return found


def start(request: Request, here: Visit) -> None:
    """Begin a run in the background; pressing again while it runs, or when it is done, changes nothing."""
    before = current()
    if before and (not before.job.finished or (before.request.key == request.key and before.result)):
        return
    if before:
        here.let_go(before.target)
    target = here.new_result(".tif")
    work = _work(request, target, settings().runs)
    st.session_state[_STATE] = Running(request, queue_of_runs().submit(work, owner()), target)


def queue_of_runs() -> Queue:
    """The server's queue of runs over scenes."""
    return queue("scene-runs", settings().runs.turns)


def _work(request: Request, target: Path, allowed: RunLimits) -> Callable[[Job[Scene]], Scene]:
    """The work of a job; it holds no visit, so that a visit that has ended is let go."""
    network, scene, name = request.network, request.view.scene, request.name

    def work(job: Job[Scene]) -> Scene:
        def tell(share: float) -> None:
            job.tell(share)
            if time.monotonic() - job.started > 60 * _GRACE * allowed.minutes:
                raise ProcessError(f"stopped after {duration(60 * _GRACE * allowed.minutes)}, the most that is allowed")

        run_scene(
            network,
            scene,
            target,
            memory=allowed.memory,
            workers=_workers(),
            resume=False,
            on_progress=tell,
            on_stage=job.enter,
        )
        return open_scene(target, name=name)

    return work


def open_result(running: Running, here: Visit) -> None:
    """Make the result one of the visit's scenes, and the one in view."""
    if running.result:
        st.session_state["scene"] = here.keep(running.result)


def ended(running: Running) -> str:
    """Why there is no result, as a sentence; empty where there is one."""
    if running.job.state is State.CANCELLED:
        return "Cancelled; nothing of it is kept."
    if running.job.state is State.FAILED:
        return f"It ended early: {running.job.problem}"
    return "" if running.result else "Its file went while this tab was away, or to make room: start it again."


def complaint(attempt: Callable[[], Outlook]) -> tuple[Outlook | None, str]:
    """What a run would take, or why it cannot be."""
    try:
        return attempt(), ""
    except (CnnvizError, OSError) as error:
        return None, str(error)
