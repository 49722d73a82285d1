"""A raster or picture on disk: what it is, and its pixels, safely.

:func:`open_scene` checks a file (:mod:`cnnviz.paths`, :mod:`cnnviz.formats`) and returns a :class:`Scene`: a
frozen, hashable description that holds no open file, so that threads, caches and sessions can share it.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from cnnviz import text
from cnnviz.description import Description, describe
from cnnviz.errors import SceneError
from cnnviz.facts import (
    BandFacts,
    Overview,
    Storage,
    band_facts,
    crs_name,
    item_bytes,
    placed,
    readable_tags,
    storage,
)
from cnnviz.formats import LIMITS, Format, Limits, check_file
from cnnviz.geotiff import geotiff_bytes, write_geotiff
from cnnviz.ground import lonlat, pixel_metres, unit_name
from cnnviz.paths import display_name, existing_file, resolve_below, save_upload
from cnnviz.reading import FAILURES, Area, Source, read_bands
from cnnviz.salvage import salvage_bands
from cnnviz.sensors import BandNames, edit_names, name_bands
from cnnviz.statistics import BandStatistics, band_statistics
from cnnviz.windows import Window, decoded_samples, finest_overview

__all__ = [
    "LIMITS",
    "BandFacts",
    "Description",
    "Limits",
    "Patch",
    "Scene",
    "Storage",
    "Window",
    "geotiff_bytes",
    "open_scene",
    "resolve_below",
    "save_upload",
    "write_geotiff",
]

_SAMPLE = 1024
_SINGLE_BAND = re.compile(r"_(B\d[\dA])(?:_\d0m)?\.\w+$")  # Sentinel-2: T33SVB_20181229T095411_B04_10m.jp2
_HIDES = {"alpha": "transparent", "mask": "masked"}
_PLACES = 10  # bands that are read together for statistics


@dataclass(frozen=True)
class Patch:
    """A read part of a scene: float32 (rows, cols, bands), NaN where there is no data, and its place."""

    array: NDArray[np.float32]
    transform: Affine
    crs: CRS | None
    band_names: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """A raster file that was checked and can be read.

    ``transform`` maps (col, row) to the coordinates of ``crs``; the identity where the file has no place.
    ``dtype`` is the file's own type of number, ``nodata`` its own mark of missing pixels.
    """

    name: str
    path: Path
    key: tuple[str, int, int]
    """Path, modification time in ns and bytes: equal keys mean equal pixels."""
    shape: tuple[int, int, int]
    dtype: str
    crs: CRS | None
    transform: Affine
    nodata: float | None
    naming: BandNames
    facts: tuple[BandFacts, ...]
    storage: Storage
    tags: tuple[tuple[str, str], ...]
    limits: Limits
    sidecars: bool = False
    overview: Overview | None = None
    """A smaller copy kept elsewhere, made by :mod:`cnnviz.overviews`; reads use it where it serves."""
    damaged: bool = False
    """Where True, what cannot be read is NaN; else it is an error."""

    @property
    def band_names(self) -> tuple[str, ...]:
        """One name for each band, in the file's order; ``naming`` says where they come from."""
        return self.naming.names

    def band_index(self, band: str | int) -> int:
        """Return the 0-based place of a band that is named or already numbered so. Raises SceneError."""
        if isinstance(band, str) and band in self.band_names:
            return self.band_names.index(band)
        if not isinstance(band, str) and 0 <= band < self.shape[2]:
            return int(band)
        known = ", ".join(sorted(self.band_names))
        raise SceneError(
            f"{self.name} has no band {band!r}; expected one of {known}, or a number from 0 to {self.shape[2] - 1}"
        )

    def with_band_names(self, names: Sequence[str]) -> "Scene":
        """Return the same scene with names given by the user. Raises SceneError unless one for each band."""
        return replace(self, naming=edit_names(names, self.shape[2]))

    def read(
        self,
        window: Window | Sequence[int] | None = None,
        bands: Sequence[str | int] | None = None,
        max_size: int | None = None,
    ) -> Patch:
        """Read pixels as float32 in the file's own numbers, NaN where there are none.

        ``window`` is clipped to the scene; ``bands`` are names or 0-based numbers, all by default. With
        ``max_size`` no side comes out longer than that: pixels are averaged (palettes and complex numbers:
        picked), from the file's overviews where it has them. Raises SceneError, and DamagedError for
        pixels that cannot be read unless the scene is known to be ``damaged``.
        """
        part = Window(*(window or (0, 0, *self.shape[:2]))).clipped(self.shape)
        chosen = [self.band_index(band) for band in (range(self.shape[2]) if bands is None else bands)]
        size = part.fitted(max_size)
        self._check_cost(part, size, chosen)
        source, numbers, area = self._finest_source(part, size, chosen)
        array = (salvage_bands if self.damaged else read_bands)(source, numbers, area, size)
        shrink = Affine.scale(part.cols / size[1], part.rows / size[0])
        transform = self.transform @ Affine.translation(part.col, part.row) @ shrink
        return Patch(array, transform, self.crs, tuple(self.band_names[index] for index in chosen))

    def _finest_source(
        self, part: Window, size: tuple[int, int], bands: Sequence[int]
    ) -> tuple[Source, list[int], Area]:
        """Return the file to read (the scene's or its overview's), its band numbers, and the area."""
        row, col, rows, cols = part
        factor = finest_overview(self._overview_factors(), min(rows / size[0], cols / size[1]))
        if self.overview and factor == self.overview.factor:
            source = Source(self.overview.path, Format.GEOTIFF, self.name)
            area = row / factor, col / factor, rows / factor, cols / factor
            return source, [index + 1 for index in bands], area
        source = Source(self.path, self.storage.format, self.name, self.sidecars)
        return source, [self.facts[index].number for index in bands], part

    def _overview_factors(self) -> tuple[int, ...]:
        """Return the decimations that can be read: a copy kept elsewhere may have been cleared away."""
        kept = self.overview and self.overview.path.exists()
        return self.storage.overviews + ((self.overview.factor,) if self.overview and kept else ())

    def _check_cost(self, window: Window, size: tuple[int, int], bands: Sequence[int]) -> None:
        """Refuse a read that would fill the memory or take minutes."""
        if not bands:
            raise SceneError(f"no bands of {self.name} were asked for: choose at least one")
        if size[0] * size[1] * len(bands) * 4 > self.limits.read:
            raise SceneError(
                f"{size[0]:,} × {size[1]:,} pixels × {len(bands)} bands of {self.name} are more than the "
                f"{self.limits.read // 2**20:,} MB that one read may take: choose a smaller window, "
                "fewer bands or a max_size"
            )
        together = self.shape[2] if self.storage.interleave == "pixel" else len(bands)
        if decoded_samples(window, size, self._overview_factors(), together) > self.limits.decode:
            raise SceneError(
                f"{self.name} has no overview small enough for a picture of {window.rows:,} × "
                f"{window.cols:,} pixels at once: choose a smaller window, or add overviews (gdaladdo)"
            )

    def has_fast_overview(self, max_size: int = _SAMPLE) -> bool:
        """Tell whether a picture of the whole, at most ``max_size`` a side, comes at once."""
        whole = Window(0, 0, *self.shape[:2])
        decoded = decoded_samples(whole, whole.fitted(max_size), self._overview_factors(), 1)
        return decoded <= (4 * max_size) ** 2

    def pixel(self, row: int, col: int) -> NDArray[np.float32]:
        """Return the spectrum of one pixel, float32 (bands,). Raises SceneError outside the scene."""
        spectrum: NDArray[np.float32] = self.read(Window(row, col, 1, 1)).array[0, 0]
        return spectrum

    def to_map(self, row: float, col: float) -> tuple[float, float]:
        """Return x and y, in ``crs``, of the centre of a pixel."""
        x, y = self.transform @ (col + 0.5, row + 0.5)
        return float(x), float(y)

    def lonlat(self, row: float, col: float) -> tuple[float, float] | None:
        """Return longitude and latitude in degrees of the centre of a pixel, None without a known place."""
        return lonlat(self.crs, *self.to_map(row, col))

    def index(self, x: float, y: float) -> tuple[int, int]:
        """Return (row, col) of the pixel that covers a place in ``crs``; it may lie outside the scene."""
        col, row = ~self.transform @ (x, y)
        return int(np.floor(row)), int(np.floor(col))

    @cached_property
    def pixel_size(self) -> tuple[float, float] | None:
        """Size (y, x) of the middle pixel in metres, None where the place is unknown."""
        return pixel_metres(self.crs, self.transform, self.shape)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top in ``crs`` of the box around the scene."""
        rows, cols, _ = self.shape
        corners = [self.transform @ place for place in ((0, 0), (cols, 0), (0, rows), (cols, rows))]
        xs, ys = zip(*corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def is_rotated(self) -> bool:
        """True where rows do not run along the x axis of the map."""
        return bool(self.transform.b or self.transform.d)

    @property
    def bytes_in_memory(self) -> int:
        """Bytes of all pixels in the file's own type of number."""
        return int(np.prod(self.shape, dtype=np.int64)) * item_bytes(self.dtype)

    def statistics(self, max_size: int = _SAMPLE) -> tuple[BandStatistics, ...]:
        """Return the statistics of each band, from a read of the whole at most ``max_size`` a side."""
        sampled = max(self.shape[:2]) > max_size
        found: list[BandStatistics] = []
        for first in range(0, self.shape[2], _PLACES):
            patch = self.read(bands=range(first, min(first + _PLACES, self.shape[2])), max_size=max_size)
            planes = np.moveaxis(patch.array, -1, 0)
            found += [
                band_statistics(plane, name, sampled=sampled)
                for plane, name in zip(planes, patch.band_names, strict=True)
            ]
        return tuple(found)

    @property
    def ground_unit(self) -> str:
        """The unit of the map's coordinates: "metre", "degree", …; "" without a CRS."""
        return unit_name(self.crs)

    @property
    def nodata_rule(self) -> str:
        """Which pixels hold no data, as text: "where transparent", "where masked", a number, or "" for none."""
        if self.storage.mask in _HIDES:
            return f"where {_HIDES[self.storage.mask]}"
        return "" if self.nodata is None else f"{self.nodata:g}".replace("nan", "NaN")

    def describe(self) -> Description:
        """Return all that is known without reading pixels."""
        return describe(self)

    def summary(self) -> str:
        """Return the scene in one line: name, size, numbers, map, pixel size, nodata."""
        rows, cols, bands = self.shape
        parts = [self.name, f"{text.size(rows, cols)} × {bands}", self.dtype, crs_name(self.crs) or "no CRS"]
        parts.append(text.ground(self.pixel_size) if self.pixel_size else "pixel size unknown")
        parts.append(f"nodata {self.nodata_rule}" if self.nodata_rule else "no nodata")
        return " · ".join(parts)


