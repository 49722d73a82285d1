"""Figures of feature maps: range, sparsity, and which maps are dead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnviz.layers import FeatureMap


@dataclass(frozen=True)
class MapFacts:
    """One map's smallest, largest and mean value, its share of zeros, and whether it is the same number everywhere."""

    low: float
    high: float
    mean: float
    zeros: float
    flat: bool

    @property
    def dead(self) -> bool:
        """Whether the map holds nothing but zeros: its filter found nothing in this image."""
        return self.zeros == 1


def facts(found: FeatureMap) -> list[MapFacts]:
    """Figures of each map ``(rows, cols)`` of a layer; NaN does not count.

    >>> from cnnviz.layers import Activation, Network
    >>> facts(Network([Activation("relu")]).run([[-1, 2], [0, -3]])[0])[0]
    MapFacts(low=0.0, high=2.0, mean=0.5, zeros=0.75, flat=False)
    """
    return [_facts(found.array[..., number]) for number in range(found.array.shape[2])]


def _facts(array: np.ndarray) -> MapFacts:
    values = array[np.isfinite(array)]
    if not values.size:
        return MapFacts(np.nan, np.nan, np.nan, 0.0, flat=True)
    low, high = float(values.min()), float(values.max())
    mean = float(values.mean(dtype=np.float64))
    return MapFacts(low, high, mean, float(np.mean(values == 0)), flat=low == high)


def sparsity(found: FeatureMap) -> float:
    """Share of zeros in all maps of a layer."""
    return float(np.mean(found.array == 0))
