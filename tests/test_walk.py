"""The walk of a window over a small grid: its padding, its terms and their sums, against NumPy and plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.convolve import PoolMode
from cnnviz.errors import CnnvizError, GeometryError, KernelError
from cnnviz.kernels import KERNELS
from cnnviz.padding import Border
from cnnviz.walk import MAX_GRID, small_grid, walk_kernel, walk_pool, whole_weights

PAD_MODES = {"zero": "constant", "replicate": "edge", "reflect": "reflect", "wrap": "wrap"}
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
grids = st.tuples(st.integers(1, MAX_GRID), st.integers(1, MAX_GRID), st.integers(0, 2**32 - 1)).map(
    lambda made: np.random.default_rng(made[2]).integers(-9, 13, made[:2]).astype(float)
)


def window(walk, row, col):
    """Cells of the padded grid under the window at one step, (taps, taps)."""
    rows, cols = walk.axes
    down = row * rows.stride + rows.dilation * np.arange(rows.kernel)
    across = col * cols.stride + cols.dilation * np.arange(cols.kernel)
    return walk.padded[np.ix_(down, across)]


@given(
    grids,
    st.sampled_from(sorted(KERNELS)),
    st.sampled_from(["valid", "same", "full", 2, ((0, 2), (3, 1))]),
    pairs,
    st.integers(1, 3),
    st.sampled_from(sorted(PAD_MODES)),
)
def test_the_products_at_every_step_add_up_to_the_output(grid, name, padding, stride, dilation, border):
    weights = KERNELS[name].weights
    try:
        walk = walk_kernel(grid, weights, padding=padding, stride=stride, dilation=dilation, border=Border(border))
    except GeometryError:
        return
    rows, cols = walk.axes
    padded = np.pad(grid, ((rows.before, rows.after), (cols.before, cols.after)), mode=PAD_MODES[border])
    np.testing.assert_array_equal(walk.padded, padded)
    np.testing.assert_array_equal(walk.grid, grid)
    assert walk.outputs.shape == (rows.out, cols.out)
    for row, col in np.ndindex(walk.outputs.shape):
        products = window(walk, row, col).astype(float) * walk.weights
        assert products.sum() / walk.divisor == pytest.approx(walk.outputs[row, col], rel=1e-5, abs=1e-4)
        # Written out to the places that are promised, they still add up to the last digit.
        unit = 10.0**walk.places
        assert np.rint(products * unit).sum() == pytest.approx(products.sum() * unit, abs=products.size)


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_the_catalogues_weights_are_whole_numbers_over_a_divisor(name):
    weights = KERNELS[name].weights
    whole, divisor = whole_weights(weights)
    np.testing.assert_array_equal((whole.astype(float) / divisor).astype(np.float32), weights)
    assert divisor == 1 or np.array_equal(whole, np.rint(whole))


@pytest.mark.parametrize(
    "name", ["box_3", "gaussian_3", "gaussian_5", "gaussian_7", "all_edges", "sharpen_5", "unsharp_5"]
)
def test_familiar_kernels_are_written_without_fractions(name):
    whole, _ = whole_weights(KERNELS[name].weights)
    assert np.array_equal(whole, np.rint(whole))


def test_a_weight_that_is_no_simple_fraction_stays_as_it_is():
    weights, divisor = whole_weights([[0.1234567, 1]])
    assert divisor == 1
    np.testing.assert_array_equal(weights, np.float32([[0.1234567, 1]]))
    assert whole_weights([[1 / 4093, 1 / 4091]])[1] == 1


def test_the_lectures_visits():
    visits = walk_kernel(np.ones((5, 6)), np.ones((3, 3))).visits
    assert (visits[0, 0], visits[0, 3], visits[2, 0], visits[2, 3]) == (1, 3, 3, 9)
    assert set(walk_kernel(np.ones((5, 6)), np.ones((3, 3)), padding="full").visits.flat) == {9}


@given(grids, pairs, pairs)
def test_cells_left_over_are_those_behind_the_last_window(grid, kernel, stride):
    if kernel[0] > grid.shape[0] or kernel[1] > grid.shape[1]:
        return
    walk = walk_kernel(grid, np.ones(kernel), stride=stride)
    behind = [
        n - ((out - 1) * s + k) for n, out, s, k in zip(grid.shape, walk.outputs.shape, stride, kernel, strict=True)
    ]
    assert walk.left_over == tuple(behind)
    for axis in (0, 1):
        unseen = walk.visits.max(axis=1 - axis) == 0
        assert unseen[grid.shape[axis] - behind[axis] :].all()


@given(grids, pairs, st.sampled_from(list(PoolMode)), st.sampled_from(["valid", "same"]))
def test_a_pooling_keeps_what_its_window_holds(grid, size, mode, padding):
    keep = {PoolMode.MAX: np.nanmax, PoolMode.MIN: np.nanmin, PoolMode.AVERAGE: np.nanmean}[mode]
    try:
        walk = walk_pool(grid, size, mode=mode, padding=padding)
    except GeometryError:
        return
    assert walk.weights is None
    assert walk.mode is mode
    np.testing.assert_array_equal(walk.grid, grid)
    assert np.isnan(walk.padded).sum() == walk.padded.size - grid.size
    for row, col in np.ndindex(walk.outputs.shape):
        assert keep(window(walk, row, col).astype(float)) == pytest.approx(walk.outputs[row, col], rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: walk_kernel(np.ones((13, 4)), [[1]]), GeometryError, "received a grid of 13 × 4 numbers: 1 to 12"),
        (lambda: small_grid([[np.nan]]), KernelError, "finite"),
        (lambda: walk_kernel([[1]], [[1]], padding=40), GeometryError, "makes the grid 81 × 81: at most 80"),
        (lambda: walk_kernel([[1e6]], [[1e6]]), GeometryError, r"products reach 1e\+12: at most 1e\+09"),
        (
            lambda: walk_kernel(np.ones((5, 6)), np.ones((3, 3)), stride=0),
            GeometryError,
            "received stride 0: 1 or more",
        ),
        (lambda: walk_kernel(np.ones((2, 6)), np.ones((3, 3))), GeometryError, "at least 3 × 3 is expected"),
    ],
)
def test_what_cannot_be_walked_is_explained(call, error, says):
    with pytest.raises(error, match=says):
        call()
    assert issubclass(error, CnnvizError)
