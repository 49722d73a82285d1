"""Networks that come trained, to be looked into at once: digits, and land cover from all bands of Sentinel-2.

``data/make_ready.py`` trains them again. Their files hold plain arrays and some of the images that the networks were
not trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cnnviz.blocks import Activation, Conv2D, Layer, Pool2D
from cnnviz.layers import Network
from cnnviz.weights import Array

_DATA = Path(__file__).parents[1] / "data"
_GAIN = 6.0


@dataclass(frozen=True)
class Ready:
    """A trained network and what it was trained for; ``shape`` (rows, cols, bands) is that of its images."""

    name: str
    title: str
    about: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    bands: tuple[str, ...]
    first: int = 1  #: the image to begin with, from 1

    @property
    def network(self) -> Network:
        """The network; it is read once."""
        return _network(self.name)

    @property
    def images(self) -> Array:
        """Images ``(n, rows, cols, bands)`` that it was not trained on."""
        return _file(self.name)["images"].astype(np.float32)

    @property
    def labels(self) -> NDArray[np.intp]:
        """The class of each image."""
        return _file(self.name)["labels"].astype(np.intp)


@cache
def _file(name: str) -> dict[str, NDArray[np.generic]]:
    with np.load(_DATA / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@cache
def _network(name: str) -> Network:
    arrays = _file(name)
    layers = [_with_weights(step, arrays) for step in _STACKS[name]]
    return Network(layers, bands=READY[name].bands, name=READY[name].title)


def _with_weights(step: Layer | int, arrays: dict[str, NDArray[np.generic]]) -> Layer:
    """A layer, or the convolution with the weights of that number."""
    if isinstance(step, Layer):
        return step
    return Conv2D(arrays[f"weights_{step}"].astype(np.float32), arrays[f"bias_{step}"].astype(np.float32))


def untrained(name: str, *, seed: int = 0) -> Network:
    """The same layers with random weights, as training begins (Glorot & Bengio, 2010).

    >>> sum(untrained("lenet5_digits").parameters())
    61706
    """
    rng, layers = np.random.default_rng(seed), list[Layer]()
    for layer in _network(name).layers:
        if isinstance(layer, Conv2D) and layer.bands and not _is_scaling(layer):
            rows, cols, bands, filters = layer.tensor.shape
            reach = np.sqrt(_GAIN / (rows * cols * (bands + filters)))
            layers.append(Conv2D(rng.uniform(-reach, reach, layer.tensor.shape), np.zeros(filters)))
        else:
            layers.append(layer)
    return Network(layers, bands=READY[name].bands, name=f"{READY[name].title}, not trained")


def _is_scaling(layer: Conv2D) -> bool:
    """Whether a layer only multiplies each band by a number of its own."""
    rows, cols, bands, filters = layer.tensor.shape
    alone = (rows, cols) == (1, 1) and bands == filters
    return alone and not (layer.tensor[0, 0] * (1 - np.eye(bands))).any()


_TANH, _RELU, _SOFTMAX, _MEAN = Activation("tanh"), Activation("relu"), Activation("softmax"), Pool2D(2, mode="average")
_STACKS: Mapping[str, tuple[Layer | int, ...]] = {
    "lenet5_digits": (1, _TANH, _MEAN, 2, _TANH, _MEAN, 3, _TANH, 4, _TANH, 5, _SOFTMAX),
    "land_cover_chips": (0, 1, _RELU, Pool2D(2), 2, _RELU, Pool2D(2), 3, _RELU, 4, _SOFTMAX),
}
_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
_ALL = (
    Ready(
        "lenet5_digits",
        "LeNet-5, handwritten digits",
        "The lecture's network: 61,706 weights, trained on 1,497 of scikit-learn's 1,797 real handwritten digits, "
        "which are 8 × 8 pixels and were enlarged to 32 × 32.",
        (32, 32, 1),
        tuple("0123456789"),
        ("ink",),
    ),
    Ready(
        "land_cover_chips",
        "Land cover, 13 bands",
        "A small LeNet for 16 × 16 chips of Sentinel-2 that names the land cover of the pixel in the middle, trained "
        "on synthetic scenes other than the one that opens here.",
        (16, 16, 13),
        ("Water", "Forest", "Green field", "Ripe field", "Bare soil", "Built-up", "Beach and sand", "Cloud"),
        _BANDS,
        first=11,
    ),
)

#: Trained networks by name.
READY: Mapping[str, Ready] = MappingProxyType({each.name: each for each in _ALL})
