"""Why a model says what it says: Grad-CAM on logits, and how much each band contributes.

Grad-CAM: Selvaraju et al., *Grad-CAM: visual explanations from deep networks via gradient-based localization* (2017).
Contributions: Sundararajan, Taly & Yan, *Axiomatic attribution for deep networks* (2017), "integrated gradients".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cnnviz.errors import ModelError
from cnnviz.geometry import ReceptiveField
from cnnviz.keras_fields import fields
from cnnviz.keras_run import as_batch, logits, numbered, results, stages
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

_STEPS = 64


@dataclass(frozen=True, eq=False)
class GradCam:
    """Where an image speaks for a class: ``heat`` ``(rows, cols)`` at the layer's own resolution, never negative.

    ``weights`` are the shares of the layer's maps, ``field`` what a cell of the heat sees, ``shape`` the image's rows
    and columns, ``logit`` the class's value before the softmax.
    """

    heat: Array
    weights: Array
    layer: str
    field: ReceptiveField
    shape: tuple[int, int]
    logit: float

    def enlarged(self) -> Array:
        """Heat ``(rows, cols)`` on the image's pixels, linear between the centres of what the cells see."""
        across = _between(self.heat, 0, self.shape[0], self.field)
        return _between(across, 1, self.shape[1], self.field)


def _between(heat: Array, axis: int, size: int, field: ReceptiveField) -> Array:
    place = (np.arange(size) + 0.5 - field.offset[axis]) / field.jump[axis] - 0.5
    place = place.clip(0, heat.shape[axis] - 1)
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, heat.shape[axis] - 1)
    share = (place - low).astype(np.float32)
    share = share[:, None] if axis == 0 else share
    return np.asarray(heat.take(low, axis) * (1 - share) + heat.take(high, axis) * share)


def grad_cam(model: keras.Model, image: ArrayLike, label: int, *, layer: str | int | None = None) -> GradCam:
    """Grad-CAM of class ``label`` for an image ``(rows, cols, bands)``, at ``layer`` or at the last that has maps."""
    import tensorflow as tf

    batch = tf.convert_to_tensor(as_batch(model, image))
    with tf.GradientTape() as tape:
        tape.watch(batch)
        found = results(model, batch)
        values = logits(model, batch, found)
        value = values[0, _known(label, values)]
    place = _last_maps(found) if layer is None else numbered(model, layer)
    gradient = tape.gradient(value, found[place])
    if len(found[place].shape) != 4 or gradient is None:
        raise ModelError(
            "Grad-CAM needs a layer with maps (rows, cols, maps) on the way to the output; choose another."
        )
    maps, slopes = found[place].numpy()[0], gradient.numpy()[0]
    weights = slopes.mean(axis=(0, 1))
    plan, shape = stages(model), tuple(batch.shape[1:])
    field = fields(plan, [tuple(each.shape[1:]) for each in found], shape)[place]
    heat = np.maximum((maps * weights).sum(axis=2), 0)
    return GradCam(heat, weights, plan[place].layer.name, field, (shape[0], shape[1]), float(value))


def _known(label: int, values: Any) -> int:
    classes = int(values.shape[-1])
    if not 0 <= label < classes:
        raise ModelError(f"Received class {label}; 0 to {classes - 1} are expected.")
    return label


def _last_maps(found: list[Any]) -> int:
    """Number of the last result that has more than one pixel."""
    with_maps = [n for n, each in enumerate(found) if len(each.shape) == 4 and each.shape[1] * each.shape[2] > 1]
    if not with_maps:
        raise ModelError("The model has no layer with maps; Grad-CAM needs a convolution.")
    return with_maps[-1]


def input_gradient(model: keras.Model, images: ArrayLike, label: int) -> Array:
    """How fast the class's logit grows with every value of images ``(n, rows, cols, bands)``; of the same shape."""
    import tensorflow as tf

    batch = tf.convert_to_tensor(as_batch(model, images))
    with tf.GradientTape() as tape:
        tape.watch(batch)
        values = logits(model, batch, results(model, batch))
        value = tf.reduce_sum(values[:, _known(label, values)])
    return np.asarray(tape.gradient(value, batch))


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each value of an image adds to a class's logit, ``values`` ``(rows, cols, bands)``.

    They sum to the difference between the ``logit`` of the image and that of the ``baseline``, up to the steps in which
    the sum was made.
    """

    values: Array
    logit: float
    baseline: float

    @property
    def by_band(self) -> Array:
        """What each band adds, ``(bands,)``."""
        return np.asarray(self.values.sum(axis=(0, 1), dtype=np.float64), np.float32)


def contributions(model: keras.Model, image: ArrayLike, label: int, *, baseline: ArrayLike = 0) -> Contributions:
    """Integrated gradients of class ``label``, from a ``baseline`` (a number, or one per band) to the image."""
    picture = as_batch(model, image)[0]
    start = np.broadcast_to(np.asarray(baseline, np.float32), picture.shape)
    total = np.zeros(picture.shape, np.float64)
    for part in np.split((np.arange(_STEPS) + 0.5) / _STEPS, 4):
        way = start + part[:, None, None, None].astype(np.float32) * (picture - start)
        total += input_gradient(model, way, label).sum(axis=0)
    ends = np.stack([picture, start])
    values = np.asarray(logits(model, ends, results(model, ends)))[:, label]
    return Contributions(((picture - start) * total / _STEPS).astype(np.float32), float(values[0]), float(values[1]))
