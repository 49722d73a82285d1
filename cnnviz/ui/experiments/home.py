"""Home: a live strip of feature maps, and a door to each experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from cnnviz.layers import Activation, Conv2D, FeatureMap, Network, Pool2D
from cnnviz.ui.maps import band_stage, group_scales, map_stage
from cnnviz.ui.pictures import Mark, strip
from cnnviz.ui.view import View

#: The stack that the strip shows: the shortest that has all three kinds of layer.
EDGES = Network([Conv2D("sobel_vertical", padding="same", border="reflect"), Activation("relu"), Pool2D(2)])


@dataclass(frozen=True)
class Door:
    """An experiment: its page, its name, and what one finds there."""

    page: str
    title: str
    about: str


DOORS = (
    Door(
        "pages/1_Image_inspection.py",
        "Image inspection",
        "Pixels, bands, spectra: what the network is given.",
    ),
    Door("pages/2_Kernel_playground.py", "Kernel playground", "One kernel, any kernel, and what it finds."),
    Door(
        "pages/3_Padding_and_stride.py",
        "Padding and stride",
        "A kernel walks over a small grid: sizes, borders, and cells that are never seen.",
    ),
    Door("pages/4_Pooling.py", "Pooling", "One number for a whole window: the largest, the mean or the smallest."),
    Door("pages/5_Volume_convolution.py", "Volume convolution", "A kernel for every band: what each adds to the sum."),
    Door(
        "pages/6_Convolution_as_a_matrix.py",
        "Convolution as a matrix",
        "The same weights, written out, and what sharing them saves.",
    ),
    Door("pages/7_Stack_layers.py", "Stack layers", "A network of your own, layer by layer, with every map in view."),
    Door(
        "pages/8_Train_LeNet-5.py",
        "Train LeNet-5",
        "A network finds its own filters: on digits, on chips of a scene, or on images of yours.",
    ),
    Door(
        "pages/9_Feature_maps.py",
        "Feature maps",
        "Inside a trained network: what every map answers to, and why it decides.",
    ),
)


def network(view: View) -> Network:
    """The strip's stack on its band; without the pooling where the window is a single line of pixels."""
    layers = EDGES.layers if min(view.window[2:]) >= 2 else EDGES.layers[:-1]
    return Network(layers, bands=[view.default_band()], name="edges")


def run(view: View) -> list[FeatureMap]:
    """What each layer of the strip's stack makes of the current window."""
    return network(view).run(view.patch([view.default_band()]).array)


def show_strip(
    view: View, maps: Sequence[FeatureMap], *, covered: bool = False, asked: tuple[int, int] | None = None
) -> None:
    """Input → convolution → ReLU → max pooling; ``covered`` hides what comes after the convolution.

    ``asked`` is the pixel of the last map that is asked for: all that it was made from is marked in every map.
    """
    scales = group_scales(maps)
    stages = [map_stage(view, each, scales[each.group]) for each in maps]
    if asked is not None:
        marks = [_under(each, maps[-1], asked) for each in maps]
        stages = [replace(stage, boxes=[mark], enlarged=True) for stage, mark in zip(stages, marks, strict=True)]
    after = (replace(stage, covered=covered) for stage in stages[1:])
    strip([band_stage(view, view.default_band()), stages[0], *after], "home", crs=view.crs)


def _under(found: FeatureMap, last: FeatureMap, at: tuple[int, int]) -> Mark:
    """The pixels of a map that a pixel of the last one, which pools them, stands for."""
    rows, cols = (whole // part for whole, part in zip(last.field.jump, found.field.jump, strict=True))
    return Mark(at[0] * rows, at[1] * cols, rows, cols)


def show_doors() -> None:
    """One link per experiment."""
    st.subheader("Experiments", anchor=False)
    with st.container(key="doors"):
        for door in DOORS:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.page_link(door.page, label=f"**{door.title}**", width=190)
                st.caption(door.about)
