"""Random layers and networks for property tests: every padding, stride, dilation and shape of weights."""

import numpy as np

from cnnviz.layers import Activation, Conv2D, Network, Pool2D

BORDERS = ("zero", "replicate", "reflect", "wrap")


def random_padding(rng, window):
    """Any kind of padding; custom amounts stay below the window, as pooling wants."""
    kind = rng.choice(["valid", "same", "full", "custom"])
    if kind != "custom":
        return str(kind)
    return tuple(tuple(int(p) for p in rng.integers(0, size, 2)) for size in window)


def random_convolution(rng, bands, *, border="zero"):
    size = tuple(int(k) for k in rng.integers(1, 6, 2))
    alone = rng.random() < 0.4
    filters = int(rng.integers(1, 5))
    shape = size if alone else (*size, bands, filters)
    bias = [None, float(rng.normal()), rng.normal(size=bands if alone else filters)][rng.integers(3)]
    return Conv2D(
        rng.normal(size=shape) / np.sqrt(np.prod(shape[:3])),
        bias,
        padding=random_padding(rng, size),
        stride=tuple(int(s) for s in rng.integers(1, 4, 2)),
        dilation=tuple(int(d) for d in rng.integers(1, 4, 2)),
        border=border,
    )


def random_pooling(rng):
    size = tuple(int(k) for k in rng.integers(1, 6, 2))
    stride = None if rng.random() < 0.3 else tuple(int(s) for s in rng.integers(1, 4, 2))
    mode = str(rng.choice(["max", "average", "min"]))
    return Pool2D(size, mode=mode, stride=stride, padding=random_padding(rng, size))


def random_layer(rng, bands, *, border="zero"):
    kind = rng.random()
    if kind < 0.55:
        return random_convolution(rng, bands, border=border)
    if kind < 0.85:
        return random_pooling(rng)
    shares = ["softmax"] if bands > 1 else []  # Keras warns of shares of one map
    return Activation(str(rng.choice(["relu", "sigmoid", "tanh", "linear", *shares])))


def random_network(rng, *, layers=3, borders=("zero",)):
    """A network with an image that it fits: (network, image)."""
    rows, cols, bands = (int(n) for n in (*rng.integers(5, 24, 2), rng.integers(1, 5)))
    stack = []
    shape = (rows, cols, bands)
    for _ in range(int(rng.integers(1, layers + 1))):
        layer = random_layer(rng, shape[2], border=str(rng.choice(borders)))
        try:
            shape = Network([layer]).output_shape(shape)
        except ValueError:  # a window beyond what the layers before have left
            continue
        stack.append(layer)
    stack = stack or [Activation("relu")]
    return Network(stack), rng.normal(size=(rows, cols, bands)).astype(np.float32)
