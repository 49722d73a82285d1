"""Everything that can be said of a scene without reading its pixels, as plain values."""

from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from cnnviz.facts import BandFacts, crs_name

if TYPE_CHECKING:
    from cnnviz.scene import Scene


@dataclass(frozen=True)
class Description:
    """A scene in words and figures. Sizes in pixels, places in the units of the CRS, the rest as said."""

    name: str
    summary: str
    format: str
    rows: int
    cols: int
    band_count: int
    band_names: tuple[str, ...]
    names_source: str
    """"file", "guess" or "edited"; ``names_reason`` says it in words."""
    names_reason: str
    bands: tuple[BandFacts, ...]
    """What the file says of each band; its scale and offset are shown here and not applied by reads."""
    dtype: str
    bits: int
    is_complex: bool
    """Complex numbers are read as their magnitude."""
    is_palette: bool
    """The numbers are places in a colour table: they are kept as they are, and never averaged."""
    nodata: float | None
    mask: str
    """What hides pixels: "nodata", "alpha", "mask", or "" for nothing."""
    bytes_on_disk: int
    bytes_in_memory: int
    """All pixels in the file's own type of number."""
    bytes_as_float32: int
    crs: str
    ground_unit: str
    transform: tuple[float, float, float, float, float, float]
    """a, b, c, d, e, f: x = a·col + b·row + c, y = d·col + e·row + f."""
    bounds: tuple[float, float, float, float]
    """Left, bottom, right, top."""
    centre: tuple[float, float] | None
    """Longitude and latitude in degrees."""
    pixel_size: tuple[float, float] | None
    """Metres, (y, x), at the centre."""
    is_placed: bool
    """True where both a CRS and a transform say where the pixels lie."""
    is_rotated: bool
    is_south_up: bool
    control_points: int
    """Ground control points are counted and not used: such a scene has no place until it is warped."""
    block: tuple[int, int]
    interleave: str
    compression: str
    overviews: tuple[tuple[int, int, int], ...]
    """Decimation, rows and columns of each smaller copy."""
    tags: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain JSON types: lists, None, and "nan" or "inf" for what JSON has no number."""
        plain = _plain(asdict(self))
        return {**plain, "tags": dict(self.tags)}


def describe(scene: "Scene") -> Description:
    """Put together what is known of ``scene``."""
    rows, cols, count = scene.shape
    store, matrix = scene.storage, scene.transform
    return Description(
        name=scene.name,
        summary=scene.summary(),
        format=store.format.label,
        rows=rows,
        cols=cols,
        band_count=count,
        band_names=scene.band_names,
        names_source=str(scene.naming.source),
        names_reason=scene.naming.reason,
        bands=scene.facts,
        dtype=scene.dtype,
        bits=store.bits,
        is_complex=scene.dtype.startswith("complex"),
        is_palette=store.palette,
        nodata=scene.nodata,
        mask=store.mask,
        bytes_on_disk=store.bytes_on_disk,
        bytes_in_memory=scene.bytes_in_memory,
        bytes_as_float32=rows * cols * count * 4,
        crs=crs_name(scene.crs),
        ground_unit=scene.ground_unit,
        transform=(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f),
        bounds=scene.bounds,
        centre=scene.lonlat(rows / 2 - 0.5, cols / 2 - 0.5),
        pixel_size=scene.pixel_size,
        is_placed=scene.pixel_size is not None,
        is_rotated=scene.is_rotated,
        is_south_up=matrix.e > 0 and scene.pixel_size is not None,
        control_points=store.control_points,
        block=store.block,
        interleave=store.interleave,
        compression=store.compression,
        overviews=tuple((factor, ceil(rows / factor), ceil(cols / factor)) for factor in store.overviews),
        tags=scene.tags,
    )


def _plain(value: Any) -> Any:
    """Return ``value`` in JSON's types.

    >>> _plain({"a": (1, float("nan"))})
    {'a': [1, 'nan']}
    """
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not abs(value) < float("inf") else value
