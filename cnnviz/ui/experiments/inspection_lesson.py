"""What the inspection page asks, and what it gives to do."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cnnviz.render import number
from cnnviz.sensors import to_reflectance
from cnnviz.ui import teach
from cnnviz.ui.experiments.inspection import Orientation, Setting, What
from cnnviz.ui.experiments.pins import Spectrum, chosen, spectra
from cnnviz.ui.teach import Question, Task
from cnnviz.ui.view import View
from cnnviz.ui.words import plain

_QUARTERS = ("under a quarter", "a quarter to a half", "a half to three quarters", "over three quarters")


def predict(view: View) -> bool:
    """Ask about the last pin's numbers; returns whether the spectra stay covered."""
    found = spectra(view)
    if not found or not np.isfinite(found[-1].values).all():
        return False
    question = brightest(view, found[-1]) or rank(view, found[-1])
    return question is not None and teach.predict(question, "inspection")


def brightest(view: View, pin: Spectrum) -> Question | None:
    """In which of a few bands the pixel is brightest; None for a tie, and for fewer bands than three."""
    names = view.scene.band_names
    if len(names) < 3:
        return None
    values = dict(zip(names, pin.values.tolist(), strict=True))
    choices = _spread(names)
    answer = max(choices, key=values.__getitem__)
    if [values[name] for name in choices].count(values[answer]) > 1:
        return None
    return Question(
        identity=f"{view.scene.key} {pin.label}",
        text=f"Look at the pixel at {pin.label}, the last pin. In which of these bands is it brightest?",
        choices=choices,
        answer=answer,
        because=", ".join(f"{plain(name)} {number(values[name])}" for name in choices) + ".",
    )


def rank(view: View, pin: Spectrum) -> Question | None:
    """How many of the window's numbers are smaller than the pixel's; None where the window holds none."""
    band = view.default_band()
    value = float(pin.values[view.scene.band_index(band)])
    window = view.patch([band]).array
    valid = window[np.isfinite(window)]
    if not valid.size:
        return None
    smaller = int((valid < value).sum())
    return Question(
        identity=f"{view.scene.key} {view.window} {pin.label}",
        text=f"Look at the pixel at {pin.label}, the last pin. How many of the window’s numbers in {plain(band)} are "
        "smaller than its own?",
        choices=_QUARTERS,
        answer=_QUARTERS[min(4 * smaller // valid.size, 3)],
        because=f"It is {number(value)}; {number(smaller)} of {number(valid.size)} are smaller.",
    )


def _spread(names: tuple[str, ...]) -> tuple[str, ...]:
    """Four bands from all over the spectrum."""
    found = np.unique(np.linspace(0, len(names) - 1, 4).round().astype(int))
    return tuple(names[i] for i in found)


def tasks(view: View, given: Setting) -> None:
    """Three things to try, such as this scene allows."""
    few = "Find the fewest bits at which you still see what is there: try four or fewer."
    if _infrared_and_red(view):
        first = Task("Show the scene so that plants are bright red.", _plants_are_red(view, given))
        second = Task("Pin a pixel whose near infrared is at least three times its red.", _has_plant(view))
    else:
        upside_down = given.orientation is Orientation.FLIP_ROWS
        first = Task("Turn the picture upside down, as some files store it.", upside_down)
        second = Task("Pin a pixel and find its number among its neighbours’.", chosen(view) and _values_are_open())
    teach.tasks([first, second, Task(few, given.bits <= 4)], "inspection")
    if _infrared_and_red(view):
        teach.earth(
            "Leaves are dark in red and bright in the near infrared, water is dark in both: the numbers of one pixel "
            "tell apart what the eye calls green."
        )
    else:
        teach.earth(
            "A satellite’s pixel is read the same way, band by band: leaves, water and bare soil each have numbers of "
            "their own."
        )


def _infrared_and_red(view: View) -> tuple[str, str] | None:
    """The names of the two bands that tell plants apart, where the scene has them."""
    sensor = view.scene.naming.sensor
    if sensor is None or "NDVI" not in sensor.indices:
        return None
    infrared, red = sensor.indices["NDVI"].bands
    return (infrared, red) if {infrared, red} <= set(view.scene.band_names) else None


def _plants_are_red(view: View, given: Setting) -> bool:
    """Whether a near infrared stands for red: leaves reflect from 750 to 1,300 nm."""
    sensor = view.scene.naming.sensor
    if given.what is not What.COMPOSITE or sensor is None:
        return False
    shown = next((band.wavelength for band in sensor.bands if band.name == given.bands[0]), None)
    return shown is not None and 750 <= shown <= 1300


def _has_plant(view: View) -> bool:
    pair = _infrared_and_red(view)
    if pair is None or not chosen(view):
        return False
    infrared, red = (view.scene.band_index(name) for name in pair)
    scaled = view.scene.naming.sensor is not None and view.scene.naming.sensor.scale is not None
    values = [to_reflectance(pin.values, view.calibration()) if scaled else pin.values for pin in spectra(view)]
    return any(pixel[infrared] >= 3 * pixel[red] > 0 for pixel in values)


def _values_are_open() -> bool:
    return bool(st.session_state.get("part") == "values")
