"""A network in Keras's words: which Keras layers, with which weights, in which order.

What one Keras layer cannot say is said by the layers around it: other padding than ``valid`` and ``same`` by
padding first; stride together with dilation by dropping rows and columns afterwards; one kernel on every band
by a depthwise layer; the minimum as the maximum of the negative; a mean beside padding by a second pooling,
of ones. The same plan builds the model and writes the code that builds it; nothing here imports Keras.

Keras's max pooling skips NaN where ours keeps it; everything else agrees on NaN too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnviz.blocks import Activation, Conv2D, Function, Layer, Pool2D
from cnnviz.convolve import PoolMode
from cnnviz.errors import ModelError
from cnnviz.padding import Border, Padding, Pads
from cnnviz.weights import Array, Bias, Pair

ONE = (1, 1)


@dataclass(frozen=True)
class SamePads:
    """Padding of TensorFlow's ``same``, known as soon as the size of the image is."""

    kernel: Pair
    stride: Pair
    dilation: Pair


@dataclass(frozen=True)
class Step:
    """One call of Keras: ``call`` is a class of ``keras.layers`` or a function of ``keras.ops``.

    ``kernel`` is (rows, cols, bands, filters), or (rows, cols) for the same one on every band. ``output``
    names the result, ``inputs`` what it is made of; "x" is the picture on its way.
    """

    call: str
    options: dict[str, Any] = field(default_factory=dict)
    kernel: Array | None = None
    bias: Bias = None
    inputs: tuple[str, ...] = ("x",)
    output: str = "x"


def keras_steps(layers: Iterable[Layer]) -> list[tuple[Layer, list[Step]]]:
    """Keras calls for each layer. Raises ModelError where Keras has no words for a border.

    >>> [step.call for _, steps in keras_steps([Conv2D("box_3", padding="full")]) for step in steps]
    ['layers.ZeroPadding2D', 'layers.DepthwiseConv2D']
    """
    return [(layer, list(_steps(layer, number))) for number, layer in enumerate(layers, 1)]


def _steps(layer: Layer, number: int) -> Iterator[Step]:
    if isinstance(layer, Conv2D):
        return _convolution(layer, number)
    if isinstance(layer, Pool2D):
        return _pooling(layer, number)
    if isinstance(layer, Activation):
        return _activation(layer, number)
    raise ModelError(f"received a layer {type(layer).__name__}: Activation, Conv2D or Pool2D is expected")


def _activation(layer: Activation, number: int) -> Iterator[Step]:
    name = f"{layer.name}_{number}"
    if layer.name is Function.RELU:
        yield Step("layers.ReLU", {"name": name})
    else:
        yield Step("layers.Activation", {"activation": str(layer.name), "name": name})


def _convolution(layer: Conv2D, number: int) -> Iterator[Step]:
    _check_border(layer, number)
    thin_out = layer.stride != ONE and layer.dilation != ONE  # Keras has either stride or dilation in one layer
    around, padding = _keras_padding(layer, thin_out)
    if around is not None:
        yield Step("layers.ZeroPadding2D", {"padding": around, "name": f"zeros_{number}"})
    options: dict[str, Any] = {"kernel_size": layer.size}
    if layer.bands is not None:
        options = {"filters": layer.tensor.shape[3], **options}
    options |= _unless(strides=(ONE if thin_out else layer.stride, ONE), padding=(padding, "valid"))
    options |= _unless(dilation_rate=(layer.dilation, ONE), use_bias=(layer.bias is not None, True))
    call = "layers.DepthwiseConv2D" if layer.bands is None else "layers.Conv2D"
    yield Step(call, options | {"name": f"conv_{number}"}, layer.tensor, layer.bias)
    if thin_out:
        name = f"stride_{number}"
        yield Step("layers.AveragePooling2D", {"pool_size": ONE, "strides": layer.stride, "name": name})


def _check_border(layer: Conv2D, number: int) -> None:
    rows, cols = layer.axes(None)
    padded = rows.before or rows.after or cols.before or cols.after
    padded = padded or (layer.padding is Padding.SAME and (rows.span, cols.span) != ONE)
    if layer.border is not Border.ZERO and padded:
        raise ModelError(
            f"Layer {number} ({layer.title}) fills its border by {layer.border}; Keras's layers pad with "
            'zeros alone. Set border="zero", or padding="valid".'
        )


def _keras_padding(layer: Conv2D, thin_out: bool) -> tuple[Pads | SamePads | None, str]:
    """Padding that goes before, and the layer's own."""
    if layer.padding is Padding.VALID:
        return None, "valid"
    if layer.padding is Padding.SAME:
        if thin_out:
            return SamePads(layer.size, layer.stride, layer.dilation), "valid"
        return None, "same"
    return _fixed(layer), "valid"


def _fixed(layer: Conv2D | Pool2D) -> Pads:
    rows, cols = layer.axes(None)
    return (rows.before, rows.after), (cols.before, cols.after)


def _pooling(layer: Pool2D, number: int) -> Iterator[Step]:
    options: dict[str, Any] = {"pool_size": layer.size} | _unless(strides=(layer.stride, layer.size))
    around = None if layer.padding in (Padding.VALID, Padding.SAME) else _fixed(layer)
    options |= _unless(padding=(str(layer.padding), "valid") if around is None else ("valid", "valid"))
    if layer.mode is PoolMode.AVERAGE:
        yield from _averages(options, around, number)
        return
    if layer.mode is PoolMode.MIN:
        yield Step("layers.Rescaling", {"scale": -1.0, "name": f"negative_{number}"})
    if around is not None:
        pads = {"pad_width": ((0, 0), *around, (0, 0)), "constant_values": -np.inf}
        yield Step("ops.pad", pads)
    yield Step("layers.MaxPooling2D", options | {"name": f"pool_{number}"})
    if layer.mode is PoolMode.MIN:
        yield Step("layers.Rescaling", {"scale": -1.0, "name": f"positive_{number}"})


def _averages(options: dict[str, Any], around: Pads | None, number: int) -> Iterator[Step]:
    if around is None:
        yield Step("layers.AveragePooling2D", options | {"name": f"pool_{number}"})
        return
    yield Step("ops.ones_like", output="share")
    for value, name in (("share", "share"), ("x", "pool")):
        pads = {"padding": around, "name": f"zeros_{name}_{number}"}
        yield Step("layers.ZeroPadding2D", pads, inputs=(value,), output=value)
        yield Step("layers.AveragePooling2D", options | {"name": f"{name}_{number}"}, inputs=(value,), output=value)
    yield Step("ops.divide", inputs=("x", "share"))


def _unless(**options: tuple[Any, Any]) -> dict[str, Any]:
    """Options that differ from Keras's defaults, each given as (value, default)."""
    return {name: value for name, (value, default) in options.items() if value != default}
