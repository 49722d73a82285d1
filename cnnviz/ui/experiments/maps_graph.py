"""The network's graph as a table: what every layer gives, sees and holds."""

from __future__ import annotations

import streamlit as st

from cnnviz.render import number, size
from cnnviz.ui.experiments.maps import Setting


def show(given: Setting) -> None:
    """The table, folded away."""
    with st.expander("Shapes, parameters and receptive fields of every layer"):
        st.html("<style>.st-key-maps_table { overflow-x: auto; }</style>")  # a phone is narrower than the table
        with st.container(key="maps_table"):
            st.markdown(table(given))
        st.caption(given.subject.about)


def table(given: Setting) -> str:
    """Output, receptive field and parameters of every layer, and their sum."""
    weights = given.subject.network.parameters()
    lines = [["", "Layer", "Output", "One cell sees", "Parameters"], ["--:", "---", "---", "---", "--:"]]
    for step, (found, own) in enumerate(zip(given.maps, weights, strict=True), 1):
        rows, cols, maps = found.array.shape
        shape = f"{size(rows, cols)} × {number(maps)}"
        lines.append([str(step), found.name, shape, f"{size(*found.field.size)} px", number(own)])
    lines.append(["", "all", "", "", number(sum(weights))])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
