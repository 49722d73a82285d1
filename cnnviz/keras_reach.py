"""What one cell of a layer of a Keras model sees of the image, followed backwards through every branch.

:mod:`cnnviz.keras_fields` gives one figure for all cells of a layer. Here a cell is followed back to the image: where
branches join, it saw the smallest rectangle that holds what it saw through each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import Any

from cnnviz.geometry import Box, inputs
from cnnviz.keras_fields import enlarging, is_pointwise, sliding, spread, spread_along, trimmed
from cnnviz.keras_graph import kind
from cnnviz.keras_run import START, Stage
from cnnviz.padding import plan

Span = tuple[int, int]  #: the first pixel along an axis, and the one after the last
Sizes = Sequence[tuple[int, int]]


def seen(stages: Sequence[Stage], sizes: Sizes, image: tuple[int, int], cell: tuple[int, int, int]) -> Box | None:
    """Rectangle of the image that ``cell`` (number of its stage, row, col) saw, cut at the image's edges.

    ``sizes`` are the (rows, cols) of every stage's result, (1, 1) where it has none; ``image`` are those of the image.
    None where the cell saw nothing but padding.
    """
    number, *place = cell
    found = [
        _followed(stages, [size[axis] for size in sizes], image[axis], (axis, number, place[axis])) for axis in (0, 1)
    ]
    rows, cols = found
    return Box(rows[0], cols[0], rows[1], cols[1]) if rows and cols else None


def _followed(stages: Sequence[Stage], sizes: Sequence[int], image: int, start: tuple[int, int, int]) -> Span | None:
    """What the cell of ``start`` (axis, stage, place) saw along one axis."""
    axis, number, place = start
    wanted: dict[int, Span] = {number: (place, place + 1)}
    for step in range(number, START, -1):
        if step not in wanted:
            continue
        given = [image if each == START else sizes[each] for each in stages[step].takes]
        for nth, (take, size) in enumerate(zip(stages[step].takes, given, strict=True)):
            low, high = _needed(stages[step].layer, axis, wanted[step], (given, nth, sizes[step]))
            if (low := max(low, 0)) < (high := min(high, size)):
                other = wanted.get(take, (low, high))
                wanted[take] = min(low, other[0]), max(high, other[1])
    return wanted.get(START)


def _needed(layer: Any, axis: int, span: Span, known: tuple[Sequence[int], int, int]) -> Span:
    """What outputs ``span`` need of an input along an axis; ``known``: all inputs' sizes, which it is, the output's."""
    given, nth, out = known
    size, name = given[nth], kind(layer)
    if name == "Concatenate" and spread_along(layer) == axis:
        start = sum(given[:nth])
        return span[0] - start, span[1] - start
    if is_pointwise(layer) and spread_along(layer) != axis and size == out:
        return span
    if (window := sliding(layer)) is not None:
        each = [figures[axis] for figures in (window.size, window.stride, window.dilation)]
        return inputs(plan((size, size), each[0], padding=window.padding, stride=each[1], dilation=each[2])[0], *span)
    if name in ("ZeroPadding2D", "Cropping2D"):
        return span[0] + trimmed(layer, axis), span[1] + trimmed(layer, axis)
    if (steps := enlarging(layer)) is not None:
        return _coarse(layer, axis, span, steps[axis])
    return 0, size


def _coarse(layer: Any, axis: int, span: Span, step: int) -> Span:
    """What outputs ``span`` of an enlarging layer need of its input."""
    first, last = span[0], span[1] - 1
    if kind(layer) == "Conv2DTranspose":
        reach, before = spread(layer, axis)
        return ceil((first + before - reach + 1) / step), (last + before) // step + 1
    if layer.interpolation == "nearest":
        return first // step, last // step + 1
    return floor((first + 0.5) / step - 0.5), ceil((last + 0.5) / step - 0.5) + 1
