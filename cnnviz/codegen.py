"""Python that reproduces a network without cnnviz, to be copied, read and run.

The script needs NumPy alone, or Keras and NumPy. Its ``run(image)`` takes an image ``(rows, cols)`` or
``(rows, cols, bands)`` and returns the last layer's maps ``(rows, cols, maps)``. All weights are spelled out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from inspect import getsource
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz import portable
from cnnviz.blocks import Activation, Conv2D, Function, Layer, Pool2D
from cnnviz.keras_plan import SamePads, Step, keras_steps
from cnnviz.padding import Border, Padding
from cnnviz.weights import Pair, option, shortest

if TYPE_CHECKING:
    from cnnviz.layers import Network

WIDTH = 100


class Target(StrEnum):
    """What the code is written for."""

    KERAS = "keras"
    NUMPY = "numpy"


def code(network: Network, target: str) -> str:
    """Script for ``target``, ``"numpy"`` or ``"keras"``.

    Raises RecipeError for another target, and ModelError for what Keras's layers cannot say.
    """
    write = _keras_script if option(target, Target, "target") is Target.KERAS else _numpy_script
    # A name may come from a stranger: it stands in a comment, and the network allows no line break in it.
    title = f"# {network.name or 'A network'}"
    bands = f", on {', '.join(network.bands)}" if network.bands else ""
    return f"{title}{bands}\n\n" + "\n\n\n".join(part.strip("\n") for part in write(network) if part) + "\n"


def _numpy_script(network: Network) -> Iterator[str]:
    body = _body((layer, _numpy_lines(layer, number)) for number, layer in enumerate(network.layers, 1))
    windows = "from numpy.lib.stride_tricks import sliding_window_view" if "pool(" in body else ""
    yield f"import numpy as np\n{windows}"
    yield from _helpers(body)
    yield _constants(network.layers)
    yield f'''
def run(image):
    """Maps (rows, cols, maps) of an image (rows, cols) or (rows, cols, bands)."""
    x = np.asarray(image, np.float32)
    x = x.reshape((*x.shape, 1)[:3])

{body}
    return x
'''


def _keras_script(network: Network) -> Iterator[str]:
    plan = keras_steps(network.layers)
    lines = [(layer, _keras_lines(layer, number, steps)) for number, (layer, steps) in enumerate(plan, 1)]
    body = _body(lines)
    used = [module for module in ("layers", "ops") if f"{module}." in body]
    yield f"import keras\nimport numpy as np\nfrom keras import {', '.join(used)}"
    yield from _helpers(body)
    yield _constants(network.layers)
    yield f'''
def build(input_shape):
    """Keras model for images (rows, cols, bands)."""
    x = inputs = keras.Input(input_shape)

{body}
    return keras.Model(inputs, x)
'''
    yield '''
def run(image):
    """Maps (rows, cols, maps) of an image (rows, cols) or (rows, cols, bands)."""
    image = np.asarray(image, np.float32)
    image = image.reshape((*image.shape, 1)[:3])
    return keras.ops.convert_to_numpy(build(image.shape)(image[None]))[0]
'''


def _body(layers: Iterable[tuple[Layer, Iterable[str]]]) -> str:
    parts = ["\n".join([f"# {number}: {layer.title}", *lines]) for number, (layer, lines) in enumerate(layers, 1)]
    return indent("\n\n".join(parts), "    ")


def _helpers(body: str) -> Iterator[str]:
    """Source of the functions that the script calls."""
    functions: list[Callable[..., Any]] = [portable.same_padding, portable.convolve, portable.pool, portable.softmax]
    used = [function for function in functions if f"{function.__name__}(" in body]
    if used:
        yield "Array = np.ndarray\nPair = tuple[int, int]"
    yield from map(getsource, used)


def _constants(layers: Iterable[Layer]) -> str:
    named: dict[str, Any] = {}
    for number, layer in enumerate(layers, 1):
        if isinstance(layer, Conv2D):
            named[_weights_name(layer, number)] = layer.tensor
            if isinstance(layer.bias, tuple):
                named[f"BIAS_{number}"] = layer.bias
    return "\n".join(f"{name} = np.array({_grid(value)}, np.float32)" for name, value in named.items())


def _weights_name(layer: Conv2D, number: int) -> str:
    return layer.weights.upper() if isinstance(layer.weights, str) else f"WEIGHTS_{number}"


def _grid(value: Any) -> str:
    """Numbers as nested brackets, one row a line, on lines of their own."""

    def brackets(items: list[Any]) -> str:
        if items and isinstance(items[0], list):
            return "[" + indent(",\n".join(map(brackets, items)), " ").lstrip() + "]"
        return fill(f"[{', '.join(map(repr, items))}]", WIDTH, subsequent_indent=" ")

    text = brackets(shortest(value))
    return f"\n{indent(text, '    ')}" if "\n" in text else text


def _numpy_lines(layer: Layer, number: int) -> Iterator[str]:
    if isinstance(layer, Activation):
        yield from [] if layer.name is Function.LINEAR else [f"x = {_NUMPY_FUNCTIONS[layer.name]}"]
        return
    pads = _pads(layer) if isinstance(layer, (Conv2D, Pool2D)) else None
    if pads:
        yield f"pads = {pads}"
    if isinstance(layer, Pool2D):
        yield f'x = pool(x, {layer.size}, {layer.stride}, "{layer.mode}"{", pads" if pads else ""})'
    elif isinstance(layer, Conv2D):
        if pads:
            mode = "" if layer.border is Border.ZERO else f', mode="{_PAD_MODES[layer.border]}"'
            yield f"x = np.pad(x, (*pads, (0, 0)){mode})"
        given = {"stride": layer.stride, "dilation": layer.dilation}
        options = "".join(f", {name}={value}" for name, value in given.items() if value != (1, 1))
        bias = "" if layer.bias is None else f" + {_bias(layer, number)}"
        yield f"x = convolve(x, {_weights_name(layer, number)}{options}){bias}"


_PAD_MODES = {Border.REPLICATE: "edge", Border.REFLECT: "reflect", Border.WRAP: "wrap"}
_NUMPY_FUNCTIONS = {
    Function.RELU: "np.maximum(x, 0)",
    Function.SIGMOID: "np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))",
    Function.SOFTMAX: "softmax(x)",
    Function.TANH: "np.tanh(x)",
}


def _pads(layer: Conv2D | Pool2D) -> str | None:
    """Padding ((top, bottom), (left, right)) as code; None for none."""
    rows, cols = layer.axes(None)
    if layer.padding is Padding.SAME and layer.stride != (1, 1):  # then it depends on the size
        return _same((rows.kernel, cols.kernel), layer.stride, (rows.dilation, cols.dilation), "x.shape")
    pads = (rows.before, rows.after), (cols.before, cols.after)
    return None if pads == ((0, 0), (0, 0)) else str(pads)


def _same(kernel: Pair, stride: Pair, dilation: Pair, shape: str) -> str:
    return f"[same_padding(*each) for each in zip({shape}, {kernel}, {stride}, {dilation})]"


def _bias(layer: Conv2D, number: int) -> str:
    return f"BIAS_{number}" if isinstance(layer.bias, tuple) else str(shortest(layer.bias))


def _keras_lines(layer: Layer, number: int, steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        options = [f"{name}={_literal(value)}" for name, value in step.options.items()]
        if isinstance(same := step.options.get("padding"), SamePads):
            yield f"pads = {_same(same.kernel, same.stride, same.dilation, 'x.shape[1:3]')}"
        inputs, output = ", ".join(step.inputs), step.output
        if step.call.startswith("ops."):
            yield f"{output} = {step.call}({', '.join([inputs, *options])})"
        elif isinstance(layer, Conv2D) and step.kernel is not None:
            name = step.options["name"]
            yield f"{name} = {step.call}({', '.join(options)})"
            yield f"x = {name}(x)"
            yield f"{name}.set_weights([{', '.join(_keras_weights(layer, number))}])"
        else:
            yield f"{output} = {step.call}({', '.join(options)})({inputs})"


def _keras_weights(layer: Conv2D, number: int) -> Iterator[str]:
    name = _weights_name(layer, number)
    yield name if layer.bands else f"np.repeat({name}[:, :, None, None], x.shape[-1], axis=2)"
    if layer.bias is not None:
        bias = _bias(layer, number)
        yield bias if isinstance(layer.bias, tuple) else f"np.full(x.shape[-1], {bias})"


def _literal(value: Any) -> str:
    if isinstance(value, SamePads):
        return "pads"
    if isinstance(value, str):
        return f'"{value}"'
    return "-np.inf" if value == -np.inf else repr(value)
