"""A volume convolution taken apart: what every band adds, every product at one pixel, and its cheaper relatives.

Arrays are channels-last, weights ``(rows, cols, bands)`` for one filter and ``(rows, cols, bands, filters)`` for a
layer. Depthwise convolution keeps a map per band (Chollet, *Xception*, 2017), grouped convolution sums within groups of
bands (Krizhevsky et al., 2012).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.convolve import conv2d, conv_volume
from cnnviz.errors import GeometryError
from cnnviz.padding import Axis, Border, plan, source_index

Array = NDArray[np.float32]
Exact = NDArray[np.float64]


def band_terms(image: ArrayLike, weights: ArrayLike, **how: Any) -> Array:
    """What each band adds to a filter's map: ``(rows, cols, bands)`` for ``weights`` ``(k, l, bands)``.

    Every band under its own kernel, not yet summed, is a depthwise convolution. ``how`` and errors are those of
    :func:`cnnviz.convolve.conv2d`.

    >>> band_terms([[[1, 2, 3]]], [[[1, 10, 100]]]).tolist()
    [[[1.0, 20.0, 300.0]]]
    """
    pixels, kernels = _volume(image, weights, "rows", "cols", "bands")
    maps = [conv2d(pixels[..., band], kernels[..., band], **how) for band in range(kernels.shape[2])]
    return np.stack(maps, axis=-1)


def sum_of_terms(terms: Array) -> Array:
    """Sum over the last axis, added up in float64 and rounded once, to float32.

    >>> sum_of_terms(np.float32([[[1e8, 1, -1e8]]])).tolist()
    [[1.0]]
    """
    total: Array = terms.sum(axis=-1, dtype=np.float64).astype(np.float32)
    return total


def conv_grouped(
    image: ArrayLike, weights: ArrayLike, bias: ArrayLike | None = None, *, groups: int, **how: Any
) -> Array:
    """Maps ``(rows, cols, filters)`` of filters that each see one group of bands, and no others.

    ``weights`` are ``(k, l, bands / groups, filters)``; the first filters belong to the first bands. ``how`` and errors
    are those of :func:`cnnviz.convolve.conv_volume`; GeometryError also where the groups come out uneven.

    >>> conv_grouped([[[1, 2, 3, 4]]], [[[[1, 1], [1, 1]]]], groups=2).tolist()
    [[[3.0, 7.0]]]
    """
    pixels, block = np.asarray(image), np.asarray(weights)
    if pixels.ndim != 3 or block.ndim != 4 or pixels.shape[2] != block.shape[2] * groups or block.shape[3] % groups:
        raise GeometryError(
            f"received an image of shape {pixels.shape} and weights of shape {block.shape} for {groups} groups: "
            "(rows, cols, bands) and (k, l, bands / groups, filters) are expected, with bands and filters that the "
            "groups divide"
        )
    seen, made = np.split(pixels, groups, axis=2), np.split(block, groups, axis=3)
    offsets = [None] * groups if bias is None else np.split(np.asarray(bias), groups)
    parts = [conv_volume(*each, **how) for each in zip(seen, made, offsets, strict=True)]
    return np.concatenate(parts, axis=-1)


@dataclass(frozen=True, eq=False)
class Products:
    """Everything that one output pixel of one filter is made of.

    ``pixels``, ``weights`` and ``products`` are float64 ``(k, l, bands)``; a product of two float32 numbers is exact in
    float64. ``terms`` is one sum per band and ``total`` their sum, each rounded once; ``biased`` is total + bias.
    """

    pixels: Exact
    weights: Exact
    products: Exact
    terms: tuple[float, ...]
    total: float
    bias: float

    @property
    def biased(self) -> float:
        """Total + bias: what the activation is given."""
        return self.total + self.bias


def products_at(
    image: ArrayLike, weights: ArrayLike, place: tuple[int, int], *, bias: float = 0.0, **how: Any
) -> Products:
    """All k · l · bands products at the output pixel ``place`` (row, col), for ``weights`` ``(k, l, bands)``.

    ``how`` is that of :func:`cnnviz.convolve.conv2d`. NaN in a pixel makes its product, term and total NaN. Raises
    GeometryError where bands do not agree, the kernel does not fit or the place lies outside the map.

    >>> found = products_at([[[1, 2]], [[3, 4]]], [[[1, 10]], [[-1, 0.5]]], (0, 0), bias=5)
    >>> found.products[..., 1].tolist(), found.terms, found.biased
    ([[20.0], [2.0]], (-2.0, 22.0), 25.0)
    """
    pixels, kernels = _volume(image, weights, "rows", "cols", "bands")
    border = Border(how.pop("border", Border.ZERO))
    axes = plan(pixels.shape, kernels.shape, **how)
    if not all(0 <= at < axis.out for at, axis in zip(place, axes, strict=True)):
        raise GeometryError(
            f"received row {place[0]}, column {place[1]} of a map of {axes[0].out} × {axes[1].out} pixels: "
            "a place inside it is expected"
        )
    seen = _window(pixels, place, axes, border).astype(np.float64)
    taps = kernels.astype(np.float64)
    products = seen * taps
    terms = tuple(_exact_sum(products[..., band]) for band in range(products.shape[2]))
    return Products(seen, taps, products, terms, _exact_sum(np.array(terms)), bias)


def _window(pixels: Array, place: tuple[int, int], axes: tuple[Axis, Axis], border: Border) -> Array:
    """What the kernel lies on, padding included."""
    rows, cols = (source_index(axis.reads()[at], axis.size, border) for at, axis in zip(place, axes, strict=True))
    inside = ((rows >= 0)[:, None] & (cols >= 0))[..., None]
    return np.where(inside, pixels[rows][:, cols], np.float32(0))


def _exact_sum(values: Exact) -> float:
    """Sum that is rounded once; NaN and infinities as arithmetic has them."""
    if not np.isfinite(values).all():
        with np.errstate(invalid="ignore"):
            return float(values.sum())
    return fsum(values.ravel().tolist())


def _volume(image: ArrayLike, weights: ArrayLike, *axes: str) -> tuple[Array, Array]:
    pixels, kernels = np.asarray(image, np.float32), np.asarray(weights, np.float32)
    if pixels.ndim != 3 or kernels.ndim != len(axes):
        raise GeometryError(
            f"received an image of shape {pixels.shape} and weights of shape {kernels.shape}: (rows, cols, bands) and "
            f"({', '.join(axes)}) are expected"
        )
    if pixels.shape[2] != kernels.shape[2]:
        raise GeometryError(
            f"received an image of {pixels.shape[2]} bands and a filter of {kernels.shape[2]}: n_c, the number of "
            "bands, must agree, as a filter has one kernel per band"
        )
    return pixels, kernels


@dataclass(frozen=True)
class Cost:
    """What a layer costs: numbers to learn, and products for every run."""

    parameters: int
    multiply_adds: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.parameters + other.parameters, self.multiply_adds + other.multiply_adds)


def cost(kernel: tuple[int, int], bands: int, filters: int, *, outputs: int, groups: int = 1) -> Cost:
    """Parameters ``(k·l·bands/groups + 1)·filters``, and products for ``outputs`` pixels per map.

    ``groups`` = ``filters`` = ``bands`` is a depthwise convolution. Raises GeometryError for uneven groups.

    >>> cost((5, 5), 6, 16, outputs=100)
    Cost(parameters=2416, multiply_adds=240000)
    >>> cost((3, 3), 13, 13, outputs=1, groups=13).parameters
    130
    """
    if groups < 1 or bands % groups or filters % groups:
        raise GeometryError(
            f"received {groups} groups for {bands} bands and {filters} filters: a number that divides both is expected"
        )
    weights = kernel[0] * kernel[1] * bands // groups
    return Cost((weights + 1) * filters, weights * filters * outputs)


def superposition(operation: Callable[[Exact], float], first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """``operation(first) + operation(second)`` and ``operation(first + second)``: equal for all that is linear.

    A convolution without bias is linear; a ratio of bands is not.

    >>> superposition(lambda x: x[0] - x[1], [3, 1], [1, 1])
    (2.0, 2.0)
    >>> superposition(lambda x: (x[0] - x[1]) / (x[0] + x[1]), [3, 1], [1, 0])
    (1.5, 0.6)
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return float(operation(one) + operation(two)), float(operation(one + two))
