"""A stack of layers, the same everywhere: on a page, over a whole scene, in Keras.

>>> edges = Network([Conv2D("sobel_vertical"), Activation("relu"), Pool2D(2)], name="edges")
>>> [found.name for found in edges.run(np.zeros((8, 10, 3)))]
['3 × 3 Sobel–Feldman, vertical', 'ReLU', '2 × 2 max']
>>> edges.output_shape((8, 10, 3)), edges.receptive_field().size
((3, 4, 3), (4, 4))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from numpy.typing import ArrayLike

from cnnviz import recipe
from cnnviz.blocks import Activation, Conv2D, Function, Kind, Labels, Layer, Pool2D, Shape
from cnnviz.convolve import PoolMode
from cnnviz.errors import CnnvizError, GeometryError, RecipeError
from cnnviz.geometry import Axes, ReceptiveField
from cnnviz.recipe import MAX_LAYERS
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

__all__ = [
    "MAX_BANDS",
    "MAX_LAYERS",
    "Activation",
    "Conv2D",
    "FeatureMap",
    "Function",
    "Kind",
    "Layer",
    "Network",
    "Pool2D",
    "PoolMode",
    "ReceptiveField",
]

MAX_NAME = 200
#: As many as a raster may have.
MAX_BANDS = 2048


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """What one layer makes of an image.

    ``array`` is ``(rows, cols, maps)`` and ``channels`` names each map; ``field`` is what a pixel sees of the
    network's input. A convolution and the activations and poolings that follow it are one ``group``, which
    shares a colour scale.
    """

    name: str
    kind: Kind
    array: Array
    field: ReceptiveField
    channels: Labels
    group: int


@dataclass(frozen=True, init=False)
class Network:
    """Layers in the order in which data flows; frozen, comparable and hashable.

    ``bands`` names the channels of a scene that the network wants; whoever opens the scene picks them. The
    network itself sees arrays ``(rows, cols, bands)``, or ``(rows, cols)`` for one band.
    Raises GeometryError where the filters of one layer do not fit the maps of the one before.
    """

    layers: tuple[Layer, ...]
    bands: tuple[str, ...] | None
    name: str

    def __init__(self, layers: Iterable[Layer], *, bands: Iterable[str] | None = None, name: str = "") -> None:
        stack = tuple(layers)
        if not 1 <= len(stack) <= MAX_LAYERS or not all(isinstance(each, Layer) for each in stack):
            raise RecipeError(
                f"Received {len(stack)} layers; 1 to {MAX_LAYERS} of Activation, Conv2D, Pool2D are expected."
            )
        object.__setattr__(self, "layers", stack)
        object.__setattr__(self, "bands", None if bands is None else _bands(bands))
        object.__setattr__(self, "name", _texts([name], "name")[0] if name != "" else "")
        if self.input_bands is not None:
            self.labels(self.input_bands)

    @property
    def input_bands(self) -> int | None:
        """Bands that an image must have; None where each is filtered alone, so that any number will do."""
        if self.bands is not None:
            return len(self.bands)
        return next((each.bands for each in self.layers if isinstance(each, Conv2D) and each.bands), None)

    def run(self, image: ArrayLike) -> list[FeatureMap]:
        """One :class:`FeatureMap` per layer, for an image ``(rows, cols, bands)`` or ``(rows, cols)``."""
        first = as_image(image)
        fields, labels = self.receptive_fields(first.shape), self.labels(first.shape[2])
        groups = np.cumsum([each.kind is Kind.CONVOLUTION for each in self.layers]).tolist()
        return [
            FeatureMap(layer.title, layer.kind, *rest)
            for layer, *rest in zip(self.layers, self._results(first), fields, labels, groups, strict=True)
        ]

    def apply(self, image: ArrayLike) -> Array:
        """Result of the last layer alone, ``(rows, cols, maps)``; nothing in between is kept."""
        array = as_image(image)
        self.labels(array.shape[2])
        for result in self._results(array):
            array = result
        return array

    def labels(self, bands: int) -> list[Labels]:
        """Names of each layer's maps; raises GeometryError where the number of bands does not fit.

        >>> Network([Conv2D("box_3"), Conv2D(np.ones((1, 1, 2, 1)))], bands=["B04", "B08"]).labels(2)
        [('B04', 'B08'), ('filter 1',)]
        """
        if self.bands is not None and bands != len(self.bands):
            raise GeometryError(
                f"Received an image of {bands} band{'s' * (bands != 1)}; this network wants "
                f"{len(self.bands)}: {', '.join(self.bands)}. Pick these from the scene first."
            )
        names = self.bands or tuple(f"band {number + 1}" for number in range(bands))
        found: list[Labels] = []
        for number, layer in enumerate(self.layers, 1):
            with _at(number, layer):
                layer.maps(len(names))
            names = layer.labels(names)
            found.append(names)
        return found

    def axes(self, shape: Sequence[int] | None = None) -> list[Axes]:
        """How each layer slides along rows and columns; without a shape see :meth:`receptive_field`."""
        sizes = None if shape is None else tuple(shape[:2])
        found: list[Axes] = []
        for number, layer in enumerate(self.layers, 1):
            with _at(number, layer):
                rows, cols = layer.axes(sizes)
            found.append((rows, cols))
            sizes = None if sizes is None else (rows.out, cols.out)
        return found

    def shapes(self, shape: Sequence[int]) -> list[Shape]:
        """Shape ``(rows, cols, maps)`` of each layer's result for an image of ``shape``.

        Where ``shape`` is (rows, cols), the image has the bands that the network expects, or one.

        >>> Network([Conv2D("box_3"), Pool2D(2)]).shapes((8, 9))
        [(6, 7, 1), (3, 3, 1)]
        """
        labels = self.labels(shape[2] if len(shape) > 2 else self.input_bands or 1)
        pairs = zip(self.axes(shape), labels, strict=True)
        return [(rows.out, cols.out, len(names)) for (rows, cols), names in pairs]

    def output_shape(self, shape: Sequence[int]) -> Shape:
        """Shape ``(rows, cols, maps)`` of the last layer's result; see :meth:`shapes`."""
        return self.shapes(shape)[-1]

    def receptive_fields(self, shape: Sequence[int] | None = None) -> list[ReceptiveField]:
        """Field of each layer's pixels; see :meth:`receptive_field`."""
        return list(accumulate(self.axes(shape), ReceptiveField.then, initial=ReceptiveField()))[1:]

    def receptive_field(self, shape: Sequence[int] | None = None) -> ReceptiveField:
        """What a pixel of the last layer sees of the input: size, jump and offset in input pixels.

        The offset of ``same`` under stride depends on the image's size. Without a ``shape``, every layer's
        input is taken to be a multiple of its stride; size and jump are the same for every image.

        >>> halved = Network([Conv2D("box_3", padding="same", stride=2)])
        >>> halved.receptive_field().offset, halved.receptive_field((7, 8)).offset
        ((0.5, 0.5), (-0.5, 0.5))
        """
        return self.receptive_fields(shape)[-1]

    def transform(self, affine: Affine, shape: Sequence[int]) -> Affine:
        """Transform of the result on the ground, for an image of ``shape`` that lies at ``affine``.

        ``shape`` is that of the whole scene, never of a tile: ``same`` under stride depends on it.

        >>> Network([Conv2D("box_3"), Pool2D(2)]).transform(Affine(10, 0, 500, 0, -10, 900), (8, 8))[:6]
        (20.0, 0.0, 510.0, 0.0, -20.0, 890.0)
        """
        return self.receptive_field(shape).place(affine)

    def parameters(self) -> list[int]:
        """Number of weights and biases of each layer.

        >>> Network([Conv2D(np.ones((5, 5, 1, 6)), bias=0), Pool2D(2)]).parameters()
        [156, 0]
        """
        return [layer.parameters for layer in self.layers]

    def multiply_adds(self, shape: Sequence[int]) -> list[int]:
        """Products that each layer costs for an image of ``shape``, as in :meth:`shapes`.

        >>> Network([Conv2D(np.ones((3, 3, 3, 2)))]).multiply_adds((5, 6, 3))
        [648]
        """
        bands = shape[2] if len(shape) > 2 else self.input_bands or 1
        seen = [(shape[0], shape[1], bands), *self.shapes(shape)]
        return [layer.multiply_adds(given) for layer, given in zip(self.layers, seen[:-1], strict=True)]

    def to_json(self, *, longest: int | None = recipe.MAX_TEXT) -> str:
        """Recipe that :meth:`from_json` turns back into an equal network; see :mod:`cnnviz.recipe`."""
        return recipe.write(self.layers, bands=self.bands, name=self.name, longest=longest)

    @classmethod
    def from_json(cls, text: str | bytes, *, longest: int | None = recipe.MAX_TEXT) -> Network:
        """Network of a recipe; raises RecipeError that says what is wrong and where.

        >>> Network.from_json('{"version": 1, "layers": []}')
        Traceback (most recent call last):
        cnnviz.errors.RecipeError: Received 0 layers; 1 to 64 of Activation, Conv2D, Pool2D are expected.
        """
        return cls(**recipe.read(text, longest=longest))

    @classmethod
    def from_keras(cls, model: keras.Model, *, bands: Sequence[str] | None = None) -> Network:
        """Network with the layers and weights of a Keras model; see :mod:`cnnviz.from_keras`. Raises ModelError."""
        from cnnviz.models import from_keras

        return from_keras(model, bands=bands)

    def to_keras(self, input_shape: Sequence[int | None]) -> keras.Model:
        """Keras model with the same weights, for images ``(rows, cols, bands)``; see :mod:`cnnviz.models`."""
        from cnnviz.models import to_keras

        return to_keras(self, input_shape)

    def to_code(self, target: str) -> str:
        """Python that gives the same numbers without cnnviz; ``target`` is ``"numpy"`` or ``"keras"``."""
        from cnnviz.codegen import code

        return code(self, target)

    def _results(self, image: Array) -> Iterator[Array]:
        for number, layer in enumerate(self.layers, 1):
            with _at(number, layer):
                image = layer.apply(image)
            yield image


