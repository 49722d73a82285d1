"""Models that were trained in this visit, as they were after each epoch; a few are kept, the oldest makes room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.chips import Chips, Split
from cnnviz.layers import Network
from cnnviz.training import History, TrainingPlan

#: How many models stay in a visit.
KEPT = 8
_STATE = "_trained"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A model after an epoch, 0 before the first: its network, and what it says of the images that judge it.

    ``shares`` are probabilities (n, classes) in the order of the judged chips.
    """

    epoch: int
    network: Network
    shares: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A finished training: what it was given, what came of it, and how it got there."""

    name: str
    data: str  #: name of the data set
    plan: TrainingPlan
    how: Split
    training: Chips
    judged: Chips
    history: History
    snapshots: tuple[Snapshot, ...]
    model: Any  #: the Keras model, with its last weights
    seconds: float

    @property
    def last(self) -> Snapshot:
        """The model as it is."""
        return self.snapshots[-1]

    @property
    def network(self) -> Network:
        """The model as a network, for images as the chips are."""
        return self.last.network

    @property
    def accuracy(self) -> float:
        """Share of the judged images whose class was found."""
        return float((self.last.shares.argmax(axis=1) == self.judged.labels).mean())

    @property
    def title(self) -> str:
        """The run in a few words."""
        return f"{self.name} · {self.training.title}"


def trained() -> Mapping[str, TrainedModel]:
    """Models of this visit by name, the oldest first."""
    found: dict[str, TrainedModel] = st.session_state.setdefault(_STATE, {})
    return found


def keep(model: TrainedModel) -> None:
    """Add a model."""
    kept: dict[str, TrainedModel] = st.session_state.setdefault(_STATE, {})
    kept[model.name] = model
    while len(kept) > KEPT:
        kept.pop(next(iter(kept)))


def next_name() -> str:
    """A name that no model of this visit has had."""
    number = st.session_state.get("_trained_count", 0) + 1
    st.session_state["_trained_count"] = number
    return f"Run {number}"


def chosen() -> TrainedModel | None:
    """The model that is looked at: the last one, unless the visitor picks another; None before the first."""
    models = list(trained().values())
    if len(models) < 2:
        return models[0] if models else None
    names = [each.name for each in models]
    key = f"trained_{names[-1]}"  # a new model is shown at once
    return trained()[st.selectbox("Look at", names, len(names) - 1, key=key, width=200)]
