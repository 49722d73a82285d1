"""Convolution and pooling against sums of products in float64, SciPy and TensorFlow."""

import tracemalloc

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from cnnviz.convolve import conv2d, conv2d_loops, conv_matrix, conv_volume, output_size, pool2d, resolve_padding
from cnnviz.errors import GeometryError, KernelError
from cnnviz.kernels import KERNELS

quick = settings(derandomize=True, deadline=None, max_examples=400)

FILLS = {"zero": "constant", "replicate": "edge", "reflect": "reflect", "wrap": "wrap"}
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.sampled_from(
    ["valid", "same", "full", 0, 2, (0, 3), ((1, 0), (0, 4)), ((0, 9), (8, 0)), ((9, 20), (17, 8))]
)
settings_of_a_slide = st.fixed_dictionaries(
    {
        "padding": paddings,
        "stride": st.one_of(st.just(1), pairs, st.integers(1, 12)),
        "dilation": st.one_of(st.just(1), pairs),
        "border": st.sampled_from(sorted(FILLS)),
    }
)
sides = st.one_of(st.integers(1, 5), st.integers(1, 15))
layouts = st.sampled_from(["packed", "fortran", "bands first", "reversed", "every second", "part of the bands"])


def windows_of(image, kernel_shape, *, padding, stride, dilation, border):
    """Every window of the padded image, (rows, cols, bands, k, l), in float64."""
    pads = resolve_padding(padding, image.shape, kernel_shape, stride=stride, dilation=dilation)
    padded = np.pad(image.astype(np.float64), (*pads, (0, 0)), mode=FILLS[border])
    (s, t), (d, e) = (pair if isinstance(pair, tuple) else (pair, pair) for pair in (stride, dilation))
    spans = (d * (kernel_shape[0] - 1) + 1, e * (kernel_shape[1] - 1) + 1)
    return sliding_window_view(padded, spans, axis=(0, 1))[::s, ::t, :, ::d, ::e]


def oracle(image, weights, **slide):
    """Sum of products over bands, and the sum of their magnitudes; weights (k, l, bands, filters)."""
    windows = windows_of(image, weights.shape[:2], **slide)
    sums, scales = [], []
    with np.errstate(invalid="ignore"):
        for one in np.moveaxis(weights.astype(np.float64), -1, 0):
            terms = windows * one.transpose(2, 0, 1)
            sums.append(terms.sum(axis=(2, 3, 4)))
            scales.append(np.abs(terms).sum(axis=(2, 3, 4)))
    return np.stack(sums, axis=-1), np.stack(scales, axis=-1)


def assert_same(got, expected, scale):
    """Equal to 1e-5 of the sum of magnitudes; NaN and infinities in the same places."""
    assert got.dtype == np.float32
    assert got.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(got[~finite], expected[~finite])
    assert (np.abs(got[finite] - expected[finite]) <= 1e-5 * scale[finite] + 1e-30).all()


def picture(rng, shape):
    """Numbers of a random size, with holes and infinities in some."""
    image = (rng.normal(size=shape) * 10.0 ** rng.integers(-4, 5)).astype(np.float32)
    for value in (np.nan, np.inf, -np.inf):
        if rng.random() < 0.35:
            image[rng.random(shape) < 0.02] = value
    return image


def laid_out(image, layout):
    """The same numbers in another order in memory."""
    if layout == "fortran":
        return np.asfortranarray(image)
    if layout == "bands first":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(image, -1, 0)), 0, -1)
    if layout == "reversed":
        return np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1]
    if layout == "every second":
        return np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)[::2, ::2]
    if layout == "part of the bands":
        return np.concatenate([image, image], axis=2)[..., : image.shape[2]]
    return image


def sparse_weights(rng, shape):
    weights = rng.normal(size=shape).astype(np.float32)
    if rng.random() < 0.5:
        weights[rng.random(shape) < 0.4] = 0
    return weights


def case(seed, rows, cols, kernel, slide):
    """Image (rows, cols, bands) and a generator, or None where the kernel does not fit, which must be said."""
    rng = np.random.default_rng(seed)
    image = picture(rng, (rows, cols, rng.choice([1, 2, 3, 4, 13])))
    try:
        resolve_padding(slide["padding"], image.shape, kernel, stride=slide["stride"], dilation=slide["dilation"])
    except GeometryError:
        with pytest.raises(GeometryError, match=f"received kernel {kernel[0]} × {kernel[1]}"):
            conv2d(image, np.ones(kernel), **slide)
        return None
    return rng, image


