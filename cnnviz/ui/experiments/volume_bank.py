"""The kernels of the filter in the pictures, one per band, in cells that can be typed into."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.filters import Filter, kernel_text, parse_filters
from cnnviz.grids import format_kernel, parse_kernel
from cnnviz.kernels import KERNELS
from cnnviz.render import ColourScale
from cnnviz.ui.browser import component
from cnnviz.ui.cells import cells
from cnnviz.ui.experiments.volume import Setting
from cnnviz.ui.experiments.volume_controls import write
from cnnviz.ui.words import plain

_KEY = "filter_bank"
_PROBLEM = "_filter_bank_problem"
_bank = component("filter_bank", '<div class="bank"></div>')
_TITLES = [[name, kernel.title] for name, kernel in KERNELS.items()]


def edit(given: Setting) -> None:
    """Show the kernels and the bias; what is typed, chosen or turned becomes the text of the filters."""
    problem = st.session_state.pop(_PROBLEM, "")
    if problem:
        st.error(plain(problem))
    scale = ColourScale.weights(given.kernels)
    _bank(
        key=_KEY,
        data={
            "filter": f"Filter {given.shown + 1} of {len(given.filters)}",
            "kernels": [_kernel(given, band, scale) for band in range(len(given.bands))],
            "bias": format_kernel([[given.filter.bias]]),
            "titles": _TITLES,
        },
        on_edit_change=lambda: _edited(given),
    )


def _kernel(given: Setting, band: int, scale: ColourScale) -> dict[str, Any]:
    text = kernel_text(given.filter.kernels[band])
    weights = given.kernels[..., band]
    return {
        "band": given.bands[band],
        "name": text.lstrip("-") if text.lstrip("-") in KERNELS else "",
        "turned": text.startswith("-") and text[1:] in KERNELS,
        "cells": [line.split(",") for line in format_kernel(weights).split(";")],
        "colours": cells(weights, scale)["colours"],
    }


def _edited(given: Setting) -> None:
    change = st.session_state[_KEY]["edit"]
    try:
        changed = apply(given.filter, change)
    except CnnvizError as error:
        st.session_state[_PROBLEM] = f"{error} The kernel stays as it was."
        return
    filters = list(given.filters)
    filters[given.shown] = changed
    write(filters)


def apply(given: Filter, change: dict[str, Any]) -> Filter:
    """The filter after one change of the component: a bias, or for one band a text, a name, a turn, or "to all"."""
    match change:
        case {"bias": text}:
            return Filter(given.kernels, float(parse_kernel(str(text))[0, 0]))
        case {"band": int(band), "turn": True}:
            return given.with_kernel(band, np.negative(given.kernels[band]))
        case {"band": int(band), "all": True}:
            return Filter((given.kernels[band],) * len(given.kernels), given.bias)
        case {"band": int(band), "text": text}:
            return given.with_kernel(band, parse_filters(str(text))[0].kernels[0])
    return given
