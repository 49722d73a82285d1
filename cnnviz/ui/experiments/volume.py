"""Volume convolution: filters with a kernel per band that sum over the bands; what is set, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cnnviz.filters import Filter, bank, parse_filters
from cnnviz.geometry import ReceptiveField
from cnnviz.layers import Activation, Conv2D, Function, Network
from cnnviz.ui.experiments import spot
from cnnviz.ui.view import View
from cnnviz.volume import band_terms, sum_of_terms

ACTIVATIONS = {
    Function.RELU: "ReLU",
    Function.LINEAR: "none (linear)",
    Function.SIGMOID: "sigmoid",
    Function.TANH: "tanh",
}


@dataclass(frozen=True)
class Setting:
    """What the controls say; ``text`` holds the filters, ``shown`` the one in the pictures, from 0."""

    bands: tuple[str, ...]
    text: str
    shown: int = 0
    activation: Function = Function.RELU
    padding: str = "same"
    border: str = "reflect"

    @cached_property
    def filters(self) -> tuple[Filter, ...]:
        """The filters; raises KernelError for text that is none."""
        return parse_filters(self.text)

    @cached_property
    def weights(self) -> np.ndarray:
        """Weights of all filters, float32 ``(k, l, bands, filters)``."""
        return bank(self.filters, self.bands)[0]

    @property
    def filter(self) -> Filter:
        """The filter in the pictures."""
        return self.filters[self.shown]

    @property
    def kernels(self) -> np.ndarray:
        """The kernels of the filter in the pictures, float32 ``(k, l, bands)``."""
        return self.weights[..., self.shown]

    @property
    def how(self) -> dict[str, Any]:
        """How the kernels slide."""
        return {"padding": self.padding, "border": self.border}

    @property
    def network(self) -> Network:
        """All filters as a layer, with the activation."""
        weights, bias = bank(self.filters, self.bands)
        layer = Conv2D(weights, bias, padding=self.padding, border=self.border)
        return Network([layer, Activation(self.activation)], bands=self.bands, name="volume convolution")


@dataclass(frozen=True, eq=False)
class Result:
    """One filter on the window, step by step: ``terms`` ``(rows, cols, bands)``, their sum, + bias, activation."""

    given: Setting
    image: np.ndarray
    terms: np.ndarray
    total: np.ndarray
    biased: np.ndarray
    activated: np.ndarray
    field: ReceptiveField

    def showpiece(self) -> tuple[int, int]:
        """Pixel of the window with the strongest answer, of those that ReLU lets through if there is one."""
        passed = self.given.activation is Function.RELU and bool((self.activated > 0).any())
        row, col = spot.strongest(self.activated if passed else self.total)
        centre = self.field.centre(row, col)
        return int(centre[0]), int(centre[1])

    def output_at(self, row: int, col: int) -> tuple[int, int]:
        """Output pixel whose kernel is centred on the window's pixel, or the nearest that there is."""
        places = zip((row, col), self.field.offset, self.total.shape, strict=True)
        found = [min(max(int(np.floor(at + 0.5 - shift)), 0), size - 1) for at, shift, size in places]
        return found[0], found[1]


def run(view: View, given: Setting) -> Result:
    """Take the filter in the pictures over the current window, band by band."""
    image = view.patch(given.bands).array
    terms = band_terms(image, given.kernels, **given.how)
    total = sum_of_terms(terms)
    biased = total + np.float32(given.filter.bias)
    activated = Activation(given.activation).apply(biased)
    return Result(given, image, terms, total, biased, activated, given.network.receptive_field(image.shape))


def layer_difference(result: Result) -> float:
    """Largest difference between the sum of the terms and the map that the layer gives at once, in float32."""
    given = result.given
    layer = Network([Conv2D(given.kernels[..., None], **given.how)])
    gap = np.abs(layer.apply(result.image)[..., 0] - result.total)
    return float(np.nanmax(gap)) if np.isfinite(gap).any() else float("nan")
