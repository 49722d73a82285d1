"""A small synthetic grid: an object of one colour, and the terms in which it shows."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.kernels import KERNELS
from cnnviz.render import ColourScale, Palette
from cnnviz.ui import link
from cnnviz.ui.experiments.volume import Result
from cnnviz.ui.experiments.volume_pictures import kernel_words
from cnnviz.ui.pictures import Stage, caption, strip
from cnnviz.volume import band_terms, sum_of_terms

_SIDE, _FULL = 7, 255.0
#: Red, green and blue of the object, 1 where it shines.
COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0), "white": (1, 1, 1)}
_NAMES = ("red", "green", "blue")


def grid(colour: str) -> np.ndarray:
    """A 3 × 3 object of a colour on black: float32 ``(7, 7, 3)``, 0 or 255.

    >>> grid("red").sum(axis=(0, 1)).tolist()
    [2295.0, 0.0, 0.0]
    """
    image = np.zeros((_SIDE, _SIDE, 3), np.float32)
    image[2:5, 2:5] = np.array(COLOURS[colour], np.float32) * _FULL
    return image


def kernels(result: Result) -> np.ndarray:
    """The kernels in the pictures where there are three that fit the grid; else vertical edges in every band."""
    found = result.given.kernels
    if found.shape[2] == 3 and max(found.shape[:2]) <= _SIDE:
        return found
    return np.repeat(KERNELS["vertical_edges"].weights[..., None], 3, axis=2)


def show(result: Result) -> None:
    """The three bands of the grid, what each adds, and the sum, with a number in every cell."""
    colour = link.switch("The object is", {name: name for name in COLOURS}, "vol_object")
    st.caption(":orange-badge[synthetic] A grid made up for this page, not a part of the scene.")
    image, weights = grid(colour), kernels(result)
    terms = band_terms(image, weights)
    total = sum_of_terms(terms)
    grey, signed = ColourScale(Palette.GREY, 0.0, _FULL, "fixed"), ColourScale.signed(terms, total)
    stages = [_stage(name.capitalize(), "", image[..., i], grey) for i, name in enumerate(_NAMES)]
    for i, name in enumerate(_NAMES):
        stages.append(_stage(f"Term {name}", f"{name} · {kernel_words(weights[..., i])}", terms[..., i], signed))
    stages.append(_stage("Sum", "sum of 3 terms", total, signed))
    strip(stages, "volume_red", hint="Point at a cell: the same place is marked in every grid.")
    st.markdown(f"**{_says(colour, terms)}**")


def _stage(name: str, operation: str, array: np.ndarray, scale: ColourScale) -> Stage:
    return Stage(
        name=name,
        operation=operation,
        picture=scale.indices(array),
        caption=caption(array, None),
        alt=f"{name}: {render.size(*array.shape)} cells, {render.span(*render.value_range(array))}.",
        scale=scale,
        cells=array,
    )


def _says(colour: str, terms: np.ndarray) -> str:
    seen = [name for i, name in enumerate(_NAMES) if terms[..., i].any()]
    if not seen:
        return f"The {colour} object shows in no term: the kernels of its bands answer 0 to it."
    if len(seen) == 1:
        return f"The {colour} object shows in the {seen[0]} term alone, and the sum is that term."
    names = f"{', '.join(seen[:-1])} and {seen[-1]}"
    return f"The {colour} object shows in the terms of {names}; the sum has them all."
