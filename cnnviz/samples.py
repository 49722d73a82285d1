"""Scenes that need no download: one made by the project's own script, others that ship with libraries it uses.

All of them are files, so that one kind of :class:`~cnnviz.scene.Scene` serves; what is no raster file is written
once to a folder of this process.
"""

from __future__ import annotations

import atexit
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from affine import Affine
from numpy.typing import ArrayLike

from cnnviz.errors import SceneError
from cnnviz.scene import Scene, open_scene, write_geotiff
from cnnviz.synthetic_materials import LABEL_CLASSES, LabelClass

__all__ = ["LABEL_CLASSES", "SAMPLES", "LabelClass", "Sample", "open_labels", "open_sample", "sample_of"]

DATA = Path(__file__).resolve().parent.parent / "data"


@dataclass(frozen=True)
class Sample:
    """A scene that is always there; ``synthetic`` ones were made by a program."""

    name: str
    title: str
    about: str
    synthetic: bool
    find: Callable[[], Path]


def open_sample(name: str) -> Scene:
    """Return the scene of that name in :data:`SAMPLES`.

    Raises SceneError where there is none, or where the library that it ships with is not installed.

    >>> open_sample("bright_dark").shape
    (5, 6, 1)
    """
    if name not in SAMPLES:
        raise SceneError(f"there is no sample {name!r}; expected one of {', '.join(sorted(SAMPLES))}")
    return _opened(name)


def sample_of(scene: Scene) -> Sample | None:
    """The sample that a scene is; None for a file, which has a name with an ending and never a sample's title.

    >>> sample_of(open_sample("bright_dark")).name
    'bright_dark'
    """
    return next((sample for sample in SAMPLES.values() if sample.title == scene.name), None)


@cache
def _opened(name: str) -> Scene:
    sample = SAMPLES[name]
    return open_scene(sample.find(), name=sample.title)


def open_labels() -> Scene:
    """Land cover of the synthetic scene on the same grid: one band with the values of :data:`LABEL_CLASSES`.

    >>> open_labels().shape
    (512, 512, 1)
    """
    return open_scene(DATA / "sentinel2_labels.tif", name="Land cover of the synthetic scene")


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cnnviz-samples-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _package(name: str) -> Path:
    """Folder of an installed package, found without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise SceneError(f"this sample comes with {name}, which is not installed: pip install {name}")
    return Path(found.origin).parent


def _written(name: str, array: ArrayLike, transform: Affine, crs: str | None, band: str, unit: str = "") -> Path:
    path = _folder() / f"{name}.tif"
    write_geotiff(path, array, transform=transform, crs=crs, band_names=(band,), unit=unit)
    return path


def _elevation() -> Path:
    """Heights around the Jacksboro fault, Tennessee, in metres at 3 arc seconds, as they ship with Matplotlib."""
    source = _package("matplotlib") / "mpl-data" / "sample_data" / "jacksboro_fault_dem.npz"
    with np.load(source, allow_pickle=False) as file:
        heights = file["elevation"]
        step_x, step_y = float(file["dx"]), float(file["dy"])
        west, north = float(file["xmin"]), max(float(file["ymin"]), float(file["ymax"]))
    place = Affine(step_x, 0, west, 0, -step_y, north)
    return _written("elevation", heights, place, "EPSG:4326", "elevation", "m")


def _photo(name: str) -> Callable[[], Path]:
    return lambda: _package("sklearn") / "datasets" / "images" / f"{name}.jpg"


def _random_grid() -> Path:
    values = np.random.default_rng(5).integers(0, 10, (5, 5))
    return _written("random_grid", values, Affine.identity(), None, "value")


def _bright_dark() -> Path:
    values = np.zeros((5, 6))
    values[:, :3] = 12
    return _written("bright_dark", values, Affine.identity(), None, "value")


_ALL = (
    Sample(
        "sentinel2",
        "Sentinel-2, synthetic",
        "13 bands of a coast that a program made up: sea, river, wood, fields, town, clouds.",
        True,
        lambda: DATA / "sentinel2.tif",
    ),
    Sample(
        "elevation",
        "Elevation, Jacksboro fault",
        "Real heights in metres, Tennessee; ships with Matplotlib.",
        False,
        _elevation,
    ),
    Sample(
        "china",
        "Photo, temple",
        "A real photograph by danielbuechele (CC BY 2.0); ships with scikit-learn.",
        False,
        _photo("china"),
    ),
    Sample(
        "flower",
        "Photo, flower",
        "A real photograph by vultilion (CC BY 2.0); ships with scikit-learn.",
        False,
        _photo("flower"),
    ),
    Sample("random_grid", "Tiny grid, random 5 × 5", "25 random digits, for sums by hand.", True, _random_grid),
    Sample(
        "bright_dark",
        "Tiny grid, bright left, dark right",
        "5 × 6: one vertical edge, and nothing else for a kernel to find.",
        True,
        _bright_dark,
    ),
)

SAMPLES: Mapping[str, Sample] = MappingProxyType({sample.name: sample for sample in _ALL})
"""Every sample by name, the default first."""
