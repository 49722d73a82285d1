"""Where a sliding window looks and where its output lies: strides, receptive fields, places on the ground.

Pixel ``i`` covers ``[i, i + 1)``, so its centre is ``i + ½``. Everything is kept as (rows, cols).
The arithmetic is that of Dumoulin & Visin, *A guide to convolution arithmetic for deep learning* (2016), and
of Araujo et al., *Computing receptive fields of convolutional neural networks* (Distill, 2019).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from affine import Affine


class Slide(NamedTuple):
    """A window that slides along one axis: ``kernel`` taps, ``before`` cells of padding in front.

    Output ``o`` reads inputs ``o·stride − before + dilation·t`` for ``t = 0 … kernel − 1``.
    """

    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0

    @property
    def span(self) -> int:
        """Cells from the first tap to the last.

        >>> Slide(kernel=3, dilation=2).span
        5
        """
        return self.dilation * (self.kernel - 1) + 1

    @property
    def offset(self) -> float:
        """Shift of the output grid against the input grid, in input pixels.

        >>> Slide(kernel=3).offset, Slide(kernel=2, stride=2).offset, Slide(kernel=3, before=2).offset
        (1.0, 0.0, -1.0)
        """
        return (self.span - 1) / 2 - self.before - (self.stride - 1) / 2

    def reads(self, start: int, stop: int) -> tuple[int, int]:
        """Inputs ``[first, end)`` that outputs ``[start, stop)`` need; those outside the image are padding.

        >>> Slide(kernel=3, stride=2, before=1).reads(0, 4)
        (-1, 8)
        """
        return start * self.stride - self.before, (stop - 1) * self.stride - self.before + self.span


Slides = tuple[Slide, Slide]
"""How a layer slides along rows and along columns."""


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

    @classmethod
    def through(cls, layers: Iterable[Slides]) -> ReceptiveField:
        """Field of a pixel after all ``layers``.

        >>> ReceptiveField.through([(Slide(3), Slide(3)), (Slide(2, 2), Slide(2, 2))])
        ReceptiveField(size=(4, 4), jump=(2, 2), offset=(1.0, 1.0))
        """
        field = cls()
        for slides in layers:
            field = field.then(slides)
        return field

    def then(self, slides: Slides) -> ReceptiveField:
        """Field after one more layer."""
        rows, cols = slides
        return ReceptiveField(
            (self.size[0] + (rows.span - 1) * self.jump[0], self.size[1] + (cols.span - 1) * self.jump[1]),
            (self.jump[0] * rows.stride, self.jump[1] * cols.stride),
            (self.offset[0] + rows.offset * self.jump[0], self.offset[1] + cols.offset * self.jump[1]),
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
        return Affine(
            a * jump_x, b * jump_y, a * dx + b * dy + c, d * jump_x, e * jump_y, d * dx + e * dy + f
        )
