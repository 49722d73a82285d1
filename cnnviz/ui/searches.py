"""Grid searches in the background, in the queue of trainings; the best model joins those of the visit."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.layers import Network
from cnnviz.training import GridSearch, Schedule
from cnnviz.ui import trained, trainings
from cnnviz.ui.jobs import Job
from cnnviz.ui.trained import Snapshot, TrainedModel
from cnnviz.ui.trainings import JUDGED, Order

_STATE, _KEPT = "_search", "_searches_kept"
#: Images, counted once for every epoch, that one search of a hosted visitor may go through.
MOST = 4_000_000


@dataclass(frozen=True)
class Grid:
    """What is varied; ``others`` are further settings of a plan with their values."""

    batch_sizes: Sequence[int]
    epochs: Sequence[int]
    others: Mapping[str, Sequence[Any]]
    folds: int

    @property
    def groups(self) -> int:
        """Combinations that differ in more than their epochs."""
        return len(self.batch_sizes) * int(np.prod([len(values) for values in self.others.values()], initial=1))

    @property
    def combinations(self) -> int:
        """All combinations."""
        return self.groups * len(self.epochs)

    def trainings(self, order: Order) -> int:
        """Trainings that are run: fewer epochs are the beginning of more, unless the rate falls towards an end."""
        shared = order.plan.schedule is Schedule.CONSTANT
        return self.folds * (self.groups if shared else self.combinations)

    def images(self, order: Order) -> int:
        """Images that all trainings go through, each counted once for every epoch, the best one's refit included."""
        shared = order.plan.schedule is Schedule.CONSTANT
        epochs = max(self.epochs, default=0) if shared else sum(self.epochs)
        count = len(order.training)
        return self.groups * epochs * count * (self.folds - 1) + max(self.epochs, default=0) * count


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to."""

    search: GridSearch
    model: TrainedModel


@dataclass(frozen=True, eq=False)
class Searching:
    """A search of this visit, whatever has become of it."""

    name: str
    order: Order
    grid: Grid
    job: Job[Found]


def start(order: Order, grid: Grid) -> None:
    """Begin a search; while another of this visit runs, or a training, nothing happens."""
    if not trainings.busy():
        name = trained.next_name()
        job = trainings.submit(lambda job: work(job, name, order, grid))
        st.session_state[_STATE] = Searching(name, order, grid, job)


def current() -> Searching | None:
    """The search that was begun last in this visit; when it is done, its best model is kept."""
    found: Searching | None = st.session_state.get(_STATE)
    if found and found.job.result and found.name not in st.session_state.setdefault(_KEPT, set()):
        st.session_state[_KEPT].add(found.name)
        trained.keep(found.job.result.model)
    return found


def work(job: Job[Found], name: str, order: Order, grid: Grid) -> Found:
    """Search on the training images, and judge the best model by those that no training saw."""
    from cnnviz.training import grid_search

    started = time.monotonic()
    job.tell(0.0)
    search = grid_search(
        order.training.images,
        order.training.labels,
        batch_sizes=grid.batch_sizes,
        epochs=grid.epochs,
        folds=grid.folds,
        seed=order.plan.seed,
        others=grid.others,
        plan=order.plan,
        on_progress=lambda progress: trainings.tell(job, progress.done),
    )
    return Found(search, _best(name, order, search, time.monotonic() - started))


def _best(name: str, order: Order, search: GridSearch, seconds: float) -> TrainedModel:
    plan, judged = order.plan.changed(**search.best_params), order.judged.few(JUDGED)
    untrained = plan.build(order.training.shape, len(order.training.classes))
    snapshots = tuple(
        _snapshot(model, number, name, order) for number, model in ((0, untrained), (plan.epochs, search.model))
    )
    if search.history is None:
        raise CnnvizError("The search gave no model: start it again.")
    return TrainedModel(
        name,
        order.data,
        plan,
        order.how,
        order.training,
        judged,
        search.history,
        snapshots,
        search.model,
        seconds,
    )


def _snapshot(model: Any, number: int, name: str, order: Order) -> Snapshot:
    from cnnviz.models import from_keras
    from cnnviz.training import predict

    bands = order.training.bands
    network = Network(from_keras(model, bands=bands).layers, bands=bands, name=name)
    return Snapshot(number, network, predict(model, order.judged.few(JUDGED).images).astype(np.float32))