@quick
@given(
    st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.tuples(sides, sides), settings_of_a_slide, layouts
)
def test_conv2d_is_the_sum_of_products(seed, rows, cols, kernel, slide, layout):
    made = case(seed, rows, cols, kernel, slide)
    if made is None:
        return
    rng, image = made
    weights = sparse_weights(rng, kernel)
    if rng.random() < 0.4:
        almost = rng.choice([0, 1e-3]) * weights
        weights = np.outer(sparse_weights(rng, kernel[0]), sparse_weights(rng, kernel[1])) + almost
    got = conv2d(laid_out(image, layout), weights, **slide)
    for band in range(image.shape[2]):
        expected, scale = oracle(image[..., band : band + 1], weights[..., None, None], **slide)
        assert_same(got[..., band : band + 1], expected, scale)
    flat = conv2d(laid_out(image, layout)[..., -1], weights, **slide)
    assert_same(flat, expected[..., 0], scale[..., 0])


@quick
@given(
    st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.tuples(sides, sides), settings_of_a_slide, layouts
)
def test_conv_volume_is_the_sum_of_products_over_the_bands(seed, rows, cols, kernel, slide, layout):
    made = case(seed, rows, cols, kernel, slide)
    if made is None:
        return
    rng, image = made
    weights = sparse_weights(rng, (*kernel, image.shape[2], rng.integers(1, 5)))
    bias = rng.normal(size=weights.shape[3])
    got = conv_volume(laid_out(image, layout), weights, bias, **slide)
    expected, scale = oracle(image, weights, **slide)
    assert_same(got, expected + bias, scale + np.abs(bias))


def test_scipy_agrees_on_both_directions_of_the_kernel():
    rng = np.random.default_rng(1)
    for _ in range(40):
        image = rng.normal(size=rng.integers(8, 40, 2))
        kernel = rng.normal(size=rng.integers(1, 9, 2))
        for mode in ("valid", "full"):
            straight = scipy.signal.correlate2d(image, kernel, mode)
            np.testing.assert_allclose(conv2d(image, kernel, padding=mode), straight, atol=1e-4)
            turned = scipy.signal.convolve2d(image, kernel, mode)
            np.testing.assert_allclose(conv2d(image, kernel, padding=mode, flip=True), turned, atol=1e-4)


