"""The other sides of a scene: spectra, histograms, values in cells, the data cube, the file."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.render import ColourScale, Palette
from cnnviz.scene import Window
from cnnviz.ui import link
from cnnviz.ui.classes import swatches
from cnnviz.ui.experiments import inspection_charts as charts
from cnnviz.ui.experiments import inspection_file as file
from cnnviz.ui.experiments import inspection_lesson as lesson
from cnnviz.ui.experiments.inspection import Setting, What
from cnnviz.ui.experiments.inspection_picture import computed, scales
from cnnviz.ui.experiments.pins import Spectrum, chosen, pin_field, pinned, places, spectra
from cnnviz.ui.pictures import Stage, caption, strip
from cnnviz.ui.view import View
from cnnviz.ui.words import plain


class Part(StrEnum):
    """A side of the scene that can be looked at beside the picture."""

    SPECTRA = "spectra"
    HISTOGRAMS = "histograms"
    VALUES = "values"
    CUBE = "cube"
    FILE = "file"


PARTS = {
    Part.SPECTRA: "Spectra",
    Part.HISTOGRAMS: "Histograms",
    Part.VALUES: "Values",
    Part.CUBE: "Cube",
    Part.FILE: "File",
}


def show(view: View, given: Setting) -> None:
    """Show the side that the visitor chose; one band has no spectrum."""
    pin_field(view)
    one = len(view.scene.band_names) == 1
    parts = {part: title for part, title in PARTS.items() if not (one and part is Part.SPECTRA)}
    part = link.switch("Look at", parts, "part")
    sides: dict[Part, Callable[[View, Setting], None]] = {
        Part.SPECTRA: _spectra,
        Part.HISTOGRAMS: _histograms,
        Part.VALUES: _values,
        Part.CUBE: file.cube,
        Part.FILE: file.facts,
    }
    sides[part](view, given)


def _spectra(view: View, given: Setting) -> None:
    if lesson.predict(view):
        return
    pins = spectra(view)
    spec = charts.spectra(view, given, pins)
    if spec is None:
        st.caption("There is no number here to draw. Click a pixel that holds data, or move the window.")
        return
    st.vega_lite_chart(spec, key="spectra_chart")
    _pins(view, pins)


def _pins(view: View, pins: list[Spectrum]) -> None:
    """Which colour is which pixel, below the chart: a chart's own legend would take its room."""
    blank = {pin.label for pin in pins if not np.isfinite(pin.values).any()}
    st.html(swatches((pin.pin.colour, pin.label + ": no data" * (pin.label in blank)) for pin in pins))
    if not chosen(view):
        band = plain(view.default_band())
        st.caption(f"Pixels chosen for you, from dark to bright in {band}. Click the picture to pin your own.")


def _histograms(view: View, given: Setting) -> None:
    if lesson.predict(view):
        return
    pins = spectra(view)
    st.vega_lite_chart(charts.histograms(view, given, pins), key="histograms_chart", width="content")
    apart = "" if len(view.scene.band_names) == 1 else " Each band has axes of its own."
    st.caption(f"Across: {plain(given.axis)}, {view.basis}; up: pixels. From 2 to 98 % is shaded.{apart}")
    _pins(view, pins)


def _values(view: View, given: Setting) -> None:
    index = {given.index: given.index} if given.what is What.INDEX else {}
    names = index | {name: name for name in view.scene.band_names}
    band = given.index if index else view.default_band()
    if len(names) > 1:
        band = link.choose("Numbers in the cells", names, "cells", default=band)
    side = link.slide("Rows and columns", 3, _MOST, 7, "n")
    window, (row, col) = _around(view, side)
    array = _numbers(view, given, window, band)
    low, high = render.value_range(array)
    whole = "black to white from smallest to largest"
    scale = scales(view, given)[0] if band in index else ColourScale(Palette.GREY, low, high, whole)
    top, left, height, width = window
    strip(
        [
            Stage(
                name=f"{band}, rows {top}–{top + height - 1}, columns {left}–{left + width - 1}",
                picture=scale.indices(array),
                caption=caption(array, view.metres, given.unit if band in index else given.number_unit),
                alt=f"Values of {band} around row {row}, column {col}, written into cells.",
                scale=scale,
                origin=(top, left),
                cells=array if np.isfinite(array).any() else None,
                pins=pinned(view, window),
            )
        ],
        "cells_strip",
        hint="Around the pixel that was pinned last.",
    )


_MOST = 15


def _around(view: View, side: int) -> tuple[Window, tuple[int, int]]:
    """A square around the last pin as far as the scene has room, and that pin."""
    found = places(view)
    row, col = found[-1] if found else (view.window.row, view.window.col)
    rows, cols, _ = view.scene.shape
    height, width = min(side, rows), min(side, cols)
    top = min(max(row - side // 2, 0), rows - height)
    left = min(max(col - side // 2, 0), cols - width)
    return Window(top, left, height, width), (row, col)


def _numbers(view: View, given: Setting, window: Window, band: str) -> np.ndarray:
    """What is written into the cells ``(rows, cols)``: a band as its numbers are shown, or the index."""
    if given.what is What.INDEX and band == given.index:
        return computed(view, given, view.scene.read(window, bands=given.bands).array)[..., 0]
    return given.numbers(view.scene.read(window, bands=[band]).array[..., 0])
