"""What the inspection page asks, and what it gives to do."""

from __future__ import annotations

import numpy as np

from cnnviz.render import number
from cnnviz.sensors import to_reflectance
from cnnviz.ui import teach
from cnnviz.ui.experiments.inspection import Setting, What
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
    """Three things to try."""
    teach.tasks(
        [
            Task("Show the scene so that plants are bright red.", _plants_are_red(given)),
            Task("Pin a pixel whose near infrared is at least three times its red.", _has_plant(view)),
            Task("Find the fewest bits at which you still see the fields: try four or fewer.", given.bits <= 4),
        ],
        "inspection",
    )
    teach.earth(
        "Leaves are dark in red and bright in the near infrared, water is dark in both: thirteen numbers per pixel "
        "tell apart what the eye calls green."
    )


def _plants_are_red(given: Setting) -> bool:
    return given.what is What.COMPOSITE and given.bands[0] in ("B07", "B08", "B8A")


def _has_plant(view: View) -> bool:
    names = view.scene.band_names
    if not chosen(view) or not {"B04", "B08"} <= set(names):
        return False
    red, infrared = names.index("B04"), names.index("B08")
    pixels = [to_reflectance(found.values, view.calibration()) for found in spectra(view)]
    return any(pixel[infrared] >= 3 * pixel[red] > 0 for pixel in pixels)
