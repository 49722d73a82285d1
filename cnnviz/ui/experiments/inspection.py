"""Image inspection: what is in the file, as pictures, spectra, histograms and plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import streamlit as st

from cnnviz.errors import GeometryError
from cnnviz.render import MINUS, StretchRule, limits, number
from cnnviz.sensors import Calibration, Offset, Sensor, to_reflectance
from cnnviz.ui import link, page
from cnnviz.ui.fallback import good_or_default
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
    calibration: Calibration | None  #: how the file's numbers become reflectance, where that is known
    bits: int
    orientation: Orientation
    own_unit: str = ""  #: of the file's numbers, as it holds them
    reflectance: bool = False  #: whether numbers are shown as reflectance

    @property
    def shown_as(self) -> Calibration | None:
        """What turns the file's numbers into those that are shown; None where they are shown as they are."""
        return self.calibration if self.reflectance else None

    @property
    def number_unit(self) -> str:
        """What a number of a band is; "" where nobody says."""
        return "reflectance" if self.shown_as else self.own_unit

    @property
    def unit(self) -> str:
        """What a number of the picture is; "" where nobody says."""
        return "index" if self.what is What.INDEX else self.number_unit

    @property
    def axis(self) -> str:
        """What stands along an axis of the bands' numbers."""
        unit = self.number_unit
        return f"value {unit}".strip() if not unit or unit.startswith("in ") else unit

    def numbers(self, array: np.ndarray) -> np.ndarray:
        """The file's numbers as they are shown: float32 of the same shape, NaN where there are none."""
        return array if self.shown_as is None else to_reflectance(array, self.shown_as)


def controls(view: View) -> tuple[What, tuple[str, ...], str, StretchRule]:
    """The row for what the page is about: what to show, of which bands, stretched how."""
    sensor = view.scene.naming.sensor
    what = _what(view, sensor)
    index = ""
    if what is What.COMPOSITE:
        bands = _three_bands(view, sensor)
    elif what is What.BAND:
        names = {name: name for name in view.scene.band_names}
        bands = (link.choose("Band", names, "band", default=view.default_band()),)
    else:
        index = link.choose("Index", _indices(view, sensor), "index")
        bands = () if sensor is None else sensor.indices[index].bands
    rules = {rule: str(rule) for rule in StretchRule}
    rule = link.choose("Stretch", rules, "stretch", disabled=what is What.INDEX, help=_STRETCH)
    return what, bands, index, rule


_STRETCH = "Which numbers are black and white. An index has a range of its own: it is always shown from −1 to 1."


def _what(view: View, sensor: Sensor | None) -> What:
    """What the visitor wants to see, where there is anything to choose."""
    whats = {What.COMPOSITE: "Composite"} if len(view.scene.band_names) > 1 else {}
    whats[What.BAND] = "One band"
    if _indices(view, sensor):
        whats[What.INDEX] = "Index"
    return link.switch("Show", whats, "what") if len(whats) > 1 else What.BAND


def _indices(view: View, sensor: Sensor | None) -> dict[str, str]:
    names = set(view.scene.band_names)
    return {
        name: f"{index.name}: {index.title}"
        for name, index in (sensor.indices.items() if sensor else ())
        if set(index.bands) <= names
    }


def _three_bands(view: View, sensor: Sensor | None) -> tuple[str, ...]:
    """The bands of a composite of the sensor; none yet where any three may be chosen."""
    names = view.scene.band_names
    presets = {
        name: f"{each.title} ({', '.join(each.bands)})"
        for name, each in (sensor.composites.items() if sensor else ())
        if set(each.bands) <= set(names)
    }
    chosen = link.choose("Composite", presets | {FREE: "Any three bands"}, "composite")
    return () if chosen == FREE or sensor is None else sensor.composites[chosen].bands


def _any_three(view: View) -> tuple[str, ...]:
    """Three lists in a row of their own: nothing moves under the pointer that asked for them."""
    options = {name: name for name in view.scene.band_names}
    with page.controls("_three"):
        return tuple(
            link.choose(colour, options, colour.lower(), default=band)
            for colour, band in zip(("Red", "Green", "Blue"), view.default_bands(), strict=True)
        )


