"""The kernel catalogue, and grids of a user's own.

A kernel is a grid of weights, slid over the image as it stands (cross-correlation), so ``[[1, 0, -1]]`` is
positive where the left is brighter than the right. :data:`KERNELS` is in teaching order. Sources: Prewitt
(1970); Roberts (1963); Sobel & Feldman (1968); Scharr (2000); Marr & Hildreth (1980) for the Laplacian of
Gaussian; Horn (1981) for slopes; Weiss (2001) for topographic position; Gonzalez & Woods, *Digital Image
Processing*, for the rest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.grids import (
    Array,
    Normalise,
    combine,
    format_kernel,
    kernel_grid,
    normalise,
    parse_kernel,
    resize_kernel,
)

__all__ = [
    "KERNELS",
    "Kernel",
    "Normalise",
    "combine",
    "find_name",
    "format_kernel",
    "kernel_grid",
    "normalise",
    "parse_kernel",
    "resize_kernel",
]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A named grid of weights, with a title and one line on what it shows.

    ``weights`` is a read-only float32 array ``(rows, cols)``; NumPy and the functions of
    :mod:`cnnviz.convolve` take the kernel itself as well.

    >>> np.asarray(KERNELS["sobel_vertical"])[1]
    array([ 2.,  0., -2.], dtype=float32)
    """

    name: str
    weights: Array
    title: str
    about: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", kernel_grid(self.weights))

    def _key(self) -> tuple[object, ...]:
        return self.name, self.weights.shape, self.weights.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kernel) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NDArray[np.generic]:
        return np.array(self.weights, dtype=dtype, copy=copy)  # type: ignore[call-overload,no-any-return]


def _outer(profile: Iterable[float]) -> NDArray[np.float64]:
    """Separable blur of sum 1 from one profile."""
    line = np.array(list(profile), np.float64)
    line /= line.sum()
    return np.outer(line, line)


