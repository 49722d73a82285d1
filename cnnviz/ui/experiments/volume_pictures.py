"""What every band adds, the sum, + bias and activation, from left to right on one colour scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnviz import render
from cnnviz.filters import kernel_text
from cnnviz.geometry import ReceptiveField
from cnnviz.kernels import KERNELS
from cnnviz.layers import Function
from cnnviz.padding import plan
from cnnviz.render import ColourScale, number
from cnnviz.ui.experiments import spot
from cnnviz.ui.experiments.volume import ACTIVATIONS, Result
from cnnviz.ui.maps import band_stage, composite_stage, scaled
from cnnviz.ui.pictures import Mark, Room, Stage, caption, cells, strip
from cnnviz.ui.view import View

Words = tuple[str, str]  # name and operation of a picture

_STRIP = "volume_strip"
#: From this many pictures of a side that large on, every second pixel is drawn: they are shown smaller than that.
_MANY, _LARGE = 6, 400


def show(view: View, result: Result, *, covered: bool, asked: bool) -> None:
    """Input → terms → sum → + bias → activation; a click chooses the pixel whose products are written out."""
    scale = shared_scale(result)
    terms = map_stages(view, list(np.moveaxis(result.terms, -1, 0)), result.field, scale, _terms(result))
    after = _after(view, result, scale)
    stages = [input_stage(view, result.given.bands), *terms, *(replace(each, covered=covered) for each in after)]
    if asked:
        row, col = result.output_at(*spot.place(view, result.showpiece()))
        top, left, bottom, right = result.field.box(row, col)
        stages[0] = replace(stages[0], boxes=[Mark(top, left, bottom - top, right - left)])
    strip(
        stages,
        _STRIP,
        crs=view.crs,
        room=Room(least="13rem", height=250),
        hint="Point at a pixel to mark it in every term. Click to see all its products below.",
        on_pick=spot.picker(view, [stage.field for stage in stages], _STRIP),
    )


def shared_scale(result: Result) -> ColourScale:
    """One signed scale for the terms, their sum and what follows, unless the activation squeezes it."""
    return ColourScale.signed(result.terms, result.total, result.biased)


def input_stage(view: View, bands: Sequence[str]) -> Stage:
    """The bands as red, green and blue where there are three or more, else the first in grey."""
    if len(bands) < 3:
        return band_stage(view, bands[0])
    return composite_stage(view, bands[:3])


def _terms(result: Result) -> list[Words]:
    """Name and operation of every term."""
    words = [kernel_words(kernel) for kernel in result.given.filter.kernels]
    signs = ["− " if word.startswith("− ") else "+ " * (i > 0) for i, word in enumerate(words)]
    return [
        (f"Term {band}", f"{sign}{band} · {word.removeprefix('− ')}")
        for band, sign, word in zip(result.given.bands, signs, words, strict=True)
    ]


def kernel_words(kernel: np.ndarray) -> str:
    """A kernel in words: its title, with a minus where it is turned round, or its size."""
    text = kernel_text(kernel)
    name = text.removeprefix("-")
    if name in KERNELS:
        return ("− " if text.startswith("-") else "") + KERNELS[name].title
    if kernel.size == 1:
        return number(float(kernel[0, 0]))
    return f"{render.size(*kernel.shape)} kernel"


def map_stages(
    view: View, arrays: Sequence[np.ndarray], field: ReceptiveField, scale: ColourScale, words: Sequence[Words]
) -> list[Stage]:
    """Maps ``(rows, cols)`` on one scale, with a name and an operation each; many large ones are drawn thinner."""
    step = 2 if len(arrays) > _MANY and max(arrays[0].shape) > _LARGE else 1
    return [_stage(view, *each, field, scale, step=step) for each in zip(arrays, words, strict=True)]


def _stage(
    view: View, array: np.ndarray, words: Words, field: ReceptiveField, scale: ColourScale, *, step: int = 1
) -> Stage:
    drawn = field.then(plan(array.shape, 1, stride=step))
    name, operation = words
    return Stage(
        name=name,
        operation=operation,
        picture=scale.indices(array[::step, ::step]),
        caption=caption(
            array, view.metres and scaled(view.metres, field), "" if step == 1 else "every 2nd pixel drawn"
        ),
        alt=f"{name}: {render.size(*array.shape)} pixels, {render.span(*render.value_range(array))}.",
        scale=scale,
        cells=cells(array),
        field=drawn,
        transform=drawn.place(view.transform) if view.on_ground else None,
    )


def _after(view: View, result: Result, scale: ColourScale) -> list[Stage]:
    """The sum, with the bias where there is one, and after the activation where there is one."""
    given, field = result.given, result.field
    words = ("Sum", f"sum of {_count(len(given.bands))}")
    stages = [_stage(view, result.total, words, field, scale)]
    if given.filter.bias:
        words = ("Sum + bias", f"{'+ ' * (given.filter.bias > 0)}{number(given.filter.bias)}, the bias")
        stages.append(_stage(view, result.biased, words, field, scale))
    if given.activation is not Function.LINEAR:
        title = ACTIVATIONS[given.activation]
        squeezed = scale if given.activation is Function.RELU else ColourScale.signed(result.activated)
        stages.append(_stage(view, result.activated, (f"After {title}", title), field, squeezed))
    return stages


def _count(terms: int) -> str:
    return "one term" if terms == 1 else f"{terms} terms"
