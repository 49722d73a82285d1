"""Image, kernel, output and the matrix between image and output, linked in the browser."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnviz import render
from cnnviz.render import ColourScale
from cnnviz.ui.browser import component

_toeplitz = component("toeplitz", '<div class="toeplitz"></div>')
_LEGEND_STEPS = 15


@dataclass(frozen=True, eq=False, kw_only=True)
class Cells:
    """A small grid of ``values`` (rows, cols): ``one`` is what a cell of it is called."""

    name: str
    one: str
    values: np.ndarray
    scale: ColourScale


@dataclass(frozen=True, eq=False, kw_only=True)
class Board:
    """What is shown: ``taps`` (cells of ``target``, cells of ``source``) names the kernel's cells from 1, 0 for none.

    ``asked`` is a cell of ``source`` that a question is about, while ``covered`` hides what comes out.
    """

    name: str
    caption: str
    source: Cells
    kernel: Cells
    target: Cells
    taps: np.ndarray
    asked: int | None = None
    covered: bool = False


def toeplitz(board: Board, key: str) -> None:
    """Show the board; pointing, walking with arrow keys and holding never ask the server."""
    hint = (
        "Point at the matrix, or at a cell of a grid: a row is an output and its window, "
        "a column is a pixel and all that use it. Click to hold."
    )
    taps = board.taps.astype(np.uint8).tobytes()
    data: dict[str, Any] = {
        "name": board.name,
        "caption": board.caption,
        "label": f"{board.name}: {board.caption}. Arrow keys walk over its cells, Enter holds one.",
        "source": _spec(board.source),
        "kernel": _spec(board.kernel),
        "target": _spec(board.target),
        "taps": base64.b64encode(taps).decode(),
        "asked": board.asked,
        "covered": board.covered,
        "hint": hint,
    }
    data["version"] = hashlib.blake2b(repr(data).encode(), digest_size=8).hexdigest()
    _toeplitz(key=key, data=data)


def _spec(cells: Cells) -> dict[str, Any]:
    values = np.asarray(cells.values, np.float32)
    rows, cols = values.shape
    picture = cells.scale.picture(values).reshape(-1, 4)
    size, span = render.size(rows, cols), render.span(*render.value_range(values))
    colours = cells.scale.colours()
    return {
        "name": cells.name,
        "one": cells.one,
        "rows": rows,
        "cols": cols,
        "caption": f"{size} · {span}",
        "label": f"{cells.name}: {size}, {span}. Arrow keys walk over its cells, Enter holds one.",
        "colours": ["#" + bytes(cell[:3]).hex() if cell[3] else "" for cell in picture],
        "texts": [render.number(value, 3) if np.isfinite(value) else "–" for value in values.ravel().tolist()],
        "values": [value if np.isfinite(value) else None for value in values.ravel().tolist()],
        "legend": [colours[i] for i in np.linspace(0, len(colours) - 1, _LEGEND_STEPS).astype(int)],
        "ticks": [render.number(value) for value in (cells.scale.low, cells.scale.high)],
    }
