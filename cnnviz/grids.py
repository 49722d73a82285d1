"""Grids of weights that a user types: read, written, resized, combined and normalised.

Every function takes anything that NumPy reads as a ``(rows, cols)`` grid of 1 to 15 finite numbers a side,
gives a read-only float32 grid, and raises :class:`KernelError` otherwise.
"""

import re
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.errors import KernelError

Array = NDArray[np.float32]

MAX_SIDE = 15
_MAX_TEXT = 20_000
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_CELL = re.compile(rf"({_NUMBER})(?:/({_NUMBER}))?", re.IGNORECASE | re.ASCII)


def kernel_grid(weights: ArrayLike) -> Array:
    """Read-only float32 copy of a ``(rows, cols)`` grid; :class:`KernelError` where it is none.

    >>> kernel_grid([[1, 0, -1]]).shape
    (1, 3)
    """
    try:
        grid = np.asarray(weights)
    except ValueError:
        raise KernelError("received rows of different lengths: fill every cell") from None
    if grid.dtype.kind not in "biuf":
        raise KernelError(f"received cells of type {grid.dtype}: real numbers are expected")
    if grid.ndim != 2 or not all(1 <= side <= MAX_SIDE for side in grid.shape):
        raise KernelError(f"received a kernel of shape {grid.shape}: (rows, cols) of 1 to {MAX_SIDE} each is expected")
    with np.errstate(over="ignore"):
        small = grid.astype(np.float32)
    for row, col in np.argwhere(~np.isfinite(small)):
        raise KernelError(f"received {grid[row, col]} in row {row + 1}, cell {col + 1}: a finite float32 is expected")
    small.flags.writeable = False
    return small


def parse_kernel(text: str) -> Array:
    """Grid from typed text: rows end with a line or ``;``, numbers stand between spaces or commas.

    Fractions such as ``1/9`` are numbers too. Raises :class:`KernelError` that says which cell is wrong.

    >>> parse_kernel("1 0 -1; 2, 0, -2; .5 0 -1/2").tolist()
    [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [0.5, 0.0, -0.5]]
    """
    if len(text) > _MAX_TEXT:
        raise KernelError(f"received {len(text)} characters: a kernel takes {_MAX_TEXT} at most")
    lines = (line.strip() for line in re.split(r"[;\n]", text.replace("−", "-")))
    rows = [re.split(r"\s*,\s*|\s+", line) for line in lines if line]
    if not rows:
        raise KernelError("received no numbers: type rows such as 1 0 -1, one per line")
    widths = [len(row) for row in rows]
    if max(len(rows), *widths) > MAX_SIDE:
        raise KernelError(f"received {len(rows)} rows of up to {max(widths)} numbers: at most {MAX_SIDE} × {MAX_SIDE}")
    for number, width in enumerate(widths, 1):
        if width != widths[0]:
            both = f"{widths[0]} and {width} numbers in rows 1 and {number}"
            raise KernelError(f"received {both}: as many are expected in every row")
    return kernel_grid([[_cell(cell, r, c) for c, cell in enumerate(row, 1)] for r, row in enumerate(rows, 1)])


def _cell(text: str, row: int, col: int) -> float:
    match = _CELL.fullmatch(text)
    if match is None:
        raise KernelError(
            f"received {text[:20]!r} in row {row}, cell {col}: a number such as -1, 0.5 or 1/9 is expected"
        )
    over = float(match[2] or 1)
    if over == 0:
        raise KernelError(f"received {text[:20]!r} in row {row}, cell {col}: division by zero has no value")
    return float(match[1]) / over


def format_kernel(weights: ArrayLike) -> str:
    """Compact text, fit for a link, that :func:`parse_kernel` reads back to the same float32 numbers.

    >>> format_kernel([[1, 0, -1], [0.5, 0, 1 / 9]])
    '1,0,-1;0.5,0,1/9'
    """
    return ";".join(",".join(_shortest(weight) for weight in row) for row in kernel_grid(weights))


