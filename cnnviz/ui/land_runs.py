"""Land cover of a whole scene by a model of the visit, in the background, in the queue of runs over scenes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cnnviz.errors import ProcessError
from cnnviz.estimate import duration
from cnnviz.geometry import ReceptiveField
from cnnviz.land_cover import LandCover, Legend, land_cover, scaled
from cnnviz.layers import Network
from cnnviz.process import Options
from cnnviz.scene import Scene
from cnnviz.ui.classes import colours
from cnnviz.ui.jobs import Job, owner
from cnnviz.ui.runs import Request, queue_of_runs
from cnnviz.ui.settings import RunLimits, settings
from cnnviz.ui.trained import TrainedModel
from cnnviz.ui.view import View
from cnnviz.ui.visit import Visit

_STATE = "_land_run"
_GRACE = 2  # an estimate is rough: a run is stopped where it takes so many times what is allowed


@dataclass(frozen=True, eq=False)
class Covering:
    """A map of this visit, whatever has become of it."""

    name: str  #: of the model
    classes: tuple[str, ...]
    scene: Scene
    field: ReceptiveField  #: what a pixel of the map sees of the scene
    target: Path
    job: Job[LandCover]


def request(view: View, model: TrainedModel) -> Request:
    """The model's network for the scene's own numbers, as a run."""
    bands = model.training.bands
    network = Network(model.network.layers, bands=bands, name=model.name)
    return Request(view, scaled(network, model.training.factor), f"land cover {model.name}")


def missing(view: View, model: TrainedModel) -> list[str]:
    """Bands of the model that the scene does not have."""
    return [band for band in model.training.bands if band not in view.scene.band_names]


def start(wanted: Request, model: TrainedModel, here: Visit) -> None:
    """Begin a map; while a run of this visit is under way, nothing happens. The last map's files go."""
    if queue_of_runs().busy(owner()):
        return
    if before := current():
        for path in files(before):
            here.let_go(path)
    target, classes = here.new_result(".tif"), model.training.classes
    job = queue_of_runs().submit(_work(wanted, classes, target, settings().runs), owner())
    scene = wanted.view.scene
    field = wanted.network.receptive_field(scene.shape)
    st.session_state[_STATE] = Covering(model.name, classes, scene, field, target, job)


def current() -> Covering | None:
    """The visit's last map."""
    found: Covering | None = st.session_state.get(_STATE)
    return found


def files(covering: Covering) -> tuple[Path, Path]:
    """Where classes and confidence lie."""
    return covering.target, covering.target.with_name(f"{covering.target.stem}_confidence.tif")


def _work(
    wanted: Request, classes: tuple[str, ...], target: Path, allowed: RunLimits
) -> Callable[[Job[LandCover]], LandCover]:
    """The work of a job; it holds no visit, so that a visit that has ended is let go."""
    network, path = wanted.network, wanted.view.scene.path
    legend = Legend(classes, tuple(_colour(each) for each in colours(classes)))

    def work(job: Job[LandCover]) -> LandCover:
        def tell(share: float) -> None:
            job.tell(share)
            if time.monotonic() - job.started > 60 * _GRACE * allowed.minutes:
                raise ProcessError(f"stopped after {duration(60 * _GRACE * allowed.minutes)}, the most that is allowed")

        options = Options(memory=allowed.memory, workers=1, resume=False)
        return land_cover(network, path, target, legend=legend, options=options, on_progress=tell)

    return work


def _colour(text: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
