"""Rectangles of pixels, and what it costs to look at them smaller than they are."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from cnnviz.errors import SceneError


class Window(NamedTuple):
    """A rectangle of pixels: its first row and column, and its size."""

    row: int
    col: int
    rows: int
    cols: int

    def clipped(self, shape: Sequence[int]) -> "Window":
        """Return the part that lies inside an image of ``shape`` (rows, cols, …).

        Raises SceneError where nothing does.

        >>> Window(-2, 7, 5, 5).clipped((10, 10))
        Window(row=0, col=7, rows=3, cols=3)
        """
        top, left = max(self.row, 0), max(self.col, 0)
        bottom, right = min(self.row + self.rows, shape[0]), min(self.col + self.cols, shape[1])
        if top >= bottom or left >= right:
            raise SceneError(
                f"the window of {self.rows} × {self.cols} pixels at row {self.row}, column {self.col} lies "
                f"outside the image of {shape[0]:,} × {shape[1]:,} pixels: move it inside"
            )
        return Window(top, left, bottom - top, right - left)

    def fitted(self, max_size: int | None) -> tuple[int, int]:
        """Return (rows, cols) of a picture of this window with no side longer than ``max_size``.

        >>> Window(0, 0, 10980, 5490).fitted(1024), Window(0, 0, 30, 20).fitted(1024)
        ((1024, 512), (30, 20))
        """
        longest = max(self.rows, self.cols)
        if max_size is None or longest <= max_size:
            return self.rows, self.cols
        return max(1, round(self.rows * max_size / longest)), max(1, round(self.cols * max_size / longest))


def finest_overview(factors: Sequence[int], wanted: float) -> int:
    """Return the coarsest of the decimation ``factors`` that still holds every ``wanted``-th pixel, else 1.

    >>> finest_overview((2, 4, 8, 16), 10.7), finest_overview((), 3)
    (8, 1)
    """
    return max((factor for factor in factors if factor <= wanted), default=1)


def decoded_samples(window: Window, size: tuple[int, int], factors: Sequence[int], bands: int) -> int:
    """Return about how many samples are decoded to read ``window`` at ``size`` (rows, cols).

    >>> decoded_samples(Window(0, 0, 10980, 10980), (1024, 1024), (2, 4, 8), 3)
    5655387
    """
    factor = finest_overview(factors, min(window.rows / size[0], window.cols / size[1]))
    return ceil(window.rows / factor) * ceil(window.cols / factor) * bands
