import numpy as np
import pytest

from cnnviz.augment import augmented
from cnnviz.plans import Augment

tf = pytest.importorskip("tensorflow")


def variants(image, kind, count=200):
    """What ``kind`` makes of one image, many times, as a set of bytes, and how often each came."""
    images = np.repeat(image[None], count, axis=0)
    found = augmented(tf.constant(images), kind, tf.constant([1, 2])).numpy()
    assert found.shape == images.shape
    return {each.tobytes(): each for each in found}


def image(rows=6, cols=6):
    return np.random.default_rng(0).random((rows, cols, 2), dtype=np.float32)


def test_nothing_is_done_unless_asked():
    assert variants(image(), Augment.NONE).keys() == {image().tobytes()}


def test_flips_are_four_and_fit_any_shape():
    one = image(5, 7)
    assert variants(one, Augment.FLIPS).keys() == {
        each.tobytes() for each in (one, one[::-1], one[:, ::-1], one[::-1, ::-1])
    }


def test_turns_are_all_eight_ways_to_lay_a_square():
    one = image()
    ways = [np.rot90(each, turns) for each in (one, one[:, ::-1]) for turns in range(4)]
    assert variants(one, Augment.TURNS).keys() == {each.tobytes() for each in ways}


def test_shifts_move_whole_pixels_and_repeat_the_edge():
    one = image(16, 32)
    padded = np.pad(one, ((1, 1), (2, 2), (0, 0)), mode="edge")
    ways = [padded[row : row + 16, col : col + 32] for row in range(3) for col in range(5)]
    assert variants(one, Augment.SHIFTS).keys() == {each.tobytes() for each in ways}


def test_other_seeds_and_other_batches_differ():
    images = tf.constant(np.repeat(image()[None], 50, axis=0))
    found = [augmented(images, Augment.TURNS, tf.constant(seed)).numpy() for seed in ([0, 0], [0, 1], [7, 0], [0, 0])]
    assert (found[0] == found[3]).all()
    assert not (found[0] == found[1]).all()
    assert not (found[0] == found[2]).all()
