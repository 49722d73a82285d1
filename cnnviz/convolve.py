"""Convolution and pooling: arrays in, arrays out.

Images are ``(rows, cols)`` or ``(rows, cols, bands)`` and become float32 before any arithmetic. "Convolution"
is cross-correlation, as in deep learning (Goodfellow et al., *Deep Learning*, 2016, § 9.1); ``flip=True`` is
the true convolution. Every engine here is a direct sum of products, so a window that touches NaN gives NaN
and infinities behave as arithmetic says. Sizes and borders are explained in :mod:`cnnviz.padding`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.engines import Array, filter_plane, multiply
from cnnviz.errors import CnnvizError, GeometryError, KernelError
from cnnviz.padding import (
    Axis,
    Border,
    Padding,
    PaddingLike,
    PerAxis,
    output_size,
    per_axis,
    plan,
    resolve_padding,
    visit_counts,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = [
    "Axis",
    "Border",
    "Padding",
    "PoolMode",
    "conv2d",
    "conv2d_loops",
    "conv_matrix",
    "conv_volume",
    "output_size",
    "plan",
    "pool2d",
    "resolve_padding",
    "visit_counts",
]


_MATRIX_WEIGHTS = 50_000_000


class PoolMode(StrEnum):
    """What a pooling window keeps of its cells."""

    MAX = "max"
    AVERAGE = "average"
    MIN = "min"


def _float32(value: ArrayLike, what: str, error: type[CnnvizError]) -> Array:
    try:
        array = np.asarray(value)
    except ValueError:
        raise error(f"received {what} with rows of different lengths: fill every cell") from None
    if array.dtype.kind not in "biuf":
        raise error(f"received {what} of type {array.dtype}: real numbers are expected")
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def _image(image: ArrayLike) -> Array:
    if isinstance(image, np.ma.MaskedArray):
        image = np.where(np.ma.getmaskarray(image), np.float32(np.nan), image.data)
    array = _float32(image, "an image", GeometryError)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise GeometryError(
            f"received an image of shape {array.shape}: (rows, cols) or (rows, cols, bands) is expected, "
            "with at least one pixel and one band"
        )
    return array


def _weights(weights: ArrayLike, *axes: str) -> Array:
    array = _float32(weights, "weights", KernelError)
    if array.ndim != len(axes) or 0 in array.shape:
        raise KernelError(f"received weights of shape {array.shape}: ({', '.join(axes)}) is expected")
    if not np.isfinite(array).all():
        place = tuple(int(i) + 1 for i in np.argwhere(~np.isfinite(array))[0])
        raise KernelError(
            f"received a weight of {array[~np.isfinite(array)][0]} at {place}, counted from 1: "
            "finite numbers within float32 are expected"
        )
    return array


def _option(kind: type[StrEnum], value: str, what: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(sorted(kind))
        raise GeometryError(f"received {what} {value!r}: one of {known} is expected") from None


def conv2d(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    padding: PaddingLike = "valid",
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    border: str = "zero",
    flip: bool = False,
) -> Array:
    """Slide one kernel ``(k, l)`` over every band alone, as an image filter does.

    ``padding``, ``stride`` and ``dilation`` are as in :func:`cnnviz.padding.plan`, ``border`` is a
    :class:`Border`. The result is float32 with the image's number of dimensions. Raises
    :class:`GeometryError` where the kernel does not fit, :class:`KernelError` for weights that are no grid of
    finite numbers.

    >>> conv2d([[10, 10, 0, 0]] * 3, [[1, 0, -1]] * 3)
    array([[30., 30.]], dtype=float32)
    >>> conv2d([[0, 0, 1, 0]], [[1, 2, 3]], padding="same", flip=True)
    array([[0., 1., 2., 3.]], dtype=float32)
    """
    pixels, taps = _image(image), _weights(kernel, "rows", "cols")
    taps = np.ascontiguousarray(taps[::-1, ::-1]) if flip else taps
    axes = plan(pixels.shape, taps.shape, padding=padding, stride=stride, dilation=dilation)
    fill = _option(Border, border, "border")
    return _by_plane(pixels, lambda plane: filter_plane(plane, taps, axes, fill))


def _by_plane(image: Array, work: Callable[[Array], Array]) -> Array:
    """Apply ``work`` to what OpenCV takes as one picture, and keep the image's order in memory."""
    if image.ndim == 2 or (abs(image.strides[2]) < abs(image.strides[1]) and image.shape[2] <= 64):
        return work(image)
    first = work(image[..., 0])
    planes = np.empty((image.shape[2], *first.shape), np.float32)
    planes[0] = first
    for band in range(1, image.shape[2]):
        planes[band] = work(image[..., band])
    return np.moveaxis(planes, 0, -1)


