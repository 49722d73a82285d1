"""Trainings in the background: one at a time on a server by default, with their curves while they run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from cnnviz.chips import Chips, Split
from cnnviz.layers import Network
from cnnviz.training import Batches, Epoch, StopTraining, TrainingPlan
from cnnviz.ui import trained
from cnnviz.ui.jobs import Job, Queue, Result, owner, queue
from cnnviz.ui.settings import settings
from cnnviz.ui.trained import Snapshot, TrainedModel

_STATE = "_training"
#: Snapshots that are kept of one training, and images whose probabilities are: a small host has to hold them.
SNAPSHOTS, JUDGED = 40, 4000


@dataclass(frozen=True)
class Order:
    """What is to be trained, with which images."""

    data: str
    plan: TrainingPlan
    how: Split
    training: Chips
    judged: Chips


@dataclass
class Live:
    """A training while it runs; written by its thread, read by the page."""

    name: str
    order: Order
    batches: list[Batches] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    enough: bool = False  #: the visitor wants what has been learned so far


@dataclass(frozen=True, eq=False)
class Training:
    """A training of this visit, whatever has become of it."""

    live: Live
    job: Job[TrainedModel]


def start(order: Order) -> None:
    """Begin a training; while another of this visit runs, or a search, nothing happens."""
    if not busy():
        live = Live(trained.next_name(), order)
        job = submit(lambda job: _work(job, live))
        st.session_state[_STATE] = Training(live, job)


def current() -> Training | None:
    """The training that was begun last in this visit; when it is done, its model is kept."""
    found: Training | None = st.session_state.get(_STATE)
    if found and found.job.result and found.live.name not in trained.trained():
        trained.keep(found.job.result)
    return found


def submit(work: Callable[[Job[Result]], Result]) -> Job[Result]:
    """Begin work with Keras for this visitor as soon as it is its turn."""

    def shielded(job: Job[Result]) -> Result:
        from cnnviz.shield import keep_keras_state

        keep_keras_state()
        return work(job)

    return trainings().submit(shielded, owner())


def busy() -> bool:
    """Whether a training or search of this visit has not ended yet."""
    return trainings().busy(owner())


def trainings() -> Queue:
    """The server's queue of trainings and searches."""
    return queue("training", settings().trainings)


def tell(job: Job[Result], share: float) -> None:
    """Note the share that is done; its pace counts from the first part on, for to load Keras is no part of it."""
    begins = share > 0 and not job.share
    job.tell(share)
    if begins:
        job.enter(job.stage)


def _work(job: Job[TrainedModel], live: Live) -> TrainedModel:
    from cnnviz import models
    from cnnviz.training import fit_plan, predict

    order, started = live.order, time.monotonic()
    training, judged = order.training, order.judged.few(JUDGED)
    job.tell(0.0)
    model, twin = (order.plan.build(training.shape, len(training.classes)) for _ in range(2))
    snapshots: list[Snapshot] = []

    def note(number: int) -> None:
        network = models.from_keras(twin, bands=training.bands)
        network = Network(network.layers, bands=training.bands, name=live.name)
        snapshots.append(Snapshot(number, network, predict(twin, judged.images).astype(np.float32)))

    def on_batch(found: Batches) -> None:
        live.batches.append(found)
        tell(job, found.done)
        if live.enough:
            raise StopTraining

    def on_epoch(found: Epoch) -> None:
        twin.set_weights(list(found.weights))
        note(found.number)
        _thin(snapshots)
        live.epochs.append(found)

    note(0)
    history = fit_plan(
        model,
        (training.images, training.labels),
        order.plan,
        validation=(judged.images, judged.labels),
        on_epoch=on_epoch,
        on_batch=on_batch,
    )
    if live.enough:
        twin.set_weights(model.get_weights())
        note(len(history.epochs) + 1)
    return TrainedModel(
        live.name,
        order.data,
        order.plan,
        order.how,
        training,
        judged,
        history,
        tuple(snapshots),
        model,
        time.monotonic() - started,
    )


def _thin(snapshots: list[Snapshot]) -> None:
    """Of a long training keep every second snapshot, the first and the last."""
    if len(snapshots) > SNAPSHOTS:
        del snapshots[1:-1:2]


def stop(training: Training) -> None:
    """End a training and keep what it has learned."""
    training.live.enough = True
    training.job.resume()
