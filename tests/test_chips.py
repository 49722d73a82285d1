"""Labelled images and how some are held back."""

import numpy as np
import pytest

from cnnviz import chips as chips_module
from cnnviz.chips import Chips, check_learnable, split
from cnnviz.errors import DataError


def grid_of_chips(side=8, step=4, rows=40, cols=40, classes=3):
    """Chips cut from a place every ``step`` pixels, labelled by thirds of the columns."""
    places = np.array([(row, col) for row in range(0, rows, step) for col in range(0, cols, step)])
    labels = places[:, 1] * classes // cols
    images = np.random.default_rng(0).random((len(places), side, side, 2))
    names = tuple("abc"[:classes])
    return Chips(images, labels, names, ("x", "y"), "Grid", places=places)


def test_taking_keeps_images_labels_and_places_together():
    chips = grid_of_chips()
    part = chips.take([5, 17])
    np.testing.assert_array_equal(part.images, chips.images[[5, 17]])
    np.testing.assert_array_equal((part.labels, part.places[:, 0]), (chips.labels[[5, 17]], chips.places[[5, 17], 0]))


def test_a_few_images_keep_the_classes_shares():
    labels = np.repeat([0, 1], [900, 100])
    chips = Chips(np.zeros((1000, 2, 2, 1)), labels, ("a", "b"), ("x",), "Uneven")
    assert chips.few(100).counts == (90, 10)
    assert len(chips.few(5000)) == 1000


@pytest.mark.parametrize("seed", range(5))
def test_a_random_split_holds_back_the_same_share_of_every_class(seed):
    chips = grid_of_chips()
    training, judged = split(chips, share=0.25, seed=seed)
    assert len(training) + len(judged) == len(chips)
    np.testing.assert_allclose(judged.counts, np.array(chips.counts) * 0.25, atol=1)
    both = {tuple(place) for place in training.places} & {tuple(place) for place in judged.places}
    assert both == set()


@pytest.mark.parametrize("seed", range(5))
def test_a_split_by_blocks_keeps_no_neighbour_that_overlaps(seed):
    chips = grid_of_chips(rows=160, cols=160)
    training, judged = split(chips, how="blocks", seed=seed)
    assert 0.1 * len(chips) < len(judged) < 0.4 * len(chips)
    gaps = np.abs(training.places[:, None] - judged.places[None])
    assert not (gaps < 8).all(axis=2).any()
    assert len(training) > len(chips) / 2


@pytest.mark.parametrize("seed", range(5))
def test_only_chips_that_overlap_are_left_out(seed):
    rng = np.random.default_rng(seed)
    places, size = rng.integers(0, 120, (300, 2)), rng.integers(1, 20, 2)
    others = places[rng.random(300) < 0.2]
    expected = (np.abs(places[:, None] - others[None]) < size).all(axis=2).any(axis=1)
    np.testing.assert_array_equal(chips_module._touching(places, others, size), expected)


def test_a_split_is_the_same_for_the_same_seed():
    chips = grid_of_chips()
    first, second, third = (split(chips, seed=seed)[1].places for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.zeros((3, 4, 4))}, r"shape \(3, 4, 4\)"),
        ({"labels": [0, 1]}, "2 labels for 3 images"),
        ({"labels": [0, 1, 2]}, "labels from 0 to 2 for 2 classes"),
        ({"bands": ("x", "y")}, "2 names for 1 bands"),
        ({"images": np.full((3, 4, 4, 1), np.nan)}, r"image 0 \(a\) has pixels without a finite value"),
    ],
)
def test_what_cannot_be_learned_from_is_said(changed, message):
    good = {"images": np.zeros((3, 4, 4, 1)), "labels": [0, 1, 0], "classes": ("a", "b"), "bands": ("x",)}
    with pytest.raises(DataError, match=message):
        Chips(**(good | changed), title="Bad")


def test_missing_and_single_classes_are_said():
    with pytest.raises(DataError, match="no images of “b”"):
        check_learnable(Chips(np.zeros((2, 1, 1, 1)), [0, 0], ("a", "b"), ("x",), "Empty"))
    with pytest.raises(DataError, match="one class, “a”"):
        split(Chips(np.zeros((2, 1, 1, 1)), [0, 0], ("a",), ("x",), "Single"))


def test_images_without_a_place_cannot_be_split_by_blocks():
    chips = Chips(np.zeros((4, 1, 1, 1)), [0, 1, 0, 1], ("a", "b"), ("x",), "Digits")
    with pytest.raises(DataError, match="split them at random"):
        split(chips, how="blocks")


def test_the_key_follows_the_content():
    first, again, other = (grid_of_chips(rows=rows) for rows in (40, 40, 44))
    assert first.key == again.key != other.key
