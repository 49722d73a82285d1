"""What a stack costs and sees, layer by layer, as a table."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from cnnviz.layers import FeatureMap
from cnnviz.render import number, size
from cnnviz.text import ground
from cnnviz.ui.experiments.stack import Setting
from cnnviz.ui.maps import scaled
from cnnviz.ui.view import View


def show(view: View, given: Setting, maps: Sequence[FeatureMap]) -> None:
    """The table."""
    st.html("<style>.st-key-stack_facts { overflow-x: auto; }</style>")  # a phone is narrower than the table
    with st.container(key="stack_facts"):
        st.markdown(table(view, given, maps))


def table(view: View, given: Setting, maps: Sequence[FeatureMap]) -> str:
    """Output, receptive field, pixel size, weights and multiply-adds of every layer, and their sums."""
    network, shape = given.network, (view.window.rows, view.window.cols, len(given.network.bands or ()))
    weights, products = network.parameters(), network.multiply_adds(shape)
    lines = [
        ["", "Layer", "Output", "One pixel sees", "Pixel", "Parameters", "Products"],
        ["--:", "---", "---", "---", "---", "--:", "--:"],
    ]
    for step, (found, own, cost) in enumerate(zip(maps, weights, products, strict=True), 1):
        rows, cols, count = found.array.shape
        pixel = "" if view.metres is None else ground(scaled(view.metres, found.field)).removesuffix("/px")
        output = f"{size(rows, cols)} × {number(count)}"
        lines.append([str(step), found.name, output, seen(view, found), pixel, number(own), number(cost)])
    lines.append(["", "all", "", "", "", number(sum(weights)), number(sum(products))])
    if view.metres is None:
        lines = [[*line[:4], *line[5:]] for line in lines]
    return "\n".join("| " + " | ".join([*line[:2], *map(_unbroken, line[2:])]) + " |" for line in lines)


def _unbroken(cell: str) -> str:
    """A cell whose sizes are not torn apart; it may still break after a comma or before an equals sign."""
    return re.sub(r" (?!=)(?<!, )", "\N{NO-BREAK SPACE}", cell)


def seen(view: View, found: FeatureMap) -> str:
    """What a pixel of a layer sees, in pixels and, where the file says how large they are, in metres."""
    pixels = f"{size(*found.field.size)} px"
    return pixels if view.metres is None else f"{pixels} = {_metres(found, view.metres)}"


def _metres(found: FeatureMap, metres: tuple[float, float]) -> str:
    down, across = (number(round(sees * each, 4)) for sees, each in zip(found.field.size, metres, strict=True))
    return f"{down} × {across} m"
