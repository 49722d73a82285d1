"""Where to look first at a scene: the window in its middle, unless too little is to be seen there."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import DamagedError
from cnnviz.scene import Scene
from cnnviz.windows import Window

_ENOUGH = 0.5  # share of the middle window that holds numbers
_SKETCH = 256  # pixels a side of the picture in which the fullest window is sought


def places(shape: Sequence[int], side: int) -> list[Window]:
    """Return the windows of at most ``side`` pixels a side in the middle, at the edges and in the corners.

    The middle comes first; where the scene is no larger than the window, all are one.

    >>> [window[:2] for window in places((100, 300, 1), 100)]
    [(0, 100), (0, 0), (0, 200)]
    """
    height, width = min(side, shape[0]), min(side, shape[1])
    rows, cols = ((last // 2, 0, last) for last in (shape[0] - height, shape[1] - width))
    return list(dict.fromkeys(Window(row, col, height, width) for row in rows for col in cols))


def first_window(scene: Scene, side: int) -> Window:
    """Return a window of at most ``side`` pixels a side in which the scene's first band has numbers.

    The middle one is taken where it can be read and half of its pixels are valid. Else it is the fullest of the
    nine :func:`places` and, where a small picture of the whole comes at once, of the place that is fullest there: the
    picture knows no block that is damaged in the file's finest copy. The middle one again where none has a number.
    """
    middle, *_ = windows = places(scene.shape, side)
    if middle[2:] == scene.shape[:2]:
        return middle
    with suppress(DamagedError):
        if _valid(replace(scene, damaged=False), middle) >= _ENOUGH:
            return middle
    readable = replace(scene, damaged=True)
    if scene.has_fast_overview():
        windows.insert(0, _fullest(readable, middle))
    return max(windows, key=lambda window: _valid(readable, window))


def _valid(scene: Scene, window: Window) -> float:
    """Return the share of a window's pixels that hold numbers in the first band, 0…1."""
    return float(np.isfinite(scene.read(window, bands=[0]).array).mean())


def _fullest(scene: Scene, middle: Window) -> Window:
    """Return the window of that size with the most numbers; of several the one nearest to the middle."""
    valid = np.isfinite(scene.read(bands=[0], max_size=_SKETCH).array[..., 0])
    scale = np.divide(scene.shape[:2], valid.shape)
    size = np.clip(np.rint(middle[2:] / scale).astype(int), 1, valid.shape)
    counts = _window_sums(valid, *size)
    rows, cols = np.nonzero(counts == counts.max())
    corners = np.stack([rows, cols], axis=1) * scale
    nearest = corners[np.argmin(((corners - middle[:2]) ** 2).sum(axis=1))]
    last = np.subtract(scene.shape[:2], middle[2:])
    row, col = np.minimum(np.rint(nearest).astype(int), last).tolist()
    return Window(row, col, *middle[2:])


def _window_sums(values: NDArray[np.bool_], rows: int, cols: int) -> NDArray[np.int64]:
    """Return the count of True in every window of ``rows`` × ``cols``, by its first row and column.

    >>> _window_sums(np.array([[True, False, True, True]]), 1, 2).tolist()
    [[1, 1, 2]]
    """
    total = np.pad(values.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    return np.asarray(total[rows:, cols:] - total[:-rows, cols:] - total[rows:, :-cols] + total[:-rows, :-cols])
