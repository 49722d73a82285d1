"""A kernel as a grid of cells that can be typed into, coloured as kernels are everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnviz.grids import format_kernel
from cnnviz.render import MINUS, ColourScale
from cnnviz.ui.browser import component, nothing

_ROOM, _LEAST, _MOST = 190, 24, 50  # px: a grid where there is room for it, and a cell

_grid = component(
    "kernel_grid", '<div class="kernel"><table><tbody></tbody></table><div class="note" aria-live="polite"></div></div>'
)


def kernel_grid(
    weights: np.ndarray, key: str, *, help: str, name: str = "weight", on_edit: Callable[[], None] | None = None
) -> None:
    """Show ``weights`` ``(rows, cols)``, each called ``name``; a new text is in ``st.session_state[key]["edit"]``.

    Without ``on_edit`` the grid can be read and walked through, but not typed into.
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
            "side": _side(weights),
            "name": name,
            "help": help,
            "fixed": on_edit is None,
        },
        on_edit_change=on_edit or nothing,
    )


def _side(weights: np.ndarray) -> int:
    """Pixels to a side of a cell: it holds its number, and can be hit with a finger."""
    return min(max(_ROOM // int(max(weights.shape)), _LEAST), _MOST)


def grid_width(weights: np.ndarray) -> int:
    """Pixels that a grid of ``weights`` ``(rows, cols)`` is wide, with the lines around its cells.

    >>> grid_width(np.eye(3)), grid_width(np.eye(15))
    (154, 376)
    """
    cols = int(weights.shape[1])
    return cols * _side(weights) + cols + 1


def brief(weight: float) -> str:
    """A weight in at most four characters and its sign, for a cell; the cell holds the exact one besides.

    >>> brief(-2.0), brief(1 / 9), brief(-12.345), brief(1e30), brief(0.000244), brief(0.0)
    ('−2', '.111', '−12.3', '1e30', '≈0', '0')
    """
    size = abs(weight)
    if size < 0.0005:
        return "≈0" if weight else "0"
    return (MINUS if weight < 0 else "") + (_power(size) if size >= 9999.5 else _decimal(size))


def _power(size: float) -> str:
    digit, power = f"{size:.0e}".split("e")
    return f"{digit}e{int(power)}"


def _decimal(size: float) -> str:
    whole = len(str(int(size))) if size >= 1 else 0
    text = f"{size:.{max(3 - whole, 0)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).removeprefix("0")
