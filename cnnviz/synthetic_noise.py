"""Numbers that depend on a seed and a place alone: the raw material of the synthetic world.

Every function takes a :class:`Frame`, a rectangle of an endless plane of pixels, and gives the same value for the same
pixel whichever frame it is asked through, up to rounding in the last bits. Smooth noise is a cubic B-spline over a
lattice of hashed values (value noise; Perlin, "An Image Synthesizer", SIGGRAPH 1985): two sparse matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float32]
Hashes = NDArray[np.uint32]

_SPLINE_SPREAD = 0.277  # mean standard deviation of a cubic B-spline over uniform (-1, 1) values


class Frame(NamedTuple):
    """A rectangle of the world with seed ``seed``: top left pixel and size, in pixels."""

    seed: int
    row: int
    col: int
    rows: int
    cols: int

    def grown(self, margin: int) -> Frame:
        """The frame with ``margin`` more pixels on each side."""
        return Frame(self.seed, self.row - margin, self.col - margin, self.rows + 2 * margin, self.cols + 2 * margin)

    def moved(self, rows: int, cols: int) -> Frame:
        """The frame of the same size that lies ``rows`` lower and ``cols`` further right."""
        return self._replace(row=self.row + rows, col=self.col + cols)


def mix(*parts: NDArray[np.integer] | int) -> Hashes:
    """Hash integers of broadcastable shapes to uint32, every bit of which looks random.

    >>> mix(np.arange(3), 7).dtype
    dtype('uint32')
    """
    state: Hashes = np.zeros(1, np.uint32)
    for part in parts:
        state = (state ^ np.asarray(part).astype(np.uint32)) * np.uint32(0x9E3779B1)
        state ^= state >> np.uint32(15)
        state *= np.uint32(0x2C1B3C6D)
        state ^= state >> np.uint32(13)
    return state


def unit(hashes: Hashes, shift: int = 0) -> Floats:
    """Read ``16`` bits of each hash, starting at bit ``shift``, as a number in 0…1."""
    return ((hashes >> np.uint32(shift)) & np.uint32(0xFFFF)).astype(np.float32) * np.float32(1 / 65536)


def _spline(start: int, count: int, step: int, wavelength: float) -> tuple[int, csr_array]:
    """First knot, and the sparse (count, knots) weights of ``count`` positions from ``start`` on."""
    from scipy.sparse import csr_array

    position = (start + step * np.arange(count)) / wavelength
    cell = np.floor(position).astype(np.int64)
    t = (position - cell).astype(np.float32)
    first, last = int(cell[0]) - 1, int(cell[-1]) + 2
    taps = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    knots = (cell - 1 - first)[:, None] + np.arange(4)
    weights = (np.stack(taps, axis=1) / np.float32(6)).ravel()
    return first, csr_array((weights, knots.ravel(), np.arange(0, 4 * count + 1, 4)), (count, last + 1 - first))


def smooth(frame: Frame, salt: int, wavelength: float | tuple[float, float], step: int = 1) -> Floats:
    """Noise of mean 0 and variance 1 without detail below ``wavelength`` pixels, at every ``step``-th pixel.

    A pair of wavelengths is (along rows' axis, along columns' axis). ``salt`` separates independent fields.

    >>> a = smooth(Frame(1, 0, 0, 40, 50), 0, 16.0)
    >>> b = smooth(Frame(1, 10, 20, 5, 5), 0, 16.0)
    >>> bool(np.allclose(a[10:15, 20:25], b, atol=1e-5))
    True
    """
    tall, wide = wavelength if isinstance(wavelength, tuple) else (wavelength, wavelength)
    top, down = _spline(frame.row, -(-frame.rows // step), step, tall)
    left, across = _spline(frame.col, -(-frame.cols // step), step, wide)
    rows = np.arange(top, top + down.shape[1])[:, None]
    cols = np.arange(left, left + across.shape[1])
    knots = unit(mix(rows, cols, salt, frame.seed)) * np.float32(2) - np.float32(1)
    lines = np.ascontiguousarray((across @ knots.T).T)
    field: Floats = down @ (lines / np.float32(_SPLINE_SPREAD))
    return field


def fractal(frame: Frame, salt: int, wavelengths: Sequence[float], *, gain: float = 0.5, step: int = 1) -> Floats:
    """Sum of :func:`smooth` fields, each ``gain`` times as strong as the one before; variance about 1."""
    total = smooth(frame, salt, wavelengths[0], step)
    power = 1.0
    for octave, wavelength in enumerate(wavelengths[1:], start=1):
        total += np.float32(gain**octave) * smooth(frame, salt + octave, wavelength, step)
        power += gain ** (2 * octave)
    return total / np.float32(power**0.5)


def speckle(frame: Frame, salt: int) -> Floats:
    """White noise in 0…1, one independent value per pixel."""
    rows = mix(np.arange(frame.row, frame.row + frame.rows)[:, None], salt, frame.seed)
    return unit((rows ^ mix(np.arange(frame.col, frame.col + frame.cols), salt)) * rows, 16)


def ramp(values: Floats, low: float, high: float) -> Floats:
    """0 below ``low``, 1 above ``high``, a smooth S in between (Hermite's 3t² − 2t³).

    >>> ramp(np.array([0, 1, 2], np.float32), 0, 2).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    curve: Floats = t * t * (3 - 2 * t)
    return curve
