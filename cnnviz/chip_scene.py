"""Chips cut from a scene, labelled by a raster of classes on the same grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnviz.chips import Chips, check_learnable
from cnnviz.errors import DataError
from cnnviz.scene import Scene, Window

MAX_CLASSES = 250
_MEMORY = 10**9
_READ = 2**26  # bytes of one read: many rows of chips at once, so that no block of the file is decoded for each
_REFLECTANCE = 10_000.0


@dataclass(frozen=True)
class Cut:
    """How chips are cut: ``side`` in pixels, every ``step``, at least ``purity`` of them of the middle's class."""

    side: int = 16
    step: int = 8
    purity: float = 0.2
    limit: int = 20_000  #: chips at most, drawn at random, as large a part of every class

    def __post_init__(self) -> None:
        if not (4 <= self.side <= 256 and 1 <= self.step <= 1024 and 0 < self.purity <= 1 and self.limit >= 2):
            raise DataError(
                f"Received chips of {self.side} pixels every {self.step} with a purity of {self.purity:g}; 4 to 256 "
                "pixels, a step from 1 to 1,024 and a share up to 1 are expected."
            )


def from_scene(
    scene: Scene,
    labels: Scene,
    *,
    cut: Cut = Cut(),
    names: Mapping[int, str] | None = None,
    synthetic: bool = False,
) -> Chips:
    """Chips of ``scene`` with the class of the pixel in their middle in ``labels``, whose 0 is "no label".

    Whole numbers of 16 bits are divided by 10,000, bytes by 255. Chips without data in any pixel are left out.
    ``names`` are those of the classes; only classes with chips stay. Raises DataError where the two rasters are not
    on one grid, or where no two classes have chips.
    """
    _check_grid(scene, labels)
    places, values = _chosen(labels, cut)
    title = f"{scene.name}, chips of {cut.side} × {cut.side}"
    if not len(places):
        raise DataError(
            f"{title}: no chip has {cut.purity:.0%} of its middle's class; use smaller chips, or a lower share."
        )
    images, kept = _images(scene, places, cut)
    places, values = places[kept], values[kept]
    present, numbers = np.unique(values, return_inverse=True)
    classes = tuple(class_name(int(value), names or {}) for value in present)
    factor = _factor(scene)
    chips = Chips(images * np.float32(factor), numbers, classes, scene.band_names, title, synthetic, factor, places)
    check_learnable(chips)
    return chips


def class_name(value: int, names: Mapping[int, str]) -> str:
    """Name of a value of a raster of classes: ``class 3`` where it has none."""
    return names.get(value, f"class {value}")


def _check_grid(scene: Scene, labels: Scene) -> None:
    same = labels.shape[:2] == scene.shape[:2] and labels.transform.almost_equals(scene.transform, 1e-6)
    if not same or labels.crs != scene.crs:
        raise DataError(
            f"{labels.name} has {labels.shape[0]:,} × {labels.shape[1]:,} pixels, {scene.name} "
            f"{scene.shape[0]:,} × {scene.shape[1]:,}, or they lie at different places; bring the labels to the "
            "scene's grid."
        )
    if labels.shape[2] != 1 or np.dtype(labels.dtype).kind not in "iu":
        raise DataError(
            f"{labels.name} has {labels.shape[2]} bands of {labels.dtype}; one of whole numbers is expected."
        )


def _factor(scene: Scene) -> float:
    kind = np.dtype(scene.dtype)
    return 1.0 if kind.kind == "f" else 1 / 255 if kind.itemsize == 1 else 1 / _REFLECTANCE


def _chosen(labels: Scene, cut: Cut) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Places (n, 2) of the chips that are pure enough, and the value of each."""
    rows = range(0, labels.shape[0] - cut.side + 1, cut.step)
    found = [pair for row, strip in _strips(labels, rows, cut.side) for pair in _row(strip[..., 0], row, cut)]
    places = np.array([place for place, _ in found], np.intp).reshape(-1, 2)
    values = np.array([value for _, value in found], np.int64)
    if np.unique(values).size > MAX_CLASSES:
        raise DataError(f"{labels.name} holds more than {MAX_CLASSES} values; a raster of classes is expected.")
    if len(places) <= cut.limit:
        return places, values
    rng, share = np.random.default_rng(0), cut.limit / len(places)
    kept = [np.flatnonzero(values == value) for value in np.unique(values)]
    kept = [rng.permutation(own)[: max(1, int(share * len(own)))] for own in kept]
    order = np.sort(np.concatenate(kept))
    return places[order], values[order]


def _strips(scene: Scene, rows: Iterable[int], side: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Each of these rows, in order, with the pixels ``(side, cols, bands)`` from there down."""
    tall = max(side, _READ // (4 * scene.shape[1] * scene.shape[2]))
    start, block = 0, np.empty((0, 0, 0), np.float32)
    for row in rows:
        if row + side > start + len(block):
            start, block = row, scene.read(Window(row, 0, tall, scene.shape[1])).array
        yield row, block[row - start : row - start + side]


def _row(labels: NDArray[np.float32], row: int, cut: Cut) -> Iterator[tuple[tuple[int, int], int]]:
    """Chips of one row: the value in the middle of each, where enough of its pixels have it too."""
    strip = np.nan_to_num(labels)
    columns = np.arange(0, strip.shape[1] - cut.side + 1, cut.step)
    middles = strip[cut.side // 2, columns + cut.side // 2]
    for value in np.unique(middles[middles != 0]):
        sums = np.cumsum([0, *(strip == value).sum(axis=0)])
        counts = sums[columns + cut.side] - sums[columns]
        enough = (middles == value) & (counts >= cut.purity * cut.side**2)
        yield from (((row, column), int(value)) for column in columns[enough].tolist())


def _images(scene: Scene, places: NDArray[np.intp], cut: Cut) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pixels of the chips that have data everywhere, and which these are; read a row of chips at a time."""
    if len(places) * cut.side**2 * scene.shape[2] * 4 > _MEMORY:
        raise DataError(f"{scene.name}: {len(places):,} chips would take more than 1 GB; cut fewer, or smaller ones.")
    images = np.empty((len(places), cut.side, cut.side, scene.shape[2]), np.float32)
    for row, strip in _strips(scene, np.unique(places[:, 0]).tolist(), cut.side):
        for number in np.flatnonzero(places[:, 0] == row):
            column = places[number, 1]
            images[number] = strip[:, column : column + cut.side]
    kept: NDArray[np.bool_] = np.asarray(np.isfinite(images).all(axis=(1, 2, 3)))
    return images[kept], kept
