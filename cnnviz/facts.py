"""What a file says about itself, as plain values: one place that knows rasterio's names for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import CRSError
from rasterio.transform import Affine

from cnnviz.formats import Format
from cnnviz.reading import is_palette

_TAG_LENGTH, _TAG_COUNT = 500, 100
# Interleave and compression are one for these formats; asked about a damaged JPEG 2000 file, GDAL 3.10 may not
# come back.
_PACKING = {
    Format.JP2: ("pixel", "jpeg2000"),
    Format.JPEG: ("pixel", "jpeg"),
    Format.PNG: ("pixel", "deflate"),
}


@dataclass(frozen=True)
class BandFacts:
    """What the file says of one band; ``number`` is GDAL's, from 1."""

    number: int
    description: str
    colour: str
    unit: str
    scale: float
    offset: float


@dataclass(frozen=True)
class Storage:
    """How the file keeps its pixels."""

    format: Format
    bits: int
    block: tuple[int, int]
    interleave: str
    compression: str
    """In lower case; "" for none."""
    overviews: tuple[int, ...]
    """Decimations for which the file holds a smaller copy: 2 for half the size, and so on."""
    bytes_on_disk: int
    palette: bool
    mask: str
    """What hides pixels: "nodata", "alpha", "mask", or "" for nothing."""
    control_points: int
    """Ground control points, where they stand in for a transform."""


@dataclass(frozen=True)
class Overview:
    """A decimated copy of a scene in a file of its own: one pixel stands for ``factor`` × ``factor``."""

    path: Path
    factor: int


def band_facts(dataset: Any) -> tuple[BandFacts, ...]:
    """Describe the bands that hold a picture: an alpha band is a mask, unless it is all there is."""
    roles = dataset.colorinterp
    described = zip(
        dataset.indexes,
        (text or "" for text in dataset.descriptions),
        (role.name for role in roles),
        (unit or "" for unit in dataset.units),
        dataset.scales,
        dataset.offsets,
        strict=True,
    )
    facts = [BandFacts(*values) for values in described]
    pictures = [fact for fact, role in zip(facts, roles, strict=True) if role != ColorInterp.alpha]
    return tuple(pictures or facts)


def storage(dataset: Any, kind: Format, size: int) -> Storage:
    """Describe how the file of ``size`` bytes keeps its pixels."""
    bits = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
    interleave, compression = _PACKING.get(kind) or _packing(dataset)
    return Storage(
        format=kind,
        bits=int(bits) if bits else 8 * item_bytes(dataset.dtypes[0]),
        block=dataset.block_shapes[0],
        interleave=interleave,
        compression=compression,
        overviews=tuple(dataset.overviews(1)),
        bytes_on_disk=size,
        palette=is_palette(dataset),
        mask=_mask_kind(dataset),
        control_points=len(dataset.gcps[0]),
    )


def _packing(dataset: Any) -> tuple[str, str]:
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    return structure.get("INTERLEAVE", "band").lower(), structure.get("COMPRESSION", "").lower()


def _mask_kind(dataset: Any) -> str:
    flags = dataset.mask_flag_enums[0]
    if MaskFlags.all_valid in flags:
        return ""
    if MaskFlags.alpha in flags:
        return "alpha"
    return "nodata" if flags == [MaskFlags.nodata] else "mask"


def placed(dataset: Any) -> tuple[CRS | None, Affine]:
    """Return the CRS and the transform; the identity and None where the file has no usable place."""
    transform = dataset.transform
    usable = all(np.isfinite(transform)) and not transform.is_degenerate
    return (dataset.crs or None, transform) if usable else (None, Affine.identity())


def readable_tags(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the file's own tags, sorted, the first hundred, long values cut.

    >>> readable_tags({"b": "2", "a": "x" * 501})[0][1][-3:]
    'xx…'
    """
    cut = ((key, value if len(value) <= _TAG_LENGTH else value[:_TAG_LENGTH] + "…") for key, value in tags.items())
    return tuple(sorted(cut)[:_TAG_COUNT])


def item_bytes(dtype: str) -> int:
    """Return the bytes of one number of rasterio's type ``dtype``.

    >>> item_bytes("uint16"), item_bytes("complex_int16")
    (2, 4)
    """
    return 4 if dtype == "complex_int16" else np.dtype(dtype).itemsize


def crs_name(crs: CRS | None) -> str:
    """Return a short name: "EPSG:32632" where there is one, else the map's own name, "" for None."""
    if crs is None:
        return ""
    try:
        authority = crs.to_authority()
    except CRSError:
        authority = None
    if authority:
        return ":".join(authority)
    wkt = crs.to_wkt()
    return wkt.split('"')[1] if '"' in wkt else "unnamed CRS"
