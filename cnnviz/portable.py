"""What copied code carries along: functions that need NumPy alone, each complete in itself.

They are written to be read by whoever copies them; :mod:`cnnviz.codegen` puts their source into its scripts.
The engines of :mod:`cnnviz.convolve` do the same work faster and with less memory.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]
Pair = tuple[int, int]


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Padding before and after an axis of size pixels, by TensorFlow's rule for "same".

    >>> same_padding(6, 3, 2, 1)
    (0, 1)
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def convolve(image: Array, weights: Array, stride: Pair = (1, 1), dilation: Pair = (1, 1)) -> Array:
    """Sum of shifted and weighted pictures; the kernel is not flipped.

    weights (rows, cols, bands, filters) make one map per filter; (rows, cols) filter each band alone.

    >>> convolve(np.float32([[[1], [2], [4]]]), np.float32([[1, 10]])).tolist()
    [[[21.0], [42.0]]]
    """
    rows = image.shape[0] - dilation[0] * (weights.shape[0] - 1)
    cols = image.shape[1] - dilation[1] * (weights.shape[1] - 1)
    maps = image.shape[2] if weights.ndim == 2 else weights.shape[3]
    result = np.zeros((-(-rows // stride[0]), -(-cols // stride[1]), maps), np.float32)
    for row, col in np.ndindex(weights.shape[:2]):
        top, left = row * dilation[0], col * dilation[1]
        seen = image[top : top + rows : stride[0], left : left + cols : stride[1]]
        result += seen * weights[row, col] if weights.ndim == 2 else seen @ weights[row, col]
    return result


def pool(image: Array, size: Pair, stride: Pair, mode: str, pads: tuple[Pair, Pair] = ((0, 0), (0, 0))) -> Array:
    """Largest, smallest or mean value of every window; padding does not count.

    >>> pool(np.float32([[[1], [2], [4]]]), (1, 2), (1, 2), "max", ((0, 0), (0, 1))).tolist()
    [[[2.0], [4.0]]]
    """

    def windows(cells: Array, fill: float) -> Array:
        padded = np.pad(cells, (*pads, (0, 0)), constant_values=fill)
        return sliding_window_view(padded, size, axis=(0, 1))[:: stride[0], :: stride[1]]

    if mode == "max":
        result = windows(image, -np.inf).max(axis=(3, 4))
    elif mode == "min":
        result = windows(image, np.inf).min(axis=(3, 4))
    else:
        result = windows(image, 0).sum(axis=(3, 4)) / windows(np.ones_like(image), 0).sum(axis=(3, 4))
    return np.asarray(result)


def softmax(image: Array) -> Array:
    """Values of a pixel's maps as shares that sum to 1.

    >>> softmax(np.float32([[[0, 0], [1000, 0]]])).tolist()
    [[[0.5, 0.5], [1.0, 0.0]]]
    """
    with np.errstate(invalid="ignore"):  # what is infinite has no share
        powers = np.exp(image - image.max(axis=2, keepdims=True))  # never above 1, so that nothing overflows
    return np.asarray(powers / powers.sum(axis=2, keepdims=True))
