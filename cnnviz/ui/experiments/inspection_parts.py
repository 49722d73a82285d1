"""The other sides of a scene: spectra, histograms, values in cells, the data cube, the file."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.description import Description
from cnnviz.render import ColourScale, Palette
from cnnviz.scene import Window
from cnnviz.sensors import to_reflectance
from cnnviz.ui import link, pictures
from cnnviz.ui.experiments import inspection_lesson as lesson
from cnnviz.ui.experiments.inspection import Setting
from cnnviz.ui.experiments.pins import chosen, pin_field, places, spectra
from cnnviz.ui.pictures import PIN_COLOURS, Stage, caption, strip
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
    """Show the side that the visitor chose."""
    pin_field(view)
    part = link.switch("Look at", PARTS, "part")
    sides: dict[Part, Callable[[View, Setting], None]] = {
        Part.SPECTRA: _spectra,
        Part.HISTOGRAMS: _histograms,
        Part.VALUES: _values,
        Part.CUBE: _cube,
        Part.FILE: _file,
    }
    sides[part](view, given)


def _spectra(view: View, given: Setting) -> None:
    if lesson.predict(view):
        return
    rows = []
    for spectrum in spectra(view):
        values = spectrum.values if given.calibration is None else to_reflectance(spectrum.values, given.calibration)
        for name, x, value in zip(view.scene.band_names, _positions(view), values.tolist(), strict=True):
            if np.isfinite(value):
                rows.append({"band": name, "x": x, "value": value, "pixel": spectrum.label})
    if not rows:
        st.caption("There is no number here to draw. Click a pixel that holds data, or move the window.")
        return
    pixels = [spectrum.label for spectrum in spectra(view)]
    _line_chart(rows, pixels, _axis_title(view), given.unit or "value")
    if not chosen(view):
        st.caption(
            f"Three pixels chosen for you: dark, middle and bright in {view.default_band()}. "
            "Click the picture to pin your own."
        )


def _positions(view: View) -> list[float]:
    """Wavelength of each band in nm where all are known, else its number."""
    sensor = view.scene.naming.sensor
    known = {band.name: band.wavelength for band in sensor.bands} if sensor else {}
    found = [known.get(name) for name in view.scene.band_names]
    lengths = [length for length in found if length is not None]
    return lengths if len(lengths) == len(found) else [float(i + 1) for i in range(len(found))]


def _axis_title(view: View) -> str:
    positions = _positions(view)
    return "Wavelength in nm" if positions and positions[0] > 100 else "Band number"


def _line_chart(rows: list[dict[str, Any]], pixels: list[str], x_title: str, y_title: str) -> None:
    # Written out: checking a chart against Altair's schema takes longer than a whole change of the picture may.
    line = {
        "x": {
            "field": "x",
            "type": "quantitative",
            "title": x_title,
            "scale": {"zero": False, "nice": True},
            "axis": {"format": ",d", "tickMinStep": 1},
        },
        "y": {"field": "value", "type": "quantitative", "title": y_title},
        "color": {
            "field": "pixel",
            "type": "nominal",
            "title": None,
            "scale": {"domain": pixels, "range": list(PIN_COLOURS[: len(pixels)])},
            "legend": {"orient": "bottom", "columns": 1, "offset": 0, "padding": 0},
        },
        "tooltip": [{"field": name, "type": "nominal"} for name in ("pixel", "band")]
        + [{"field": "value", "type": "quantitative"}],
    }
    layers = [{"mark": {"type": "line"}}, {"mark": {"type": "point", "filled": True, "size": 50}}]
    spec = {"data": {"values": rows}, "encoding": line, "layer": layers, "height": 360}
    st.vega_lite_chart(spec, key="spectra_chart")


def _inline(rows: list[dict[str, Any]]) -> Any:
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def _histograms(view: View, given: Setting) -> None:
    rows = [
        {"band": found.name, "from": left, "to": right, "pixels": count}
        for found in view.statistics()
        for left, right, count in coarse(found.edges, found.counts)
    ]
    chart = (
        alt.Chart(_inline(rows))
        .mark_bar(binSpacing=0)
        .encode(
            x=alt.X("from:Q", title=None).axis(tickCount=3).bin("binned").scale(zero=False),
            x2="to:Q",
            y=alt.Y("pixels:Q", title=None).axis(None),
            tooltip=["band:N", "from:Q", "to:Q", "pixels:Q"],
        )
        .properties(width=92, height=60)
        .facet(facet=alt.Facet("band:N", title=None, sort=list(view.scene.band_names)), columns=3)
        .resolve_scale(x="independent", y="independent")
    )
    st.altair_chart(chart, key="histograms_chart", width="content")
    st.caption(f"Digital numbers {view.basis}; each band on axes of its own.")


def coarse(edges: tuple[float, ...], counts: tuple[int, ...], bins: int = 64) -> list[tuple[float, float, int]]:
    """Neighbouring bins joined until at most ``bins`` are left: (left edge, right edge, count)."""
    step = max(-(-len(counts) // bins), 1)
    starts = range(0, len(counts), step)
    return [(edges[i], edges[min(i + step, len(counts))], sum(counts[i : i + step])) for i in starts]


def _values(view: View, given: Setting) -> None:
    names = {name: name for name in view.scene.band_names}
    band = link.choose("Band of the cells", names, "cells", default=view.default_band())
    side = link.slide("Rows and columns", 3, 15, 7, "n")
    found = places(view)
    row, col = found[-1] if found else (view.window.row, view.window.col)
    rows, cols, _ = view.scene.shape
    height, width = min(side, rows), min(side, cols)
    top = min(max(row - side // 2, 0), rows - height)
    left = min(max(col - side // 2, 0), cols - width)
    cells = view.scene.read(Window(top, left, height, width), bands=[band]).array[..., 0]
    scale = ColourScale(Palette.GREY, *render.value_range(cells), "black to white from smallest to largest")
    strip(
        [
            Stage(
                name=f"{band}, rows {top}–{top + height - 1}, columns {left}–{left + width - 1}",
                picture=scale.indices(cells),
                caption=caption(cells, view.metres),
                alt=f"Values of {band} around row {row}, column {col}, written into cells.",
                scale=scale,
                cells=cells,
            )
        ],
        "cells_strip",
        hint="Around the pixel that was pinned last.",
    )


def _cube(view: View, given: Setting) -> None:
    rows, cols, bands = view.scene.shape
    values = rows * cols * bands
    storage = view.scene.storage
    lines = {
        "Rows × columns × bands": f"{render.size(rows, cols)} × {bands}",
        "Values": render.number(values),
        "Bits per value in the file": f"{storage.bits} ({view.scene.dtype})",
        "On disk": _bytes(storage.bytes_on_disk),
        "In memory, as stored": _bytes(view.scene.bytes_in_memory),
        "As float32, 4 bytes each": _bytes(4 * values),
        "As float64, 8 bytes each": _bytes(8 * values),
        f"At {given.bits} bits each": _bytes(values * given.bits / 8),
        "One pixel": f"{bands} values, one spectrum",
        "One band": f"{render.size(rows, cols)} values, one grey picture",
    }
    _table(lines)


def _file(view: View, given: Setting) -> None:
    found = view.scene.describe()
    left, bottom, right, top = (render.number(value, 9) for value in found.bounds)
    lines = {
        "Format": f"{found.format}, {found.compression or 'not compressed'}, {found.interleave} interleaved",
        "Reference system": found.crs or "none",
        "Transform": ", ".join(render.number(value, 9) for value in found.transform),
        "Bounds": f"x {left} … {right}, y {bottom} … {top}",
        "Centre": _lonlat(found.centre),
        "Pixel size": pictures.ground(found.pixel_size) if found.pixel_size else "unknown",
        "Nodata": view.scene.nodata_rule or "none",
        "Blocks": f"{render.size(*found.block)} pixels",
        "Overviews": ", ".join(render.size(*smaller) for _, *smaller in found.overviews) or "none",
        "Bands": ", ".join(found.band_names),
        "Their names": found.names_reason,
        "Notes": _notes(found),
    }
    _table(lines | {f"Tag {name}": value for name, value in view.scene.tags})


def _notes(found: Description) -> str:
    """What is out of the ordinary and changes what one sees."""
    said = {
        "Complex numbers are shown as their magnitude.": found.is_complex,
        "The numbers are places in a colour table.": found.is_palette,
        "The picture is rotated against the map.": found.is_rotated,
        "The first row lies in the south.": found.is_south_up,
        "Control points are not used: the scene has no place until it is warped.": found.control_points > 0,
    }
    return " ".join(note for note, holds in said.items() if holds) or "none"


def _lonlat(place: tuple[float, float] | None) -> str:
    return "unknown" if place is None else f"{render.number(place[0], 7)}° E, {render.number(place[1], 7)}° N"


def _table(lines: dict[str, str]) -> None:
    st.table(
        {"": [plain(name) for name in lines], " ": [plain(value) for value in lines.values()]},
        border="horizontal",
        hide_index=True,
    )


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{render.number(count)} {unit}"
        count /= 1000
    return f"{render.number(count)} GB"