def test_every_kernel_of_the_catalogue_on_a_large_image():
    image = np.random.default_rng(2).normal(size=(150, 900)).astype(np.float32)
    for kernel in KERNELS.values():
        pads = [((side - 1) // 2, side - 1 - (side - 1) // 2) for side in kernel.weights.shape]
        expected = scipy.signal.correlate2d(np.pad(image.astype(float), pads, mode="wrap"), kernel.weights, "valid")
        got = conv2d(image, kernel, padding="same", border="wrap")
        np.testing.assert_allclose(got, expected, atol=1e-4, err_msg=kernel.name)


def test_tensorflow_agrees_on_same_padding_under_stride():
    tensorflow = pytest.importorskip("tensorflow")
    rng = np.random.default_rng(3)
    for _ in range(60):
        rows, cols, k, m = (int(n) for n in (*rng.integers(4, 14, 2), *rng.integers(1, 5, 2)))
        stride = int(rng.integers(1, 5))
        image = rng.normal(size=(rows, cols, 3)).astype(np.float32)
        weights = rng.normal(size=(k, m, 3, 2)).astype(np.float32)
        for padding in ("same", "valid"):
            expected = tensorflow.nn.conv2d(image[None], weights, stride, padding.upper())[0].numpy()
            got = conv_volume(image, weights, padding=padding, stride=stride)
            np.testing.assert_allclose(got, expected, atol=1e-4)
            window = {"ksize": (k, m), "strides": stride, "padding": padding.upper()}
            largest = tensorflow.nn.max_pool2d(image[None], **window)[0].numpy()
            average = tensorflow.nn.avg_pool2d(image[None], **window)[0].numpy()
            np.testing.assert_array_equal(pool2d(image, (k, m), stride=stride, padding=padding), largest)
            got = pool2d(image, (k, m), mode="average", stride=stride, padding=padding)
            np.testing.assert_allclose(got, average, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.uint64, np.float16, np.float64, bool])
def test_other_numbers_become_float32_before_any_arithmetic(dtype):
    image = np.random.default_rng(4).integers(0, 2 if dtype is bool else 255, size=(9, 12)).astype(dtype)
    expected = scipy.signal.correlate2d(image.astype(np.float64), KERNELS["vertical_edges"].weights, "valid")
    got = conv2d(image, KERNELS["vertical_edges"])
    assert got.dtype == conv_volume(image, np.ones((3, 3, 1, 1))).dtype == pool2d(image, 2).dtype == np.float32
    assert expected.min() < 0
    np.testing.assert_array_equal(got, expected)


def test_masked_cells_are_holes_and_numbers_beyond_float32_infinite():
    masked = np.ma.masked_equal(np.arange(16, dtype=np.uint16).reshape(4, 4), 5)
    np.testing.assert_array_equal(np.isnan(conv2d(masked, [[1, 0]])), masked.mask[:, :3] | masked.mask[:, 1:])
    assert np.isposinf(conv2d([[1e300]], [[1]])).all()


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (7, 7), (15, 15), (15, 1), (1, 15)])
@pytest.mark.parametrize("kind", ["all zero", "one weight", "two corners", "no zero"])
def test_holes_grow_by_the_kernel_also_under_zero_weights(kernel, kind):
    rng = np.random.default_rng(5)
    image = rng.normal(size=(150, 1500)).astype(np.float32)
    holes = rng.random(image.shape) < 4e-4
    image[holes] = rng.choice([np.nan, np.inf], size=holes.sum())
    weights = np.ones(kernel) if kind == "no zero" else np.zeros(kernel)
    weights[0, 0] = kind != "all zero"
    weights[-1, -1] += kind == "two corners"
    got = conv2d(image, weights, padding="same")
    touched = scipy.ndimage.maximum_filter(holes, kernel, mode="constant")
    np.testing.assert_array_equal(~np.isfinite(got), touched)
    if kind == "no zero":
        unknown = scipy.ndimage.maximum_filter(np.isnan(image), kernel, mode="constant")
        np.testing.assert_array_equal(np.isnan(got), unknown)


def test_a_hole_in_the_gap_of_a_dilation_is_not_seen():
    line = np.ones((1, 400), np.float32)
    line[0, 200] = np.nan
    got = conv2d(line, [[1, 0]], dilation=(1, 150))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(got)), [50, 200])


def test_small_numbers_survive_beside_large_ones():
    image = np.ones((64, 64), np.float32)
    image[:, 40:] = 1e12
    for side in (5, 13, 15):
        got = conv2d(image, np.ones((side, side)))
        np.testing.assert_allclose(got[:, : 40 - side], side * side, rtol=1e-6)


def test_very_large_numbers_are_not_taken_for_holes():
    image = np.full((6, 6), 1e30, np.float32)
    np.testing.assert_array_equal(conv2d(image, KERNELS["vertical_edges"]), np.zeros((4, 4)))
    assert np.isposinf(conv2d(np.full((3, 3), 3e38), np.ones((3, 3)))).all()


def test_more_bands_than_opencv_takes_at_once():
    image = np.random.default_rng(6).normal(size=(6, 7, 600)).astype(np.float32)
    got = conv2d(image, KERNELS["sobel_vertical"], padding="same")
    np.testing.assert_allclose(
        got[..., 599], conv2d(image[..., 599], KERNELS["sobel_vertical"], padding="same"), atol=1e-5
    )
    assert pool2d(image, 2).shape == (3, 3, 600)


def test_a_kernel_that_is_almost_a_product_is_not_rounded_to_one():
    rng = np.random.default_rng(10)
    image = rng.normal(size=(40, 40, 1)).astype(np.float32)
    for change in (9e-3, 1e-3):
        weights = np.outer(*rng.normal(size=(2, 9)))
        weights[4, 4] *= 1 + change
        weights = weights.astype(np.float32)
        slide = {"padding": "valid", "stride": 1, "dilation": 1, "border": "zero"}
        expected, _ = oracle(image, weights[..., None, None], **slide)
        np.testing.assert_allclose(conv2d(image, weights), expected, atol=5e-6 * np.abs(weights).sum())


