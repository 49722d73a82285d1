"""How much a map changes when the scene below it moves: translation tolerance as a number.

A scene is moved by cutting the same picture twice, a few pixels apart, so that both cuts hold real pixels up to their
borders. :func:`movement` compares what a
layer makes of the two. For what pooling has to do with it see Goodfellow et
al., *Deep Learning* (2016), § 9.3, and Zhang, *Making Convolutional Networks Shift-Invariant Again* (2019).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.errors import GeometryError

Pair = tuple[int, int]
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Movement:
    """What has become of a map ``(rows, cols)``; see :func:`displacement`, :func:`unchanged` and :func:`change`."""

    cells: float
    unchanged: float
    change: float

    def tolerance(self, bare: float) -> float:
        """1 − change / change of the ``bare`` input: 1 where the map holds still, 0 where a layer has not helped.

        Below 0 where it changes more than the input; NaN where the input itself does not change.

        >>> Movement(0.5, 0.3, 0.1).tolerance(0.4)
        0.75
        """
        return 1 - self.change / bare if bare else float("nan")


def shifted(image: Plane, shift: Pair) -> tuple[Plane, Plane]:
    """Two cuts of ``image`` ``(rows, cols, …)``: in the second, what is seen lies ``shift`` (rows, cols) further on.

    Raises GeometryError where not even one row or column is left.

    >>> before, after = shifted(np.arange(5, dtype=np.float32)[None], (0, 2))
    >>> before.tolist(), after.tolist()
    ([[2.0, 3.0, 4.0]], [[0.0, 1.0, 2.0]])
    """
    down, right = shift
    rows, cols = image.shape[:2]
    if not (0 <= down < rows and 0 <= right < cols):
        raise GeometryError(
            f"received a shift of {down} rows and {right} columns for an image of {rows} × {cols} pixels: "
            "0 or more, and less than the image has, is expected"
        )
    return image[down:, right:], image[: rows - down, : cols - right]


def movement(before: ArrayLike, after: ArrayLike, *, direction: Pair, reach: float) -> Movement:
    """All three figures for two maps ``(rows, cols)``; arguments and errors as :func:`displacement`."""
    return Movement(
        displacement(before, after, direction=direction, reach=reach), unchanged(before, after), change(before, after)
    )


def unchanged(before: ArrayLike, after: ArrayLike) -> float:
    """Share of cells that hold exactly the number they held before; NaN where no cell is known in both.

    >>> round(unchanged([[1, 2, 3]], [[1, 2, 4]]), 2)
    0.67
    """
    old, new = _pair(before, after)
    known = np.isfinite(old) & np.isfinite(new)
    return float((old == new)[known].mean()) if known.any() else float("nan")


def change(before: ArrayLike, after: ArrayLike) -> float:
    """Root mean square difference over that of two unrelated maps with the same variances: 0 same, about 1 unrelated.

    Cells with NaN in either map do not count; NaN where none is left.

    >>> change([[0, 2]], [[0, 2]]), round(change([[0, 2]], [[2, 0]]), 2)
    (0.0, 1.41)
    """
    old, new = _pair(before, after)
    if not (np.isfinite(old).all() and np.isfinite(new).all()):
        known = np.isfinite(old) & np.isfinite(new)
        old, new = old[known], new[known]
    if not old.size:
        return float("nan")
    left, spread = float(np.square(new - old).mean()), float(old.var() + new.var())
    return (left / spread) ** 0.5 if left else 0.0


def displacement(before: ArrayLike, after: ArrayLike, *, direction: Pair, reach: float) -> float:
    """How far a map has moved, in its own cells: the shift that leaves the least mean square difference.

    Between whole cells the map is interpolated linearly. ``direction`` is the way of the shift, (rows, cols) of 0 or 1;
    places from −1 to ``reach`` + 1 cells are tried. NaN for a map without contrast or too small to move. Raises
    GeometryError for two maps that are not ``(rows, cols)`` of one shape.

    >>> ramp = np.arange(8.0)[None] ** 2
    >>> displacement(ramp[:, 1:], ramp[:, :-1], direction=(0, 1), reach=1)
    1.0
    """
    old, new = _pair(before, after)
    most = int(np.ceil(reach)) + 1
    if any(size < 2 * (most + 1) for size, step in zip(old.shape, direction, strict=True) if step):
        return float("nan")
    tried = [_between(old, new, direction, cells) for cells in range(-1, most)]
    found = min(tried)
    return found[1] if np.isfinite(found[0]) else float("nan")


def _pair(before: ArrayLike, after: ArrayLike) -> tuple[Plane, Plane]:
    old, new = np.asarray(before, np.float32), np.asarray(after, np.float32)
    if old.ndim != 2 or old.shape != new.shape:
        raise GeometryError(f"received maps of shape {old.shape} and {new.shape}: two equal (rows, cols) are expected")
    return old, new


def _between(old: Plane, new: Plane, direction: Pair, cells: int) -> tuple[float, float]:
    """Least mean square difference, and where, with ``old`` moved by ``cells`` to ``cells`` + 1."""
    here, there, now = _overlap(old, new, direction, cells)
    step, gap = there - here, now - here
    known = np.isfinite(step) & np.isfinite(gap)
    if not known.all():
        step, gap = step[known], gap[known]
    along = float(np.vdot(step, step))
    if not along:
        return float("inf"), float("nan")
    part = min(max(float(np.vdot(step, gap)) / along, 0.0), 1.0)
    return float(np.square(gap - part * step).mean()), cells + part


def _overlap(old: Plane, new: Plane, direction: Pair, cells: int) -> tuple[Plane, Plane, Plane]:
    """``old`` moved by ``cells``, by one cell more, and ``new``, where all three are known."""
    cuts: list[list[slice]] = [[], [], []]
    for size, step in zip(old.shape, direction, strict=True):
        first, last = max(0, (cells + 1) * step), size + min(0, cells * step)
        for cut, moved in zip(cuts, (cells * step, (cells + 1) * step, 0), strict=True):
            cut.append(slice(first - moved, last - moved))
    here, there, now = (tuple(cut) for cut in cuts)
    return old[here], old[there], new[now]