def setting(view: View, what: What, bands: tuple[str, ...], index: str, rule: StretchRule) -> Setting:
    """The rest of the controls: what is chosen by hand in rows of its own, the others folded away."""
    if what is What.COMPOSITE and not bands:
        bands = _any_three(view)
    by_hand = rule is StretchRule.MANUAL and what is not What.INDEX
    ends = page.controls("_ends") if by_hand else None  # stands above, and is filled once its unit is known below
    with page.more("Numbers, bits and orientation"):
        left, middle, right = st.columns(3)
        with left:
            calibration, reflectance = _calibration(view)
        with right:
            orientation = link.choose("Orientation", {each: str(each) for each in Orientation}, "turn")
            if what is What.COMPOSITE and link.tick("BGR instead of RGB", "bgr", help=_BGR):
                bands = bands[::-1]
        with middle:
            bits = link.slide("Bits per value", 1, 16, 16, "bits", help="Fewer bits, fewer grey levels.")
    manual = (0.0, 1.0)
    if ends is not None:
        with ends:
            manual = _manual(view, bands, calibration if reflectance else None)
    return Setting(what, bands, index, rule, manual, calibration, bits, orientation, view.unit, reflectance)


_BGR = "Some programs store blue first."


def _calibration(view: View) -> tuple[Calibration | None, bool]:
    """How numbers become reflectance, where that is known, and whether they are shown so."""
    sensor = view.scene.naming.sensor
    if sensor is None or sensor.scale is None:
        whose = "" if sensor is None else f" ({sensor.title})"
        st.caption(f"No scale to reflectance is known here{plain(whose)}: the numbers are shown as they are.")
        return None, False
    numbers = link.switch("Numbers", {"dn": "Digital numbers", "reflectance": "Reflectance"}, "numbers")
    offsets = {Offset.AUTO: "found automatically", Offset.NONE: "0", Offset.MINUS_1000: "−1000"}
    found = view.calibration(link.choose("Offset", offsets, "offset_dn"))
    st.caption(f"{formula(found)}. {plain(found.reason)}")
    return found, numbers == "reflectance"


def formula(found: Calibration) -> str:
    """How a digital number becomes reflectance, as text.

    >>> from cnnviz.sensors import calibrate
    >>> formula(calibrate("0"))
    'reflectance = DN / 10\u202f000'
    """
    sign = MINUS if found.offset < 0 else "+"
    shifted = f"(DN {sign} {number(abs(found.offset))})" if found.offset else "DN"
    return f"reflectance = {shifted}" + (f" / {number(found.scale)}" if found.scale != 1 else "")


def _manual(view: View, bands: tuple[str, ...], shown_as: Calibration | None) -> tuple[float, float]:
    """The ends that the visitor typed; until then those between which most of the bands' numbers lie."""
    low, high = _usual(view, bands, shown_as)
    _start({"black": low, "white": high}, of=(view.scene.key, shown_as is not None))
    step = 1.0 if high - low > 20 else 0.01
    look = {"step": step, "format": "%.6g"}
    black = link.figure("Black at", -_FAR, _FAR, low, "black", **look)
    white = link.figure("White at", -_FAR, _FAR, high, "white", **look)
    return good_or_default("stretch", lambda: _ordered(black, white), lambda: (low, high))


_FAR = 1e9  # beyond it neither end is taken; the black one starts well within, so that there is a white one above


def _usual(view: View, bands: tuple[str, ...], shown_as: Calibration | None) -> tuple[float, float]:
    """The 2–98 % limits of the bands together, as the numbers are shown, rounded to four digits."""
    ends = np.array([limits(view.band_statistics(band), StretchRule.PERCENTILE) for band in bands])
    ends = ends if shown_as is None else shown_as.reflectance(ends)
    low, high = (float(f"{end:.4g}") for end in np.clip([ends.min(), ends.max()], -_FAR, _FAR / 2))
    return low, high if high > low else low + 1


def _start(ends: dict[str, float], of: object) -> None:
    """Move the ends that nobody changed to where they start; all of them where the scene or the unit is another."""
    state = st.session_state
    before, started = state.get("_manual", (of, {}))
    state["_manual"] = of, ends
    for key, first in ends.items():
        if key in state and (before != of or state[key] == started.get(key)):
            state[key] = first


def _ordered(low: float, high: float) -> tuple[float, float]:
    if low >= high:
        raise GeometryError(
            f"received black at {number(low)} and white at {number(high)}: black is expected below white; change one"
        )
    return low, high
