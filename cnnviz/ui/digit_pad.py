"""A pad to draw a digit on, and the picture that the drawing becomes, prepared as a data set's digits were.

The pad reports the points of its strokes, once after each stroke; they are drawn again here.
"""

from __future__ import annotations

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.errors import DataError
from cnnviz.ui.browser import component, nothing

Grey = NDArray[np.float32]
Strokes = list[NDArray[np.int32]]

#: Side of the pad and width of its pen, in its own pixels; as in the script.
SIDE, PEN = 280, 22
_MOST_STROKES, _MOST_POINTS = 60, 600
_pad = component(
    "digit_pad",
    '<div class="pad"><canvas width="280" height="280" tabindex="0" role="application" '
    'aria-label="Pad to draw a digit on. Arrow keys move the pen, Space lowers and lifts it, Delete clears."></canvas>'
    '<div class="row"><button type="button" class="undo">Undo</button>'
    '<button type="button" class="clear">Clear</button></div><div class="note" aria-live="polite"></div></div>',
)
_HELP = "Mouse, pen or finger. With keys: arrows move, Space lowers and lifts the pen, Delete clears."


def digit_pad(key: str) -> Grey:
    """Show the pad; what was drawn on it, ``(280, 280)`` from 0 to 1, all 0 where nothing was.

    Raises DataError for what no pad reports.
    """
    before = st.session_state.get(key, {}).get("strokes", "")
    found = _pad(key=key, data={"strokes": before, "help": _HELP}, default={"strokes": ""}, on_strokes_change=nothing)
    return drawn(read_strokes(found.strokes or ""))


def read_strokes(text: str) -> Strokes:
    """Strokes of a text like ``"10,20 30,40;5,5"``: points (x, y) in pixels of the pad, strokes apart by ``;``.

    >>> [stroke.tolist() for stroke in read_strokes("10,20 30,40;5,5")]
    [[[10, 20], [30, 40]], [[5, 5]]]
    """
    lines = text.split(";")[: _MOST_STROKES + 1] if text else []
    try:
        strokes = [_points(line) for line in lines]
    except (ValueError, OverflowError):
        raise DataError(f"Received a drawing {text!r:.40}; points x,y apart by spaces are expected.") from None
    if len(strokes) > _MOST_STROKES:
        raise DataError(f"Received more than {_MOST_STROKES} strokes; clear the pad and draw with fewer.")
    return strokes


def _points(line: str) -> NDArray[np.int32]:
    words = line.split(" ")
    if len(words) > _MOST_POINTS:
        raise ValueError(line)
    points = np.array([[int(number) for number in word.split(",")] for word in words], np.int32)
    if points.ndim != 2 or points.shape[1] != 2 or points.min() < 0 or points.max() >= SIDE:
        raise ValueError(line)
    return points


def drawn(strokes: Strokes) -> Grey:
    """The strokes as white lines with round ends on black, ``(280, 280)`` from 0 to 1."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for points in strokes:
        cv2.polylines(
            canvas, [points.reshape(-1, 1, 2)], isClosed=False, color=255, thickness=PEN, lineType=cv2.LINE_AA
        )
        for end in (points[0], points[-1]):
            cv2.circle(canvas, (int(end[0]), int(end[1])), PEN // 2, 255, -1, cv2.LINE_AA)
    grey: Grey = canvas.astype(np.float32) / np.float32(255)
    return grey


def framed(drawing: Grey, side: int = 32) -> Grey:
    """The drawing as MNIST's digits were prepared, ``(side, side)``.

    What is drawn is scaled until it fits a square of 20 / 32 of the side, and its centre of mass is put into the
    middle (LeCun et al., 1998).
    """
    small = _fitted(_cropped(drawing), round(side * 20 / 32))
    rows, cols = (np.indices(small.shape) * small).sum(axis=(1, 2)) / small.sum() if small.any() else (0.0, 0.0)
    # By whole pixels, as MNIST's were; parts of one would blur the strokes.
    top, left = (min(max(round(side / 2 - at), 0), side - n) for at, n in zip((rows, cols), small.shape, strict=True))
    image = np.zeros((side, side), np.float32)
    image[top : top + small.shape[0], left : left + small.shape[1]] = small
    return image


def enlarged(drawing: Grey, side: int = 32) -> Grey:
    """The drawing as scikit-learn's digits look here: filling 8 × 8 pixels, enlarged to ``(side, side)``."""
    whole = _fitted(_cropped(drawing), 64)
    canvas = np.zeros((64, 64), np.float32)
    top, left = ((64 - n) // 2 for n in whole.shape)
    canvas[top : top + whole.shape[0], left : left + whole.shape[1]] = whole
    coarse = canvas.reshape(8, 8, 8, 8).mean(axis=(1, 3))
    shades = (np.round(16 * coarse) / 16).astype(np.float32)
    image: Grey = cv2.resize(shades, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return image


def _cropped(drawing: Grey) -> Grey:
    """The part that holds everything that is drawn; one black pixel where nothing is."""
    rows, cols = (np.flatnonzero(drawing.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return np.zeros((1, 1), np.float32)
    part: Grey = drawing[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return part


def _fitted(image: Grey, side: int) -> Grey:
    """The image scaled until its longer side has ``side`` pixels, each the mean of what it covers."""
    scale = side / max(image.shape)
    rows, cols = (max(1, round(n * scale)) for n in image.shape)
    found: Grey = cv2.resize(image, (cols, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    return found
