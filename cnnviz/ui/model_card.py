"""A trained model's card: its data, how it was trained, how good it is, and with which programs it was made."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from cnnviz import __version__
from cnnviz.chips import Chips, Split
from cnnviz.history import Epoch
from cnnviz.render import number
from cnnviz.scores import accuracy, class_scores, confusion
from cnnviz.ui.trained import TrainedModel

_SPLITS = {Split.RANDOM: "at random, as large a part of every class", Split.BLOCKS: "whole blocks of neighbours"}
# Programs, and the names under which they may be installed.
_PROGRAMS = {"keras": ("keras",), "tensorflow": ("tensorflow", "tensorflow-cpu"), "numpy": ("numpy",)}


def card(model: TrainedModel) -> str:
    """The card as Markdown; the date is that of today."""
    parts = (_head(model), _data(model), _plan(model), _layers(model), _scores(model), _training(model), _use(model))
    return "\n".join(line for part in parts for line in (*part, ""))


def _head(model: TrainedModel) -> Iterator[str]:
    yield f"# {model.name}"
    yield ""
    yield f"A classifier of {_times(model.training.shape)} images, made with cnnviz on {datetime.now(UTC):%Y-%m-%d}."
    versions = ", ".join(f"{title} {next(_versions(names))}" for title, names in _PROGRAMS.items())
    yield f"Versions: cnnviz {__version__}, {versions}, Python {platform.python_version()}."


def _versions(names: Sequence[str]) -> Iterator[str]:
    """The version of whichever of these is installed."""
    for name in names:
        with suppress(PackageNotFoundError):
            yield version(name)
    yield "of unknown version"


def _data(model: TrainedModel) -> Iterator[str]:
    training, judged = model.training, model.judged
    yield "## Data"
    yield ""
    origin = "**made by a program (synthetic)**, not observed" if training.synthetic else "observed"
    yield f"{training.title}; {origin}. Bands: {', '.join(training.bands)}."
    if training.factor != 1:
        yield f"Images are the file's numbers times {training.factor:.8g}."
    yield f"{len(training):,} images to train with, {len(judged):,} to judge by, which no training saw."
    yield f"Split: {_SPLITS[model.how]}. Seed: {model.plan.seed}. Fingerprint of the training images: {training.key}."
    yield ""
    rows = zip(training.classes, training.counts, judged.counts, strict=True)
    yield from _table(("class", "to train with", "to judge by"), ((_cell(n), str(a), str(b)) for n, a, b in rows))


def _plan(model: TrainedModel) -> Iterator[str]:
    plan = model.plan
    yield "## Plan"
    yield ""
    pairs = [(each.name, getattr(plan, each.name)) for each in fields(plan) if each.name != "architecture"]
    pairs += [(name, getattr(plan.architecture, name)) for name in plan.architecture.names()]
    told = {**dict(pairs), "learning_rate": plan.rate}
    yield from _table(("setting", "value"), ((name, _word(value)) for name, value in told.items()))


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _layers(model: TrainedModel) -> Iterator[str]:
    steps = model.plan.architecture.steps(model.training.shape, len(model.training.classes))
    yield f"## Layers: {sum(each.parameters for each in steps):,} parameters"
    yield ""
    rows = ((each.name, _times(each.shape), each.parameter_sum or "0") for each in steps)
    yield from _table(("layer", "gives", "parameters"), rows)


def _scores(model: TrainedModel) -> Iterator[str]:
    classes, judged, shares = model.training.classes, _seen(model), model.last.shares
    table = confusion(judged.labels, shares.argmax(axis=1), classes=len(classes))
    yield f"## Scores on {len(judged):,} images that no training saw"
    yield ""
    yield f"Accuracy: {accuracy(table):.4f}"
    yield ""
    yield from _confidence(judged, shares)
    yield ""
    own = [shares[judged.labels == number, number] for number in range(len(classes))]
    rows = (
        [
            _cell(name),
            *(f"{value:.3f}" for value in (each.precision, each.recall, each.f1)),
            f"{each.support:,}",
            _mean(s),
        ]
        for name, each, s in zip(classes, class_scores(table), own, strict=True)
    )
    yield from _table(("class", "precision", "recall", "F1", "images", "mean share of the true class"), rows)
    yield ""
    yield "Confusion, true classes down, what they were called across:"
    yield ""
    rows = ([_cell(name), *map(str, line)] for name, line in zip(classes, table.tolist(), strict=True))
    yield from _table(("", *map(_cell, classes)), rows)


def _confidence(judged: Chips, shares: NDArray[np.float32]) -> Iterator[str]:
    """How sure the model is where it is right, and where it is wrong: softmax shares of what it answers."""
    right, sure = shares.argmax(axis=1) == judged.labels, shares.max(axis=1)
    yield "Mean share (softmax) of the answer:"
    yield ""
    rows = ((said, f"{which.sum():,}", _mean(sure[which])) for said, which in (("right", right), ("wrong", ~right)))
    yield from _table(("answer is", "images", "mean share"), rows)


def _mean(values: NDArray[np.float32]) -> str:
    return f"{values.mean(dtype=np.float64):.3f}" if values.size else "–"


def _seen(model: TrainedModel) -> Chips:
    """The judged images that have probabilities."""
    return model.judged.take(np.arange(len(model.last.shares)))


def _training(model: TrainedModel) -> Iterator[str]:
    history = model.history
    yield "## Training"
    yield ""
    ended = " (stopped early)" if history.stopped else ""
    yield f"{len(history.epochs)} of {model.plan.epochs} epochs{ended} in {number(model.seconds)} s."
    if history.last:
        yield f"Last epoch: {_epoch(history.last)}."


def _epoch(epoch: Epoch) -> str:
    said = f"loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}"
    if epoch.val_loss is None or epoch.val_accuracy is None:
        return said
    return f"{said}; on the judged images {epoch.val_loss:.4f} and {epoch.val_accuracy:.4f}"


def _use(model: TrainedModel) -> Iterator[str]:
    yield "## Use"
    yield ""
    yield "```python"
    yield "import keras"
    yield f'model = keras.models.load_model("{stem(model)}.keras")'
    scale = "" if model.training.factor == 1 else f", the file's numbers times {model.training.factor:.8g}"
    yield f"shares = model.predict(images)  # float32 (n, {', '.join(map(str, model.training.shape))}){scale}"
    yield "```"


def stem(model: TrainedModel) -> str:
    """Name of the model's files, without an ending."""
    return f"cnnviz_{model.name.lower().replace(' ', '_')}"


def _times(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))


def _cell(text: str) -> str:
    """A name that cannot end a cell, or the line."""
    return " ".join(text.replace("|", "/").split())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for line in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(line)} |"
