"""The arithmetic under :mod:`cnnviz.convolve`: OpenCV filters for one kernel, matrix products for volumes.

Everything here is a direct sum of products in float32. Fourier transforms are avoided on purpose: they would
smear NaN and infinities over the picture, and small values beside large ones would drown.

A result depends on the pixels of its own window alone, to the last bit: not on its place in the image, nor on the
image's size. So a tile of a scene gives what the whole scene gives.
"""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cnnviz.padding import Axis, Border, source_index

Array = NDArray[np.float32]
Axes = tuple[Axis, Axis]

# From this many taps on filter2D turns to a Fourier transform (dftFilter2D in OpenCV's filter.dispatch.cpp).
_SSE3 = 3
_DIRECT_TAPS = 130 if cv2.checkHardwareSupport(_SSE3) else 50
# Two passes with a row and a column are faster from here on; measured with benchmarks/bench_convolve.py.
_SEPARABLE_TAPS = 49
_STRIP_BYTES = 1 << 18
# OpenBLAS multiplies in one thread up to here (interface/gemm.c). Its threads wait for each other, which on a busy
# machine makes these small products a hundred times slower; and how they share the work changes the last bits.
_SERIAL_PRODUCTS = 250_000
# Lines of a product: more gain little, and small images fill up the rest with zeros. BLAS takes 4, 8, 12 or 16 at once,
# and rounds what is left over otherwise.
_EVEN_LINES, _MOST_LINES = 48, 2016
# Filters of a product where all at once are not rounded alike, and lines that are tried to find out.
_NARROW, _TRIALS = (12, 8, 4, 2, 1), 3
# Numbers that vector instructions take at once, at most (AVX-512). What is left over at the end of a row or of a matrix
# goes through other instructions, which round otherwise.
_LANES = 16
# OpenCV's filters beat matrix products up to three filters on any number of bands, and up to fifteen on one; measured
# with kernels from 1 × 1 to 5 × 5.
_FEW_FILTERS, _FEW_FILTERED = 3, 45
_OPENCV_BORDERS = {
    Border.ZERO: cv2.BORDER_CONSTANT,
    Border.REPLICATE: cv2.BORDER_REPLICATE,
    Border.REFLECT: cv2.BORDER_REFLECT_101,
}


