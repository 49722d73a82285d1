"""The trainer: images, an architecture and how it is trained, as the controls say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from cnnviz import datasets
from cnnviz.architecture import Architecture, Head
from cnnviz.blocks import Function
from cnnviz.chips import Chips, Split, split
from cnnviz.convolve import PoolMode
from cnnviz.errors import RecipeError
from cnnviz.padding import Padding
from cnnviz.training import PLANS, Augment, Optimiser, Schedule, TrainingPlan
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.page import more

SPLITS = {Split.RANDOM: "At random", Split.BLOCKS: "By blocks of the scene"}
_POOLINGS = {PoolMode.AVERAGE: "Average", PoolMode.MAX: "Max"}
_PADDINGS = {Padding.VALID: "Valid", Padding.SAME: "Same"}
_HEADS = {Head.FLATTEN: "Every pixel of the maps", Head.AVERAGE: "The mean of each map"}
_FUNCTIONS = {Function.RELU: "ReLU", Function.TANH: "tanh", Function.SIGMOID: "Sigmoid"}
_OPTIMISERS = {
    Optimiser.ADAM: "Adam",
    Optimiser.SGD: "SGD",
    Optimiser.MOMENTUM: "SGD with momentum",
    Optimiser.RMSPROP: "RMSprop",
}
_AUGMENTS = {
    Augment.NONE: "Nothing",
    Augment.SHIFTS: "Shifts",
    Augment.FLIPS: "Flips",
    Augment.TURNS: "Flips and quarter turns",
}
_SCHEDULES = {Schedule.CONSTANT: "Stays", Schedule.COSINE: "Falls along a cosine"}
#: Images that are read unless more are wanted, epochs that a page offers.
_FEW, _MOST, MAX_EPOCHS = 4000, 60_000, 100


@dataclass(frozen=True, eq=False)
class Setting:
    """What the controls say: the images as they are split, and the plan."""

    data: str
    how: Split
    chips: Chips
    training: Chips
    judged: Chips
    plan: TrainingPlan

    @property
    def classes(self) -> int:
        """How many classes there are to tell apart."""
        return len(self.chips.classes)


@dataclass(frozen=True)
class _Images:
    """Which images are read and how they are split: what a cache may go by."""

    data: str
    count: int
    how: Split
    share: float
    seed: int


@dataclass(frozen=True)
class Row:
    """What the row of controls says: the data set, the plan to start from, and the epochs."""

    data: str
    named: str
    epochs: int


def controls(own: Mapping[str, Chips]) -> Row:
    """The row for what the page is about; ``own`` are the visitor's data sets."""
    titles = {name: each.title for name, each in {**datasets.DATASETS, **datasets.folders()}.items()}
    data = link.choose("Images", titles | {name: name for name in own}, "data", width=280)
    named = link.choose("Network", {name: each.title for name, each in PLANS.items()}, "plan", width=300)
    epochs = link.figure("Epochs", 1, MAX_EPOCHS, PLANS[named].plan.epochs, f"epochs_{named}", width=120)
    return Row(data, named, epochs)


def settings(row: Row, own: Mapping[str, Chips]) -> Setting:
    """The rest of the settings, folded away, and what all of them come to."""
    start = PLANS[row.named].plan
    with more("Images held back, layers, and how they are trained"):
        images, layers, training = st.tabs(["Images", "Layers", "Training"])
        with images:
            wanted = _images(row.data)
        with layers:
            architecture = _architecture(start.architecture, row.named)
        with training:
            plan = _plan(start, row.named, wanted.seed)
    plan = replace(plan, epochs=row.epochs, architecture=architecture)
    return good_or_default(f"train {row.data}", lambda: _setting(wanted, plan, own), lambda: _default(own))


def _setting(wanted: _Images, plan: TrainingPlan, own: Mapping[str, Chips]) -> Setting:
    if wanted.data in own:
        chips = own[wanted.data].few(wanted.count)
        training, judged = split(chips, share=wanted.share, how=wanted.how, seed=wanted.seed)
    else:
        chips, training, judged = _opened(wanted)
    plan.architecture.steps(chips.shape, len(chips.classes))
    return Setting(wanted.data, wanted.how, chips, training, judged, plan)


