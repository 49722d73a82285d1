"""Small grids of numbers as the components draw them: a text, a value and a colour for every cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnviz import render
from cnnviz.render import ColourScale


def cells(values: np.ndarray, scale: ColourScale) -> dict[str, Any]:
    """Texts, values and colours of ``values`` ``(rows, cols)``; NaN has no value and no colour.

    >>> from cnnviz.render import Palette
    >>> cells(np.float32([[0.1, np.nan]]), ColourScale(Palette.GREY, 0, 1))["values"]
    [[0.1, None]]
    """
    array = np.asarray(values, np.float32)
    return {
        "texts": [["" if np.isnan(value) else render.number(value) for value in line] for line in array.tolist()],
        # The shortest decimal of a float32: what it looks like is what is added up.
        "values": [[None if np.isnan(value) else float(str(value)) for value in line] for line in array],
        "colours": [["#" + bytes(cell[:3]).hex() if cell[3] else "" for cell in line] for line in scale.picture(array)],
    }
