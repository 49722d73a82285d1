"""Feature maps of Keras models: the result of every layer for an image, and the chips that move a map most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.blocks import Kind, Labels
from cnnviz.errors import ModelError
from cnnviz.keras_fields import fields, kind_of, labels
from cnnviz.keras_graph import described
from cnnviz.keras_run import START, Stage, as_batch, as_maps, numbered, results, stages
from cnnviz.layers import FeatureMap
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

_BATCH = 128


def feature_maps(model: keras.Model, image: ArrayLike, *, bands: Sequence[str] = ()) -> list[FeatureMap]:
    """What every layer makes of an image ``(rows, cols, bands)``: Keras's own numbers, layer by layer.

    Maps are ``(rows, cols, maps)``; dense layers, and what follows them, give one pixel, ``(1, 1, values)``, that sees
    the whole image. ``bands`` names the image's bands.
    """
    batch = as_batch(model, image)
    plan = stages(model)
    tensors = results(model, batch)
    arrays = [_maps(each) for each in tensors]
    places = fields(plan, [tuple(each.shape[1:]) for each in tensors], batch.shape[1:])
    names = _names(plan, arrays, tuple(bands) or tuple(f"band {n + 1}" for n in range(batch.shape[3])))
    groups = _groups(plan)
    return [
        FeatureMap(described(stage.layer), kind_of(stage.layer), array, field, name, group)
        for stage, array, field, name, group in zip(plan, arrays, places, names, groups, strict=True)
    ]


def _maps(tensor: Any) -> Array:
    """A result for one image as ``(rows, cols, maps)``."""
    array: Array = np.asarray(tensor, np.float32)[0]
    return array.reshape(as_maps(array.shape))


def _groups(plan: Sequence[Stage]) -> list[int]:
    """A group begins with every convolution or dense layer, and where branches join; what follows belongs to it."""
    found: list[int] = []
    for stage in plan:
        begins = kind_of(stage.layer) in (Kind.CONVOLUTION, Kind.DENSE) or len(stage.takes) > 1
        before = 0 if stage.takes[0] == START else found[stage.takes[0]]
        found.append(max(found, default=0) + 1 if begins else before)
    return found


def _names(plan: Sequence[Stage], arrays: Sequence[Array], bands: Labels) -> list[Labels]:
    found: list[Labels] = []
    for stage, array in zip(plan, arrays, strict=True):
        given = bands if stage.takes[0] == START else found[stage.takes[0]]
        found.append(labels(stage.layer, array.shape[2], given))
    return found


@dataclass(frozen=True, eq=False)
class Activity:
    """How strongly each map of a layer answers to each of many images.

    ``values`` are the largest values ``(images, maps)``, ``places`` ``(images, maps, 2)`` the row and column of the map
    where they stand.
    """

    values: Array
    places: NDArray[np.intp]

    def most(self, channel: int, count: int = 9) -> NDArray[np.intp]:
        """Numbers of the images to which one map answers most, the strongest first."""
        order = np.argsort(-self.values[:, channel], kind="stable")
        return order[:count]

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Which maps are nowhere above 0 in any of the images: after a ReLU, filters that find nothing at all."""
        return np.asarray((self.values <= 0).all(axis=0))


def activity(model: keras.Model, layer: str | int, images: ArrayLike) -> Activity:
    """How each map of ``layer`` (name or number) answers to images ``(n, rows, cols, bands)``, a few at a time."""
    number = numbered(model, layer)
    found = [
        _largest(np.asarray(results(model, part, upto=number)[number])) for part in _parts(as_batch(model, images))
    ]
    return Activity(np.concatenate([values for values, _ in found]), np.concatenate([places for _, places in found]))


def _parts(batch: Array) -> Iterator[Array]:
    for start in range(0, len(batch), _BATCH):
        yield batch[start : start + _BATCH]


def _largest(maps: Array) -> tuple[Array, NDArray[np.intp]]:
    """Largest value of each map ``(n, …, maps)``, and its row and column."""
    cols = maps.shape[2] if maps.ndim == 4 else 1
    flat = maps.reshape(len(maps), -1, maps.shape[-1])
    place = flat.argmax(axis=1)
    values = np.take_along_axis(flat, place[:, None], axis=1)[:, 0]
    return values.astype(np.float32), np.stack(np.divmod(place, cols), axis=-1)


def most_active(
    model: keras.Model, layer: str | int, channel: int, images: ArrayLike, *, count: int = 9
) -> list[tuple[int, float, tuple[int, int]]]:
    """The images to which one map answers most: number, value, and the map's row and column of that value."""
    found = activity(model, layer, images)
    if not 0 <= channel < found.values.shape[1]:
        raise ModelError(f"Received map {channel}; 0 to {found.values.shape[1] - 1} are expected.")
    return [
        (int(n), float(found.values[n, channel]), (int(found.places[n, channel, 0]), int(found.places[n, channel, 1])))
        for n in found.most(channel, count)
    ]
