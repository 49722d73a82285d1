"""Single layers of a classifier in Keras's words, with the arithmetic of their shapes and parameters as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Any

from cnnviz.errors import GeometryError
from cnnviz.padding import Padding

#: Shape of one image's result: (rows, cols, maps), or (units,).
Sizes = tuple[int, ...]

POOL = 2


@dataclass(frozen=True)
class LayerStep:
    """One layer: ``call`` is a class of ``keras.layers`` that takes ``options`` and ``name``.

    ``shape`` is (rows, cols, maps) or (units,) without the batch; ``trained`` of the ``parameters`` are learned by
    gradient descent, the others are measured. ``shape_sum`` and ``parameter_sum`` say in figures why.
    """

    name: str
    title: str
    call: str
    options: Mapping[str, Any]
    shape: Sizes
    shape_sum: str = ""
    parameters: int = 0
    parameter_sum: str = ""
    trained: int = 0


def _step(name: str, title: str, call: str, shape: Sizes, options: dict[str, Any], **rest: Any) -> LayerStep:
    return LayerStep(name, title, call, MappingProxyType(options), shape, **rest)


def normalisation(shape: Sizes) -> LayerStep:
    """Every band less its mean, divided by its standard deviation, both measured on the training images.

    In Keras's words a batch normalisation that never learns: any reader of Keras files knows it.
    """
    bands = shape[-1]
    return _step(
        "normalise",
        "each band to mean 0, variance 1",
        "BatchNormalization",
        shape,
        {"center": False, "scale": False, "trainable": False, "epsilon": 1e-6},
        parameters=2 * bands,
        parameter_sum=f"mean and variance: 2·{bands} = {2 * bands}",
    )


def batch_normalisation(number: int, shape: Sizes) -> LayerStep:
    """Every map less its mean in the batch, divided by its deviation; then times a weight, plus a bias."""
    maps = shape[-1]
    return _step(
        f"batch_norm_{number}",
        "batch normalisation",
        "BatchNormalization",
        shape,
        # Keras's 0.99 needs hundreds of batches to learn means: more than a short training has.
        {"momentum": 0.9},
        parameters=4 * maps,
        parameter_sum=f"weight, bias, mean and variance: 4·{maps} = {4 * maps:,}",
        trained=2 * maps,
    )


def convolution(number: int, shape: Sizes, filters: int, kernel: int, padding: Padding, start: str) -> LayerStep:
    """Kernel × kernel × bands weights and one bias per filter, moved one pixel at a time."""
    rows, cols, bands = shape
    if padding is Padding.VALID and min(rows, cols) < kernel:
        raise _too_small(f"conv_{number}", shape, kernel)
    less = 0 if padding is Padding.SAME else kernel - 1
    weights = kernel * kernel * bands * filters + filters
    return _step(
        f"conv_{number}",
        f"convolution {kernel} × {kernel}, {filters} filter{'s' * (filters > 1)}",
        "Conv2D",
        (rows - less, cols - less, filters),
        {"filters": filters, "kernel_size": kernel, "padding": padding.value, "kernel_initializer": start},
        shape_sum=_per_axis(shape, lambda size: f"{size} − {kernel} + 1 = {size - less}" if less else ""),
        parameters=weights,
        parameter_sum=f"{kernel}·{kernel}·{bands}·{filters} + {filters} = {weights:,}",
        trained=weights,
    )


def activation(name: str, function: str, shape: Sizes) -> LayerStep:
    """The same function of every number."""
    titles = {"relu": "ReLU", "softmax": "softmax: exp of each, divided by their sum"}
    title = titles.get(function, function)
    return _step(name, title, "Activation", shape, {"activation": function})


def pooling(number: int, mode: str, shape: Sizes) -> LayerStep:
    """One number of every 2 × 2; an odd last row or column is dropped."""
    rows, cols, maps = shape
    if min(rows, cols) < POOL:
        raise _too_small(f"pool_{number}", shape, POOL)
    return _step(
        f"pool_{number}",
        f"{POOL} × {POOL} {mode} pooling",
        {"max": "MaxPooling2D", "average": "AveragePooling2D"}[mode],
        (rows // POOL, cols // POOL, maps),
        {"pool_size": POOL},
        shape_sum=_per_axis(shape, lambda size: f"⌊{size} / {POOL}⌋ = {size // POOL}"),
    )


def flatten(shape: Sizes) -> LayerStep:
    """Every pixel of every map side by side."""
    return _step(
        "flatten", "flatten", "Flatten", (prod(shape),), {}, shape_sum="·".join(map(str, shape)) + f" = {prod(shape):,}"
    )


def mean_of_maps(shape: Sizes) -> LayerStep:
    """The mean of each map, wherever in it something was found."""
    return _step(
        "average",
        "mean of each map",
        "GlobalAveragePooling2D",
        shape[-1:],
        {},
        shape_sum=f"{shape[0]}·{shape[1]} pixels → 1",
    )


def dense(name: str, shape: Sizes, units: int, start: str = "glorot_uniform") -> LayerStep:
    """Every input times a weight of its own, for each unit, plus a bias."""
    weights = shape[0] * units + units
    return _step(
        name,
        f"dense, {units:,} units",
        "Dense",
        (units,),
        {"units": units, "kernel_initializer": start},
        parameters=weights,
        parameter_sum=f"{shape[0]:,}·{units:,} + {units:,} = {weights:,}",
        trained=weights,
    )


def dropout(number: int, share: float, shape: Sizes) -> LayerStep:
    """A random share of the values is 0 in each batch of a training, and none later."""
    return _step(f"dropout_{number}", f"dropout of {share:.0%} while training", "Dropout", shape, {"rate": share})


def _per_axis(shape: Sizes, one: Any) -> str:
    """Sum for rows, and for columns where they differ."""
    rows, cols = one(shape[0]), one(shape[1])
    return rows if shape[0] == shape[1] else f"{rows}, {cols}"


def _too_small(name: str, shape: Sizes, window: int) -> GeometryError:
    return GeometryError(
        f"Layer {name} receives maps of {shape[0]} × {shape[1]}; its window of {window} × {window} does not fit. Use "
        "larger images, fewer blocks, a smaller kernel, or padding same."
    )
