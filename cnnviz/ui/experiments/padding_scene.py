"""The scene half of padding and stride: the same setting on the current window, and what is left of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from affine import Affine

from cnnviz import render
from cnnviz.facts import item_bytes
from cnnviz.geometry import ReceptiveField
from cnnviz.layers import FeatureMap, Network
from cnnviz.render import ColourScale, number
from cnnviz.ui.experiments.padding import Setting, first
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.maps import band_stage, map_stage
from cnnviz.ui.pictures import Room, strip
from cnnviz.ui.view import View
from cnnviz.ui.words import plain

_RESULT_BYTES = 4
_UNITS = {"metre": "m", "degree": "°"}


@dataclass(frozen=True, eq=False)
class Result:
    """A setting on a window of one band: ``before`` is float32 ``(rows, cols)``, ``after`` the map made of it."""

    given: Setting
    before: np.ndarray
    after: FeatureMap
    item_bytes: int  #: bytes of one number in the file

    @property
    def pixels_left(self) -> float:
        """Share of the pixels that are left."""
        return self.after.array.size / self.before.size

    @property
    def bytes_left(self) -> float:
        """Share of the bytes that are left: the file's own numbers against the result's float32."""
        return self.pixels_left * _RESULT_BYTES / self.item_bytes


def run(view: View, given: Setting, band: str) -> Result:
    """The setting on the window; where the kernel does not fit there, say so and keep the last one."""
    before = view.patch([band]).array

    def attempt() -> Setting:
        given.layer().axes(before.shape)
        return given

    fitting = good_or_default("padding_scene", attempt, first)
    return apply(view, fitting, band)


def network(given: Setting, band: str) -> Network:
    """The setting as a stack of one layer on one band."""
    return Network([given.layer()], bands=[band], name="padding and stride")


def apply(view: View, given: Setting, band: str) -> Result:
    """Result of a setting that fits."""
    before = view.patch([band]).array
    after = Network([given.layer()]).run(before)[0]
    return Result(given, before[..., 0], after, item_bytes(view.scene.dtype))


def show(view: View, found: Result, band: str) -> None:
    """Input and result, and what has become of the pixels."""
    st.markdown("##### On the scene")
    scale = ColourScale.signed(found.after.array)
    after = map_stage(view, found.after, scale, name="Result", operation=found.given.operation)
    strip([band_stage(view, band), after], "padding_strip", crs=view.crs, room=Room(height=420))
    st.markdown(table(view, found))


def table(view: View, found: Result) -> str:
    """Size, pixel, origin, pixels and bytes before and after, as a table in Markdown."""
    rows = [
        ("", "window", "result"),
        ("---",) * 3,
        ("rows × columns", render.size(*found.before.shape), render.size(*found.after.array.shape[:2])),
        *_on_map(view, found.after.field),
        ("pixels", number(found.before.size), _left(found.after.array.size, found.pixels_left)),
        (
            "bytes",
            f"{number(found.before.size * found.item_bytes)} as {view.scene.dtype}",
            _left(found.after.array.size * _RESULT_BYTES, found.bytes_left) + " as float32",
        ),
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _left(count: int, share: float) -> str:
    return f"{number(count)}, {number(100 * share, 3)} % left"


def _on_map(view: View, field: ReceptiveField) -> list[tuple[str, str, str]]:
    """Pixel size and origin in map units; in pixels of the scene where it has no place on the ground."""
    before = view.transform if view.on_ground else Affine.translation(view.window.col, view.window.row)
    after = field.place(before)
    name = view.scene.ground_unit
    unit = f" {_UNITS.get(name, plain(name))}" if view.on_ground else " px"
    x, y = after.c - before.c, after.f - before.f
    moved = f"moved by {_figure(x)}{unit} in x, {_figure(y)}{unit} in y" if x or y else "not moved"
    return [
        ("pixel, down × across", _pixel(before) + unit, _pixel(after) + unit),
        ("origin x, y", _origin(before), f"{_origin(after)}, {moved}"),
    ]


def _pixel(place: Affine) -> str:
    return f"{_figure(np.hypot(place.b, place.e))} × {_figure(np.hypot(place.a, place.d))}"


def _origin(place: Affine) -> str:
    return f"{_figure(place.c)}, {_figure(place.f)}"


def _figure(value: float) -> str:
    """A map coordinate to a millionth of its unit; four digits would not tell one pixel from the next."""
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return text.replace(",", render.THIN).replace("-", render.MINUS)