def as_image(image: ArrayLike) -> Array:
    """float32 ``(rows, cols, bands)`` from ``(rows, cols)`` or ``(rows, cols, bands)`` of any real numbers.

    >>> as_image([[1, 2]]).shape
    (1, 2, 1)
    """
    array = np.asarray(image)
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf" or 0 in array.shape:
        raise GeometryError(
            f"Received an array of shape {array.shape} and type {array.dtype}; an image (rows, cols) or "
            "(rows, cols, bands) of real numbers is expected, with at least one pixel and one band."
        )
    return array.astype(np.float32, copy=False).reshape((*array.shape, 1)[:3])


@contextmanager
def _at(number: int, layer: Layer) -> Iterator[None]:
    """Say in which layer an error arose."""
    try:
        yield
    except CnnvizError as error:
        raise type(error)(f"Layer {number} ({layer.title}): {error}") from error


def _bands(values: Iterable[str]) -> tuple[str, ...]:
    bands = _texts(values, "bands")
    if len(bands) > MAX_BANDS:
        raise RecipeError(f"Received {len(bands):,} bands; at most {MAX_BANDS:,} are expected. Name those that count.")
    if twin := next((band for band, times in Counter(bands).items() if times > 1), ""):
        raise RecipeError(f"Received the band {twin!r:.40} more than once; name each band once.")
    return bands


def _texts(values: Iterable[str], what: str) -> tuple[str, ...]:
    texts = tuple(values) if isinstance(values, Iterable) and not isinstance(values, str) else ()
    if not texts or not all(isinstance(t, str) and t.isprintable() and 0 < len(t) <= MAX_NAME for t in texts):
        raise RecipeError(
            f"Received {what} {values!r:.80}; printable texts of 1 to {MAX_NAME} characters are expected."
        )
    return texts
