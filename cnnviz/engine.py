"""Traced training steps that are kept: many batches in one call of TensorFlow, one trace for many models.

Keras's ``fit`` calls TensorFlow once per batch and traces every new model again. Here a whole run of batches is
one ``tf.function``, bound to a copy of the model; models of the same architecture lend their weights to that copy.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.augment import augmented
from cnnviz.history import Weights
from cnnviz.plans import Augment, Optimiser, TrainingPlan

if TYPE_CHECKING:
    import keras

# Threads that share one operation; TensorFlow reads this when it first computes, and takes all cores otherwise. Small
# networks gain nothing from a second one, trainings side by side wait for each other, and a server has pages to show.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))

#: Traced engines that wait for the next training; each holds one copy of its model and optimiser.
MAX_IDLE = 4

#: Images that are judged at once.
JUDGED = 128


@dataclass(frozen=True)
class Samples:
    """Images and labels as tensors, and which of them are meant, as int32 indices."""

    images: Any
    labels: Any
    which: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, labels: np.ndarray) -> Samples:
        """All of the images ``(n, rows, cols, bands)`` and labels ``(n,)``."""
        import tensorflow as tf

        everything = np.arange(len(labels), dtype=np.int32)
        with tf.device("CPU"):
            return cls(tf.convert_to_tensor(images), tf.convert_to_tensor(labels), everything)

    def only(self, which: np.ndarray) -> Samples:
        """The same tensors, fewer of their images."""
        return Samples(self.images, self.labels, np.asarray(which, np.int32))


class Engine:
    """A copy of a model with an optimiser, and their traced functions. Not for two threads at once."""

    def __init__(self, model: keras.Model, optimiser: Optimiser, augment: Augment) -> None:
        import keras

        self.model = keras.models.clone_model(model)
        self.optimiser = _optimiser(optimiser)
        self.optimiser.build(self.model.trainable_variables)
        self._untouched = [variable.numpy() for variable in self.optimiser.variables]
        self._trains, self._judges, self._predicts = _traced(self.model, self.optimiser, augment)

    def start(self, weights: Weights, seed: int) -> None:
        """Take over weights, forget what the optimiser has gathered, and seed the layers that draw by chance."""
        self.model.set_weights(weights)
        for variable, value in zip(self.optimiser.variables, self._untouched, strict=True):
            variable.assign(value)
        drawing = [layer for layer in self.model._flatten_layers() if hasattr(layer, "seed_generator")]
        for number, layer in enumerate(drawing):
            layer.seed_generator.state.assign([seed, number])

    def set_rate(self, rate: float) -> None:
        """Learning rate from here on."""
        self.optimiser.learning_rate.assign(rate)

    def weights(self) -> Weights:
        """Copies of all weights, in the order of ``model.get_weights()``."""
        return tuple(np.array(value) for value in self.model.get_weights())

    def train(self, samples: Samples, batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Loss and accuracy of each batch, after one step per batch of ``samples`` in the order of ``which``."""
        loss, accuracy = self._trains(samples.images, samples.labels, samples.which, np.int32(batch), np.int32(seed))
        return loss.numpy(), accuracy.numpy()

    def judge(self, samples: Samples) -> tuple[float, float]:
        """Mean loss and accuracy, with the layers as they are when nothing is trained."""
        loss, right = self._judges(samples.images, samples.labels, samples.which)
        return float(loss) / len(samples.which), int(right) / len(samples.which)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities ``(n, classes)``."""
        found = self._predicts(images, np.arange(len(images), dtype=np.int32))
        return np.asarray(found.numpy())


def _optimiser(kind: Optimiser) -> Any:
    from keras import optimizers

    if kind is Optimiser.ADAM:
        return optimizers.Adam()
    if kind is Optimiser.RMSPROP:
        return optimizers.RMSprop()
    return optimizers.SGD(momentum=0.9 if kind is Optimiser.MOMENTUM else 0.0)


def _gives_probabilities(model: keras.Model) -> bool:
    last = model.layers[-1]
    return type(last).__name__ == "Softmax" or getattr(getattr(last, "activation", None), "__name__", "") == "softmax"


def _traced(model: keras.Model, optimiser: Any, augment: Augment) -> tuple[Any, Any, Any]:
    """Functions for :class:`Engine`: to train, to judge, to predict."""
    import tensorflow as tf

    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    labels, number = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)
    return (
        tf.function(_trains(_step_of(model, optimiser, augment)), [images, labels, labels, number, number]),
        tf.function(_judges(model), [images, labels, labels]),
        tf.function(_predicts(model), [images, labels]),
    )


def _trains(step: Any) -> Any:
    import tensorflow as tf

    def trains(x: Any, y: Any, which: Any, batch: Any, seed: Any) -> Any:
        count = (tf.shape(which)[0] + batch - 1) // batch
        loss, accuracy = tf.TensorArray(tf.float32, count), tf.TensorArray(tf.float32, count)
        for at in tf.range(count):
            some = which[at * batch : (at + 1) * batch]
            one, right = step(tf.gather(x, some), tf.gather(y, some), seed)
            loss, accuracy = loss.write(at, one), accuracy.write(at, right)
        return loss.stack(), accuracy.stack()

    return trains


def _judges(model: keras.Model) -> Any:
    import tensorflow as tf

    losses = _losses_of(model)

    def judges(x: Any, y: Any, which: Any) -> Any:
        loss, right = tf.constant(0.0), tf.constant(0)
        for at in tf.range(0, tf.shape(which)[0], JUDGED):
            some = which[at : at + JUDGED]
            one, correct = losses(model(tf.gather(x, some), training=False), tf.gather(y, some))
            loss, right = loss + tf.reduce_sum(one), right + tf.reduce_sum(tf.cast(correct, tf.int32))
        return loss, right

    return judges


def _predicts(model: keras.Model) -> Any:
    import tensorflow as tf

    probable, classes = _gives_probabilities(model), model.output_shape[-1]

    def predicts(x: Any, which: Any) -> Any:
        count = (tf.shape(which)[0] + JUDGED - 1) // JUDGED
        found = tf.TensorArray(tf.float32, count, infer_shape=False, element_shape=(None, classes))
        for at in tf.range(count):
            outputs = model(tf.gather(x, which[at * JUDGED : (at + 1) * JUDGED]), training=False)
            found = found.write(at, outputs if probable else tf.nn.softmax(outputs))
        return found.concat()

    return predicts


def _step_of(model: keras.Model, optimiser: Any, augment: Augment) -> Any:
    """One step on one batch: mean loss before it, and the share that was right."""
    import tensorflow as tf

    losses, variables = _losses_of(model), model.trainable_variables

    def step(x: Any, y: Any, seed: Any) -> Any:
        changed = augmented(x, augment, tf.stack([seed, tf.cast(optimiser.iterations.value, tf.int32)]))
        with tf.GradientTape() as tape:
            loss, right = losses(model(changed, training=True), y)
            mean = tf.reduce_mean(loss)
            total = tf.add_n([mean, *model.losses])
        optimiser.apply(tape.gradient(total, variables), variables)
        return mean, tf.reduce_mean(tf.cast(right, tf.float32))

    return step


def _losses_of(model: keras.Model) -> Any:
    """Cross-entropy of each image, and whether its class was found."""
    import keras
    import tensorflow as tf

    logits = not _gives_probabilities(model)

    def losses(outputs: Any, y: Any) -> Any:
        loss = keras.losses.sparse_categorical_crossentropy(y, outputs, from_logits=logits)
        return loss, tf.argmax(outputs, 1, tf.int32) == y

    return losses


_idle: list[tuple[Any, Engine]] = []
_guard = threading.Lock()
_building = threading.Lock()


@contextmanager
def borrowed(model: keras.Model, plan: TrainingPlan) -> Iterator[Engine]:
    """An engine for models like this one, that nobody else uses meanwhile; it is kept for the next."""
    key = (model.to_json(), plan.optimiser, plan.augment)
    with _guard:
        place = next((place for place, (known, _) in enumerate(_idle) if known == key), None)
        engine = None if place is None else _idle.pop(place)[1]
    # A model is built and traced by one thread at a time: Keras keeps names in common.
    if engine is None:
        with _building:
            engine = Engine(model, plan.optimiser, plan.augment)
    try:
        yield engine
    finally:
        with _guard:
            _idle.append((key, engine))
            del _idle[:-MAX_IDLE]
