"""What the inspection page asks, and what it gives to do."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cnnviz.render import number
from cnnviz.sensors import to_reflectance
from cnnviz.ui import teach
from cnnviz.ui.experiments.inspection import Orientation, Setting, What
from cnnviz.ui.experiments.pins import chosen, spectra
from cnnviz.ui.teach import Question, Task
from cnnviz.ui.view import View


def predict(view: View) -> bool:
    """Ask which of a few bands is brightest at the last pin; returns whether the spectra stay covered."""
    found = spectra(view)
    names = view.scene.band_names
    if not found or len(names) < 3 or not np.isfinite(found[-1].values).all():
        return False
    values = dict(zip(names, found[-1].values.tolist(), strict=True))
    choices = _spread(names)
    answer = max(choices, key=values.__getitem__)
    if [values[name] for name in choices].count(values[answer]) > 1:
        return False  # a tie has no answer
    return teach.predict(
        Question(
            identity=f"{view.scene.key} {found[-1].label}",
            text=f"Look at the pixel at {found[-1].label}, the last pin. In which of these bands is it brightest?",
            choices=choices,
            answer=answer,
            because=", ".join(f"{name} {number(values[name])}" for name in choices) + ".",
        ),
        "inspection",
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
    teach.earth(
        "Leaves are dark in red and bright in the near infrared, water is dark in both: thirteen numbers per pixel "
        "tell apart what the eye calls green."
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
