"""Padding and stride: one setting, for a small grid and for the current scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

import numpy as np
import streamlit as st

from cnnviz.grids import format_kernel, parse_kernel
from cnnviz.kernels import KERNELS, find_name
from cnnviz.layers import Conv2D
from cnnviz.padding import Border, PaddingLike, plan
from cnnviz.samples import open_sample
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.page import more
from cnnviz.ui.view import View
from cnnviz.walk import MAX_GRID, Walk, small_grid, walk_kernel

MAX_STRIDE, MAX_DILATION, MAX_CUSTOM = 10, 5, 12
OWN = "own"
KERNELS_OFFERED = {name: kernel.title for name, kernel in KERNELS.items()} | {OWN: "Own kernel"}
FIRST_KERNEL = "vertical_edges"
GRIDS_OFFERED = {
    "bright_dark": "5 × 6, bright to dark",
    "random_grid": "5 × 5 digits",
    "river": "12 × 12 river bend",
    OWN: "Own digits",
}
FIRST_GRID = "bright_dark"
_RIVER = (
    "7,8,7,6,2,1,1,5,7,8,7,8;8,7,7,6,1,1,2,6,8,7,7,7;7,7,8,4,1,1,3,7,7,8,6,7;6,7,7,2,1,1,6,7,8,7,7,8;"
    "7,6,4,1,1,2,7,8,7,7,8,7;6,5,2,1,1,5,7,7,6,8,7,7;5,3,1,1,3,6,8,7,7,7,7,8;4,1,1,2,6,7,7,8,7,6,8,7;"
    "2,1,1,4,7,8,7,7,6,7,7,7;1,1,2,6,7,7,8,6,7,8,7,6;1,1,4,7,8,7,7,7,8,7,7,8;1,2,6,7,7,8,6,7,7,7,8,7"
)


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

    def layer(self) -> Conv2D:
        """The setting as a layer; raises CnnvizError for what no layer can be."""
        return Conv2D(
            find_name(self.weights) or self.weights,
            padding=self.padding,
            stride=self.stride,
            dilation=self.dilation,
            border=self.fill,
        )

    def walk(self) -> Walk:
        """The setting's walk over the small grid; raises CnnvizError where the kernel does not fit."""
        return walk_kernel(
            parse_kernel(self.grid),
            self.weights,
            padding=self.padding,
            stride=self.stride,
            dilation=self.dilation,
            border=self.fill,
        )


def kernel_text(name: str) -> str:
    """A kernel of the catalogue as text."""
    return format_kernel(KERNELS[name].weights)


@cache
def grid_text(name: str) -> str:
    """One of the grids that are always there, as text: two samples, and a river bend."""
    return _RIVER if name == "river" else format_kernel(open_sample(name).read().array[..., 0])


def first() -> Setting:
    """What the page shows first: a vertical edge, and the false ones that zeros put beside it."""
    return Setting(kernel_text(FIRST_KERNEL), grid_text(FIRST_GRID))


def controls() -> Setting:
    """The row for what the page is about: padding, what fills it, strides and dilation; the rest is as at first."""
    around = link.choose("Padding", AROUND, "pad", default=Around.SAME, help=_AROUND_HELP)
    fill = link.choose("Border fill", FILLS, "pad_fill")
    # 0 can be typed, so that the page says why it cannot be.
    down = link.figure("Stride down", 0, MAX_STRIDE, 1, "pad_down")
    across = link.figure("Stride across", 0, MAX_STRIDE, 1, "pad_across")
    dilation = link.figure("Dilation", 0, MAX_DILATION, 1, "pad_dilation")
    custom = _custom() if around is Around.CUSTOM else Setting.custom
    return replace(first(), around=around, custom=custom, fill=fill, stride=(down, across), dilation=dilation)


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
    given = replace(chosen, kernel=kernel, grid=grid)

    def possible() -> Setting:
        given.layer()
        return given

    return good_or_default("padding", possible, first), band


def walked(given: Setting) -> tuple[Setting, Walk]:
    """The setting and its walk over the grid; where the kernel does not fit there, say so and keep the last one."""

    def fitting() -> Setting:
        given.walk()
        return given

    found = good_or_default("padding_walk", fitting, first)
    return found, found.walk()


def _grid() -> str:
    name = link.choose("Grid", GRIDS_OFFERED, "pad_grid", default=FIRST_GRID, on_change=_grid_chosen)
    if name != OWN:
        st.session_state["_pad_grid_seen"] = name
        return grid_text(name)
    help = f"Rows apart by ; and numbers by spaces, up to {MAX_GRID} × {MAX_GRID}."
    text = link.text("Digits", grid_text(FIRST_GRID), "pad_digits", help=help)

    def typed() -> str:
        return format_kernel(small_grid(parse_kernel(text)))

    return good_or_default("padding_digits", typed, lambda: grid_text(FIRST_GRID))


def _kernel() -> str:
    name = link.choose("Kernel", KERNELS_OFFERED, "pad_kernel", default=FIRST_KERNEL, on_change=_kernel_chosen)
    if name != OWN:
        st.session_state["_pad_kernel_seen"] = name
        return kernel_text(name)
    text = link.text("Own kernel", kernel_text(FIRST_KERNEL), "pad_w", help="Rows apart by ; and weights by spaces.")

    def typed() -> str:
        return format_kernel(parse_kernel(text))

    return good_or_default("padding_kernel", typed, lambda: kernel_text(FIRST_KERNEL))


def _grid_chosen() -> None:
    """Own digits start from the grid that was in view."""
    if st.session_state["pad_grid"] == OWN:
        st.session_state["pad_digits"] = grid_text(st.session_state["_pad_grid_seen"])


def _kernel_chosen() -> None:
    """A kernel of one's own starts from the one that was in view."""
    if st.session_state["pad_kernel"] == OWN:
        st.session_state["pad_w"] = kernel_text(st.session_state["_pad_kernel_seen"])
