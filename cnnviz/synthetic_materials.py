"""What the synthetic ground is made of: materials, their spectra, and the classes they are labelled as.

Reflectances are typical mid-latitude values for July at the centres of Sentinel-2's bands, read by eye from published
library spectra (USGS Spectral Library 7, ECOSTRESS) and from the ranges in textbooks; they are no measurements.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from cnnviz.synthetic_noise import Floats


class LandCover(IntEnum):
    """Classes of the label raster; 0 is "no label" (outside the swath)."""

    WATER = 1
    FOREST = 2
    GREEN_FIELD = 3
    RIPE_FIELD = 4
    BARE_SOIL = 5
    BUILT_UP = 6
    SAND = 7
    CLOUD = 8


class LabelClass(NamedTuple):
    """A class of the label raster: value, title, and colour as red, green, blue in 0…255."""

    value: int
    title: str
    colour: tuple[int, int, int]


LABEL_CLASSES: tuple[LabelClass, ...] = (
    LabelClass(LandCover.WATER, "Water", (38, 101, 176)),
    LabelClass(LandCover.FOREST, "Forest", (17, 87, 52)),
    LabelClass(LandCover.GREEN_FIELD, "Green field", (133, 196, 82)),
    LabelClass(LandCover.RIPE_FIELD, "Ripe field", (232, 201, 92)),
    LabelClass(LandCover.BARE_SOIL, "Bare soil", (146, 96, 62)),
    LabelClass(LandCover.BUILT_UP, "Built-up", (198, 61, 75)),
    LabelClass(LandCover.SAND, "Beach and sand", (247, 232, 186)),
    LabelClass(LandCover.CLOUD, "Cloud", (176, 178, 189)),
)


class Material(IntEnum):
    """Everything that a pixel can be covered with."""

    DEEP_WATER = 0
    SHALLOW_WATER = 1
    RIVER_WATER = 2
    FOAM = 3
    DRY_SAND = 4
    WET_SAND = 5
    GRAVEL = 6
    BROADLEAF = 7
    CONIFER = 8
    FOREST_FLOOR = 9
    HEDGE = 10
    MEADOW = 11
    MAIZE = 12
    BEET = 13
    SUNFLOWER = 14
    ORCHARD = 15
    WHEAT = 16
    BARLEY = 17
    STUBBLE = 18
    BROWN_SOIL = 19
    DARK_SOIL = 20
    RED_SOIL = 21
    ASPHALT = 22
    CONCRETE = 23
    TILE_ROOF = 24
    GREY_ROOF = 25
    WHITE_ROOF = 26
    BLUE_ROOF = 27
    GARDEN = 28
    PARK = 29
    TRACK = 30


# material: label, then reflectance in % at B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12
_WATER, _FOREST, _GREEN, _RIPE, _BARE, _BUILT, _SAND, _ = LandCover
_TABLE: dict[Material, tuple[LandCover, str]] = {
    Material.DEEP_WATER: (_WATER, "3.6 3.1 2.2 1.0 0.8 0.6 0.5 0.5 0.4 0.4 0.3 0.2 0.1"),
    Material.SHALLOW_WATER: (_WATER, "6.2 7.6 8.8 3.9 2.2 1.2 1.0 0.9 0.8 0.7 0.5 0.4 0.2"),
    Material.RIVER_WATER: (_WATER, "4.6 5.8 9.2 7.9 6.3 3.4 2.8 2.4 2.1 1.8 0.8 0.7 0.4"),
    Material.FOAM: (_WATER, "24.0 25.5 26.0 24.5 22.5 21.0 20.0 19.0 18.0 16.0 9.0 7.0 5.0"),
    Material.DRY_SAND: (_SAND, "15.5 19.0 25.5 31.0 33.0 34.5 35.8 37.0 38.3 39.0 42.0 44.0 40.0"),
    Material.WET_SAND: (_SAND, "8.5 10.5 14.5 17.8 19.0 19.8 20.4 21.0 21.6 21.0 18.0 18.5 14.0"),
    Material.GRAVEL: (_SAND, "13.0 15.0 18.0 20.0 21.0 21.8 22.5 23.0 23.6 24.0 25.0 26.5 24.0"),
    Material.BROADLEAF: (_FOREST, "1.8 2.2 5.0 2.5 7.6 25.5 33.5 36.5 38.0 37.0 20.0 16.5 7.0"),
    Material.CONIFER: (_FOREST, "1.8 2.1 4.0 2.2 5.6 15.5 19.8 21.8 22.8 22.0 10.5 9.2 4.0"),
    Material.FOREST_FLOOR: (_FOREST, "1.5 1.8 3.2 2.2 4.0 8.2 10.4 11.8 12.6 12.4 8.0 8.2 4.4"),
    Material.HEDGE: (_GREEN, "2.0 2.4 4.9 2.9 7.4 23.0 29.5 32.0 33.5 32.6 18.5 16.0 7.4"),
    Material.MEADOW: (_GREEN, "3.0 3.6 7.2 5.0 10.8 25.0 30.0 32.8 34.6 34.0 22.0 22.4 12.2"),
    Material.MAIZE: (_GREEN, "2.5 2.8 6.2 3.0 9.2 30.5 39.0 42.5 44.4 43.0 22.5 19.0 8.6"),
    Material.BEET: (_GREEN, "2.8 3.3 8.4 3.6 12.0 37.5 48.0 51.5 53.2 51.0 24.0 20.5 9.2"),
    Material.SUNFLOWER: (_GREEN, "3.2 4.0 9.4 7.2 13.6 30.5 36.5 39.6 41.4 40.4 24.0 23.0 11.8"),
    Material.ORCHARD: (_GREEN, "2.6 3.1 5.8 4.4 8.6 21.0 25.8 28.2 29.8 29.4 21.0 20.8 12.0"),
    Material.WHEAT: (_RIPE, "6.0 7.8 12.4 16.6 19.8 22.8 25.4 28.2 30.4 31.0 32.0 33.6 22.6"),
    Material.BARLEY: (_RIPE, "7.4 9.6 15.0 20.6 23.6 25.6 27.6 30.0 32.0 32.6 35.0 36.8 26.4"),
    Material.STUBBLE: (_RIPE, "5.8 7.3 12.9 16.4 18.4 20.6 22.8 24.8 27.0 27.6 34.0 35.6 27.8"),
    Material.BROWN_SOIL: (_BARE, "4.9 5.8 9.9 13.0 15.2 17.0 18.8 20.6 22.6 23.4 30.0 31.4 27.4"),
    Material.DARK_SOIL: (_BARE, "2.8 3.4 6.2 7.8 9.0 10.2 11.6 13.0 14.6 15.2 19.5 20.6 17.6"),
    Material.RED_SOIL: (_BARE, "3.8 4.6 9.0 14.4 17.2 19.6 21.0 22.6 24.6 25.4 32.0 33.4 28.6"),
    Material.ASPHALT: (_BUILT, "6.6 7.4 8.4 9.2 9.8 10.3 10.8 11.4 11.9 12.1 13.4 13.8 12.8"),
    Material.CONCRETE: (_BUILT, "15.0 17.0 19.6 21.8 22.8 23.4 24.0 24.8 25.4 25.6 27.0 28.0 26.0"),
    Material.TILE_ROOF: (_BUILT, "6.0 7.4 10.8 18.6 21.6 22.8 24.2 25.6 27.0 27.4 33.0 34.4 30.6"),
    Material.GREY_ROOF: (_BUILT, "8.6 9.4 10.6 11.4 12.0 12.6 13.2 13.8 14.4 14.6 16.4 17.0 16.0"),
    Material.WHITE_ROOF: (_BUILT, "36.0 41.0 43.5 45.0 46.0 46.6 47.0 47.4 47.6 47.4 44.0 42.0 37.0"),
    Material.BLUE_ROOF: (_BUILT, "17.0 22.0 19.5 13.0 12.5 14.0 17.0 20.0 22.0 23.0 25.0 26.0 23.0"),
    Material.GARDEN: (_BUILT, "3.6 4.2 7.0 6.2 10.0 20.0 23.6 25.8 27.2 26.8 19.0 19.4 12.2"),
    Material.PARK: (_GREEN, "2.5 2.9 6.0 4.0 9.2 25.5 31.5 34.2 36.0 35.2 20.0 18.8 9.2"),
    Material.TRACK: (_RIPE, "7.4 9.0 12.6 15.8 17.4 18.8 20.2 21.6 23.0 23.6 28.0 29.4 25.0"),
}

SPECTRA: Floats = np.array([_TABLE[m][1].split() for m in Material], np.float32) / np.float32(100)
"""Surface reflectance, (materials, 13 bands in natural order)."""

LABELS = np.array([_TABLE[m][0] for m in Material], np.uint8)
"""Class value of each material."""
