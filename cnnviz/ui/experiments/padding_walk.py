"""The small half of padding and stride: the walk, the formula with its numbers, and who is seen how often."""

from __future__ import annotations

import streamlit as st

from cnnviz.geometry import inputs
from cnnviz.padding import Axis
from cnnviz.ui.experiments.padding import Around, Setting
from cnnviz.ui.walk import walk
from cnnviz.walk import Walk


def show(given: Setting, found: Walk, *, covered: bool = False) -> None:
    """Show the small half; ``covered`` hides whatever tells the size of the result."""
    st.markdown("##### In small")
    walk(found, "padding_walk", operation=given.operation, covered=covered)
    rows, cols = (
        formula(name, axis, covered=covered) for name, axis in zip(("Rows", "Columns"), found.axes, strict=True)
    )
    st.markdown(f"**Size** = ⌊(n + p₀ + p₁ − d (k − 1) − 1) / s⌋ + 1  \n{rows}  \n{cols}")
    if not covered:
        st.markdown(" ".join([*_uneven(given, found), seen(found), *(unreached(found))]))


def formula(name: str, axis: Axis, *, covered: bool = False) -> str:
    """⌊(n + p₀ + p₁ − d(k − 1) − 1) / s⌋ + 1 with the numbers of one axis, in Markdown.

    >>> formula("Rows", Axis(size=5, kernel=3, before=1, after=1, stride=2, dilation=1))
    'Rows: ⌊(5 + 1 + 1 − 1 · (3 − 1) − 1) / 2⌋ + 1 = **3**'
    """
    size, kernel, before, after, stride, dilation = axis
    out = "?" if covered else f"**{axis.out}**"
    return f"{name}: ⌊({size} + {before} + {after} − {dilation} · ({kernel} − 1) − 1) / {stride}⌋ + 1 = {out}"


def seen(found: Walk) -> str:
    """How often a corner, the middle of an edge and the middle of the grid are seen, in one sentence."""
    visits = found.visits
    rows, cols = visits.shape
    low, high = int(visits.min()), int(visits.max())
    if low == high:
        return f"Every input cell is seen by {_windows(high)}."
    corner, edge = int(visits[0, 0]), int(visits[0, cols // 2])
    middle = int(visits[rows // 2, cols // 2])
    return (
        f"The upper left corner is seen by {_windows(corner)}, the middle of the upper edge by {edge}, "
        f"the middle of the grid by {middle}."
    )


def _windows(count: int) -> str:
    return f"{count} window" if count == 1 else f"{count} windows"


def unreached(found: Walk) -> list[str]:
    """Which input cells are never reached, and why; nothing where all are."""
    sentences = []
    for axis, left, what in zip(found.axes, found.left_over, ("row", "column"), strict=True):
        behind = max(axis.size - inputs(axis, 0, axis.out)[1], 0)
        if behind:
            lines = f"the last {what} is" if behind == 1 else f"the last {behind} {what}s are"
            sentences.append(
                f"Grey: {lines} never reached, as a step of {axis.stride} no longer fits into the {left} left over."
            )
    skipped = int((found.visits == 0).sum())
    if skipped and not sentences:
        sentences.append("Grey: cells that lie between the taps or windows, so that none ever sees them.")
    return sentences


def _uneven(given: Setting, found: Walk) -> list[str]:
    """TensorFlow's ``same`` is lopsided where the total is odd."""
    rows, cols = found.axes
    if given.around is not Around.SAME or (rows.before == rows.after and cols.before == cols.after):
        return []
    return [
        f"TensorFlow's same is uneven here: {rows.before} above and {rows.after} below, "
        f"{cols.before} to the left and {cols.after} to the right."
    ]
