"""A synthetic Sentinel-2 scene: an endless coast of Europe in July that nobody has to download.

Every pixel is a function of the seed and its place. The world is computed in tiles of a fixed grid, so that a window
gives the same numbers whatever its size. The chain is that of a real product, simplified: linear mixing of spectra,
relief shading, point spread, sampling at 10, 20 or 60 m, atmosphere, clouds with shadows, noise, and digital numbers
with the offset of processing baseline 04.00. Numbers are top-of-atmosphere reflectance, as in Level-1C. It was made by
a program and never seen by a satellite.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cnnviz.synthetic_cover import cover
from cnnviz.synthetic_land import Bytes, Land, slope, terrain
from cnnviz.synthetic_materials import SPECTRA, LandCover
from cnnviz.synthetic_noise import Floats, Frame, fractal, ramp, smooth

DEFAULT_SEED = 45184
"""Its first 512 × 512 pixels hold all there is: sea, beach, river, wood, fields, town, highway and clouds."""

TILE = 768
"""Side of the world's tiles in pixels: a multiple of a 60 m pixel (6) and of a file's block (256)."""
_HALO = 24

SCALE, OFFSET = 10000, -1000
GSD = (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20)  # metres, B01 … B12 in natural order

# per band: path reflectance, transmission there and back, share of light in a cloud's shadow, brightness of a cloud
_PATH = (0.098, 0.068, 0.036, 0.019, 0.015, 0.012, 0.010, 0.008, 0.007, 0.003, 0.0012, 0.002, 0.001)
_CLEAR = (0.80, 0.84, 0.87, 0.91, 0.90, 0.91, 0.93, 0.92, 0.95, 0.36, 0.004, 0.95, 0.95)
_DIFFUSE = (0.42, 0.36, 0.28, 0.21, 0.19, 0.17, 0.15, 0.13, 0.12, 0.11, 0.10, 0.06, 0.05)
_CLOUD = (0.66, 0.65, 0.64, 0.66, 0.67, 0.68, 0.69, 0.70, 0.70, 0.40, 0.012, 0.54, 0.40)
_CIRRUS = (0.008, 0.008, 0.008, 0.008, 0.008, 0.008, 0.008, 0.008, 0.008, 0.007, 0.012, 0.006, 0.004)
_NOISE = (4, 9, 8, 8, 7, 7, 7, 10, 7, 4, 2, 6, 7)  # standard deviation in digital numbers
_SHIFT = (1, 0, 0, 1, 1, 1, 1, 0, 2, 2, 2, 1, 2)  # rows by which a cloud moves between the bands' looks at it

_BLUR = {1: 0.5, 2: 0.85, 6: 2.2}  # standard deviation in 10 m pixels, for pixels of 1, 2 and 6 of them

_OPAQUE = 0.45  # opacity from which a pixel is labelled cloud
_CLOUDS = 390  # salt of the weather: some fair-weather clouds over the default seed's first tile
_SUN = (0.62, 0.36)  # tangent of the zenith angle towards the south and towards the east
_SHADOW = (-52, -30)  # rows, columns from a cloud to its shadow: about 700 m of height


class Sky(NamedTuple):
    """What is above, (rows, cols): opacity of cumulus for every shift, shadow on the ground, veil of cirrus."""

    cloud: tuple[Floats, ...]
    shadow: Floats
    veil: Floats


def _opacity(frame: Frame) -> Floats:
    field = fractal(frame, _CLOUDS, (280, 110, 50, 24, 11, 5), gain=0.58)
    return ramp(field, 1.15, 1.9)


def _sky(frame: Frame) -> Sky:
    most = max(_SHIFT)
    tall = frame._replace(row=frame.row - most, rows=frame.rows + most)
    field = _opacity(tall)
    cloud = tuple(field[most - k : most - k + frame.rows] for k in range(most + 1))
    shadow = cv2.GaussianBlur(_opacity(frame.moved(-_SHADOW[0], -_SHADOW[1])), (0, 0), 1.4)
    veil = ramp(smooth(frame, 210, (420, 110)) + np.float32(0.4) * smooth(frame, 211, (160, 30)), 0.2, 2.4)
    return Sky(cloud, shadow.astype(np.float32), veil)


def _shade(height: Floats) -> Floats:
    """Cosine of the sun's incidence over that on flat ground, for heights in metres at 10 m."""
    south, east = (part / np.float32(10) for part in slope(height))
    facing = 1 - np.float32(_SUN[0]) * south - np.float32(_SUN[1]) * east
    lit: Floats = np.clip(facing / np.sqrt(1 + south**2 + east**2), 0.35, 1.6)
    return lit


def _surface(land: Land, light: Floats, band: int) -> Floats:
    under = cv2.LUT(land.under, _table(band))
    over = cv2.LUT(land.over, _table(band))
    return (under + (over - under) * land.cover) * light


def _table(band: int) -> Floats:
    table = np.zeros((1, 256), np.float32)
    table[0, : len(SPECTRA)] = SPECTRA[:, band]
    return table


