"""Home: a live strip of feature maps, and a door to each experiment."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.ui.maps import band_stage, group_scales, map_stage
from cnnviz.ui.pictures import strip
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


def show_strip(view: View) -> None:
    """Input → convolution → ReLU → max pooling on the current window."""
    band = view.default_band()
    maps = network(view).run(view.patch([band]).array)
    scales = group_scales(maps)
    stages = [band_stage(view, band), *(map_stage(view, each, scales[each.group]) for each in maps)]
    strip(stages, "home", crs=view.crs)


def show_doors() -> None:
    """One link per experiment."""
    for door in DOORS:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(door.page, label=f"**{door.title}**", width=190)
            st.caption(door.about)
