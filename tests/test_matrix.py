"""Convolution as a matrix: equal to the convolution, transposed equal to Keras, and counted right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.convolve import conv2d, visit_counts
from cnnviz.errors import CnnvizError, GeometryError
from cnnviz.kernels import KERNELS
from cnnviz.matrix import Sliding, conv_transpose2d, conv_weights, dense_weights, largest_difference, matrix_form

PADDINGS = st.one_of(
    st.sampled_from(["valid", "same", "full"]),
    st.integers(0, 3),
    st.tuples(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.tuples(st.integers(0, 3), st.integers(0, 3))),
)


@st.composite
def cases(draw):
    """A kernel, an image and a way to slide that fit each other."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    sides = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
    how = Sliding(padding=draw(PADDINGS), stride=draw(pair), dilation=draw(pair))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kernel, image = random.normal(size=sides).astype(np.float32), random.normal(size=shape).astype(np.float32)
    return kernel, image, how


def fitting(case):
    kernel, image, how = case
    try:
        return conv2d(image, kernel, **how.options())
    except CnnvizError:
        return None


@settings(max_examples=400)
@given(cases())
def test_matrix_times_image_is_the_convolution(case):
    kernel, image, how = case
    expected = fitting(case)
    if expected is None:
        with pytest.raises(GeometryError):
            matrix_form(kernel, image.shape, how)
        return
    form = matrix_form(kernel, image.shape, how)
    assert form.out == expected.shape
    np.testing.assert_allclose(form.matrix @ image.ravel(), expected.ravel(), rtol=1e-5, atol=1e-5)


@settings(max_examples=400)
@given(cases())
def test_transposed_convolution_is_the_transposed_matrix_times_the_maps(case):
    kernel, image, how = case
    maps = fitting(case)
    if maps is None:
        with pytest.raises(GeometryError):
            conv_transpose2d([[1]], kernel, image.shape, how)
        return
    form = matrix_form(kernel, image.shape, how)
    found = conv_transpose2d(maps, kernel, image.shape, how)
    np.testing.assert_allclose(found.ravel(), form.matrix.T @ maps.ravel(), rtol=1e-4, atol=1e-5)


@settings(max_examples=200)
@given(cases())
def test_the_transpose_is_the_adjoint(case):
    kernel, image, how = case
    forward = fitting(case)
    if forward is not None:
        maps = np.random.default_rng(0).normal(size=forward.shape).astype(np.float32)
        back = conv_transpose2d(maps, kernel, image.shape, how)
        assert (forward * maps).sum(dtype=float) == pytest.approx((image * back).sum(dtype=float), rel=1e-4, abs=1e-4)
    else:
        assert kernel.size > 1


@settings(max_examples=200)
@given(cases())
def test_taps_name_the_cell_of_the_kernel_that_stands_there(case):
    kernel, image, how = case
    if fitting(case) is None:
        return
    form = matrix_form(kernel, image.shape, how)
    taps = form.taps.toarray().astype(int)
    weights = np.concatenate([[0], kernel.ravel()])[taps]
    np.testing.assert_array_equal(weights, form.matrix.toarray())
    assert (taps > 0).sum() == form.stored
    visits = visit_counts(image.shape, kernel.shape, **how.options())
    np.testing.assert_array_equal((taps > 0).sum(axis=0), visits.ravel())


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed_convolution_agrees_with_keras(padding, stride):
    keras = pytest.importorskip("keras")
    random = np.random.default_rng(stride)
    kernel = random.normal(size=(3, 3)).astype(np.float32)
    maps = random.normal(size=(4, 5)).astype(np.float32)
    found = keras.ops.conv_transpose(maps[None, ..., None], kernel[..., None, None], stride, padding=padding)
    expected = keras.ops.convert_to_numpy(found)[0, ..., 0]
    np.testing.assert_allclose(
        conv_transpose2d(maps, kernel, expected.shape, Sliding(padding=padding, stride=stride)),
        expected,
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_lost_value_reaches_the_same_pixels_in_both_transposes():
    maps = np.float32([[1, np.nan], [2, 3]])
    form = matrix_form(np.float32([[1, 0, -1]] * 3), (4, 4))
    found = conv_transpose2d(maps, [[1, 0, -1]] * 3, (4, 4))
    assert largest_difference(found.ravel(), form.matrix.T @ maps.ravel()) == 0
    assert np.isnan(found).sum() == 9


def test_values_of_another_size_than_the_convolution_gives_are_refused():
    with pytest.raises(GeometryError, match="received 3 × 3 values: 2 × 2 are expected"):
        conv_transpose2d(np.ones((3, 3)), np.ones((3, 3)), (4, 4))


def test_the_lectures_matrix_has_4_rows_of_9_weights_among_16():
    form = matrix_form(KERNELS["vertical_edges"], (4, 4))
    assert form.matrix.shape == (4, 16)
    assert np.diff(form.matrix.indptr).tolist() == [9] * 4
    assert (form.weights, form.dense) == (9, 64)


def test_blocks_are_toeplitz_and_so_are_the_cells_in_them():
    taps = matrix_form(np.ones((3, 2)), (5, 6), Sliding(padding="same")).taps.toarray()
    blocks = taps.reshape(5, 6, 5, 6).transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(blocks[1:, 1:], blocks[:-1, :-1])
    for block in blocks.reshape(-1, 6, 6):
        np.testing.assert_array_equal(block[1:, 1:], block[:-1, :-1])


def test_the_lectures_weights_of_dense_and_convolutional_layers():
    assert [dense_weights((3000, 4000, bands), 4) for bands in (1, 3)] == [48_000_000, 144_000_000]
    assert [conv_weights(3, bands) for bands in (1, 3)] == [9, 27]


def test_weights_of_a_whole_photo_to_a_whole_photo_do_not_overflow():
    assert dense_weights((3000, 4000, 13), 12_000_000) == 156_000_000 * 12_000_000


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [([], [], 0), ([np.nan], [np.nan], 0), ([1, np.nan], [1, 2], np.inf), ([1], [3], 2)],
)
def test_differences_count_lost_values(first, second, expected):
    assert largest_difference(first, second) == expected
