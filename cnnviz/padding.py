"""Sizes of convolutions and poolings, and what surrounds an image.

One :class:`Axis` holds everything about one direction; :func:`plan` makes the pair (rows, columns) from what
a user says. The rule for ``"same"`` is TensorFlow's, which is uneven where the total is odd and depends on
the size of the image under stride (tensorflow.org, ``tf.nn``, "Notes on padding").
"""

from collections.abc import Sequence
from enum import StrEnum
from operator import index
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import GeometryError

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]
PerAxis = SupportsIndex | Sequence[SupportsIndex]
PaddingLike = str | SupportsIndex | Sequence[SupportsIndex] | Sequence[Sequence[SupportsIndex]]


class Padding(StrEnum):
    """Named amounts of padding for a kernel that spans k cells (dilation counted).

    ``valid``: none; ``same``: so much that the result has ⌈size / stride⌉ cells; ``full``: k − 1 per side.
    """

    VALID = "valid"
    SAME = "same"
    FULL = "full"


class Border(StrEnum):
    """What padding is filled with, shown as three cells on each side of ``1234``.

    - ``zero``: 000 1234 000, nothing.
    - ``replicate``: 111 1234 444, the edge cell again and again.
    - ``reflect``: 432 1234 321, mirrored at the edge cell, which is not repeated (NumPy's ``reflect``,
      OpenCV's reflect-101; not ``symmetric``, which would give 321 1234 432).
    - ``wrap``: 234 1234 123, the opposite side.

    Padding wider than the image goes on in the same way, as :func:`numpy.pad` does.
    """

    ZERO = "zero"
    REPLICATE = "replicate"
    REFLECT = "reflect"
    WRAP = "wrap"


class Axis(NamedTuple):
    """One direction of a sliding window: output ``o`` reads inputs ``o·stride − before + dilation·t``.

    All in pixels; ``t`` runs over the ``kernel`` taps.
    """

    size: int
    kernel: int
    before: int
    after: int
    stride: int
    dilation: int

    @property
    def span(self) -> int:
        """How many cells the kernel covers, from its first tap to its last."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def out(self) -> int:
        """Number of outputs, ⌊(n + p₀ + p₁ − d(k − 1) − 1) / s⌋ + 1; below 1 where no window fits."""
        return (self.size + self.before + self.after - self.span) // self.stride + 1

    def starts(self) -> NDArray[np.intp]:
        """Input position of the first tap of every output; negative inside the leading padding."""
        return np.arange(self.out) * self.stride - self.before

    def reads(self) -> NDArray[np.intp]:
        """Input position of every tap, ``(out, kernel)``; outside ``0 … size − 1`` it is padding."""
        return self.starts()[:, None] + self.dilation * np.arange(self.kernel)


def _whole(value: object, what: str, least: int) -> int:
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise GeometryError(f"received {what} {value!r}: a whole number is expected")
    if number < least:
        raise GeometryError(f"received {what} {number}: {least} or more is expected")
    return number


def per_axis(value: PerAxis, what: str, *, least: int = 1) -> Pair:
    """(rows, columns) from one whole number for both or a pair.

    >>> per_axis(2, "stride"), per_axis((1, 3), "stride")
    ((2, 2), (1, 3))
    """
    pair = value if isinstance(value, Sequence) else (value, value)
    if len(pair) != 2:
        raise GeometryError(f"received {what} {value!r}: a whole number or (rows, columns) is expected")
    return _whole(pair[0], what, least), _whole(pair[1], what, least)


def _named(padding: str, axis: Axis) -> Pair:
    try:
        name = Padding(padding)
    except ValueError:
        known = ", ".join(sorted(Padding))
        raise GeometryError(
            f"received padding {padding!r}: one of {known}, a whole number, "
            "a pair (rows, columns) or ((top, bottom), (left, right)) is expected"
        ) from None
    if name is Padding.VALID:
        return 0, 0
    if name is Padding.FULL:
        return axis.span - 1, axis.span - 1
    total = max((-(-axis.size // axis.stride) - 1) * axis.stride + axis.span - axis.size, 0)
    return total // 2, total - total // 2


def _nested(padding: Any) -> bool:
    return isinstance(padding, Sequence) and all(isinstance(side, Sequence) for side in padding)


def _given(padding: Any) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)) from an int, (rows, columns) or the nested pair itself."""
    if _nested(padding) and len(padding) == 2:
        return per_axis(padding[0], "padding", least=0), per_axis(padding[1], "padding", least=0)
    rows, cols = per_axis(padding, "padding", least=0)
    return (rows, rows), (cols, cols)


