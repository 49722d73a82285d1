"""What the numbers of a band are like: range, mean, spread, percentiles, histogram.

Pure arrays; NaN counts as no data. :meth:`cnnviz.scene.Scene.statistics` feeds it a decimated read.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

PERCENTILES = (1.0, 2.0, 5.0, 25.0, 50.0, 75.0, 95.0, 98.0, 99.0)
BINS = 256
_WHOLE = 2.0**24  # beyond it, float32 does not hold every whole number


@dataclass(frozen=True)
class BandStatistics:
    """One band in figures, in the file's own numbers; all NaN and no counts where nothing is valid."""

    name: str
    count: int
    """Pixels looked at."""
    valid: int
    """Pixels that hold a number."""
    sampled: bool
    """True where a decimated picture stands for the whole."""
    minimum: float
    maximum: float
    mean: float
    std: float
    percentiles: tuple[float, ...]
    """At each of ``PERCENTILES``."""
    counts: tuple[int, ...]
    edges: tuple[float, ...]
    """Edges of the histogram's bins, one more than there are counts."""

    def percentile(self, percent: float) -> float:
        """Return one of the percentiles in ``PERCENTILES``."""
        return self.percentiles[PERCENTILES.index(percent)]


def band_statistics(values: ArrayLike, name: str, *, sampled: bool = False, bins: int = BINS) -> BandStatistics:
    """Return the statistics of one band, of any shape.

    The standard deviation is that of the population. The histogram spans minimum to maximum; whole numbers
    within fewer than ``bins`` of each other get one bin each, centred on them.

    >>> seen = band_statistics([[1, 2], [3, float("nan")]], "red")
    >>> seen.valid, seen.count, seen.minimum, seen.mean, seen.counts
    (3, 4, 1.0, 2.0, (1, 1, 1))
    """
    array = np.asarray(values, dtype=np.float32)
    good = array[np.isfinite(array)]
    if not good.size:
        none = float("nan")
        blank = (none,) * len(PERCENTILES)
        return BandStatistics(name, array.size, 0, sampled, none, none, none, none, blank, (), ())
    counts, edges = np.histogram(good, bins=histogram_edges(good, bins))
    return BandStatistics(
        name=name,
        count=array.size,
        valid=good.size,
        sampled=sampled,
        minimum=float(good.min()),
        maximum=float(good.max()),
        mean=float(good.mean(dtype=np.float64)),
        std=float(good.std(dtype=np.float64)),
        percentiles=tuple(np.percentile(good, PERCENTILES).tolist()),
        counts=tuple(counts.tolist()),
        edges=tuple(edges.tolist()),
    )


def histogram_edges(good: NDArray[np.float32], bins: int) -> NDArray[np.float64]:
    """Return ascending edges for finite numbers: ``bins`` + 1 of them, or one bin per whole number."""
    low, high = float(good.min()), float(good.max())
    if high - low < bins and max(-low, high) < _WHOLE and bool((good == np.rint(good)).all()):
        return np.arange(np.rint(low), np.rint(high) + 2) - 0.5
    return np.linspace(low, high, bins + 1)
