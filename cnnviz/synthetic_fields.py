"""What people made of the land: districts, each with its own grain, divided into parcels of crops or blocks of houses.

Districts are the cells of a jittered grid of sites (Voronoi; Worley, "A Cellular Texture Basis Function", SIGGRAPH
1996). Inside, coordinates ``u`` and ``v`` in pixels run along and across the district's own direction.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnviz.synthetic_land import Bytes, Land
from cnnviz.synthetic_materials import Material
from cnnviz.synthetic_noise import Floats, Frame, Hashes, mix, smooth, unit

_DISTRICT = 230.0  # px between sites
_JITTER = 0.62
M = Material

Places = NDArray[np.intp] | tuple[NDArray[np.intp], ...]
"""Pixels picked from an array: its numbers, or one array of numbers for each axis."""


class Districts(NamedTuple):
    """Of each pixel, (rows, cols): the district's hash, coordinates in it, and distance to its edge, in pixels."""

    hash: Hashes
    u: Floats
    v: Floats
    edge: Floats

    def at(self, spot: Places) -> "Districts":
        """The same of some pixels alone, (n,)."""
        return Districts(self.hash[spot], self.u[spot], self.v[spot], self.edge[spot])


def districts(frame: Frame) -> Districts:
    """Find the district of each pixel of a frame."""
    sites = _sites(frame)
    bend_y = np.float32(9) * smooth(frame, 90, 170)
    bend_x = np.float32(9) * smooth(frame, 91, 170)
    y = np.arange(frame.rows, dtype=np.float32)[:, None] + bend_y
    x = np.arange(frame.cols, dtype=np.float32) + bend_x
    first = np.full(y.shape, np.inf, np.float32)
    second, nearest = first.copy(), np.zeros(y.shape, np.uint8)
    for number, (row, col) in enumerate(sites.place):
        box = _around(row, col, first.shape)
        square = (y[box] - row) ** 2 + (x[box] - col) ** 2
        closer = square < first[box]
        second[box] = np.minimum(second[box], np.maximum(square, first[box]))
        first[box] = np.minimum(first[box], square)
        nearest[box][closer] = number
    along, across = np.cos(sites.angle)[nearest], np.sin(sites.angle)[nearest]
    y, x = y - sites.place[nearest, 0], x - sites.place[nearest, 1]
    edge = (np.sqrt(second) - np.sqrt(first)) * np.float32(0.5)
    return Districts(sites.hash[nearest], x * along + y * across, y * along - x * across, edge)


class _Sites(NamedTuple):
    place: Floats  # (n, 2) row and column in the frame
    angle: Floats
    hash: Hashes


