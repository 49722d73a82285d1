"""Models whose inside is looked at: a network, or a Keras model of any graph, asked the same questions.

A :class:`~cnnviz.layers.Network` answers without Keras. A Keras model answers with Keras's own numbers, also where it
branches, enlarges, or has layers that a network has no words for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnviz import explain, gradients, keras_reach, layer_maps
from cnnviz.blocks import Conv2D, Kind, Shape
from cnnviz.errors import GeometryError
from cnnviz.geometry import Box
from cnnviz.gradients import Contributions, GradCam
from cnnviz.keras_fields import kind_of, sliding
from cnnviz.keras_graph import IDLE, image_shape, kind, numbers
from cnnviz.keras_run import START, as_batch, logits, results, shapes, stages
from cnnviz.layers import FeatureMap, Network
from cnnviz.occlusion import Occlusion, occlusion
from cnnviz.padding import PerAxis
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras


#: Numbers of all layers together that one visitor may ask for: 128 MB of float32.
MAX_NUMBERS = 32_000_000
#: Products for one image; reasons cost hundreds of times as many.
MAX_PRODUCTS = 4 * 10**9


class Filter(NamedTuple):
    """Weights ``(rows, cols, maps)`` of one filter, one kernel for each map that it takes, and its bias."""

    kernels: Array
    bias: float


class Opened(ABC):
    """A model that can be asked for its layers, their maps, and reasons; layers are counted from 0."""

    @property
    @abstractmethod
    def bands(self) -> tuple[str, ...] | None:
        """Names of the bands that an image must have, where they are known."""

    @property
    @abstractmethod
    def input_bands(self) -> int | None:
        """Bands that an image must have; None for any number."""

    @property
    @abstractmethod
    def takes(self) -> Sequence[tuple[int, ...]]:
        """The layers whose results each layer takes; −1 is the image."""

    def way(self, layer: int) -> list[int]:
        """Numbers of the layers that lead to ``layer``, and its own, in order."""
        found, takes = {layer}, self.takes
        for number in range(layer, -1, -1):
            found |= set(takes[number]) - {START} if number in found else set()
        return sorted(found)

    @abstractmethod
    def parameters(self) -> list[int]:
        """Number of weights and biases of each layer."""

    @abstractmethod
    def shapes(self, shape: Sequence[int]) -> list[Shape]:
        """Shape ``(rows, cols, maps)`` of each layer's result for an image of ``shape``."""

    @abstractmethod
    def run(self, image: Array, bands: Sequence[str] = ()) -> list[FeatureMap]:
        """What each layer makes of an image ``(rows, cols, bands)``, whose ``bands`` may be named."""

    def run_within(self, image: Array, bands: Sequence[str] = ()) -> list[FeatureMap]:
        """The same within :data:`MAX_NUMBERS` and :data:`MAX_PRODUCTS`; raises GeometryError where it takes more."""
        shapes = self.shapes(image.shape)
        wanted = sum(rows * cols * maps for rows, cols, maps in shapes)
        products = sum(own * rows * cols for own, (rows, cols, _) in zip(self.parameters(), shapes, strict=True))
        if wanted > MAX_NUMBERS:
            raise GeometryError(
                f"received an image whose maps hold {wanted:,} numbers: at most {MAX_NUMBERS:,} are expected on a "
                "page; choose a smaller window"
            )
        if products > MAX_PRODUCTS:
            raise GeometryError(
                f"received an image that takes this model {products / 1e9:,.1f} billion products: at most "
                f"{MAX_PRODUCTS / 1e9:,.0f} billion are expected on a page; choose a smaller window or a smaller model"
            )
        return self.run(image, bands)

    @abstractmethod
    def seen(self, maps: Sequence[FeatureMap], shape: Sequence[int], cell: tuple[int, int, int]) -> Box | None:
        """Rectangle of an image of ``shape`` that a cell (layer, row, col) of its ``maps`` saw; None for padding."""

    @abstractmethod
    def windows(self, layer: int, shape: Sequence[int]) -> list[int]:
        """Columns of each layer's window, for the layers on the way to ``layer`` and itself; 1 for one pixel."""

    @abstractmethod
    def filter(self, layer: int, channel: int) -> Filter | None:
        """The filter that a map of a layer comes from; None where it does not come from a single one."""

    @abstractmethod
    def logits(self, image: Array) -> Array:
        """Values ``(classes,)`` before the last softmax."""

    @abstractmethod
    def grad_cam(self, image: Array, label: int) -> tuple[int, GradCam] | None:
        """Grad-CAM of class ``label`` at the last layer that has maps, and that layer; None without any."""

    @abstractmethod
    def occlusion(self, image: Array, label: int, *, size: PerAxis, stride: PerAxis) -> Occlusion:
        """How far the logit falls when windows of ``size`` every ``stride`` pixels get each band's mean."""

    @abstractmethod
    def contributions(self, image: Array, label: int, *, baseline: Sequence[float]) -> Contributions:
        """What each band adds to the logit, from the ``baseline`` of each band to the image."""

    @abstractmethod
    def answers(self, images: Array, layer: int) -> tuple[Array, NDArray[np.intp]]:
        """Largest value of each map of a layer for each image, ``(n, maps)``, and its place ``(n, maps, 2)``."""