def test_bands_first_in_memory_stay_so():
    image = np.moveaxis(np.zeros((3, 20, 30), np.float32), 0, -1)
    for result in (conv2d(image, np.ones((3, 3)), padding="same"), pool2d(image, 2)):
        assert np.moveaxis(result, -1, 0).flags.c_contiguous


@settings(quick, max_examples=120)
@given(st.integers(0, 10**6), st.tuples(sides, sides), st.booleans(), st.integers(1, 20), st.integers(1, 40))
def test_a_tile_gives_what_the_whole_gives_to_the_last_bit(seed, kernel, separable, bands, filters):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(*rng.integers(20, 70, 2), bands)).astype(np.float32)
    weights = np.outer(*(rng.normal(size=side) for side in kernel)) if separable else rng.normal(size=kernel)
    block = rng.normal(size=(*kernel, bands, filters))
    (top, bottom), (left, right) = (
        sorted(rng.choice(size - side + 2, 2, replace=False))
        for size, side in zip(image.shape[:2], kernel, strict=True)
    )
    tile = image[top : bottom + kernel[0] - 1, left : right + kernel[1] - 1]
    for work in (
        lambda pixels: conv2d(pixels, weights),
        lambda pixels: conv2d(pixels[..., 0], weights),
        lambda pixels: conv_volume(pixels, block),
    ):
        np.testing.assert_array_equal(work(tile), work(image)[top:bottom, left:right])


@pytest.mark.parametrize("filters", [1, 5, 12, 16, 40, 130])
def test_equal_windows_give_equal_results_all_over_an_image(filters):
    rng = np.random.default_rng(filters)
    image = np.tile(rng.normal(size=13).astype(np.float32), (70, 60, 1))
    for side in (1, 3):
        found = conv_volume(image, rng.normal(size=(side, side, 13, filters)), stride=2)
        np.testing.assert_array_equal(found, np.broadcast_to(found[0, 0], found.shape))


def test_memory_stays_bounded_by_strips():
    image = np.zeros((1500, 1500, 4), np.float32)
    weights = np.ones((7, 7, 4, 2))
    result = 1500 * 1500 * 4 * 4
    for work in (
        lambda: conv_volume(image, weights, padding="same"),
        lambda: conv2d(image, weights[..., 0, 0], padding="full"),
        lambda: pool2d(image, 3, stride=1, mode="average"),
    ):
        tracemalloc.start()
        work()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1.05 * result + 20e6


def test_the_image_is_left_as_it_was():
    image = picture(np.random.default_rng(7), (20, 21, 3))
    image[3, 3] = np.nan
    image.flags.writeable = False
    before = image.copy()
    conv2d(image, KERNELS["log_5"], padding="same"), conv2d(image, np.ones((15, 15)), stride=2)
    conv_volume(image, np.ones((3, 3, 3, 1))), pool2d(image, 2)
    np.testing.assert_array_equal(image, before)


@quick
@given(
    st.integers(0, 10**6), pairs, pairs, paddings, st.sampled_from(["max", "average", "min"]), layouts, st.booleans()
)
def test_pooling_looks_at_the_cells_that_are_there(seed, size, stride, padding, mode, layout, long):
    rng = np.random.default_rng(seed)
    image = picture(rng, (*rng.integers(3, 30, 2), rng.integers(1, 4)))
    size = (size[0] * 7, size[1]) if long and len(image) >= 21 else size
    pads = resolve_padding(padding, image.shape, size, stride=stride)
    if any(max(pad) >= side for pad, side in zip(pads, size, strict=True)):
        with pytest.raises(GeometryError, match="a window of padding alone holds nothing"):
            pool2d(image, size, stride=stride, padding=padding)
        return
    got = pool2d(laid_out(image, layout), size, mode=mode, stride=stride, padding=padding)
    summary = {"max": np.max, "min": np.min, "average": np.mean}[mode]
    assert got.dtype == np.float32
    for row in range(got.shape[0]):
        for col in range(got.shape[1]):
            top, left = row * stride[0] - pads[0][0], col * stride[1] - pads[1][0]
            cells = image[max(top, 0) : top + size[0], max(left, 0) : left + size[1]].astype(np.float64)
            with np.errstate(invalid="ignore"):
                expected = summary(cells, axis=(0, 1))
            scale = np.nanmax(np.abs(cells), initial=0, where=np.isfinite(cells))
            np.testing.assert_allclose(got[row, col], expected, atol=1e-6 * scale)
    assert got.shape[0] == output_size(image.shape[0], size[0], padding=pads[0], stride=stride[0])


