"""Scenes that come as several files: Sentinel-2 products (SAFE, folder or zip), folders and lists of bands."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from cnnviz.errors import ProcessError
from cnnviz.paths import display_name, home_expanded
from cnnviz.reader import reading
from cnnviz.scene import Scene, open_scene
from cnnviz.sensors import SENSORS, NameSource, calibrate, sensor_of
from cnnviz.sources import Imagery, from_scene, join
from cnnviz.weights import Array
from cnnviz.windows import Window

PathLike = str | os.PathLike[str]
AnySource = PathLike | Scene | Imagery | Sequence[PathLike | Scene]

_BAND = re.compile(r"IMG_DATA/.*_(B\d[\dA])(?:_(\d\d)m)?\.jp2$", re.IGNORECASE)
_METADATA = re.compile(r"(?:^|/)MTD_MSIL\w+\.xml$")
_FACT = re.compile(r"<(PROCESSING_BASELINE|\w*QUANTIFICATION_VALUE|\w+_ADD_OFFSET)\b[^>]*>\s*([-\d.]+)\s*</")
_BASELINE = re.compile(r"_N(\d\d)(\d\d)_")
_RASTERS = (".tif", ".tiff", ".jp2")
_ORDER = {band.name: place for place, band in enumerate(SENSORS["sentinel2"].bands)}
_UNPACKED = 16 * 10**9  # bytes of a product; the largest has a tenth of it
_FOLDERS = 1000  # a product has some twenty
_TEXT = 20 * 10**6
_CHUNK = 2**20
_NOT_SCALED = (1.0, 0.0)
_SIDE = 512


def open_imagery(source: AnySource, *, bands: Sequence[str] | None = None, folder: Path | None = None) -> Imagery:
    """What ``source`` holds: a raster file, a Sentinel-2 product, a folder of band files, or a list of them.

    ``bands`` are those that are needed, all by default; a zip is unpacked into ``folder``. Raises CnnvizError.
    """
    imagery = _opened(source, bands, folder)
    return imagery if bands is None else imagery.select(bands)


def _opened(source: AnySource, bands: Sequence[str] | None, folder: Path | None) -> Imagery:
    if isinstance(source, Imagery):
        return source
    if isinstance(source, Scene):
        return from_scene(source)
    if not isinstance(source, str | os.PathLike):
        return _joined(source)
    path = home_expanded(source)
    if path.is_dir():
        path = path.absolute()  # so that . has a name
        return _product(path, bands) or _folder(path)
    if path.suffix.lower() == ".zip" and path.is_file():
        return _unpacked(path, bands, folder)
    return from_scene(open_scene(source))


def _joined(sources: Sequence[PathLike | Scene], name: str = "") -> Imagery:
    if not sources:
        raise ProcessError("received an empty list of files: give at least one")
    scenes = [each if isinstance(each, Scene) else _band_file(home_expanded(each)) for each in sources]
    return join(scenes, name or " + ".join(scene.name for scene in scenes[:3]) + " …" * (len(scenes) > 3))


def _band_file(path: Path) -> Scene:
    """A file; its name is that of its band where it has one band that it does not name."""
    scene = open_scene(path)
    unnamed = scene.shape[2] == 1 and scene.naming.source is NameSource.GUESS
    return scene.with_band_names([path.stem]) if unnamed else scene


def _folder(path: Path) -> Imagery:
    files = sorted(each for each in path.iterdir() if each.suffix.lower() in _RASTERS)
    if not files:
        kinds = ", ".join(_RASTERS)
        raise ProcessError(
            f"{path.name or path} holds no Sentinel-2 product and no files that end with {kinds}: check the path"
        )
    return _joined(files, path.name)


def _product(root: Path, bands: Sequence[str] | None) -> Imagery | None:
    """A Sentinel-2 product below a folder; None where there is none."""
    files = _parts_of_products(root)
    chosen = finest(files, name=root.name)
    if not chosen:
        return None
    wanted = _wanted(chosen, bands)
    scenes = [open_scene(files[name]) for name in wanted.values()]
    texts = [_text(files[name]) for name in files if _METADATA.search(name)]
    return replace(join(scenes, root.name), tags=facts(root.name, texts), blank=0.0)


def _parts_of_products(root: Path) -> dict[str, Path]:
    """Images and metadata below a folder, by their paths from above it; what may not be looked at is passed over.

    Raises ProcessError where there are more folders than in any product: whoever gives ``~`` does not mean all of it.
    """
    found: dict[str, Path] = {}
    for count, (folder, _, names) in enumerate(os.walk(root)):
        if count == _FOLDERS:
            raise ProcessError(f"{root.name or root} holds more than {_FOLDERS:,} folders: give the one of the product")
        for path in (Path(folder, name) for name in names):
            inside = path.relative_to(root.parent).as_posix()
            if (_BAND.search(inside) or _METADATA.search(inside)) and path.is_file():
                found[inside] = path
    return found


def finest(names: Iterable[str], *, name: str) -> dict[str, str]:
    """The file of each band with its smallest pixels, in the sensor's order; ``names`` are paths in a product.

    Raises ProcessError where a band is there twice.

    >>> list(finest(["a/IMG_DATA/R20m/T_B05_20m.jp2", "a/IMG_DATA/R10m/T_B02_10m.jp2"], name="a"))
    ['B02', 'B05']
    """
    found: dict[str, tuple[int, str]] = {}
    for each in sorted(names):
        if match := _BAND.search(each):
            band, size = match[1].upper(), int(match[2] or 0)
            if band in found and found[band][0] == size:
                raise ProcessError(f"{name} holds {band} more than once: give the folder of one granule")
            if band not in found or size < found[band][0]:
                found[band] = size, each
    return {band: found[band][1] for band in sorted(found, key=lambda band: _ORDER.get(band, len(_ORDER)))}


def _wanted(chosen: Mapping[str, str], bands: Sequence[str] | None) -> dict[str, str]:
    """Only the files that are needed; all, where a needed one is missing, for the message that says so."""
    if bands is None or not set(bands) <= chosen.keys():
        return dict(chosen)
    return {band: name for band, name in chosen.items() if band in bands}


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_TEXT)


def facts(name: str, texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What a product's name and its metadata say about its numbers, as :func:`cnnviz.sensors.calibrate` takes it.

    >>> facts("S2A_MSIL2A_20181229T095411_N0211_R079_T33SVB_20181229T112231.SAFE", [])
    (('PROCESSING_BASELINE', '02.11'),)
    >>> facts("", ['<BOA_ADD_OFFSET band_id="0">-1000</BOA_ADD_OFFSET>'])
    (('BOA_ADD_OFFSET', '-1000'),)
    """
    known = {match[1]: match[2] for text in texts for match in _FACT.finditer(text)}
    baseline = _BASELINE.search(name)
    if baseline:
        known.setdefault("PROCESSING_BASELINE", f"{baseline[1]}.{baseline[2]}")
    return tuple(sorted(known.items()))


