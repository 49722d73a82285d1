"""Padding and stride: one setting, for a small grid and for the current scene."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import streamlit as st

from cnnviz.grids import format_kernel, parse_kernel
from cnnviz.kernels import KERNELS, find_name
from cnnviz.layers import Conv2D
from cnnviz.padding import Border, PaddingLike, plan
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.page import more
from cnnviz.ui.view import View
from cnnviz.walk import MAX_GRID, Walk, small_grid, walk_kernel

MAX_STRIDE, MAX_DILATION, MAX_CUSTOM = 10, 5, 12
OWN = "own"
KERNEL_TITLES = {name: kernel.title for name, kernel in KERNELS.items()} | {OWN: "Own kernel"}
DEFAULT_KERNEL = "vertical_edges"


class Around(StrEnum):
    """How much is put around the image."""

    VALID = "valid"
    SAME = "same"
    EVEN = "even"
    FULL = "full"
    CUSTOM = "custom"


AROUND = {
    Around.VALID: "valid",
    Around.SAME: "same",
    Around.EVEN: "same, even",
    Around.FULL: "full",
    Around.CUSTOM: "custom",
}
_AROUND_HELP = (
    "valid: nothing. same: as many outputs as steps begin in the image; TensorFlow puts the odd cell behind. "
    "same, even: (k − 1) / 2 on each side, rounded down, whatever the stride. full: the whole kernel sees every cell."
)
FILLS = {Border.ZERO: "zero", Border.REPLICATE: "replicate", Border.REFLECT: "reflect", Border.WRAP: "wrap"}
GRIDS = {
    "bright_dark": ("5 × 6, bright to dark", "12,12,12,0,0,0;" * 4 + "12,12,12,0,0,0"),
    "digits": ("5 × 5 digits", "3,1,0,2,7;4,8,1,5,0;2,6,9,3,1;0,5,2,4,8;7,1,3,6,2"),
    "river": (
        "12 × 12 river bend",
        "7,8,7,6,2,1,1,5,7,8,7,8;8,7,7,6,1,1,2,6,8,7,7,7;7,7,8,4,1,1,3,7,7,8,6,7;6,7,7,2,1,1,6,7,8,7,7,8;"
        "7,6,4,1,1,2,7,8,7,7,8,7;6,5,2,1,1,5,7,7,6,8,7,7;5,3,1,1,3,6,8,7,7,7,7,8;4,1,1,2,6,7,7,8,7,6,8,7;"
        "2,1,1,4,7,8,7,7,6,7,7,7;1,1,2,6,7,7,8,6,7,8,7,6;1,1,4,7,8,7,7,7,8,7,7,8;1,2,6,7,7,8,6,7,7,7,8,7",
    ),
}
GRID_TITLES = {name: title for name, (title, _) in GRIDS.items()} | {OWN: "Own digits"}
DEFAULT_GRID = "bright_dark"


@dataclass(frozen=True)
class Setting:
    """Everything that both halves depend on; ``kernel`` and ``grid`` are exact text."""

    kernel: str
    grid: str
    around: Around = Around.SAME
    custom: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1))
    fill: Border = Border.ZERO
    stride: tuple[int, int] = (1, 1)
    dilation: int = 1

    @property
    def weights(self) -> np.ndarray:
        """The kernel, float32 ``(rows, cols)``."""
        return parse_kernel(self.kernel)

    @property
    def padding(self) -> PaddingLike:
        """Padding as :func:`cnnviz.padding.plan` takes it."""
        if self.around is Around.CUSTOM:
            return self.custom
        if self.around is not Around.EVEN:
            return str(self.around)
        rows, cols = plan(self.weights.shape, self.weights.shape, padding="full", dilation=self.dilation)
        return rows.before // 2, cols.before // 2

    @property
    def operation(self) -> str:
        """The operation in words, such as ``3 × 3 Vertical edges, stride 2, dilation 3``."""
        return self.layer().title + (f", dilation {self.dilation}" if self.dilation > 1 else "")

    def layer(self, fill: Border | None = None) -> Conv2D:
        """The setting as a layer; raises CnnvizError for what no layer can be."""
        return Conv2D(
            find_name(self.weights) or self.weights,
            padding=self.padding,
            stride=self.stride,
            dilation=self.dilation,
            border=fill or self.fill,
        )

    def walk(self, fill: Border | None = None) -> Walk:
        """The setting's walk over the small grid; raises CnnvizError where the kernel does not fit."""
        return walk_kernel(
            parse_kernel(self.grid),
            self.weights,
            padding=self.padding,
            stride=self.stride,
            dilation=self.dilation,
            border=fill or self.fill,
        )


