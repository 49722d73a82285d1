"""Kernel playground: any kernel on the current window, with its result, the difference, and what can be taken home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import streamlit as st

from cnnviz.grids import MAX_SIDE, Normalise, combine, format_kernel, normalise, parse_kernel, resize_kernel, total
from cnnviz.kernels import KERNELS, find_name
from cnnviz.layers import Conv2D, FeatureMap, Network
from cnnviz.render import MINUS, number
from cnnviz.scene import Window
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default, otherwise
from cnnviz.ui.kernel_grid import grid_width, kernel_grid
from cnnviz.ui.page import more
from cnnviz.ui.view import View

OWN = "own"
_FIRST = "sobel_vertical"
_LINE = 80  # characters
#: Where the session keeps the text of the last own kernel that a control or a link made.
_MADE = "_kernel_made"
_TITLES = {name: kernel.title for name, kernel in KERNELS.items()}


class Target(StrEnum):
    """What the kernel is applied to."""

    BAND = "band"
    EACH = "each"
    COLOUR = "colour"


class Show(StrEnum):
    """How a result is coloured; the numbers are the same in all three."""

    SIGNED = "signed"
    INPUT = "input"
    SCALE255 = "scale255"


#: Bands of which the results are shown at once, and numbers that they may hold.
_MOST_BANDS, _MOST_NUMBERS = 64, 2**24

TARGETS = {Target.BAND: "One band", Target.EACH: "Each band", Target.COLOUR: "R, G, B"}
SHOWS = {Show.SIGNED: "Signed", Show.INPUT: "As the input", Show.SCALE255: "0–255"}
PADDINGS = {"same": "same", "valid": "valid", "full": "full"}
BORDERS = {"reflect": "reflect", "replicate": "replicate", "zero": "zero", "wrap": "wrap"}
NORMALISATIONS = {
    Normalise.NONE: "nothing",
    Normalise.SUM: "the sum",
    Normalise.MAGNITUDES: "the sum of magnitudes",
}


class Chosen(NamedTuple):
    """What the row of controls says; ``looked`` is the place, among ``bands``, of the band that is looked at."""

    kernel: str
    target: Target
    bands: tuple[str, ...]
    looked: int
    show: Show


@dataclass(frozen=True)
class Setting:
    """Everything that the page's controls say; ``kernel`` is the effective kernel as exact text."""

    typed: str
    kernel: str
    target: Target
    bands: tuple[str, ...]
    show: Show
    times: int
    offset: float
    padding: str
    border: str
    looked: int = 0

    @property
    def closer(self) -> Setting:
        """The same for what is looked at alone: where the kernel goes over each band, one of them."""
        if self.target is not Target.EACH:
            return self
        return replace(self, target=Target.BAND, bands=(self.bands[self.looked],), looked=0)

    @property
    def weights(self) -> np.ndarray:
        """The effective kernel, float32 ``(rows, cols)``."""
        return parse_kernel(self.kernel)

    @property
    def title(self) -> str:
        """The effective kernel in words."""
        return Conv2D(find_name(self.weights) or self.weights).title

    @property
    def in_words(self) -> str:
        """The effective kernel and what is done with it; a small one of the visitor's own with its weights."""
        own = find_name(self.weights) is None and len(self.kernel) <= _LINE
        parts = [f"{self.title} {self.kernel.replace('-', MINUS)}" if own else self.title]
        parts += [f"{self.times} times"] * (self.times > 1)
        parts += [f"offset {number(self.offset)}"] * bool(self.offset)
        fill = "" if self.padding == "valid" else f", filled by {self.border}"
        return " · ".join([*parts, f"padding {self.padding}{fill}"])

    @property
    def network(self) -> Network:
        """The kernel ``times`` over; the offset is added once, at the end."""
        again = Conv2D(self.weights, padding=self.padding, border=self.border)
        last = Conv2D(self.weights, self.offset or None, padding=self.padding, border=self.border)
        return Network([*[again] * (self.times - 1), last], bands=self.bands, name="kernel playground")


@dataclass(frozen=True)
class Result:
    """Input ``before``, float32 ``(rows, cols, bands)``, and the last layer's map of a setting on a window."""

    before: np.ndarray
    after: FeatureMap

    @property
    def difference(self) -> np.ndarray:
        """Result minus input where both have pixels; the smaller one lies centred in the larger."""
        before, after = self.before, self.after.array
        found: np.ndarray = _centred(after, before.shape) - _centred(before, after.shape)
        return found

    def band(self, index: int) -> Result:
        """The same of one band."""
        part = slice(index, index + 1)
        after = replace(self.after, array=self.after.array[..., part], channels=self.after.channels[part])
        return Result(self.before[..., part], after)


