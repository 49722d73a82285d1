"""The matrix on the page: its numbers in one line, its structure in words, and the linked board."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.render import MINUS, ColourScale, Palette
from cnnviz.ui.experiments.matrix import Direction, Result
from cnnviz.ui.toeplitz import Board, Cells, toeplitz


def show_numbers(result: Result) -> None:
    """Size, share of empty cells, independent weights, and whether both ways agree."""
    form = result.form
    rows, cols = form.matrix.shape
    way = ("Mᵀ · y", "transposed convolution") if _turned(result) else ("M · x", "convolution")
    verdict = "green" if result.equal else "red"
    st.markdown(
        f":gray-badge[M is {render.size(rows, cols)} = {render.number(form.dense)} cells] "
        f":gray-badge[{render.number(100 * form.zeros, 3)} % empty] "
        f":violet-badge[{_weights(form.weights)} against {render.number(form.dense)} of a dense layer] "
        f":{verdict}-badge[|{way[0]} {MINUS} {way[1]}| = {render.number(result.difference, 2)}]"
    )


def _weights(count: int) -> str:
    return f"{count} independent weight{'s' * (count != 1)}"


def _turned(result: Result) -> bool:
    return result.given.direction is Direction.TRANSPOSED


def show(result: Result, *, covered: bool = False, asked: int | None = None) -> None:
    """The linked board and what its structure means; ``asked`` is a pixel that a question is about."""
    toeplitz(board(result, covered=covered, asked=asked), "matrix_board")
    if not covered:
        st.caption(structure(result))


def board(result: Result, *, covered: bool = False, asked: int | None = None) -> Board:
    """What the board shows of a result."""
    weights, taps = result.given.weights, result.form.taps.toarray()
    kernel = Cells(name="Kernel", one="weight", values=weights, scale=ColourScale.weights(weights))
    maps, image = ("Output y", "output"), ("Image x", "pixel")
    if _turned(result):
        source = _signed(*maps, result.source)
        target = _signed("Mᵀ · y", "pixel", result.product)
        taps = taps.T
    else:
        source = Cells(name=image[0], one=image[1], values=result.source, scale=_grey(result.source))
        target = _signed(*maps, result.product)
    rows, cols = taps.shape
    name = "Matrix Mᵀ" if _turned(result) else "Matrix M"
    caption = (
        f"{render.size(rows, cols)} · {target.name.split(' ')[-1]} down the right, {source.name.split(' ')[-1]} across "
        "the top, both row after row · grey cells are empty"
    )
    return Board(
        name=name,
        caption=caption,
        source=source,
        kernel=kernel,
        target=target,
        taps=np.ascontiguousarray(taps),
        covered=covered,
        asked=asked,
    )


def _signed(name: str, one: str, values: np.ndarray) -> Cells:
    return Cells(name=name, one=one, values=values, scale=ColourScale.signed(values))


def _grey(values: np.ndarray) -> ColourScale:
    low, high = render.value_range(values)
    return ColourScale(Palette.GREY, low, high) if np.isfinite(low) else ColourScale(Palette.GREY, 0.0, 1.0)


def structure(result: Result) -> str:
    """What one sees in the matrix of this setting, in words."""
    given, form = result.given, result.form
    (down, across), (rows, cols) = given.stride, form.shape
    sentences = [
        f"{render.size(form.out[0], rows)} blocks, one for each pair of output row and image row, "
        f"of {render.size(form.out[1], cols)} cells each.",
        f"One output further right, the weights move {_steps(across, 'column')}; "
        f"one output further down, {_steps(down, 'block')}.",
    ]
    if down == across == 1:
        sentences.append(
            "Along every diagonal of a block stands the same weight, along every diagonal of blocks the same block: "
            "such a matrix is called doubly blocked Toeplitz."
        )
    if given.dilation > 1:
        sentences.append(
            f"Dilation sets the kernel's columns {_steps(given.dilation, 'column')} apart, its rows "
            f"{_steps(given.dilation, 'block')}."
        )
    per_row = np.diff(form.matrix.indptr)
    if per_row.min() < form.weights:
        sentences.append(
            f"Outputs at the border keep {per_row.min()} to {per_row.max()} weights: those that fall on padding "
            "meet zeros and are left out."
        )
    if _turned(result):
        sentences.insert(
            0,
            "Rows and columns have changed places: every output now adds its kernel to the pixels that it saw. "
            "Keras calls this layer Conv2DTranspose, and training sends errors back this way.",
        )
    return " ".join(sentences)


def _steps(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
