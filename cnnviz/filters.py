"""A bank of filters as text: one kernel per band and a bias for every filter, short enough for a link.

``sobel_vertical -sobel_vertical 0 b=10 | 1 2,0,-2;1,0,-1 laplacian_4``: filters stand between ``|``, the kernels of a
filter between spaces, one per band in the order of the bands. A kernel is a catalogue name, with a sign or a factor
(``0.5*box_3``) if wanted, or a grid with ``,`` between weights and ``;`` between rows; ``b=`` is the bias.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import CnnvizError, GeometryError, KernelError
from cnnviz.grids import format_kernel, kernel_grid, parse_kernel, resize_kernel
from cnnviz.kernels import KERNELS, find_name

Array = NDArray[np.float32]

MAX_BANK = 16
MAX_TEXT = 20_000
_NAMED = re.compile(r"(?:(?P<factor>[^*]*)\*|(?P<sign>[-+]?))(?P<name>[A-Za-z]\w*)")


@dataclass(frozen=True, eq=False)
class Filter:
    """One kernel ``(rows, cols)`` per band, of any sizes, and a bias."""

    kernels: tuple[Array, ...]
    bias: float = 0.0

    def with_kernel(self, band: int, kernel: Array) -> Filter:
        """The same filter with another kernel for one band."""
        return Filter((*self.kernels[:band], kernel_grid(kernel), *self.kernels[band + 1 :]), self.bias)


def parse_filters(text: str) -> tuple[Filter, ...]:
    """Filters from text; raises KernelError that says which filter and kernel is wrong.

    >>> first, second = parse_filters("sobel_vertical -1/2 b=10 | 1 0.5*box_3")
    >>> len(first.kernels), first.bias, second.kernels[0].tolist()
    (2, 10.0, [[1.0]])
    """
    if len(text) > MAX_TEXT:
        raise KernelError(f"received {len(text)} characters: filters take {MAX_TEXT} at most")
    parts = text.replace("−", "-").split("|")
    if len(parts) > MAX_BANK:
        raise KernelError(f"received {len(parts)} filters: 1 to {MAX_BANK} are expected; take some away")
    return tuple(_filter(part.split(), number) for number, part in enumerate(parts, 1))


def _filter(words: Sequence[str], number: int) -> Filter:
    kernels = [_kernel(word, f"filter {number}, kernel {i}") for i, word in enumerate(words, 1) if word[:2] != "b="]
    biases = [_number(word[2:], f"filter {number}, bias") for word in words if word[:2] == "b="]
    if not kernels or len(biases) > 1:
        raise KernelError(
            f"filter {number}: received {len(kernels)} kernels and {len(biases)} biases; one kernel per band and at "
            "most one bias are expected, such as sobel_vertical 0 b=10"
        )
    return Filter(tuple(kernels), *biases)


def _kernel(word: str, where: str) -> Array:
    named = _NAMED.fullmatch(word)
    if named is None:
        return _grid(word, where)
    if named["name"] not in KERNELS:
        raise KernelError(
            f"{where}: received {word[:40]!r}; a grid such as 1,0,-1 or one of {', '.join(sorted(KERNELS))} is expected"
        )
    factor = float((named["sign"] or "") + "1") if named["factor"] is None else _number(named["factor"], where)
    return kernel_grid(factor * KERNELS[named["name"]].weights.astype(np.float64))


def _number(word: str, where: str) -> float:
    grid = _grid(word, where)
    if grid.size != 1:
        raise KernelError(f"{where}: received {word[:40]!r}; one number is expected")
    return float(grid[0, 0])


def _grid(word: str, where: str) -> Array:
    try:
        return parse_kernel(word)
    except CnnvizError as error:
        raise KernelError(f"{where}: {error}") from None


def format_filters(filters: Sequence[Filter]) -> str:
    """Text that :func:`parse_filters` reads back to the same float32 numbers.

    >>> format_filters(parse_filters("1*sobel_vertical -1*laplacian_4 2,1 b=0 | 0 0 1/9 b=2.5"))
    'sobel_vertical -laplacian_4 2,1 | 0 0 1/9 b=2.5'
    """
    return " | ".join(_text(each) for each in filters)


def _text(given: Filter) -> str:
    bias = [f"b={format_kernel([[given.bias]])}"] if given.bias else []
    return " ".join([*(kernel_text(kernel) for kernel in given.kernels), *bias])


def kernel_text(kernel: Array) -> str:
    """Catalogue name of a kernel, with a minus where it is turned round, or its grid.

    >>> kernel_text(-KERNELS["laplacian_4"].weights), kernel_text(np.float32([[3]]))
    ('-laplacian_4', '3')
    """
    name, opposite = find_name(kernel), find_name(-kernel)
    if kernel.size == 1:
        return format_kernel(kernel)
    return name or ("-" + opposite if opposite else format_kernel(kernel))


def bank(filters: Sequence[Filter], bands: Sequence[str]) -> tuple[Array, Array]:
    """Weights ``(k, l, bands, filters)`` and biases ``(filters,)`` of a layer.

    Smaller kernels lie centred in the largest. Raises GeometryError where a filter has not one kernel per band,
    KernelError where odd and even sides meet; a kernel of zeros fits everywhere.

    >>> weights, bias = bank(parse_filters("sobel_vertical 1 b=4"), ["B04", "B08"])
    >>> weights.shape, weights[1, 1, :, 0].tolist(), bias.tolist()
    ((3, 3, 2, 1), [0.0, 1.0], [4.0])
    """
    for number, each in enumerate(filters, 1):
        if len(each.kernels) != len(bands):
            raise GeometryError(
                f"filter {number} has n_c = {len(each.kernels)} kernel{'s' * (len(each.kernels) != 1)}, but "
                f"{len(bands)} band{'s are' if len(bands) != 1 else ' is'} chosen ({', '.join(bands)}): both numbers "
                "must agree, as every band needs a kernel of its own; write one for each, 0 where a band does not count"
            )
    sizes = {kernel.shape for each in filters for kernel in each.kernels if kernel.any()} or {(1, 1)}
    rows, cols = (max(size[axis] for size in sizes) for axis in (0, 1))
    if any(size[0] % 2 != rows % 2 or size[1] % 2 != cols % 2 for size in sizes):
        said = ", ".join(f"{size[0]} × {size[1]}" for size in sorted(sizes))
        raise KernelError(f"received kernels of {said}: all odd or all even sides are expected, as they share a centre")
    planes = [[resize_kernel(kernel, rows, cols) for kernel in each.kernels] for each in filters]
    return np.moveaxis(np.array(planes, np.float32), (0, 1), (3, 2)), np.array([f.bias for f in filters], np.float32)
