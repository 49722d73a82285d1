"""Where a sliding window looks and where its output lies: strides, receptive fields, places on the ground.

Pixel ``i`` covers ``[i, i + 1)``, so its centre is ``i + ½``. Everything is kept as (rows, cols).
The arithmetic is that of Dumoulin & Visin, *A guide to convolution arithmetic for deep learning* (2016), and
of Araujo et al., *Computing receptive fields of convolutional neural networks* (Distill, 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from affine import Affine

from cnnviz.padding import Axis

Axes = tuple[Axis, Axis]


def offset(axis: Axis) -> float:
    """Shift of the output's grid against the input's, in input pixels.

    >>> offset(Axis(size=8, kernel=3, before=0, after=0, stride=1, dilation=1))
    1.0
    >>> offset(Axis(size=8, kernel=3, before=0, after=1, stride=2, dilation=1))
    0.5
    """
    return (axis.span - 1) / 2 - axis.before - (axis.stride - 1) / 2


def inputs(axis: Axis, start: int, stop: int) -> tuple[int, int]:
    """Inputs ``[first, end)`` that outputs ``[start, stop)`` read; those outside the image are padding.

    >>> inputs(Axis(size=8, kernel=3, before=1, after=1, stride=2, dilation=1), 0, 4)
    (-1, 8)
    """
    return start * axis.stride - axis.before, (stop - 1) * axis.stride - axis.before + axis.span


class Box(NamedTuple):
    """Edges of a rectangle in input pixels."""

    top: float
    left: float
    bottom: float
    right: float


@dataclass(frozen=True)
class ReceptiveField:
    """What one output pixel sees of the input, and where; each figure is a (rows, cols) pair.

    Output pixel ``o`` is centred, in input pixels, at ``(o + ½)·jump + offset`` and sees centre ± size / 2.
    """

    size: tuple[int, int] = (1, 1)
    jump: tuple[int, int] = (1, 1)
    offset: tuple[float, float] = (0.0, 0.0)

    def then(self, axes: Axes) -> ReceptiveField:
        """Field after one more layer, given by how it slides along rows and columns.

        >>> from cnnviz.padding import plan
        >>> ReceptiveField().then(plan((9, 9), 3)).then(plan((7, 7), 2, stride=2))
        ReceptiveField(size=(4, 4), jump=(2, 2), offset=(1.0, 1.0))
        """
        rows, cols = axes
        return ReceptiveField(
            (self.size[0] + (rows.span - 1) * self.jump[0], self.size[1] + (cols.span - 1) * self.jump[1]),
            (self.jump[0] * rows.stride, self.jump[1] * cols.stride),
            (self.offset[0] + offset(rows) * self.jump[0], self.offset[1] + offset(cols) * self.jump[1]),
        )

    def centre(self, row: int, col: int) -> tuple[float, float]:
        """Centre, in input pixels (row, col), of the output pixel at ``row``, ``col``.

        >>> ReceptiveField((4, 4), (2, 2), (1.0, 1.0)).centre(0, 3)
        (2.0, 8.0)
        """
        return (row + 0.5) * self.jump[0] + self.offset[0], (col + 0.5) * self.jump[1] + self.offset[1]

    def box(self, row: int, col: int) -> Box:
        """Rectangle of input that the output pixel sees; parts of it may lie outside the image, in padding.

        >>> ReceptiveField((4, 4), (2, 2), (1.0, 1.0)).box(0, 3)
        Box(top=0.0, left=6.0, bottom=4.0, right=10.0)
        """
        y, x = self.centre(row, col)
        height, width = self.size
        return Box(y - height / 2, x - width / 2, y + height / 2, x + width / 2)

    def place(self, transform: Affine) -> Affine:
        """Transform of the output on the ground, from that of the input: ``T · translate · scale``.

        >>> ReceptiveField((4, 4), (2, 2), (1.0, 1.0)).place(Affine(10, 0, 500000, 0, -10, 4000000))[:6]
        (20.0, 0.0, 500010.0, 0.0, -20.0, 3999990.0)
        """
        # Written out, because the operator that composes transforms differs between versions of affine.
        a, b, c, d, e, f = transform[:6]
        (dy, dx), (jump_y, jump_x) = self.offset, self.jump
        return Affine(a * jump_x, b * jump_y, a * dx + b * dy + c, d * jump_x, e * jump_y, d * dx + e * dy + f)
