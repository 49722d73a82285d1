"""Grids that a user types."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnnviz.errors import KernelError
from cnnviz.grids import MAX_SIDE, combine, format_kernel, kernel_grid, normalise, parse_kernel, resize_kernel
from cnnviz.kernels import KERNELS

quick = settings(derandomize=True, deadline=None, max_examples=150)
side = st.integers(1, MAX_SIDE)
weight = st.floats(width=32, allow_nan=False, allow_infinity=False)
grids = st.tuples(side, side).flatmap(lambda shape: arrays(np.float32, shape, elements=weight))


@quick
@given(grids)
def test_what_is_written_is_read_back(grid):
    text = format_kernel(grid)
    np.testing.assert_array_equal(parse_kernel(text), grid)
    assert not set(text) & set(" \n&#+%")


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_the_catalogue_is_written_and_read_back(kernel):
    np.testing.assert_array_equal(parse_kernel(format_kernel(kernel)), kernel.weights)


def test_a_grid_cannot_be_changed():
    for grid in (kernel_grid([[1]]), parse_kernel("1"), resize_kernel([[1]], 2, 2), normalise([[1]], "none")):
        assert not grid.flags.writeable


def test_text_is_short():
    assert format_kernel(KERNELS["sobel_vertical"]) == "1,0,-1;2,0,-2;1,0,-1"
    assert format_kernel(KERNELS["box_3"]) == ";".join(["1/9,1/9,1/9"] * 3)
    assert len(format_kernel(KERNELS["gaussian_7"])) < 600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2\n3 4", [[1, 2], [3, 4]]),
        ("1,2;3,4", [[1, 2], [3, 4]]),
        ("  1 ,  2 \r\n\n; 3\t4 ;", [[1, 2], [3, 4]]),
        ("1/4 -1/2 +.5 5. 1e-2 −3", [[0.25, -0.5, 0.5, 5, 0.01, -3]]),
        ("0.5/2", [[0.25]]),
        ("7", [[7]]),
    ],
)
def test_rows_numbers_and_fractions(text, expected):
    np.testing.assert_array_equal(parse_kernel(text), np.float32(expected))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "received no numbers"),
        (" ; \n", "received no numbers"),
        ("1 2\n3", "received 2 and 1 numbers in rows 1 and 2: as many are expected in every row"),
        ("1 2\n3 x", "received 'x' in row 2, cell 2: a number such as"),
        ("1,,2", "received '' in row 1, cell 2"),
        ("1 1/0", "received '1/0' in row 1, cell 2: division by zero"),
        ("1 1/2/3", "received '1/2/3' in row 1, cell 2"),
        ("nan", "received 'nan' in row 1, cell 1"),
        ("1 inf", "received 'inf' in row 1, cell 2"),
        ("1;1e39", "received 1e[+]39 in row 2, cell 1: a finite float32"),
        ("1e999", "received inf in row 1, cell 1"),
        ("__import__('os')", "received .* in row 1, cell 1"),
        ("٣", "received '٣' in row 1, cell 1"),
        ("0x10", "received '0x10'"),
        ("1_000", "received '1_000'"),
        (";".join(["1"] * 16), "received 16 rows of up to 1 numbers: at most 15 × 15"),
        (" ".join(["1"] * 16), "received 1 rows of up to 16 numbers: at most 15 × 15"),
        ("1 " * 20_000, "received 40000 characters"),
    ],
)
def test_a_wrong_cell_is_named(text, says):
    with pytest.raises(KernelError, match=says):
        parse_kernel(text)


@pytest.mark.parametrize(
    ("grid", "says"),
    [
        ([1, 2], r"shape \(2,\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.zeros((16, 3)), r"shape \(16, 3\): \(rows, cols\) of 1 to 15 each"),
        ([[1], [2, 3]], "rows of different lengths"),
        ([["a"]], "cells of type <U1"),
        ([[1j]], "cells of type complex128"),
        ([[1, np.nan]], "received nan in row 1, cell 2"),
    ],
)
def test_what_is_no_grid_is_refused(grid, says):
    with pytest.raises(KernelError, match=says):
        kernel_grid(grid)


@quick
@given(grids, side, side)
def test_resizing_keeps_the_centre(grid, rows, cols):
    got = resize_kernel(grid, rows, cols)
    assert got.shape == (rows, cols)
    middle, old = ((rows - 1) // 2, (cols - 1) // 2), tuple((size - 1) // 2 for size in grid.shape)
    for row in range(rows):
        for col in range(cols):
            there = (row - middle[0] + old[0], col - middle[1] + old[1])
            inside = all(0 <= place < size for place, size in zip(there, grid.shape, strict=True))
            assert got[row, col] == (grid[there] if inside else 0)


def test_a_size_beyond_the_limit_is_refused():
    with pytest.raises(KernelError, match="received size 3 × 16: 1 to 15"):
        resize_kernel([[1]], 3, 16)


def test_a_sum_of_kernels_answers_like_the_sum_of_answers():
    both = combine(2, KERNELS["sobel_vertical"], -0.5, KERNELS["log_5"])
    by_hand = -0.5 * KERNELS["log_5"].weights
    by_hand[1:4, 1:4] += 2 * KERNELS["sobel_vertical"].weights
    np.testing.assert_array_equal(both, by_hand)
    np.testing.assert_array_equal(
        combine(0.5, [[1, 0, -1]] * 3, 0.5, np.transpose([[1, 0, -1]] * 3)), KERNELS["all_edges"]
    )
    assert combine(1, np.ones((1, 5)), 1, np.ones((3, 1))).shape == (3, 5)


def test_kernels_without_a_common_centre_do_not_combine():
    with pytest.raises(KernelError, match="received kernels of 3 × 3 and 2 × 2: both odd or both even"):
        combine(1, np.ones((3, 3)), 1, np.ones((2, 2)))
    with pytest.raises(KernelError, match="3 × 4 and 3 × 3"):
        combine(1, np.ones((3, 4)), 1, np.ones((3, 3)))
    with pytest.raises(KernelError, match="received inf in row 1, cell 1"):
        combine(1e308, [[1e30]], 1, [[1]])


def test_weights_are_divided_by_what_is_said():
    grid = [[1, 2, -1]]
    np.testing.assert_array_equal(normalise(grid, "none"), grid)
    np.testing.assert_array_equal(normalise(grid, "sum"), [[0.5, 1, -0.5]])
    np.testing.assert_array_equal(normalise(grid, "magnitudes"), [[0.25, 0.5, -0.25]])


@pytest.mark.parametrize(
    ("grid", "how", "says"),
    [
        (
            KERNELS["sobel_vertical"],
            "sum",
            "sum to 0, which cannot divide: divide by the sum of magnitudes or by nothing",
        ),
        (KERNELS["gabor_vertical"], "sum", "sum to 0"),
        ([[0, 0]], "sum", "are all 0, which cannot divide: divide by nothing instead"),
        ([[0, 0]], "magnitudes", "are all 0, which cannot divide: divide by nothing instead"),
        ([[1]], "max", "received 'max': one of magnitudes, none, sum"),
    ],
)
def test_a_sum_of_nothing_cannot_divide(grid, how, says):
    with pytest.raises(KernelError, match=says):
        normalise(grid, how)


def test_a_weight_is_written_in_as_few_digits_as_tell_it_apart():
    assert format_kernel([[0.1234, -1e30, 1 / 3]]) == "0.1234,-1e30,1/3"
