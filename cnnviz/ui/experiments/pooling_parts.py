"""Below the pictures: the sizes, and one of three closer looks."""

from __future__ import annotations

import streamlit as st

from cnnviz.ui import link
from cnnviz.ui.experiments import pooling, pooling_close, pooling_kept, pooling_lesson, pooling_shift, spot
from cnnviz.ui.experiments.pooling import PARTS, Part, Result
from cnnviz.ui.view import View


def show(view: View, result: Result, *, covered: bool) -> None:
    """Everything that would give the answer away waits until the result is uncovered."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = link.switch("Look closer", PARTS, "pool_part")
        spot.field()
    steady = not covered and _closer(view, result, part)
    pooling_lesson.tasks(result, steady=steady)


def _closer(view: View, result: Result, part: Part) -> bool:
    """The sizes and the part; whether the part shows a map that holds still."""
    pooling.sizes(result)
    match part:
        case Part.WINDOW:
            pooling_close.show(view, result)
        case Part.KEPT:
            pooling_kept.show(result)
        case Part.SHIFT:
            return pooling_shift.show(view, result)
    return False
