"""The frame of every page: title, what to look for, the shared sidebar, and errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnviz.errors import CnnvizError, DamagedError
from cnnviz.kernels import KERNELS
from cnnviz.render import ColourScale
from cnnviz.ui import link
from cnnviz.ui.browser import component
from cnnviz.ui.sidebar import current_view, describe
from cnnviz.ui.view import View
from cnnviz.ui.visit import visit
from cnnviz.ui.words import plain

_FILES = Path(__file__).parent / "components"
_address = component("address")


@cache
def _icon() -> Image.Image:
    """A Sobel kernel in its colours, 48 × 48 pixels: drawn here, because named icons come from a foreign host."""
    weights = KERNELS["sobel_vertical"].weights
    return Image.fromarray(np.kron(ColourScale.weights(weights).picture(weights), np.ones((16, 16, 1), np.uint8)))


@contextmanager
def page(title: str, look: str) -> Iterator[View]:
    """Start a page and hand it the current view; an error that input can cause is shown, and the page lives on."""
    st.set_page_config(page_title=f"{title} · cnnviz", page_icon=_icon(), layout="wide")
    st.html(_FILES / "page.css")
    _address(key="address")
    st.title(title, anchor=False)
    dropped = st.empty()
    st.markdown(look)
    link.begin(title)
    view = _view()
    try:
        yield view
    except CnnvizError as error:
        _say(error)
    sentences = link.end()
    if sentences:
        dropped.info("This link asked for something else; shown are the defaults. " + " ".join(sentences))


def _view() -> View:
    """The current view; without one the page ends with a sentence, and the sidebar offers other scenes."""
    line = st.container(key="scene_line")
    try:
        view = current_view()
        with line:
            describe(view.scene)
        return view
    except CnnvizError as error:
        _say(error)
        st.stop()


def _say(error: CnnvizError) -> None:
    """Show an error; where pixels cannot be read, run the page again around them."""
    if isinstance(error, DamagedError) and visit().salvages():
        st.rerun()
    st.error(plain(str(error)))


def controls(row: str = "") -> DeltaGenerator:
    """The one row for what the page is about, or another named ``row`` below it; a teacher's link may hide it."""
    key = ("controls_hidden" if link.hides("controls") else "controls") + row
    return st.container(key=key, horizontal=True, vertical_alignment="bottom")


@contextmanager
def more(label: str = "More settings") -> Iterator[None]:
    """Settings that most visitors do not need at once."""
    key = "more_hidden" if link.hides("controls") else "more"
    with st.container(key=key), st.expander(label, key=f"{key}_{label}"):
        yield


def beside(width: int, *, turned: bool = False) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two containers side by side, the first ``width`` pixels wide.

    One stands above the other where there is no room, the first on top, or the second where they are ``turned``.
    """
    row = st.container(horizontal=True, key="beside_turned" if turned else "beside")
    return row.container(width=width), row.container(key="main_side")
