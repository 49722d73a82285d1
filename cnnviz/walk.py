"""A window that walks over a small grid, with every number that it meets on the way.

What a page shows step by step comes from here once: the padded grid, the weights, what comes out, and how often each
cell is seen. Weights that are fractions are given as whole numbers over one divisor, so that the products and their
sum can be written down exactly.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm, log10

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.convolve import PoolMode, conv2d, pool2d
from cnnviz.engines import Array
from cnnviz.errors import GeometryError
from cnnviz.grids import kernel_grid
from cnnviz.padding import Axis, Border, PaddingLike, PerAxis, per_axis, plan, source_index, visit_counts

#: Longest side of a grid, and of a grid with its padding, in cells.
MAX_GRID, MAX_PADDED = 12, 80
#: Largest magnitude of a product: above it, sums could no longer be written to the last digit.
MAX_PRODUCT = 1e9
_DIGITS = 14
_MAX_PLACES = 9
_MAX_DIVISOR = 4096


@dataclass(frozen=True, eq=False)
class Walk:
    """All steps of a window over a grid, in reading order.

    ``padded`` is the grid with its padding, float32, NaN where padding holds no value; ``weights / divisor`` is the
    kernel, and None for a pooling, whose ``mode`` says what it keeps; ``outputs`` has one value per step.
    """

    axes: tuple[Axis, Axis]
    padded: Array
    weights: Array | None
    divisor: int
    mode: PoolMode | None
    outputs: Array

    @property
    def grid(self) -> Array:
        """The grid without its padding, ``(rows, cols)``."""
        rows, cols = self.axes
        return self.padded[rows.before : rows.before + rows.size, cols.before : cols.before + cols.size]

    @property
    def visits(self) -> NDArray[np.intp]:
        """How many steps see each cell of the grid, ``(rows, cols)``; 0 where none ever does."""
        rows, cols = self.axes
        return visit_counts(
            (rows.size, cols.size),
            (rows.kernel, cols.kernel),
            padding=((rows.before, rows.after), (cols.before, cols.after)),
            stride=(rows.stride, cols.stride),
            dilation=(rows.dilation, cols.dilation),
        )

    @property
    def left_over(self) -> tuple[int, int]:
        """Rows and columns of the padded grid behind the last window: too few for one more step.

        >>> walk_kernel(np.ones((5, 6)), np.ones((3, 3)), stride=2).left_over
        (0, 1)
        """
        rows, cols = ((axis.size + axis.before + axis.after - axis.span) % axis.stride for axis in self.axes)
        return rows, cols

    @property
    def places(self) -> int:
        """Decimal places to which every product, and any sum of them, can be written without loss of digits."""
        largest = _largest(self.padded, self.weights) * (1 if self.weights is None else self.weights.size)
        return max(0, min(_MAX_PLACES, _DIGITS - ceil(log10(max(largest, 1)))))


def walk_kernel(
    grid: ArrayLike,
    kernel: ArrayLike,
    *,
    padding: PaddingLike = "valid",
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    border: Border = Border.ZERO,
) -> Walk:
    """Walk of a convolution over a ``grid`` (rows, cols) of at most 12 a side.

    The rest is as in :func:`cnnviz.convolve.conv2d`, and so are the errors; :class:`GeometryError` also where the
    grid or what padding makes of it is too large to be shown, and where products are too large to be written out.

    >>> found = walk_kernel([[1, 2, 3]], [[0.5, 0.25]], padding="full")
    >>> found.padded.tolist(), found.weights.tolist(), found.divisor
    ([[0.0, 1.0, 2.0, 3.0, 0.0]], [[2.0, 1.0]], 4)
    >>> found.outputs.tolist(), found.visits.tolist()
    ([[0.25, 1.0, 1.75, 1.5]], [[2, 2, 2]])
    """
    cells, taps = small_grid(grid), kernel_grid(kernel)
    axes = plan(cells.shape, taps.shape, padding=padding, stride=stride, dilation=dilation)
    padded = _padded(cells, axes, border)
    outputs = conv2d(cells, taps, padding=padding, stride=stride, dilation=dilation, border=border)
    weights, divisor = whole_weights(taps)
    if _largest(padded, weights) > MAX_PRODUCT:
        raise GeometryError(
            f"received numbers whose products reach {_largest(padded, weights):.3g}: at most {MAX_PRODUCT:.0g} can be "
            "added up digit by digit; use smaller numbers"
        )
    return Walk(axes, padded, weights, divisor, None, outputs)


def walk_pool(
    grid: ArrayLike,
    size: PerAxis,
    *,
    mode: PoolMode = PoolMode.MAX,
    stride: PerAxis | None = None,
    padding: PaddingLike = "valid",
) -> Walk:
    """Walk of a pooling, as :func:`cnnviz.convolve.pool2d`, whose padding holds no values; errors as there.

    >>> walk_pool([[1, 2, 3]], (1, 2), padding="same").padded
    array([[ 1.,  2.,  3., nan]], dtype=float32)
    """
    cells, window = small_grid(grid), per_axis(size, "size")
    outputs = pool2d(cells, window, mode=mode, stride=stride, padding=padding)
    axes = plan(cells.shape, window, padding=padding, stride=window if stride is None else stride)
    return Walk(axes, _padded(cells, axes, None), None, 1, mode, outputs)


def small_grid(grid: ArrayLike) -> Array:
    """Read-only float32 grid of finite numbers, 1 to 12 a side; KernelError or GeometryError otherwise.

    >>> small_grid([[1, 2]]).shape
    (1, 2)
    """
    cells = kernel_grid(grid)
    if max(cells.shape) > MAX_GRID:
        raise GeometryError(
            f"received a grid of {cells.shape[0]} × {cells.shape[1]} numbers: 1 to {MAX_GRID} a side are expected"
        )
    return cells


def _padded(cells: Array, axes: tuple[Axis, Axis], border: Border | None) -> Array:
    """The grid and what stands around it; without a border nothing does, which is NaN."""
    sizes = [axis.before + axis.size + axis.after for axis in axes]
    if max(sizes) > MAX_PADDED:
        raise GeometryError(
            f"received padding that makes the grid {sizes[0]} × {sizes[1]}: at most {MAX_PADDED} a side can be shown; "
            "use less padding or dilation, or a smaller kernel"
        )
    rows, cols = (
        source_index(np.arange(-axis.before, axis.size + axis.after), axis.size, border or Border.ZERO) for axis in axes
    )
    outside = (rows < 0)[:, None] | (cols < 0)
    return np.where(outside, np.float32(0 if border else np.nan), cells[np.ix_(rows, cols)])


def whole_weights(kernel: ArrayLike) -> tuple[Array, int]:
    """Whole numbers and the divisor that makes the kernel of them; the kernel itself and 1 where there are none.

    >>> whole_weights([[1 / 9, 2 / 9]])[0].tolist(), whole_weights([[1 / 9, 2 / 9]])[1]
    ([[1.0, 2.0]], 9)
    >>> whole_weights([[0.5, 3.14159265]])[1]
    1
    """
    taps = kernel_grid(kernel)
    parts = [Fraction(float(weight)).limit_denominator(_MAX_DIVISOR) for weight in taps.flat]
    divisor = lcm(*(part.denominator for part in parts))
    exact = all(np.float32(float(part)) == weight for part, weight in zip(parts, taps.flat, strict=True))
    if divisor > _MAX_DIVISOR or not exact:
        return taps, 1
    return kernel_grid(np.reshape([float(part * divisor) for part in parts], taps.shape)), divisor


def _largest(padded: Array, weights: Array | None) -> float:
    """Largest magnitude of a product of any cell with any weight."""
    cells = float(np.nanmax(np.abs(padded)))
    return cells if weights is None else cells * float(np.abs(weights).max())
