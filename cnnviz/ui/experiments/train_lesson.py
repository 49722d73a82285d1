"""Questions and tasks of the trainer, answered from what is set and what was trained."""

from __future__ import annotations

from collections.abc import Mapping

from cnnviz.chips import Split
from cnnviz.ui import teach
from cnnviz.ui.experiments.train import Setting
from cnnviz.ui.experiments.train_results import leaks, seeds
from cnnviz.ui.trained import TrainedModel
from cnnviz.ui.words import percent

_KEY = "train"
_GOOD = 0.95


def question(given: Setting) -> teach.Question:
    """How many parameters the last convolution has: its kernels see every map before it."""
    steps = given.plan.architecture.steps(given.chips.shape, given.classes)
    at = max(number for number, step in enumerate(steps) if step.call == "Conv2D")
    step = steps[at]
    side, filters = given.plan.architecture.kernel, step.shape[-1]
    seen = next((each.shape[-1] for each in reversed(steps[:at])), given.chips.shape[2])
    wrong = (side * side * filters + filters, side * side * seen * filters + seen, side * side * seen + filters)
    numbers = sorted({step.parameters, *wrong})
    return teach.Question(
        identity=f"{side} {seen} {filters}",
        text=f"The last convolution has {filters} filters of {side} × {side} over {seen} maps. How many parameters?",
        choices=tuple(f"{each:,}" for each in numbers),
        answer=f"{step.parameters:,}",
        because=f"{step.parameter_sum}: every filter has a kernel for each map that it sees, and one bias.",
    )


def predict(given: Setting) -> bool:
    """Ask before the table is uncovered."""
    return teach.predict(question(given), _KEY)


def tasks(models: Mapping[str, TrainedModel]) -> None:
    """What to try, and why it matters."""
    runs = list(models.values())
    teach.tasks(
        [
            teach.Task(
                f"Train a network that is right in {percent(_GOOD, 0)} of the images that it never saw.",
                any(each.accuracy >= _GOOD for each in runs),
            ),
            teach.Task("Train the same plan with another seed: how much of a difference is chance?", bool(seeds(runs))),
            teach.Task(
                "Learn from chips of the scene, held back at random, then by blocks. Which figure would you promise?",
                bool(leaks(runs)) and any(each.how is Split.BLOCKS for each in runs),
            ),
        ],
        _KEY,
    )
    teach.earth(
        "A land-cover map is used where nobody has looked: only images from elsewhere tell how good it is there."
    )
