"""The editor of a stack: pick a layer, set it, move it, remove it, add another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import streamlit as st

from cnnviz.blocks import Activation, Conv2D, Function, Layer, Pool2D
from cnnviz.convolve import PoolMode
from cnnviz.errors import CnnvizError
from cnnviz.kernels import KERNELS
from cnnviz.layers import MAX_LAYERS, Network
from cnnviz.padding import Border, Padding, Pair
from cnnviz.shorthand import read_bias, read_weights, write_bias, write_weights
from cnnviz.ui import link
from cnnviz.ui.experiments.stack import Setting, complain, shelf, write
from cnnviz.weights import MAX_DILATION, MAX_POOL, MAX_STRIDE

_CHOSEN, _ADD = "stack_layer", "stack_add"
_GRID, _FILTERS = "own", "filters"
_KERNELS = {_GRID: "Own numbers, each map alone", _FILTERS: "Filters that sum over the maps"}
_KERNELS |= {name: kernel.title for name, kernel in KERNELS.items()}
_PADDINGS: Mapping[Any, str] = {padding: str(padding) for padding in Padding} | {
    ((n, n), (n, n)): f"{n} pixel{'s' * (n > 1)}" for n in (1, 2, 3)
}
#: Longest text of weights that is offered for editing.
_TYPED = 2000
NEW: Mapping[str, Layer] = {
    "Convolution": Conv2D("sobel_vertical"),
    "ReLU": Activation("relu"),
    "Max pooling": Pool2D(2),
    "Average pooling": Pool2D(2, mode="average"),
    "Sigmoid": Activation("sigmoid"),
    "tanh": Activation("tanh"),
}


def edit(given: Setting) -> int:
    """Show the layers and the settings of one of them; returns which one is chosen, from 0."""
    # The name that the page's style hides, where a teacher's link says so.
    with st.container(border=True, key="more_hidden" if link.hides("controls") else "stack_editor"):
        number = _choose(given.layers)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _show_fields(given, number)
        with st.container(horizontal=True, gap="xsmall"):
            _buttons(given.layers, number)
    return min(number, len(given.network.layers) - 1)


def _choose(layers: Sequence[Layer]) -> int:
    options = {number: f"{number + 1} · {layer.title}" for number, layer in enumerate(layers)}
    if st.session_state.get(_CHOSEN, len(layers) - 1) not in options:
        st.session_state[_CHOSEN] = len(layers) - 1
    return link.switch("Layers, in the order in which data flows", options, _CHOSEN, default=len(layers) - 1)


@dataclass(frozen=True)
class _Editing:
    """The layer that is being edited: its fields show what the stack says, and a change rewrites the stack."""

    layers: Sequence[Layer]
    number: int

    def field(self, what: str, value: Any, read: Callable[[Any], Any] = lambda value: value, name: str = "") -> Any:
        """Arguments of a widget that shows ``value`` and sets ``what`` to what ``read`` makes of the visitor's."""
        key = f"_stack_{name or what}"
        st.session_state[key] = value
        return {"key": key, "on_change": self._changed, "args": (what, key, read)}

    def _changed(self, what: str, key: str, read: Callable[[Any], Any]) -> None:
        before, after = self.layers[: self.number], self.layers[self.number + 1 :]
        try:
            layer = replaced(self.layers[self.number], what, read(st.session_state[key]))
        except CnnvizError as error:
            complain(f"Layer {self.number + 1}: {error}")
        else:
            _arrange([*before, layer, *after], self.number)

    def select(self, label: str, what: str, value: Any, options: Mapping[Any, str]) -> None:
        """One of ``options``."""
        st.selectbox(label, list(options), format_func=options.__getitem__, **self.field(what, value))

    def pair(self, label: str, what: str, value: Pair, most: int) -> None:
        """One number for both directions while they are equal, else one for each."""
        if value[0] == value[1]:
            st.number_input(label, 1, most, **self.field(what, value[0], lambda number: (number, number)))
            return
        down = self.field(what, value[0], lambda number: (number, value[1]), f"{what}_down")
        across = self.field(what, value[1], lambda number: (value[0], number), f"{what}_across")
        st.number_input(f"{label} down", 1, most, **down)
        st.number_input(f"{label} across", 1, most, **across)


def _show_fields(given: Setting, number: int) -> None:
    layer, editing = given.layers[number], _Editing(given.layers, number)
    if isinstance(layer, Activation):
        editing.select("Function", "name", layer.name, {name: str(name) for name in Function})
        return
    if isinstance(layer, Pool2D):
        editing.select("Keeps the", "mode", layer.mode, {mode: str(mode) for mode in PoolMode})
        editing.pair("Size", "size", layer.size, MAX_POOL)
    if isinstance(layer, Conv2D):
        _show_kernel(editing, layer, _incoming(given, number))
    if isinstance(layer, (Conv2D, Pool2D)):
        options = dict(_PADDINGS) if layer.padding in _PADDINGS else {layer.padding: "as typed", **_PADDINGS}
        editing.select("Padding", "padding", layer.padding, options)
        editing.pair("Stride", "stride", layer.stride, MAX_STRIDE)
    if isinstance(layer, Conv2D):
        editing.pair("Dilation", "dilation", layer.dilation, MAX_DILATION)
        editing.select("Border fill", "border", layer.border, {border: str(border) for border in Border})
        st.text_input("Bias", placeholder="none", **editing.field("bias", write_bias(layer), _bias))
        _show_weights(editing, layer)


