"""Feature maps: a network, an image, and one layer of which every map is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from cnnviz import render
from cnnviz.blocks import Kind
from cnnviz.geometry import Box
from cnnviz.layers import FeatureMap
from cnnviz.ui import link
from cnnviz.ui.experiments import maps_inputs, maps_subjects, spot
from cnnviz.ui.experiments.maps_inputs import Image
from cnnviz.ui.experiments.maps_subjects import Subject
from cnnviz.ui.experiments.stack import Scope
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.view import View
from cnnviz.ui.words import plain

SCOPES = {Scope.GROUP: "Group", Scope.LAYER: "Layer", Scope.MAP: "Map", Scope.STACK: "Model"}
#: Layers that stand beside each other; more are a list.
_IN_VIEW = 24
LAYER, FILTER, AT = "maps_layer", "maps_filter", "maps_at"


@dataclass(frozen=True, eq=False)
class Setting:
    """What the controls say: ``layer`` and ``channel`` count from 0; ``maps`` are those of every layer."""

    subject: Subject
    image: Image
    maps: Sequence[FeatureMap]
    layer: int
    channel: int
    scope: Scope
    keep: bool

    @property
    def found(self) -> FeatureMap:
        """The layer that is shown."""
        return self.maps[self.layer]

    @property
    def key(self) -> str:
        """What caches tell apart by: this network on this image."""
        return f"{self.subject.key} {self.image.key}"

    def seen(self, row: int, col: int, layer: int | None = None) -> Box | None:
        """What a cell of a layer, that which is shown or another, saw of the image; None for nothing but padding."""
        cell = (self.layer if layer is None else layer, row, col)
        return self.subject.opened.seen(self.maps, self.image.array.shape, cell)


def controls(view: View) -> tuple[Subject, Image, Sequence[FeatureMap]]:
    """The row for what the page is about: the network and the image."""
    titles = maps_subjects.titles()
    name = link.choose("Network", titles, "model", width=290)
    last = maps_subjects.epochs(name)
    epoch = link.slide("After epoch", 0, last, last, "maps_epoch", width=200) if last else None
    given = maps_subjects.subject(name, epoch)
    kind = maps_inputs.controls(given)
    key = f"maps {name} {view.scene.key} {view.window}"
    return good_or_default(key, lambda: _looked(view, given, kind), lambda: _fallback(view, given))


def _looked(view: View, given: Subject, kind: maps_inputs.Kind) -> tuple[Subject, Image, Sequence[FeatureMap]]:
    image = maps_inputs.chosen(view, given, kind)
    return given, image, given.opened.run_within(image.array, image.bands)


def _fallback(view: View, given: Subject) -> tuple[Subject, Image, Sequence[FeatureMap]]:
    """A network that takes the window, where the one that was asked for does not."""
    del given
    other = maps_subjects.subject("lenet5_digits")
    return _looked(view, other, maps_inputs.Kind.EXAMPLE)


def pick(given: Subject, image: Image, maps: Sequence[FeatureMap]) -> Setting:
    """The graph as a row of layers, one of which is chosen, and how its maps are shown."""
    layer = _layer(given, maps)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = maps[layer].array.shape[2]
        if st.session_state.get(FILTER, 1) > count:  # a click behind the last value, or a layer with fewer maps
            st.session_state[FILTER] = count
        channel = link.figure("Map", 1, count, 1, FILTER, width=110) if count > 1 else 1
        cell = link.text("Cell", "", AT, placeholder="row, column", help=_CELL_HELP, width=130)
        scope = link.switch("One colour scale per", SCOPES, "maps_scope", help=_SCOPE_HELP)
        keep = link.tick("Keep the scale when the image changes", "maps_keep")
    spot.check(cell, "cell")
    return Setting(given, image, maps, layer, channel - 1, scope, keep)


_CELL_HELP = (
    "Row and column of the maps, from 0. A click in a map fills it in; without one the strongest cell is looked at."
)
_SCOPE_HELP = "A group is a convolution with the activations and poolings that follow it, so that they can be compared."


def _layer(given: Subject, maps: Sequence[FeatureMap]) -> int:
    labels = {number: label(number, found) for number, found in enumerate(maps, 1)}
    chosen = st.session_state.get(LAYER)
    if isinstance(chosen, int) and chosen not in labels:  # another network has fewer layers
        st.session_state[LAYER] = 1
    first = next((n for n, found in enumerate(maps, 1) if found.kind is Kind.ACTIVATION), 1)
    offer = link.switch if len(labels) <= _IN_VIEW else link.choose
    return offer(f"Layers of {plain(given.title)}", labels, LAYER, default=first) - 1


def label(number: int, found: FeatureMap) -> str:
    """A layer in the graph: its number, what it does, and the shape of what it gives."""
    rows, cols, maps = found.array.shape
    return f"{number} · {found.name} · {render.size(rows, cols)} × {maps}"
