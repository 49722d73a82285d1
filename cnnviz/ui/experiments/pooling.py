"""Pooling: the largest, the mean and the smallest of every window, side by side on the current scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import streamlit as st

from cnnviz import render
from cnnviz.kernels import KERNELS
from cnnviz.layers import Activation, Conv2D, FeatureMap, Kind, Layer, Network, Pool2D, PoolMode, ReceptiveField
from cnnviz.padding import Axis, PaddingLike, output_size
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.page import more
from cnnviz.ui.view import View

RAW = "raw"
MODES = {PoolMode.MAX: "max", PoolMode.AVERAGE: "average", PoolMode.MIN: "min"}
_KERNELS = {RAW: "none: the band itself"} | {name: kernel.title for name, kernel in KERNELS.items()}
_STRIDES = {0: "the window's size"} | {stride: str(stride) for stride in range(1, 9)}
_PADDINGS = {"valid": "valid: none", "same": "same"} | {str(n): f"{n} on each side" for n in range(1, 8)}
#: The lecture's photo of 800 × 600 pixels after a 3 × 3 convolution without padding.
PHOTO = (798, 598)


class Part(StrEnum):
    """What is looked at below the pictures."""

    WINDOW = "window"
    SHIFT = "shift"
    KEPT = "kept"


PARTS = {Part.WINDOW: "Which cell wins", Part.SHIFT: "When the scene shifts", Part.KEPT: "What is kept"}


@dataclass(frozen=True)
class Setting:
    """What is pooled, and how; ``kernel`` is a catalogue name or ``RAW``, ``around`` an option of the padding."""

    band: str
    kernel: str = "sobel_vertical"
    relu: bool = False
    size: int = 2
    jump: int = 0
    around: str = "valid"

    @property
    def stride(self) -> int:
        """Pixels from one window to the next."""
        return self.jump or self.size

    @property
    def padding(self) -> PaddingLike:
        """Padding as :func:`cnnviz.padding.plan` takes it."""
        return int(self.around) if self.around.isdigit() else self.around

    @property
    def signed(self) -> bool:
        """Whether a feature map is pooled, which has a sign, and not the band itself."""
        return self.kernel != RAW

    @property
    def before(self) -> Network | None:
        """The layers that make the map which is pooled; None for the band itself."""
        if not self.signed:
            return None
        layers: list[Layer] = [Conv2D(self.kernel, padding="same", border="reflect")]
        return Network([*layers, Activation("relu")] if self.relu else layers)

    def pool(self, mode: PoolMode) -> Pool2D:
        """The pooling layer of that mode; raises CnnvizError where it cannot be."""
        return Pool2D(self.size, mode=mode, stride=self.stride, padding=self.padding)


@dataclass(frozen=True, eq=False)
class Result:
    """A setting on a window: the maps on the way to what is pooled, that map, and one pooled map per mode."""

    given: Setting
    layers: tuple[FeatureMap, ...]
    source: FeatureMap
    pooled: Mapping[PoolMode, FeatureMap]

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """How the windows lie along rows and columns."""
        return self.given.pool(PoolMode.MAX).axes(self.source.array.shape)

    @property
    def unseen(self) -> tuple[int, int]:
        """Rows and columns at the end that no window reaches."""
        rows, cols = (max(axis.size - int(axis.reads().max()) - 1, 0) for axis in self.axes)
        return rows, cols


def controls(view: View) -> Setting:
    """The row for what the page is about: the map, the window, the stride; padding and ReLU are folded away."""
    names = {name: name for name in view.scene.band_names}
    band = link.choose("Band", names, "band", default=view.default_band(), width=140)
    kernel = link.choose("Kernel first", _KERNELS, "pool_kernel", default="sobel_vertical")
    size = link.slide("Window", 2, 8, 2, "pool_size", format="%d px", width=220)
    jump = link.choose("Stride", _STRIDES, "pool_stride", width=180)
    return Setting(band, kernel, size=size, jump=jump)


def setting(chosen: Setting) -> Setting:
    """The rest of the controls, folded away."""
    with more("Padding and ReLU"):
        left, right = st.columns(2)
        with left:
            around = link.choose("Padding", _PADDINGS, "pool_padding", help=_PADDING_HELP)
        with right:
            relu = link.tick("ReLU before pooling", "pool_relu", disabled=not chosen.signed)
    return replace(chosen, around=around, relu=relu and chosen.signed)


_PADDING_HELP = "Padding holds no values: a window at the border looks at the cells that are really there."


def run(view: View, given: Setting) -> Result:
    """Pool the current window; a setting that cannot be leaves the last good one, with its pictures."""

    def possible() -> Setting:
        given.pool(PoolMode.MAX).axes((view.window.rows, view.window.cols))
        return given

    return _pooled(view, good_or_default("pooling", possible, lambda: Setting(given.band)))


def _pooled(view: View, given: Setting) -> Result:
    image = view.patch([given.band]).array
    layers = given.before.run(image) if given.before else []
    bare = FeatureMap(given.band, Kind.ACTIVATION, image, ReceptiveField(), (given.band,), 0)
    source = layers[-1] if layers else bare
    return Result(given, tuple(layers), source, {mode: _pool(source, given.pool(mode)) for mode in MODES})


def _pool(source: FeatureMap, layer: Pool2D) -> FeatureMap:
    field = source.field.then(layer.axes(source.array.shape))
    return replace(source, name=layer.title, kind=layer.kind, array=layer.apply(source.array), field=field)


def networks(given: Setting) -> dict[str, Network]:
    """The stack that each mode ends, by the mode's label."""
    before = given.before.layers if given.before else ()
    return {
        label: Network([*before, given.pool(mode)], bands=[given.band], name=f"{label} pooling")
        for mode, label in MODES.items()
    }


def sizes(result: Result) -> None:
    """The formula with the numbers put in, what is left, and the lecture's photo under the same pooling."""
    rows, cols = result.axes
    left = rows.out * cols.out / (rows.size * cols.size)
    said = [
        f"Rows {_formula(rows)}, columns {_formula(cols)}: {render.number(100 * left, 3)} % of the pixels. "
        "Nothing to learn: pooling has no weights."
    ]
    if any(result.unseen):
        said.append(f"No window reaches the last {_lines(*result.unseen)}: the stride does not come out even.")
    said.append(_photo(result.given))
    st.caption(" ".join(said))


def _formula(axis: Axis) -> str:
    padding = f" + {axis.before} + {axis.after}" if axis.before + axis.after else ""
    return f"⌊({axis.size}{padding} − {axis.kernel}) / {axis.stride}⌋ + 1 = **{axis.out}**"


def _lines(rows: int, cols: int) -> str:
    parts = [(rows, "row"), (cols, "column")]
    return " and ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in parts if count)


def _photo(given: Setting) -> str:
    out = (output_size(n, given.size, padding=given.padding, stride=given.stride) for n in PHOTO)
    return f"A map of {render.size(*PHOTO)}, from a photo of 800 × 600, would become {render.size(*out)}."
