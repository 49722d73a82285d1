"""Banks of filters as text: read, written, and fitted to the bands."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.errors import GeometryError, KernelError
from cnnviz.filters import MAX_BANK, Filter, bank, format_filters, parse_filters
from cnnviz.kernels import KERNELS

numbers = st.floats(-1e6, 1e6, width=32)
kernels = st.one_of(
    st.sampled_from([kernel.weights for kernel in KERNELS.values()]),
    st.sampled_from([-kernel.weights for kernel in KERNELS.values()]),
    st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=3).map(np.float32),
)
filters = st.builds(lambda grids, bias: Filter(tuple(grids), bias), st.lists(kernels, min_size=1, max_size=4), numbers)


@given(st.lists(filters, min_size=1, max_size=5))
def test_text_and_back_gives_the_same_numbers(given_filters):
    found = parse_filters(format_filters(given_filters))
    assert len(found) == len(given_filters)
    for one, other in zip(found, given_filters, strict=True):
        assert one.bias == np.float32(other.bias)
        for mine, theirs in zip(one.kernels, other.kernels, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_names_signs_factors_grids_and_biases_are_read():
    first, second = parse_filters("sobel_vertical −laplacian_4 b=−1.5 | 1/2*box_3 0,1;2,3")
    np.testing.assert_array_equal(first.kernels[1], -KERNELS["laplacian_4"].weights)
    assert (first.bias, second.bias) == (-1.5, 0)
    np.testing.assert_allclose(second.kernels[0], 1 / 18)
    assert second.kernels[1].tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "filter 1: received 0 kernels and 0 biases"),
        ("1 | ", "filter 2: received 0 kernels"),
        ("1 b=1 b=2", "filter 1: received 1 kernels and 2 biases"),
        ("1 | zebra", "filter 2, kernel 1: received 'zebra'; a grid such as 1,0,-1 or one of"),
        ("1 1,x", "filter 1, kernel 2: received 'x' in row 1, cell 2"),
        ("1 b=x", "filter 1, bias: received 'x'"),
        ("1 b=1,2", "filter 1, bias: received '1,2'; one number is expected"),
        ("x*box_3", "filter 1, kernel 1: received 'x' in row 1"),
        ("1e30*box_3 1e39", "a finite float32 is expected"),
        ("|".join("1" * (MAX_BANK + 1)), "received 17 filters: 1 to 16 are expected"),
        ("1 " * 20_000, "received 40000 characters"),
    ],
)
def test_nonsense_is_explained(text, message):
    with pytest.raises(KernelError, match=re.escape(message)):
        parse_filters(text)


def test_a_bank_puts_small_kernels_into_the_centre_of_the_largest():
    weights, bias = bank(parse_filters("2 log_5 | sobel_vertical 0 b=3"), ["B04", "B08"])
    assert weights.shape == (5, 5, 2, 2)
    assert (weights[..., 0, 0].sum(), weights[2, 2, 0, 0]) == (2, 2)
    np.testing.assert_array_equal(weights[1:4, 1:4, 0, 1], KERNELS["sobel_vertical"].weights)
    np.testing.assert_array_equal(weights[..., 1, 0], KERNELS["log_5"].weights)
    assert bias.tolist() == [0, 3]


def test_a_kernel_of_zeros_fits_even_sides_too():
    assert bank(parse_filters("1,2;3,4 0"), ["a", "b"])[0].shape == (2, 2, 2, 1)
    assert bank(parse_filters("0 0"), ["a", "b"])[0].shape == (1, 1, 2, 1)


def test_odd_and_even_sides_are_explained():
    with pytest.raises(KernelError, match="received kernels of 2 × 2, 3 × 3: all odd or all even sides"):
        bank(parse_filters("1,2;3,4 sobel_vertical"), ["a", "b"])


def test_a_number_of_kernels_that_is_not_that_of_the_bands_gets_the_sentence_that_says_so():
    message = (
        "filter 2 has n_c = 2 kernels, but 3 bands are chosen (B04, B08, B11): both numbers must agree, as every band "
        "needs a kernel of its own; write one for each, 0 where a band does not count"
    )
    with pytest.raises(GeometryError, match=re.escape(message)):
        bank(parse_filters("1 1 1 | 1 1"), ["B04", "B08", "B11"])
    with pytest.raises(GeometryError, match=re.escape("n_c = 1 kernel, but 2 bands")):
        bank(parse_filters("1"), ["a", "b"])
