"""What a training did: loss and accuracy of every batch and epoch, as a frozen record."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = tuple[NDArray[Any], ...]

COLUMNS = ("number", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")


class StopTraining(Exception):  # noqa: N818
    """Raise it in a callback to end a training early and keep what it has learned."""


@dataclass(frozen=True, eq=False)
class Batches:
    """Loss and accuracy of the batches since the last call; ``batch`` of ``batches`` of this epoch are done."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: NDArray[np.float32]
    accuracy: NDArray[np.float32]

    @property
    def done(self) -> float:
        """Share of the whole training that is done, 0…1."""
        return (self.epoch - 1 + self.batch / self.batches) / self.epochs


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images, counted from 1.

    ``loss`` and ``accuracy`` are means over its batches, taken while the weights moved; ``val_*`` come from the
    weights at its end. ``weights`` are copies of these, in the order of ``model.get_weights()``.
    """

    number: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float
    weights: Weights = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class History:
    """All epochs of a training; ``batch_loss`` and ``batch_accuracy`` have one number per batch, in order."""

    epochs: tuple[Epoch, ...]
    batch_loss: NDArray[np.float32]
    batch_accuracy: NDArray[np.float32]
    batches_per_epoch: int
    stopped: bool = False

    @property
    def last(self) -> Epoch | None:
        """The last epoch that was finished."""
        return self.epochs[-1] if self.epochs else None

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest accuracy in validation, or in training where nothing was held back."""
        return max(self.epochs, key=_accuracy, default=None)

    def to_csv(self) -> str:
        """One line per epoch under a line of names; empty where there was no validation."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("epoch", *COLUMNS[1:]))
        table.writerows([_cell(getattr(epoch, name)) for name in COLUMNS] for epoch in self.epochs)
        return text.getvalue()


def _accuracy(epoch: Epoch) -> float:
    return epoch.accuracy if epoch.val_accuracy is None else epoch.val_accuracy


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
