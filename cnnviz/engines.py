"""The arithmetic under :mod:`cnnviz.convolve`: OpenCV filters for one kernel, matrix products for volumes.

Everything here is a direct sum of products in float32. Fourier transforms are avoided on purpose: they would
smear NaN and infinities over the picture, and small values beside large ones would drown.
"""

from collections.abc import Iterator
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

    def apply(self, image: Array, out: Array, anchor: tuple[int, int], border: int) -> None:
        """Write the sum of products at every pixel; the tap at ``anchor`` (column, row) lies on it."""
        if self.factors:
            column, row = self.factors
            cv2.sepFilter2D(image, -1, row, column, dst=out, anchor=anchor, borderType=border)
        elif self.grid.any():
            cv2.filter2D(image, -1, self.grid, dst=out, anchor=anchor, borderType=border)
        else:
            out[:] = 0
        # OpenCV leaves zero weights out, yet 0 · NaN and 0 · inf are NaN.
        if self.zeros.any() and not _all_finite(image):
            unknown = (~np.isfinite(image)).view(np.uint8)
            touched = cv2.dilate(unknown, self.zeros, anchor=anchor, borderType=border, borderValue=0)
            out[touched.reshape(out.shape).view(bool)] = np.nan


def _all_finite(image: Array) -> bool:
    flat = image.ravel(order="K")
    # One pass of BLAS; large numbers may overflow there, then the exact test decides.
    return bool(np.isfinite(np.vdot(flat, flat)) or np.isfinite(image).all())


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
    fits = all(axis.stride == 1 and axis.before + axis.after < axis.span for axis in axes)
    if fits and border in _OPENCV_BORDERS and len(blocks) == 1:
        whole = np.empty(image.shape, np.float32)
        blocks[0].apply(_for_opencv(image), whole, (cols.before, rows.before), _OPENCV_BORDERS[border])
        return whole[: rows.out, : cols.out]
    out = np.empty((rows.out, cols.out, *image.shape[2:]), np.float32)
    scratch = [np.empty(0, np.float32)] * 2
    for part, strip in _strips(image, axes, border):
        if scratch[0].shape[:1] < strip.shape[:1]:
            scratch = [np.empty(strip.shape, np.float32) for _ in blocks[:2]]
        total = _sum(strip, blocks, scratch)
        out[part] = total[: len(strip) - rows.span + 1 : rows.stride, : (cols.out - 1) * cols.stride + 1 : cols.stride]
    return out


def _sum(strip: Array, blocks: list[_Block], scratch: list[Array]) -> Array:
    """Sum of all parts of the kernel with their first tap on each pixel; right away from the far edges."""
    total = scratch[0]
    for number, block in enumerate(blocks):
        seen = _for_opencv(strip[block.top :, block.left :])
        inside = np.s_[: seen.shape[0], : seen.shape[1]]
        part = scratch[min(number, 1)][inside]
        block.apply(seen, part, (0, 0), cv2.BORDER_REPLICATE)
        if number:
            with np.errstate(invalid="ignore", over="ignore"):
                total[inside] += part
    return total


def _for_opencv(image: Array) -> Array:
    cell = image.itemsize * (image.shape[2] if image.ndim == 3 else 1)
    packed = image.strides[1] == cell and image.strides[-1] == image.itemsize
    return image if packed and image.strides[0] >= cell * image.shape[1] else np.ascontiguousarray(image)


def multiply(image: Array, weights: Array, axes: Axes, border: Border) -> Array:
    """Volume convolution as matrix products, one per row of the kernel, on windows copied strip by strip.

    ``(rows, cols, bands)`` with weights ``(k, l, bands, filters)`` gives ``(rows, cols, filters)``.
    """
    rows, cols = axes
    filters = weights.shape[3]
    matrices = weights.reshape(rows.kernel, -1, filters)
    out = np.empty((rows.out, cols.out, filters), np.float32)
    for part, strip in _strips(image, axes, border, copies=cols.kernel):
        windows = sliding_window_view(strip, cols.span, axis=1)[:, :: cols.stride, :, :: cols.dilation]
        windows = windows.transpose(0, 1, 3, 2)
        if rows.stride < rows.kernel:
            windows = np.ascontiguousarray(windows)
        target = out[part].reshape(-1, filters)
        for tap, matrix in enumerate(matrices):
            lines = windows[tap * rows.dilation :][: len(strip) - rows.span + 1 : rows.stride]
            with np.errstate(invalid="ignore", over="ignore"):
                terms = lines.reshape(len(target), -1) @ matrix
                target[:] = terms if tap == 0 else target + terms
    return out


def _strips(image: Array, axes: Axes, border: Border, *, copies: int = 1) -> Iterator[tuple[slice, Array]]:
    """Padded input of a few output rows at a time, so that what is held ``copies`` times stays in cache.

    The strip is overwritten by the next one.
    """
    rows, cols = axes
    width = cols.before + cols.size + cols.after
    row_bytes = 4 * copies * width * (image.shape[2] if image.ndim == 3 else 1)
    # At least four kernels high, so that few rows are filtered twice.
    count = min(max(_STRIP_BYTES // row_bytes, 4 * rows.span) // rows.stride + 1, rows.out)
    buffer = np.empty(((count - 1) * rows.stride + rows.span, width, *image.shape[2:]), np.float32)
    for first in range(0, rows.out, count):
        last = min(first + count, rows.out)
        start = first * rows.stride - rows.before
        stop = (last - 1) * rows.stride - rows.before + rows.span
        strip = buffer[: stop - start]
        _fill(strip, image, source_index(np.arange(start, stop), rows.size, border), cols, border)
        yield slice(first, last), strip


def _fill(strip: Array, image: Array, source: NDArray[np.intp], cols: Axis, border: Border) -> None:
    """Rows ``source`` of the image with the padding of the columns; −1 is a row of zeros."""
    inner = strip[:, cols.before : cols.before + cols.size]
    inside = source[0] >= 0 and source[-1] - source[0] == len(source) - 1
    inner[:] = image[source[0] : source[-1] + 1] if inside else image[source]
    inner[source < 0] = 0
    for start, width in ((-cols.before, cols.before), (cols.size, cols.after)):
        side = strip[:, cols.before + start : cols.before + start + width]
        beyond = source_index(np.arange(start, start + width), cols.size, border)
        side[:] = 0 if border is Border.ZERO else inner[:, beyond]
