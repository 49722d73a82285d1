"""A raster or picture on disk: what it is, and its pixels, safely.

:func:`open_scene` checks a file (:mod:`cnnviz.paths`, :mod:`cnnviz.formats`) and returns a :class:`Scene`: a
frozen, hashable description that holds no open file, so that threads, caches and sessions can share it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from cnnviz.errors import SceneError
from cnnviz.facts import BandFacts, Storage, band_facts, crs_name, item_bytes, placed, readable_tags, storage
from cnnviz.formats import LIMITS, Limits, check_file
from cnnviz.geotiff import geotiff_bytes, write_geotiff
from cnnviz.ground import lonlat, pixel_metres
from cnnviz.paths import display_name, existing_file, resolve_below, save_upload
from cnnviz.reading import Source, Window, decoded_samples, read_bands
from cnnviz.sensors import BandNames, name_bands
from cnnviz.statistics import BandStatistics, band_statistics

__all__ = [
    "LIMITS",
    "BandFacts",
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
_COLOURS = {"red": "R", "green": "G", "blue": "B"}
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
    sidecars: bool

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
            f"{self.name} has no band {band!r}; expected one of {known}, "
            f"or a number from 0 to {self.shape[2] - 1}"
        )

    def with_band_names(self, names: Sequence[str]) -> "Scene":
        """Return the same scene with names given by the user. Raises SceneError unless one for each band."""
        given = tuple(name.strip() for name in names)
        if len(given) != self.shape[2] or len(set(given)) < len(given) or not all(given):
            raise SceneError(
                f"{', '.join(given)!r} cannot name the {self.shape[2]} bands of {self.name}: "
                "give one name for each, all different"
            )
        edited = type(self.naming.source)("edited")
        return replace(
            self, naming=replace(self.naming, names=given, source=edited, reason="named by the user")
        )

    def read(
        self,
        window: Window | Sequence[int] | None = None,
        bands: Sequence[str | int] | None = None,
        max_size: int | None = None,
    ) -> Patch:
        """Read pixels as float32 in the file's own numbers, NaN where there are none.

        ``window`` is clipped to the scene; ``bands`` are names or 0-based numbers, all by default. With
        ``max_size`` no side comes out longer than that: pixels are averaged (palettes and complex numbers:
        picked), from the file's overviews where it has them. Raises SceneError.
        """
        part = Window(*(window or (0, 0, *self.shape[:2]))).clipped(self.shape)
        chosen = [self.band_index(band) for band in (range(self.shape[2]) if bands is None else bands)]
        size = part.fitted(max_size)
        self._check_cost(part, size, chosen)
        numbers = [self.facts[index].number for index in chosen]
        source = Source(self.path, self.storage.format, self.name, self.sidecars)
        array = read_bands(source, numbers, part, size)
        shrink = Affine.scale(part.cols / size[1], part.rows / size[0])
        transform = self.transform @ Affine.translation(part.col, part.row) @ shrink
        return Patch(array, transform, self.crs, tuple(self.band_names[index] for index in chosen))

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
        if self.decoded(window, size, len(bands)) > self.limits.decode:
            raise SceneError(
                f"{self.name} has no overview small enough for a picture of {window.rows:,} × "
                f"{window.cols:,} pixels at once: choose a smaller window, or add overviews (gdaladdo)"
            )

    def decoded(self, window: Window, size: tuple[int, int], bands: int) -> int:
        """Return about how many samples a read of ``window`` at ``size`` (rows, cols) decodes."""
        together = self.shape[2] if self.storage.interleave == "pixel" else bands
        return decoded_samples(window, size, self.storage.overviews, together)

    def has_fast_overview(self, max_size: int = _SAMPLE) -> bool:
        """Tell whether a picture of the whole, at most ``max_size`` a side, comes at once."""
        whole = Window(0, 0, *self.shape[:2])
        return (
            decoded_samples(whole, whole.fitted(max_size), self.storage.overviews, 1) <= (4 * max_size) ** 2
        )

    def pixel(self, row: int, col: int) -> NDArray[np.float32]:
        """Return the spectrum of one pixel, float32 (bands,). Raises SceneError outside the scene."""
        return self.read(Window(row, col, 1, 1)).array[0, 0]

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

    def summary(self) -> str:
        """Return the scene in one line: name, size, numbers, map, pixel size, nodata."""
        rows, cols, bands = self.shape
        parts = [self.name, f"{rows:,} × {cols:,} × {bands}", self.dtype, crs_name(self.crs) or "no CRS"]
        parts.append(_metres(self.pixel_size))
        parts.append("no nodata" if self.nodata is None else f"nodata {self.nodata:g}")
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
    status = file.stat()
    with Source(file, kind, shown, sidecars).opened() as dataset:
        facts = band_facts(dataset)
        crs, transform = placed(dataset)
        return Scene(
            name=shown,
            path=file,
            key=(str(file), status.st_mtime_ns, status.st_size),
            shape=(dataset.height, dataset.width, len(facts)),
            dtype=dataset.dtypes[facts[0].number - 1],
            crs=crs,
            transform=transform,
            nodata=dataset.nodatavals[facts[0].number - 1],
            naming=_named(facts),
            facts=facts,
            storage=storage(dataset, kind, status.st_size),
            tags=readable_tags(dataset.tags()),
            limits=limits,
            sidecars=sidecars,
        )


def _named(facts: Sequence[BandFacts]) -> BandNames:
    """Return names for the bands: the file's descriptions, else its colours, else a guess."""
    descriptions = [fact.description for fact in facts]
    if not any(descriptions):
        descriptions = [_COLOURS.get(fact.colour, "") for fact in facts]
    return name_bands(len(facts), descriptions=descriptions)


def _metres(size: tuple[float, float] | None) -> str:
    """Write a pixel size: one number where both sides agree to a hundredth."""
    if size is None:
        return "pixel size unknown"
    y, x = size
    return f"{x:.3g} m/pixel" if abs(x - y) <= 1e-2 * max(x, y) else f"{x:.3g} × {y:.3g} m/pixel"
