"""Labelled images for a classifier, and how some of them are held back.

>>> chips = Chips(np.zeros((4, 8, 8, 1)), [0, 1, 0, 1], classes=("water", "land"), bands=("B08",), title="Example")
>>> len(chips), chips.shape, chips.counts
(4, (8, 8, 1), (2, 2))
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.errors import DataError

Images = NDArray[np.float32]
Indices = NDArray[np.intp]

# A block of neighbouring chips that stay together, as a part of the scene's side: small enough that a fifth of the
# blocks holds all classes, large enough that few chips have a neighbour on the other side.
_BLOCKS = 8


class Split(StrEnum):
    """How images are held back: any of them, or whole blocks of neighbours."""

    RANDOM = "random"
    BLOCKS = "blocks"


@dataclass(frozen=True, eq=False)
class Chips:
    """Images ``(n, rows, cols, bands)`` with a label ``(n,)`` each, from 0 to ``len(classes) − 1``.

    The images are the file's numbers times ``factor``. ``places`` (n, 2) are row and column of each chip's first
    pixel in the scene it was cut from. Raises DataError for what cannot be learned from.
    """

    images: Images
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    bands: tuple[str, ...]
    title: str
    synthetic: bool = False
    factor: float = 1.0
    places: Indices | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", _images(self.images, self.title))
        object.__setattr__(self, "labels", np.asarray(self.labels, np.int64))
        _check(self)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and bands of one image."""
        rows, cols, bands = self.images.shape[1:]
        return rows, cols, bands

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of images of each class."""
        return tuple(np.bincount(self.labels, minlength=len(self.classes)).tolist())

    @cached_property
    def key(self) -> str:
        """Fingerprint of the images and what is said about them."""
        words = repr((self.images.shape, self.classes, self.bands, self.title, self.factor))
        found = hashlib.blake2b(words.encode(), digest_size=8)
        found.update(self.images.tobytes())
        found.update(self.labels.tobytes())
        return found.hexdigest()

    def take(self, which: ArrayLike) -> Chips:
        """Only these images, by their numbers or as a mask; the classes stay."""
        chosen = np.asarray(which)
        places = None if self.places is None else self.places[chosen]
        return replace(self, images=self.images[chosen], labels=self.labels[chosen], places=places)

    def few(self, count: int, *, seed: int = 0) -> Chips:
        """At most ``count`` images, drawn at random, as large a part of every class as of all."""
        if count >= len(self):
            return self
        return self.take(np.sort(_stratified(self.labels, count / len(self), seed)))


def _images(images: ArrayLike, title: str) -> Images:
    array = np.asarray(images, np.float32)
    if array.ndim != 4 or 0 in array.shape[1:]:
        raise DataError(f"{title}: received images of shape {array.shape}; (n, rows, cols, bands) is expected.")
    return array


def _check(chips: Chips) -> None:
    title, count = chips.title, len(chips.images)
    if chips.labels.shape != (count,):
        raise DataError(f"{title}: received {chips.labels.size:,} labels for {count:,} images; one each is expected.")
    if len(chips.bands) != chips.images.shape[3]:
        raise DataError(
            f"{title}: received {len(chips.bands)} names for {chips.images.shape[3]} bands; one each is expected."
        )
    if chips.labels.size and not 0 <= chips.labels.min() <= chips.labels.max() < len(chips.classes):
        raise DataError(
            f"{title}: received labels from {chips.labels.min()} to {chips.labels.max()} for {len(chips.classes)} "
            f"classes; 0 to {len(chips.classes) - 1} are expected."
        )
    if not np.isfinite(chips.images).all():
        number = int(np.flatnonzero(~np.isfinite(chips.images).all(axis=(1, 2, 3)))[0])
        raise DataError(
            f"{title}: image {number} ({chips.classes[chips.labels[number]]}) has pixels without a finite value; "
            "leave it out, or fill its holes first."
        )


def check_learnable(chips: Chips) -> None:
    """Raise DataError unless there are two classes or more, with images of each."""
    missing = [name for name, count in zip(chips.classes, chips.counts, strict=True) if count == 0]
    if missing:
        raise DataError(f"{chips.title}: there are no images of {_listed(missing)}; add some, or leave the class out.")
    if len(chips.classes) < 2:
        raise DataError(f"{chips.title}: received one class, {_listed(chips.classes)}; two or more are expected.")


def split(chips: Chips, *, share: float = 0.2, how: Split | str = Split.RANDOM, seed: int = 0) -> tuple[Chips, Chips]:
    """Chips to train with, and about ``share`` of them to judge by, which no training sees.

    At random, every class gives the same share. By blocks, whole neighbourhoods of the scene are held back, for
    neighbouring chips look alike and would give the answers away (Roberts et al., *Ecography* 40, 2017); chips that
    overlap one that is held back are left out of both. Raises DataError where a class would be missing in training.
    """
    if not 0 < share < 1:
        raise DataError(f"Received a share of {share:g}; a number between 0 and 1 is expected.")
    check_learnable(chips)
    if how == Split.BLOCKS:
        held, kept = _blocks(chips, share, seed)
    else:
        held = np.zeros(len(chips), bool)
        held[_stratified(chips.labels, share, seed)] = True
        kept = ~held
    training, judged = chips.take(kept), chips.take(held)
    lost = [name for name, count in zip(chips.classes, training.counts, strict=True) if count == 0]
    if lost or not len(judged):
        what = f"no images of {_listed(lost)} to train with" if lost else "nothing to judge by"
        raise DataError(f"{chips.title}: this split leaves {what}; take more images, another share or another seed.")
    return training, judged


def _stratified(labels: NDArray[np.int64], share: float, seed: int) -> Indices:
    """Numbers of about ``share`` of the images of every class, one at least where there are two."""
    rng, found = np.random.default_rng(seed), []
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        found.append(own[: min(max(1, round(share * len(own))), max(len(own) - 1, 1))])
    return np.concatenate(found)


def _blocks(chips: Chips, share: float, seed: int) -> tuple[Any, Any]:
    """Masks of what is held back and what is kept."""
    if chips.places is None:
        raise DataError(f"{chips.title}: these images have no place in a scene; split them at random.")
    places, (rows, cols, _) = chips.places, chips.shape
    side = max(1, *np.ptp(places, axis=0) // _BLOCKS + 1, rows, cols)
    block = places // side @ [1 << 20, 1]
    order = np.random.default_rng(seed).permutation(np.unique(block))
    sizes = np.array([np.sum(block == each) for each in order])
    enough = int(np.searchsorted(np.cumsum(sizes), share * len(chips))) + 1
    held = np.isin(block, order[:enough])
    return held, ~held & ~_touching(places, places[held], (rows, cols))


def _touching(places: Indices, others: Indices, size: Sequence[int]) -> NDArray[np.bool_]:
    """Which chips overlap one of the ``others``, all of ``size`` (rows, cols)."""
    order = np.argsort(places[:, 0], kind="stable")
    rows, cols = places[order].T
    # Only the chips of nearby rows are asked: all against all takes seconds for a few thousand.
    first = np.searchsorted(rows, others[:, 0] - size[0], side="right")
    last = np.searchsorted(rows, others[:, 0] + size[0], side="left")
    near, found = np.zeros(len(places), bool), np.zeros(len(places), bool)
    for start, stop, col in zip(first, last, others[:, 1], strict=True):
        near[start:stop] |= np.abs(cols[start:stop] - col) < size[1]
    found[order] = near
    return found


def _listed(names: Sequence[str]) -> str:
    shown = [f"“{name:.40}”" for name in names[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
