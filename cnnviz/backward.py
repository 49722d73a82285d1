"""Backwards through a network: how a number at its end grows with every value on the way.

Backpropagation (Rumelhart, Hinton & Williams, 1986), written out for the three kinds of layer, with NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from cnnviz.blocks import Activation, Conv2D, Function, Layer, Pool2D
from cnnviz.convolve import PoolMode
from cnnviz.errors import ModelError
from cnnviz.geometry import Axes
from cnnviz.layers import Network, as_image
from cnnviz.padding import Border
from cnnviz.weights import Array


def forward(network: Network, image: ArrayLike) -> list[Array]:
    """The image, and the result of every layer, ``(rows, cols, maps)`` each."""
    found = [as_image(image)]
    for layer in network.layers:
        found.append(layer.apply(found[-1]))
    return found


def gradients(layers: Sequence[Layer], values: Sequence[Array], seed: Array) -> list[Array]:
    """Gradient of ``Σ seed · values[-1]`` by each of ``values``: the input of the first layer, and every result.

    >>> layer = Conv2D([[2.0]])
    >>> [each.item() for each in gradients([layer], forward(Network([layer]), [[5]]), np.float32([[[1]]]))]
    [2.0, 1.0]
    """
    found = [np.asarray(seed, np.float32)]
    for layer, given, result in zip(layers[::-1], values[-2::-1], values[:0:-1], strict=True):
        found.append(_back(layer, given, result, found[-1]))
    return found[::-1]


def _back(layer: Layer, given: Array, result: Array, slope: Array) -> Array:
    """Gradient by what a layer was given, from that by its result."""
    if isinstance(layer, Conv2D):
        return _convolution(layer, given, slope)
    if isinstance(layer, Pool2D):
        if layer.mode is PoolMode.AVERAGE:
            return _average(layer, given, slope)
        return _extreme(layer, given, result, slope)
    if isinstance(layer, Activation):
        return _activation(layer.name, result, slope)
    raise ModelError(f"received a layer {type(layer).__name__}: Activation, Conv2D or Pool2D is expected")


def _activation(name: Function, result: Array, slope: Array) -> Array:
    match name:
        case Function.RELU:
            return slope * (result > 0)
        case Function.TANH:
            return slope * (1 - result**2)
        case Function.SIGMOID:
            return slope * result * (1 - result)
        case Function.SOFTMAX:
            return np.asarray(result * (slope - (slope * result).sum(axis=2, keepdims=True)))
        case Function.LINEAR:
            return slope


def _taps(axes: Axes) -> list[tuple[int, int, tuple[slice, slice]]]:
    """Every cell of a window, and the pixels of the padded image that it falls on."""
    rows, cols = axes

    def reads(axis: int, tap: int) -> slice:
        each = axes[axis]
        first = tap * each.dilation
        return slice(first, first + (each.out - 1) * each.stride + 1, each.stride)

    return [(r, c, (reads(0, r), reads(1, c))) for r, c in product(range(rows.kernel), range(cols.kernel))]


def _padded(image: Array, axes: Axes, fill: float = 0.0) -> Array:
    pads = [(axis.before, axis.after) for axis in axes]
    return np.pad(image, (*pads, (0, 0)), constant_values=fill)


def _cropped(image: Array, axes: Axes) -> Array:
    rows, cols = axes
    return image[rows.before : rows.before + rows.size, cols.before : cols.before + cols.size]


def _convolution(layer: Conv2D, given: Array, slope: Array) -> Array:
    axes = layer.axes(given.shape)
    if layer.border is not Border.ZERO and any(axis.before or axis.after for axis in axes):
        raise ModelError(f"received a border filled by {layer.border}: gradients are known for zeros alone")
    total = np.zeros_like(_padded(given, axes))
    for row, col, where in _taps(axes):
        weights = layer.tensor[row, col]
        total[where] += slope * weights if layer.bands is None else slope @ weights.T
    return _cropped(total, axes)


def _average(layer: Pool2D, given: Array, slope: Array) -> Array:
    axes = layer.axes(given.shape)
    there = _padded(np.ones_like(given[..., :1]), axes)
    taps = _taps(axes)
    share = slope / sum(there[where] for _, _, where in taps)
    total = np.zeros_like(_padded(given, axes))
    for _, _, where in taps:
        total[where] += share
    return _cropped(total, axes)


def _extreme(layer: Pool2D, given: Array, result: Array, slope: Array) -> Array:
    """The first cell of a window that holds the largest or smallest value gets all of the gradient."""
    axes = layer.axes(given.shape)
    padded = _padded(given, axes, -np.inf if layer.mode is PoolMode.MAX else np.inf)
    total, taken = np.zeros_like(padded), np.zeros(result.shape, bool)
    for _, _, where in _taps(axes):
        wins = (padded[where] == result) & ~taken
        total[where] += slope * wins
        taken |= wins
    return _cropped(total, axes)
