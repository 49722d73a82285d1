"""One filter of the chosen layer: its kernels, its maps from layer to layer, and the images that move it most."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.errors import CnnvizError
from cnnviz.render import ColourScale
from cnnviz.ui.experiments import maps_inputs
from cnnviz.ui.experiments.maps import Setting
from cnnviz.ui.experiments.maps_inputs import Image
from cnnviz.ui.experiments.maps_pictures import marks
from cnnviz.ui.experiments.stack_pictures import map_scales
from cnnviz.ui.maps import scaled
from cnnviz.ui.pictures import Room, Stage, caption, strip
from cnnviz.ui.words import plain
from cnnviz.weights import Array

_MOST = 9
_KERNELS = 16
_LARGEST = 7


def show(given: Setting) -> None:
    """The filter in three strips."""
    number = given.channel + 1
    if given.found.array.shape[:2] != (1, 1):
        st.subheader(f"Map {number}, from layer to layer", anchor=False)
        room = Room("9rem", 230, shared=True)
        strip([maps_inputs.stage(given.image), *_sequence(given)], "maps_sequence", room=room)
    _show_kernels(given)
    if given.subject.examples is not None:
        _show_active(given)


def _sequence(given: Setting) -> list[Stage]:
    """The maps of one filter in the layers of its group: convolution → activation → pooling."""
    found, scales, stages = given.found, map_scales(given.maps, given.scope), []
    for layer, each in enumerate(given.maps):
        if each.group != found.group or each.array.shape[2] != found.array.shape[2]:
            continue  # a flattened layer has as many values as its maps have pixels
        array = each.array[..., given.channel]
        metres = given.image.metres and scaled(given.image.metres, each.field)
        stages.append(
            Stage(
                name=f"layer {layer + 1}",
                operation=each.name,
                picture=scales[layer][given.channel].indices(array),
                caption=caption(array, metres),
                alt=f"{each.name}, map {given.channel + 1}: {render.span(*render.value_range(array))}.",
                scale=scales[layer][given.channel],
                field=each.field,
            )
        )
    return stages


def _show_kernels(given: Setting) -> None:
    """The kernels of the filter, one for each map that the convolution takes, on the scale of weights."""
    found = given.subject.opened.filter(given.layer, given.channel)
    if found is None:
        return
    kernels, bias = found
    rows, cols, count = kernels.shape
    st.subheader(f"Its {count} kernel{'s' * (count != 1)} of {rows} × {cols}, bias {render.number(bias)}", anchor=False)
    scale = ColourScale.weights(kernels)
    if (rows, cols) == (1, 1):
        strip([_row(kernels[0, 0], scale)], "maps_kernels", room=Room("30rem", 200), hint="")
        return
    shown = [_kernel(kernels[..., n], n, scale) for n in range(min(count, _KERNELS))]
    strip(shown, "maps_kernels", room=Room("9rem", 170, gallery=True), hint="")
    if count > _KERNELS:
        st.caption(f"The first {_KERNELS} of {count} are shown.")


def _row(weights: Array, scale: ColourScale) -> Stage:
    """Weights of a 1 × 1 convolution or a dense layer, as one row."""
    return Stage(
        name=f"{len(weights)} weights",
        picture=scale.indices(np.repeat(weights[None], 4, axis=0) if len(weights) > _KERNELS else weights[None]),
        caption=caption(weights[None], None),
        alt=f"{len(weights)} weights, {render.span(*render.value_range(weights))}.",
        scale=scale,
        cells=weights[None] if len(weights) <= _KERNELS else None,
    )


def _kernel(weights: Array, number: int, scale: ColourScale) -> Stage:
    return Stage(
        name=f"for map {number + 1}",
        picture=scale.picture(weights),
        caption="",
        alt=f"Kernel for map {number + 1}: {render.span(*render.value_range(weights))}.",
        scale=scale if number == 0 else None,
        cells=weights.round(3) if max(weights.shape) <= _LARGEST else None,
    )


def _show_active(given: Setting) -> None:
    """The examples that move this map most, each with the place that it looked at."""
    ready, number = given.subject.examples, given.layer
    if ready is None:
        return
    st.subheader("The examples that move it most", anchor=False)
    try:
        values, places = _answers(given.subject.key, number, given)
    except CnnvizError as error:
        st.caption(plain(str(error)))
        return
    images, labels = ready.images, ready.labels
    best = np.argsort(-values[:, given.channel], kind="stable")[:_MOST]
    stages = []
    for n in best:
        value = render.number(float(values[n, given.channel]))
        box = given.seen(*places[n, given.channel])
        image = Image(images[n], ready.bands, f"{ready.classes[labels[n]]}, {value}", "", int(labels[n]))
        stages.append(_small(image, maps_inputs.stage(image, marks(box)), int(n) + 1))
    strip(stages, "maps_active", room=Room("5.9rem", 150, gallery=True), hint="The box is what the strongest cell saw.")
    dead = int((values <= 0).all(axis=0).sum())
    st.caption(
        f"Largest value of this map in each of {len(images)} examples that were kept apart from training, each shown "
        f"in its own range. {dead} of the layer's {values.shape[1]} maps are above 0 in none of them."
    )


def _small(image: Image, stage: Stage, number: int) -> Stage:
    return Stage(
        name=f"example {number}",
        picture=stage.scale.colour(stage.picture) if stage.scale and stage.picture.ndim == 2 else stage.picture,
        caption=f" · {image.note}",
        alt=stage.alt,
        boxes=stage.boxes,
    )


@st.cache_resource(max_entries=8, ttl=600, show_spinner=False)
def _answers(network: str, layer: int, _given: Setting) -> tuple[Array, np.ndarray]:
    del network  # what the cache tells networks apart by
    ready = _given.subject.examples
    return _given.subject.opened.answers(ready.images if ready else _given.image.array[None], layer)
