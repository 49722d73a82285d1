"""A Keras model run layer by layer, so that every result between input and output can be looked at or differentiated.

A chain of layers is called one after the other. A graph with branches is run at once, as one model with an output for
every layer; it is built when it is first asked for and kept as long as the model is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from cnnviz.errors import GeometryError, ModelError
from cnnviz.keras_graph import chain, described, image_shape, kind
from cnnviz.layers import as_image
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

START = -1  #: stands for the model's input where numbers of steps are said


@dataclass(frozen=True)
class Stage:
    """A layer, and which stages' results it takes; :data:`START` is the model's input."""

    layer: Any
    takes: tuple[int, ...]


@dataclass(frozen=True)
class _Plan:
    stages: tuple[Stage, ...]
    probe: Any = None  #: model with an output for every stage; None for a chain


_PLANS: WeakKeyDictionary[Any, _Plan] = WeakKeyDictionary()


def stages(model: keras.Model) -> tuple[Stage, ...]:
    """The model's layers in an order in which they can be run; inputs are left out."""
    return _plan(model).stages


def results(model: keras.Model, batch: Any, *, upto: int | None = None) -> list[Any]:
    """Tensor of every stage for images ``(n, rows, cols, bands)``, as in use, not in training; ``upto`` is the last."""
    plan = _plan(model)
    if plan.probe is not None:
        found = plan.probe(batch, training=False)
        return list(found if isinstance(found, list) else [found])[: None if upto is None else upto + 1]
    found = []
    for stage in plan.stages[: None if upto is None else upto + 1]:
        batch = stage.layer(batch, training=False)
        found.append(batch)
    return found


def _plan(model: Any) -> _Plan:
    if model not in _PLANS:
        _PLANS[model] = _made(model)
    return _PLANS[model]


def _made(model: Any) -> _Plan:
    try:
        layers = [each for each in chain(model) if kind(each) != "InputLayer"]
    except ModelError:
        return _branched(model)
    if not layers:
        raise ModelError("The model has no layers between its input and its output.")
    return _Plan(tuple(Stage(each, (number - 1,)) for number, each in enumerate(layers)))


def _branched(model: Any) -> _Plan:
    import keras

    if len(model.inputs) != 1:
        raise ModelError(f"The model takes {len(model.inputs)} inputs; one image is expected.")
    found: dict[int, tuple[Any, tuple[int, ...], int]] = {}
    for tensor in model.outputs:
        _visit(tensor, model.inputs[0], found)
    order = list(found)
    number = {key: place for place, key in enumerate(order)} | {id(model.inputs[0]): START}
    stages = tuple(
        Stage(found[key][0]._keras_history[0], tuple(number[each] for each in found[key][1])) for key in order
    )
    return _Plan(stages, keras.Model(model.inputs[0], [found[key][0] for key in order]))


def _visit(tensor: Any, start: Any, found: dict[int, Any]) -> None:
    """Collect the tensors between ``start`` and ``tensor``, those that others need first."""
    waiting = [(tensor, False)]
    while waiting:
        each, needed = waiting.pop()
        if each is start or id(each) in found:
            continue
        operation, node, _ = each._keras_history
        given = operation._inbound_nodes[node].input_tensors
        if needed:
            found[id(each)] = (each, tuple(map(id, given)))
        else:
            waiting += [(each, True), *((one, False) for one in given)]


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