def open_scene(
    path: str | os.PathLike[str], *, name: str | None = None, limits: Limits = LIMITS, sidecars: bool = False
) -> Scene:
    """Check a GeoTIFF, JPEG 2000, PNG or JPEG file and return its description.

    ``name`` is what the user calls it, the file's own name by default. With ``sidecars`` overviews and masks
    beside a GeoTIFF (``.ovr``, ``.msk``) count: for files of the operator, never for uploads. Raises
    UnsafeError for what is refused unread, SceneError for what cannot be read.
    """
    file = existing_file(path)
    shown = display_name(name or file.name)
    kind = check_file(file, name=shown, limits=limits)
    source = Source(file, kind, shown, sidecars and _sidecars_are_safe(file, limits))
    try:
        with source.opened() as dataset:
            return _scene(source, dataset, limits)
    except SceneError:
        raise
    except FAILURES:
        raise source.damaged() from None


def _sidecars_are_safe(file: Path, limits: Limits) -> bool:
    """Tell whether overviews and masks beside ``file`` are rasters of ours and lie where they seem to lie."""
    beside = [path for ending in (".ovr", ".msk") if (path := file.with_name(file.name + ending)).exists()]
    try:
        for path in beside:
            check_file(path, name=path.name, limits=limits)
    except SceneError:
        return False
    return not any(path.is_symlink() for path in beside)


