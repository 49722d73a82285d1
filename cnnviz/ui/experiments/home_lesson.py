"""What Home asks, and what it gives to do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from cnnviz.layers import FeatureMap
from cnnviz.render import number, value_range
from cnnviz.samples import SAMPLES, sample_of
from cnnviz.ui import teach
from cnnviz.ui.experiments.home import EDGES
from cnnviz.ui.teach import Question, Task
from cnnviz.ui.view import View

Place = tuple[int, int]
_KEY = "home"
_CLOSE = 64  # px a side
#: A window is calm where the kernel answers nowhere with more than this share of the band's 2–98 % range; Sobel's
#: answer to a step over that whole range is four times as much.
_CALM = 0.5


def predict(view: View, maps: Sequence[FeatureMap]) -> tuple[bool, Place | None]:
    """Ask for one number of the last map; returns whether it stays covered, and its place while it is asked for."""
    place = find_place(view, maps) if len(maps) == len(EDGES.layers) else None
    if place is None:
        return False, None
    covered = teach.predict(question(view, maps, place), _KEY)
    return covered, place if teach.asking(_KEY) else None


def find_place(view: View, maps: Sequence[FeatureMap]) -> Place | None:
    """A pixel of the last map, always the same for a view; one with a negative number among its four, if any.

    None where no four numbers tell anything, because they are all 0 or missing.
    """
    rows, cols = maps[-1].array.shape[:2]
    four = maps[0].array[: 2 * rows, : 2 * cols, 0].reshape(rows, 2, cols, 2)
    found = np.flatnonzero(four.min(axis=(1, 3)) < 0)  # not where one of them is NaN
    if not found.size:
        found = np.flatnonzero(four.max(axis=(1, 3)) > 0)
    if not found.size:
        return None
    seed = hashlib.blake2b(f"{view.scene.name} {view.window}".encode(), digest_size=8).digest()
    row, col = divmod(int(found[int.from_bytes(seed) % found.size]), cols)
    return row, col


def question(view: View, maps: Sequence[FeatureMap], place: Place) -> Question:
    """What is left of the four numbers under a pixel of the last map."""
    row, col = place
    signed, kept = (each.array[2 * row : 2 * row + 2, 2 * col : 2 * col + 2, 0].ravel() for each in maps[:2])
    answer = float(maps[-1].array[row, col, 0])
    return Question(
        identity=f"{view.scene.key} {view.scene.band_names} {view.window}",
        text=f"The box on the convolution holds {_listed(signed)}. One number is left of them after ReLU and "
        "2 × 2 max pooling. Which?",
        choices=_choices(answer, signed, kept),
        answer=number(answer),
        because=f"ReLU puts 0 in place of what is negative: {_listed(kept)}. The largest of these is {number(answer)}.",
    )


def _choices(answer: float, signed: np.ndarray, kept: np.ndarray) -> tuple[str, ...]:
    """The answer among what one gets who forgets the ReLU or the signs, or takes the mean, the least or the sum."""
    wrong = [signed.max(), np.abs(signed).max(), kept.mean(), signed.min(), kept.sum(), 0.0]
    named = {number(value): value for value in (answer, *map(float, wrong))}
    return tuple(sorted(list(named)[:4], key=named.__getitem__))


def _listed(values: np.ndarray) -> str:
    *others, last = (number(float(value)) for value in values)
    return f"{', '.join(others)} and {last}"


def tasks(view: View, maps: Sequence[FeatureMap]) -> None:
    """Two things to try, of which a tiny scene leaves one, and why it matters on Earth."""
    closer = Task(
        f"Look closer, at a window of {_CLOSE} × {_CLOSE} pixels, and move it to where hardly an edge is left.",
        max(view.window[2:]) == _CLOSE and is_calm(view, maps[0]),
    )
    other = Task(
        "Take another scene in the sidebar, or open a file of your own: the same three layers run on it.",
        sample_of(view.scene) != next(iter(SAMPLES.values())),
    )
    teach.tasks([closer, other] if max(view.scene.shape[:2]) > _CLOSE else [other], _KEY)
    teach.earth(
        "Where a coast, a river or a field ends, numbers change within a few pixels. A network that finds such edges "
        "on this window finds them on the whole scene, and each keeps its place on the ground."
    )


def is_calm(view: View, found: FeatureMap) -> bool:
    """Whether a convolution answers weakly everywhere, measured by the range of the band over the whole raster."""
    grey = view.grey(view.default_band())
    return max(map(abs, value_range(found.array))) <= _CALM * (grey.high - grey.low)