def _unpacked(path: Path, bands: Sequence[str] | None, folder: Path | None) -> Imagery:
    """A zipped product: the bands that are needed are written to ``folder`` first."""
    if folder is None:
        raise ProcessError(f"{path.name} is a zip, which only a run unpacks: unpack it first")
    try:
        with zipfile.ZipFile(path) as archive:
            product = _extracted(archive, path.name, bands, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise ProcessError(f"{path.name} cannot be unpacked: {error}; fetch it again, or free some space") from None
    imagery, status = _product(product, bands), path.stat()
    if imagery is None:
        raise ProcessError(f"{path.name} holds no Sentinel-2 product: expected a SAFE folder in the zip")
    # What is unpacked is new every time; the zip it comes from is what must not change.
    key = (str(path.resolve()), status.st_mtime_ns, status.st_size)
    return replace(imagery, name=path.name, key=(key, imagery.band_names))


def _extracted(archive: zipfile.ZipFile, name: str, bands: Sequence[str] | None, folder: Path) -> Path:
    """Folder of a product with nothing but the files that are needed, under names of ours."""
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    files = _wanted(finest(sizes, name=name), bands).values()
    texts = [each for each in sizes if _METADATA.search(each)]
    if sum(sizes[each] for each in (*files, *texts)) > _UNPACKED:
        raise ProcessError(
            f"{name} would unpack to more than {_UNPACKED / 1e9:.0f} GB: expected one product of Sentinel-2"
        )
    safe = next((part for each in files for part in PurePosixPath(each).parts if part.endswith(".SAFE")), name)
    product = folder / (display_name(safe) or "product")
    (product / "IMG_DATA").mkdir(parents=True, exist_ok=True)
    for part, members in (("IMG_DATA", files), ("", texts)):
        for each in members:
            with archive.open(each) as packed, (product / part / display_name(each)).open("wb") as file:
                shutil.copyfileobj(packed, file, _CHUNK)
    return product


def as_reflectance(imagery: Imagery, offset: str = "auto") -> Imagery:
    """The same imagery, its numbers turned into reflectance as they are read; see :func:`cnnviz.sensors.calibrate`.

    Raises ProcessError where no scale is known.
    """
    first = imagery.origins[0]
    scaling = first.scene.facts[first.bands[0]].scale, first.scene.facts[first.bands[0]].offset
    sensor = sensor_of(imagery.band_names)
    if scaling == _NOT_SCALED and (sensor is None or sensor.scale is None):
        raise ProcessError(
            f"{imagery.name} says neither its sensor nor a scale, so its numbers cannot become reflectance: "
            "name its bands, or run over the numbers as they are"
        )
    sample = _sample(imagery) if offset == "auto" else None
    return replace(imagery, calibration=calibrate(offset, tags=imagery.tags, scaling=scaling, sample=sample))


def _sample(imagery: Imagery) -> Array:
    """Pixels ``(rows, cols, bands)`` of the middle, for numbers about which the files say nothing."""
    rows, cols, bands = imagery.shape
    height, width = min(rows, _SIDE), min(cols, _SIDE)
    planes = np.empty((bands, height, width), np.float32)
    with reading(imagery, 1) as reader:
        reader.read(Window((rows - height) // 2, (cols - width) // 2, height, width), planes)
    return np.moveaxis(planes, 0, -1)
