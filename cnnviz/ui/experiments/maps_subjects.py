"""What can be looked into: networks that come trained or not, stacks made by hand, and the visitor's own model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.errors import CnnvizError
from cnnviz.layers import Network
from cnnviz.opened import Opened, opened
from cnnviz.presets import PRESETS
from cnnviz.ready import READY, Ready, untrained
from cnnviz.render import number
from cnnviz.ui.keras_upload import MAX_BYTES, SIDE, Shape, read_upload
from cnnviz.ui.page import more
from cnnviz.ui.settings import settings
from cnnviz.ui.trained import TrainedModel, trained
from cnnviz.ui.words import plain
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

_OWN = "_maps_models"
_KEPT = 4
#: Examples that one page goes through.
_MOST = 200


@dataclass(frozen=True, eq=False)
class Examples:
    """Images ``(n, rows, cols, bands)`` that a network was not trained on, and their classes.

    They are a file's numbers times ``factor``; ``first``, from 1, is the one to begin with.
    """

    images: Array
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    bands: tuple[str, ...]
    first: int = 1
    factor: float = 1.0

    @property
    def unit(self) -> bool:
        """Whether the images' values lie between 0 and 1."""
        return bool(self.images.min() >= 0 and self.images.max() <= 1)


@dataclass(frozen=True, eq=False)
class Subject:
    """A network, and the images (rows, cols, bands) that it takes; None for any size.

    ``classes`` names its maps where it ends in one value per class; ``examples`` are images to try.
    """

    name: str
    title: str
    about: str
    network: Network | keras.Model
    shape: Shape | None = None
    classes: tuple[str, ...] = ()
    examples: Examples | None = None

    @cached_property
    def opened(self) -> Opened:
        """The network as what is asked for its layers."""
        return opened(self.network)

    @cached_property
    def key(self) -> str:
        """What caches tell subjects apart by: equal networks are one, and every file that was uploaded is its own."""
        return str(hash(self.network)) if isinstance(self.network, Network) else uuid4().hex

    @property
    def sized(self) -> tuple[int, int, int] | None:
        """The one size that its images have, where there is one."""
        rows, cols, bands = self.shape or (None, None, 0)
        return None if rows is None or cols is None else (rows, cols, bands)


def titles() -> dict[str, str]:
    """Every subject that can be chosen: identifier → label."""
    blank = {f"{name}_untrained": f"{ready.title}, not trained" for name, ready in READY.items()}
    own = {name: run.title for name, run in trained().items()}
    own |= {name: subject.title for name, subject in _own().items()}
    presets = {name: f"By hand: {preset.title}" for name, preset in PRESETS.items()}
    return {name: ready.title for name, ready in READY.items()} | own | blank | presets


def epochs(name: str) -> int:
    """After how many epochs a model can be looked at: 0 where it was not trained in this visit."""
    return len(trained()[name].snapshots) - 1 if name in trained() else 0


def subject(name: str, epoch: int | None = None) -> Subject:
    """The subject of that identifier, after an epoch where it was trained in this visit."""
    if name in trained():
        return _of_run(trained()[name], epoch)
    return _own().get(name) or _built(name)


@cache
def _built(name: str) -> Subject:
    if name in PRESETS:
        preset = PRESETS[name]
        return Subject(name, preset.title, preset.about, preset.network)
    if name in READY:
        ready = READY[name]
        return Subject(name, ready.title, ready.about, ready.network, ready.shape, ready.classes, _examples(ready))
    ready = READY[name.removesuffix("_untrained")]
    about = "The same layers with random weights, as training begins: what do they find already?"
    return Subject(
        name, f"{ready.title}, not trained", about, untrained(ready.name), ready.shape, ready.classes, _examples(ready)
    )


def _examples(ready: Ready) -> Examples:
    return Examples(ready.images, ready.labels.astype(np.int64), ready.classes, ready.bands, ready.first)


def _of_run(run: TrainedModel, epoch: int | None) -> Subject:
    """A model that was trained in this visit, as it was after an epoch; its last where none is said."""
    judged, last = run.judged, len(run.snapshots) - 1
    snapshot = run.snapshots[last if epoch is None else min(epoch, last)]
    examples = Examples(
        judged.images[:_MOST], judged.labels[:_MOST], judged.classes, judged.bands, factor=judged.factor
    )
    rows, cols, bands = judged.shape
    about = f"Trained in this visit on {run.training.title}; right for {number(100 * run.accuracy, 3)} % of the others."
    return Subject(run.name, run.title, about, snapshot.network, (rows, cols, bands), judged.classes, examples)


def _own() -> Mapping[str, Subject]:
    kept: dict[str, Subject] = st.session_state.setdefault(_OWN, {})
    return kept


def keep(name: str, title: str, network: Network | keras.Model, shape: Shape) -> None:
    """Add a model to the visit; the oldest makes room."""
    own: dict[str, Subject] = st.session_state.setdefault(_OWN, {})
    out = opened(network).shapes((shape[0] or SIDE, shape[1] or SIDE, shape[2]))[-1]
    classes = tuple(f"class {n + 1}" for n in range(out[2])) if out[:2] == (1, 1) else ()
    own[name] = Subject(
        name, title, "Your own model, read without running anything in its file.", network, shape, classes
    )
    while len(own) > _KEPT:
        own.pop(next(iter(own)))


def upload() -> None:
    """The field for a model file, where the operator allows it."""
    if not settings().models:
        return
    with more("A model of your own"):
        _field()


def _field() -> None:
    number = st.session_state.setdefault("_maps_uploads", 0)
    st.file_uploader(
        "A Keras 3 model of your own (.keras)",
        type=["keras"],
        max_upload_size=MAX_BYTES // 1_000_000,
        key=f"maps_upload_{number}",
        on_change=_take,
        help="Layers from a list that is known here; nothing in the file is run.",
    )
    if problem := st.session_state.get("_maps_problem", ""):
        st.error(plain(problem))


def _take() -> None:
    number = st.session_state["_maps_uploads"]
    file = st.session_state[f"maps_upload_{number}"]
    if file is None:
        return
    st.session_state["_maps_uploads"], st.session_state["_maps_problem"] = number + 1, ""
    try:
        network, shape = read_upload(file.getvalue())
    except CnnvizError as error:
        st.session_state["_maps_problem"] = str(error)
        return
    name = f"file {file.name:.60}"
    keep(name, file.name[:60], network, shape)
    st.session_state["model"] = name
