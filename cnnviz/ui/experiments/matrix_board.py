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
    if _turned(result):
        source, target = _signed("Output y", "output", result.source), _signed("Image z", "pixel", result.product)
        name, across, down, taps = "Matrix Mᵀ", "y", "z = Mᵀ · y", np.ascontiguousarray(taps.T)
    else:
        source = Cells(name="Image x", one="pixel", values=result.source, scale=_grey(result.source))
        target = _signed("Output y", "output", result.product)
        name, across, down = "Matrix M", "x", "y = M · x"
    size = render.size(*taps.shape)
    return Board(
        name=name,
        caption=f"{size} · {across} across the top, {down} down the right, row after row · grey cells are empty",
        source=source,
        kernel=Cells(name="Kernel", one="weight", values=weights, scale=ColourScale.weights(weights)),
        target=target,
        taps=taps,
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
    sentences = _turned_blocks(result) if _turned(result) else _blocks(result)
    if given.stride == (1, 1):
        sentences.append(
            "Along every diagonal of a block stands the same weight, along every diagonal of blocks the same block: "
            "such a matrix is called doubly blocked Toeplitz."
        )
    if given.dilation > 1:
        sentences.append(
            f"Dilation sets the kernel's columns {_steps(given.dilation, 'cell')} apart, its rows "
            f"{_steps(given.dilation, 'block')}."
        )
    per_output = np.diff(form.matrix.indptr)
    if per_output.min() < form.weights:
        sentences.append(
            f"Outputs at the border keep {per_output.min()} to {per_output.max()} weights: those that fall on padding "
            "meet zeros and are left out."
        )
    return " ".join(sentences)


def _blocks(result: Result) -> list[str]:
    (down, across), (rows, cols), out = result.given.stride, result.form.shape, result.form.out
    return [
        f"{render.size(out[0], rows)} blocks, one for each pair of output row and image row, "
        f"of {render.size(out[1], cols)} cells each.",
        f"One output further right, the weights move {_steps(across, 'column')}; "
        f"one output further down, {_steps(down, 'block')}.",
    ]


def _turned_blocks(result: Result) -> list[str]:
    (down, across), (rows, cols), out = result.given.stride, result.form.shape, result.form.out
    return [
        "Rows and columns have changed places: every output adds its kernel to the pixels that it saw. "
        "Keras calls this layer Conv2DTranspose, and training sends errors back this way.",
        f"{render.size(rows, out[0])} blocks of {render.size(cols, out[1])} cells each: one output further right, "
        f"the weights move down {_steps(across, 'row')}; one output further down, {_steps(down, 'block')}.",
    ]


def _steps(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
