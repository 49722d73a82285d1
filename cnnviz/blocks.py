"""The layers that a network is made of: convolution, pooling, activation.

Each is a frozen, comparable description; it knows its output's shape, its share of the receptive field, its
parameters and multiply-adds, and turns an image ``(rows, cols, maps)`` into the next one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnviz import portable
from cnnviz.convolve import PoolMode, conv2d, conv_volume, pool2d
from cnnviz.errors import GeometryError
from cnnviz.geometry import Axes
from cnnviz.kernels import KERNELS
from cnnviz.padding import Border, Padding, PaddingLike, Pads, PerAxis, plan
from cnnviz.weights import (
    MAX_DILATION,
    MAX_POOL,
    MAX_STRIDE,
    Array,
    Bias,
    Pair,
    bias_of,
    option,
    padding_of,
    pair,
    weights_of,
)

Shape = tuple[int, int, int]
Labels = tuple[str, ...]


class Kind(StrEnum):
    """What a layer does; the last three are layers of Keras that a network has no layer of its own for."""

    CONVOLUTION = "convolution"
    ACTIVATION = "activation"
    POOLING = "pooling"
    DENSE = "dense"
    SCALING = "scaling"
    OTHER = "other"


class Function(StrEnum):
    """What an activation does to every number; sigmoid is ``1 / (1 + exp(−x))``, linear changes nothing.

    Softmax turns a pixel's values in all maps into shares that sum to 1: ``exp(x) / Σ exp(x)``.
    """

    LINEAR = "linear"
    RELU = "relu"
    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    TANH = "tanh"


class Layer(ABC):
    """One step of a network. Two layers are equal when all their settings are."""

    kind: Kind

    @property
    @abstractmethod
    def title(self) -> str:
        """The operation in words, such as ``2 × 2 max``."""

    @abstractmethod
    def apply(self, image: Array, padding: Pads | None = None) -> Array:
        """Result ``(rows, cols, maps)`` for an image ``(rows, cols, bands)``.

        ``padding`` takes the place of the layer's own: a tile is padded only where the scene ends.
        """

    def axes(self, shape: Sequence[int] | None) -> Axes:
        """How the window slides along rows and columns of an image of ``shape``.

        Without a shape, sizes that the stride divides are taken: ``same`` under stride needs to know.
        """
        return plan(shape or (1, 1), 1)

    def maps(self, bands: int) -> int:
        """How many maps come out of ``bands``; raises GeometryError where they do not agree."""
        return bands

    def labels(self, bands: Labels) -> Labels:
        """Name of each map, from the names of the bands."""
        return bands

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return 0

    def multiply_adds(self, shape: Shape) -> int:
        """Products that an image of ``shape`` costs; comparisons and sums alone do not count."""
        del shape
        return 0

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _key(self) -> tuple[Any, ...]:
        values = (getattr(self, each.name) for each in fields(self))  # type: ignore[arg-type]
        return tuple((v.shape, v.tobytes()) if isinstance(v, np.ndarray) else v for v in values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layer) and type(other) is type(self) and other._key() == self._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))


def _slide(
    shape: Sequence[int] | None, window: Pair, padding: Padding | Pads, stride: Pair, dilation: Pair = (1, 1)
) -> Axes:
    if shape is None:
        reach = [s * d * k for k, s, d in zip(window, stride, dilation, strict=True)]
        return plan(reach, window, padding=padding, stride=stride, dilation=dilation)
    return plan(shape[:2], window, padding=padding, stride=stride, dilation=dilation)


def _times(size: Pair) -> str:
    return f"{size[0]} × {size[1]}"


def _bands(count: int) -> str:
    return f"{count} band{'s' * (count != 1)}"


def _stride_note(stride: Pair, usual: Pair) -> str:
    if stride == usual:
        return ""
    return f", stride {stride[0] if stride[0] == stride[1] else _times(stride)}"


@dataclass(frozen=True, init=False, eq=False)
class Conv2D(Layer):
    """Convolution as deep learning has it: the kernel is not flipped.

    ``weights`` is a catalogue name or ``(rows, cols)``: applied to every band alone, as an image filter; or
    ``(rows, cols, bands, filters)``: summed over the bands, one map per filter. ``bias`` is one number, or
    one per map. Numbers become float32; equal settings make equal layers.

    >>> Conv2D("sobel_vertical", stride=2).stride
    (2, 2)
    """

    kind = Kind.CONVOLUTION
    weights: str | Array
    bias: Bias
    padding: Padding | Pads
    stride: Pair
    dilation: Pair
    border: Border

    def __init__(
        self,
        weights: str | ArrayLike,
        bias: ArrayLike | None = None,
        *,
        padding: PaddingLike = "valid",
        stride: PerAxis = 1,
        dilation: PerAxis = 1,
        border: str = "zero",
    ) -> None:
        tensor = weights_of(weights)
        filters = None if isinstance(tensor, str) or tensor.ndim == 2 else tensor.shape[3]
        self._set(
            weights=tensor,
            bias=bias_of(bias, filters),
            padding=padding_of(padding),
            stride=pair(stride, "stride", MAX_STRIDE),
            dilation=pair(dilation, "dilation", MAX_DILATION),
            border=option(border, Border, "border"),
        )

    @property
    def tensor(self) -> Array:
        """Weights as numbers, float32, ``(rows, cols)`` or ``(rows, cols, bands, filters)``."""
        if isinstance(self.weights, str):
            return np.asarray(KERNELS[self.weights].weights, np.float32)
        return self.weights

    @property
    def size(self) -> Pair:
        """Rows and columns of the kernel."""
        rows, cols = self.tensor.shape[:2]
        return rows, cols

    @property
    def bands(self) -> int | None:
        """Bands that the filters expect; None where each band is filtered alone."""
        return self.tensor.shape[2] if self.tensor.ndim == 4 else None

    @property
    def title(self) -> str:
        """The operation in words, such as ``3 × 3 × 13, 4 filters``."""
        if isinstance(self.weights, str):
            size, title = _times(self.size), KERNELS[self.weights].title
            text = title if size in title else f"{size} {title}"
        elif self.bands is None:
            text = f"{_times(self.size)} kernel"
        else:
            filters = self.tensor.shape[3]
            text = f"{_times(self.size)} × {self.bands}, {filters} filter{'s' if filters > 1 else ''}"
        return text + _stride_note(self.stride, (1, 1))

    def axes(self, shape: Sequence[int] | None) -> Axes:
        """How the kernel slides; see :meth:`Layer.axes`."""
        return _slide(shape, self.size, self.padding, self.stride, self.dilation)

    def maps(self, bands: int) -> int:
        """One map per filter, or per band where each is filtered alone."""
        if self.bands is None:
            if isinstance(self.bias, tuple) and len(self.bias) != bands:
                raise GeometryError(
                    f"received {_bands(bands)} but {len(self.bias)} biases; "
                    "give one bias per band, or a single number for all"
                )
            return bands
        if bands != self.bands:
            rows, cols, _, filters = self.tensor.shape
            raise GeometryError(
                f"received {_bands(bands)}, but the filters have {self.bands}; choose {_bands(self.bands)}, "
                f"or weights of shape ({rows}, {cols}, {bands}, {filters})"
            )
        return int(self.tensor.shape[3])

    def labels(self, bands: Labels) -> Labels:
        """Filter numbers, or the bands' names where each is filtered alone."""
        return bands if self.bands is None else tuple(f"filter {n + 1}" for n in range(self.tensor.shape[3]))

    @property
    def parameters(self) -> int:
        """Number of weights and biases: (rows · cols · bands + 1) · filters with a bias per filter."""
        biases = len(self.bias) if isinstance(self.bias, tuple) else int(self.bias is not None)
        return self.tensor.size + biases

    def multiply_adds(self, shape: Shape) -> int:
        """Kernel size · bands products for every pixel of every map."""
        rows, cols = self.axes(shape)
        return rows.out * cols.out * rows.kernel * cols.kernel * (self.bands or 1) * self.maps(shape[2])

    def apply(self, image: Array, padding: Pads | None = None) -> Array:
        """Maps ``(rows, cols, maps)`` of an image ``(rows, cols, bands)``; see :meth:`Layer.apply`."""
        self.maps(image.shape[2])
        how: dict[str, Any] = {
            "padding": self.padding if padding is None else padding,
            "stride": self.stride,
            "dilation": self.dilation,
            "border": self.border,
        }
        if self.bands is not None:
            return conv_volume(image, self.tensor, self.bias, **how)
        result = conv2d(image, self.tensor, **how)
        return result if self.bias is None else result + np.asarray(self.bias, np.float32)


