"""The network's graph as a table: what every layer takes, gives, sees and holds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnnviz.render import number, size
from cnnviz.ui.experiments.maps import Setting
from cnnviz.ui.words import plain


def show(given: Setting) -> None:
    """The table, folded away."""
    with st.expander("Shapes, parameters and receptive fields of every layer"):
        st.html("<style>.st-key-maps_table { overflow-x: auto; }</style>")  # a phone is narrower than the table
        with st.container(key="maps_table"):
            st.markdown(table(given))
        st.caption(f"What one cell sees is said of the cell in the middle. {plain(given.subject.about)}")


def table(given: Setting) -> str:
    """Output, receptive field and parameters of every layer, and their sum; where it branches, what each takes."""
    weights, takes = given.subject.opened.parameters(), given.subject.opened.takes
    lines = [
        ["", "Layer", "Takes", "Output", "One cell sees", "Parameters"],
        ["--:", "---", "---", "---", "---", "--:"],
    ]
    for step, (found, own) in enumerate(zip(given.maps, weights, strict=True)):
        rows, cols, maps = found.array.shape
        shape = f"{size(rows, cols)} × {number(maps)}"
        lines.append(
            [str(step + 1), plain(found.name), _takes(takes[step], given), shape, _sees(given, step), number(own)]
        )
    lines.append(["", "all", "", "", "", number(sum(weights))])
    if not branches(takes):
        lines = [line[:2] + line[3:] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def branches(takes: Sequence[tuple[int, ...]]) -> bool:
    """Whether a layer takes anything but the result of the one before."""
    return any(each != (number - 1,) for number, each in enumerate(takes))


def _takes(takes: tuple[int, ...], given: Setting) -> str:
    return ", ".join("the image" if each < 0 else f"{each + 1} {plain(given.maps[each].name)}" for each in takes)


def _sees(given: Setting, layer: int) -> str:
    rows, cols, _ = given.maps[layer].array.shape
    box = given.seen(rows // 2, cols // 2, layer)
    return "padding alone" if box is None else f"{size(int(box.bottom - box.top), int(box.right - box.left))} px"