def opened(model: Network | keras.Model) -> Opened:
    """The model as one that can be asked; equal networks give equal answers to ``==`` and ``hash``.

    >>> from cnnviz.layers import Pool2D
    >>> opened(Network([Conv2D("box_3"), Pool2D(2)])).takes
    [(-1,), (0,)]
    """
    return _OfNetwork(model) if isinstance(model, Network) else _OfKeras(model)


@dataclass(frozen=True)
class _OfNetwork(Opened):
    """A network; two of one network are equal."""

    network: Network

    @property
    def bands(self) -> tuple[str, ...] | None:
        return self.network.bands

    @property
    def input_bands(self) -> int | None:
        return self.network.input_bands

    @property
    def takes(self) -> Sequence[tuple[int, ...]]:
        return [(number - 1,) for number in range(len(self.network.layers))]

    def parameters(self) -> list[int]:
        return self.network.parameters()

    def shapes(self, shape: Sequence[int]) -> list[Shape]:
        return self.network.shapes(shape)

    def run(self, image: Array, bands: Sequence[str] = ()) -> list[FeatureMap]:
        return Network(self.network.layers, bands=bands or None).run(image)

    def seen(self, maps: Sequence[FeatureMap], shape: Sequence[int], cell: tuple[int, int, int]) -> Box | None:
        layer, row, col = cell
        top, left, bottom, right = maps[layer].field.box(row, col)
        box = Box(max(top, 0), max(left, 0), min(bottom, shape[0]), min(right, shape[1]))
        return box if box.top < box.bottom and box.left < box.right else None

    def windows(self, layer: int, shape: Sequence[int]) -> list[int]:
        return [axes[1].span for axes in self.network.axes(shape)[: layer + 1]]

    def filter(self, layer: int, channel: int) -> Filter | None:
        found = next((each for each in self.network.layers[layer::-1] if isinstance(each, Conv2D)), None)
        if found is None:
            return None
        kernels = found.tensor[..., None] if found.bands is None else found.tensor[..., channel]
        bias = found.bias[channel] if isinstance(found.bias, tuple) else found.bias or 0
        return Filter(kernels, float(bias))

    def logits(self, image: Array) -> Array:
        return explain.network_logits(self.network, image)

    def grad_cam(self, image: Array, label: int) -> tuple[int, GradCam] | None:
        places = explain.mappers(self.network, image.shape)
        return (places[-1], explain.network_cam(self.network, image, label, places[-1])) if places else None

    def occlusion(self, image: Array, label: int, *, size: PerAxis, stride: PerAxis) -> Occlusion:
        return explain.network_occlusion(self.network, image, label, size=size, stride=stride)

    def contributions(self, image: Array, label: int, *, baseline: Sequence[float]) -> Contributions:
        return explain.network_contributions(self.network, image, label, baseline=baseline)

    def answers(self, images: Array, layer: int) -> tuple[Array, NDArray[np.intp]]:
        return explain.answers(self.network, images, layer)


