"""What a run reads: one raster, or several files whose bands are brought to one grid.

The grid is that of the smallest pixels among the bands that are read. Where a band's own pixels are larger, every
pixel of the grid takes the number of the one that its centre lies in: a 20 m pixel stands four times on a 10 m grid. No
number is made up, and a window of the grid reads the same whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from cnnviz.errors import ProcessError
from cnnviz.facts import item_bytes
from cnnviz.reading import Source
from cnnviz.scene import Scene
from cnnviz.sensors import Calibration
from cnnviz.windows import Window

_ALIGNED = 1e-3  # pixels by which two grids may differ and still be the same
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Origin:
    """Some bands of one scene, by their 0-based places."""

    scene: Scene
    bands: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands."""
        return tuple(self.scene.band_names[band] for band in self.bands)

    @property
    def source(self) -> Source:
        """The file, to be opened."""
        return Source(self.scene.path, self.scene.storage.format, self.scene.name, self.scene.sidecars)


@dataclass(frozen=True)
class Imagery:
    """Bands on one grid; frozen and hashable, no file is open.

    ``blank`` is a number that means "no data" although the files do not say so; ``tags`` are the product's own words;
    with a ``calibration`` numbers become reflectance as they are read.
    """

    name: str
    origins: tuple[Origin, ...]
    key: tuple[Any, ...]
    """Equal keys mean equal pixels."""
    tags: tuple[tuple[str, str], ...] = ()
    blank: float | None = None
    calibration: Calibration | None = None

    @property
    def grid(self) -> Scene:
        """The scene whose pixels are the grid: the first among the finest."""
        return min((each.scene for each in self.origins), key=lambda scene: _pixel(scene.transform))

    @property
    def band_names(self) -> tuple[str, ...]:
        """One name for each band."""
        return tuple(name for each in self.origins for name in each.names)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows and columns of the grid, and bands."""
        return (*self.grid.shape[:2], len(self.band_names))

    @property
    def transform(self) -> Affine:
        """Place of the grid; see :class:`cnnviz.scene.Scene`."""
        placed: Affine = self.grid.transform
        return placed

    @property
    def crs(self) -> CRS | None:
        """Map of the grid."""
        return self.grid.crs

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns that are decoded together."""
        return self.grid.storage.block

    @property
    def block_bytes(self) -> int:
        """Bytes of the largest block, as the files keep it."""
        return max(
            int(np.prod(each.scene.storage.block))
            * item_bytes(each.scene.dtype)
            * (each.scene.shape[2] if each.scene.storage.interleave == "pixel" else 1)
            for each in self.origins
        )

    @property
    def remarks(self) -> dict[str, str]:
        """What was done to the numbers on their way, as tags: how they came to one grid and became reflectance."""
        found = {}
        coarse = [each for each in self.origins if shift(self.grid, each.scene) is not None]
        if coarse:
            names = ", ".join(name for each in coarse for name in each.names)
            pixel = f"{_pixel(self.transform):g} m"
            found["CNNVIZ_GRID"] = f"{names}: larger pixels repeated on the grid of {self.grid.name} ({pixel})"
        if self.calibration:
            scale, offset = self.calibration.scale, self.calibration.offset
            found["CNNVIZ_REFLECTANCE"] = f"(DN {offset:+g}) / {scale:g}: {self.calibration.reason}"
        return found

    def select(self, names: Sequence[str]) -> Imagery:
        """The same with these bands, in this order. Raises ProcessError that says which are missing."""
        missing = [name for name in names if name not in self.band_names]
        if missing:
            raise ProcessError(
                f"{self.name} has no band {', '.join(missing)}; it has {', '.join(sorted(self.band_names))}: "
                "name its bands in the recipe, or take a scene that has them"
            )
        return replace(self, origins=_grouped([self._find(name) for name in names]))

    def _find(self, name: str) -> Origin:
        each = next(each for each in self.origins if name in each.names)
        return Origin(each.scene, (each.bands[each.names.index(name)],))


def from_scene(scene: Scene) -> Imagery:
    """All bands of one scene."""
    return Imagery(scene.name, (Origin(scene, tuple(range(scene.shape[2]))),), (scene.key,), scene.tags)


def join(scenes: Sequence[Scene], name: str) -> Imagery:
    """Bands of several scenes on one grid. Raises ProcessError where their names or places do not fit together."""
    found = Imagery(
        name,
        tuple(Origin(scene, tuple(range(scene.shape[2]))) for scene in scenes),
        tuple(scene.key for scene in scenes),
        scenes[0].tags,
    )
    names = found.band_names
    twins = sorted({each for each in names if names.count(each) > 1})
    if twins:
        raise ProcessError(f"{name} has band {twins[0]} more than once: give each band once, each under its own name")
    for scene in scenes:
        _check_place(found.grid, scene)
    return found


def _grouped(origins: Sequence[Origin]) -> tuple[Origin, ...]:
    """Neighbours out of one scene are read together."""
    groups: list[Origin] = []
    for each in origins:
        if groups and groups[-1].scene == each.scene:
            each = Origin(each.scene, groups.pop().bands + each.bands)
        groups.append(each)
    return tuple(groups)


def _pixel(transform: Affine) -> float:
    return hypot(transform.a, transform.d)


def _check_place(grid: Scene, scene: Scene) -> None:
    if shift(grid, scene) is None:
        return
    if grid.crs != scene.crs or grid.pixel_size is None or grid.is_rotated or scene.is_rotated:
        raise ProcessError(
            f"{scene.name} and {grid.name} do not share a map or a north-up grid, so their bands cannot be brought to "
            "one grid here: warp them to one grid first (gdalwarp)"
        )
    if any((each < 0).all() for each in places(grid, scene, Window(0, 0, *grid.shape[:2]))):
        raise ProcessError(f"{scene.name} lies nowhere on {grid.name}: give bands of one place")


def shift(grid: Scene, scene: Scene) -> Affine | None:
    """Pixels of ``scene`` for (col, row) of the grid; None where both are the same grid."""
    a, b, c, d, e, f = (~scene.transform @ grid.transform)[:6]
    same = np.allclose([a - 1, b, c, d, e - 1, f], 0, atol=_ALIGNED / max(grid.shape[:2]))
    return None if same and scene.shape[:2] == grid.shape[:2] else Affine(a, b, c, d, e, f)


def places(grid: Scene, scene: Scene, window: Window) -> tuple[Places, Places]:
    """Row and column of ``scene`` that the centre of each row and column of ``window`` lies in; −1 is outside."""
    moved = shift(grid, scene) or Affine.identity()
    rows = np.arange(window.row, window.row + window.rows) + 0.5
    cols = np.arange(window.col, window.col + window.cols) + 0.5
    found = []
    for centres, scale, start, size in (
        (rows, moved.e, moved.f, scene.shape[0]),
        (cols, moved.a, moved.c, scene.shape[1]),
    ):
        index = np.floor(np.round(centres * scale + start, 6)).astype(np.intp)
        found.append(np.where((index >= 0) & (index < size), index, -1))
    return found[0], found[1]
