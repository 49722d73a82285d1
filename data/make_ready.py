"""Train the networks that come with cnnviz again, in minutes: ``python -m data.make_ready``, in the folder above."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cnnviz.from_keras import from_keras
from cnnviz.layers import Conv2D
from cnnviz.synthetic import DEFAULT_SEED, window
from cnnviz.synthetic_noise import Frame

FOLDER = Path(__file__).parent
KEPT = 100
SIDE = 16


def digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits as 32 × 32 images from 0 to 1, and their labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = [cv2.resize(each, (32, 32), interpolation=cv2.INTER_LINEAR) for each in found.images.astype(np.float32)]
    return np.stack(images)[..., None] / 16, found.target


def chips(seeds: Sequence[int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Chips of synthetic scenes in digital numbers, and the class of the pixel in the middle, from 0."""
    rng, images, labels = np.random.default_rng(1), [], []
    for seed in seeds:
        numbers, cover = window(Frame(seed, 0, 0, 512, 512))
        inner = cover[SIDE // 2 : -SIDE // 2, SIDE // 2 : -SIDE // 2]
        for each in range(1, 9):
            places = np.argwhere(inner == each)
            for row, col in places[rng.permutation(len(places))[: count // len(seeds) // 8]]:
                images.append(np.moveaxis(numbers[:, row : row + SIDE, col : col + SIDE], 0, -1))
                labels.append(each - 1)
    order = rng.permutation(len(labels))
    return np.stack(images)[order].astype(np.float32), np.array(labels)[order]


def lenet() -> Any:
    """LeNet-5, exactly."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def small(images: np.ndarray) -> Any:
    """A small LeNet for chips of 13 bands, which brings every band to mean 0 and deviation 1 first."""
    import keras

    layers = keras.layers
    mean, variance = images.mean(axis=(0, 1, 2)), images.var(axis=(0, 1, 2))
    return keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 13)),
            layers.Normalization(mean=mean, variance=variance),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(24, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(8, activation="softmax"),
        ]
    )


def trained(model: Any, images: np.ndarray, labels: np.ndarray, epochs: int) -> Any:
    """The model after some epochs of Adam."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, batch_size=32, epochs=epochs, verbose=2)
    return model


def write(name: str, model: Any, images: np.ndarray, labels: np.ndarray, first: int) -> None:
    """Weights of the model's convolutions, counted from ``first``, and images that it has not seen."""
    print(f"{name}: accuracy on {len(labels)} images kept apart {model.evaluate(images, labels, verbose=0)[1]:.4f}")
    arrays: dict[str, Any] = {"labels": labels[:KEPT].astype(np.uint8)}
    whole = images.max() > 1
    arrays["images"] = images[:KEPT].astype(np.uint16 if whole else np.float16)
    convolutions = [layer for layer in from_keras(model).layers if isinstance(layer, Conv2D)]
    for number, layer in enumerate(convolutions, first):
        arrays[f"weights_{number}"], arrays[f"bias_{number}"] = layer.tensor, np.array(layer.bias, np.float32)
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


def main() -> None:
    """Train both and write their files beside this script."""
    import keras

    keras.utils.set_random_seed(0)
    images, labels = digits()
    order = np.random.default_rng(0).permutation(len(labels))
    images, labels = images[order], labels[order]
    write("lenet5_digits", trained(lenet(), images[300:], labels[300:], 25), images[:300], labels[:300], 1)
    images, labels = chips([DEFAULT_SEED + step for step in range(1, 9)], 12_000)
    others, true = chips([DEFAULT_SEED + 9], 1600)
    write("land_cover_chips", trained(small(images), images, labels, 12), others, true, 0)


if __name__ == "__main__":
    main()