@dataclass(frozen=True, eq=False)
class _OfKeras(Opened):
    """A Keras model: every question is one to Keras."""

    model: keras.Model

    @property
    def bands(self) -> tuple[str, ...] | None:
        return None

    @property
    def input_bands(self) -> int | None:
        return image_shape(self.model)[2]

    @property
    def takes(self) -> Sequence[tuple[int, ...]]:
        return [stage.takes for stage in stages(self.model)]

    def parameters(self) -> list[int]:
        return [stage.layer.count_params() for stage in stages(self.model)]

    def shapes(self, shape: Sequence[int]) -> list[Shape]:
        return shapes(self.model, shape)

    def run(self, image: Array, bands: Sequence[str] = ()) -> list[FeatureMap]:
        return layer_maps.feature_maps(self.model, image, bands=bands)

    def seen(self, maps: Sequence[FeatureMap], shape: Sequence[int], cell: tuple[int, int, int]) -> Box | None:
        sizes = [(found.array.shape[0], found.array.shape[1]) for found in maps]
        return keras_reach.seen(stages(self.model), sizes, (shape[0], shape[1]), cell)

    def windows(self, layer: int, shape: Sequence[int]) -> list[int]:
        plan = stages(self.model)
        found = [sliding(plan[each].layer) for each in self.way(layer)]
        return [1 if each is None else each.dilation[1] * (each.size[1] - 1) + 1 for each in found]

    def filter(self, layer: int, channel: int) -> Filter | None:
        plan = stages(self.model)
        while kind_of(plan[layer].layer) not in (Kind.CONVOLUTION, Kind.DENSE):
            if kind(plan[layer].layer) in _REARRANGED or len(plan[layer].takes) > 1 or plan[layer].takes[0] == START:
                return None
            layer = plan[layer].takes[0]
        found = plan[layer].layer
        bias = float(numbers(found.bias)[channel]) if found.use_bias else 0.0
        return Filter(_kernels(found, channel), bias)

    def logits(self, image: Array) -> Array:
        batch = as_batch(self.model, image)
        return np.asarray(logits(self.model, batch, results(self.model, batch))[0], np.float32)

    def grad_cam(self, image: Array, label: int) -> tuple[int, GradCam] | None:
        plan, found = stages(self.model), self.shapes(image.shape)
        places = [
            number
            for number, (rows, cols, _) in enumerate(found)
            if rows * cols > 1
            and kind(plan[number].layer) not in IDLE
            and kind_of(plan[number].layer) is not Kind.POOLING
        ]
        return (places[-1], gradients.grad_cam(self.model, image, label, layer=places[-1])) if places else None

    def occlusion(self, image: Array, label: int, *, size: PerAxis, stride: PerAxis) -> Occlusion:
        return occlusion(self.model, image, label, size=size, stride=stride)

    def contributions(self, image: Array, label: int, *, baseline: Sequence[float]) -> Contributions:
        return gradients.contributions(self.model, image, label, baseline=baseline)

    def answers(self, images: Array, layer: int) -> tuple[Array, NDArray[np.intp]]:
        found = layer_maps.activity(self.model, layer, images)
        return found.values, found.places


#: Layers whose maps are not those that they take, one for one.
_REARRANGED = {"Flatten", "Reshape"}


def _kernels(layer: Any, channel: int) -> Array:
    """Kernels ``(rows, cols, maps)`` of one filter of a convolution or a dense layer of Keras."""
    name, weights = kind(layer), numbers(getattr(layer, "pointwise_kernel", None) or layer.kernel)
    if name == "DepthwiseConv2D":
        band, times = divmod(channel, weights.shape[3])
        return weights[:, :, band, times, None]
    if name == "Conv2DTranspose":
        return weights[:, :, channel]
    return weights[None, None, :, channel] if name == "Dense" else weights[..., channel]
