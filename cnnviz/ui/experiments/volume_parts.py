"""Below the pictures: whether the terms add up, and one of five closer looks."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import streamlit as st

from cnnviz.render import number
from cnnviz.ui import link
from cnnviz.ui.experiments import spot, volume_arithmetic, volume_layers, volume_products, volume_red
from cnnviz.ui.experiments.volume import Result, layer_difference
from cnnviz.ui.view import View


class Part(StrEnum):
    """What is looked at below the pictures."""

    PRODUCTS = "products"
    FILTERS = "filters"
    KINDS = "kinds"
    ARITHMETIC = "arithmetic"
    RED = "red"


PARTS = {
    Part.PRODUCTS: "Every product",
    Part.FILTERS: "All filters",
    Part.KINDS: "Grouped and depthwise",
    Part.ARITHMETIC: "1 × 1 and the NDVI",
    Part.RED: "A red object",
}


def show(view: View, result: Result, *, covered: bool) -> None:
    """What would give the answer away waits until the result is uncovered."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = link.switch("Look closer", PARTS, "vol_part")
        spot.field()
    if covered:
        return
    _adds_up(result)
    match part:
        case Part.PRODUCTS:
            volume_products.show(view, result)
        case Part.FILTERS:
            volume_layers.filters(view, result)
        case Part.KINDS:
            volume_layers.kinds(view, result)
        case Part.ARITHMETIC:
            volume_arithmetic.show(view)
        case Part.RED:
            volume_red.show(result)


def _adds_up(result: Result) -> None:
    gap = layer_difference(result)
    largest = float(np.nanmax(np.abs(result.total))) if np.isfinite(result.total).any() else 0.0
    share = "" if np.isnan(gap) or not largest else f", {number(gap / largest, 2)} of the largest number"
    said = f"differs by {number(gap, 2)} at most{share}" if gap else "is equal in every bit"
    if np.isnan(gap):
        said = "has no pixel with data in all bands"
    st.caption(
        "The sum adds up the terms shown in float64 and rounds once. The layer's own map, all bands at once in "
        f"float32, {said}."
    )
