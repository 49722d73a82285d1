"""What the page on volume convolution asks, and what it gives to do."""

from __future__ import annotations

import numpy as np

from cnnviz.render import MINUS, number
from cnnviz.ui import teach
from cnnviz.ui.experiments import spot
from cnnviz.ui.experiments.volume import ACTIVATIONS, Result
from cnnviz.ui.experiments.volume_layers import layer_cost
from cnnviz.ui.teach import Question, Task
from cnnviz.ui.view import View
from cnnviz.ui.words import plain

_WANTED = 112


def predict(view: View, result: Result) -> tuple[bool, bool]:
    """Ask what comes out at the box; returns whether the sum stays covered, and whether there is a box."""
    given = result.given
    at = result.output_at(*spot.place(view, result.showpiece()))
    terms, bias, value = result.terms[at].tolist(), given.filter.bias, float(result.activated[at])
    if np.isnan(value):
        return False, False
    sums = float(result.total[at]), float(result.biased[at])
    wrong = [*sums, 0.0, -value, max(terms, key=abs), value / 2, 2 * value, 1.0]
    choices = dict.fromkeys(number(each) for each in (value, *wrong))
    answer, *others = choices
    said = ", ".join(f"{plain(band)} {number(term)}" for band, term in zip(given.bands, terms, strict=True))
    covered = teach.predict(
        Question(
            identity=f"{given} {at}",
            text=f"At the box the terms are {said}; the bias is {number(bias)}, the activation is "
            f"{ACTIVATIONS[given.activation]}. What comes out?",
            choices=tuple(sorted([answer, *others[:3]], key=_by_value)),
            answer=answer,
            because=f"The sum is {number(float(result.total[at]))}, with the bias {number(float(result.biased[at]))}, "
            f"after {ACTIVATIONS[given.activation]} {answer}.",
        ),
        "volume",
    )
    return covered, teach.asking("volume")


def _by_value(text: str) -> tuple[bool, str]:
    return not text.startswith(MINUS), text


def tasks(result: Result) -> None:
    """Three things to try."""
    kernels = result.given.kernels
    used = [bool(kernels[..., band].any()) for band in range(kernels.shape[2])]
    flat = kernels.reshape(-1)
    teach.tasks(
        [
            Task("Write a filter that looks at one of three bands or more and leaves out the rest.", _alone(used)),
            Task("Subtract one band from another with a 1 × 1 filter.", _subtracts(flat, kernels.shape[:2])),
            Task(f"Build a layer with exactly {_WANTED} parameters.", layer_cost(result).parameters == _WANTED),
        ],
        "volume",
    )
    teach.earth(
        "Water is brighter in green than in the near infrared, plants are the other way round: one filter with a plus "
        "and a minus tells them apart, and a network finds such weights by itself."
    )


def _alone(used: list[bool]) -> bool:
    return len(used) >= 3 and sum(used) == 1


def _subtracts(weights: np.ndarray, size: tuple[int, ...]) -> bool:
    there = weights[weights != 0]
    return size == (1, 1) and there.size == 2 and float(there.sum()) == 0