def _gabor(side: int, wavelength: float, spread: float) -> NDArray[np.float64]:
    """Cosine wave across, under a bell; the weights sum to 0, their magnitudes to 1."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    bell = np.exp(-(x**2 + y**2) / (2 * spread**2))
    wave = bell * np.cos(2 * np.pi * x / wavelength)
    wave -= bell * wave.sum() / bell.sum()
    return np.asarray(wave / np.abs(wave).sum())


_EDGE = np.array([[1, 0, -1]] * 3)
_EDGE_5 = np.array([[1, 1, 0, -1, -1]] * 5)
_SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
_SCHARR = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]])
_DIAGONAL = np.array([[1, 1, 0], [1, 0, -1], [0, -1, -1]])
_LINE = np.array([[-1, 2, -1]] * 3)
_LINE_DIAGONAL = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]])
_LAPLACIAN_8 = np.array([[1, 1, 1], [1, -8, 1], [1, 1, 1]])
_LOG_5 = [[0, 0, 1, 0, 0], [0, 1, 2, 1, 0], [1, 2, -16, 2, 1], [0, 1, 2, 1, 0], [0, 0, 1, 0, 0]]
_SHARPEN_5 = [
    [-1, -1, -1, -1, -1],
    [-1, 2, 2, 2, -1],
    [-1, 2, 8, 2, -1],
    [-1, 2, 2, 2, -1],
    [-1, -1, -1, -1, -1],
]
_GAUSSIAN_5 = _outer([1, 4, 6, 4, 1])
_POINT_5 = np.pad([[1.0]], 2)

_TABLE: tuple[tuple[str, ArrayLike, str, str], ...] = (
    (
        "identity",
        np.pad([[1]], 1),
        "Identity",
        "Changes nothing: the middle weight hands every pixel through.",
    ),
    (
        "shift",
        [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
        "Shift",
        "Hands on the right neighbour: the picture moves one pixel left.",
    ),
    (
        "vertical_edges",
        _EDGE,
        "Vertical edges",
        "Positive where it is brighter on the left, negative on the right, 0 on flat ground.",
    ),
    (
        "horizontal_edges",
        _EDGE.T,
        "Horizontal edges",
        "Positive where it is brighter above, negative where it is brighter below.",
    ),
    (
        "all_edges",
        (_EDGE + _EDGE.T) / 2,
        "All edges",
        "Half the sum of both: edges that face the lower right or the upper left stand out.",
    ),
    (
        "vertical_edges_5",
        _EDGE_5,
        "Vertical edges, 5 × 5",
        "The same over a wider window: thicker edges, less noise, fine lines lost.",
    ),
    (
        "horizontal_edges_5",
        _EDGE_5.T,
        "Horizontal edges, 5 × 5",
        "The same over a wider window: shorelines and field borders rather than ripples.",
    ),
    (
        "all_edges_5",
        (_EDGE_5 + _EDGE_5.T) / 2,
        "All edges, 5 × 5",
        "Half the sum of both wide kernels: the coarse outlines of the scene.",
    ),
    (
        "sobel_vertical",
        _SOBEL,
        "Sobel–Feldman, vertical",
        "Vertical edges with the middle row counted twice: smoother along the edge.",
    ),
    (
        "sobel_horizontal",
        _SOBEL.T,
        "Sobel–Feldman, horizontal",
        "Horizontal edges with the middle column counted twice.",
    ),
    (
        "prewitt_vertical",
        _EDGE,
        "Prewitt, vertical",
        "All rows count alike: the plain vertical edges by their inventor's name.",
    ),
    (
        "prewitt_horizontal",
        _EDGE.T,
        "Prewitt, horizontal",
        "All columns count alike: the plain horizontal edges by their inventor's name.",
    ),
    (
        "scharr_vertical",
        _SCHARR,
        "Scharr, vertical",
        "Vertical edges with weights chosen so that turning the scene hardly changes their strength.",
    ),
    (
        "scharr_horizontal",
        _SCHARR.T,
        "Scharr, horizontal",
        "Horizontal edges, with the same care for direction.",
    ),
    (
        "roberts_falling",
        [[1, 0], [0, -1]],
        "Roberts, falling diagonal",
        "Difference along ↘ over 2 × 2 pixels: the finest edges, and the noise with them.",
    ),
    (
        "roberts_rising",
        [[0, 1], [-1, 0]],
        "Roberts, rising diagonal",
        "Difference along ↙ over 2 × 2 pixels: the other half of Roberts' cross.",
    ),
    (
        "diagonal_rising",
        _DIAGONAL,
        "Edges along ╱",
        "Positive where the upper left is brighter: borders that run from lower left to upper right.",
    ),
    (
        "diagonal_falling",
        np.fliplr(_DIAGONAL),
        "Edges along ╲",
        "Positive where the upper right is brighter: borders that run from upper left to lower right.",
    ),
    (
        "laplacian_4",
        [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
        "Laplacian, 4 neighbours",
        "Curvature of brightness: every edge becomes a pair of lines, light and dark; slopes vanish.",
    ),
    (
        "laplacian_8",
        _LAPLACIAN_8,
        "Laplacian, 8 neighbours",
        "The same with the diagonals: stronger, and stronger noise.",
    ),
    (
        "log_5",
        _LOG_5,
        "Laplacian of Gaussian, 5 × 5",
        "Smooths before it takes curvature: negative on bright spots, positive on dark ones.",
    ),
    (
        "point",
        -_LAPLACIAN_8,
        "Bright points",
        "Positive where one pixel outshines its neighbours: ships, hot spots, broken pixels.",
    ),
    (
        "line_vertical",
        _LINE,
        "Vertical lines",
        "Positive on bright lines one pixel wide that run up and down: roads, canals.",
    ),
    (
        "line_horizontal",
        _LINE.T,
        "Horizontal lines",
        "Positive on bright lines one pixel wide that run left to right.",
    ),
    (
        "line_falling",
        _LINE_DIAGONAL,
        "Lines along ╲",
        "Positive on thin bright lines from upper left to lower right.",
    ),
    (
        "line_rising",
        np.fliplr(_LINE_DIAGONAL),
        "Lines along ╱",
        "Positive on thin bright lines from lower left to upper right.",
    ),
    (
        "corners",
        [[1, 0, -1], [0, 0, 0], [-1, 0, 1]],
        "Corners",
        "Change across and down at once: field corners light up, straight borders cancel.",
    ),
    (
        "sharpen_3",
        [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
        "Sharpen, 3 × 3",
        "The pixel plus its difference from four neighbours: crisper borders, more grain.",
    ),
    (
        "sharpen_5",
        np.array(_SHARPEN_5) / 8,
        "Sharpen, 5 × 5",
        "A wider and gentler sharpening, with a halo two pixels wide.",
    ),
    (
        "unsharp_5",
        2 * _POINT_5 - _GAUSSIAN_5,
        "Unsharp mask, 5 × 5",
        "Twice the picture less its blur: the darkroom's way to sharpen.",
    ),
    ("box_3", _outer([1] * 3), "Mean, 3 × 3", "Average of 9 pixels: noise shrinks to a third, edges soften."),
    ("box_5", _outer([1] * 5), "Mean, 5 × 5", "Average of 25 pixels: fields become even, roads fade."),
    (
        "box_7",
        _outer([1] * 7),
        "Mean, 7 × 7",
        "Average of 49 pixels: only large shapes stay; points turn into squares.",
    ),
    (
        "gaussian_3",
        _outer([1, 2, 1]),
        "Gaussian, 3 × 3",
        "Near pixels count more: the softest blur, without squares.",
    ),
    (
        "gaussian_5",
        _GAUSSIAN_5,
        "Gaussian, 5 × 5",
        "A bell of two pixels to each side: like a sensor with a wider view of the ground.",
    ),
    (
        "gaussian_7",
        _outer([1, 6, 15, 20, 15, 6, 1]),
        "Gaussian, 7 × 7",
        "A wider bell: what a coarser sensor would see, before it drops pixels.",
    ),
    (
        "motion_horizontal",
        np.full((1, 9), 1 / 9),
        "Motion blur, 1 × 9",
        "Average along the row alone: vertical edges smear, horizontal ones stay.",
    ),
    (
        "motion_diagonal",
        np.eye(7) / 7,
        "Motion blur, diagonal",
        "Average along ╲: the picture as if the camera had moved.",
    ),
    (
        "emboss",
        [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
        "Emboss",
        "Brightness plus its rise towards the lower right: flat pictures look carved.",
    ),
    (
        "slope_east",
        _SOBEL[:, ::-1] / 8,
        "Slope to the east",
        "On an elevation model: metres of rise per pixel towards the right (Horn).",
    ),
    (
        "slope_north",
        _SOBEL.T / 8,
        "Slope to the north",
        "On an elevation model: metres of rise per pixel towards the top (Horn).",
    ),
    (
        "position_3",
        -_LAPLACIAN_8 / 8,
        "Topographic position",
        "Pixel less the mean of its neighbours: ridges and crowns positive, valleys and pits negative.",
    ),
    (
        "gabor_vertical",
        _gabor(11, 6, 2.5),
        "Stripes, vertical",
        "A wave under a bell: answers to stripes about 6 pixels apart, as plough lines, orchards or swell.",
    ),
    (
        "gabor_horizontal",
        _gabor(11, 6, 2.5).T,
        "Stripes, horizontal",
        "The same wave, for stripes that run left to right.",
    ),
)

KERNELS: Mapping[str, Kernel] = MappingProxyType({row[0]: Kernel(*row) for row in _TABLE})  # type: ignore[arg-type]


def find_name(weights: ArrayLike) -> str | None:
    """Catalogue name of a grid, the first in teaching order; None for a grid of one's own.

    >>> find_name([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    'sobel_vertical'
    """
    grid = kernel_grid(weights)
    return next((kernel.name for kernel in KERNELS.values() if np.array_equal(kernel.weights, grid)), None)
