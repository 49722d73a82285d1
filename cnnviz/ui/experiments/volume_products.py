"""Every product at one pixel: pixels times weights for all bands, their sums, the bias and the activation."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from cnnviz.layers import Activation
from cnnviz.render import MINUS, THIN, ColourScale, number
from cnnviz.ui.browser import component
from cnnviz.ui.cells import cells
from cnnviz.ui.experiments import spot
from cnnviz.ui.experiments.volume import ACTIVATIONS, Result
from cnnviz.ui.view import View
from cnnviz.volume import Products, products_at

_products = component("products", '<div class="products"></div>')


def show(view: View, result: Result) -> None:
    """The chosen pixel's k · l · bands products; pointing at a cell names its three numbers."""
    at = result.output_at(*spot.place(view, result.showpiece()))
    data = written_out(view, result, at)
    data["version"] = hashlib.blake2b(repr(data).encode(), digest_size=8).hexdigest()
    _products(key="volume_products", data=data)


def written_out(view: View, result: Result, at: tuple[int, int]) -> dict[str, Any]:
    """What the component draws for the output pixel ``at`` (row, col); full texts hold every digit of a float64."""
    given = result.given
    found = products_at(result.image, given.kernels, at, bias=given.filter.bias, **given.how)
    centre = result.field.centre(*at)
    weights, signed = ColourScale.weights(given.kernels), ColourScale.signed(found.products)
    return {
        "title": f"Row {view.window.row + int(centre[0])}, column {view.window.col + int(centre[1])} of the scene: "
        f"{found.products.size} products",
        "bands": [
            {
                "band": band,
                "pixels": _grid(found.pixels[..., i], view.grey(band)),
                "weights": _grid(found.weights[..., i], weights),
                "products": _grid(found.products[..., i], signed),
                "term": full(found.terms[i]),
            }
            for i, band in enumerate(given.bands)
        ],
        "total": full(found.total),
        "bias": full(found.bias) if found.bias else "",
        "biased": full(found.biased),
        "activation": _activated(result, found),
        "check": _check(result, found, at),
    }


def _grid(values: np.ndarray, scale: ColourScale) -> dict[str, Any]:
    return {
        "texts": [[number(value) for value in line] for line in values.tolist()],
        "full": [[full(value) for value in line] for line in values.tolist()],
        "colours": cells(values, scale)["colours"],
    }


def full(value: float) -> str:
    """A float64 with all its digits: the shortest decimal that stands for this number and no other.

    >>> full(-0.1 * 3), full(12345.0), full(1e-20), full(float("nan"))
    ('−0.30000000000000004', '12\u202f345', '1 × 10^−20', 'no data')
    """
    if not np.isfinite(value):
        return number(value)
    mantissa, _, power = repr(value).removesuffix(".0").partition("e")
    whole, dot, decimals = mantissa.partition(".")
    text = f"{int(whole):,}".replace(",", THIN) if whole != "-0" else whole
    exponent = f" × 10^{power.replace('+', '')}" if power else ""
    return f"{text}{dot}{decimals}{exponent}".replace("-", MINUS)


def _activated(result: Result, found: Products) -> str:
    value = Activation(result.given.activation).apply(np.array([[[found.biased]]]))
    return f"{ACTIVATIONS[result.given.activation]}: {full(float(value[0, 0, 0]))}"


def _check(result: Result, found: Products, at: tuple[int, int]) -> str:
    """The exact sum beside the map's own number, which is a float32."""
    shown = float(result.total[at])
    if np.isnan(shown):
        return "A window that touches a pixel without data gives none."
    gap = abs(shown - found.total)
    said = f"it differs by {number(gap, 2)}" if gap else "the same number"
    return f"The sum in the picture, a float32: {full(shown)}; {said}."
