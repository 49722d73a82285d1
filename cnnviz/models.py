"""Keras models of networks. Keras is imported when a model is built, not before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.architecture import Architecture
from cnnviz.errors import GeometryError, ModelError
from cnnviz.from_keras import from_keras
from cnnviz.gradients import contributions, grad_cam
from cnnviz.keras_plan import SamePads, Step, keras_steps
from cnnviz.layer_maps import feature_maps, most_active
from cnnviz.model_files import load_model, save_model
from cnnviz.occlusion import occlusion
from cnnviz.padding import resolve_padding

if TYPE_CHECKING:
    import keras

    from cnnviz.layers import Network

__all__ = [
    "contributions",
    "feature_maps",
    "from_keras",
    "grad_cam",
    "lenet5",
    "load_model",
    "most_active",
    "occlusion",
    "save_model",
    "to_keras",
]


def lenet5(
    input_shape: Sequence[int] = (32, 32, 1), classes: int = 10, *, pooling: str = "average", activation: str = "relu"
) -> keras.Model:
    """Untrained LeNet-5 for images ``(rows, cols, bands)``: 61,706 parameters for 32 × 32 × 1 and 10 classes.

    It gives probabilities; the layer before the last is called ``logits``. Grown variants are built by
    :class:`cnnviz.architecture.Architecture`.
    """
    grown: Any = {"pooling": pooling, "activation": activation}
    return Architecture(**grown).build(input_shape, classes, name="lenet5")


def to_keras(network: Network, input_shape: Sequence[int | None]) -> keras.Model:
    """Keras model with the weights of ``network``, for batches of images ``(rows, cols, bands)``.

    Rows and columns may be None, for images of any size. Images without NaN give the same numbers, within
    float32. Raises ModelError for borders filled otherwise than with zeros, and where the size must be known.
    """
    import keras

    inputs = keras.Input(_checked(network, input_shape))
    values = {"x": inputs}
    for _, steps in keras_steps(network.layers):
        for step in steps:
            values[step.output] = _done(step, [values[name] for name in step.inputs])
    return keras.Model(inputs, values["x"])


def _checked(network: Network, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
    if len(input_shape) != 3 or input_shape[2] is None:
        raise GeometryError(
            f"Received input shape {tuple(input_shape)}; (rows, cols, bands) is expected, where rows and "
            "cols may be None."
        )
    rows, cols, bands = *input_shape[:2], input_shape[2]
    network.labels(bands)
    if rows is not None and cols is not None:
        network.shapes((rows, cols, bands))
    return rows, cols, bands


def _done(step: Step, inputs: list[Any]) -> Any:
    """Result of one call of Keras."""
    import keras

    options = {key: _with_size(value, inputs[0].shape) for key, value in step.options.items()}
    module, name = step.call.split(".")
    call = getattr(getattr(keras, module), name)
    if module == "ops":
        return call(*inputs, **options)
    layer = call(**options)
    result = layer(*inputs)
    if step.kernel is not None:
        layer.set_weights(_weights(step, inputs[0].shape[-1]))
    return result


def _with_size(value: Any, shape: Sequence[int | None]) -> Any:
    if not isinstance(value, SamePads):
        return value
    rows, cols = shape[1:3]
    if rows is None or cols is None:
        raise ModelError(
            'Received an input shape without rows or columns; padding "same" with both stride and dilation '
            "depends on them. Give the image's size."
        )
    return resolve_padding("same", (rows, cols), value.kernel, stride=value.stride, dilation=value.dilation)


def _weights(step: Step, bands: int) -> list[Any]:
    kernel, maps = step.kernel, step.options.get("filters", bands)
    if kernel is not None and kernel.ndim == 2:
        kernel = np.repeat(kernel[:, :, None, None], bands, axis=2)
    return [kernel] if step.bias is None else [kernel, np.full(maps, step.bias, np.float32)]
