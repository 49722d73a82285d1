"""All filters of the layer, and its cheaper relatives: grouped and depthwise convolution, with what each costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from cnnviz.render import ColourScale, number
from cnnviz.ui import link
from cnnviz.ui.experiments.volume import Result
from cnnviz.ui.experiments.volume_pictures import kernel_words, map_stages
from cnnviz.ui.pictures import Room, strip
from cnnviz.ui.view import View
from cnnviz.volume import Cost, conv_grouped, cost


def filters(view: View, result: Result) -> None:
    """The map of every filter after bias and activation, and the formula of the layer's cost with its numbers."""
    given = result.given
    maps = given.network.run(result.image)[-1].array
    scale = ColourScale.signed(maps)
    words = [(f"Filter {i}", _in_short(each.kernels)) for i, each in enumerate(given.filters, 1)]
    stages = map_stages(view, list(np.moveaxis(maps, -1, 0)), result.field, scale, words)
    strip(stages, "volume_filters", room=Room(least="10rem", height=320), crs=view.crs)
    st.markdown(formula(result))


def _in_short(kernels: tuple[np.ndarray, ...]) -> str:
    different = {(kernel.shape, kernel.tobytes()): kernel for kernel in kernels}
    words = [kernel_words(kernel) for kernel in different.values()]
    return words[0] if len(words) == 1 else ", ".join(words[:3]) + (" …" if len(words) > 3 else "")


def formula(result: Result) -> str:
    """(k² · C + 1) · K and k² · C · K · pixels, with the numbers put in."""
    rows, cols, bands, count = result.given.weights.shape
    found = layer_cost(result)
    side = f"{rows}²" if rows == cols else f"{rows} · {cols}"
    pixels = " · ".join(number(size) for size in result.total.shape)
    return (
        f"Parameters: ({side} · {bands} + 1) · {count} = **{number(found.parameters)}**. "
        f"Multiply-adds: {side} · {bands} · {count} · {pixels} = **{number(found.multiply_adds)}**, "
        f"{number(rows * cols * bands)} for every number that comes out."
    )


def layer_cost(result: Result, groups: int = 1) -> Cost:
    """Cost of the layer on the window, or of one with so many groups."""
    rows, cols, bands, count = result.given.weights.shape
    return cost((rows, cols), bands, count, outputs=result.total.size, groups=groups)


def kinds(view: View, result: Result) -> None:
    """The sums within groups of bands, from one group (a CNN's layer) to one per band (depthwise), and costs."""
    bands = result.given.bands
    divisors = [groups for groups in range(1, len(bands) + 1) if len(bands) % groups == 0]
    options = {str(groups): _kind(groups, len(bands)) for groups in divisors}
    middle = str(divisors[len(divisors) // 2])
    groups = int(link.choose("Bands are summed", options, "vol_groups", default=middle, width=320))
    _pictures(view, result, groups)
    st.table(_costs(result, groups), border="horizontal", hide_index=True)
    st.caption(
        "The kernels are those in the pictures above, without bias. A depthwise layer has as many maps as bands; the "
        "1 × 1 filters behind it sum them again, K times, for far fewer weights."
    )


def _kind(groups: int, bands: int) -> str:
    if groups == 1:
        return "all together (a CNN's layer)"
    return "never (depthwise)" if groups == bands else f"in {groups} groups of {bands // groups}"


def grouped_maps(result: Result, groups: int) -> np.ndarray:
    """Sums within groups of bands under the kernels in the pictures: float32 ``(rows, cols, groups)``."""
    rows, cols, bands = result.given.kernels.shape
    weights = result.given.kernels.reshape(rows, cols, groups, bands // groups)
    return conv_grouped(result.image, np.moveaxis(weights, 2, 3), groups=groups, **result.given.how)


def _pictures(view: View, result: Result, groups: int) -> None:
    bands, maps = result.given.bands, grouped_maps(result, groups)
    size = len(bands) // groups
    parts = [bands[first : first + size] for first in range(0, len(bands), size)]
    words = [(" + ".join(part) if size <= 4 else f"{part[0]} + … + {part[-1]}", "") for part in parts]
    scale = ColourScale.signed(maps)
    scale = replace(scale, rule=f"{scale.rule}; the same for all")
    stages = map_stages(view, list(np.moveaxis(maps, -1, 0)), result.field, scale, words)
    strip(stages, "volume_kinds", room=Room(least="10rem", height=320), crs=view.crs)


def _costs(result: Result, groups: int) -> dict[str, list[str]]:
    rows, cols, bands, count = result.given.weights.shape
    outputs = result.total.size
    depthwise = cost((rows, cols), bands, bands, outputs=outputs, groups=bands)
    found = [
        (f"Every filter sees all {bands} bands", count, bands, layer_cost(result)),
        ("Depthwise: a kernel per band, no sum", bands, 1, depthwise),
        (
            f"Depthwise, then {count} filters of 1 × 1",
            count,
            bands,
            depthwise + cost((1, 1), bands, count, outputs=outputs),
        ),
    ]
    if 1 < groups < bands and count % groups == 0:
        found.insert(
            1, (f"{groups} groups of {bands // groups} bands", count, bands // groups, layer_cost(result, groups))
        )
    return {
        "": [title for title, *_ in found],
        "Maps": [number(maps) for _, maps, *_ in found],
        "Bands that a map sees": [number(seen) for *_, seen, _ in found],
        "Parameters": [number(each.parameters) for *_, each in found],
        "Multiply-adds": [number(each.multiply_adds) for *_, each in found],
    }