def conv_volume(
    image: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    padding: PaddingLike = "valid",
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    border: str = "zero",
) -> Array:
    """Sum over all bands, as a CNN's layer does: ``(rows, cols, bands)`` → ``(rows, cols, filters)``.

    ``weights`` are ``(k, l, bands, filters)``, ``bias`` one number per filter; the rest is as in
    :func:`conv2d`. A ``(rows, cols)`` image is one band. Raises :class:`GeometryError` where bands do not
    agree or the kernel does not fit, :class:`KernelError` for weights that are not such a block.

    >>> conv_volume([[[1, 2, 3]]], [[[[1], [10], [100]]]], bias=[5])
    array([[[326.]]], dtype=float32)
    """
    pixels, block = _image(image), _weights(weights, "rows", "cols", "bands", "filters")
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    offsets = _biases(bias, block.shape[3])
    if pixels.shape[2] != block.shape[2]:
        raise GeometryError(
            f"received an image of {pixels.shape[2]} bands and weights for {block.shape[2]} bands: these "
            "must agree, as every filter has one kernel per band; choose other bands or other weights"
        )
    axes = plan(pixels.shape, block.shape, padding=padding, stride=stride, dilation=dilation)
    out = multiply(pixels, block, axes, _option(Border, border, "border"))
    return out if offsets is None else np.add(out, offsets, out=out)


def _biases(bias: ArrayLike | None, filters: int) -> Array | None:
    if bias is None:
        return None
    offsets = _float32(bias, "bias", KernelError)
    if offsets.shape != (filters,):
        raise KernelError(f"received bias of shape {offsets.shape}: {filters} numbers, one per filter, are expected")
    return offsets


def pool2d(
    image: ArrayLike,
    size: PerAxis,
    *,
    mode: str = "max",
    stride: PerAxis | None = None,
    padding: PaddingLike = "valid",
) -> Array:
    """Keep the maximum, average or minimum of every window; the stride is the window's size if not given.

    Padding holds no values: a window at the border looks at the cells that are really there, as TensorFlow's
    does. NaN in a window gives NaN. Raises :class:`GeometryError` where no window fits, or where one would
    hold nothing but padding.

    >>> pool2d([[1, 2, 3, 4], [5, 6, 7, 8]], 2)
    array([[6., 8.]], dtype=float32)
    >>> pool2d([[1, 2, 3]], (1, 2), mode="average", padding="same")
    array([[1.5, 3. ]], dtype=float32)
    """
    pixels, kind = _image(image), _option(PoolMode, mode, "mode")
    window = per_axis(size, "size")
    axes = plan(pixels.shape, window, padding=padding, stride=window if stride is None else stride)
    for axis in axes:
        if max(axis.before, axis.after) >= axis.kernel:
            raise GeometryError(
                f"received padding {axis.before}, {axis.after} around windows of {axis.kernel} cells: "
                f"at most {axis.kernel - 1} is expected, as a window of padding alone holds nothing"
            )
    return _by_plane(pixels, lambda plane: _pool_plane(plane, axes, kind))


_POOL_CELLS = 1 << 18
# How cells are combined, from what on, and in which precision: long sums in float32 would drift.
_POOLS: dict[PoolMode, tuple[np.ufunc, float, type[np.floating]]] = {
    PoolMode.MAX: (np.maximum, -np.inf, np.float32),
    PoolMode.AVERAGE: (np.add, 0.0, np.float64),
    PoolMode.MIN: (np.minimum, np.inf, np.float32),
}


