"""Land cover: a classifier of chips over a whole scene, by windows, as a map of classes and one of confidence.

The network slides over the scene as any other (:mod:`cnnviz.process`), with its memory budget and its resume; what
it says of every class goes to a file on disk, and is turned into classes window by window. Nothing as large as the
scene is ever held in memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.windows
from numpy.typing import NDArray
from rasterio.enums import Resampling

from cnnviz.apart import Progress
from cnnviz.blocks import Activation, Conv2D, Function
from cnnviz.budget import TILE
from cnnviz.cog import decimations
from cnnviz.errors import ProcessError
from cnnviz.layers import Network
from cnnviz.process import Options, free_target, planned
from cnnviz.products import AnySource
from cnnviz.reading import FAILURES, quiet
from cnnviz.scratch import full_disk

NODATA = 255
_FIRST_SHARE = 0.95

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class LandCover:
    """A finished map: its file, that of the confidence, and how many pixels each class has."""

    target: Path
    confidence: Path
    counts: tuple[int, ...]
    shape: tuple[int, int]


@dataclass(frozen=True)
class Legend:
    """Names of the classes, in the order of the network's maps, and their colours."""

    names: tuple[str, ...]
    colours: tuple[Colour, ...] = ()


def scaled(network: Network, factor: float) -> Network:
    """The network for images whose numbers must be multiplied by ``factor`` first, as its training chips were.

    >>> scaled(Network([Activation("relu")]), 1e-4).apply([[5000]]).item()
    0.5
    """
    if factor == 1:
        return network
    return Network([Conv2D([[factor]]), *network.layers], bands=network.bands, name=network.name)


def land_cover(
    network: Network,
    source: AnySource,
    target: str | os.PathLike[str],
    *,
    legend: Legend,
    options: Options | None = None,
    on_progress: Progress | None = None,
) -> LandCover:
    """Classify ``source`` with a network that has one map per class, and write the classes to ``target``.

    ``target`` is a GeoTIFF of bytes: 0 for the first class of ``legend``, 255 for no data, with a colour table where
    there are colours. The largest share of each pixel, 0…1, goes to a file of float32 beside it,
    ``…_confidence.tif``. A network that does not end in a softmax gets one. Raises CnnvizError; nothing half-written
    stands under either name.
    """
    how, place = options or Options(), Path(target)
    free_target(place, overwrite=how.overwrite)
    tell = on_progress or (lambda share: None)
    shares = place.with_name(f".{place.stem}.shares.tif")
    sure = place.with_name(f"{place.stem}_confidence.tif")
    with planned(_with_shares(network), source, shares, replace(how, overwrite=True)) as run:
        _check_classes(run.job.shape[2], legend)
        run.execute(lambda share: tell(share * _FIRST_SHARE))
    try:
        counts, shape = _classified(
            shares, (place, sure), legend, lambda s: tell(_FIRST_SHARE + (1 - _FIRST_SHARE) * s)
        )
    finally:
        shares.unlink(missing_ok=True)
    return LandCover(place, sure, tuple(counts.tolist()), shape)


def _with_shares(network: Network) -> Network:
    last = network.layers[-1]
    if isinstance(last, Activation) and last.name is Function.SOFTMAX:
        return network
    return Network([*network.layers, Activation("softmax")], bands=network.bands, name=network.name)


def _check_classes(maps: int, legend: Legend) -> None:
    if maps != len(legend.names) or not 2 <= maps < NODATA:
        raise ProcessError(
            f"the network has {maps} maps for {len(legend.names)} classes: one map for each class is expected, 2 to "
            f"{NODATA - 1} in all"
        )
    if legend.colours and len(legend.colours) != maps:
        raise ProcessError(f"received {len(legend.colours)} colours for {maps} classes: give one for each, or none")


def _classified(
    shares: Path, places: tuple[Path, Path], legend: Legend, tell: Callable[[float], None]
) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """Write classes and confidence, a block at a time; give the classes' counts and the map's shape."""
    counts = np.zeros(len(legend.names), np.int64)
    parts = [place.with_name(f".{place.name}.part") for place in places]
    try:
        with quiet(), rasterio.open(shares, driver="GTiff") as given:
            with _map(parts[0], given, "uint8", NODATA) as classes, _map(parts[1], given, "float32", np.nan) as sure:
                _describe(classes, sure, legend)
                blocks = list(given.block_windows(1))
                for number, (_, window) in enumerate(blocks, 1):
                    best, share = _best(given.read(window=window))
                    classes.write(best, 1, window=window)
                    sure.write(share, 1, window=window)
                    counts += np.bincount(best[best != NODATA], minlength=len(counts))
                    tell(number / len(blocks))
            shape = given.shape
        _overviews(parts[0], Resampling.mode)
        _overviews(parts[1], Resampling.average)
        for part, place in zip(parts, places, strict=True):
            part.replace(place)
    except FAILURES as error:
        raise full_disk(places[0], error) from None
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return counts, shape


