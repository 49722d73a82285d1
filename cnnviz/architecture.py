"""Convolutional classifiers as a description: which layers, of which shape, with how many parameters, and why.

The default is LeNet-5 (LeCun et al., 1998) as it is taught today; every field grows it in one direction. The same
description does the arithmetic, which needs no Keras, and builds the model.

>>> lenet = Architecture()
>>> lenet.parameters((32, 32, 1), classes=10)
61706
>>> [layer.parameter_sum for layer in lenet.steps((32, 32, 1), classes=10) if layer.parameters][:2]
['5·5·1·6 + 6 = 156', '5·5·6·16 + 16 = 2,416']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz import layer_steps as step
from cnnviz.blocks import Function
from cnnviz.convolve import PoolMode
from cnnviz.errors import GeometryError, ModelError
from cnnviz.layer_steps import LayerStep, Sizes
from cnnviz.padding import Padding
from cnnviz.weights import option

if TYPE_CHECKING:
    import keras

MAX_BLOCKS = 6
MAX_DENSE = 4
MAX_FILTERS = 512
MAX_UNITS = 4096
MAX_KERNEL = 15
MAX_CLASSES = 1000

#: More weights than this would fill a small host while Adam keeps two further numbers for each.
MAX_PARAMETERS = 20_000_000


#: What a block may use, of all that a single layer can do.
_PADDINGS = (Padding.SAME, Padding.VALID)
_POOLINGS = (PoolMode.AVERAGE, PoolMode.MAX)
_ACTIVATIONS = (Function.RELU, Function.SIGMOID, Function.TANH)


class Head(StrEnum):
    """How maps become one vector: every pixel of them side by side, or the mean of each map."""

    FLATTEN = "flatten"
    AVERAGE = "average"


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Blocks of convolution, activation and 2 × 2 pooling, then dense layers, then logits and softmax.

    ``filters`` has one number per block, ``dense`` one per hidden dense layer. ``normalise`` puts the mean and
    variance of each band, measured on the training images, in front. ``batch_norm`` stands between each
    convolution and its activation; ``dropout`` is the share of values that are dropped after each hidden dense
    layer, while training. Raises ModelError or RecipeError for settings that no model could have.
    """

    filters: tuple[int, ...] = (6, 16)
    kernel: int = 5
    padding: Padding = Padding.VALID
    pooling: PoolMode = PoolMode.AVERAGE
    activation: Function = Function.RELU
    head: Head = Head.FLATTEN
    dense: tuple[int, ...] = (120, 84)
    normalise: bool = False
    batch_norm: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        values = {
            "filters": _sizes(self.filters, "filters", range(1, MAX_BLOCKS + 1), MAX_FILTERS),
            "dense": _sizes(self.dense, "dense", range(MAX_DENSE + 1), MAX_UNITS),
            "kernel": _whole(self.kernel, "kernel", MAX_KERNEL),
            "padding": _one_of(self.padding, Padding, "padding", _PADDINGS),
            "pooling": _one_of(self.pooling, PoolMode, "pooling", _POOLINGS),
            "activation": _one_of(self.activation, Function, "activation", _ACTIVATIONS),
            "head": option(self.head, Head, "head"),
            "dropout": _share(self.dropout),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of all settings."""
        return tuple(each.name for each in fields(cls))

    def steps(self, input_shape: Sequence[int], classes: int) -> tuple[LayerStep, ...]:
        """Every layer in the order in which data flows, for images ``(rows, cols, bands)``.

        Raises GeometryError where maps become too small for the next layer, ModelError for too many parameters.
        """
        shape = _image_shape(input_shape)
        if not 2 <= classes <= MAX_CLASSES:
            raise ModelError(f"Received {classes} classes; a classifier has 2 to {MAX_CLASSES:,} to choose from.")
        steps = tuple(self._steps(shape, classes))
        total = sum(each.parameters for each in steps)
        if total > MAX_PARAMETERS:
            raise ModelError(
                f"Received an architecture of {total:,} parameters; at most {MAX_PARAMETERS:,} are allowed. Use "
                "smaller images, fewer units in the first dense layer, one more block, or the mean of each map."
            )
        return steps

    def parameters(self, input_shape: Sequence[int], classes: int) -> int:
        """How many parameters all layers have together, measured means and variances included."""
        return sum(each.parameters for each in self.steps(input_shape, classes))

    def build(
        self, input_shape: Sequence[int], classes: int, *, seed: int | None = None, name: str = "classifier"
    ) -> keras.Model:
        """Untrained Keras model for batches of images ``(rows, cols, bands)``; it gives probabilities.

        The layer before the last is called ``logits``. Softmax is a layer of its own, which Keras's losses see
        through: they are computed from the logits, so that no probability rounds to 0 or 1. With a ``seed`` the
        same weights are drawn every time.
        """
        import keras

        steps = self.steps(input_shape, classes)
        inputs = keras.Input(tuple(input_shape), name="image")
        values: Any = inputs
        for each in steps:
            values = getattr(keras.layers, each.call)(**each.options, name=each.name)(values)
        model = keras.Model(inputs, values, name=name)
        if seed is not None:
            draw_weights(model, seed)
        return model

    @property
    def _start(self) -> str:
        """How widely weights are drawn: ReLU drops half of what comes, so its layers start larger (He et al., 2015)."""
        return "he_uniform" if self.activation is Function.RELU else "glorot_uniform"

    def _steps(self, shape: Sizes, classes: int) -> Iterator[LayerStep]:
        if self.normalise:
            yield step.normalisation(shape)
        for number, filters in enumerate(self.filters, 1):
            for each in self._block(number, filters, shape):
                yield each
                shape = each.shape
        yield (flat := step.mean_of_maps(shape) if self.head is Head.AVERAGE else step.flatten(shape))
        yield from self._dense(flat.shape, classes)

    def _block(self, number: int, filters: int, shape: Sizes) -> Iterator[LayerStep]:
        yield (found := step.convolution(number, shape, filters, self.kernel, self.padding, self._start))
        if self.batch_norm:
            yield step.batch_normalisation(number, found.shape)
        yield step.activation(f"{self.activation}_{number}", self.activation.value, found.shape)
        yield step.pooling(number, self.pooling.value, found.shape)

    def _dense(self, shape: Sizes, classes: int) -> Iterator[LayerStep]:
        for number, units in enumerate(self.dense, 1):
            yield (found := step.dense(f"dense_{number}", shape, units, self._start))
            shape = found.shape
            yield step.activation(f"{self.activation}_{len(self.filters) + number}", self.activation.value, shape)
            if self.dropout:
                yield step.dropout(number, self.dropout, shape)
        if self.dropout and not self.dense:
            yield step.dropout(1, self.dropout, shape)
        yield (logits := step.dense("logits", shape, classes))
        yield step.activation("softmax", "softmax", logits.shape)


def draw_weights(model: keras.Model, seed: int) -> None:
    """Draw the weights of all convolutions and dense layers anew, as widely as each layer's initialiser would."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            shape = tuple(layer.kernel.shape)
            into, out = prod(shape[:-1]), prod(shape[:-2]) * shape[-1]
            he = type(layer.kernel_initializer).__name__ == "HeUniform"
            limit = np.sqrt(6 / into) if he else np.sqrt(6 / (into + out))
            layer.kernel.assign(rng.uniform(-limit, limit, shape))


def _sizes(values: Iterable[int], what: str, counts: range, largest: int) -> tuple[int, ...]:
    found = tuple(values)
    if len(found) not in counts:
        raise ModelError(f"Received {len(found)} numbers as {what}; {counts[0]} to {counts[-1]} are expected.")
    return tuple(_whole(value, what, largest) for value in found)


def _whole(value: int, what: str, largest: int) -> int:
    if isinstance(value, bool) or value != int(value) or not 1 <= value <= largest:
        raise ModelError(f"Received {what} {value!r:.40}; a whole number from 1 to {largest:,} is expected.")
    return int(value)


def _one_of(value: str, kind: Any, what: str, allowed: tuple[Any, ...]) -> Any:
    found = option(value, kind, what)
    if found not in allowed:
        known = ", ".join(sorted(allowed))
        raise ModelError(f"Received {what} {found.value!r}; one of {known} is expected.")
    return found


def _share(value: float) -> float:
    if not 0 <= value <= 0.9:
        raise ModelError(f"Received dropout {value!r:.40}; a share from 0 to 0.9 is expected.")
    return float(value)


def _image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3 or not all(isinstance(size, int) and size >= 1 for size in shape):
        raise GeometryError(f"Received input shape {tuple(shape)}; (rows, cols, bands) of whole numbers is expected.")
    rows, cols, bands = shape
    return rows, cols, bands
