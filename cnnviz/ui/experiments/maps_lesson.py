"""What the feature maps page asks, and what it gives to do."""

from __future__ import annotations

import numpy as np

from cnnviz.blocks import Kind
from cnnviz.layers import FeatureMap
from cnnviz.map_facts import facts
from cnnviz.render import number
from cnnviz.ui import teach
from cnnviz.ui.experiments import maps_why
from cnnviz.ui.experiments.maps import Setting
from cnnviz.ui.teach import Question, Task

_FAR = 16


def predict(given: Setting) -> bool:
    """Ask how far a cell of the layer sees; returns whether the maps stay covered."""
    field, layer = given.found.field, given.layer + 1
    shape = given.image.array.shape
    spans = given.subject.opened.windows(given.layer, shape)
    likely = {field.size[1], spans[-1], sum(span for span in spans if span > 1), 1 + sum(span - 1 for span in spans)}
    choices = sorted(likely | {field.jump[1], 2 * field.size[1]})
    return teach.predict(
        Question(
            identity=f"{given.subject.name} {layer}",
            text=f"One cell of layer {layer} ({given.found.name}): how many columns of the input does it see?",
            choices=tuple(number(value) for value in choices),
            answer=number(field.size[1]),
            because=_because(given.found, shape[1]),
        ),
        "maps",
    )


def _because(found: FeatureMap, cols: int) -> str:
    jump = found.field.jump[1]
    if jump == cols and found.kind is not Kind.CONVOLUTION:
        return "A layer on the way takes every pixel into every value: each sees the whole image."
    return (
        f"Its neighbour sees as far, {number(jump)} pixel{'s' * (jump > 1)} further on: every layer adds its window "
        "less one, times the step that the layers before it take."
    )


def tasks(given: Setting) -> None:
    """Three things to try, and why it matters."""
    teach.tasks(
        [
            Task(
                f"Find a layer whose cells see {_FAR} × {_FAR} pixels or more, and still have neighbours.",
                min(given.found.field.size) >= _FAR and given.found.array.shape[0] > 1,
            ),
            Task(
                "Find a map that is dead for one image: zero everywhere.", any(each.dead for each in facts(given.found))
            ),
            Task(
                "Find an example that a trained network gets wrong, and see where it looked.",
                _trained(given) and _wrong(given),
            ),
        ],
        "maps",
    )
    teach.earth(
        "A classifier of land cover can be right for the wrong reason, such as a cloud's shadow for water: maps, bands "
        "and occlusion show what it looked at before its map of a region is trusted."
    )


def _wrong(given: Setting) -> bool:
    logits, label = maps_why.answer(given), given.image.label
    return (
        logits is not None and label is not None and bool(np.isfinite(logits).all()) and int(logits.argmax()) != label
    )


def _trained(given: Setting) -> bool:
    return given.subject.examples is not None and not given.subject.name.endswith("_untrained")
