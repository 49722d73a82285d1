"""Convolution as a matrix: which weight stands where, its transpose, and what a dense layer would cost instead.

A convolution is linear, so it is a matrix ``M`` (:func:`cnnviz.convolve.conv_matrix`): one row per output pixel,
one column per input pixel. ``M.T`` is the transposed convolution (Dumoulin & Visin, 2016, chapter 4), which carries
each output back to the pixels that it saw; training sends errors back through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cnnviz.convolve import conv2d, conv_matrix
from cnnviz.engines import Array
from cnnviz.errors import GeometryError
from cnnviz.padding import PaddingLike, Pair, PerAxis, plan

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Bytes of one weight as networks keep them, in float32.
WEIGHT_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Sliding:
    """How a kernel slides over an image: the arguments of :func:`cnnviz.convolve.conv2d` that shape its matrix."""

    padding: PaddingLike = "valid"
    stride: PerAxis = 1
    dilation: PerAxis = 1

    def options(self) -> dict[str, Any]:
        """The same as keyword arguments."""
        return {"padding": self.padding, "stride": self.stride, "dilation": self.dilation}


@dataclass(frozen=True, eq=False)
class MatrixForm:
    """The matrix of one kernel on images of one ``shape`` (rows, cols).

    ``matrix`` is (outputs, inputs), sparse, with the kernel's zero weights stored; ``taps`` has the same places and
    says which cell of the kernel stands there, counted from 1, row by row. Errors as ``conv_matrix``.

    >>> form = matrix_form(np.ones((3, 3)), (4, 4))
    >>> form.out, form.matrix.shape, form.stored, form.zeros
    ((2, 2), (4, 16), 36, 0.4375)
    >>> form.weights, form.dense
    (9, 64)
    """

    matrix: csr_array
    taps: csr_array
    shape: Pair
    out: Pair
    weights: int  #: independent weights: those of the kernel

    @property
    def dense(self) -> int:
        """Cells of the matrix: the weights of a dense layer between the same pixels."""
        outputs, inputs = self.matrix.shape
        return int(outputs) * int(inputs)

    @property
    def stored(self) -> int:
        """Cells in which a weight of the kernel stands."""
        return int(self.matrix.nnz)

    @property
    def zeros(self) -> float:
        """Share of cells in which no weight can ever stand; weights that happen to be 0 are not counted."""
        return 1 - self.stored / self.dense


def matrix_form(kernel: ArrayLike, shape: Pair, sliding: Sliding | None = None) -> MatrixForm:
    """The matrix of ``kernel`` (rows, cols) on images of ``shape`` (rows, cols); see :class:`MatrixForm`."""
    how = (sliding or Sliding()).options()
    matrix = conv_matrix(kernel, shape, **how)
    sides = np.shape(kernel)
    numbers = np.arange(1, 1 + sides[0] * sides[1]).reshape(sides)
    rows, cols = plan(shape, sides, **how)
    return MatrixForm(matrix, conv_matrix(numbers, shape, **how), shape, (rows.out, cols.out), numbers.size)


def conv_transpose2d(maps: ArrayLike, kernel: ArrayLike, shape: Pair, sliding: Sliding | None = None) -> Array:
    """Transposed convolution: ``maps``, one value per output, carried back onto an image of ``shape``.

    Every output adds the kernel, times its value, to the pixels that it saw. Computed as a convolution, without the
    matrix: zeros between the outputs for the stride, then the kernel turned by 180°. Raises GeometryError where
    ``maps`` has not the size that the convolution gives.

    >>> conv_transpose2d([[1, 10]], [[1, 2, 3]], (1, 5), Sliding(stride=2))
    array([[ 1.,  2., 13., 20., 30.]], dtype=float32)
    """
    how = sliding or Sliding()
    values, taps = np.asarray(maps, np.float32), np.asarray(kernel, np.float32)
    rows, cols = plan(shape, taps.shape, **how.options())
    if values.shape != (rows.out, cols.out):
        raise GeometryError(
            f"received {_size(values.shape)} values: {rows.out} × {cols.out} are expected, as that is what the "
            f"convolution makes of an image of {_size(shape)}"
        )
    apart = np.zeros(((rows.out - 1) * rows.stride + 1, (cols.out - 1) * cols.stride + 1), np.float32)
    apart[:: rows.stride, :: cols.stride] = values
    spread = conv2d(apart, taps, padding="full", dilation=how.dilation, flip=True)
    # The first cell of "spread" is the first that the padded image has; pixels that no window reached stay 0.
    reached = spread[rows.before : rows.before + rows.size, cols.before : cols.before + cols.size]
    image = np.zeros(shape, np.float32)
    image[: reached.shape[0], : reached.shape[1]] = reached
    return image


def largest_difference(first: ArrayLike, second: ArrayLike) -> float:
    """Largest ``|first − second|``; where both are NaN they agree, where one is the difference is infinite.

    >>> largest_difference([1, np.nan], [1.5, np.nan]), largest_difference([np.nan], [0])
    (0.5, inf)
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if (np.isnan(one) != np.isnan(two)).any():
        return float("inf")
    return float(np.nanmax(np.abs(one - two), initial=0.0))


def dense_weights(shape: Sequence[int], nodes: int) -> int:
    """Weights, without biases, of a dense layer from an image (rows, cols, bands) to ``nodes``.

    >>> dense_weights((3000, 4000, 1), 4), dense_weights((3000, 4000, 3), 4)
    (48000000, 144000000)
    """
    return int(np.prod(shape, dtype=object)) * nodes


def conv_weights(side: int, bands: int, filters: int = 1) -> int:
    """Weights, without biases, of ``filters`` filters of ``side`` × ``side`` on ``bands``: whatever the image's size.

    >>> conv_weights(3, 1), conv_weights(3, 3)
    (9, 27)
    """
    return side * side * bands * filters


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