def plan(
    shape: Sequence[int],
    kernel_shape: PerAxis,
    *,
    padding: PaddingLike = "valid",
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
) -> tuple[Axis, Axis]:
    """The two axes (rows, columns) of a window that slides over an image of ``shape`` pixels.

    Only the first two entries of ``shape`` and of ``kernel_shape`` count. ``stride`` and ``dilation`` are
    whole numbers or pairs (rows, columns); ``padding`` is a :class:`Padding`, a whole number, a pair (rows,
    columns) or ((top, bottom), (left, right)). Raises :class:`GeometryError` where no output is left.

    >>> rows, cols = plan((5, 6), (3, 3))
    >>> rows.out, cols.out
    (3, 4)
    """
    sizes = per_axis(shape[:2], "image size")
    sides = kernel_shape[:2] if isinstance(kernel_shape, Sequence) else kernel_shape
    kernels = per_axis(sides, "kernel size")
    strides, dilations = per_axis(stride, "stride"), per_axis(dilation, "dilation")
    bare = [Axis(n, k, 0, 0, s, d) for n, k, s, d in zip(sizes, kernels, strides, dilations, strict=True)]
    pads = [_named(padding, axis) for axis in bare] if isinstance(padding, str) else _given(padding)
    rows, cols = (axis._replace(before=pad[0], after=pad[1]) for axis, pad in zip(bare, pads, strict=True))
    if rows.out < 1 or cols.out < 1:
        raise GeometryError(_misfit(rows, cols))
    return rows, cols


def _misfit(rows: Axis, cols: Axis) -> str:
    spread = ""
    if rows.dilation * cols.dilation > 1:
        spread = f" with dilation {_say(rows.dilation, cols.dilation)} (spans {rows.span} × {cols.span})"
    padded = (rows.size + rows.before + rows.after, cols.size + cols.before + cols.after)
    around = f" that padding makes {padded[0]} × {padded[1]}" if padded != (rows.size, cols.size) else ""
    return (
        f"received kernel {rows.kernel} × {cols.kernel}{spread} on {rows.size} × {cols.size} pixels{around}: "
        f"at least {rows.span} × {cols.span} is expected; use a smaller kernel or dilation, or more padding"
    )


def _say(rows: int, cols: int) -> str:
    return str(rows) if rows == cols else f"{rows} × {cols}"


def output_size(size: int, kernel: int, *, padding: PaddingLike = "valid", stride: int = 1, dilation: int = 1) -> int:
    """Number of outputs along one axis of ``size`` pixels; here a pair as ``padding`` is (before, after).

    Raises :class:`GeometryError` where the kernel does not fit.

    >>> output_size(800, 3), output_size(800, 3, stride=10), output_size(5, 3, padding="full")
    (798, 80, 7)
    """
    sides: Any = padding
    if isinstance(padding, Sequence) and not isinstance(padding, str) and not _nested(padding):
        sides = (padding, padding)
    rows, cols = plan((size, size), kernel, padding=sides, stride=stride, dilation=dilation)
    if rows.out != cols.out:
        raise GeometryError(f"received padding {padding!r} for one axis: a pair (before, after) is expected")
    return rows.out


def resolve_padding(
    padding: PaddingLike,
    shape: Sequence[int],
    kernel_shape: PerAxis,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
) -> Pads:
    """Padding in pixels, ((top, bottom), (left, right)), for an image of ``shape``. Errors as :func:`plan`.

    >>> resolve_padding("same", (6, 7), (3, 3), stride=2)
    ((0, 1), (1, 1))
    """
    rows, cols = plan(shape, kernel_shape, padding=padding, stride=stride, dilation=dilation)
    return (rows.before, rows.after), (cols.before, cols.after)


def visit_counts(
    shape: Sequence[int],
    kernel_shape: PerAxis,
    *,
    padding: PaddingLike = "valid",
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
) -> NDArray[np.intp]:
    """How many outputs see each input pixel, ``(rows, cols)``. Errors as :func:`plan`.

    >>> visit_counts((5, 5), (3, 3))[0]
    array([1, 2, 3, 2, 1])
    >>> int(visit_counts((5, 6), (3, 3), padding="full").min())
    9
    """
    axes = plan(shape, kernel_shape, padding=padding, stride=stride, dilation=dilation)
    return np.outer(*(_visits(axis) for axis in axes))


def _visits(axis: Axis) -> NDArray[np.intp]:
    reads = axis.reads()
    return np.bincount(reads[(reads >= 0) & (reads < axis.size)], minlength=axis.size)


def source_index(positions: NDArray[np.intp], size: int, border: Border) -> NDArray[np.intp]:
    """Which of ``size`` pixels stands at each position, also outside the image; −1 where ``zero`` fills.

    >>> source_index(np.arange(-3, 7), 4, Border.REFLECT)
    array([3, 2, 1, 0, 1, 2, 3, 2, 1, 0])
    """
    if border is Border.ZERO:
        return np.where((positions >= 0) & (positions < size), positions, -1)
    if border is Border.REPLICATE or size == 1:
        return np.clip(positions, 0, size - 1)
    if border is Border.WRAP:
        return positions % size
    folded = positions % (2 * size - 2)
    return np.minimum(folded, 2 * size - 2 - folded)