def _pool_plane(image: Array, axes: tuple[Axis, Axis], mode: PoolMode) -> Array:
    """Pool rows, then columns, a few lines at a time so that they stay in cache."""
    rows, cols = axes
    out = np.empty((rows.out, cols.out, *image.shape[2:]), np.float32)
    step = max(1, _POOL_CELLS // (image[0].size * rows.stride))
    for first in range(0, rows.out, step):
        part = slice(first, min(first + step, rows.out))
        out[part] = _pool_axis(_pool_axis(image, 0, rows.reads()[part], mode), 1, cols.reads(), mode)
    return out


def _pool_axis(image: NDArray[Any], number: int, reads: NDArray[np.intp], mode: PoolMode) -> NDArray[Any]:
    """Combine the cells ``reads`` (windows, taps) of one axis, one tap at a time over all windows that have it."""
    combine, neutral, precision = _POOLS[mode]
    source = np.moveaxis(image, number, 0)
    shape = list(image.shape)
    shape[number] = len(reads)
    out = np.full(shape, neutral, precision)
    windows = np.moveaxis(out, number, 0)
    inside = (reads >= 0) & (reads < len(source))
    with np.errstate(invalid="ignore", over="ignore"):
        for cells, there in zip(reads.T, inside.T, strict=True):
            here = np.flatnonzero(there)
            if len(here):
                some = slice(here[0], here[-1] + 1)
                combine(windows[some], source[_steps(cells[some])], out=windows[some])
    if mode is PoolMode.AVERAGE:
        windows /= inside.sum(axis=1).reshape(-1, *[1] * (image.ndim - 1))
    return out


def _steps(cells: NDArray[np.intp]) -> slice:
    """Slice that takes evenly spaced ``cells``."""
    step = int(cells[1] - cells[0]) if len(cells) > 1 else 1
    return slice(int(cells[0]), int(cells[-1]) + 1, step)


def conv_matrix(
    kernel: ArrayLike,
    shape: tuple[int, int],
    *,
    padding: PaddingLike = "valid",
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
) -> csr_array:
    """Convolution as a sparse matrix: ``M @ image.ravel() == conv2d(image, kernel).ravel()``.

    One row per output pixel, one column per pixel of an image of ``shape`` (rows, cols), zero borders: a
    doubly blocked Toeplitz matrix (Goodfellow et al., 2016, § 9.1). Zero weights are stored too, so that the
    structure, and what NaN touches, is the layer's. ``M.T`` is the transposed convolution. Errors as
    :func:`conv2d`.

    >>> matrix = conv_matrix([[1, 0, -1]] * 3, (4, 4))
    >>> matrix.shape, matrix.nnz
    ((4, 16), 36)
    """
    taps = _weights(kernel, "rows", "cols")
    rows, cols = plan(shape, taps.shape, padding=padding, stride=stride, dilation=dilation)
    stored = rows.out * cols.out * taps.size
    if stored > _MATRIX_WEIGHTS:
        raise GeometryError(
            f"received an image of {rows.size} × {cols.size} pixels: its matrix would hold {stored:,} weights, at "
            f"most {_MATRIX_WEIGHTS:,} are expected; choose a smaller image or call conv2d, which needs no matrix"
        )
    # Here, for it takes a third of the time in which the command line starts.
    from scipy.sparse import csr_array

    y, x = rows.reads()[:, None, :, None], cols.reads()[None, :, None, :]
    inside = (y >= 0) & (y < rows.size) & (x >= 0) & (x < cols.size)
    weights = np.broadcast_to(taps, inside.shape)[inside]
    ends = np.concatenate([[0], np.cumsum(inside.sum(axis=(2, 3)))])
    return csr_array((weights, (y * cols.size + x)[inside], ends), shape=(rows.out * cols.out, rows.size * cols.size))


def conv2d_loops(image: ArrayLike, kernel: ArrayLike, *, padding: PaddingLike = 0, stride: PerAxis = 1) -> Array:
    """:func:`conv2d` with zero borders, written out to be read, and slow.

    >>> conv2d_loops([[10, 10, 0, 0]] * 3, [[1, 0, -1]] * 3)
    array([[30., 30.]], dtype=float32)
    """
    pixels, taps = _image(image), _weights(kernel, "rows", "cols")
    if pixels.ndim == 3:
        bands = np.moveaxis(pixels, -1, 0)
        return np.stack([conv2d_loops(b, taps, padding=padding, stride=stride) for b in bands], axis=-1)
    rows, cols = plan(pixels.shape, taps.shape, padding=padding, stride=stride)
    padded = np.pad(pixels, ((rows.before, rows.after), (cols.before, cols.after)))
    out = np.zeros((rows.out, cols.out), np.float32)
    for row in range(rows.out):
        for col in range(cols.out):
            top, left = row * rows.stride, col * cols.stride
            window = padded[top : top + rows.kernel, left : left + cols.kernel]
            out[row, col] = (window * taps).sum()
    return out
