"""A kernel as a grid of cells that can be typed into, coloured as kernels are everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnviz.grids import format_kernel
from cnnviz.render import MINUS, ColourScale
from cnnviz.ui.browser import component

_grid = component(
    "kernel_grid", '<div class="kernel"><table><tbody></tbody></table><div class="note" aria-live="polite"></div></div>'
)


def kernel_grid(weights: np.ndarray, key: str, *, help: str, on_edit: Callable[[], None], fixed: bool = False) -> None:
    """Show ``weights`` ``(rows, cols)``; ``on_edit`` finds the new text in ``st.session_state[key]["edit"]``.

    A ``fixed`` grid can be read and walked through, but not typed into.
    """
    picture = ColourScale.weights(weights).picture(np.asarray(weights, np.float32))
    bright = picture[..., :3] @ np.array([0.299, 0.587, 0.114]) > 140
    _grid(
        key=key,
        data={
            "cells": [line.split(",") for line in format_kernel(weights).split(";")],
            "shown": [[brief(float(weight)) for weight in line] for line in weights],
            "colours": [["#" + bytes(cell[:3]).hex() for cell in line] for line in picture],
            "inks": [["#111111" if light else "#ffffff" for light in line] for line in bright],
            "help": help,
            "fixed": fixed,
        },
        on_edit_change=on_edit,
    )


def brief(weight: float) -> str:
    """A weight in as few characters as a cell has room for; the cell holds the exact one besides.

    >>> brief(-2.0), brief(1 / 9), brief(0.000244), brief(0.0)
    ('−2', '.111', '≈0', '0')
    """
    if weight == 0:
        return "0"
    text = f"{abs(weight):.3f}".rstrip("0").rstrip(".").lstrip("0")
    return (MINUS if weight < 0 else "") + text if text else "≈0"