@pytest.mark.parametrize(("size", "stride"), [((3, 3), 1), ((2, 5), (3, 2)), ((7, 2), None)])
def test_pooling_a_large_image_goes_on_from_strip_to_strip(size, stride):
    image = np.random.default_rng(9).normal(size=(1500, 800)).astype(np.float32)
    down, right = size if stride is None else (stride, stride) if isinstance(stride, int) else stride
    windows = sliding_window_view(image, size)[::down, ::right]
    np.testing.assert_array_equal(pool2d(image, size, stride=stride), windows.max(axis=(2, 3)))
    average = pool2d(image, size, stride=stride, mode="average")
    np.testing.assert_allclose(average, windows.mean(axis=(2, 3), dtype=np.float64), atol=1e-6)


def test_pooling_strides_by_its_window_and_keeps_dimensions():
    assert pool2d(np.zeros((798, 598)), 2).shape == (399, 299)
    assert pool2d(np.zeros((9, 9, 2)), (2, 3)).shape == (4, 3, 2)
    large = np.full((2048, 2048), 0.1, np.float32)
    np.testing.assert_allclose(pool2d(large, 2048, mode="average"), large[:1, :1], rtol=1e-6)


@quick
@given(st.integers(0, 10**6), st.tuples(st.integers(1, 5), st.integers(1, 5)), paddings, pairs, pairs)
def test_the_matrix_is_the_convolution(seed, kernel, padding, stride, dilation):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(9, 16, 2))
    image = picture(rng, shape)
    weights = sparse_weights(rng, kernel)
    slide = {"padding": padding, "stride": stride, "dilation": dilation}
    try:
        matrix = conv_matrix(weights, shape, **slide)
    except GeometryError:
        with pytest.raises(GeometryError):
            conv2d(image, weights, **slide)
        return
    expected, scale = oracle(image[..., None], weights[..., None, None], **slide, border="zero")
    with np.errstate(invalid="ignore"):
        got = matrix @ image.ravel()
    # Zeros of the padding have no column, and no NaN stands there.
    assert_same(got, expected.ravel(), scale.ravel())
    assert matrix.has_canonical_format


def test_the_lectures_matrix():
    matrix = conv_matrix(KERNELS["sobel_vertical"], (4, 4))
    assert matrix.shape == (4, 16)
    np.testing.assert_array_equal(np.diff(matrix.indptr), 9)
    np.testing.assert_array_equal(matrix.toarray()[0].reshape(4, 4)[:3, :3], KERNELS["sobel_vertical"].weights)
    # The transpose spreads each output over what it saw: the full convolution with the kernel turned.
    seen = np.random.default_rng(8).normal(size=(2, 2))
    spread = (matrix.T @ seen.ravel()).reshape(4, 4)
    expected = conv2d(seen, KERNELS["sobel_vertical"], padding="full", flip=True)
    np.testing.assert_allclose(spread, expected, atol=1e-5)


def test_a_matrix_beyond_memory_is_refused():
    with pytest.raises(GeometryError, match="received an image of 10980 × 10980 pixels"):
        conv_matrix(np.ones((3, 3)), (10980, 10980))


@quick
@given(st.integers(0, 10**6), pairs, paddings, pairs)
def test_the_loops_are_the_convolution(seed, kernel, padding, stride):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(*rng.integers(3, 9, 2), 2)[: rng.integers(2, 4)])
    weights = rng.normal(size=kernel)
    np.testing.assert_allclose(
        conv2d_loops(image, weights, padding=padding, stride=stride),
        conv2d(image, weights, padding=padding, stride=stride),
        atol=1e-5,
    )


