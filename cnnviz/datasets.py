"""Data sets for training, by name: those that are always there, MNIST, and folders that the operator has.

>>> digits = open_dataset("digits")
>>> len(digits), digits.shape, len(digits.classes)
(1797, (32, 32, 1), 10)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from urllib.error import HTTPError

import cv2
import numpy as np
from numpy.typing import NDArray

from cnnviz.chip_files import holds_classes, read_folder
from cnnviz.chip_scene import from_scene
from cnnviz.chips import Chips
from cnnviz.errors import DataError
from cnnviz.idx import find_mnist, read_npz
from cnnviz.samples import LABEL_CLASSES, open_labels, open_sample

__all__ = ["DATASETS", "DataSet", "Download", "data_folder", "download_mnist", "folders", "open_dataset"]

#: Side that LeNet-5 expects.
SIDE = 32
_DIGITS = tuple("0123456789")
_SECONDS = 60.0


@dataclass(frozen=True)
class DataSet:
    """A data set that can be opened by its name; ``read`` takes the number of images that are wanted, or None."""

    name: str
    title: str
    about: str
    read: Callable[[int | None], Chips]


@dataclass(frozen=True)
class Download:
    """A file to be fetched once: its address, its SHA-256, and how many seconds that may take."""

    url: str
    sha256: str
    seconds: float = _SECONDS


#: As in ``keras.datasets.mnist``.
MNIST = Download(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)


def open_dataset(name: str, *, limit: int | None = None) -> Chips:
    """The data set of that name in :data:`DATASETS`, or of that folder in :func:`folders`; at most ``limit`` images.

    Raises DataError where there is none, or where it cannot be had here.
    """
    known = {**DATASETS, **folders()}
    if name not in known:
        raise DataError(f"there is no data set {name!r:.60}; expected one of {', '.join(sorted(known))}")
    chips = known[name].read(limit)
    return chips if limit is None else chips.few(limit)


def data_folder() -> Path | None:
    """The operator's folder of data sets, which ``CNNVIZ_DATA`` names."""
    text = os.environ.get("CNNVIZ_DATA", "").strip()
    return Path(text).expanduser() if text else None


def folders() -> dict[str, DataSet]:
    """Folders of classes below the operator's folder, as data sets."""
    root = data_folder()
    if root is None or not root.is_dir():
        return {}
    found = [each for each in sorted(root.iterdir()) if each.is_dir() and holds_classes(each)]
    about = "Images from a folder of this server, one subfolder for each class."
    return {each.name: DataSet(each.name, each.name, about, _folder_reader(each)) for each in found}


def _folder_reader(folder: Path) -> Callable[[int | None], Chips]:
    return lambda limit: read_folder(folder, limit=limit)


def _digits(limit: int | None) -> Chips:
    """scikit-learn's digits, 8 × 8 with 17 shades, enlarged by lines between the pixels to 32 × 32, from 0 to 1."""
    del limit
    from sklearn.datasets import load_digits

    found = load_digits()
    large = [cv2.resize(each.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for each in found.images]
    images = (np.stack(large)[..., None] / 16).astype(np.float32)
    return Chips(images, found.target, _DIGITS, ("ink",), "Handwritten digits of scikit-learn, enlarged to 32 × 32")


def _scene(limit: int | None) -> Chips:
    del limit
    names = {each.value: each.title for each in LABEL_CLASSES}
    chips = from_scene(open_sample("sentinel2"), open_labels(), names=names, synthetic=True)
    return replace(chips, title="Chips of the synthetic scene, 16 × 16")


def _mnist(limit: int | None, part: str) -> Chips:
    """MNIST from the operator's folder, else from Keras's server; 28 × 28 with two black pixels around, from 0 to 1."""
    root = data_folder()
    pair = None if root is None else find_mnist(root, part)
    images, labels = pair or read_npz(download_mnist(MNIST), part)
    if images.ndim != 3 or len(images) != len(labels) or max(images.shape[1:], default=SIDE) > SIDE:
        raise DataError(
            f"MNIST's files hold images of shape {images.shape} and {len(labels):,} labels; (n, 28, 28) and one label "
            "for each are expected."
        )
    title = {"train": "MNIST, training file", "test": "MNIST, test file"}[part]
    return Chips(_framed(images[:limit]), labels[:limit].astype(np.int64), _DIGITS, ("ink",), title, factor=1 / 255)


def _framed(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images in the middle of black ones of 32 × 32, from 0 to 1."""
    (rows, cols) = images.shape[1:]
    top, left = (SIDE - rows) // 2, (SIDE - cols) // 2
    framed = np.zeros((len(images), SIDE, SIDE, 1), np.float32)
    np.divide(images, np.float32(255), out=framed[:, top : top + rows, left : left + cols, 0], casting="unsafe")
    return framed


def download_mnist(source: Download, *, cache: Path | None = None) -> Path:
    """Path of ``mnist.npz``, fetched by Keras where its cache does not hold it yet.

    Raises DataError where the server does not answer in time: a hosted page must not wait for a closed network.
    """
    found: list[Path] = []

    def work() -> None:
        import keras

        path = keras.utils.get_file(
            "mnist.npz", origin=source.url, file_hash=source.sha256, cache_dir=None if cache is None else str(cache)
        )
        found.append(Path(path))

    failed: list[str] = []
    thread = threading.Thread(target=_noting(work, failed), daemon=True)
    thread.start()
    thread.join(source.seconds)
    if not found:
        why = failed[0] if failed else f"no answer in {source.seconds:.0f} s"
        raise DataError(
            f"MNIST could not be fetched ({why:.120}). Put mnist.npz or MNIST's IDX files into a folder, and start "
            "with CNNVIZ_DATA=that folder; or use scikit-learn's digits."
        )
    return found[0]


def _noting(work: Callable[[], None], failed: list[str]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except Exception as error:  # Keras raises plain Exception where a download fails
            failed.append(str(error))
            if isinstance(error.__context__, HTTPError):
                error.__context__.close()

    return run


_ALL = (
    DataSet(
        "digits",
        "Handwritten digits, small",
        "scikit-learn's 1,797 real digits, 8 × 8 pixels, enlarged to 32 × 32.",
        _digits,
    ),
    DataSet(
        "scene",
        "Land cover, synthetic scene",
        "Chips of 16 × 16 pixels and 13 bands, cut from the scene that a program made up, with their true classes.",
        _scene,
    ),
    DataSet(
        "mnist_test",
        "MNIST, test file",
        "10,000 real handwritten digits, 28 × 28 pixels with a frame to 32 × 32.",
        partial(_mnist, part="test"),
    ),
    DataSet(
        "mnist",
        "MNIST, training file",
        "60,000 real handwritten digits, 28 × 28 pixels with a frame to 32 × 32.",
        partial(_mnist, part="train"),
    ),
)

#: Data sets by name, the smallest first; MNIST needs the network or ``CNNVIZ_DATA``.
DATASETS: Mapping[str, DataSet] = MappingProxyType({each.name: each for each in _ALL})
