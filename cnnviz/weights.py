"""What a user says about a layer, brought to one form at the door: weights, bias, padding, strides.

Weights are float32: a catalogue name, ``(rows, cols)`` applied to every band alone, or
``(rows, cols, bands, filters)``. All numbers are finite and bounded: a layer may come from a stranger.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.errors import GeometryError, KernelError, RecipeError
from cnnviz.grids import MAX_SIDE
from cnnviz.kernels import KERNELS
from cnnviz.padding import Padding, PaddingLike, Pads, PerAxis, per_axis, resolve_padding

#: Rows and columns of filters over all bands: a dense layer on maps of that size is one of them.
MAX_WINDOW = 64
MAX_FILTERS = 1024
MAX_CHANNELS = 1024
MAX_POOL = 64
MAX_STRIDE = 64
MAX_DILATION = 16
MAX_PADDING = 256

Pair = tuple[int, int]
Array = NDArray[np.float32]
Bias = float | tuple[float, ...] | None
Option = TypeVar("Option", bound=StrEnum)


def pair(value: PerAxis, what: str, most: int) -> Pair:
    """(rows, cols) from one whole number or a pair, each between 1 and ``most``.

    >>> pair(2, "stride", 64)
    (2, 2)
    """
    sizes = per_axis(value, what)
    if max(sizes) > most:
        raise GeometryError(f"received {what} {value!r:.40}: whole numbers from 1 to {most} are expected")
    return sizes


def padding_of(value: PaddingLike) -> Padding | Pads:
    """Name of the padding, or its pixels ``((top, bottom), (left, right))``.

    >>> padding_of("same"), padding_of(1)
    (<Padding.SAME: 'same'>, ((1, 1), (1, 1)))
    """
    pads = resolve_padding(value, (1, 1), 1)
    if max(max(side) for side in pads) > MAX_PADDING:
        raise GeometryError(f"received padding {value!r:.40}: at most {MAX_PADDING} pixels a side are expected")
    return Padding(value) if isinstance(value, str) else pads


def option(value: str, kind: type[Option], what: str) -> Option:
    """Member of ``kind`` with that value.

    >>> from cnnviz.padding import Border
    >>> option("zero", Border, "border")
    <Border.ZERO: 'zero'>
    """
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(sorted(kind))
        raise RecipeError(f"received {what} {value!r:.40}: one of {known} is expected") from None


def finite(value: ArrayLike, what: str) -> Array:
    """Read-only float32 copy of a grid of finite numbers."""
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "iuf" or _holds_booleans(value):
            raise ValueError
        with np.errstate(over="ignore"):
            array = given.astype(np.float32)
    except (ValueError, TypeError):
        raise KernelError(f"received {what} that are no regular grid of numbers: fill every cell") from None
    if not np.isfinite(array).all():
        raise KernelError(f"received {what} with NaN, infinite or too large values: finite numbers are expected")
    array[array == 0] = 0  # equal layers are equal in their bytes, and −0 equals 0
    array.flags.writeable = False
    return array


def _holds_booleans(value: object) -> bool:
    """Whether true or false stands among nested lists of numbers, where NumPy takes them for 1 and 0."""
    if not isinstance(value, list | tuple):
        return isinstance(value, bool)
    kinds = set(map(type, value))
    return bool in kinds or (not kinds <= {int, float} and any(map(_holds_booleans, value)))


def weights_of(value: str | ArrayLike) -> str | Array:
    """Catalogue name, or weights ``(rows, cols)`` or ``(rows, cols, bands, filters)``.

    >>> weights_of("sobel_vertical"), weights_of([[1, 0, -1]]).shape
    ('sobel_vertical', (1, 3))
    """
    if isinstance(value, str):
        if value not in KERNELS:
            raise KernelError(f"received kernel {value!r:.40}: one of {', '.join(sorted(KERNELS))} is expected")
        return value
    array = finite(value, "weights")
    side = MAX_WINDOW if array.ndim == 4 else MAX_SIDE
    limits = (side, side, MAX_CHANNELS, MAX_FILTERS)[: array.ndim]
    fits = all(1 <= size <= most for size, most in zip(array.shape, limits, strict=False))
    if array.ndim not in (2, 4) or not fits:
        raise KernelError(
            f"received weights of shape {array.shape}:"
            " (rows, cols) or (rows, cols, bands, filters) is expected,"
            f" 1 to {side} rows and columns, up to {MAX_CHANNELS} bands, {MAX_FILTERS} filters"
        )
    return array


def bias_of(value: ArrayLike | None, filters: int | None) -> Bias:
    """None, one number for all maps, or one per map; ``filters`` is None where the bands decide how many.

    >>> bias_of(0.5, 2), bias_of(0.5, None), bias_of([1, 2], 2)
    ((0.5, 0.5), 0.5, (1.0, 2.0))
    """
    if value is None:
        return None
    array = finite(value, "biases")
    if array.ndim == 0:
        return float(array) if filters is None else (float(array),) * filters
    if array.ndim > 1 or array.size != (array.size if filters is None else filters):
        expected = "one number per band" if filters is None else f"{filters}, one per filter"
        raise KernelError(f"received biases of shape {array.shape}: a single number or {expected} is expected")
    return tuple(array.tolist())


def shortest(value: Any) -> Any:
    """Nested lists of the shortest decimals that give back the same float32.

    >>> shortest(np.float32([0.1, 2]))
    [0.1, 2]
    """
    if (isinstance(value, np.ndarray) and value.ndim) or isinstance(value, Sequence):
        return [shortest(item) for item in value]
    number = float(str(np.float32(value)))
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
