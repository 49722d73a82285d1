"""Occlusion: how much less a model believes in a class when a part of the image is covered.

Zeiler & Fergus, *Visualizing and understanding convolutional networks* (2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cnnviz.errors import GeometryError, ModelError
from cnnviz.geometry import ReceptiveField
from cnnviz.keras_run import as_batch, logits, results
from cnnviz.padding import PerAxis, per_axis, plan
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

_BATCH = 64
_MOST = 4096


@dataclass(frozen=True, eq=False)
class Occlusion:
    """``drops`` ``(rows, cols)``: the class's logit of the whole image minus that with one window covered.

    ``field`` says where each window lies; ``cover`` is the value of each band under it.
    """

    drops: Array
    field: ReceptiveField
    cover: Array
    logit: float


def occlusion(model: keras.Model, image: ArrayLike, label: int, *, size: PerAxis = 8, stride: PerAxis = 4) -> Occlusion:
    """Cover windows of ``size`` every ``stride`` pixels with each band's mean, and see how far the logit falls."""
    picture = as_batch(model, image)[0]
    axes = plan(picture.shape[:2], size, stride=stride)
    rows, cols = axes
    if rows.out * cols.out > _MOST:
        raise GeometryError(
            f"Received {rows.out * cols.out:,} windows to cover; at most {_MOST:,}: take a wider stride."
        )
    cover = picture.mean(axis=(0, 1))
    whole = _logits(model, picture[None])
    if not 0 <= label < whole.shape[1]:
        raise ModelError(f"Received class {label}; 0 to {whole.shape[1] - 1} are expected.")
    places = [(row, col) for row in range(rows.out) for col in range(cols.out)]
    found = [
        _logits(model, np.stack([_covered(picture, place, size, stride) for place in places[start : start + _BATCH]]))
        for start in range(0, len(places), _BATCH)
    ]
    left = np.concatenate(found)[:, label].reshape(rows.out, cols.out)
    return Occlusion(whole[0, label] - left, ReceptiveField().then(axes), cover, float(whole[0, label]))


def _covered(picture: Array, place: tuple[int, int], size: PerAxis, stride: PerAxis) -> Array:
    """The image with one window at the mean of each band."""
    (height, width), steps = per_axis(size, "size"), per_axis(stride, "stride")
    top, left = place[0] * steps[0], place[1] * steps[1]
    copy = picture.copy()
    copy[top : top + height, left : left + width] = picture.mean(axis=(0, 1))
    return copy


def _logits(model: keras.Model, batch: Array) -> Array:
    return np.asarray(logits(model, batch, results(model, batch)))