def _default(own: Mapping[str, Chips]) -> Setting:
    return _setting(_Images("digits", _FEW, Split.RANDOM, 0.2, 0), TrainingPlan(), own)


@st.cache_resource(max_entries=3, ttl=1800, show_spinner="Reading images")
def _opened(wanted: _Images) -> tuple[Chips, Chips, Chips]:
    """Images and both parts of them; few are kept, for a small host."""
    chips = datasets.open_dataset(wanted.data, limit=wanted.count)
    return chips, *split(chips, share=wanted.share, how=wanted.how, seed=wanted.seed)


def _images(data: str) -> _Images:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = link.figure("Images at most", 50, _MOST, _FEW, "images", step=500, width=150)
        how = link.switch("Held back", SPLITS, "split", help=_BLOCKS)
        share = link.slide("Share held back, %", 5, 60, 20, "held", width=220)
        seed = link.figure("Seed", 0, 9999, 0, "seed", width=110)
    return _Images(data, count, how, share / 100, seed)


_BLOCKS = (
    "Chips that lie side by side look alike. By blocks, whole neighbourhoods are held back, so that no neighbour of a "
    "training chip judges."
)


def _architecture(start: Architecture, named: str) -> Architecture:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        filters = link.text("Filters of each block", _text(start.filters), f"filters_{named}", width=180)
        kernel = link.figure("Kernel side", 1, 9, start.kernel, f"kernel_{named}", width=120)
        dense = link.text("Units of dense layers", _text(start.dense), f"dense_{named}", width=180)
        dropout = link.slide("Dropout, %", 0, 80, round(100 * start.dropout), f"dropout_{named}", width=180)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        function = link.switch("Activation", _FUNCTIONS, f"act_{named}", default=start.activation)
        pooling = link.switch("Pooling", _POOLINGS, f"pool_{named}", default=start.pooling)
        padding = link.switch("Padding", _PADDINGS, f"pad_{named}", default=start.padding)
        head = link.switch("Dense layers see", _HEADS, f"head_{named}", default=start.head)
    with st.container(horizontal=True):
        normalise = link.tick("Bring each band to mean 0, variance 1", f"norm_{named}", default=start.normalise)
        batch_norm = link.tick("Batch normalisation", f"bn_{named}", default=start.batch_norm)
    given: dict[str, Any] = {
        "kernel": kernel,
        "dropout": dropout / 100,
        "activation": function,
        "pooling": pooling,
        "padding": padding,
        "head": head,
        "normalise": normalise,
        "batch_norm": batch_norm,
    }
    return good_or_default(
        f"architecture {named}",
        lambda: replace(start, filters=numbers(filters, "filters"), dense=numbers(dense, "units"), **given),
        lambda: start,
    )


def _plan(start: TrainingPlan, named: str, seed: int) -> TrainingPlan:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        batch = link.figure("Batch size", 1, 1024, start.batch_size, f"batch_{named}", width=120)
        optimiser = link.choose("Optimiser", _OPTIMISERS, f"opt_{named}", default=start.optimiser, width=200)
        rate = link.text("Learning rate", f"{start.rate:g}", f"rate_{named}", width=120)
        schedule = link.switch("The rate", _SCHEDULES, f"schedule_{named}", default=start.schedule)
        augment = link.choose("Done to images at random", _AUGMENTS, f"aug_{named}", default=start.augment, width=220)
    chosen = replace(start, batch_size=batch, optimiser=optimiser, schedule=schedule, augment=augment, seed=seed)
    return good_or_default(f"rate {named}", lambda: replace(chosen, learning_rate=_rate(rate)), lambda: chosen)


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RecipeError(f"Received learning rate {text!r:.40}; a number such as 0.001 is expected.") from None


def numbers(text: str, what: str) -> tuple[int, ...]:
    """Whole numbers that were typed, apart by commas or spaces; none for an empty text.

    >>> numbers("6, 16", "filters")
    (6, 16)
    """
    try:
        return tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise RecipeError(f"Received {what} {text!r:.40}; whole numbers such as 6, 16 are expected.") from None


def _text(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values))