DEFAULT = Setting(format_kernel(KERNELS[DEFAULT_KERNEL].weights), GRIDS[DEFAULT_GRID][1])


def controls() -> Setting:
    """The row for what the page is about: padding, what fills it, strides and dilation; the rest stays as it is."""
    around = link.choose("Padding", AROUND, "pad", default=DEFAULT.around, help=_AROUND_HELP)
    fill = link.choose("Border fill", FILLS, "pad_fill")
    down = link.figure("Stride down", 0, MAX_STRIDE, 1, "pad_down")
    across = link.figure("Stride across", 0, MAX_STRIDE, 1, "pad_across")
    dilation = link.figure("Dilation", 0, MAX_DILATION, 1, "pad_dilation")
    custom = _custom() if around is Around.CUSTOM else DEFAULT.custom
    return Setting(DEFAULT.kernel, DEFAULT.grid, around, custom, fill, (down, across), dilation)


def _custom() -> tuple[tuple[int, int], tuple[int, int]]:
    top, bottom, left, right = (
        link.figure(side, 0, MAX_CUSTOM, 1, f"pad_{side.lower()}") for side in ("Top", "Bottom", "Left", "Right")
    )
    return (top, bottom), (left, right)


def setting(view: View, chosen: Setting) -> tuple[Setting, str]:
    """The rest of the controls, folded away: the grid, the kernel, and the band of the scene."""
    with more("Grid, kernel and band"):
        left, middle, right = st.columns(3)
        with left:
            grid = _grid()
        with middle:
            kernel = _kernel()
        with right:
            names = {name: name for name in view.scene.band_names}
            band = link.choose("Band", names, "band", default=view.default_band())
    given = Setting(kernel, grid, chosen.around, chosen.custom, chosen.fill, chosen.stride, chosen.dilation)
    return good_or_default("padding", lambda: _possible(given), lambda: DEFAULT), band


def _possible(given: Setting) -> Setting:
    given.layer()
    return given


def walked(given: Setting) -> tuple[Setting, Walk]:
    """The setting and its walk over the grid; where the kernel does not fit there, say so and keep the last one."""
    fitting = good_or_default("padding_walk", lambda: _fitting(given), lambda: DEFAULT)
    return fitting, fitting.walk()


def _fitting(given: Setting) -> Setting:
    given.walk()
    return given


def _grid() -> str:
    name = link.choose("Grid", GRID_TITLES, "pad_grid", default=DEFAULT_GRID, on_change=_grid_chosen)
    if name != OWN:
        return GRIDS[name][1]
    help = f"Rows apart by ; and numbers by spaces, up to {MAX_GRID} × {MAX_GRID}."
    text = link.text("Digits", GRIDS["digits"][1], "pad_digits", help=help)
    return good_or_default(
        "padding_digits", lambda: format_kernel(small_grid(parse_kernel(text))), lambda: DEFAULT.grid
    )


def _grid_chosen() -> None:
    """Own digits start from the grid that was in view."""
    _start_from("pad_grid", "pad_digits", {name: text for name, (_, text) in GRIDS.items()}, DEFAULT_GRID)


def _kernel() -> str:
    name = link.choose("Kernel", KERNEL_TITLES, "pad_kernel", default=DEFAULT_KERNEL, on_change=_kernel_chosen)
    if name != OWN:
        return format_kernel(KERNELS[name].weights)
    text = link.text("Own kernel as text", DEFAULT.kernel, "pad_w", help="Rows apart by ; and weights by spaces.")
    return good_or_default("padding_kernel", lambda: format_kernel(parse_kernel(text)), lambda: DEFAULT.kernel)


def _kernel_chosen() -> None:
    """A kernel of one's own starts from the one that was in view."""
    texts = {name: format_kernel(kernel.weights) for name, kernel in KERNELS.items()}
    _start_from("pad_kernel", "pad_w", texts, DEFAULT_KERNEL)


def _start_from(chosen: str, typed: str, texts: dict[str, str], default: str) -> None:
    state = st.session_state
    if state[chosen] == OWN:
        state[typed] = texts[state.get(f"_last_{chosen}", default)]
    else:
        state[f"_last_{chosen}"] = state[chosen]
