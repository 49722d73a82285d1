"""Images and labels as a training needs them: checked once, at the door."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.errors import DataError

Images = NDArray[np.float32]
Labels = NDArray[np.int32]


def checked(x: ArrayLike, y: ArrayLike, *, shape: tuple[int, ...] | None = None, classes: int | None = None) -> Any:
    """Images as float32 ``(n, rows, cols, bands)`` and labels as int32 ``(n,)``.

    ``shape`` is ``(rows, cols, bands)`` where a model expects one, ``classes`` how many it tells apart. Raises
    DataError for what cannot be learned from: no or mixed shapes, NaN, as many labels as there are no images,
    labels that are no class.
    """
    images, labels = checked_images(x, shape=shape), checked_labels(y, classes=classes)
    if len(images) != len(labels):
        raise DataError(f"Received {len(images):,} images and {len(labels):,} labels; one label per image is expected.")
    return images, labels


def checked_images(x: ArrayLike, *, shape: tuple[int, ...] | None = None) -> Images:
    """Images as float32 ``(n, rows, cols, bands)``; ``(n, rows, cols)`` is one band."""
    try:
        images = np.asarray(x, np.float32)
    except (TypeError, ValueError):
        raise DataError("Received images of mixed sizes, or no numbers; one array of numbers is expected.") from None
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or 0 in images.shape:
        raise DataError(f"Received images of shape {images.shape}; (n, rows, cols, bands) without 0 is expected.")
    if shape is not None and images.shape[1:] != shape:
        raise DataError(f"Received images of {_times(images.shape[1:])}; the model expects {_times(shape)}.")
    if not np.isfinite(images).all():
        number = int(np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))[0])
        raise DataError(f"Image {number} has pixels without a finite value; leave it out, or fill its holes first.")
    return images


def checked_labels(y: ArrayLike, *, classes: int | None = None) -> Labels:
    """Labels as int32 ``(n,)``, from 0 up."""
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise DataError(
            f"Received labels of shape {labels.shape} and type {labels.dtype}; whole numbers (n,) are expected."
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < (classes or 2**31):
        upto = f"0 to {classes - 1}" if classes else "0 and more"
        raise DataError(f"Received labels from {labels.min()} to {labels.max()}; {upto} are expected.")
    return labels.astype(np.int32)


def check_several_classes(labels: Labels) -> None:
    """Raise DataError unless there are at least two classes to tell apart."""
    if np.unique(labels).size < 2:
        raise DataError("Received images of one class alone; two classes or more are needed to learn a difference.")


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