def _seen(surface: Floats, sky: Sky, band: int) -> Floats:
    """Add what the air does: shadow, haze, cirrus and clouds."""
    lit = 1 - np.float32(1 - _DIFFUSE[band]) * sky.shadow
    seen = surface * lit * np.float32(_CLEAR[band]) + np.float32(_PATH[band])
    seen += sky.veil * np.float32(_CIRRUS[band])
    cloud = sky.cloud[_SHIFT[band]]
    bright = np.float32(_CLOUD[band]) * (np.float32(0.62) + np.float32(0.38) * cloud)
    return seen + cloud * (bright - seen)


def _sampled(seen: Floats, band: int) -> Floats:
    """Blur by the instrument's point spread and average to the band's own pixels."""
    size = GSD[band] // 10
    soft = cv2.GaussianBlur(seen, (0, 0), _BLUR[size])[_HALO:-_HALO, _HALO:-_HALO]
    own = soft if size == 1 else cv2.resize(soft, (TILE // size, TILE // size), interpolation=cv2.INTER_AREA)
    return np.asarray(own, np.float32)


def _tile(seed: int, row: int, col: int) -> tuple[NDArray[np.uint16], Bytes]:
    """Compute tile (row, col) of the world's grid: digital numbers (13, TILE, TILE) and labels (TILE, TILE)."""
    core = Frame(seed, row * TILE, col * TILE, TILE, TILE)
    frame = core.grown(_HALO)
    ground = terrain(frame)
    land, sky = cover(frame, ground), _sky(frame)
    light = land.tone * _shade(ground.height)
    random = np.random.Generator(np.random.SFC64([seed, row, col]))
    outside = ~_swath(core)
    numbers = np.empty((len(GSD), TILE, TILE), np.uint16)
    for band in range(len(GSD)):
        seen = _seen(_surface(land, light, band), sky, band)
        numbers[band] = _digital(_sampled(seen, band), band, random)
        numbers[band][outside] = 0
    labels = land.labels()
    labels[sky.cloud[0] > _OPAQUE] = LandCover.CLOUD
    labels = labels[_HALO:-_HALO, _HALO:-_HALO].copy()
    labels[outside] = 0
    return numbers, labels


def _digital(plane: Floats, band: int, random: np.random.Generator) -> NDArray[np.uint16]:
    """Digital numbers on the 10 m grid, from reflectance on the band's own; 0 is kept for no data."""
    noise = random.standard_normal(plane.shape, np.float32) * np.float32(_NOISE[band])
    whole = np.rint(plane * np.float32(SCALE) + noise - np.float32(OFFSET))
    times = GSD[band] // 10
    return np.clip(whole, 1, 65535).astype(np.uint16).repeat(times, axis=0).repeat(times, axis=1)


def window(frame: Frame) -> tuple[NDArray[np.uint16], Bytes]:
    """Return a rectangle of the world: digital numbers, uint16 (13, rows, cols), and labels, uint8 (rows, cols).

    Bands are in natural order; reflectance is (DN + OFFSET) / SCALE; 0 is no data in both. Labels are those of
    :data:`~cnnviz.synthetic_materials.LABEL_CLASSES`; what lies in a shadow keeps its class.

    >>> numbers, labels = window(Frame(DEFAULT_SEED, 100, 300, 2, 3))
    >>> numbers.shape, labels.shape
    ((13, 2, 3), (2, 3))
    """
    if frame == Frame(frame.seed, frame.row // TILE * TILE, frame.col // TILE * TILE, TILE, TILE):
        return _tile(frame.seed, frame.row // TILE, frame.col // TILE)
    numbers = np.empty((len(GSD), frame.rows, frame.cols), np.uint16)
    labels = np.empty((frame.rows, frame.cols), np.uint8)
    for row in range(frame.row // TILE, -(-(frame.row + frame.rows) // TILE)):
        for col in range(frame.col // TILE, -(-(frame.col + frame.cols) // TILE)):
            rows, part_rows = _overlap(row, frame.row, frame.rows)
            cols, part_cols = _overlap(col, frame.col, frame.cols)
            tile, tile_labels = _tile(frame.seed, row, col)
            numbers[:, rows, cols] = tile[:, part_rows, part_cols]
            labels[rows, cols] = tile_labels[part_rows, part_cols]
    return numbers, labels


def _overlap(tile: int, start: int, count: int) -> tuple[slice, slice]:
    """Where tile number ``tile`` and the pixels start … start + count meet: in the window, and in the tile."""
    first, last = max(start, tile * TILE), min(start + count, (tile + 1) * TILE)
    return slice(first - start, last - start), slice(first - tile * TILE, last - tile * TILE)


def _swath(frame: Frame) -> NDArray[np.bool_]:
    """True where the satellite looked: right of a line that runs from north-north-east to south-south-west."""
    rows = np.arange(frame.row, frame.row + frame.rows)[:, None]
    cols = np.arange(frame.col, frame.col + frame.cols)
    return np.asarray(cols + 0.24 * rows >= 70)
