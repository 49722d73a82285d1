"""One pixel that a page looks at closely: clicked in a picture or typed, and kept in the URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from cnnviz.geometry import ReceptiveField
from cnnviz.ui import link
from cnnviz.ui.view import View
from cnnviz.ui.words import short

_KEY = "at"
_PLACE = re.compile(r"\s*(\d{1,7})\s*,\s*(\d{1,7})\s*")


def read(text: str) -> tuple[int, int] | None:
    """A typed place (row, col); None for what is none.

    >>> read(" 120, 84"), read("120")
    ((120, 84), None)
    """
    found = _PLACE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def field() -> None:
    """A field to type the pixel."""
    check(link.text("Pixel", "", _KEY, placeholder="row, column", help=_HELP, width=200), "pixel")


def check(text: str, what: str) -> None:
    """Say where a typed place cannot be read."""
    if text.strip() and read(text) is None:
        typed = short(text)
        st.error(f"Received “{typed}” as a {what}; two whole numbers are expected, row, column, such as 120, 84.")


def place(view: View, otherwise: tuple[int, int]) -> tuple[int, int]:
    """The chosen pixel (row, col) of the window; ``otherwise`` where none in the window is chosen."""
    # A link's pixel is wanted before the field that takes it is drawn.
    found = read(st.session_state.get(_KEY, st.query_params.get(_KEY, "")))
    if found is None:
        return otherwise
    row, col = found[0] - view.window.row, found[1] - view.window.col
    return (row, col) if 0 <= row < view.window.rows and 0 <= col < view.window.cols else otherwise


_HELP = "Row, column of the scene, counted from 0. A click in a picture fills it in; a pixel outside the window waits."


def picker(view: View, fields: Sequence[ReceptiveField], strip: str) -> Callable[[], None]:
    """What a click in the ``strip`` does: the centre of what the clicked pixel saw becomes the chosen one."""
    return partial(_choose, view, tuple(fields), strip)


def _choose(view: View, fields: tuple[ReceptiveField, ...], strip: str) -> None:
    picked = st.session_state[strip]["pick"]
    centre = fields[picked["stage"]].centre(picked["row"], picked["col"])
    sizes = view.window.rows, view.window.cols
    row, col = (min(max(int(at), 0), size - 1) for at, size in zip(centre, sizes, strict=True))
    st.session_state[_KEY] = f"{view.window.row + row}, {view.window.col + col}"


def strongest(array: np.ndarray) -> tuple[int, int]:
    """Place of the largest magnitude in the middle of a map ``(rows, cols)``, where there is room around it."""
    rows, cols = (size // 4 for size in array.shape)
    middle = np.abs(array[rows : array.shape[0] - rows, cols : array.shape[1] - cols])
    if not np.isfinite(middle).any():
        return array.shape[0] // 2, array.shape[1] // 2
    row, col = np.unravel_index(np.nanargmax(middle), middle.shape)
    return rows + int(row), cols + int(col)
