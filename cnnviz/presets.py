"""Small stacks to start from, made by hand of filters that everybody can follow.

All use no padding, so that no border is invented, and all can become Keras models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnviz.kernels import KERNELS
from cnnviz.layers import Activation, Conv2D, Network, Pool2D

Grid = NDArray[Any]
RELU = Activation("relu")


@dataclass(frozen=True)
class Preset:
    """A network with a title and what to look for. Where ``network.input_bands`` is None, any bands will do."""

    name: str
    title: str
    about: str
    network: Network


def _both_signs(*kernels: Grid) -> Grid:
    """Weights ``(rows, cols, 1, 2 · kernels)``: each kernel and its negative, so that ReLU keeps both halves."""
    return np.stack([sign * kernel for kernel in kernels for sign in (1, -1)], axis=-1)[:, :, None, :]


def _mean(size: int, *filters: list[float]) -> Grid:
    """Weights ``(size, size, bands, filters)``: the mean of each band over a window, times a factor per band."""
    factors = np.array(filters, np.float32).T / size**2
    return np.broadcast_to(factors, (size, size, *factors.shape))


_EDGES = _both_signs(KERNELS["sobel_vertical"].weights / 8, KERNELS["sobel_horizontal"].weights / 8)
_ALL = [
    Preset(
        "edges_of_edges",
        "Edges of edges",
        "Vertical edges, kept where they brighten to one side, made half as large, and searched for edges again: "
        "the second convolution sees a wider part of the scene than the first, with as few weights.",
        Network([Conv2D("vertical_edges"), RELU, Pool2D(2), Conv2D("vertical_edges"), RELU, Pool2D(2)]),
    ),
    Preset(
        "edge_strength",
        "Field boundaries: strength of edges in any direction",
        "Four filters find edges to the left, right, top and bottom; ReLU keeps what each has found and a 1 × 1 "
        "convolution adds them up. Pooling keeps the strongest of its neighbours.",
        Network([Conv2D(_EDGES), RELU, Conv2D(_mean(1, [1, 1, 1, 1])), Pool2D(2)]),
    ),
    Preset(
        "corners",
        "Corners out of two edge detectors",
        "A corner is where vertical and horizontal edges meet: the smaller of the two strengths, A and B. Layers "
        "have no 'and', yet A − ReLU(A − B) is that minimum. Straight edges vanish, the corners of roofs and "
        "fields stay; slanting edges have a part of both, and stay too.",
        Network(
            [
                Conv2D(_EDGES),
                RELU,
                Conv2D(_mean(3, [1, 1, 0, 0], [1, 1, -1, -1])),
                RELU,
                Conv2D(_mean(1, [1, -1])),
                Pool2D(2),
            ]
        ),
    ),
    Preset(
        "texture_energy",
        "Texture: how rough a surface is",
        "What differs from its eight neighbours, up or down, averaged over 7 × 7 pixels: high in cities and "
        "orchards, low on water and meadows.",
        Network([Conv2D(_both_signs(KERNELS["laplacian_8"].weights / 8)), RELU, Conv2D(_mean(7, [1, 1]))]),
    ),
    Preset(
        "smoothing_pyramid",
        "Smoothing pyramid: the scene from further and further away",
        "A Gaussian that moves two pixels at a time, three times over: every level has a quarter of the pixels, "
        "each twice as wide. Compare it with the overviews of a GeoTIFF.",
        Network([Conv2D("gaussian_5", stride=2)] * 3),
    ),
    Preset(
        "shoreline",
        "Shoreline: where water ends",
        "Green minus near infrared is positive on water alone; ReLU sets the land to 0. The strength of the edges "
        "that are left draws rivers, lakes and coasts.",
        Network(
            [
                Conv2D(_mean(1, [1, -1])),
                RELU,
                Conv2D("gaussian_3"),
                Conv2D(_EDGES),
                RELU,
                Conv2D(_mean(1, [1, 1, 1, 1])),
            ],
            bands=["B03", "B08"],
        ),
    ),
]

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
"""Presets by name, in teaching order."""
