"""The layers of a Keras model in the order in which data flows, and what holds for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.errors import ModelError
from cnnviz.weights import Array

if TYPE_CHECKING:
    import keras

#: Layers that change nothing once a model is trained.
IDLE = frozenset(
    {
        "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity",
        "InputLayer", "RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation", "RandomTranslation",
        "RandomZoom", "SpatialDropout2D",
    }
)  # fmt: skip


def kind(layer: Any) -> str:
    """Name of the layer's class, such as ``Conv2D``."""
    return type(layer).__name__


def described(layer: Any) -> str:
    """A layer as messages name it: ``conv2d_1 (Conv2D)``."""
    return f"{layer.name:.60} ({kind(layer)})"


def check_built(model: keras.Model) -> None:
    """Raise ModelError for a model that does not know its layers and its input yet."""
    if not getattr(model, "layers", None) or not getattr(model, "inputs", None):
        raise ModelError(
            f"Received {type(model).__name__} that has no layers yet: give a Keras model that knows its input's "
            "shape, Sequential or functional."
        )


def chain(model: keras.Model) -> list[Any]:
    """Layers from input to output; models inside the model are opened.

    Raises ModelError where the graph branches: where a layer has several inputs, or the model several outputs.
    """
    check_built(model)
    steps = list(model.layers) if kind(model) == "Sequential" else _walked(model)
    return [each for step in steps for each in (chain(step) if getattr(step, "layers", None) else [step])]


def _walked(model: Any) -> list[Any]:
    """Layers of a functional model, from its one input to its one output."""
    if not hasattr(model, "outputs") or len(model.outputs) != 1 or len(model.inputs) != 1:
        raise ModelError(
            f"Model {model.name:.60} has not one input and one output: a plain chain of layers is expected."
        )
    found: list[Any] = []
    tensor = model.outputs[0]
    while tensor is not model.inputs[0]:
        operation, node, _ = tensor._keras_history
        inputs = operation._inbound_nodes[node].input_tensors
        if len(inputs) != 1:
            raise ModelError(
                f"Layer {described(operation)} has {len(inputs)} inputs: a network here is a chain, in which every "
                "layer has one. Remove the branch, or look at the model's maps instead."
            )
        found.append(operation)
        tensor = inputs[0]
    return found[::-1]


def image_shape(model: keras.Model) -> tuple[int | None, int | None, int]:
    """Rows, columns (None for any) and bands of the images that a model takes."""
    shape = tuple(model.input_shape) if isinstance(model.input_shape, tuple) else ()
    if len(shape) != 4 or shape[3] is None:
        raise ModelError(f"The model takes inputs of shape {shape}: images (rows, cols, bands) are expected.")
    return shape[1], shape[2], int(shape[3])


def numbers(value: Any) -> Array:
    """A weight as float32 array of its own."""
    return np.array(value.numpy() if hasattr(value, "numpy") else value, np.float32)