def _scene(source: Source, dataset: Any, limits: Limits) -> Scene:
    """Put together what an open ``dataset`` says."""
    status = source.path.stat()
    facts = band_facts(dataset)
    crs, transform = placed(dataset)
    dtype = dataset.dtypes[facts[0].number - 1]
    return Scene(
        name=source.name,
        path=source.path,
        key=(str(source.path), status.st_mtime_ns, status.st_size),
        shape=(dataset.height, dataset.width, len(facts)),
        dtype=dtype,
        crs=crs,
        transform=transform,
        nodata=dataset.nodatavals[facts[0].number - 1],
        naming=_named(facts, dtype=dtype, name=source.name),
        facts=facts,
        storage=storage(dataset, source.format, status.st_size),
        tags=readable_tags(dataset.tags()),
        limits=limits,
        sidecars=source.sidecars,
    )


def _named(facts: Sequence[BandFacts], *, dtype: str, name: str) -> BandNames:
    """Name the bands by the file's descriptions, else its colours, else its name, else by a guess."""
    descriptions = [fact.description for fact in facts]
    colours = [fact.colour for fact in facts]
    single = _SINGLE_BAND.search(name)
    if not any(descriptions) and set(colours) <= {"red", "green", "blue"}:
        descriptions = colours
    elif not any(descriptions) and len(facts) == 1 and single:
        descriptions = [single[1]]
    return name_bands(len(facts), descriptions=descriptions, dtype=dtype)
