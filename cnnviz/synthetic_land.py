"""The lie of the synthetic land: coast, river, hills, districts of fields, towns and roads.

A pixel is covered by at most two materials: ``over`` with share ``cover`` and ``under`` with the rest, as linear mixing
of spectra has it (Settle and Drake 1993). Every layer paints ``over`` what lay there before.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cnnviz.synthetic_materials import LABELS, Material
from cnnviz.synthetic_noise import Floats, Frame, fractal, ramp, smooth

Bytes = NDArray[np.uint8]
_SEA_LEVEL = -0.62
_REACH = 64  # px around a frame within which warped fields are known


@dataclass
class Land:
    """What covers each pixel, all (rows, cols): materials, share of ``over``, and a factor of brightness."""

    under: Bytes
    over: Bytes
    cover: Floats
    tone: Floats

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> "Land":
        """Land of one material throughout, to be painted over."""
        return cls(
            np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.ones(shape, np.float32), np.ones(shape, np.float32)
        )

    def paint(self, share: Floats, material: Material | int, *, tone: Floats | float | None = None) -> None:
        """Lay ``material`` over the pixels where ``share`` is above 0."""
        spot = np.nonzero(share > 0.02)
        if not spot[0].size:
            return
        part = share[spot]
        self.under[spot] = np.where(self.cover[spot] > 0.5, self.over[spot], self.under[spot])
        self.over[spot] = material
        self.cover[spot] = part
        if tone is not None:
            new = tone if isinstance(tone, float) else tone[spot]
            self.tone[spot] += (new - self.tone[spot]) * part

    def labels(self) -> Bytes:
        """Class of the material that covers most of each pixel."""
        return LABELS[np.where(self.cover >= 0.5, self.over, self.under)]


@dataclass(frozen=True)
class Terrain:
    """Smooth fields that decide what can be where, all (rows, cols).

    ``coast`` and ``river`` are distances in pixels from the shore (negative at sea) and from the river's middle line,
    right near 0 and only ordered further away; ``height`` in metres; ``town`` is above 0 where there are houses.
    """

    coast: Floats
    river: Floats
    stream: Floats
    highway: Floats
    height: Floats
    woods: Floats
    town: Floats


def slope(field: Floats) -> tuple[Floats, Floats]:
    """Central differences along rows and columns, per pixel; 0 across the outermost pixels."""
    down = cv2.Sobel(field, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    across = cv2.Sobel(field, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    return down.astype(np.float32), across.astype(np.float32)


def distance(field: Floats, *, least: float = 1e-3) -> Floats:
    """Signed distance from a field's zero line in pixels, exact to first order: f / |∇f|."""
    down, across = slope(field)
    away: Floats = field / (cv2.magnitude(down, across) + np.float32(least))
    return away


def warped(frame: Frame, salt: int, wavelength: float, *, sway: float, period: float) -> Floats:
    """Smooth noise whose lines meander: sampled at places moved by up to about 2 · ``sway`` pixels."""
    wide = frame.grown(_REACH)
    field = smooth(wide, salt, wavelength)
    rows = np.float32(sway) * smooth(frame, salt + 1, period)
    cols = np.float32(sway) * smooth(frame, salt + 2, period)
    rows += np.arange(_REACH, _REACH + frame.rows, dtype=np.float32)[:, None]
    cols += np.arange(_REACH, _REACH + frame.cols, dtype=np.float32)
    return cv2.remap(field, cols, rows, cv2.INTER_LINEAR).astype(np.float32)


def terrain(frame: Frame) -> Terrain:
    """Lay out the land of a frame."""
    sea = fractal(frame, 10, (1500, 480, 170, 60, 22), gain=0.42) - np.float32(_SEA_LEVEL)
    inland = ramp(sea, 0.0, 0.9)
    bend = warped(frame, 20, 900, sway=24, period=120) + np.float32(0.02) * smooth(frame, 23, 40)
    river = distance(bend, least=6e-4)
    stream = distance(warped(frame, 30, 520, sway=14, period=60), least=2e-3)
    hills = fractal(frame, 40, (800, 330, 140, 60), gain=0.5)
    valley = ramp(np.abs(bend), 0.06, 0.75)
    height = 190 * inland * valley * ramp(hills, -0.6, 2.2) + 14 * valley * inland * fractal(
        frame, 50, (90, 40, 18), gain=0.55
    )
    # the road keeps its distance from the sea: its line is pushed away where the coast comes near
    bays = fractal(frame, 10, (1500, 480), gain=0.42) - np.float32(_SEA_LEVEL)
    road = warped(frame, 60, 1700, sway=16, period=600) + 3 * (1 - ramp(bays, 0.1, 0.75))
    woods = 1.5 * ramp(hills, -0.2, 1.6) * valley - 0.75 + 0.42 * fractal(frame, 70, (240, 100, 42), gain=0.6)
    town = fractal(frame, 80, (520, 200), gain=0.55) - 0.65 - 1.2 * ramp(height, 30, 90)
    return Terrain(distance(sea, least=5e-4), river, stream, distance(road), height.astype(np.float32), woods, town)
