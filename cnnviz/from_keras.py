"""A network from a Keras model, with the same numbers, so that what was trained slides over whole scenes.

A model for chips becomes a stack of layers for images of any size: ``Flatten`` and the dense layer after it are a
``valid`` convolution of the map's size, further dense layers are 1 × 1 convolutions, a global average is an average
pooling of the map's size with stride 1 (Long, Shelhamer & Darrell, *Fully convolutional networks for semantic
segmentation*, 2015). Batch normalisation, scaling and zero padding become 1 × 1 convolutions of their own: folded
into a convolution behind them they would change what its zero padding means. On an image of the model's own size
the one pixel that comes out is what the model says. Layers with ``same`` padding see real pixels inside a larger image
where the model sees zeros around a chip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.blocks import Activation, Conv2D, Function, Layer, Pool2D
from cnnviz.errors import CnnvizError, ModelError
from cnnviz.keras_graph import IDLE, chain, described, image_shape, kind, numbers
from cnnviz.layers import Network
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

Shape = tuple[int | None, int | None, int]


@dataclass(frozen=True)
class _Given:
    """What reaches a layer: maps of ``shape``, as a list of numbers once they are ``flat``."""

    shape: Shape
    flat: bool = False


def from_keras(model: keras.Model, *, bands: Sequence[str] | None = None) -> Network:
    """Network with the layers and weights of a Keras model that is a chain of layers, convolutional or dense.

    ``bands`` names the bands that the model was trained on. Raises ModelError that names the layer which cannot be
    said, and why.
    """
    steps, layers = chain(model), list[Layer]()
    given = _Given(image_shape(model))
    for step in steps:
        try:
            found = list(_said(step, given))
            given = _after(found, step, given)
        except CnnvizError as error:
            raise ModelError(f"Layer {described(step)}: {error}") from error
        layers += found
    if given.flat and given.shape[:2] != (1, 1):
        raise ModelError("The model ends with a list of pixels: end it with a dense layer, or with maps.")
    return Network(layers or [Activation("linear")], bands=bands, name=f"{model.name:.60}")


def _said(step: Any, given: _Given) -> list[Layer]:
    if kind(step) in IDLE or kind(step) in ("Flatten", "Reshape"):
        return []
    words = _WORDS.get(kind(step))
    if words is None:
        known = ", ".join(sorted(_WORDS))
        raise ModelError(f"a network here has no such layer; known are {known}")
    if getattr(step, "data_format", "channels_last") != "channels_last":
        raise ModelError("its images are (bands, rows, cols); (rows, cols, bands) is expected")
    if given.flat and given.shape[:2] != (1, 1) and kind(step) not in ("Dense", "Activation", "ReLU"):
        raise ModelError("it works on the list of all pixels; put a dense layer between Flatten and it")
    return list(words(step, given))


def _after(found: Sequence[Layer], step: Any, given: _Given) -> _Given:
    """What reaches the next layer."""
    rows, cols, maps = given.shape
    for layer in found:
        maps = layer.maps(maps)
        if rows is not None and cols is not None:
            axes = layer.axes((rows, cols))
            rows, cols = axes[0].out, axes[1].out
    return _Given((rows, cols, maps), _is_flat(step, given))


def _is_flat(step: Any, given: _Given) -> bool:
    if kind(step) == "Reshape" and len(step.target_shape) > 1:
        if tuple(step.target_shape) != given.shape:
            raise ModelError(f"it makes shape {step.target_shape}; only lists of pixels, as of Flatten, are known")
        return False
    flattens = kind(step) in ("Flatten", "Reshape") or (kind(step).startswith("Global") and not step.keepdims)
    return given.flat or flattens


def _activation(step: Any, given: _Given) -> Iterator[Layer]:
    function = step.activation
    name = "linear" if function is None else getattr(function, "__name__", kind(function))
    if name not in list(Function):
        raise ModelError(f"its activation {name:.40} is not known; known are {', '.join(sorted(Function))}")
    if name == Function.SOFTMAX and given.flat and given.shape[:2] != (1, 1):
        raise ModelError("its softmax is over all pixels; only softmax over maps is known")
    if name != Function.LINEAR or kind(step) == "Activation":
        yield Activation(name)


def _convolution(step: Any, given: _Given) -> Iterator[Layer]:
    groups = step.groups
    kernel = numbers(step.kernel)
    if groups > 1:
        kernel = _grouped(kernel, groups)
    yield Conv2D(kernel, _bias(step), **_sliding(step))
    yield from _activation(step, given)


def _grouped(kernel: Array, groups: int) -> Array:
    """Filters of groups of bands as filters over all bands, with zeros for those that they do not see."""
    rows, cols, bands, filters = kernel.shape
    whole = np.zeros((rows, cols, bands * groups, filters), np.float32)
    each = filters // groups
    for group in range(groups):
        own = slice(group * each, (group + 1) * each)
        whole[:, :, group * bands : (group + 1) * bands, own] = kernel[..., own]
    return whole


def _depthwise(step: Any, given: _Given) -> Iterator[Layer]:
    yield Conv2D(_spread(numbers(step.kernel)), _bias(step), **_sliding(step))
    yield from _activation(step, given)


def _separable(step: Any, given: _Given) -> Iterator[Layer]:
    yield Conv2D(_spread(numbers(step.depthwise_kernel)), **_sliding(step))
    yield Conv2D(numbers(step.pointwise_kernel), _bias(step))
    yield from _activation(step, given)


def _spread(kernel: Array) -> Array:
    """Depthwise filters ``(rows, cols, bands, times)`` as filters over all bands: a group for each band."""
    rows, cols, bands, times = kernel.shape
    return _grouped(kernel.reshape(rows, cols, 1, bands * times), bands)


def _bias(step: Any) -> Array | None:
    return numbers(step.bias) if step.use_bias else None


def _sliding(step: Any) -> dict[str, Any]:
    return {"padding": step.padding, "stride": tuple(step.strides), "dilation": tuple(step.dilation_rate)}


def _dense(step: Any, given: _Given) -> Iterator[Layer]:
    kernel = numbers(step.kernel)
    rows, cols, maps = given.shape if given.flat else (1, 1, given.shape[2])
    if rows is None or cols is None:
        raise ModelError("it needs to know how large the maps before it are: build the model for images of one size")
    yield Conv2D(kernel.reshape(rows, cols, maps, -1), _bias(step))
    yield from _activation(step, _Given((1, 1, kernel.shape[-1]), given.flat))


def _pooling(step: Any, given: _Given) -> Iterator[Layer]:
    del given
    mode = "max" if kind(step).startswith("Max") else "average"
    yield Pool2D(tuple(step.pool_size), mode=mode, stride=tuple(step.strides), padding=step.padding)


def _global_pooling(step: Any, given: _Given) -> Iterator[Layer]:
    rows, cols, _ = given.shape
    if rows is None or cols is None:
        raise ModelError("it looks at the whole image, of any size; build the model for images of one size")
    yield Pool2D((rows, cols), mode="max" if "Max" in kind(step) else "average", stride=1)


def _relu(step: Any, given: _Given) -> Iterator[Layer]:
    del given
    if step.max_value is not None or step.negative_slope or step.threshold:
        raise ModelError("its ReLU has a largest value, a slope or a threshold; only max(x, 0) is known")
    yield Activation("relu")


def _softmax(step: Any, given: _Given) -> Iterator[Layer]:
    if step.axis not in (-1, 1 if given.flat else 3):
        raise ModelError(f"its softmax is along axis {step.axis}; only softmax over maps, axis −1, is known")
    yield Activation("softmax")


def _batch_normalization(step: Any, given: _Given) -> Iterator[Layer]:
    _check_axis(step.axis, given)
    scale = 1 / np.sqrt(numbers(step.moving_variance).astype(np.float64) + step.epsilon)
    scale = scale * numbers(step.gamma) if step.scale else scale
    shift = -numbers(step.moving_mean) * scale
    yield _per_band(scale, shift + numbers(step.beta) if step.center else shift, given)


def _normalization(step: Any, given: _Given) -> Iterator[Layer]:
    import keras

    _check_axis(step.axis, given)
    if step.invert:
        raise ModelError("it undoes a normalisation (invert=True); only normalising is known")
    spread = np.maximum(np.sqrt(numbers(step.variance).astype(np.float64)), keras.backend.epsilon())
    yield _per_band(1 / spread, -numbers(step.mean) / spread, given)


def _check_axis(axis: Any, given: _Given) -> None:
    last = 1 if given.flat else 3
    if axis not in (-1, last, (-1,), (last,), [-1], [last]):
        raise ModelError(f"it normalises along axis {axis}; only one factor per band, axis −1, is known")


def _rescaling(step: Any, given: _Given) -> Iterator[Layer]:
    yield _per_band(step.scale, step.offset, given)


def _per_band(scale: Any, shift: Any, given: _Given) -> Layer:
    """``scale · x + shift`` for each band, as a 1 × 1 convolution of its own."""
    bands = given.shape[2]
    scales = np.broadcast_to(np.asarray(scale, np.float32).ravel(), bands)
    shifts = np.broadcast_to(np.asarray(shift, np.float32).ravel(), bands)
    return Conv2D(np.diag(scales)[None, None], shifts)


def _zeros(step: Any, given: _Given) -> Iterator[Layer]:
    del given
    yield Conv2D([[1]], padding=tuple(map(tuple, step.padding)))


_WORDS: dict[str, Callable[[Any, _Given], Iterator[Layer]]] = {
    "Activation": _activation,
    "AveragePooling2D": _pooling,
    "BatchNormalization": _batch_normalization,
    "Conv2D": _convolution,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "GlobalAveragePooling2D": _global_pooling,
    "GlobalMaxPooling2D": _global_pooling,
    "MaxPooling2D": _pooling,
    "Normalization": _normalization,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "SeparableConv2D": _separable,
    "Softmax": _softmax,
    "ZeroPadding2D": _zeros,
}
