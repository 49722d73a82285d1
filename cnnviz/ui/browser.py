"""Components: parts of a page that run in the browser. Their files lie in ``components``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_FILES = Path(__file__).parent / "components"


def component(name: str, html: str = "") -> Callable[..., Any]:
    """Door to the component ``name``: its script, with what all share before it, and its style where it has one."""
    style = _FILES / f"{name}.css"
    return st.components.v2.component(
        f"cnnviz_{name}",
        html=html or None,
        css=style.read_text() if style.exists() else None,
        js=(_FILES / "shared.js").read_text() + (_FILES / f"{name}.js").read_text(),
    )


def nothing() -> None:
    """What an event of a component calls that nobody listens to: Streamlit wants a callback for each."""
