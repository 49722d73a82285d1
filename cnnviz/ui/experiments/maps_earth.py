"""On Earth: a classifier of chips slides over the window in view, and says a class for every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz import render
from cnnviz.blocks import Activation, Function
from cnnviz.land_cover import scaled as times
from cnnviz.layers import FeatureMap, Network
from cnnviz.render import ColourScale, Palette
from cnnviz.scene import Scene, Window, open_scene
from cnnviz.text import ground
from cnnviz.ui import link, whole_scene
from cnnviz.ui.classes import NOTHING, legend, picture
from cnnviz.ui.experiments.maps import Setting
from cnnviz.ui.experiments.maps_subjects import Subject
from cnnviz.ui.labels import labels_of
from cnnviz.ui.maps import composite_stage, over, scaled
from cnnviz.ui.pictures import Room, Stage, caption, strip
from cnnviz.ui.view import View, same_scene
from cnnviz.weights import Array

#: A recipe of more weights would be too long: what runs over the whole scene travels as one.
_MOST_WEIGHTS = 230_000


def show(view: View, given: Setting) -> None:
    """The window's map, where the network was trained on bands that the scene has; and the scene's as a file."""
    if not isinstance(given.subject.network, Network):
        st.caption(_ONE_BY_ONE)
        return
    _show_map(view, given)
    if network := whole(view, given):
        whole_scene.show(view, network, "feature maps")


_ONE_BY_ONE = (
    "This model branches, or has layers that a network here has no words for: it is shown image by image, and is not "
    "run over a whole scene."
)


def _show_map(view: View, given: Setting) -> None:
    known, sized = given.subject.examples, given.subject.sized
    if known is None or sized is None or not set(known.bands) <= set(view.scene.band_names):
        return
    if sized[0] > view.window.rows or sized[1] > view.window.cols or not given.subject.classes:
        return
    st.subheader("The same network over the whole window", anchor=False)
    if not link.tick("Slide it over the scene", "maps_slide", help=_HELP):
        return
    network = Network(given.subject.network.layers, bands=known.bands)
    found = _slid(view.scene, view.window, network, known.factor)
    best, sure = classified(found.array)
    strip(_stages(view, given, found, best, sure), "maps_earth", crs=view.crs, room=Room("14rem", 420))
    st.html(legend(given.subject.classes))
    st.caption(" ".join([_step(view, found), right(view, found, given.subject, best)]))


def whole(view: View, given: Setting) -> Network | None:
    """The network for the scene's own numbers, or None where the scene lacks its bands or was never its input."""
    known, names = given.subject.examples, view.scene.band_names
    bands, network = known.bands if known else given.image.bands, given.subject.network
    if not set(bands) <= set(names) or sum(network.parameters()) > _MOST_WEIGHTS:
        return None
    return times(Network(network.layers, bands=bands, name=given.subject.title), known.factor if known else 1)


_HELP = "Every dense layer becomes a convolution of its maps' size: the same weights, the same numbers, at every place."


# One entry: what it saves is the work while other controls of the page change.
@st.cache_resource(
    max_entries=1, ttl=600, show_spinner="Sliding over the window …", hash_funcs={Scene: same_scene, Network: hash}
)
def _slid(scene: Scene, window: Window, network: Network, factor: float) -> FeatureMap:
    image = View(scene, window).patch(network.bands or ()).array * np.float32(factor)
    last = network.layers[-1]
    ends = isinstance(last, Activation) and last.name is Function.SOFTMAX
    whole = network if ends else Network([*network.layers, Activation("softmax")], bands=network.bands)
    array = whole.apply(image)
    names = whole.labels(image.shape[2])[-1]
    return FeatureMap("shares", last.kind, array, whole.receptive_field(image.shape), names, 0)


def classified(shares: Array) -> tuple[NDArray[np.uint8], Array]:
    """Class and confidence ``(rows, cols)`` of shares ``(rows, cols, classes)``; 255 and NaN where there is no data."""
    there = np.isfinite(shares).all(axis=2)
    best = np.where(there, np.nan_to_num(shares).argmax(axis=2), NOTHING).astype(np.uint8)
    return best, np.where(there, shares.max(axis=2), np.float32(np.nan)).astype(np.float32)


def _stages(view: View, given: Setting, found: FeatureMap, best: NDArray[np.uint8], sure: Array) -> list[Stage]:
    """The window, classes and confidence on its pixels, so that one place is one place in all three."""
    metres = view.metres and scaled(view.metres, found.field)
    scale = ColourScale(Palette.SHARE, 0, 1, "share of the likeliest class")
    window = composite_stage(view, view.default_bands())
    shape = window.picture.shape[:2]
    size = render.size(*best.shape)
    where: dict[str, Any] = {"transform": window.transform, "origin": window.origin}
    drawn = np.nan_to_num(over(best.astype(np.float32), found.field, shape, shape), nan=NOTHING).astype(np.uint8)
    present = len(np.unique(best[best != NOTHING]))
    return [
        window,
        Stage(
            name="class",
            operation=f"slide by {found.field.jump[0]} px",
            picture=picture(drawn, given.subject.classes),
            caption=f" · {size} px" + (f" · {ground(metres)}" if metres else "") + f" · {present} classes",
            alt=f"The class of every step, {size}.",
            **where,
        ),
        Stage(
            name="confidence",
            operation="largest share",
            picture=scale.indices(over(sure, found.field, shape, shape)),
            caption=caption(sure, metres),
            alt=f"How sure the network is, {size}.",
            scale=scale,
            **where,
        ),
    ]


def _step(view: View, found: FeatureMap) -> str:
    rows, cols = found.field.size
    answers = render.number(found.array[..., 0].size)
    return f"{answers} answers, each from {render.size(rows, cols)} pixels of the window."


def right(view: View, found: FeatureMap, subject: Subject, best: NDArray[np.uint8]) -> str:
    """How many answers agree with the label of the pixel in the middle, where the scene has labels."""
    chip, labels = subject.sized, labels_of(view.scene)
    if chip is None or labels is None:
        return ""
    numbers = labels.values(subject.classes)
    truth = open_scene(labels.path).read(view.window).array[..., 0]
    box = found.field.box(0, 0)
    starts = int(box.top) + chip[0] // 2, int(box.left) + chip[1] // 2
    y, x = (
        index * jump + start
        for index, jump, start in zip(np.indices(best.shape), found.field.jump, starts, strict=True)
    )
    table = np.full(NOTHING + 1, NOTHING)
    table[list(numbers)] = list(numbers.values())
    said = np.nan_to_num(truth[y.clip(0, len(truth) - 1), x.clip(0, truth.shape[1] - 1)])
    true = table[said.clip(0, NOTHING).astype(np.intp)]
    judged = (true != NOTHING) & (best != NOTHING)
    if not judged.any():
        return ""
    share = render.number(100 * float((true == best)[judged].mean()), 3)
    made_up = " (synthetic scene)" if labels.synthetic else ""
    return f"{share} % agree with the label of the pixel in the middle{made_up}."
