"""MNIST from files: ``mnist.npz`` as Keras has it, or the IDX files of its authors, gzipped or not.

The IDX format is at http://yann.lecun.com/exdb/mnist: two zero bytes, a type, the number of dimensions, then each
dimension as a big-endian 32-bit number, then the values.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import DataError

Bytes = NDArray[np.uint8]

_UNSIGNED_BYTES = 8
_LARGEST = 200 * 10**6  # bytes; MNIST's 60,000 images have 47 million


def read_idx(path: Path) -> Bytes:
    """Array of unsigned bytes in an IDX file, gzipped or not. Raises DataError.

    The size that the header declares is checked before anything is read, so a small file cannot fill the memory.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.open(raw) as file:
                    return _array(file, path.name)
            return _array(raw, path.name)
    except (OSError, EOFError, zlib.error):
        raise DataError(f"{path.name} cannot be read as an IDX file: fetch it again.") from None


def _array(file: BinaryIO | gzip.GzipFile, name: str) -> Bytes:
    zeros, kind, dimensions = file.read(2), *(file.read(2).ljust(2, b"\0"))
    if zeros != b"\0\0" or kind != _UNSIGNED_BYTES or not 1 <= dimensions <= 3:
        raise DataError(f"{name} is no IDX file of unsigned bytes: expected one of MNIST's four files.")
    shape = tuple(int(size) for size in np.frombuffer(file.read(4 * dimensions).ljust(4 * dimensions, b"\0"), ">u4"))
    if prod(shape) > _LARGEST:
        raise DataError(f"{name} declares {prod(shape):,} values; at most {_LARGEST:,} are read.")
    data = file.read(prod(shape) + 1)
    if len(data) != prod(shape):
        raise DataError(f"{name} does not hold the {prod(shape):,} values that it declares: fetch it again.")
    return np.frombuffer(data, np.uint8).reshape(shape)


def read_npz(path: Path, part: str) -> tuple[Bytes, Bytes]:
    """Images ``(n, 28, 28)`` and labels ``(n,)`` of ``part`` "train" or "test" of ``mnist.npz``. Raises DataError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return file[f"x_{part}"], file[f"y_{part}"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise DataError(f"{path.name} is not MNIST as Keras stores it: fetch it again.") from None


def find_mnist(folder: Path, part: str) -> tuple[Bytes, Bytes] | None:
    """Images and labels of one part below ``folder`` or its subfolder ``mnist``; None where there are no files."""
    stem = {"train": "train", "test": "t10k"}[part]
    for place in (folder, folder / "mnist"):
        files = [_either(place / f"{stem}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")]
        if files[0] and files[1]:
            return read_idx(files[0]), read_idx(files[1])
        if (place / "mnist.npz").is_file():
            return read_npz(place / "mnist.npz", part)
    return None


def _either(path: Path) -> Path | None:
    """The file as it is, or gzipped, whichever is there."""
    return next((each for each in (path, path.with_name(f"{path.name}.gz")) if each.is_file()), None)
