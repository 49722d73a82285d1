"""Which cell wins, and what pooling keeps, against brute force, order statistics and counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.stats import norm

from cnnviz.convolve import pool2d, resolve_padding
from cnnviz.errors import GeometryError
from cnnviz.pooling import BRIGHT, card, kept, winners


def winners_by_hand(image, size, stride, padding, mode):
    """The same as ``winners``, one window at a time."""
    (top, _), (left, _) = resolve_padding(padding, image.shape, size, stride=stride)
    rows, cols = pool2d(image, size, stride=stride, padding=padding).shape
    found = np.full((rows, cols, 2), -1)
    for row, col in np.ndindex(rows, cols):
        cells = [
            (y, x)
            for y in range(row * stride - top, row * stride - top + size)
            for x in range(col * stride - left, col * stride - left + size)
            if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]
        ]
        values = [image[cell] for cell in cells]
        if not np.isnan(values).any():
            found[row, col] = cells[values.index(max(values) if mode == "max" else min(values))]
    return found


@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(8, 14), st.integers(8, 14)),
    size=st.integers(1, 8),
    stride=st.integers(1, 8),
    padding=st.sampled_from(["valid", "same"]),
    mode=st.sampled_from(["max", "min"]),
)
def test_the_winner_is_the_first_cell_that_holds_the_pooled_value(seed, shape, size, stride, padding, mode):
    image = np.random.default_rng(seed).integers(0, 5, shape).astype(np.float32)
    image[np.random.default_rng(seed).random(shape) < 0.02] = np.nan
    found = winners(image, size, mode=mode, stride=stride, padding=padding)
    np.testing.assert_array_equal(found, winners_by_hand(image, size, stride, padding, mode))


@pytest.mark.parametrize("mode", ["max", "min"])
def test_winners_hold_what_pooling_gives_on_a_large_image_in_strips(mode):
    image = np.random.default_rng(1).normal(size=(700, 900)).astype(np.float32)
    rows, cols = np.moveaxis(winners(image, 8, mode=mode, stride=3), -1, 0)
    np.testing.assert_array_equal(image[rows, cols], pool2d(image, 8, mode=mode, stride=3))


def test_padding_never_wins_even_over_the_smallest_number():
    image = np.full((3, 3), -np.inf, np.float32)
    assert winners(image, 2, stride=1, padding="same").min() >= 0
    assert winners(image, 2, stride=1, padding="same").max() <= 2


def test_an_average_has_no_winner():
    with pytest.raises(GeometryError, match=r"'average'.*max or min of \(rows, cols\) is expected"):
        winners(np.zeros((4, 4)), 2, mode="average")


@pytest.mark.parametrize("size", range(2, 9))
def test_a_bright_line_survives_the_maximum_a_dark_one_the_minimum_and_the_average_thins_both(size):
    largest, mean, smallest = (kept(size, mode=mode) for mode in ("max", "average", "min"))
    assert (largest.bright_line, largest.dark_line) == (1, 0)
    assert (smallest.bright_line, smallest.dark_line) == (0, 1)
    assert mean.bright_line == pytest.approx(1 / size)
    assert mean.dark_line == pytest.approx(1 / size)


@pytest.mark.parametrize("size", range(2, 9))
def test_the_bright_side_grows_under_the_maximum_by_half_a_window(size):
    assert kept(size).edge_shift == pytest.approx((size - 1) / 2)
    assert kept(size, mode="min").edge_shift == pytest.approx(-(size - 1) / 2)
    assert kept(size, mode="average").edge_shift == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("size", range(2, 9))
def test_an_edge_stays_steep_under_the_maximum_and_is_a_ramp_after_an_average_of_every_pixel(size):
    assert kept(size, stride=1).edge_step == 1
    assert kept(size, mode="average", stride=1).edge_step == pytest.approx(1 / size)


def test_windows_that_leave_gaps_miss_some_lines():
    assert kept(2, stride=5).bright_line == pytest.approx(2 / 5)


def largest_of(count):
    """Mean and standard deviation of the largest of ``count`` standard normal numbers."""

    def moment(power):
        density = lambda x: x**power * count * norm.pdf(x) * norm.cdf(x) ** (count - 1)  # noqa: E731
        return integrate.quad(density, -10, 10)[0]

    return moment(1), np.sqrt(moment(2) - moment(1) ** 2)


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_noise_follows_order_statistics(size):
    mean, deviation = largest_of(size**2)
    largest, smallest, average = (kept(size, mode=mode) for mode in ("max", "min", "average"))
    assert largest.noise_bias == pytest.approx(mean, abs=0.03)
    assert smallest.noise_bias == pytest.approx(-mean, abs=0.03)
    assert average.noise_bias == pytest.approx(0, abs=0.01)
    assert largest.noise == pytest.approx(deviation, rel=0.04)
    assert average.noise == pytest.approx(1 / size, rel=0.04)


def test_the_card_is_the_same_every_time_and_holds_its_four_parts():
    picture = card()
    np.testing.assert_array_equal(picture, card())
    (edge, bright), (dark, noise) = (np.split(half, 2, axis=1) for half in np.split(picture, 2))
    assert set(np.unique(edge)) == set(np.unique(bright)) == {0, BRIGHT}
    np.testing.assert_array_equal(bright + dark, BRIGHT)
    assert (bright == BRIGHT).mean() < 0.13
    assert noise.std() == pytest.approx(10, rel=0.1)