def test_the_lectures_edges():
    image = np.repeat([[10.0, 10.0, 10.0, 0.0, 0.0, 0.0]], 5, axis=0)
    expected = np.repeat([[0.0, 30.0, 30.0, 0.0]], 3, axis=0)
    np.testing.assert_array_equal(conv2d(image, KERNELS["vertical_edges"]), expected)
    np.testing.assert_array_equal(conv2d(image[:, ::-1], KERNELS["vertical_edges"]), -expected)
    np.testing.assert_array_equal(conv2d(image, KERNELS["horizontal_edges"]), np.zeros((3, 4)))
    np.testing.assert_array_equal(conv2d(image, KERNELS["vertical_edges"], flip=True), -expected)


def test_one_pixel_and_one_tap():
    assert conv2d([[7]], [[2]]) == 14
    np.testing.assert_array_equal(conv2d([[7]], np.ones((3, 3)), padding="full"), np.full((3, 3), 7))
    np.testing.assert_array_equal(conv2d([[7]], np.ones((3, 3)), padding="same", border="reflect"), [[63]])
    assert pool2d([[7]], 1) == pool2d([[7]], 5, padding="same", mode="average") == 7
    assert conv_volume([[7]], [[[[2, 3]]]]).tolist() == [[[14, 21]]]


@pytest.mark.parametrize(
    ("work", "error", "says"),
    [
        (lambda: conv2d(np.zeros((0, 5)), [[1]]), GeometryError, r"image of shape \(0, 5\)"),
        (lambda: conv2d(np.zeros((5, 5, 0)), [[1]]), GeometryError, r"image of shape \(5, 5, 0\)"),
        (lambda: conv2d(np.zeros(5), [[1]]), GeometryError, r"image of shape \(5,\): \(rows, cols\) or"),
        (lambda: conv2d(np.zeros((5, 5), complex), [[1]]), GeometryError, "image of type complex128: real numbers"),
        (lambda: conv2d([[1, 2], [3]], [[1]]), GeometryError, "rows of different lengths"),
        (lambda: conv2d(np.zeros((5, 5)), [1, 2]), KernelError, r"weights of shape \(2,\)"),
        (lambda: conv2d(np.zeros((5, 5)), [["a"]]), KernelError, "weights of type <U1: real numbers"),
        (lambda: conv2d(np.zeros((5, 5)), [[1, 2], [3]]), KernelError, "rows of different lengths"),
        (lambda: conv2d(np.zeros((5, 5)), [[1, np.nan]]), KernelError, r"weight of nan at \(1, 2\), counted from 1"),
        (lambda: conv2d(np.zeros((5, 5)), [[1e39]]), KernelError, r"weight of inf at \(1, 1\)"),
        (
            lambda: conv2d(np.zeros((5, 5)), [[1]], border="mirror"),
            GeometryError,
            "one of reflect, replicate, wrap, zero",
        ),
        (lambda: pool2d(np.zeros((5, 5)), 2, mode="sum"), GeometryError, "mode 'sum': one of average, max, min"),
        (lambda: pool2d(np.zeros((5, 5)), 6), GeometryError, "received kernel 6 × 6 on 5 × 5 pixels"),
        (lambda: pool2d(np.zeros((5, 5)), 0), GeometryError, "received size 0: 1 or more"),
        (
            lambda: conv_volume(np.zeros((5, 5, 4)), np.zeros((3, 3, 3, 2))),
            GeometryError,
            "image of 4 bands and weights for 3 bands: these must agree",
        ),
        (lambda: conv_volume(np.zeros((5, 5)), np.zeros((3, 3))), KernelError, r"\(rows, cols, bands, filters\)"),
        (
            lambda: conv_volume(np.zeros((5, 5)), np.zeros((3, 3, 1, 2)), [1]),
            KernelError,
            r"bias of shape \(1,\): 2 numbers, one per filter",
        ),
        (lambda: conv_volume(np.zeros((5, 5)), np.zeros((3, 3, 1, 2)), "ab"), KernelError, "bias of type <U2"),
    ],
)
def test_nonsense_is_named(work, error, says):
    with pytest.raises(error, match=says):
        work()