def _sites(frame: Frame) -> _Sites:
    """Every site that may be nearest or second nearest to a pixel of the frame."""
    reach = 2
    rows = np.arange(frame.row // _DISTRICT - reach, (frame.row + frame.rows) // _DISTRICT + reach + 1)
    cols = np.arange(frame.col // _DISTRICT - reach, (frame.col + frame.cols) // _DISTRICT + reach + 1)
    i, j = (grid.ravel().astype(np.int64) for grid in np.meshgrid(rows, cols, indexing="ij"))
    code = mix(i, j, 95, frame.seed)
    row = (i + 0.5 + _JITTER * (unit(code) - 0.5)) * _DISTRICT - frame.row
    col = (j + 0.5 + _JITTER * (unit(code, 16) - 0.5)) * _DISTRICT - frame.col
    margin = 1.9 * _DISTRICT
    near = (row > -margin) & (row < frame.rows + margin) & (col > -margin) & (col < frame.cols + margin)
    code = mix(code[near], 96)
    place = np.stack([row[near], col[near]], axis=1).astype(np.float32)
    return _Sites(place, np.float32(np.pi) * unit(code), code)


def _around(row: float, col: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of an array within reach of a site."""
    reach = 1.75 * _DISTRICT
    return (
        slice(max(0, int(row - reach)), max(0, min(shape[0], int(row + reach)))),
        slice(max(0, int(col - reach)), max(0, min(shape[1], int(col + reach)))),
    )


class Cells(NamedTuple):
    """Parcels or blocks: hash, share 0…1 along and across, and distance to the nearest edge in pixels."""

    hash: Hashes
    along: Floats
    across: Floats
    edge: Floats

    def at(self, spot: Places) -> "Cells":
        """The same of some pixels alone, (n,)."""
        return Cells(self.hash[spot], self.along[spot], self.across[spot], self.edge[spot])


def cells_of(place: Districts, length: Floats | np.float32, width: Floats | np.float32, *, stagger: bool) -> Cells:
    """Divide districts into rows of cells, about ``length`` × ``width`` pixels each."""
    row = np.floor(place.v / width)
    across = place.v / width - row
    line = mix(place.hash, row.astype(np.int32))
    if stagger:
        length = length * (np.float32(0.6) + unit(line))
    start = place.u / length + (unit(line, 16) if stagger else 0)
    number = np.floor(start)
    along = (start - number).astype(np.float32)
    edge = np.minimum(np.minimum(along, 1 - along) * length, np.minimum(across, 1 - across) * width)
    return Cells(mix(line, number.astype(np.int32)), along, across, edge)


def _split(cells: Cells, width: Floats) -> Cells:
    """Divide some cells lengthwise, as heirs do: into one, two or three."""
    parts = np.array([1, 1, 1, 1, 2, 2, 3, 1], np.float32)[cells.hash & np.uint32(7)]
    share = cells.across * parts
    number = np.floor(share)
    across = share - number
    edge = np.minimum(cells.edge, np.minimum(across, 1 - across) * width / parts)
    return Cells(mix(cells.hash, number.astype(np.int32)), cells.along, across, edge)


# what grows: soil below, plant above, share covered, its spread, strength of rows
_CROPS: tuple[tuple[M, M, float, float, float], ...] = (
    (M.BROWN_SOIL, M.WHEAT, 0.95, 0.04, 0.02),
    (M.BROWN_SOIL, M.WHEAT, 0.92, 0.06, 0.02),
    (M.BROWN_SOIL, M.BARLEY, 0.92, 0.07, 0.02),
    (M.BROWN_SOIL, M.STUBBLE, 0.70, 0.22, 0.05),
    (M.BROWN_SOIL, M.STUBBLE, 0.75, 0.20, 0.04),
    (M.BROWN_SOIL, M.MAIZE, 0.86, 0.10, 0.04),
    (M.BROWN_SOIL, M.MAIZE, 0.92, 0.06, 0.03),
    (M.DARK_SOIL, M.BEET, 0.84, 0.12, 0.03),
    (M.BROWN_SOIL, M.SUNFLOWER, 0.84, 0.10, 0.03),
    (M.DARK_SOIL, M.MEADOW, 0.90, 0.08, 0.02),
    (M.STUBBLE, M.MEADOW, 0.76, 0.16, 0.03),
    (M.BROWN_SOIL, M.ORCHARD, 0.70, 0.10, 0.09),
    (M.STUBBLE, M.ORCHARD, 0.68, 0.10, 0.10),
    (M.MEADOW, M.BROWN_SOIL, 0.94, 0.05, 0.02),
    (M.BROWN_SOIL, M.RED_SOIL, 0.45, 0.25, 0.03),
    (M.BROWN_SOIL, M.DARK_SOIL, 0.72, 0.26, 0.03),
)
_SOIL = np.array([crop[0] for crop in _CROPS], np.uint8)
_PLANT = np.array([crop[1] for crop in _CROPS], np.uint8)
_SHARE, _SPREAD, _ROWS = (np.array([crop[k] for crop in _CROPS], np.float32) for k in (2, 3, 4))


def _crop(code: Hashes, district: Hashes) -> Bytes:
    """Choose a crop for each parcel; neighbours of a district like the same few."""
    favourite = (mix(district, code & np.uint32(1), 7) >> np.uint32(9)) & np.uint32(15)
    own = (code >> np.uint32(11)) & np.uint32(15)
    return np.where((code & np.uint32(0x700)) < 0x400, favourite, own).astype(np.uint8)


def farm(land: Land, frame: Frame, place: Districts) -> Hashes:
    """Cover the whole frame with parcels of crops and their edges; return the parcels' hashes, (rows, cols)."""
    scale = np.float32(0.75) + np.float32(0.9) * unit(place.hash, 8)
    width = np.float32(20) * scale
    cells = _split(cells_of(place, np.float32(46) * scale, width, stagger=True), width)
    crop = _crop(cells.hash, place.hash)
    patchy = smooth(frame, 100, 26) * np.float32(0.5) + smooth(frame, 102, 9) * np.float32(0.3)
    lines = np.sin(cells.across * width * (np.float32(1.6) + unit(cells.hash, 5)))
    land.under[:], land.over[:] = _SOIL[crop], _PLANT[crop]
    vigour = unit(cells.hash, 14) * 2 - 1
    land.cover[:] = _SHARE[crop] + _SPREAD[crop] * (patchy + vigour) - _ROWS[crop] * lines
    np.clip(land.cover, 0, 1, out=land.cover)
    land.tone[:] = 1 + np.float32(0.13) * (unit(cells.hash, 3) * 2 - 1) + np.float32(0.035) * patchy
    kind = unit(mix(cells.hash, 3))
    margin = np.clip(np.float32(1.0) - cells.edge, 0, 1)
    land.paint(margin * np.float32(0.55) * (kind > 0.62), M.MEADOW, tone=0.95)
    land.paint(margin * np.float32(0.8) * (kind < 0.12), M.HEDGE, tone=0.85)
    land.paint(np.clip(np.float32(0.9) - cells.edge, 0, 1) * np.float32(0.6) * ((kind > 0.3) & (kind < 0.4)), M.TRACK)
    return cells.hash


def lanes(land: Land, place: Districts) -> None:
    """Draw the country roads that separate districts."""
    land.paint(np.clip(np.float32(1.0) - place.edge, 0, 1) * np.float32(0.85), M.ASPHALT, tone=1.15)
