"""A stack of layers as one line: short enough for a link, plain enough to be typed.

Layers stand in the order in which data flows, with ``>`` between them; options follow after spaces::

    sobel_vertical same > relu > max 2 > [laplacian_4 | -1/8*sobel_vertical] stride=2 bias=0,1

A convolution is a catalogue name or a grid ``1,0,-1;2,0,-2;1,0,-1``, for every map alone, or filters in brackets:
filters apart by ``|``, and in each the kernels of its maps apart by ``+``, with a factor before ``*`` where there is
one. A pooling is ``max``, ``average`` or ``min`` and its size; an activation is its name. Options are ``same``,
``full``, ``pad=1`` or ``pad=top,bottom,left,right``, ``stride=2`` or ``stride=2x3``, ``dilation=…``, ``border=…`` and
``bias=…``. Nothing in a line is run, and the layers bound every number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from hashlib import blake2b
from typing import Any

import numpy as np

from cnnviz.blocks import Activation, Conv2D, Function, Layer, Pool2D
from cnnviz.convolve import PoolMode
from cnnviz.errors import CnnvizError, RecipeError
from cnnviz.grids import format_kernel, parse_kernel
from cnnviz.kernels import KERNELS
from cnnviz.padding import Border, Padding
from cnnviz.weights import Array, Pair, shortest

MAX_TEXT = 30_000
#: Weights whose text is longer than this go to the shelf, where there is one.
MAX_WEIGHTS = 300
_PLUS = re.compile(r"(?<!e)\+", re.IGNORECASE)
_SHELVED = re.compile(r"#([0-9a-f]{16})")

Shelf = MutableMapping[str, Array]


def write(layers: Iterable[Layer], *, shelf: Shelf | None = None) -> str:
    """One line that :func:`read` turns back into equal layers.

    Weights too long for a link go to ``shelf``, and the line names them by ``#`` and a digest of their bytes.

    >>> write([Conv2D("sobel_vertical", padding="same"), Activation("relu"), Pool2D(2, stride=1)])
    'sobel_vertical same > relu > max 2 stride=1'
    """
    return " > ".join(" ".join(_words(layer, shelf)) for layer in layers)


def read(text: str, *, shelf: Mapping[str, Array] | None = None) -> tuple[Layer, ...]:
    """Layers of a line; raises RecipeError that says which layer cannot be read, and why.

    >>> [layer.title for layer in read("[1/9*box_3 | laplacian_4] bias=1,0 > tanh > average 2x3 same")]
    ['3 × 3 × 1, 2 filters', 'tanh', '2 × 3 average']
    """
    if len(text) > MAX_TEXT:
        raise RecipeError(
            f"received a stack of {len(text):,} characters: at most {MAX_TEXT:,} are expected; load a file"
        )
    parts = [part.strip() for part in text.split(">")]
    return tuple(_layer(number, part, shelf or {}) for number, part in enumerate(parts, 1))


def _words(layer: Layer, shelf: Shelf | None) -> Iterator[str]:
    if isinstance(layer, Activation):
        yield str(layer.name)
    elif isinstance(layer, Pool2D):
        yield f"{layer.mode} {_times(layer.size)}"
        yield from _padding(layer.padding)
        yield from _unless(stride=(_times(layer.stride), _times(layer.size)))
    elif isinstance(layer, Conv2D):
        yield _kept(layer, shelf)
        yield from _padding(layer.padding)
        yield from _unless(stride=(_times(layer.stride), "1"), dilation=(_times(layer.dilation), "1"))
        yield from _unless(border=(str(layer.border), Border.ZERO), bias=(write_bias(layer), ""))


def _padding(padding: Any) -> Iterator[str]:
    if isinstance(padding, Padding):
        yield from [] if padding is Padding.VALID else [str(padding)]
        return
    sides = [side for pair in padding for side in pair]
    yield f"pad={sides[0]}" if len(set(sides)) == 1 else f"pad={','.join(map(str, sides))}"


def _unless(**options: tuple[str, str]) -> Iterator[str]:
    """Options that differ from what goes without saying, each given as (value, default)."""
    yield from (f"{name}={value}" for name, (value, default) in options.items() if value != default)


def _times(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def write_bias(layer: Conv2D) -> str:
    """Bias of a convolution as it stands in a line, empty for none.

    >>> write_bias(Conv2D([[1]], 0.5)), write_bias(Conv2D([[[[1, 2]]]], [1, 2]))
    ('0.5', '1,2')
    """
    if layer.bias is None:
        return ""
    if not isinstance(layer.bias, tuple):
        return str(shortest(layer.bias))
    alone = "," if layer.bands is None and len(layer.bias) == 1 else ""  # a list of one, as Python writes it
    return ",".join(map(str, shortest(layer.bias))) + alone


def _kept(layer: Conv2D, shelf: Shelf | None) -> str:
    text = write_weights(layer)
    if shelf is None or len(text) <= MAX_WEIGHTS:
        return text
    digest = blake2b(repr(layer.tensor.shape).encode() + layer.tensor.tobytes(), digest_size=8).hexdigest()
    shelf[digest] = layer.tensor
    return f"#{digest}"


def write_weights(layer: Conv2D) -> str:
    """Weights of a convolution as they stand in a line.

    >>> write_weights(Conv2D(np.stack([KERNELS["box_3"].weights, -KERNELS["box_3"].weights], -1)[:, :, None]))
    '[box_3|-1*box_3]'
    """
    if isinstance(layer.weights, str):
        return layer.weights
    if layer.weights.ndim == 2:
        text = _term(layer.weights)
        return format_kernel(layer.weights) if text in KERNELS else text
    filters = np.moveaxis(layer.weights, (3, 2), (0, 1))
    return "[" + "|".join("+".join(map(_term, maps)) for maps in filters) + "]"


def _term(grid: Array) -> str:
    """A grid as text: a factor times a kernel of the catalogue where that gives every bit, else its numbers."""
    plain = format_kernel(grid).replace("e+", "e")
    scaled = (_scaled(grid, name) for name, kernel in KERNELS.items() if kernel.weights.shape == grid.shape)
    return next((text for text in scaled if text), plain) if grid.size > 1 else plain


def _scaled(grid: Array, name: str) -> str:
    weights = KERNELS[name].weights
    largest = int(np.abs(weights).argmax())
    factor = np.float32(grid.flat[largest]) / weights.flat[largest]
    if not np.isfinite(factor) or not np.array_equal(factor * weights, grid):
        return ""
    text = format_kernel([[factor]]).replace("e+", "e")
    return name if factor == 1 else f"{text}*{name}"


def _layer(number: int, text: str, shelf: Mapping[str, Array]) -> Layer:
    try:
        return _built(_glued(text), shelf)
    except CnnvizError as error:
        shown = text if len(text) <= 40 else text[:39] + "…"
        raise RecipeError(f"Layer {number} (“{shown}”): {error}") from error


def _glued(text: str) -> list[str]:
    """Words of a layer; spaces around what belongs together do not count."""
    return _glue(text).split()


def _glue(text: str) -> str:
    return re.sub(r"\s*([|+*;,=\[])\s*|\s+(?=\])", r"\1", text.strip())


def _built(words: list[str], shelf: Mapping[str, Array]) -> Layer:
    first, rest = (words[0], words[1:]) if words else ("", [])
    if first in list(Function):
        return Activation(first, **_options(rest, ()))
    if first in list(PoolMode):
        if not rest:
            raise RecipeError(f"received {first} without a size: write {first} 2")
        return Pool2D(_pair(rest[0], "size"), mode=first, **_options(rest[1:], ("padding", "stride")))
    options = _options(rest, ("padding", "stride", "dilation", "border", "bias"))
    return Conv2D(read_weights(first, shelf=shelf), **options)


def read_weights(text: str, *, shelf: Mapping[str, Array] | None = None) -> str | Array:
    """Weights of a convolution from text: a catalogue name, or an array (rows, cols) or (rows, cols, maps, filters).

    >>> read_weights("[box_3 + sobel_vertical | 2*box_3 + 0*box_3]").shape
    (3, 3, 2, 2)
    """
    text = _glue(text)
    if text in KERNELS:
        return text
    if shelved := _SHELVED.fullmatch(text):
        if shelf is None or shelved[1] not in shelf:
            raise RecipeError("received the name of weights that are too many for a link: load their recipe file first")
        return shelf[shelved[1]]
    if text.startswith("["):
        return _filters(text.removeprefix("[").removesuffix("]"))
    return _grid(text)


def _filters(text: str) -> Array:
    filters = [[_grid(term) for term in _PLUS.split(each)] for each in text.split("|")]
    if len({grid.shape for maps in filters for grid in maps}) > 1:
        raise RecipeError("received kernels of different sizes in one layer: one size for all is expected")
    if len({len(maps) for maps in filters}) > 1:
        raise RecipeError("received filters for different numbers of maps: as many kernels in each are expected")
    return np.moveaxis(np.array(filters, np.float32), (0, 1), (3, 2))


def _grid(text: str) -> Array:
    factor, star, kernel = text.rpartition("*")
    if kernel in KERNELS:
        grid = KERNELS[kernel].weights
    elif re.match(r"[-+.\d−]", kernel):
        grid = parse_kernel(kernel)
    else:
        known = ", ".join([*sorted(Function), *sorted(PoolMode)])
        raise RecipeError(
            f"received {kernel[:40]!r}: a kernel's name, numbers such as 1,0,-1;1,0,-1 or one of {known} is expected"
        )
    return np.float32(_number(factor)) * grid if star else grid


def _options(words: Iterable[str], known: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        name, value = ("padding", name) if not sign else ("padding" if name == "pad" else name, value)
        if name not in known or (not sign and value not in list(Padding)):
            raise RecipeError(f"received option {word[:40]!r}: known here are {_known(known)}")
        if name in found:
            raise RecipeError(f"received {name} twice: once is expected")
        found[name] = _value(name, value, named=not sign)
    return found


def _known(names: Iterable[str]) -> str:
    said = {"padding": "full, pad=1, same, valid", "stride": "stride=2", "dilation": "dilation=2"}
    return "; ".join(said.get(name, f"{name}=…") for name in names) or "none"


def _value(name: str, text: str, *, named: bool) -> Any:
    if name == "border" or named:
        return text
    if name == "bias":
        return read_bias(text)
    if name == "padding":
        sides = [_whole(part, "padding") for part in text.split(",")]
        if len(sides) not in (1, 4):
            raise RecipeError(f"received pad={text[:40]}: one number, or top,bottom,left,right is expected")
        return sides[0] if len(sides) == 1 else ((sides[0], sides[1]), (sides[2], sides[3]))
    return _pair(text, name)


def read_bias(text: str) -> float | list[float]:
    """One number for all maps, or one for each apart by commas.

    >>> read_bias("1/2"), read_bias("1,2")
    (0.5, [1.0, 2.0])
    """
    values = [_number(part) for part in text.removesuffix(",").split(",")]
    return values if "," in text else values[0]


def _pair(text: str, what: str) -> Pair:
    sizes = [_whole(part, what) for part in text.split("x")]
    if len(sizes) > 2:
        raise RecipeError(f"received {what} {text[:40]!r}: a number or two such as 2x3 are expected")
    return sizes[0], sizes[-1]


def _whole(text: str, what: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise RecipeError(f"received {what} {text[:40]!r}: a whole number is expected")
    return int(text)


def _number(text: str) -> float:
    return float(parse_kernel(text or " ")[0, 0])
