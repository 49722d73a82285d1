"""A window that walks over a small grid: all numbers are sent once, the walking happens in the browser."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from cnnviz import render
from cnnviz.render import ColourScale, Palette
from cnnviz.ui.browser import component
from cnnviz.walk import Walk

_walk = component("walk", '<div class="walk"></div>')


def walk(found: Walk, key: str, *, operation: str, covered: bool = False) -> None:
    """Show the walk of a convolution or a pooling; ``covered`` hides what comes out and how often cells are seen."""
    signed = _products_scale(found)
    data: dict[str, Any] = {
        "input": _input(found, covered=covered),
        "kernel": _kernel(found),
        "products": _products(found, signed),
        "outputs": _outputs(found, signed, operation),
        "visits": _visits(found),
        "divisor": found.divisor,
        "mode": found.mode,
        "places": found.places,
        "covered": covered,
        **_geometry(found),
    }
    data["version"] = hashlib.blake2b(repr(data).encode(), digest_size=8).hexdigest()
    _walk(key=key, data=data)


def _geometry(found: Walk) -> dict[str, tuple[int, int]]:
    rows, cols = found.axes
    return {
        "before": (rows.before, cols.before),
        "taps": (rows.kernel, cols.kernel),
        "span": (rows.span, cols.span),
        "stride": (rows.stride, cols.stride),
        "dilation": (rows.dilation, cols.dilation),
    }


def _products_scale(found: Walk) -> ColourScale:
    """One signed scale for products and outputs, so that they can be compared."""
    if found.weights is None:
        return _grey(found)
    largest = np.nanmax(np.abs(found.padded)) * np.abs(found.weights).max() / found.divisor
    return ColourScale.signed(found.outputs, np.array([largest]))


def _grey(found: Walk) -> ColourScale:
    return ColourScale(Palette.GREY, *render.value_range(found.padded), "min–max")


def _input(found: Walk, *, covered: bool) -> dict[str, Any]:
    never = 0 if covered else int((found.visits == 0).sum())
    rows, cols = found.grid.shape
    around = found.padded.shape != found.grid.shape
    notes = [f"{render.size(*found.padded.shape)} with padding (small cells)"] if around else []
    notes += [f"grey: never reached, {never} of {rows * cols}"] if never else []
    return _cells("Input", found.padded, _grey(found), shape=(rows, cols), notes=notes)


def _kernel(found: Walk) -> dict[str, Any] | None:
    if found.weights is None:
        return None
    notes = [f"each ÷ {found.divisor}"] if found.divisor > 1 else []
    return _cells("Kernel", found.weights, ColourScale.weights(found.weights), operation="times", notes=notes)


def _products(found: Walk, scale: ColourScale) -> dict[str, Any]:
    name = "Window" if found.weights is None else "Products"
    return {
        "name": name,
        "operation": "" if found.weights is None else "equals",
        "caption": "",
        "alt": f"{name} at the current step.",
        "colours": scale.colours(),
        "reach": scale.high * found.divisor,
    }


def _outputs(found: Walk, scale: ColourScale, operation: str) -> dict[str, Any]:
    return _cells("Result", found.outputs, scale, operation=operation)


def _visits(found: Walk) -> dict[str, Any]:
    """How often each cell of the input is seen."""
    visits = found.visits
    scale = ColourScale(Palette.SHARE, 0, float(visits.max()))
    counts = visits.astype(np.float32)
    cells = _cells("Visits", counts, scale, notes=["how many windows see each input cell"])
    return cells | {"counts": visits.tolist()}


def _cells(
    name: str,
    values: np.ndarray,
    scale: ColourScale,
    *,
    operation: str = "",
    shape: tuple[int, int] | None = None,
    notes: list[str] | None = None,
) -> dict[str, Any]:
    """A grid as the component draws it; NaN has no value, no colour and no text."""
    size, span = render.size(*(shape or values.shape)), render.span(*render.value_range(values))
    caption = " · ".join([size, span, *(notes or [])])
    pictures = scale.picture(values)
    return {
        "name": name,
        "operation": operation,
        "caption": caption,
        "alt": f"{name}: {caption}.",
        "texts": [["–" if np.isnan(value) else render.number(value) for value in line] for line in values.tolist()],
        "values": [[None if np.isnan(value) else float(str(value)) for value in line] for line in values],
        "colours": [["#" + bytes(cell[:3]).hex() if cell[3] else "" for cell in line] for line in pictures],
    }