def _shortest(weight: np.float32) -> str:
    decimal = str(weight).removesuffix(".0").replace("e+", "e")
    fraction = Fraction(float(weight)).limit_denominator(4096)
    exact = np.float32(fraction.numerator / fraction.denominator) == weight
    return min(decimal, str(fraction), key=len) if exact else decimal


def resize_kernel(weights: ArrayLike, rows: int, cols: int) -> Array:
    """Grid of another size, cut or filled with zeros, with its centre kept.

    The centre of k cells is cell (k − 1) // 2, counted from 0: the one that lies on the output pixel when
    padding is ``same``.

    >>> resize_kernel([[1, 2, 3]], 3, 2).tolist()
    [[0.0, 0.0], [2.0, 3.0], [0.0, 0.0]]
    """
    grid = kernel_grid(weights)
    if not (1 <= rows <= MAX_SIDE and 1 <= cols <= MAX_SIDE):
        raise KernelError(f"received size {rows} × {cols}: 1 to {MAX_SIDE} cells each are expected")
    place = np.pad(grid, MAX_SIDE)
    top, left = (MAX_SIDE + (old - 1) // 2 - (new - 1) // 2 for old, new in zip(grid.shape, (rows, cols), strict=True))
    return kernel_grid(place[top : top + rows, left : left + cols])


def combine(a: float, first: ArrayLike, b: float, second: ArrayLike) -> Array:
    """``a · first + b · second``, the smaller grid centred in the larger and surrounded by zeros.

    Raises :class:`KernelError` where one has an odd and the other an even number of rows or of columns, as
    they share no centre then.

    >>> combine(1, [[2]], -0.5, [[1, 1, 1]]).tolist()
    [[-0.5, 1.5, -0.5]]
    """
    one, two = kernel_grid(first), kernel_grid(second)
    sides = list(zip(one.shape, two.shape, strict=True))
    if any(p % 2 != q % 2 for p, q in sides):
        sizes = " and ".join(f"{grid.shape[0]} × {grid.shape[1]}" for grid in (one, two))
        raise KernelError(f"received kernels of {sizes}: both odd or both even sides are expected; resize one of them")
    rows, cols = (max(pair) for pair in sides)
    wide = [resize_kernel(grid, rows, cols).astype(np.float64) for grid in (one, two)]
    with np.errstate(over="ignore", invalid="ignore"):
        return kernel_grid(a * wide[0] + b * wide[1])


def total(weights: ArrayLike) -> float:
    """Sum of the weights; 0 where they cancel but for the rounding of float32.

    >>> total([[1, 2, 1]]), total([[0.1, 0.2, -0.3]])
    (4.0, 0.0)
    """
    grid = kernel_grid(weights).astype(np.float64)
    found = float(grid.sum())
    return found if abs(found) > 1e-6 * np.abs(grid).sum() else 0.0


class Normalise(StrEnum):
    """What a kernel's weights are divided by."""

    NONE = "none"
    SUM = "sum"
    MAGNITUDES = "magnitudes"


def normalise(weights: ArrayLike, how: str) -> Array:
    """Divide by nothing, by the sum (flat ground keeps its value) or by the sum of magnitudes.

    Raises :class:`KernelError` where that sum is 0.

    >>> normalise([[1, 2, 1]], "sum").tolist()
    [[0.25, 0.5, 0.25]]
    """
    grid = kernel_grid(weights).astype(np.float64)
    if how not in list(Normalise):
        raise KernelError(f"received {how!r}: one of {', '.join(sorted(Normalise))} is expected")
    magnitudes = np.abs(grid).sum()
    over = {"none": 1.0, "sum": total(grid), "magnitudes": magnitudes}[how]
    if over == 0:
        found, advice = ("are all", "") if magnitudes == 0 else ("sum to", "the sum of magnitudes or by ")
        raise KernelError(f"received weights that {found} 0, which cannot divide: divide by {advice}nothing instead")
    return kernel_grid(grid / over)