def _best(shares: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Class and confidence ``(rows, cols)`` from shares ``(classes, rows, cols)``."""
    there = np.isfinite(shares).all(axis=0)
    filled = np.where(there, shares, np.float32(0))
    best = np.where(there, filled.argmax(axis=0), NODATA).astype(np.uint8)
    return best, np.where(there, filled.max(axis=0), np.float32(np.nan)).astype(np.float32)


@contextmanager
def _map(place: Path, like: Any, dtype: str, nodata: float) -> Iterator[Any]:
    """A tiled file on the grid of ``like``, to be written by blocks."""
    profile = {
        "driver": "GTiff",
        "count": 1,
        "dtype": dtype,
        "nodata": nodata,
        "crs": like.crs,
        "transform": like.transform,
    }
    size = {"height": like.height, "width": like.width, "tiled": True, "blockxsize": TILE, "blockysize": TILE}
    with rasterio.open(place, "w", **profile, **size) as dataset:
        yield dataset


def _describe(classes: Any, sure: Any, legend: Legend) -> None:
    classes.set_band_description(1, "land cover")
    sure.set_band_description(1, "confidence")
    names = {str(number): name for number, name in enumerate(legend.names)}
    classes.update_tags(CNNVIZ_CLASSES=json.dumps(names, ensure_ascii=False))
    if legend.colours:
        classes.write_colormap(1, {number: (*colour, 255) for number, colour in enumerate(legend.colours)})


def _overviews(part: Path, how: Resampling) -> None:
    with quiet(), rasterio.open(part, "r+", driver="GTiff") as dataset:
        factors = list(decimations(dataset.shape))
        if factors:
            dataset.build_overviews(factors, how)


def agreement(
    cover: str | os.PathLike[str], labels: str | os.PathLike[str], values: Mapping[int, int]
) -> NDArray[np.int64]:
    """Confusion ``(classes, classes)``, true classes down, of a class map and a raster of labels, window by window.

    ``values`` gives the class of each number in the labels; other numbers, and no data, do not count. A pixel of the
    map is compared with the label that its centre lies in. Raises ProcessError where the two do not lie on one map.
    """
    try:
        with quiet(), rasterio.open(cover, driver="GTiff") as given, rasterio.open(labels, driver="GTiff") as truth:
            if given.crs != truth.crs:
                raise ProcessError("the map and the labels have different coordinate systems: bring them to one first")
            classes = max(values.values(), default=0) + 1
            table = np.full(256, NODATA, np.uint8)
            table[list(values)] = list(values.values())
            found = np.zeros((NODATA + 1, NODATA + 1), np.int64)
            for _, window in given.block_windows(1):
                said, true = given.read(1, window=window), table[_under(given, truth, window)]
                np.add.at(found, (true, said), 1)
            size = max(classes, 1 + max(np.flatnonzero(found[:, :NODATA].any(axis=0)), default=0))
            return found[:size, :size]
    except FAILURES as error:
        raise ProcessError(f"{Path(labels).name} could not be compared: {error!s:.120}") from None


def _under(given: Any, truth: Any, window: Any) -> NDArray[np.uint8]:
    """Labels ``(rows, cols)`` in which the centres of a window's pixels lie; 0 outside."""
    rows, cols = np.indices((window.height, window.width), np.float64)
    # As matrices, because the operator that composes transforms differs between versions of affine.
    across = np.linalg.solve(_matrix(truth.transform), _matrix(given.transform))
    x, y = cols + window.col_off + 0.5, rows + window.row_off + 0.5
    col, row = (np.floor(a * x + b * y + c).astype(np.intp) for a, b, c in across[:2])
    inside = (row >= 0) & (row < truth.height) & (col >= 0) & (col < truth.width)
    result = np.zeros(inside.shape, np.uint8)
    if inside.any():
        top, left = row[inside].min(), col[inside].min()
        height, width = row[inside].max() - top + 1, col[inside].max() - left + 1
        part = truth.read(1, window=rasterio.windows.Window(int(left), int(top), int(width), int(height)))
        result[inside] = np.where((part >= 0) & (part <= NODATA), part, 0)[row[inside] - top, col[inside] - left]
    return result


def _matrix(transform: Any) -> NDArray[np.float64]:
    return np.array(transform[:9], np.float64).reshape(3, 3)
