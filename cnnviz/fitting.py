"""Fitting a Keras classifier: fast, watched, stopped at any moment, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cnnviz.engine import Samples, borrowed
from cnnviz.errors import DataError
from cnnviz.history import Batches, Epoch, History, StopTraining
from cnnviz.labelled import check_several_classes, checked, checked_images
from cnnviz.loop import run_epochs
from cnnviz.moments import adapt
from cnnviz.plans import Augment, TrainingPlan

if TYPE_CHECKING:
    import keras

OnBatch = Callable[[Batches], object]
OnEpoch = Callable[[Epoch], object]
Labelled = tuple[ArrayLike, ArrayLike]


def fit(
    model: keras.Model,
    x: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    batch_size: int,
    validation: Labelled | None = None,
    on_epoch: OnEpoch | None = None,
    on_batch: OnBatch | None = None,
    **settings: Any,
) -> History:
    """Train a classifier of images ``(n, rows, cols, bands)`` with labels ``(n,)`` from 0 up.

    ``settings`` are the optimiser's: ``optimiser``, ``learning_rate``, ``schedule``, ``augment``, ``seed``, see
    :class:`cnnviz.plans.TrainingPlan`. ``on_batch`` is called about five times a second, ``on_epoch`` after each
    epoch, with its weights; what they raise ends the training, and the model keeps what it has learned so far.
    After :class:`StopTraining` the history of the finished epochs is returned. The optimiser starts anew in every
    call. Raises DataError for data that cannot be learned from, DivergedError where the loss overflows.
    """
    plan = TrainingPlan(epochs=epochs, batch_size=batch_size, **settings)
    return fit_plan(model, (x, y), plan, validation=validation, on_epoch=on_epoch, on_batch=on_batch)


def fit_plan(
    model: keras.Model,
    data: Labelled,
    plan: TrainingPlan,
    *,
    validation: Labelled | None = None,
    on_epoch: OnEpoch | None = None,
    on_batch: OnBatch | None = None,
) -> History:
    """:func:`fit` with the settings of a plan; its architecture is the model's own business."""
    _check_square(model, plan)
    samples, held = _samples(model, data), None if validation is None else _samples(model, validation)
    check_several_classes(samples.labels.numpy())
    adapt(model, samples.images.numpy())
    log = _Log(on_batch, on_epoch)
    with borrowed(model, plan) as engine:
        engine.start(tuple(model.get_weights()), plan.seed)
        try:
            for epoch in run_epochs(engine, samples, plan, log.batches, held):
                log.epoch(epoch)
        except StopTraining:
            log.stopped = True
        finally:
            model.set_weights(engine.weights())
    return log.history(-(-len(samples.which) // plan.batch_size))


def predict(model: keras.Model, x: ArrayLike) -> np.ndarray:
    """Probabilities ``(n, classes)`` of images ``(n, rows, cols, bands)``."""
    images = checked_images(x, shape=tuple(model.input_shape[1:]))
    with borrowed(model, TrainingPlan()) as engine:
        engine.start(tuple(model.get_weights()), 0)
        return engine.predict(images)


def _samples(model: keras.Model, data: Labelled) -> Samples:
    shape, classes = tuple(model.input_shape[1:]), model.output_shape[-1]
    return Samples.of(*checked(*data, shape=shape, classes=classes))


def _check_square(model: keras.Model, plan: TrainingPlan) -> None:
    rows, cols = model.input_shape[1:3]
    if plan.augment is Augment.TURNS and rows != cols:
        raise DataError(f"Received images of {rows} × {cols} to be turned by quarters; use flips, or square images.")


class _Log:
    """What a training has told so far, on its way to the callbacks."""

    def __init__(self, on_batch: OnBatch | None, on_epoch: OnEpoch | None) -> None:
        self._on_batch, self._on_epoch = on_batch, on_epoch
        self._batches: list[Batches] = []
        self._epochs: list[Epoch] = []
        self.stopped = False

    def batches(self, found: Batches) -> None:
        """Note some batches, and tell."""
        self._batches.append(found)
        if self._on_batch is not None:
            self._on_batch(found)

    def epoch(self, found: Epoch) -> None:
        """Note an epoch, without its weights, and tell."""
        self._epochs.append(replace(found, weights=()))
        if self._on_epoch is not None:
            self._on_epoch(found)

    def history(self, batches_per_epoch: int) -> History:
        """Everything as one record."""
        loss, accuracy = ([getattr(each, name) for each in self._batches] for name in ("loss", "accuracy"))
        none = [np.zeros(0, np.float32)]
        return History(
            tuple(self._epochs),
            np.concatenate(loss or none),
            np.concatenate(accuracy or none),
            batches_per_epoch,
            self.stopped,
        )
