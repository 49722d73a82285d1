"""Small rasters and broken files for tests, made on the spot."""

import struct
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling

from cnnviz import gdal  # noqa: F401  (the same drivers as the product)
from cnnviz.reading import quiet

UTM = "EPSG:32633"
PLACE = Affine(10, 0, 300_000, 0, -10, 5_000_000)


def raster(
    path: Path,
    array: np.ndarray,
    *,
    descriptions=(),
    colours=(),
    mask=None,
    overviews=(),
    tags=None,
    **profile,
) -> Path:
    """Write ``array`` (rows, cols) or (rows, cols, bands) to a GeoTIFF at ``path``, in UTM at 10 m by default."""
    image = np.asarray(array)
    image = image[..., np.newaxis] if image.ndim == 2 else image
    rows, cols, bands = image.shape
    profile = {"driver": "GTiff", "crs": UTM, "transform": PLACE, "dtype": str(image.dtype)} | profile
    with quiet(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"):
        with rasterio.open(path, "w", height=rows, width=cols, count=bands, **profile) as dataset:
            if colours:
                dataset.colorinterp = colours
            dataset.write(np.moveaxis(image, -1, 0))
            for number, text in enumerate(descriptions, 1):
                dataset.set_band_description(number, text)
            if mask is not None:
                dataset.write_mask(mask)
            if tags:  # even to set none moves a GeoTIFF's directory behind its pixels
                dataset.update_tags(**tags)
        if overviews:
            with rasterio.open(path, "r+") as dataset:
                dataset.build_overviews(list(overviews), Resampling.average)
    return path


def ramp(rows: int, cols: int, bands: int = 1, dtype="uint16", seed: int = 0) -> np.ndarray:
    """Return (rows, cols, bands) of seeded numbers from 1 to 100, different in every band."""
    return np.random.default_rng(seed).integers(1, 101, (rows, cols, bands)).astype(dtype)


def damage(path: Path, *blocks: tuple[int, int], band: int = 1) -> Path:
    """Overwrite the compressed bytes of blocks (block row, block column) with nonsense; the header stays sound."""
    with rasterio.open(path) as dataset:
        places = [
            [int(dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=band)) for what in ("OFFSET", "SIZE")]
            for row, col in blocks
        ]
    with path.open("r+b") as file:
        for start, size in places:
            file.seek(start)
            file.write(b"\xff" * size)
    return path


def tiff(*directories: dict[int, int], big: bool = False, data: bytes = b"") -> bytes:
    """Return a TIFF that declares what its ``directories`` {tag: value} say, and holds next to nothing."""
    entry, word, count = ("<HHQQ", "<Q", "<Q") if big else ("<HHII", "<I", "<H")
    start = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    out = start
    for index, tags in enumerate(directories):
        body = struct.pack(count, len(tags))
        body += b"".join(struct.pack(entry, tag, 4, 1, value) for tag, value in sorted(tags.items()))
        following = len(out) + len(body) + struct.calcsize(word)
        out += body + struct.pack(word, following if index + 1 < len(directories) else 0)
    return out + data


def declared(rows: int, cols: int, *, bands: int = 1, tile: int = 256, bits: int = 8, **more: int) -> dict[int, int]:
    """Return the tags of a tiled TIFF of that size, all of whose tiles are missing."""
    tags = {256: cols, 257: rows, 258: bits, 259: 8, 262: 1, 277: bands, 284: 1, 322: tile, 323: tile, 324: 0, 325: 0}
    return tags | {int(key.removeprefix("tag")): value for key, value in more.items()}
