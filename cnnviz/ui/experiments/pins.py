"""Pixels that the visitor has pinned: their places in the URL, their spectra from the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnnviz.render import number
from cnnviz.scene import Scene, Window
from cnnviz.ui import link
from cnnviz.ui.experiments.spot import read
from cnnviz.ui.pictures import PIN_COLOURS, Pin
from cnnviz.ui.view import View, same_scene
from cnnviz.ui.words import short

PINS = "pin_strip"
_TEXT = "pins"


@dataclass(frozen=True)
class Spectrum:
    """The values of one pinned pixel: float32 ``(bands,)``, as the file holds them."""

    pin: Pin
    label: str
    values: np.ndarray


def pin_field(view: View) -> None:
    """The places as text, so that a link carries them and the keyboard can set them."""
    st.session_state["_view_window"] = view.window
    text = link.text("Pinned pixels", "", _TEXT, help="Row, column of the scene; several apart by semicolons.")
    rows, cols, _ = view.scene.shape
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if wrong := [part for part in parts if read(part) is None]:
        said = short("; ".join(wrong))
        st.error(f"Received “{said}” as pinned pixels: write row, column of each, such as 120, 84; 7, 300.")
    if outside := [f"{row}, {col}" for row, col in _places() if row >= rows or col >= cols]:
        ends = f"its last row is {number(rows - 1)}, its last column {number(cols - 1)}"
        st.caption(f"Outside this scene: {short('; '.join(outside))}. Counted from 0, {ends}.")


def add_pin() -> None:
    """Keep the pixel that was just clicked; the oldest makes room."""
    picked = st.session_state[PINS]["pick"]
    window = st.session_state["_view_window"]
    places = [*_places(), (window.row + picked["row"], window.col + picked["col"])]
    st.session_state[_TEXT] = "; ".join(f"{row}, {col}" for row, col in places[-len(PIN_COLOURS) :])


def _places() -> list[tuple[int, int]]:
    parts = str(st.session_state.get(_TEXT, st.query_params.get(_TEXT, ""))).split(";")
    return [place for part in parts if (place := read(part))]


def places(view: View) -> list[tuple[int, int]]:
    """Pinned pixels of the scene, (row, col); without any, up to three that differ as much as the window allows."""
    return _inside(view)[: len(PIN_COLOURS)] or _examples(view)


def chosen(view: View) -> bool:
    """Whether the visitor has pinned anything in the scene."""
    return bool(_inside(view))


def _inside(view: View) -> list[tuple[int, int]]:
    rows, cols, _ = view.scene.shape
    return [(row, col) for row, col in _places() if row < rows and col < cols]


def _examples(view: View) -> list[tuple[int, int]]:
    """Dark, middle and bright pixels of the default band, as many as differ."""
    return _ranked(view.scene, view.window, view.default_band())


@st.cache_data(max_entries=64, ttl=600, show_spinner=False, hash_funcs={Scene: same_scene})
def _ranked(scene: Scene, window: Window, band: str) -> list[tuple[int, int]]:
    array = View(scene, window).patch([band]).array[..., 0]
    count = int(np.isfinite(array).sum())
    if not count:
        return []
    ranks = [int(share * (count - 1)) for share in (0.02, 0.5, 0.98)]
    order = np.argpartition(array, ranks, axis=None)
    distinct = {float(array.ravel()[order[rank]]): order[rank] for rank in ranks}
    found = [np.unravel_index(place, array.shape) for place in distinct.values()]
    return [(window.row + int(row), window.col + int(col)) for row, col in found]


def pinned(view: View, within: Window | None = None) -> list[Pin]:
    """The view's pins that lie in its window, or ``within`` another, in the window's own pixels."""
    window = within or view.window
    return [
        Pin(row - window.row, col - window.col, colour)
        for (row, col), colour in zip(places(view), PIN_COLOURS, strict=False)
        if 0 <= row - window.row < window.rows and 0 <= col - window.col < window.cols
    ]


def spectra(view: View) -> list[Spectrum]:
    """One spectrum per pin, in digital numbers."""
    return [
        Spectrum(Pin(row, col, colour), f"row {row}, column {col}", _pixel(view.scene, row, col))
        for (row, col), colour in zip(places(view), PIN_COLOURS, strict=False)
    ]


@st.cache_data(max_entries=64, ttl=600, show_spinner=False, hash_funcs={Scene: same_scene})
def _pixel(scene: Scene, row: int, col: int) -> np.ndarray:
    return scene.pixel(row, col)
