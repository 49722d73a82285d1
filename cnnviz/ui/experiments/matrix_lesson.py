"""What the matrix page asks, and what it gives to do."""

from __future__ import annotations

import hashlib

import numpy as np

from cnnviz.convolve import visit_counts
from cnnviz.matrix import conv_weights, dense_weights
from cnnviz.render import number
from cnnviz.ui import teach
from cnnviz.ui.experiments.matrix import Direction, Result
from cnnviz.ui.teach import Question, Task

_TILE = (10_980, 10_980, 13)


def visits(result: Result) -> np.ndarray:
    """How many outputs see each pixel, ``(rows, cols)``."""
    given = result.given
    return visit_counts(result.form.shape, given.weights.shape, **given.sliding.options())


def predict(result: Result) -> tuple[bool, int | None]:
    """Ask how full one column is; returns whether the result is covered, and the pixel while it is asked."""
    if result.given.direction is Direction.TRANSPOSED:
        return False, None
    seen = visits(result)
    pixel = _pixel(result)
    row, col = divmod(pixel, seen.shape[1])
    answer = int(seen[row, col])
    covered = teach.predict(
        Question(
            identity=f"{result.given} {pixel}",
            text=f"Pixel ({row}, {col}) is boxed in the image. How many weights stand in its column of the matrix?",
            choices=_choices(seen, answer, result.form.weights),
            answer=number(answer),
            because=f"{_windows(answer)} the pixel, and each gives its column one weight. All columns "
            f"together hold {number(result.form.stored)}.",
        ),
        "matrix",
    )
    return covered, pixel if teach.asking("matrix") else None


def _windows(count: int) -> str:
    if count == 0:
        return "No window covers"
    return "One window covers" if count == 1 else f"{count} windows cover"


def _pixel(result: Result) -> int:
    """A pixel for the question, always the same for a setting."""
    seed = hashlib.blake2b(repr(result.given).encode(), digest_size=8).digest()
    rows, cols = result.form.shape
    return int(np.random.default_rng(int.from_bytes(seed)).integers(rows * cols))


def _choices(seen: np.ndarray, answer: int, weights: int) -> tuple[str, ...]:
    """Up to five counts that could be: those of other pixels first, then 0, 1 and all weights."""
    others = [int(count) for count in np.unique(seen) if count != answer]
    likely = [*others[:: max(len(others) // 3, 1)][:3], weights, 1, 0]
    found = sorted({answer, *list(dict.fromkeys(count for count in likely if count != answer))[:4]})
    return tuple(number(count) for count in found)


def tasks(result: Result) -> None:
    """Three things to try."""
    form, seen = result.form, visits(result)
    real = form.weights > 1
    everywhere = real and bool((seen == form.weights).all())
    square = form.matrix.shape[0] == form.matrix.shape[1]
    mirrored = real and square and abs(form.matrix - form.matrix.T).max() == 0
    teach.tasks(
        [
            Task("Pad so that every pixel is seen by all weights: every column is equally full.", everywhere),
            Task("Choose strides at which some column is empty: that pixel is never seen.", bool((seen == 0).any())),
            Task("Find a kernel and a padding whose matrix is its own transpose.", mirrored),
        ],
        "matrix",
    )
    tile = dense_weights(_TILE, _TILE[0] * _TILE[1])
    teach.earth(
        f"One Sentinel-2 tile in, one map of the same size out: a dense layer would need {number(tile)} weights, "
        f"a 3 × 3 convolution {number(conv_weights(3, _TILE[2]))}: a river bank looks the same wherever it lies."
    )
