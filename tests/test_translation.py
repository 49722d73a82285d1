"""How far a map has moved and how much it has changed, on pictures whose movement is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.convolve import pool2d
from cnnviz.errors import GeometryError
from cnnviz.translation import change, displacement, movement, shifted, unchanged

DIRECTIONS = [(0, 1), (1, 0), (1, 1)]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("pixels", [0, 1, 2, 3, 4])
def test_a_shift_by_whole_pixels_is_found(direction, pixels):
    image = noise(60, 70)
    before, after = shifted(image, (direction[0] * pixels, direction[1] * pixels))
    assert displacement(before, after, direction=direction, reach=pixels) == pytest.approx(pixels, abs=1e-6)


@given(part=st.floats(0, 1), whole=st.integers(0, 3), direction=st.sampled_from(DIRECTIONS))
def test_a_shift_between_pixels_is_found_as_linear_interpolation_makes_it(part, whole, direction):
    image = noise(40, 40)
    here, there = (np.roll(image, (direction[0] * cells, direction[1] * cells), (0, 1)) for cells in (whole, whole + 1))
    after = (1 - part) * here + part * there
    found = displacement(image[5:-5, 5:-5], after[5:-5, 5:-5], direction=direction, reach=whole + 1)
    assert found == pytest.approx(whole + part, abs=1e-3)


def test_what_is_seen_lies_further_on_in_the_second_cut():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    before, after = shifted(image, (1, 2))
    assert before.tolist() == [[6, 7], [10, 11]]
    assert after.tolist() == [[0, 1], [4, 5]]


def test_the_maximum_of_noise_moves_by_its_share_of_a_window():
    before, after = shifted(noise(402, 402), (0, 2))
    found = movement(pool2d(before, 4), pool2d(after, 4), direction=(0, 1), reach=0.5)
    assert found.cells == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("size", "pixels"), [(2, 1), (4, 1), (4, 2), (8, 3)])
def test_the_maximum_of_noise_is_unchanged_as_often_as_old_and_new_window_share_their_winner(size, pixels):
    """The largest of both windows' cells must lie in what they have in common: (size − d) of (size + d) columns."""
    before, after = shifted(noise(800, 800), (0, pixels))
    assert unchanged(pool2d(before, size), pool2d(after, size)) == pytest.approx(
        (size - pixels) / (size + pixels), abs=0.02
    )


def test_unrelated_maps_have_changed_by_one_and_equal_ones_by_nothing():
    assert change(noise(300, 300, seed=1), noise(300, 300, seed=2)) == pytest.approx(1, abs=0.02)
    assert change(noise(30, 30), noise(30, 30)) == 0


def test_tolerance_is_one_for_a_map_that_holds_still_and_none_for_every_second_pixel():
    before, after = shifted(noise(400, 400), (0, 1))
    bare = change(before, after)
    still = movement(before * 0 + 1, after * 0 + 1, direction=(0, 1), reach=1)
    strided = movement(before[::2, ::2], after[::2, ::2], direction=(0, 1), reach=0.5)
    assert still.tolerance(bare) == 1
    assert strided.tolerance(bare) == pytest.approx(0, abs=0.02)
    assert 0.15 < movement(pool2d(before, 2), pool2d(after, 2), direction=(0, 1), reach=0.5).tolerance(bare) < 0.35


def test_cells_without_data_do_not_count():
    image = noise(80, 80)
    image[10:14, 20:40] = np.nan
    before, after = shifted(image, (0, 2))
    assert displacement(before, after, direction=(0, 1), reach=2) == pytest.approx(2, abs=1e-6)
    assert 0.9 < change(before, after) < 1.1
    assert unchanged(before, after) == 0


def test_maps_without_data_contrast_or_room_have_no_figure():
    empty, flat = np.full((20, 20), np.nan), np.ones((20, 20))
    for map_ in (empty, flat, noise(2, 2)):
        assert np.isnan(displacement(map_, map_, direction=(1, 1), reach=1))
    assert np.isnan(change(empty, empty))
    assert np.isnan(unchanged(empty, empty))
    assert np.isnan(movement(flat, flat, direction=(1, 1), reach=1).tolerance(change(flat, flat)))


def test_impossible_shifts_and_shapes_are_explained():
    with pytest.raises(GeometryError, match="a shift of 3 rows and 0 columns for an image of 3 × 4 pixels"):
        shifted(noise(3, 4), (3, 0))
    with pytest.raises(GeometryError, match=r"maps of shape \(3, 4\) and \(3, 3\)"):
        change(noise(3, 4), noise(3, 3))
