"""The file of a scene, in figures and words: the data cube that it holds, and what it says about itself."""

from __future__ import annotations

import streamlit as st

from cnnviz import render
from cnnviz.description import Description
from cnnviz.scene import Scene
from cnnviz.text import ground
from cnnviz.ui.experiments.inspection import Setting
from cnnviz.ui.experiments.inspection_picture import bits
from cnnviz.ui.view import View
from cnnviz.ui.words import plain


def cube(view: View, given: Setting) -> None:
    """How many numbers the scene is, and how many bytes they take."""
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
        f"At {bits(given.bits)} each": _bytes(values * given.bits / 8),
        "One pixel": f"{bands} values, one spectrum" if bands > 1 else "1 value",
        "One band": f"{render.size(rows, cols)} values, one grey picture",
    }
    _table(lines)


def facts(view: View, given: Setting) -> None:
    """What the file says about itself."""
    found = view.scene.describe()
    left, bottom, right, top = (render.number(value, 9) for value in found.bounds)
    lines = {
        "Format": form(found),
        "Reference system": found.crs or "none",
        "Transform": ", ".join(render.number(value, 9) for value in found.transform),
        "Bounds": f"x {left} … {right}, y {bottom} … {top}",
        "Centre": _lonlat(found.centre),
        "Pixel size": ground(found.pixel_size) if found.pixel_size else "unknown",
        "Nodata": nodata(view.scene),
        "Blocks": f"{render.size(*found.block)} pixels",
        "Overviews": ", ".join(render.size(*smaller) for _, *smaller in found.overviews) or "none",
        "Bands": ", ".join(found.band_names),
        "Their names": found.names_reason,
        "Notes": _notes(found),
    }
    _table(lines | {f"Tag {name}": value for name, value in view.scene.tags})


def form(found: Description) -> str:
    """Format, compression and interleaving; JPEG and JPEG 2000 are their own compression."""
    own = found.format.replace(" ", "").lower() == found.compression
    packed = [] if own else [found.compression or "not compressed"]
    return ", ".join([found.format, *packed, f"{found.interleave} interleaved"])


def nodata(scene: Scene) -> str:
    """Which pixels hold no data; a band of Sentinel-2 that was taken out of its product does not say it itself."""
    sensor = scene.naming.sensor
    if scene.nodata_rule or sensor is None or sensor.name != "sentinel2" or scene.dtype != "uint16":
        return scene.nodata_rule or "none"
    return (
        "the file names none. Sentinel-2’s products hold 0 where there is no data: shown as reflectance such pixels "
        "are no data, as digital numbers they are 0."
    )


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
    return "unknown" if place is None else f"{_degrees(place[0], 'E', 'W')}, {_degrees(place[1], 'N', 'S')}"


def _degrees(value: float, above: str, below: str) -> str:
    """Degrees on their side of 0, to a thousandth: about 100 m.

    >>> _degrees(-34.87127, "E", "W"), _degrees(1e-6, "N", "S")
    ('34.87° W', '0°')
    """
    size = round(abs(value), 3)
    return f"{render.number(size)}° {below if value < 0 else above}" if size else "0°"


def _table(lines: dict[str, str]) -> None:
    st.table(
        {"what": [plain(name) for name in lines], "value": [plain(value) for value in lines.values()]},
        border="horizontal",
        hide_index=True,
        hide_header=True,
    )


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{render.number(count)} {unit}"
        count /= 1000
    return f"{render.number(count)} GB"