class _Block(NamedTuple):
    """Part of a kernel that OpenCV takes in one call, and where it begins.

    ``zeros`` marks its weights that are zero (the gaps of a dilation are no weights); ``factors`` are the
    column and the row whose product it is, where that is worth while.
    """

    top: int
    left: int
    grid: Array
    zeros: NDArray[np.uint8]
    factors: tuple[Array, Array] | None = None

    @property
    def middle(self) -> tuple[int, int] | None:
        """The tap (row, column) at which factors have to be anchored, None where any will do.

        OpenCV adds the two halves of a symmetric factor first, but only around its middle: another anchor, as at
        another edge of a tile, would round otherwise.
        """
        return (len(self.grid) // 2, self.grid.shape[1] // 2) if self.factors else None

    def apply(self, image: Array, out: Array, anchor: tuple[int, int], border: int, unused: int = 0) -> None:
        """Write the sum of products at every pixel; the tap at ``anchor`` (column, row) lies on it.

        Nobody looks at the last ``unused`` columns.
        """
        if self.grid.any():
            self._filter(image, out, anchor, border)
            channels = image[0].size // image.shape[1]
            ragged = -(-(image[0].size % _LANES) // channels)
            if ragged > unused:
                self._mend(image, out[:, -ragged:], anchor, border)
        else:
            out[:] = 0
        # OpenCV leaves zero weights out, yet 0 · NaN and 0 · inf are NaN.
        if self.zeros.any():
            _spread_holes(image, out, self.zeros, anchor, border)

    def _filter(self, image: Array, out: Array, anchor: tuple[int, int], border: int) -> None:
        if self.factors:
            column, row = self.factors
            cv2.sepFilter2D(image, -1, row, column, dst=out, anchor=anchor, borderType=border)
        else:
            cv2.filter2D(image, -1, self.grid, dst=out, anchor=anchor, borderType=border)

    def _mend(self, image: Array, end: Array, anchor: tuple[int, int], border: int) -> None:
        """Filter the last columns again with so many more behind them that none is left over."""
        reach = self.grid.shape[1]
        seen = image[:, -(end.shape[1] + 2 * reach) :]
        width = -(-(seen.shape[1] + 2 * reach) // _LANES) * _LANES
        beyond = width - seen.shape[1] - reach
        wide = np.empty((len(seen), width, *seen.shape[2:]), np.float32)
        cv2.copyMakeBorder(seen, 0, 0, reach, beyond, border, dst=wide)
        again = np.empty_like(wide)
        self._filter(wide, again, anchor, border)
        end[:] = again[:, width - beyond - end.shape[1] : width - beyond]


def _spread_holes(image: Array, out: Array, taps: NDArray[np.uint8], anchor: tuple[int, int], border: int) -> None:
    """Write NaN wherever one of the ``taps`` lies on NaN or infinity, some rows at a time."""
    reach = len(taps) - 1
    step = max(_STRIP_BYTES // image[0].nbytes, 4 * reach) + 1
    for first in range(0, len(image), step):
        start = max(0, first - reach)
        seen = image[start : first + step + reach]
        finite = np.isfinite(seen)
        if not finite.all():
            holes = (~finite).view(np.uint8)
            touched = cv2.dilate(holes, taps, anchor=anchor, borderType=border, borderValue=0)
            touched = touched.reshape(seen.shape)
            part = out[first : first + step]
            np.copyto(part, np.nan, where=touched[first - start :][: len(part)].view(bool))


def _blocks(taps: Array, axes: Axes) -> list[_Block]:
    """Kernel with its dilation's gaps written out, cut into parts that are summed directly."""
    grid = np.zeros([axis.span for axis in axes], np.float32)
    zeros = np.zeros(grid.shape, np.uint8)
    steps = tuple(slice(None, None, axis.dilation) for axis in axes)
    grid[steps], zeros[steps] = taps, taps == 0
    if grid.size == taps.size >= _SEPARABLE_TAPS:
        column, row = _factors(taps)
        if np.allclose(np.outer(column, row), taps, rtol=5e-7, atol=0):
            return [_Block(0, 0, grid, zeros, (column, row))]
    if grid.size < _DIRECT_TAPS:
        return [_Block(0, 0, grid, zeros)]
    side = int(np.sqrt(_DIRECT_TAPS - 1))
    corners = product(*(range(0, size, side) for size in grid.shape))
    parts = [(y, x, grid[y : y + side, x : x + side], zeros[y : y + side, x : x + side]) for y, x in corners]
    return [_Block(*part) for part in parts if part[2].any() or part[3].any()]


def _factors(taps: Array) -> tuple[Array, Array]:
    """Column and row whose product is the kernel, if it has such factors at all."""
    top, left = np.unravel_index(np.abs(taps).argmax(), taps.shape)
    return taps[:, left], taps[top] / (taps[top, left] or 1)


def filter_plane(image: Array, taps: Array, axes: Axes, border: Border) -> Array:
    """One kernel over ``(rows, cols)`` or ``(rows, cols, channels)``, every channel alone."""
    rows, cols = axes
    blocks = _blocks(taps, axes)
    if len(blocks) == 1 and rows.stride == cols.stride == 1:
        y, x = anchor = blocks[0].middle or (rows.before, cols.before)
        near = all(axis.before <= tap and axis.after < axis.span - tap for axis, tap in zip(axes, anchor, strict=True))
        if border in _OPENCV_BORDERS and near:
            whole = np.empty(image.shape, np.float32)
            blocks[0].apply(image, whole, (x, y), _OPENCV_BORDERS[border])
            return whole[y - rows.before :, x - cols.before :][: rows.out, : cols.out]
        y, x = anchor = blocks[0].middle or (max(0, rows.span - 1 - rows.after), max(0, cols.span - 1 - cols.after))
        if all(
            axis.span - 1 - axis.after <= tap <= axis.before and axis.size >= axis.span
            for axis, tap in zip(axes, anchor, strict=True)
        ):
            return _framed(image, blocks[0], axes, border, (y, x))
    out = np.empty((rows.out, cols.out, *image.shape[2:]), np.float32)
    wanted = np.s_[:: rows.stride, : (cols.out - 1) * cols.stride + 1 : cols.stride]
    spare = _Spare()
    for part, strip in _strips(image, axes, border):
        out[part] = _sum(strip, blocks, spare)[: len(strip) - rows.span + 1][wanted]
    return out


def _framed(image: Array, block: _Block, axes: Axes, border: Border, anchor: tuple[int, int]) -> Array:
    """Filter the image as it lies, right into its place in the result, then the frame that padding reaches."""
    rows, cols = axes
    out = np.empty((rows.out, cols.out, *image.shape[2:]), np.float32)
    y, x = anchor
    place = out[rows.before - y :, cols.before - x :][: rows.size, : cols.size]
    block.apply(image, place, (x, y), cv2.BORDER_REPLICATE)
    (top, bottom), (left, right) = ((axis.before, axis.before + axis.size - axis.span + 1) for axis in axes)
    for up, down, start, stop in (
        (0, top, 0, cols.out),
        (bottom, rows.out, 0, cols.out),
        (top, bottom, 0, left),
        (top, bottom, right, cols.out),
    ):
        if up < down and start < stop:
            seen = _gather(image, _seen(rows, up, down, border), _seen(cols, start, stop, border))
            out[up:down, start:stop] = _sum(seen, [block], _Spare())[: down - up, : stop - start]
    return out


def _seen(axis: Axis, first: int, last: int, border: Border) -> NDArray[np.intp]:
    """Which pixels outputs ``[first, last)`` see; −1 is a zero."""
    start, stop = first * axis.stride - axis.before, (last - 1) * axis.stride - axis.before + axis.span
    return source_index(np.arange(start, stop), axis.size, border)


def _gather(image: Array, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Array:
    seen = image[np.ix_(rows, cols)]
    seen[rows < 0] = 0
    seen[:, cols < 0] = 0
    return seen


class _Spare:
    """Memory that every strip uses again: fresh pages cost more than the arithmetic. The first strip is the tallest."""

    def __init__(self) -> None:
        self._held: dict[str, Array] = {}

    def take(self, name: str, shape: tuple[int, ...]) -> Array:
        if name not in self._held:
            self._held[name] = np.empty(shape, np.float32)
        return self._held[name][: shape[0]]


def _sum(strip: Array, blocks: list[_Block], spare: _Spare) -> Array:
    """Sum of all parts of the kernel with their first tap on each pixel; right away from the far edges."""
    total = spare.take("total", strip.shape)
    reach = max(block.left + block.grid.shape[1] for block in blocks) - 1
    if blocks[0].middle:  # such a kernel is one block
        y, x = blocks[0].middle
        blocks[0].apply(strip, total, (x, y), cv2.BORDER_REPLICATE, reach - x)
        return total[y:, x:]
    for number, block in enumerate(blocks):
        seen = strip[block.top :, block.left :]
        inside = np.s_[: seen.shape[0], : seen.shape[1]]
        part = spare.take("part", strip.shape)[inside] if number else total[inside]
        block.apply(seen, part, (0, 0), cv2.BORDER_REPLICATE, reach - block.left)
        if number:
            with np.errstate(invalid="ignore", over="ignore"):
                total[inside] += part
    return total


def multiply(image: Array, weights: Array, axes: Axes, border: Border) -> Array:
    """Volume convolution: ``(rows, cols, bands)``, weights ``(k, l, bands, filters)`` → ``(rows, cols, filters)``.

    Which way it goes depends on the layer alone, for the two ways round differently.
    """
    bands, filters = weights.shape[2:]
    few = filters <= max(_FEW_FILTERS, _FEW_FILTERED // (bands + 2))
    filtered = few and all(axis.stride == 1 for axis in axes)
    return (_add_filtered if filtered else _add_products)(image, weights, axes, border)


def _add_filtered(image: Array, weights: Array, axes: Axes, border: Border) -> Array:
    """Volume convolution as sums of filtered bands, in planes, strip by strip."""
    rows, cols = axes
    bands, filters = weights.shape[2:]
    blocks = [[_blocks(weights[:, :, band, each], axes) for band in range(bands)] for each in range(filters)]
    planes = np.empty((filters, rows.out, cols.out), np.float32)
    spare = _Spare()
    for part, strip in _strips(image, axes, border, planar=True):
        for plane, kernels in zip(planes[:, part], blocks, strict=True):
            for band, kernel in enumerate(kernels):
                term = _sum(strip[..., band], kernel, spare)[: len(plane), : cols.out]
                with np.errstate(invalid="ignore", over="ignore"):
                    np.add(plane, term, out=plane) if band else np.copyto(plane, term)
    return np.moveaxis(planes, 0, -1)


def _add_products(image: Array, weights: Array, axes: Axes, border: Border) -> Array:
    """Volume convolution as matrix products, one per row of the kernel, on windows copied strip by strip."""
    rows, cols = axes
    filters = weights.shape[3]
    matrices = weights.reshape(rows.kernel, -1, filters)
    out = np.empty((rows.out, cols.out, filters), np.float32)
    spare = _Spare()
    for part, strip in _strips(image, axes, border):
        windows = sliding_window_view(strip, cols.span, axis=1)[:, :: cols.stride, :, :: cols.dilation]
        windows = windows.transpose(0, 1, 3, 2)
        if rows.stride < rows.kernel:
            packed = spare.take("windows", windows.shape)
            packed[:] = windows
            windows = packed
        terms = spare.take("terms", out[part].shape)
        with np.errstate(invalid="ignore", over="ignore"):
            for tap, matrix in enumerate(matrices):
                lines = windows[tap * rows.dilation :][: len(strip) - rows.span + 1 : rows.stride]
                _product(lines.reshape(-1, len(matrix)), matrix, (terms if tap else out[part]).reshape(-1, filters))
                if tap:
                    out[part] += terms
    return out


def _product(lines: Array, matrix: Array, out: Array) -> None:
    """``(pixels, k) @ (k, filters)`` in pieces of one size, small enough that BLAS starts no threads.

    The size of a piece is the matrix's alone, and the last piece is filled up: BLAS rounds by the sizes that it gets.
    """
    width = _even_width(*matrix.shape)
    for left in range(0, matrix.shape[1], width):
        part, target = matrix[:, left : left + width], out[:, left : left + width]
        step = _piece(*part.shape)
        whole = len(lines) // step * step
        for start in range(0, whole, step):
            np.matmul(lines[start : start + step], part, out=target[start : start + step])
        if whole < len(lines):
            last = np.zeros((step, len(matrix)), np.float32)
            last[: len(lines) - whole] = lines[whole:]
            target[whole:] = (last @ part)[: len(lines) - whole]


def _piece(taps: int, width: int) -> int:
    """Lines of one product with a matrix ``(taps, width)``."""
    return min(max(_EVEN_LINES, _SERIAL_PRODUCTS // (taps * width) // _EVEN_LINES * _EVEN_LINES), _MOST_LINES)


@cache
def _even_width(taps: int, filters: int) -> int:
    """The most filters in one product for which every line is rounded alike, wherever it lies; found by trying.

    BLAS goes through a matrix in tiles, and on some processors the first tile is summed in another order than the next.
    """
    most = max(1, _SERIAL_PRODUCTS // (_EVEN_LINES * taps))
    widths = [width for width in (filters, *_NARROW) if width <= min(filters, most)] or [1]
    return next((width for width in widths if _is_even(taps, width) and _is_even(taps, filters % width)), widths[-1])


def _is_even(taps: int, width: int) -> bool:
    """Tell whether equal lines give equal results all over a product with a matrix ``(taps, width)``."""
    if width == 0:
        return True
    draw = np.random.default_rng(0)
    matrix = draw.standard_normal((taps, width), np.float32)
    for line in draw.standard_normal((_TRIALS, taps), np.float32):
        found = np.tile(line, (_piece(taps, width), 1)) @ matrix
        if (found != found[0]).any():
            return False
    return True


def _strips(image: Array, axes: Axes, border: Border, *, planar: bool = False) -> Iterator[tuple[slice, Array]]:
    """Padded input of a few output rows at a time, so that it stays in cache; the next strip overwrites it.

    With ``planar`` every band lies in a plane of its own, and one of them at a time has to stay. Planes that need no
    padding are not copied.
    """
    rows, cols = axes
    width = cols.before + cols.size + cols.after
    row_bytes = 4 * width * (1 if planar or image.ndim == 2 else image.shape[2])
    # At least four kernels high, so that few rows are filtered twice.
    count = min(max(_STRIP_BYTES // row_bytes, 4 * rows.span) // rows.stride + 1, rows.out)
    height = (count - 1) * rows.stride + rows.span
    in_place = planar and image.strides[1] == image.itemsize and cols.before == cols.after == 0
    if planar:
        buffer = np.moveaxis(np.empty((image.shape[2], height, width), np.float32), 0, -1)
    else:
        buffer = np.empty((height, width, *image.shape[2:]), np.float32)
    for first in range(0, rows.out, count):
        last = min(first + count, rows.out)
        source = _seen(rows, first, last, border)
        strip = buffer[: len(source)]
        if in_place and _are_inside(source):
            strip = image[source[0] : source[-1] + 1]
        else:
            _fill(strip, image, source, cols, border)
        yield slice(first, last), strip


def _are_inside(source: NDArray[np.intp]) -> bool:
    """Tell whether these are neighbouring rows of the image itself."""
    return bool(source[0] >= 0 and source[-1] - source[0] == len(source) - 1)


def _fill(strip: Array, image: Array, source: NDArray[np.intp], cols: Axis, border: Border) -> None:
    """Rows ``source`` of the image with the padding of the columns."""
    inner = strip[:, cols.before : cols.before + cols.size]
    inner[:] = image[source[0] : source[-1] + 1] if _are_inside(source) else image[source]
    inner[source < 0] = 0
    for start, width in ((-cols.before, cols.before), (cols.size, cols.after)):
        side = strip[:, cols.before + start : cols.before + start + width]
        beyond = source_index(np.arange(start, start + width), cols.size, border)
        side[:] = 0 if border is Border.ZERO else inner[:, beyond]
