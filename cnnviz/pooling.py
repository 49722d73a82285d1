"""What a pooling keeps: which input cell won, and what is left of an edge, of thin lines and of noise.

Windows, strides and padding are those of :func:`cnnviz.convolve.pool2d`. The figures are taken from small test
pictures with known contents, under every alignment of the content with the windows, so that they tell of the pooling
and not of where a line happens to lie. What the maximum of noise does is in David & Nagaraja, *Order Statistics*
(2003), § 3.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.convolve import PoolMode, pool2d
from cnnviz.errors import GeometryError
from cnnviz.padding import PaddingLike, PerAxis, per_axis, plan

Array = NDArray[np.float32]

#: Grey level of a bright line or of the bright side of an edge in the test pictures; dark is 0.
BRIGHT = 100.0
#: Standard deviation of the noise in the test pictures, around ``BRIGHT / 2``.
NOISE = 10.0
_GATHERED = 1 << 20
_NOISY_SIDE = 512


def winners(
    image: ArrayLike,
    size: PerAxis,
    *,
    mode: str = "max",
    stride: PerAxis | None = None,
    padding: PaddingLike = "valid",
) -> NDArray[np.intp]:
    """Input cell (row, col) that each output took its value from: ``(rows, cols, 2)`` for an image ``(rows, cols)``.

    The first in reading order wins a tie; −1 where the window holds NaN, which no cell has won. Padding never wins.
    ``mode`` is ``"max"`` or ``"min"``: an average takes a part of every cell. Raises GeometryError as ``pool2d``.

    >>> winners([[1, 2, 3, 4], [9, 6, 7, 8]], 2).tolist()
    [[[1, 0], [1, 3]]]
    """
    pixels = np.asarray(image)
    if mode not in (PoolMode.MAX, PoolMode.MIN) or pixels.ndim != 2:
        raise GeometryError(
            f"received mode {mode!r} and an image of shape {pixels.shape}: max or min of (rows, cols) is expected, "
            "as only these take one cell of each window"
        )
    window = per_axis(size, "size")
    rows, cols = plan(pixels.shape, window, padding=padding, stride=window if stride is None else stride)
    # A cell of padding gives way to the window's own cell at the edge, which it can tie with and never beat.
    down, across = (np.clip(axis.reads(), 0, axis.size - 1) for axis in (rows, cols))
    best = np.argmax if mode == PoolMode.MAX else np.argmin
    found = np.empty((rows.out, cols.out, 2), np.intp)
    step = max(1, _GATHERED // across.size // rows.kernel)
    for first in range(0, rows.out, step):
        lines = down[first : first + step]
        cells = pixels[lines[:, None, :, None], across[None, :, None, :]].reshape(len(lines), cols.out, -1)
        tap = best(cells, axis=-1)  # NumPy lets NaN win, which is how it is found
        row = np.take_along_axis(lines, tap // cols.kernel, axis=1)
        place = np.stack([row, across[np.arange(cols.out), tap % cols.kernel]], axis=-1)
        lost = np.isnan(np.take_along_axis(cells, tap[..., None], -1))
        found[first : first + step] = np.where(lost, -1, place)
    return found


@dataclass(frozen=True)
class Kept:
    """What a pooling leaves of the test pictures, averaged over all alignments with its windows.

    ``edge_step``: steepest step between neighbouring cells across an edge, as a share of the edge;
    ``edge_shift``: pixels by which the bright side has grown (positive) or shrunk; ``bright_line`` and ``dark_line``:
    contrast left of a line one pixel wide, as a share; ``noise``: its standard deviation left, as a share;
    ``noise_bias``: how far its mean has moved, in standard deviations of the noise.
    """

    edge_step: float
    edge_shift: float
    bright_line: float
    dark_line: float
    noise: float
    noise_bias: float


def kept(size: int, *, mode: str = "max", stride: int | None = None) -> Kept:
    """Measure what one pooling keeps, without padding; errors as ``pool2d``.

    >>> halved = kept(2, mode="average")
    >>> halved.edge_step, halved.bright_line, round(halved.noise, 1)
    (0.75, 0.5, 0.5)
    >>> kept(2).bright_line, kept(2).dark_line
    (1.0, 0.0)
    """
    jump = size if stride is None else stride
    first = size + jump
    starts, columns = first + np.arange(jump), np.arange(2 * first + jump)[:, None]

    def pooled(image: ArrayLike) -> NDArray[np.float64]:
        return pool2d(image, size, mode=mode, stride=jump).astype(np.float64)

    # One alignment per band; a window of rows is enough, as all of them are equal.
    edges, lines = (np.broadcast_to(on * BRIGHT, (size, *on.shape)) for on in (columns >= starts, columns == starts))
    edge, noise = pooled(edges)[0] / BRIGHT, pooled(_noise())
    end = len(edge) * jump + (size - jump) / 2  # of the last output cell, in pixels of the input
    return Kept(
        edge_step=float(np.diff(edge, axis=0).max(axis=0).mean()),
        edge_shift=float((edge.sum(axis=0) * jump - (end - starts)).mean()),
        bright_line=float(pooled(lines)[0].max(axis=0).mean()) / BRIGHT,
        dark_line=1 - float(pooled(BRIGHT - lines)[0].min(axis=0).mean()) / BRIGHT,
        noise=float(noise.std()) / NOISE,
        noise_bias=(float(noise.mean()) - BRIGHT / 2) / NOISE,
    )


def _noise() -> Array:
    return np.random.default_rng(0).normal(BRIGHT / 2, NOISE, (_NOISY_SIDE, _NOISY_SIDE)).astype(np.float32)


def card() -> Array:
    """Synthetic picture ``(48, 48)``: an edge beside bright lines on dark, above dark lines on bright beside noise.

    >>> card().shape
    (48, 48)
    """
    side = 24
    edge, bright = np.zeros((side, side)), np.zeros((side, side))
    edge[:, side // 2 + 1 :] = BRIGHT  # an odd column, so that windows of even size straddle it
    bright[side // 4] = bright[:, side // 3] = BRIGHT
    np.fill_diagonal(bright, BRIGHT)
    return np.block([[edge, bright], [BRIGHT - bright, _noise()[:side, :side]]]).astype(np.float32)
