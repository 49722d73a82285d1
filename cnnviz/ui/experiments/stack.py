"""Stack them: a network that the visitor puts together, and its maps on the current window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import streamlit as st

from cnnviz import shorthand
from cnnviz.blocks import Activation, Conv2D, Layer
from cnnviz.errors import GeometryError
from cnnviz.layers import FeatureMap, Network
from cnnviz.opened import MAX_NUMBERS
from cnnviz.presets import PRESETS, Preset
from cnnviz.scene import Scene, Window
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.view import View, same_scene
from cnnviz.ui.words import plain
from cnnviz.weights import Array

#: Name of the line of text that is the stack: a control, and a part of the link.
LINE, BANDS = "stack", "stack_bands"
#: Maps of one layer that are shown; a network may have more.
MAX_SHOWN = 16
#: Bands that a sentence names.
MAX_NAMED = 20
DEFAULT = PRESETS["edges_of_edges"]


class Scope(StrEnum):
    """Which maps share a colour scale."""

    GROUP = "group"
    MAP = "map"
    LAYER = "layer"
    STACK = "stack"


SCOPES = {Scope.GROUP: "Group", Scope.LAYER: "Layer", Scope.MAP: "Map", Scope.STACK: "Stack"}
ALL_MAPS = 0


@dataclass(frozen=True)
class Setting:
    """What the controls say: ``layers`` as typed, ``network`` the last one that fits the window.

    ``shown`` is the number of the map that stands for each layer, from 1, or :data:`ALL_MAPS`.
    """

    layers: tuple[Layer, ...]
    network: Network
    shown: int
    scope: Scope


def shelf() -> dict[str, Array]:
    """Weights that are too many for a link, by their digest; they came with a recipe file in this visit."""
    kept: dict[str, Array] = st.session_state.setdefault("_stack_shelf", {})
    return kept


def controls(view: View) -> Setting:
    """The row for what the page is about: where to start, the bands, the stack as text, colours and maps."""
    options = [preset.title for preset in PRESETS.values()]
    st.menu_button("Start from", options, key="stack_start", on_click=_start, args=(view,), icon=":material/layers:")
    text = link.text("The stack as text", _first_line(view), LINE, help=_HELP, width=560)
    bands = _bands(view)
    scope = link.switch("One colour scale per", SCOPES, "stack_scope", help=_SCOPE_HELP)
    with st.container():
        _say_problem()
        layers = good_or_default("stack_layers", lambda: read(text), lambda: DEFAULT.network.layers)
        # A network that fits one scene and window may not fit the next.
        place = f"stack {view.scene.key} {view.window[2:]}"
        network = good_or_default(place, lambda: fitted(view, layers, bands), lambda: _default(view))
    return Setting(layers, network, _shown(network), scope)


def _first_line(view: View) -> str:
    """The stack to start from as text; a visitor who changed nothing has one that fits wherever the scene goes."""
    state, first = st.session_state, shorthand.write(_default(view).layers)
    if state.get(LINE) == state.get("_stack_first", first) != first:
        state[LINE] = first
    state["_stack_first"] = first
    return first


_HELP = (
    "Layers in the order in which data flows, with > between them, such as: sobel_vertical same > relu > max 2. "
    "Filters that sum over maps stand in brackets: [sobel_vertical | sobel_horizontal] stride=2."
)


_SCOPE_HELP = "A group is a convolution with the activations and poolings that follow it, so that they can be compared."


def _bands(view: View) -> list[str]:
    names = view.scene.band_names
    kept = [name for name in st.session_state.get(BANDS, ()) if name in names]
    if BANDS in st.session_state and kept != st.session_state[BANDS]:
        st.session_state[BANDS] = kept or [view.default_band()]
    return link.several("Input bands", names, [view.default_band()], BANDS)


def complain(sentence: str) -> None:
    """Say this at the next chance: callbacks cannot."""
    st.session_state["_stack_problem"] = sentence


def _say_problem() -> None:
    if sentence := st.session_state.pop("_stack_problem", ""):
        st.error(plain(sentence))


def read(text: str) -> tuple[Layer, ...]:
    """Layers of a line of text; raises RecipeError that says what is wrong in which of them."""
    return shorthand.read(text, shelf=shelf())


def _shown(network: Network) -> int:
    most = max(len(names) for names in network.labels(len(network.bands or ())))
    numbers = {number: f"Map {number} of each layer" for number in range(1, min(most, MAX_SHOWN) + 1)}
    options = {ALL_MAPS: "All maps"} | (numbers if most > 1 else {})
    return link.choose("Maps", options, "stack_maps", width=240)


def fitted(view: View, layers: tuple[Layer, ...], bands: list[str]) -> Network:
    """Network of ``layers`` on ``bands`` that fits the window; raises a CnnvizError that says why it does not."""
    if not bands:
        raise GeometryError("received no input band: choose at least one")
    network = Network(layers, bands=bands, name="stack")
    window = (view.window.rows, view.window.cols, len(bands))
    numbers = sum(int(np.prod(shape)) for shape in (window, *network.shapes(window)))
    if numbers > MAX_NUMBERS:
        raise GeometryError(
            f"received a stack whose bands and maps hold {numbers:,} numbers: at most {MAX_NUMBERS:,} are expected on "
            "a page; choose a smaller window, fewer bands or fewer filters, or run the recipe with the command line"
        )
    return network


def _default(view: View) -> Network:
    """What stands in for a stack that cannot be: the default, or one that fits any window."""
    band = [view.default_band()]
    try:
        return fitted(view, DEFAULT.network.layers, band)
    except GeometryError:
        return fitted(view, (Conv2D("vertical_edges", padding="same"), Activation("relu")), band)


def _start(view: View) -> None:
    title = st.session_state["stack_start"]
    take(view, next(preset for preset in PRESETS.values() if preset.title == title).network)


def take(view: View, network: Network) -> None:
    """From now on the stack is this network, on its own bands where it names them and the scene has them."""
    names = view.scene.band_names
    write(network.layers)
    if network.bands is None:
        st.session_state[BANDS] = st.session_state[BANDS][: network.input_bands]
    elif set(network.bands) <= set(names):
        st.session_state[BANDS] = list(network.bands)
    else:
        wanted, there = _some(network.bands), _some(names)
        complain(f"This stack wants the bands {wanted}; the scene has {there}. Choose those that come nearest.")


def _some(bands: Sequence[str]) -> str:
    """Names as a sentence can hold them."""
    return ", ".join(bands[:MAX_NAMED]) + f" and {len(bands) - MAX_NAMED:,} more" * (len(bands) > MAX_NAMED)


def write(layers: Sequence[Layer]) -> None:
    """From now on these are the layers; long weights go to the shelf."""
    st.session_state[LINE] = shorthand.write(layers, shelf=shelf())


def preset_of(given: Setting) -> Preset | None:
    """The preset that the stack is, if it is one."""
    return next((preset for preset in PRESETS.values() if preset.network.layers == given.layers), None)


def run(view: View, given: Setting) -> list[FeatureMap]:
    """One feature map per layer, on the current window."""
    return _maps(view.scene, view.window, given.network)


# One entry, so that a small host keeps its memory: what it saves is the work while colours or the chosen layer change.
@st.cache_resource(max_entries=1, ttl=600, show_spinner=False, hash_funcs={Scene: same_scene, Network: Network.to_json})
def _maps(scene: Scene, window: Window, network: Network) -> list[FeatureMap]:
    maps = network.run(View(scene, window).patch(network.bands or ()).array)
    for found in maps:
        found.array.flags.writeable = False
    return maps
