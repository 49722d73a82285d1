"""Which part of a scene a tile of a network's result needs, through all layers, and the tile itself.

A tile gives the same numbers as the whole: every layer is padded with its own padding where the scene truly ends, and
nowhere else. Raw pixels around a tile that are padded once, at the start, would not do: the layers behind would see
results of that padding where the whole has padding of its own. The arithmetic is that of :mod:`cnnviz.geometry`.

Borders ask for more than the neighbourhood: ``reflect`` needs the pixels that it mirrors, ``wrap`` the opposite side of
the scene, so that a tile at an edge reads the scene's whole height or width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cnnviz.blocks import Conv2D, Layer
from cnnviz.geometry import inputs
from cnnviz.layers import Network, as_image
from cnnviz.padding import Axis, Border
from cnnviz.weights import Array
from cnnviz.windows import Window


class Part(NamedTuple):
    """Some outputs of one layer along one axis: inputs ``[start, stop)``, padded by ``before`` and ``after``.

    Of the outputs that these give, ``skip`` are dropped and the next ``kept`` are wanted.
    """

    start: int
    stop: int
    before: int
    after: int
    skip: int
    kept: int

    @property
    def size(self) -> int:
        """How many pixels of the layer's input are held."""
        return self.stop - self.start


def part(axis: Axis, border: Border, start: int, stop: int) -> Part:
    """What outputs ``[start, stop)`` of a layer need along one axis.

    >>> part(Axis(size=9, kernel=3, before=1, after=1, stride=1, dilation=1), Border.ZERO, 0, 4)
    Part(start=0, stop=5, before=1, after=0, skip=0, kept=4)
    >>> part(Axis(size=9, kernel=3, before=1, after=1, stride=1, dilation=1), Border.WRAP, 0, 4)
    Part(start=0, stop=9, before=1, after=0, skip=0, kept=4)
    """
    if max(axis.before, axis.after) >= axis.size:
        # Padding wider than the image looks everywhere in it at once; such an image is small, and is read whole.
        return Part(0, axis.size, axis.before, axis.after, skip=start, kept=stop - start)
    first, last = _touching(axis, start, stop)
    lead, end = inputs(axis, first, last)
    low, high = _seen_in_border(axis, border, max(-lead, 0), max(end - axis.size, 0))
    # Outputs that lie before the wanted ones keep the stride's rhythm where more pixels are read than they need.
    first = min(first, (low + axis.before) // axis.stride)
    lead = inputs(axis, first, last)[0]
    return Part(
        start=max(lead, 0),
        stop=max(min(end, axis.size), high),
        before=max(-lead, 0),
        after=max(end - axis.size, 0),
        skip=start - first,
        kept=stop - start,
    )


def _touching(axis: Axis, start: int, stop: int) -> tuple[int, int]:
    """Outputs around ``[start, stop)`` that see a pixel at least; those wholly in the padding need one beside them."""
    lowest = max(-((axis.span - 1 - axis.before) // axis.stride), 0)
    highest = min((axis.size - 1 + axis.before) // axis.stride, axis.out - 1)
    if lowest > highest:  # strides that jump over the whole image
        return 0, axis.out
    return min(start, highest), max(stop, lowest + 1)


def _seen_in_border(axis: Axis, border: Border, before: int, after: int) -> tuple[int, int]:
    """Pixels ``[low, high)`` that must be there to fill so much padding as the border wants."""
    low, high = axis.size, 0
    if border is Border.REFLECT:
        high = min(before + 1, axis.size) if before else 0
        low = max(axis.size - 1 - after, 0) if after else axis.size
    elif border is Border.WRAP and (before or after):
        low, high = 0, axis.size
    return low, high


def trace(layers: Sequence[Layer], axes: Sequence[Axis], start: int, stop: int) -> tuple[Part, ...]:
    """What outputs ``[start, stop)`` of the last layer need of every layer, first to last, along one axis.

    ``axes`` are the layers' axes in that direction, for the whole scene.

    >>> from cnnviz.layers import Conv2D, Pool2D
    >>> edges = Network([Conv2D("sobel_vertical", padding="same"), Pool2D(2)])
    >>> [(each.start, each.stop) for each in trace(edges.layers, [rows for rows, _ in edges.axes((20, 9))], 3, 5)]
    [(5, 11), (6, 10)]
    """
    found: list[Part] = []
    for layer, axis in zip(reversed(layers), reversed(axes), strict=True):
        border = layer.border if isinstance(layer, Conv2D) else Border.ZERO
        found.append(part(axis, border, start, stop))
        start, stop = found[-1].start, found[-1].stop
    return tuple(reversed(found))


@dataclass(frozen=True)
class Tile:
    """A rectangle of a network's result: the rectangle of the scene that it needs, and each layer's part in it."""

    inputs: Window
    outputs: Window
    rows: tuple[Part, ...]
    cols: tuple[Part, ...]

    def apply(self, network: Network, image: Array) -> Array:
        """Result ``(rows, cols, maps)`` of the scene's pixels ``(rows, cols, bands)`` in ``inputs``."""
        array = as_image(image)
        for layer, row, col in zip(network.layers, self.rows, self.cols, strict=True):
            whole = layer.apply(array, ((row.before, row.after), (col.before, col.after)))
            array = whole[row.skip : row.skip + row.kept, col.skip : col.skip + col.kept]
        return array


def tile(network: Network, shape: Sequence[int], outputs: Window) -> Tile:
    """The tile of a network's result ``outputs`` for a whole scene of ``shape`` (rows, cols, …).

    ``outputs`` must lie within the result. Raises GeometryError where the network does not fit the scene.

    >>> tile(Network([Conv2D("sobel_vertical")]), (100, 80), Window(10, 0, 20, 78)).inputs
    Window(row=10, col=0, rows=22, cols=80)
    """
    axes = network.axes(shape)
    rows = trace(network.layers, [pair[0] for pair in axes], outputs.row, outputs.row + outputs.rows)
    cols = trace(network.layers, [pair[1] for pair in axes], outputs.col, outputs.col + outputs.cols)
    seen = Window(rows[0].start, cols[0].start, rows[0].size, cols[0].size)
    return Tile(seen, outputs, rows, cols)