def _bias(text: str) -> Any:
    return read_bias(text) if text.strip() else None


def _show_kernel(editing: _Editing, layer: Conv2D, maps: int) -> None:
    kind = layer.weights if isinstance(layer.weights, str) else _GRID if layer.bands is None else _FILTERS
    kernel = editing.field("weights", kind, lambda chosen: converted(layer, chosen, maps), "kernel")
    st.selectbox("Kernel", list(_KERNELS), format_func=_KERNELS.__getitem__, **kernel)


def _show_weights(editing: _Editing, layer: Conv2D) -> None:
    """Weights that are not the catalogue's, as text; too many of them are only counted."""
    text = write_weights(layer)
    if isinstance(layer.weights, str):
        return
    if len(text) > _TYPED:
        st.caption(f"{layer.tensor.size:,} weights, from a recipe file.")
        return
    typed = editing.field("weights", text, lambda typed: read_weights(typed, shelf=shelf()))
    st.text_input("Weights", width=900, help=_WEIGHTS_HELP, **typed)


_WEIGHTS_HELP = (
    "Rows apart by ; and numbers by commas, or a kernel's name with a factor: 1/8*sobel_vertical. Filters stand in "
    "brackets, apart by |, with one kernel for each map that comes in, joined by +."
)


def _incoming(given: Setting, number: int) -> int:
    """How many maps come into a layer; 1 where the layers before do not fit together."""
    bands = given.network.bands or ()
    try:
        return len(Network(given.layers[:number], bands=bands).labels(len(bands))[-1]) if number else len(bands)
    except CnnvizError:
        return 1


def converted(layer: Conv2D, kind: str, maps: int) -> Any:
    """Weights of the chosen kind that start from those of ``layer``; filters are for so many ``maps``.

    >>> converted(Conv2D("box_3"), "filters", 2).shape, converted(Conv2D("box_3"), "log_5", 2)
    ((3, 3, 2, 1), 'log_5')
    """
    if kind in KERNELS:
        return kind
    grid = layer.tensor if layer.bands is None else layer.tensor[:, :, 0, 0]
    return grid if kind == _GRID else np.repeat(grid[:, :, None, None], maps, axis=2)


def replaced(layer: Layer, what: str, value: Any) -> Layer:
    """The same layer with one setting changed; raises a CnnvizError where that cannot be.

    >>> replaced(Pool2D(2), "size", 3).title, replaced(Pool2D(2, stride=1), "size", 3).title
    ('3 × 3 max', '3 × 3 max, stride 1')
    """
    settings = {each.name: getattr(layer, each.name) for each in fields(layer)}  # type: ignore[arg-type]
    settings[what] = value
    if what == "size" and isinstance(layer, Pool2D) and layer.stride == layer.size:
        settings["stride"] = None
    if what == "weights" and isinstance(settings["bias"], tuple):
        settings["bias"] = None  # one per filter of the old weights
    return type(layer)(**settings)


def _buttons(layers: Sequence[Layer], number: int) -> None:
    last = len(layers) - 1
    actions = (
        ("Earlier", ":material/arrow_back:", number == 0, moved(layers, number, -1), number - 1),
        ("Later", ":material/arrow_forward:", number == last, moved(layers, number, 1), number + 1),
        ("Remove", ":material/delete:", last == 0, [*layers[:number], *layers[number + 1 :]], min(number, last - 1)),
    )
    for label, icon, impossible, after, chosen in actions:
        key = f"stack_{label}"
        st.button(label, icon=icon, key=key, disabled=impossible, on_click=_arrange, args=(after, chosen))
    full = len(layers) == MAX_LAYERS
    st.menu_button("Add after it", list(NEW), key=_ADD, disabled=full, on_click=_add, args=(layers, number))


def moved(layers: Sequence[Layer], number: int, steps: int) -> list[Layer]:
    """The layers with one moved by ``steps``, as far as there is room.

    >>> [layer.title for layer in moved([Activation("relu"), Pool2D(2)], 0, 1)]
    ['2 × 2 max', 'ReLU']
    """
    order = list(layers)
    order.insert(min(max(number + steps, 0), len(order) - 1), order.pop(number))
    return order


def _arrange(layers: Sequence[Layer], chosen: int) -> None:
    """Write the stack; the choice is set even where it stays, as its name in the link may not."""
    write(layers)
    st.session_state[_CHOSEN] = chosen


def _add(layers: Sequence[Layer], number: int) -> None:
    new = NEW[st.session_state[_ADD]]
    _arrange([*layers[: number + 1], new, *layers[number + 1 :]], number + 1)
