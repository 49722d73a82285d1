"""The edge that zero padding invents: a corner of the result under three border fills, on one colour scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import streamlit as st
from affine import Affine

from cnnviz import render
from cnnviz.padding import Axis, Border
from cnnviz.render import ColourScale, number
from cnnviz.ui.experiments.padding import Setting
from cnnviz.ui.experiments.padding_scene import Result, apply
from cnnviz.ui.maps import scaled
from cnnviz.ui.pictures import Mark, Room, Stage, caption, strip
from cnnviz.ui.view import View

COMPARED = {Border.ZERO: "Zero", Border.REPLICATE: "Replicate", Border.REFLECT: "Reflect"}
#: Outputs a side that are shown of the corner.
CORNER = 24


@dataclass(frozen=True, eq=False)
class Edge:
    """What one border fill makes of the outputs ``array`` (rows, cols); ``clean`` are those that see no padding."""

    array: np.ndarray
    clean: tuple[slice, slice]

    @property
    def inside(self) -> float:
        """Mean magnitude of the outputs whose window lies wholly in the image; NaN where there are none."""
        return _mean_magnitude(self.array[self.clean])

    @property
    def at_padding(self) -> float:
        """Mean magnitude of the outputs whose window stands partly on padding; NaN where there are none."""
        rim = np.ones(self.array.shape, bool)
        rim[self.clean] = False
        return _mean_magnitude(self.array[rim])


def _mean_magnitude(values: np.ndarray) -> float:
    known = np.abs(values[np.isfinite(values)])
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")


def clean(axis: Axis) -> slice:
    """Outputs along one axis whose window lies wholly in the image.

    >>> clean(Axis(size=10, kernel=3, before=1, after=1, stride=1, dilation=1))
    slice(1, 9, None)
    """
    first = -(-axis.before // axis.stride)
    return slice(first, max((axis.size + axis.before - axis.span) // axis.stride + 1, first))


def edges(view: View, given: Setting, band: str) -> dict[Border, Edge]:
    """The setting's result under each of the fills that are compared."""
    found = {}
    for fill in COMPARED:
        result = apply(view, replace(given, fill=fill), band)
        rows, cols = given.layer().axes(result.before.shape)
        found[fill] = Edge(result.after.array[..., 0], (clean(rows), clean(cols)))
    return found


def show(view: View, found: Result, band: str) -> None:
    """Three corners side by side, with the outputs that see no padding framed."""
    axes = found.given.layer().axes(found.before.shape)
    st.markdown("##### The edge that zeros invent")
    if not any(axis.before or axis.after for axis in axes):
        st.caption("Nothing is padded now, so no edge is invented. Choose same or full to see one.")
        return
    compared = edges(view, found.given, band)
    corner = _corner(axes, compared[Border.ZERO])
    side = f"{'upper' if corner[0].start == 0 else 'lower'} {'left' if corner[1].start == 0 else 'right'}"
    st.markdown(f"{verdict(compared)} Shown is the {side} corner.")
    scale = ColourScale.signed(*(edge.array[corner] for edge in compared.values()))
    stages = [_stage(view, found, edge, name, (corner, scale)) for edge, name in _named(compared)]
    strip(stages, "padding_edge_strip", crs=view.crs, room=Room(height=300))
    st.caption("The window's own border is padded here. A run over a whole scene pads at the scene's true edges alone.")


def verdict(compared: dict[Border, Edge]) -> str:
    """What the three corners show, in numbers."""
    zero = compared[Border.ZERO]
    others = " and ".join(
        f"{number(compared[fill].at_padding)} with {fill}" for fill in (Border.REPLICATE, Border.REFLECT)
    )
    return (
        f"Outside the frame the kernel stands partly on padding. There the result is {number(zero.at_padding)} on "
        f"average with zeros, {others}; inside the frame it is {number(zero.inside)} whatever the fill. "
        "(Averages of magnitudes, over the whole window.)"
    )


def _named(compared: dict[Border, Edge]) -> list[tuple[Edge, str]]:
    return [(edge, COMPARED[fill]) for fill, edge in compared.items()]


def _corner(axes: tuple[Axis, Axis], edge: Edge) -> tuple[slice, slice]:
    """The corner to show: of those that see padding, the first with the least nodata."""
    corners = list(product(_ends(axes[0]), _ends(axes[1])))
    return max(corners, key=lambda corner: int(np.isfinite(edge.array[*corner]).sum()))


def _ends(axis: Axis) -> list[slice]:
    """The first and the last outputs of an axis, as far as they see padding; the first where none does."""
    count = min(CORNER, axis.out)
    first, last = slice(0, count), slice(axis.out - count, axis.out)
    ends = [end for end, pad in ((first, axis.before), (last, axis.after)) if pad]
    return ends or [first]


def _stage(view: View, found: Result, edge: Edge, name: str, shared: tuple[tuple[slice, slice], ColourScale]) -> Stage:
    (rows, cols), scale = shared
    array, field = edge.array[rows, cols], found.after.field
    corner = field.place(view.transform) @ Affine.translation(cols.start, rows.start)
    return Stage(
        name=name,
        picture=scale.indices(array),
        caption=caption(array, view.metres and scaled(view.metres, field)),
        alt=f"Corner of the result with border fill {name.lower()}, {render.size(*array.shape)} pixels.",
        scale=scale,
        transform=corner if view.on_ground else None,
        boxes=_frame(edge.clean, (rows, cols)),
    )


def _frame(inner: tuple[slice, slice], shown: tuple[slice, slice]) -> list[Mark]:
    """Box around the outputs that see no padding, in pixels of the part that is shown."""
    starts = [max(part.start - whole.start, 0) for part, whole in zip(inner, shown, strict=True)]
    stops = [min(part.stop, whole.stop) - whole.start for part, whole in zip(inner, shown, strict=True)]
    rows, cols = (stop - start for start, stop in zip(starts, stops, strict=True))
    return [Mark(starts[0], starts[1], rows, cols)] if rows > 0 and cols > 0 else []
