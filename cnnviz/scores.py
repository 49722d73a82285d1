"""How good a classifier is, from its labels and probabilities alone.

>>> table = confusion([0, 0, 1, 1], [0, 1, 1, 1], classes=2)
>>> table.tolist(), accuracy(table)
([[1, 1], [0, 2]], 0.75)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.errors import DataError

Counts = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class ClassScore:
    """One class: how many of those called so are so, how many of those that are so were found, and both in one.

    ``support`` counts its images. NaN stands where nothing was called so, or nothing is so.
    """

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Mistake:
    """An image whose class was not found, with the probability of the class that was, and of its own."""

    index: int
    label: int
    predicted: int
    probability: float
    own_probability: float


@dataclass(frozen=True, eq=False)
class SoftmaxTerms:
    """Softmax of one image, term by term, each ``(classes,)``; ``total`` is the sum of ``exp``.

    The largest logit is taken off first, which changes no share and lets no exponential overflow.
    """

    logits: Values
    less_largest: Values
    exp: Values
    total: float
    share: Values


def confusion(labels: ArrayLike, predicted: ArrayLike, *, classes: int) -> Counts:
    """Counts ``(classes, classes)``: rows say what an image is, columns what it was called."""
    true, called = np.asarray(labels), np.asarray(predicted)
    if true.shape != called.shape or true.ndim != 1:
        raise DataError(f"Received labels {true.shape} and predictions {called.shape}; two lists alike are needed.")
    for what, values in (("labels", true), ("predictions", called)):
        if values.size and (values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= classes):
            raise DataError(f"Received {what} that are no whole numbers from 0 to {classes - 1}.")
    cells = true.astype(np.int64) * classes + called.astype(np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def accuracy(table: Counts) -> float:
    """Share of all images on the diagonal of a confusion table; NaN without images."""
    return float(_divided(np.trace(table), table.sum()))


def class_scores(table: Counts) -> tuple[ClassScore, ...]:
    """Precision, recall, F1 and support of each class of a confusion table."""
    right, called, support = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    precision, recall, f1 = _divided(right, called), _divided(right, support), _divided(2 * right, called + support)
    return tuple(
        ClassScore(float(p), float(r), float(f), int(n))
        for p, r, f, n in zip(precision, recall, f1, support, strict=True)
    )


def worst_mistakes(probabilities: ArrayLike, labels: ArrayLike, *, count: int = 12) -> tuple[Mistake, ...]:
    """Mistakes that were made with the highest probability, worst first, from ``(n, classes)`` and ``(n,)``.

    >>> worst_mistakes([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], [0, 0, 0], count=1)[0].index
    2
    """
    shares, true = np.asarray(probabilities, np.float64), np.asarray(labels)
    if shares.ndim != 2 or true.shape != shares.shape[:1]:
        raise DataError(
            f"Received probabilities {shares.shape} and labels {true.shape}; (n, classes), (n,) are needed."
        )
    called = shares.argmax(axis=1)
    wrong = np.flatnonzero(called != true)
    order = wrong[np.argsort(-shares[wrong, called[wrong]], kind="stable")][:count]
    return tuple(
        Mistake(int(at), int(true[at]), int(called[at]), float(shares[at, called[at]]), float(shares[at, true[at]]))
        for at in order
    )


def softmax_terms(logits: ArrayLike) -> SoftmaxTerms:
    """Logit → exp → share for the logits ``(classes,)`` of one image.

    >>> softmax_terms([2.0, 2.0]).share.tolist()
    [0.5, 0.5]
    """
    values = np.asarray(logits, np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise DataError(f"Received logits of shape {values.shape}; finite numbers (classes,) are expected.")
    less = values - values.max()
    exp = np.exp(less)
    return SoftmaxTerms(values, less, exp, float(exp.sum()), exp / exp.sum())


def _divided(part: ArrayLike, whole: ArrayLike) -> Values:
    parts, wholes = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(parts, wholes, out=np.full_like(wholes, np.nan), where=wholes != 0)
