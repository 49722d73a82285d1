"""Mean and variance of each band over many images, and models that carry them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Values = NDArray[np.float64]

#: Images that are turned into float64 at once.
PART = 256


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and variance of each band in each image, both ``(n, bands)``.

    >>> images = np.array([[[[1.0]], [[3.0]]], [[[5.0]], [[7.0]]]], np.float32)
    >>> Moments.of(images).over(np.array([0, 1]))
    (array([4.], dtype=float32), array([5.], dtype=float32))
    """

    mean: Values
    variance: Values

    @classmethod
    def of(cls, images: NDArray[Any]) -> Moments:
        """Moments of images ``(n, rows, cols, bands)``, a few at a time."""
        mean, variance = zip(*(_moments(images[at : at + PART]) for at in range(0, len(images), PART)), strict=True)
        return cls(np.concatenate(mean), np.concatenate(variance))

    def over(self, which: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and variance of each band over all pixels of these images; a constant band has variance 1."""
        mean = self.mean[which].mean(axis=0)
        variance = self.variance[which].mean(axis=0) + self.mean[which].var(axis=0)
        return mean.astype(np.float32), np.where(variance > 0, variance, 1).astype(np.float32)


def _moments(images: NDArray[Any]) -> tuple[Values, Values]:
    exact = images.astype(np.float64)
    return exact.mean(axis=(1, 2)), exact.var(axis=(1, 2))


def normalising_layer(model: keras.Model) -> Any:
    """The layer that carries the moments of the bands, or None."""
    return next((each for each in model.layers if each.name == "normalise"), None)


def adapt(model: keras.Model, images: NDArray[Any]) -> None:
    """Give a model's ``normalise`` layer the moments of its training images, unless it has some already."""
    layer = normalising_layer(model)
    if layer is None:
        return
    layer.trainable = False  # A model that was read from a file has forgotten it, and would take each batch's own.
    if not np.any(layer.moving_mean) and np.all(np.asarray(layer.moving_variance) == 1):
        layer.set_weights(Moments.of(images).over(np.arange(len(images))))
