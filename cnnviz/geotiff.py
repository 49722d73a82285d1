"""Float32 images to GeoTIFF, for files and for downloads.

Tiled, deflate with the floating-point predictor, NaN as nodata: what every GIS opens, in the right place.
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from cnnviz import gdal  # noqa: F401
from cnnviz.errors import SceneError
from cnnviz.reading import quiet

_BLOCK = 256


def geotiff_bytes(
    array: ArrayLike,
    *,
    transform: Affine,
    crs: Any,
    band_names: Sequence[str] = (),
    unit: str = "",
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """Return ``array``, (rows, cols) or (rows, cols, bands), as a float32 GeoTIFF with NaN as nodata.

    ``crs`` is anything that rasterio understands, or None; ``unit`` is that of all numbers, such as ``"m"``. Raises
    SceneError where names or CRS do not fit.
    """
    image = np.asarray(array, dtype=np.float32)
    image = image[..., np.newaxis] if image.ndim == 2 else image
    _check(image, band_names)
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "nodata": float("nan"),
        "height": image.shape[0],
        "width": image.shape[1],
        "count": image.shape[2],
        "crs": _known_crs(crs),
        "transform": transform,
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "interleave": "band",
        "compress": "deflate",
        "predictor": 3,
        "bigtiff": "IF_SAFER",
    }
    with MemoryFile() as memory:
        with quiet():
            dataset = memory.open(**profile)
        with dataset:
            dataset.write(np.moveaxis(image, -1, 0))
            dataset.update_tags(**(tags or {}))
            for number, name in enumerate(band_names, 1):
                dataset.set_band_description(number, name)
            if unit:
                dataset.units = (unit,) * image.shape[2]
        return bytes(memory.getbuffer())


def write_geotiff(path: str | os.PathLike[str], array: ArrayLike, **how: Any) -> None:
    """Write ``array``, (rows, cols) or (rows, cols, bands), to a file, with all that :func:`geotiff_bytes` takes.

    The file appears under its name only when it is complete. Raises SceneError where names or CRS do not fit or the
    disk refuses.
    """
    replace_file(Path(path), geotiff_bytes(array, **how))


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` under a temporary name, then rename. Raises SceneError."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        reason = error.strerror or "output error"
        raise SceneError(f"{path.name} could not be written: {reason}; choose another place or free some") from None


def _known_crs(crs: Any) -> CRS | None:
    try:
        return None if crs is None else CRS.from_user_input(crs)
    except CRSError:
        raise SceneError(f"{crs!r} is no known CRS: give an EPSG code such as 'EPSG:32633', or None") from None


def _check(image: np.ndarray[Any, Any], band_names: Sequence[str]) -> None:
    if image.ndim != 3 or not image.size:
        raise SceneError(f"an array of shape {image.shape} is no image: expected (rows, cols) or (rows, cols, bands)")
    if band_names and len(band_names) != image.shape[2]:
        raise SceneError(f"{len(band_names)} band names for {image.shape[2]} bands: give one for each, or none")
