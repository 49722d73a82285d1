"""The frame of every page: title, what to look for, the shared sidebar, and errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.ui import link
from cnnviz.ui.sidebar import current_view
from cnnviz.ui.view import View

_STYLE = Path(__file__).parent / "components" / "page.css"


@contextmanager
def page(title: str, look: str) -> Iterator[View]:
    """Start a page and hand it the current view; an error that input can cause is shown, and the page lives on."""
    st.set_page_config(page_title=f"{title} · cnnviz", page_icon=":material/grid_on:", layout="wide")
    st.html(_STYLE)
    link.begin(title)
    st.title(title)
    dropped = st.empty()
    st.markdown(look)
    try:
        yield current_view()
    except CnnvizError as error:
        st.error(str(error))
    sentences = link.end()
    if sentences:
        dropped.info("This link asked for something else; shown are the defaults. " + " ".join(sentences))


@contextmanager
def controls() -> Iterator[None]:
    """The one row for what the page is about; a teacher's link may hide it."""
    key = "controls_hidden" if link.hides("controls") else "controls"
    with st.container(key=key, horizontal=True, vertical_alignment="bottom"):
        yield


@contextmanager
def more(label: str = "More settings") -> Iterator[None]:
    """Settings that most visitors do not need at once."""
    key = "more_hidden" if link.hides("controls") else "more"
    with st.container(key=key), st.expander(label):
        yield
