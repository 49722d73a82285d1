"""Why a network says what it says: Grad-CAM, contributions and occlusion without Keras.

The same figures as :mod:`cnnviz.gradients` and :mod:`cnnviz.occlusion` give for Keras models, for networks that end in
one pixel with a map per class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.backward import forward, gradients
from cnnviz.blocks import Activation, Function, Kind
from cnnviz.errors import GeometryError, ModelError
from cnnviz.geometry import ReceptiveField
from cnnviz.gradients import Contributions, GradCam
from cnnviz.layers import Network, as_image
from cnnviz.occlusion import Occlusion
from cnnviz.padding import PerAxis, per_axis, plan
from cnnviz.weights import Array

_STEPS = 128
_MOST = 1024


def depth(network: Network) -> int:
    """How many layers lead to the logits: all but a softmax at the end."""
    last = network.layers[-1]
    return len(network.layers) - (isinstance(last, Activation) and last.name is Function.SOFTMAX)


def network_logits(network: Network, image: ArrayLike) -> Array:
    """Values ``(classes,)`` before the last softmax, where one pixel comes out; raises ModelError else."""
    return _logits(forward(network, image)[depth(network)])


def _logits(result: Array) -> Array:
    rows, cols, classes = result.shape
    if (rows, cols) != (1, 1):
        raise ModelError(f"Received a network that gives {rows} × {cols} pixels; one is expected.")
    return result.reshape(classes)


def _back(network: Network, image: ArrayLike, label: int) -> tuple[list[Array], list[Array], float]:
    """Results and gradients from the input to the logits, and the class's logit."""
    end = depth(network)
    values = forward(network, image)[: end + 1]
    logits = _logits(values[-1])
    if not 0 <= label < len(logits):
        raise ModelError(f"Received class {label}; 0 to {len(logits) - 1} are expected.")
    seed = np.zeros_like(values[-1])
    seed[..., label] = 1
    return values, gradients(network.layers[:end], values, seed), float(logits[label])


def mappers(network: Network, shape: Sequence[int]) -> list[int]:
    """Numbers of the convolutions, with what follows them, whose result has more than one pixel: Grad-CAM's choice."""
    shapes, kinds = network.shapes(shape), [layer.kind for layer in network.layers]
    ends = [n for n, kind in enumerate(kinds) if n + 1 == len(kinds) or kinds[n + 1] is not Kind.ACTIVATION]
    return [n for n in ends if kinds[n] is not Kind.POOLING and shapes[n][0] * shapes[n][1] > 1 and n < depth(network)]


def network_cam(network: Network, image: ArrayLike, label: int, layer: int) -> GradCam:
    """Grad-CAM of class ``label`` at layer number ``layer``, from 0."""
    values, slopes, logit = _back(network, image, label)
    maps, weights = values[layer + 1], slopes[layer + 1].mean(axis=(0, 1))
    heat = np.maximum((maps * weights).sum(axis=2), 0)
    shape = values[0].shape
    field, title = network.receptive_fields(shape)[layer], network.layers[layer].title
    return GradCam(heat, weights, title, field, (shape[0], shape[1]), logit)


def network_contributions(network: Network, image: ArrayLike, label: int, *, baseline: ArrayLike = 0) -> Contributions:
    """Integrated gradients of class ``label``, from a ``baseline`` (a number, or one per band) to the image."""
    picture = as_image(image)
    start = np.broadcast_to(np.asarray(baseline, np.float32), picture.shape)
    total = np.zeros(picture.shape, np.float64)
    for step in (np.arange(_STEPS, dtype=np.float32) + np.float32(0.5)) / np.float32(_STEPS):
        total += _back(network, start + step * (picture - start), label)[1][0]
    ends = [float(network_logits(network, each)[label]) for each in (picture, start)]
    return Contributions(((picture - start) * total / _STEPS).astype(np.float32), *ends)


def network_occlusion(
    network: Network, image: ArrayLike, label: int, *, size: PerAxis = 8, stride: PerAxis = 4
) -> Occlusion:
    """How far the logit falls when windows of ``size`` every ``stride`` pixels get each band's mean."""
    picture = as_image(image)
    rows, cols = axes = plan(picture.shape[:2], size, stride=stride)
    if rows.out * cols.out > _MOST:
        windows = f"{rows.out * cols.out:,} windows to cover"
        raise GeometryError(f"Received {windows}; at most {_MOST:,} are expected: take a wider stride.")
    cover, whole = picture.mean(axis=(0, 1)), float(network_logits(network, picture)[label])
    drops = np.empty((rows.out, cols.out), np.float32)
    for row, col in np.ndindex(drops.shape):
        drops[row, col] = whole - network_logits(network, _covered(picture, (row, col), axes, cover))[label]
    return Occlusion(drops, ReceptiveField().then(axes), cover, whole)


def _covered(picture: Array, place: tuple[int, int], axes: Any, cover: Array) -> Array:
    copy = picture.copy()
    top, left = (at * axis.stride for at, axis in zip(place, axes, strict=True))
    height, width = per_axis((axes[0].kernel, axes[1].kernel), "size")
    copy[top : top + height, left : left + width] = cover
    return copy


def answers(network: Network, images: Array, layer: int) -> tuple[Array, NDArray[np.intp]]:
    """Largest value of each map of a layer for each image, ``(n, maps)``, and its row and column ``(n, maps, 2)``."""
    part = Network(network.layers[: layer + 1], bands=network.bands)
    found, places = [], []
    for image in images:
        maps = part.apply(image)
        flat = maps.reshape(-1, maps.shape[2])
        best = flat.argmax(axis=0)
        found.append(flat.max(axis=0))
        places.append(np.stack(np.divmod(best, maps.shape[1]), axis=-1))
    return np.stack(found), np.stack(places)