@dataclass(frozen=True, init=False, eq=False)
class Pool2D(Layer):
    """Largest, smallest or mean value of a window; the stride is the window's size unless said otherwise.

    Padding never wins and is not counted in a mean.

    >>> Pool2D(2).title, Pool2D(3, mode="average", stride=2).title
    ('2 × 2 max', '3 × 3 average, stride 2')
    """

    kind = Kind.POOLING
    size: Pair
    mode: PoolMode
    stride: Pair
    padding: Padding | Pads

    def __init__(
        self,
        size: PerAxis,
        *,
        mode: str = "max",
        stride: PerAxis | None = None,
        padding: PaddingLike = "valid",
    ) -> None:
        window, around = pair(size, "pooling size", MAX_POOL), padding_of(padding)
        if not isinstance(around, Padding) and any(max(p) >= k for p, k in zip(around, window, strict=True)):
            raise GeometryError(
                f"received padding {around} around windows of {_times(window)}: less than the window's size "
                "is expected, as a window of padding alone holds nothing"
            )
        self._set(
            size=window,
            mode=option(mode, PoolMode, "pooling mode"),
            stride=window if stride is None else pair(stride, "stride", MAX_STRIDE),
            padding=around,
        )

    @property
    def title(self) -> str:
        """The operation in words, such as ``2 × 2 max``."""
        return f"{_times(self.size)} {self.mode}{_stride_note(self.stride, self.size)}"

    def axes(self, shape: Sequence[int] | None) -> Axes:
        """How the window slides; see :meth:`Layer.axes`."""
        return _slide(shape, self.size, self.padding, self.stride)

    def apply(self, image: Array, padding: Pads | None = None) -> Array:
        """Pooled maps ``(rows, cols, maps)``; see :meth:`Layer.apply`."""
        around = self.padding if padding is None else padding
        return pool2d(image, self.size, mode=self.mode, stride=self.stride, padding=around)


@dataclass(frozen=True, init=False, eq=False)
class Activation(Layer):
    """A function of each number alone, or with softmax of each pixel alone; NaN stays NaN.

    >>> Activation("relu").apply(np.float32([[[-1, 2]]])).tolist()
    [[[0.0, 2.0]]]
    """

    kind = Kind.ACTIVATION
    name: Function

    def __init__(self, name: str) -> None:
        self._set(name=option(name, Function, "activation"))

    @property
    def title(self) -> str:
        """The function's name."""
        return "ReLU" if self.name is Function.RELU else str(self.name)

    def apply(self, image: Array, padding: Pads | None = None) -> Array:
        """The function of every value; ``padding`` has no meaning here."""
        del padding
        match self.name:
            case Function.RELU:
                return np.maximum(image, np.float32(0))
            case Function.TANH:
                return np.tanh(image)
            case Function.SIGMOID:
                small = np.exp(-np.abs(image))  # never above 1, so that nothing overflows
                share: Array = np.where(image < 0, small, np.float32(1)) / (1 + small)
                return share
            case Function.SOFTMAX:
                return portable.softmax(image)
            case Function.LINEAR:
                return image
