"""Image inspection: what is in the file, as pictures, spectra, histograms and plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import streamlit as st

from cnnviz.errors import GeometryError
from cnnviz.render import StretchRule, number
from cnnviz.sensors import Calibration, Offset, Sensor
from cnnviz.ui import link
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.page import more
from cnnviz.ui.view import View
from cnnviz.ui.words import plain


class What(StrEnum):
    """What the picture shows."""

    COMPOSITE = "composite"
    BAND = "band"
    INDEX = "index"


class Orientation(StrEnum):
    """How the array is turned before it is shown; some formats store it so."""

    AS_STORED = "as stored"
    FLIP_ROWS = "upside down"
    FLIP_COLS = "mirrored"


FREE = "any three"


@dataclass(frozen=True)
class Setting:
    """Everything that the page's controls say."""

    what: What
    bands: tuple[str, ...]
    index: str
    rule: StretchRule
    manual: tuple[float, float]
    calibration: Calibration | None
    bits: int
    orientation: Orientation
    own_unit: str = ""  #: of the file's numbers, as it holds them

    @property
    def unit(self) -> str:
        """What a number of the picture is; "" where nobody says."""
        if self.what is What.INDEX:
            return "index"
        return "reflectance" if self.calibration else self.own_unit


def controls(view: View) -> tuple[What, tuple[str, ...], str, StretchRule]:
    """The row for what the page is about: what to show, of which bands, stretched how."""
    sensor = view.scene.naming.sensor
    whats = {What.COMPOSITE: "Composite"} if len(view.scene.band_names) > 1 else {}
    whats[What.BAND] = "One band"
    if _indices(view, sensor):
        whats[What.INDEX] = "Index"
    what = link.switch("Show", whats, "what")
    index = ""
    if what is What.COMPOSITE:
        bands = _three_bands(view, sensor)
    elif what is What.BAND:
        names = {name: name for name in view.scene.band_names}
        bands = (link.choose("Band", names, "band", default=view.default_band()),)
    else:
        index = link.choose("Index", _indices(view, sensor), "index")
        bands = () if sensor is None else sensor.indices[index].bands
    rule = link.choose("Stretch", {rule: str(rule) for rule in StretchRule}, "stretch")
    return what, bands, index, rule


def _indices(view: View, sensor: Sensor | None) -> dict[str, str]:
    names = set(view.scene.band_names)
    return {
        name: f"{index.name}: {index.title}"
        for name, index in (sensor.indices.items() if sensor else ())
        if set(index.bands) <= names
    }


def _three_bands(view: View, sensor: Sensor | None) -> tuple[str, ...]:
    names = view.scene.band_names
    presets = {
        name: f"{each.title} ({', '.join(each.bands)})"
        for name, each in (sensor.composites.items() if sensor else ())
        if set(each.bands) <= set(names)
    }
    chosen = link.choose("Composite", presets | {FREE: "Any three bands"}, "composite")
    if chosen != FREE and sensor is not None:
        return sensor.composites[chosen].bands
    options = {name: name for name in names}
    return tuple(
        link.choose(colour, options, colour.lower(), default=band)
        for colour, band in zip(("Red", "Green", "Blue"), view.default_bands(), strict=True)
    )


def setting(view: View, what: What, bands: tuple[str, ...], index: str, rule: StretchRule) -> Setting:
    """The rest of the controls, folded away."""
    with more("Numbers, bits and orientation"):
        left, middle, right = st.columns(3)
        with left:
            calibration = _calibration(view, what)
        with middle:
            bits = link.slide("Bits per value", 1, 16, 16, "bits", help="Fewer bits, fewer grey levels.")
            manual = _manual() if rule is StretchRule.MANUAL else (0.0, 1.0)
        with right:
            orientation = link.choose("Orientation", {each: str(each) for each in Orientation}, "turn")
            swap = link.tick("BGR instead of RGB", "bgr", help="Some programs store blue first.")
    if swap and what is What.COMPOSITE:
        bands = bands[::-1]
    return Setting(what, bands, index, rule, manual, calibration, bits, orientation, view.unit)


def _calibration(view: View, what: What) -> Calibration | None:
    """How numbers become reflectance, where the sensor is known; an index always needs it: the offset shifts it."""
    sensor = view.scene.naming.sensor
    if sensor is None or sensor.scale is None:
        st.caption("This file's sensor is not known, so its numbers are shown as they are.")
        return None
    numbers = link.switch("Numbers", {"dn": "Digital numbers", "reflectance": "Reflectance"}, "numbers")
    offsets = {Offset.AUTO: "found automatically", Offset.NONE: "0", Offset.MINUS_1000: "−1000"}
    found = view.calibration(link.choose("Offset", offsets, "offset_dn"))
    st.caption(f"reflectance = (DN + {number(found.offset)}) / {number(found.scale)}. {plain(found.reason)}")
    return found if numbers == "reflectance" or what is What.INDEX else None


def _manual() -> tuple[float, float]:
    low = link.figure("Black at", -1e9, 1e9, 0.0, "black")
    high = link.figure("White at", -1e9, 1e9, 3000.0, "white")
    return good_or_default("stretch", lambda: _ordered(low, high), lambda: (0.0, 3000.0))


def _ordered(low: float, high: float) -> tuple[float, float]:
    if low >= high:
        raise GeometryError(
            f"received black at {number(low)} and white at {number(high)}: black is expected below white; change one"
        )
    return low, high