def _centred(array: np.ndarray, other: tuple[int, ...]) -> np.ndarray:
    rows, cols = (max(mine - theirs, 0) // 2 for mine, theirs in zip(array.shape[:2], other[:2], strict=True))
    return array[rows : rows + min(array.shape[0], other[0]), cols : cols + min(array.shape[1], other[1])]


def controls(view: View) -> Chosen:
    """The row for what the page is about: kernel, target, bands, colours."""
    if link.asks("w") and not link.asks("kernel"):
        _written()
    kernel = link.choose("Kernel", _TITLES | {OWN: "Own kernel"}, "kernel", default=_FIRST, on_change=_chosen)
    target, bands, looked = _target(view)
    show = link.switch("Show the result", SHOWS, "show")
    return Chosen(kernel, target, bands, looked, show)


def _target(view: View) -> tuple[Target, tuple[str, ...], int]:
    """What the kernel is applied to; a scene of one band leaves no choice."""
    names = view.scene.band_names
    if len(names) == 1:
        return Target.BAND, names, 0
    offered = {each: title for each, title in TARGETS.items() if each is not Target.COLOUR or len(names) >= 3}
    target = link.switch("Apply to", offered, "on")
    # The list stays where it is also in colour: nothing moves under the pointer.
    options = {name: name for name in names}
    band = link.choose("Band", options, "band", default=view.default_band(), disabled=target is Target.COLOUR)
    if target is Target.EACH:
        shown = _few(names, view.window, band)
        return target, shown, shown.index(band)
    return target, view.default_bands() if target is Target.COLOUR else (band,), 0


def _few(names: tuple[str, ...], window: Window, band: str) -> tuple[str, ...]:
    """As many bands as a page can show at once: the first ones, and ``band``."""
    most = max(min(_MOST_BANDS, _MOST_NUMBERS // (window.rows * window.cols)), 1)
    if names.index(band) < most:
        return names[:most]
    return (*names[: most - 1], band)


def look_at(band: str) -> None:
    """Make ``band`` the one that is looked at; for a control's callback."""
    st.session_state["band"] = band


def setting(chosen: Chosen) -> Setting:
    """The rest of the controls, folded away, and the effective kernel that comes of them all."""
    with more("Type, combine, normalise, repeat, pad"):
        typed = _typed(chosen.kernel)
        left, middle, right = st.columns(3)
        with left:
            effective = _combined(typed)
        with middle:
            effective = _adjusted(effective)
        with right:
            times = link.figure("Times applied", 1, 20, 1, "times")
            offset = link.figure("Offset added", -1e6, 1e6, 0.0, "offset", step=1.0)
            padding = link.choose("Padding", PADDINGS, "padding")
            border = link.choose("Border fill", BORDERS, "border")
    _, target, bands, looked, show = chosen
    kernels = format_kernel(typed), format_kernel(effective)
    return Setting(*kernels, target, bands, show, times, offset, padding, border, looked)


def _typed(kernel: str) -> np.ndarray:
    """The kernel in the grid: from the catalogue, or the visitor's own; a mistake leaves the last good one."""
    # The field is always there: Streamlit writes only fields that it already knows into the link.
    hint = "Rows apart by ; and weights by spaces."
    text = link.text("Own kernel as text", _default_text(), "w", help=hint, on_change=_written)
    if kernel != OWN:
        st.session_state["_last_kernel"] = kernel

    def weights() -> np.ndarray:
        return parse_kernel(text) if kernel == OWN else KERNELS[kernel].weights

    return good_or_default("kernel", weights, lambda: parse_kernel(_default_text()))


def _default_text() -> str:
    return format_kernel(KERNELS[_FIRST].weights)


def _combined(weights: np.ndarray) -> np.ndarray:
    """A · K₁ + b · K₂; where the two do not fit, the first alone."""
    second = link.choose("Second kernel K₂", {"": "none"} | _TITLES, "k2")
    a = link.figure("a, times the first", -100.0, 100.0, 1.0, "a", step=0.1)
    b = link.figure("b, times the second", -100.0, 100.0, 1.0, "b", step=0.1, disabled=not second)
    if not second:
        return weights if a == 1 else (np.float32(a) * weights)
    return otherwise(lambda: combine(a, weights, b, KERNELS[second].weights), weights, "the first kernel alone")


def _adjusted(weights: np.ndarray) -> np.ndarray:
    """Divided and turned; a kernel that cannot be divided so stays as it is."""
    how = link.choose("Divide by", NORMALISATIONS, "divide")
    flip = link.tick("True convolution", "flip", help="Turns the kernel by 180° first; deep learning does not.")
    found = otherwise(lambda: normalise(weights, how), weights, "the kernel undivided")
    return found[::-1, ::-1] if flip else found


def _chosen() -> None:
    """An own kernel starts from the one in view; beside one of the catalogue a link carries no weights."""
    own = st.session_state["kernel"] == OWN
    last = st.session_state.get("_last_kernel", _FIRST) if own else _FIRST
    st.session_state["w"] = st.session_state[_MADE] = format_kernel(KERNELS[last].weights)


def _written() -> None:
    st.session_state["kernel"] = OWN


def _edited() -> None:
    st.session_state["w"] = st.session_state["kernel_grid"]["edit"]
    st.session_state["kernel"] = OWN


def _make_own(weights: np.ndarray) -> None:
    st.session_state["w"] = st.session_state[_MADE] = format_kernel(weights)
    st.session_state["kernel"] = OWN


def was_typed(kernel: str) -> bool:
    """Whether the kernel was typed by the visitor, rather than turned, resized or brought along by a link."""
    text = st.session_state["w"]
    made = st.session_state.setdefault(_MADE, text)
    return kernel == OWN and bool(text != made)


_WIDTH = 200
_SIZES = ("kernel_rows", "kernel_cols")
_TURNS: Mapping[str, tuple[str, str]] = {
    "transpose": ("Transpose", ":material/transform:"),
    "flip": ("Flip", ":material/swap_horiz:"),
    "flip_rows": ("Flip up–down", ":material/swap_vert:"),
    "rotate": ("Rotate", ":material/rotate_right:"),
}


def _turned(weights: np.ndarray, turn: str) -> np.ndarray:
    match turn:
        case "transpose":
            return weights.T
        case "flip":
            return weights[:, ::-1]
        case "flip_rows":
            return weights[::-1]
        case _:
            return np.rot90(weights, -1)


def width(given: Setting) -> int:
    """Pixels for the column that the kernel stands in: more than usual where its cells need more."""
    return max(_WIDTH, *(grid_width(parse_kernel(text)) for text in (given.typed, given.kernel)))


def edit(view: View, given: Setting) -> None:
    """The kernel in cells, what turns it, what is applied where that is another, and its size on the ground."""
    weights = parse_kernel(given.typed)
    if link.hides("controls"):
        kernel_grid(weights, "kernel_grid", help="Arrow keys walk.")
    else:
        kernel_grid(weights, "kernel_grid", help="Type into a cell; arrow keys walk.", on_edit=_edited)
        _turns(given, weights)
    if given.kernel != given.typed:
        said = "Applied: what the folded settings make of it."
        kernel_grid(given.weights, "kernel_applied", help=said, name="applied weight")
    _in_words(view, given)


def _turns(given: Setting, weights: np.ndarray) -> None:
    """What turns the kernel and what gives it another size."""
    with st.container(horizontal=True, gap="xsmall"):
        for turn, (label, icon) in _TURNS.items():
            st.button(label, icon=icon, key=f"turn_{turn}", help=label, on_click=_turn, args=(turn, given.typed))
    for column, label, axis, key in zip(st.columns(2), ("Rows", "Columns"), (0, 1), _SIZES, strict=True):
        st.session_state[key] = weights.shape[axis]
        with column:
            st.number_input(label, 1, MAX_SIDE, key=key, on_change=_resized, args=(given.typed,))


def _turn(turn: str, typed: str) -> None:
    # A second click may come before the page has run again: it turns what the first one left.
    now = st.session_state["w"] if st.session_state["kernel"] == OWN else typed
    _make_own(_turned(parse_kernel(now), turn))


def _resized(typed: str) -> None:
    _make_own(resize_kernel(parse_kernel(typed), *(st.session_state[key] for key in _SIZES)))


def _in_words(view: View, given: Setting) -> None:
    rows, cols = given.weights.shape
    parts = [f"{rows} × {cols} weights, sum {number(total(given.weights))}"]
    if view.metres is not None:
        down, across = view.metres
        parts.append(f"{number(rows * down)} × {number(cols * across)} m on the ground")
    st.caption(" · ".join(parts))


def run(view: View, given: Setting) -> Result:
    """Apply the setting to the current window. Raises GeometryError where the kernel does not fit."""
    before = view.patch(given.bands).array
    return Result(before, given.network.run(before)[-1])


def shown(view: View, given: Setting) -> tuple[Setting, Result]:
    """The setting and its result; a kernel that does not fit the window is padded, and that is said."""
    padded = replace(given, padding="same")

    def fitting() -> Setting:
        given.network.output_shape(_shape(view, given))
        return given

    found = otherwise(fitting, padded, f"the result with padding “{PADDINGS[padded.padding]}”")
    return found, run(view, found)


def _shape(view: View, given: Setting) -> tuple[int, int, int]:
    return view.window.rows, view.window.cols, len(given.bands)
