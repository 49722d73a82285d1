"""A Keras model run layer by layer, so that every result between input and output can be looked at or differentiated.

Layers are called one after the other, each with the results that it takes; models inside the model are opened. The
order is worked out when it is first asked for and kept as long as the model is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from cnnviz.blocks import Shape
from cnnviz.errors import GeometryError, ModelError
from cnnviz.keras_graph import check_built, described, image_shape, kind
from cnnviz.layers import as_image
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

START = -1  #: stands for the model's input where numbers of steps are said


@dataclass(frozen=True)
class Stage:
    """A layer, and which stages' results it takes; :data:`START` is the model's input.

    ``node`` is Keras's record of the call that joined it to the graph.
    """

    layer: Any
    takes: tuple[int, ...]
    node: Any

    def apply(self, given: Sequence[Any]) -> Any:
        """Result for what it takes, as in use, not in training."""
        args, kwargs = self._arguments(given)
        if hasattr(self.layer, "trainable"):  # a layer; mere operations know no training
            kwargs["training"] = False
        return self.layer(*args, **kwargs)

    def shape(self, given: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """Shape of its result for results of these shapes, without the batch."""
        import keras

        args, kwargs = self._arguments([keras.KerasTensor((1, *each)) for each in given])
        return tuple(self.layer.compute_output_spec(*args, **kwargs).shape[1:])

    def _arguments(self, given: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, kwargs = self.node.arguments.fill_in(dict(zip(map(id, self.node.input_tensors), given, strict=True)))
        return args, dict(kwargs)


_PLANS: WeakKeyDictionary[Any, tuple[Stage, ...]] = WeakKeyDictionary()


def stages(model: keras.Model) -> tuple[Stage, ...]:
    """The model's layers in an order in which they can be run; inputs are left out."""
    if model not in _PLANS:
        _PLANS[model] = _ordered(model)
    return _PLANS[model]


def results(model: keras.Model, batch: Any, *, upto: int | None = None) -> list[Any]:
    """Tensor of every stage for images ``(n, rows, cols, bands)``; ``upto`` is the last that is wanted."""
    found: list[Any] = []
    for stage in stages(model)[: None if upto is None else upto + 1]:
        found.append(stage.apply([batch if each == START else found[each] for each in stage.takes]))
    return found


def shapes(model: keras.Model, image: Sequence[int]) -> list[Shape]:
    """Shape ``(rows, cols, maps)`` of every stage's result for an image of shape ``image``; nothing is computed.

    A list of values is one pixel, ``(1, 1, values)``.
    """
    found: list[tuple[int, ...]] = []
    for stage in stages(model):
        found.append(stage.shape([tuple(image) if each == START else found[each] for each in stage.takes]))
    return [as_maps(each) for each in found]


def as_maps(shape: Sequence[int]) -> Shape:
    """A result's shape, without the batch, as ``(rows, cols, maps)``.

    >>> as_maps((10,))
    (1, 1, 10)
    """
    if not 1 <= len(shape) <= 3:
        raise ModelError(
            f"A layer gives values of shape {tuple(shape)}; maps (rows, cols, maps) or a list are expected."
        )
    rows, cols, maps = (*[1] * (3 - len(shape)), *shape)
    return rows, cols, maps


def _ordered(model: Any) -> tuple[Stage, ...]:
    check_built(model)
    if len(model.inputs) != 1:
        raise ModelError(f"The model takes {len(model.inputs)} inputs; one image is expected.")
    found: list[Stage] = []
    _collect(model.outputs, {id(model.inputs[0]): START}, found)
    if not found:
        raise ModelError("The model has no layers between its input and its output.")
    return tuple(found)


def _collect(outputs: Sequence[Any], known: dict[int, int], found: list[Stage]) -> None:
    """Add the stages that lead to ``outputs``, those that others need first.

    ``known`` says by the identity of Keras's symbols which stage makes each; it is filled up.
    """
    waiting = [(tensor, False) for tensor in reversed(outputs)]
    while waiting:
        symbol, ready = waiting.pop()
        if id(symbol) in known:
            continue
        operation, call, place = symbol._keras_history
        node = operation._inbound_nodes[call]
        if not ready:
            waiting += [(symbol, True), *((each, False) for each in reversed(node.input_tensors))]
            continue
        takes = tuple(known[id(each)] for each in node.input_tensors)
        if getattr(operation, "layers", None):
            inside = dict(zip(map(id, operation.inputs), takes, strict=True))
            _collect([operation.outputs[place]], inside, found)
            known[id(symbol)] = inside[id(operation.outputs[place])]
        else:
            known[id(symbol)] = len(found)
            found.append(Stage(operation, takes, node))


def as_batch(model: keras.Model, images: ArrayLike | Sequence[ArrayLike]) -> Array:
    """float32 ``(n, rows, cols, bands)`` from one image or several; raises where they are not what the model takes."""
    array = np.asarray(images)
    array = array[None] if array.ndim < 4 else array
    if not len(array):
        raise ModelError("Received no images; one at least is expected.")
    pictures = np.stack([as_image(each) for each in array])
    expected = image_shape(model)
    if any(size not in (None, given) for size, given in zip(expected, pictures.shape[1:], strict=True)):
        wanted = " × ".join("any" if size is None else str(size) for size in expected)
        given = " × ".join(map(str, pictures.shape[1:]))
        raise GeometryError(f"Received images of {given}; this model takes {wanted} (rows × cols × bands).")
    return pictures


def numbered(model: keras.Model, layer: str | int) -> int:
    """Number of a stage from its layer's name, or from the number itself, counted from 0."""
    names = [stage.layer.name for stage in stages(model)]
    if isinstance(layer, int) and 0 <= layer < len(names):
        return layer
    if layer not in names:
        raise ModelError(f"Received layer {layer!r:.60}; one of {', '.join(names)[:400]} is expected.")
    return names.index(str(layer))


def logits(model: keras.Model, batch: Any, found: Sequence[Any]) -> Any:
    """Values ``(n, classes)`` before the last softmax; ``found`` are the :func:`results` for ``batch``.

    Without a softmax at the end they are what the model says.
    """
    import keras

    plan = stages(model)
    last = len(plan) - 1
    while last > 0 and kind(plan[last].layer) in ("Dropout", "Identity", "Flatten", "Reshape"):
        last = plan[last].takes[0]
    layer, take = plan[last].layer, plan[last].takes[0]
    given = batch if take == START else found[take]
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    if kind(layer) == "Softmax" or (kind(layer) == "Activation" and name == "softmax"):
        value = given
    elif name != "softmax":
        value = found[last]
    elif kind(layer) == "Dense":
        value = keras.ops.matmul(given, layer.kernel) + (layer.bias if layer.use_bias else 0.0)
    elif kind(layer) == "Conv2D":
        value = layer.convolution_op(given, layer.kernel) + (layer.bias if layer.use_bias else 0.0)
    else:
        raise ModelError(f"Layer {described(layer)} ends in a softmax whose logits are not known here.")
    return keras.ops.reshape(value, (value.shape[0], -1))
