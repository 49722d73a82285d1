"""Arrays to pictures: colour scales with true legends, and stretches.

A picture is uint8 of shape ``(rows, cols, 4)``. Nodata (NaN) is transparent, so that whoever shows the picture
draws its hatch behind it: nodata is never black.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import GeometryError

# Whoever draws numbers also writes them: here are both.
from cnnviz.text import MINUS as MINUS
from cnnviz.text import THIN as THIN
from cnnviz.text import number as number
from cnnviz.text import size as size
from cnnviz.text import span as span

if TYPE_CHECKING:
    from cnnviz.statistics import BandStatistics

Picture = NDArray[np.uint8]


class Palette(StrEnum):
    """What a colour scale stands for; one look for each, the same on every page."""

    GREY = "grey"
    SIGNED = "signed"
    WEIGHTS = "weights"
    SHARE = "share"
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


# All four keep their order for colour-blind eyes; the two diverging ones cannot be mistaken for each other.
_COLOUR_MAPS = {
    Palette.GREY: "gray",
    Palette.SIGNED: "RdBu_r",
    Palette.WEIGHTS: "PuOr",
    Palette.SHARE: "viridis",
}
#: What the three bands of a picture in colours go into; each from black to full.
PRIMARIES = (Palette.RED, Palette.GREEN, Palette.BLUE)


#: Colours in a palette: odd, so that the one in the middle is 0 of a symmetric scale. The last entry is nodata.
LEVELS = 255


@cache
def table(palette: Palette) -> Picture:
    """Colours of a palette and, last, of nodata: uint8 ``(256, 4)``."""
    colours: Picture = np.zeros((LEVELS + 1, 4), np.uint8)
    colours[:LEVELS] = (_shades(palette) * 255).round()
    if palette in (Palette.SIGNED, Palette.WEIGHTS):
        colours[LEVELS // 2] = 255  # exactly white
    colours.flags.writeable = False
    return colours


def _shades(palette: Palette) -> NDArray[np.float64]:
    """Colours from low to high, ``(255, 4)``, each part from 0 to 1."""
    if palette in PRIMARIES:
        shades = np.zeros((LEVELS, 4))
        shades[:, PRIMARIES.index(palette)] = np.linspace(0, 1, LEVELS)
        shades[:, 3] = 1
        return shades
    from matplotlib import colormaps

    found: NDArray[np.float64] = colormaps[_COLOUR_MAPS[palette]].resampled(LEVELS)(np.arange(LEVELS))
    return found


@cache
def _hex_colours(palette: Palette) -> list[str]:
    return ["#" + bytes(colour[:3]).hex() for colour in table(palette)[:LEVELS]]


@dataclass(frozen=True)
class ColourScale:
    """Values from ``low`` to ``high`` on one palette: the picture and its legend come from the same place.

    >>> scale = ColourScale(Palette.GREY, 0, 10)
    >>> scale.picture(np.array([[0.0, 10.0, np.nan]]))[0].tolist()
    [[0, 0, 0, 255], [255, 255, 255, 255], [0, 0, 0, 0]]
    """

    palette: Palette
    low: float
    high: float
    rule: str = ""
    levels: int = LEVELS  #: values that are told apart, where they were rounded to fewer than there are colours

    @classmethod
    def signed(cls, *arrays: np.ndarray) -> ColourScale:
        """Scale for signed results, symmetric about 0, the same for all ``arrays``.

        A few extreme pixels would leave the rest pale, so the last 0.5 % of magnitudes may lie beyond the ends; the
        rule says how many do. Small grids are held whole.

        >>> scale = ColourScale.signed(np.array([-3.0, 1.0]), np.array([2.0, np.nan]))
        >>> scale.high, scale.rule
        (3.0, 'symmetric about 0')
        """
        reach = max((_reach(array) for array in arrays), default=0.0) or 1.0
        total = sum(array.size for array in arrays)
        beyond = sum(int(np.count_nonzero(np.abs(array) > reach)) for array in arrays) / max(total, 1)
        note = f"; {number(100 * beyond, 1)} % of the values lie beyond" if beyond else ""
        return cls(Palette.SIGNED, -reach, reach, "symmetric about 0" + note)

    @classmethod
    def weights(cls, kernel: np.ndarray) -> ColourScale:
        """Scale for the weights of a kernel: symmetric about 0, in colours that no activation has."""
        reach = float(np.abs(kernel).max(initial=0.0)) or 1.0
        return cls(Palette.WEIGHTS, -reach, reach, "symmetric about 0")

    def indices(self, values: np.ndarray) -> NDArray[np.uint8]:
        """Place of each value in the palette, uint8; outside the range the end colour, NaN the last entry."""
        steps = _steps(values, self.low, self.high, LEVELS - 1)
        steps[np.isnan(values)] = LEVELS
        found: NDArray[np.uint8] = steps.astype(np.uint8)
        return found

    def picture(self, values: np.ndarray) -> Picture:
        """Picture ``(rows, cols, 4)`` of values ``(rows, cols)``."""
        return self.colour(self.indices(values))

    def colour(self, indices: NDArray[np.uint8]) -> Picture:
        """Picture ``(rows, cols, 4)`` of places in the palette ``(rows, cols)``."""
        picture: Picture = table(self.palette)[indices]
        return picture

    def colours(self) -> list[str]:
        """The colours of the legend, from low to high, as ``#rrggbb``: as many different ones as there are levels.

        >>> sorted(set(ColourScale(Palette.GREY, 0, 1, levels=2).colours()))
        ['#000000', '#ffffff']
        """
        shades, last = _hex_colours(self.palette), LEVELS - 1
        if self.levels > last:
            return shades
        steps = self.levels - 1
        return [shades[round(round(place * steps / last) * last / steps)] for place in range(LEVELS)]


def _steps(values: np.ndarray, low: float, high: float, top: int) -> NDArray[np.float32]:
    """Values between two limits as 0 … ``top`` + ½, to be cut off; those outside at the ends, NaN stays."""
    if high <= low:  # a flat band: one value, the middle
        return np.full(values.shape, top // 2, np.float32)
    steps: NDArray[np.float32] = np.multiply(values, top / (high - low), dtype=np.float32)
    steps -= top * low / (high - low) - 0.5
    return np.clip(steps, 0, top, out=steps)


_SMALL = 4096
_SAMPLE = 200_000


def _reach(array: np.ndarray) -> float:
    """Magnitude below which nearly all finite values lie, 0 for none; that of a large array from a sample."""
    flat = array.ravel()
    sample = np.abs(flat if flat.size <= _SMALL else flat[:: flat.size // _SAMPLE + 1])
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return 0.0
    return float(finite.max() if flat.size <= _SMALL else np.percentile(finite, 99.5)) or float(finite.max())


class StretchRule(StrEnum):
    """How the two ends of a stretch are found."""

    PERCENTILE = "2–98 %"
    MINMAX = "min–max"
    DEVIATION = "±2 σ"
    MANUAL = "manual"


def limits(found: BandStatistics, rule: StretchRule, manual: tuple[float, float] = (0.0, 1.0)) -> tuple[float, float]:
    """Ends of a stretch from the statistics of a band; (0, 1) for a band without a single value."""
    if rule is StretchRule.MANUAL:
        return manual
    if not found.valid:
        return 0.0, 1.0
    if rule is StretchRule.MINMAX:
        return found.minimum, found.maximum
    if rule is StretchRule.DEVIATION:
        return found.mean - 2 * found.std, found.mean + 2 * found.std
    return found.percentile(2.0), found.percentile(98.0)


def quantise(values: np.ndarray, low: float, high: float, bits: int) -> np.ndarray:
    """Values rounded to the 2^bits levels that an integer of ``bits`` bits can tell apart between two limits.

    >>> quantise(np.array([0.472192841]), 0, 1, 8) * 255
    array([120.], dtype=float32)
    """
    if high <= low:
        return values
    steps = np.float32((2**bits - 1) / (high - low))
    inside = np.clip(values, low, high).astype(np.float32)
    found: np.ndarray = np.rint((inside - np.float32(low)) * steps) / steps + np.float32(low)
    return found


def scaled_255(values: np.ndarray) -> NDArray[np.float32]:
    """Values as 0 to 255, from the smallest to the largest finite one; all 0 where they are equal, NaN stays.

    >>> scaled_255(np.array([-12.0, 3.0, 18.0])).tolist()
    [0.0, 127.5, 255.0]
    """
    low, high = value_range(values)
    steps = np.subtract(values, low, dtype=np.float64)  # the range itself may lie beyond float32
    steps *= 255 / (high - low or 1.0)
    found: NDArray[np.float32] = np.clip(steps, 0, 255, out=steps).astype(np.float32)
    return found


def composite(values: np.ndarray, limits: Sequence[tuple[float, float]]) -> np.ndarray:
    """Picture ``(rows, cols, 4)`` of three bands ``(rows, cols, 3)``, each stretched between its own two limits.

    A pixel with NaN in any of the three bands is nodata.

    >>> composite(np.array([[[0.0, 5.0, 20.0]]]), [(0, 10)] * 3)[0, 0].tolist()
    [0, 128, 255, 255]
    """
    if values.ndim != 3 or values.shape[2] != 3 or len(limits) != 3:
        raise GeometryError(
            f"A colour picture needs three bands and three stretches; received an array of shape "
            f"{values.shape} and {len(limits)} stretches. Choose one band for each of red, green and blue."
        )
    bands = [values[..., channel] for channel in range(3)]
    missing = np.isnan(bands[0]) | np.isnan(bands[1]) | np.isnan(bands[2])
    planes = []
    for band, (low, high) in zip(bands, limits, strict=True):
        steps = _steps(band, low, high, 255)
        steps[missing] = 0
        planes.append(steps.astype(np.uint8))
    picture: np.ndarray = cv2.merge([*planes, np.where(missing, np.uint8(0), np.uint8(255))])
    return picture


def png(picture: np.ndarray) -> bytes:
    """PNG file of a picture ``(rows, cols, 4)``, without loss.

    >>> png(np.zeros((2, 3, 4), np.uint8))[1:4]
    b'PNG'
    """
    if not picture.size:
        raise GeometryError(f"A picture of shape {picture.shape} cannot be written as PNG; it has no pixels.")
    from PIL import Image

    file = BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def percentile_limits(values: np.ndarray, low: float = 2, high: float = 98) -> tuple[float, float]:
    """Values below which ``low`` and ``high`` per cent of the finite values lie; (0, 1) where there is none.

    >>> percentile_limits(np.arange(101.0))
    (2.0, 98.0)
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    first, last = np.percentile(finite, (low, high))
    return float(first), float(last)


def value_range(values: np.ndarray) -> tuple[float, float]:
    """Smallest and largest finite value; NaN twice where there is none.

    >>> value_range(np.array([1.0, np.nan, 3.0]))
    (1.0, 3.0)
    """
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (float("nan"), float("nan"))
