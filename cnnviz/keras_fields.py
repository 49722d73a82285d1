"""What a pixel of each layer of a Keras model sees of the input, and what kind of layer made it.

Layers that slide, or enlarge by whole steps, have a receptive field as networks have: the smallest that holds for every
cell. After a dense layer or a global pooling, and where branches do not slide alike, it is the whole image;
:mod:`cnnviz.keras_reach` follows a single cell back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cnnviz.blocks import Kind, Labels
from cnnviz.geometry import Axes, ReceptiveField
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
_MERGES = frozenset({"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"})
#: Layers that look at one pixel of each input at a time.
_POINTWISE = IDLE | _KINDS.keys() | _MERGES


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
    if field == whole or len(size) != 3:
        return whole
    if is_pointwise(layer):
        return field if spread_along(layer) is None else whole
    if (window := sliding(layer)) is not None:
        return field.then(
            plan(size[:2], window.size, padding=window.padding, stride=window.stride, dilation=window.dilation)
        )
    if kind(layer) in ("ZeroPadding2D", "Cropping2D"):
        return _shifted(field, layer)
    steps = enlarging(layer)
    if steps is None or any(jump % step for jump, step in zip(field.jump, steps, strict=True)):
        return whole
    return _enlarged(layer, field, steps)


def is_pointwise(layer: Any) -> bool:
    """Whether a layer joins or changes values of one place, but for the axis of :func:`spread_along`."""
    return kind(layer) in _POINTWISE


def spread_along(layer: Any) -> int | None:
    """Axis, 0 for rows or 1 for columns, along which a layer joins images end to end or a softmax takes its sum."""
    axis = getattr(layer, "axis", None) if kind(layer) in ("Concatenate", "Softmax") else None
    rank = len(layer._inbound_nodes[0].input_tensors[0].shape)
    return {1: 0, 2: 1}.get(axis % rank) if isinstance(axis, int) and rank == 4 else None


class Window(NamedTuple):
    """How a layer slides, each figure for (rows, cols)."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str

    def over(self, shape: Sequence[int]) -> Axes:
        """How it slides along the two axes of maps of ``shape``."""
        return plan(shape[:2], self.size, padding=self.padding, stride=self.stride, dilation=self.dilation)


def sliding(layer: Any) -> Window | None:
    """The window that a convolution or a pooling slides over its input; None for other layers."""
    name = kind(layer)
    if name not in (*_CONVOLUTIONS, *_POOLINGS) or name == "Conv2DTranspose":
        return None
    size = layer.pool_size if name in _POOLINGS else layer.kernel_size
    return Window(tuple(size), tuple(layer.strides), tuple(getattr(layer, "dilation_rate", (1, 1))), layer.padding)


def enlarging(layer: Any) -> tuple[int, int] | None:
    """Pixels, (down, across), that an enlarging layer makes of one; None for other layers."""
    steps = {"UpSampling2D": "size", "Conv2DTranspose": "strides"}.get(kind(layer))
    return None if steps is None else tuple(getattr(layer, steps))


def _enlarged(layer: Any, field: ReceptiveField, steps: tuple[int, int]) -> ReceptiveField:
    axes = [_finer(layer, axis, field, step) for axis, step in enumerate(steps)]
    (rows, down, top), (cols, across, left) = axes
    return ReceptiveField((rows, cols), (down, across), (top, left))


def _finer(layer: Any, axis: int, field: ReceptiveField, step: int) -> tuple[int, int, float]:
    """Size, jump and offset along an axis after an enlarging layer: the smallest field that holds for every cell."""
    size, jump, offset = field.size[axis], field.jump[axis] // step, field.offset[axis]
    if kind(layer) == "UpSampling2D":
        nearest = layer.interpolation == "nearest"
        beyond = step - 1 if nearest else 2 * (step - 1) + (step + 1) % 2
        return size + beyond * jump, jump, offset
    span, before = spread(layer, axis)
    return size + (span - 1) * jump, jump, offset - ((span - 1) / 2 - before - (step - 1) / 2) * jump


def spread(layer: Any, axis: int) -> tuple[int, int]:
    """Pixels along an axis that a transposed convolution makes of one, and how many are cut off at the start."""
    span = layer.dilation_rate[axis] * (layer.kernel_size[axis] - 1) + 1
    return span, max(span - layer.strides[axis], 0) // 2 if layer.padding == "same" else 0


def trimmed(layer: Any, axis: int) -> int:
    """Pixels along an axis that a layer cuts off at the start; negative where it puts zeros there."""
    return int(layer.cropping[axis][0] if kind(layer) == "Cropping2D" else -layer.padding[axis][0])


def _shifted(field: ReceptiveField, layer: Any) -> ReceptiveField:
    moved = [trimmed(layer, axis) * jump for axis, jump in enumerate(field.jump)]
    return replace(field, offset=(field.offset[0] + moved[0], field.offset[1] + moved[1]))


def labels(layer: Any, maps: int, given: Labels) -> Labels:
    """Name of each map of a layer's result; ``given`` are those of what it takes."""
    name = "unit" if kind(layer) == "Dense" else "filter"
    if kind(layer) in _CONVOLUTIONS or kind(layer) == "Dense":
        return tuple(f"{name} {number + 1}" for number in range(maps))
    return given if len(given) == maps else tuple(f"value {number + 1}" for number in range(maps))
