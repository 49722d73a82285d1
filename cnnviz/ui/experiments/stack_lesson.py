"""What the stack page asks, and what it gives to do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cnnviz.blocks import Activation, Conv2D, Function, Layer, Pool2D
from cnnviz.convolve import PoolMode
from cnnviz.layers import FeatureMap, Network
from cnnviz.render import number
from cnnviz.ui import teach
from cnnviz.ui.experiments.stack import Setting
from cnnviz.ui.teach import Question, Task
from cnnviz.ui.view import View

_WIDE, _FEW = 40, 6


def predict(given: Setting, maps: Sequence[FeatureMap]) -> bool:
    """Ask how far the last layer sees; returns whether the maps stay covered."""
    answer = maps[-1].field.size[1]
    return teach.predict(
        Question(
            identity=f"{given.network.to_json()}",
            text="One pixel of the last map: how many columns of the scene does it see?",
            choices=choices(given.network),
            answer=number(answer),
            because=f"Each layer adds its window less one, times its step on the scene: {because(given.network)}.",
        ),
        "stack",
    )


def because(network: Network) -> str:
    """How the width of the receptive field adds up.

    >>> because(Network([Conv2D("box_3"), Pool2D(2), Conv2D("box_3")]))
    '1 + 2 · 1 + 1 · 1 + 2 · 2 = 8'
    """
    terms, jump = ["1"], 1
    for _, cols in network.axes():
        if cols.span > 1:
            terms.append(f"{cols.span - 1} · {jump}")
        jump *= cols.stride
    return f"{' + '.join(terms)} = {network.receptive_field().size[1]}"


def choices(network: Network) -> tuple[str, ...]:
    """The answer among what one gets who forgets the strides, adds the windows up, or takes the last window alone."""
    spans = [cols.span for _, cols in network.axes()]
    field = network.receptive_field()
    likely = [
        field.size[1],
        1 + sum(span - 1 for span in spans),
        sum(span for span in spans if span > 1),
        field.jump[1],
    ]
    return tuple(number(value) for value in sorted({*likely, max(spans)}))


def tasks(view: View, given: Setting, maps: Sequence[FeatureMap]) -> None:
    """Three things to try."""
    layers, field = given.network.layers, maps[-1].field
    teach.tasks(
        [
            Task(
                f"With at most {_FEW} layers, let one pixel of the last map see {_WIDE} × {_WIDE} pixels or more.",
                len(layers) <= _FEW and min(field.size) >= _WIDE,
            ),
            Task("Put max pooling before its ReLU: the last map stays the same. Why?", pool_before_relu(layers)),
            Task("Find two things in one layer with two filters, and join their maps in a later one.", joins(layers)),
        ],
        "stack",
    )
    if view.metres is None:
        teach.earth("What a network can recognise must fit into what one of its pixels sees.")
        return
    sees = field.size[1] * view.metres[1]
    teach.earth(
        f"A field of 300 m is known as one only by a pixel that sees 300 m, {number(300 / view.metres[1], 3)} pixels "
        f"here. The last layer of this stack sees {number(sees)} m."
    )


def pool_before_relu(layers: Sequence[Layer]) -> bool:
    """Whether a max pooling stands right before a ReLU.

    >>> pool_before_relu([Pool2D(2), Activation("relu")]), pool_before_relu([Activation("relu"), Pool2D(2)])
    (True, False)
    """
    return any(
        isinstance(first, Pool2D)
        and first.mode is PoolMode.MAX
        and isinstance(second, Activation)
        and second.name is Function.RELU
        for first, second in pairwise(layers)
    )


def joins(layers: Sequence[Layer]) -> bool:
    """Whether a layer of two filters or more is followed by one that sums over several maps."""
    filters = [layer.tensor.shape for layer in layers if isinstance(layer, Conv2D) and layer.bands is not None]
    return any(first[3] > 1 and second[2] > 1 for first, second in pairwise(filters))
