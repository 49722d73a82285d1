"""Random Keras models for property tests, with weights and statistics that are not their first ones."""

import keras
import numpy as np


def random_model(rng, *, valid=False):
    """A chain of random layers for images of a random size, ending in a dense layer per class."""
    rows, cols, bands = (int(n) for n in (*rng.integers(12, 20, 2), rng.integers(2, 5)))
    stack = [keras.layers.Input((rows, cols, bands)), *_start(rng, bands)]
    for _ in range(int(rng.integers(1, 4))):
        layers = [*stack, *_block(rng, "valid" if valid else str(rng.choice(["valid", "same"])), valid)]
        try:
            keras.Sequential(layers)
        except ValueError:  # a window beyond what the layers before have left
            continue
        stack = layers
    stack += _end(rng)
    return shaken(keras.Sequential(stack), rng)


def shaken(model, rng):
    """The model with random weights, statistics above 0 where they are variances."""
    for weight in model.weights:
        if weight.dtype == "float32":
            values = rng.normal(size=weight.shape) / max(np.sqrt(np.prod(weight.shape[:-1])), 1)
            weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    return model


def _start(rng, bands):
    mean, variance = rng.normal(size=bands), rng.random(bands) + 0.5
    starts = [
        [],
        [keras.layers.Rescaling(0.5, 0.25)],
        [keras.layers.Normalization(mean=mean, variance=variance)],
        [keras.layers.RandomFlip(), keras.layers.RandomRotation(0.1)],
    ]
    return starts[rng.integers(len(starts))]


def _block(rng, padding, valid):
    filters, size = int(rng.integers(2, 7)), tuple(int(k) for k in rng.integers(1, 4, 2))
    activation = rng.choice(["relu", "tanh", "sigmoid", "linear", "softmax"])
    how = {"padding": padding, "activation": str(activation)}
    layers = keras.layers
    stride = int(rng.integers(1, 3))
    kinds = [
        lambda: layers.Conv2D(filters, size, strides=stride, **how),
        lambda: layers.Conv2D(filters, size, dilation_rate=2, use_bias=False, **how),
        lambda: layers.DepthwiseConv2D(size, depth_multiplier=int(rng.integers(1, 3)), **how),
        lambda: layers.SeparableConv2D(filters, size, strides=stride, **how),
    ]
    after = [
        layers.BatchNormalization(scale=bool(rng.integers(2)), center=bool(rng.integers(2))),
        layers.ReLU(),
        layers.Dropout(0.3),
        layers.MaxPooling2D(2, padding=padding),
        layers.AveragePooling2D(3, strides=2, padding=padding),
        layers.Activation("tanh"),
        layers.Conv2D(4, 1),
        layers.Softmax(),
    ]
    padded = [] if valid or rng.random() < 0.7 else [layers.ZeroPadding2D(((1, 0), (2, 1)))]
    chosen = [after[n] for n in rng.permutation(len(after))[: rng.integers(0, 4)]]
    return [*padded, kinds[rng.integers(len(kinds))](), *chosen]


def _end(rng):
    layers = keras.layers
    ends = [
        [layers.Flatten(), layers.Dense(7, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5)],
        [layers.GlobalAveragePooling2D()],
        [layers.GlobalMaxPooling2D(keepdims=True), layers.Flatten()],
        [layers.Flatten(), layers.Activation("tanh")],
        [layers.Flatten()],
    ]
    return [*ends[rng.integers(len(ends))], layers.Dense(3, activation=str(rng.choice(["linear", "softmax"])))]
