"""What the kernel playground asks, and what it gives to do."""

from __future__ import annotations

import hashlib

import numpy as np

from cnnviz.grids import total
from cnnviz.kernels import KERNELS, find_name
from cnnviz.render import number
from cnnviz.ui import teach
from cnnviz.ui.experiments.kernel import Result, Setting, Target, was_typed
from cnnviz.ui.teach import Question, Task
from cnnviz.ui.words import plain

#: Below this share of the strongest response a result counts as 0: too pale to be seen.
_PALE = 0.02
#: The kernels of the catalogue that are positive where it is brighter on the left.
_VERTICAL = ("vertical_edges", "vertical_edges_5", "sobel_vertical", "prewitt_vertical", "scharr_vertical")
_SIGNS = ("positive", "about 0", "negative")


def predict(given: Setting, result: Result) -> tuple[bool, tuple[int, int] | None]:
    """Ask for the sign of one pixel; returns whether the result is covered, and the pixel while it is asked."""
    found = result.after.array[..., given.looked]
    if not np.isfinite(found).any():
        return False, None
    covered = teach.predict(lambda: _question(given, found), "kernel")
    return covered, _pixel(given, found) if teach.asking("kernel") else None


def _question(given: Setting, found: np.ndarray) -> Question:
    place = _pixel(given, found)
    value = float(found[place])
    band = f" in {plain(given.bands[0])}" if given.target is Target.COLOUR else ""
    return Question(
        identity=f"{given} {place}",
        text=f"Look at the box on the input, then at the weights. What will the result be there{band}?",
        choices=_SIGNS,
        answer=_sign(value, found),
        because=f"The products under the kernel add up to {number(value)}; "
        f"the strongest response here is {number(_strongest(found))}.",
    )


def _pixel(given: Setting, found: np.ndarray) -> tuple[int, int]:
    """A finite pixel, always the same for a setting; any of the three signs is about equally likely."""
    seed = int.from_bytes(hashlib.blake2b(repr(given).encode(), digest_size=8).digest())
    random = np.random.default_rng(seed)
    pale = _PALE * _strongest(found)
    kinds = [found > pale, np.abs(found) <= pale, found < -pale]
    wanted = [np.flatnonzero(kind) for kind in kinds if kind.any()]
    chosen = wanted[random.integers(len(wanted))]
    row, col = np.unravel_index(chosen[random.integers(chosen.size)], found.shape)
    return int(row), int(col)


def _strongest(found: np.ndarray) -> float:
    finite = found[np.isfinite(found)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _sign(value: float, found: np.ndarray) -> str:
    if abs(value) <= _PALE * _strongest(found):
        return _SIGNS[1]
    return _SIGNS[0] if value > 0 else _SIGNS[2]


def tasks(kernel: str, given: Setting) -> None:
    """Three things to try."""
    weights = given.weights
    flat = find_name(weights) is None and weights.size > 1 and bool(weights.any()) and total(weights) == 0
    turned = any(np.array_equal(weights, KERNELS[name].weights[:, ::-1]) for name in _VERTICAL)
    smooth = int(np.count_nonzero(weights)) > 1 and bool((weights >= 0).all()) and given.times >= 10
    teach.tasks(
        [
            Task(
                "Type a kernel of your own that answers 0 wherever the scene is flat.",
                was_typed(kernel) and flat,
            ),
            Task("Turn a kernel of vertical edges round, so that dark-to-bright becomes positive.", turned),
            Task("Blur until neighbours can hardly be told apart: a smoothing kernel, ten times over.", smooth),
        ],
        "kernel",
    )
    teach.earth(
        "A river bank, a field boundary and a fault scarp are all edges: one kernel of nine numbers finds them, and "
        "what it looks at, a band or an elevation model, decides which."
    )
