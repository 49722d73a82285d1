"""What a pixel of each layer of a Keras model sees of the input, and what kind of layer made it.

Layers that slide have a receptive field as networks have; after a dense layer, a global pooling or a layer that
enlarges, a value is taken to see the whole image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnviz.blocks import Kind, Labels
from cnnviz.geometry import ReceptiveField
from cnnviz.keras_graph import IDLE, kind
from cnnviz.keras_run import START, Stage
from cnnviz.padding import plan

Sizes = tuple[int, ...]

_KINDS = {
    "Activation": Kind.ACTIVATION,
    "BatchNormalization": Kind.SCALING,
    "Dense": Kind.DENSE,
    "ELU": Kind.ACTIVATION,
    "LeakyReLU": Kind.ACTIVATION,
    "Normalization": Kind.SCALING,
    "ReLU": Kind.ACTIVATION,
    "Rescaling": Kind.SCALING,
    "Softmax": Kind.ACTIVATION,
}
_CONVOLUTIONS = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D")
_POOLINGS = ("AveragePooling2D", "MaxPooling2D")
#: Layers that look at one pixel of each input at a time.
_POINTWISE = (
    IDLE | (_KINDS.keys() - {"Dense"}) | {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}
)


def kind_of(layer: Any) -> Kind:
    """What a layer of Keras does."""
    name = kind(layer)
    if name in _CONVOLUTIONS:
        return Kind.CONVOLUTION
    return Kind.POOLING if "Pooling" in name else _KINDS.get(name, Kind.OTHER)


def fields(stages: Sequence[Stage], shapes: Sequence[Sizes], image: Sizes) -> list[ReceptiveField]:
    """Field of each stage's pixels; ``shapes`` are those of the stages' results, ``image`` that of the input."""
    rows, cols = image[:2]
    whole = ReceptiveField((rows, cols), (rows, cols))
    found: list[ReceptiveField] = []
    for stage in stages:
        given = [ReceptiveField() if each == START else found[each] for each in stage.takes]
        size = image if stage.takes[0] == START else shapes[stage.takes[0]]
        found.append(_after(stage.layer, _union(given, whole), size, whole))
    return found


def _union(given: Sequence[ReceptiveField], whole: ReceptiveField) -> ReceptiveField:
    """The smallest field that holds all of ``given``; the whole image where they do not slide alike."""
    first = given[0]
    if len(given) == 1:
        return first
    if whole in given or any(each.jump != first.jump for each in given):
        return whole
    boxes = [each.box(0, 0) for each in given]
    top, left = min(box.top for box in boxes), min(box.left for box in boxes)
    bottom, right = max(box.bottom for box in boxes), max(box.right for box in boxes)
    size = round(bottom - top), round(right - left)
    offset = (top + bottom - first.jump[0]) / 2, (left + right - first.jump[1]) / 2
    return ReceptiveField(size, first.jump, offset)


def _after(layer: Any, field: ReceptiveField, size: Sizes, whole: ReceptiveField) -> ReceptiveField:
    name = kind(layer)
    if field == whole or len(size) != 3:
        return whole
    if name in _POINTWISE or name == "Dense":
        return field
    if name in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return field.then(
            plan(
                size[:2],
                tuple(layer.kernel_size),
                padding=layer.padding,
                stride=tuple(layer.strides),
                dilation=tuple(layer.dilation_rate),
            )
        )
    if name in _POOLINGS:
        return field.then(plan(size[:2], tuple(layer.pool_size), padding=layer.padding, stride=tuple(layer.strides)))
    if name in ("ZeroPadding2D", "Cropping2D"):
        return _shifted(field, layer)
    return whole


def _shifted(field: ReceptiveField, layer: Any) -> ReceptiveField:
    sides = layer.cropping if kind(layer) == "Cropping2D" else [[-side for side in pair] for pair in layer.padding]
    moved = [before * jump for (before, _), jump in zip(sides, field.jump, strict=True)]
    return replace(field, offset=(field.offset[0] + moved[0], field.offset[1] + moved[1]))


def labels(layer: Any, maps: int, given: Labels) -> Labels:
    """Name of each map of a layer's result; ``given`` are those of what it takes."""
    name = "unit" if kind(layer) == "Dense" else "filter"
    if kind(layer) in _CONVOLUTIONS or kind(layer) == "Dense":
        return tuple(f"{name} {number + 1}" for number in range(maps))
    return given if len(given) == maps else tuple(f"value {number + 1}" for number in range(maps))
