import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.ndimage
from affine import Affine
from scipy.special import expit, softmax

from cnnviz.errors import GeometryError, KernelError, RecipeError
from cnnviz.kernels import KERNELS
from cnnviz.layers import Activation, Conv2D, Kind, Layer, Network, Pool2D, ReceptiveField
from cnnviz.padding import Border
from tests.random_networks import BORDERS, random_network


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# What a stack computes


def test_a_stack_computes_what_scipy_computes_step_by_step():
    image = noise(20, 23, 2)
    maps = Network([Conv2D("sobel_vertical", padding="same"), Activation("relu"), Pool2D(2)]).run(image)
    weights = KERNELS["sobel_vertical"].weights[:, :, None]
    convolved = scipy.ndimage.correlate(image, weights, mode="constant")
    np.testing.assert_allclose(maps[0].array, convolved, rtol=1e-5, atol=1e-5)
    rectified = np.where(convolved > 0, convolved, 0)
    np.testing.assert_allclose(maps[1].array, rectified, rtol=1e-5, atol=1e-5)
    largest = rectified[:20, :22].reshape(10, 2, 11, 2, 2).max(axis=(1, 3))
    np.testing.assert_allclose(maps[2].array, largest, rtol=1e-5, atol=1e-5)


def test_filters_sum_over_the_bands_and_add_their_bias():
    image, weights = noise(9, 8, 3), noise(2, 3, 3, 4, seed=1)
    found = Network([Conv2D(weights, [1, 2, 3, 4])]).apply(image)
    windows = np.lib.stride_tricks.sliding_window_view(image, (2, 3), axis=(0, 1))
    expected = np.einsum("yxbrc,rcbf->yxf", windows, weights, dtype=np.float64) + np.arange(1, 5)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_bias_is_added_to_each_band_that_is_filtered_alone():
    image = noise(6, 7, 2)
    plain = Network([Conv2D("box_3")]).apply(image)
    np.testing.assert_allclose(Network([Conv2D("box_3", 0.5)]).apply(image), plain + 0.5, rtol=1e-6)
    np.testing.assert_allclose(Network([Conv2D("box_3", [1, -1])]).apply(image), plain + np.float32([1, -1]), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("relu", lambda x: x.clip(min=0)), ("sigmoid", expit), ("tanh", np.tanh), ("linear", np.array)],
)
def test_activations(name, expected):
    image = np.float32([[-1e30, -200, -20, -1, -0.1, 0, 0.1, 1, 20, 200, 1e30, np.nan, np.inf, -np.inf]])
    found = Network([Activation(name)]).apply(image)[..., 0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(image.astype(np.float64)), rtol=1e-5, atol=1e-38)


def test_softmax_is_over_the_maps_of_each_pixel():
    image = noise(5, 6, 4) * 100
    image[1, 2, 3] = np.nan
    found = Network([Activation("softmax")]).apply(image)
    np.testing.assert_allclose(found, softmax(image.astype(np.float64), axis=2), rtol=2e-5, atol=1e-38)
    assert np.isnan(found).sum() == 4


@pytest.mark.parametrize("seed", range(5))
def test_shapes_are_those_of_the_results(seed):
    rng = np.random.default_rng(seed)
    for _ in range(30):
        network, image = random_network(rng, layers=4, borders=BORDERS)
        maps = network.run(image)
        assert network.shapes(image.shape) == [each.array.shape for each in maps]
        assert network.output_shape(image.shape) == maps[-1].array.shape
        assert all(each.array.dtype == np.float32 for each in maps)
        assert [each.field for each in maps] == network.receptive_fields(image.shape)
        assert all(len(each.channels) == each.array.shape[2] for each in maps)
        np.testing.assert_array_equal(network.apply(image), maps[-1].array)


def test_any_real_numbers_and_two_axes_will_do():
    network = Network([Conv2D("laplacian_4")])
    numbers = np.random.default_rng(0).integers(0, 60000, (6, 7))
    expected = network.apply(numbers.astype(np.float32)[..., None])
    for dtype in (np.uint16, np.int64, np.float64):
        np.testing.assert_array_equal(network.apply(numbers.astype(dtype)), expected)
    assert network.apply([[0, 0, 0], [0, 1, 0], [0, 0, 0]]).shape == (1, 1, 1)


def test_the_input_is_left_as_it_was():
    image = noise(8, 8, 2)
    copy = image.copy()
    Network([Activation("relu"), Conv2D("box_3", 1), Activation("sigmoid"), Pool2D(2)]).run(image)
    np.testing.assert_array_equal(image, copy)


@pytest.mark.parametrize("mode", ["max", "average", "min"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "linear"])
def test_nodata_spreads_through_every_layer_by_its_receptive_field(mode, activation):
    network = Network(
        [
            Conv2D(noise(3, 2, 2, 3), padding="same", dilation=2),
            Activation(activation),
            Pool2D(2, mode=mode, padding="full"),
            Conv2D("sobel_horizontal", padding="full"),
        ]
    )
    image = noise(30, 31, 2)
    image[14, 15, 1] = np.nan
    unknown = np.isnan(network.apply(image))
    field = network.receptive_field(image.shape)
    for row, col in np.ndindex(unknown.shape[:2]):
        box = field.box(row, col)
        if unknown[row, col].any():
            assert unknown[row, col].all()
            assert box.top <= 14 < box.bottom
            assert box.left <= 15 < box.right
    assert unknown.any()
    assert not unknown.all()


def test_an_image_without_data_stays_without():
    network = Network([Conv2D(noise(3, 3, 2, 2)), Activation("relu"), Pool2D(2), Activation("sigmoid")])
    assert np.isnan(network.apply(np.full((9, 9, 2), np.nan))).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_layer_computes_a_tile_as_it_computes_the_whole(seed):
    """A tile that reads what its outputs need, padded only where the image ends, gives the whole's numbers."""
    rng = np.random.default_rng(seed)
    for _ in range(30):
        network, image = random_network(rng, layers=1)
        layer, whole = network.layers[0], network.apply(image)
        (rows, cols), (height, width) = layer.axes(image.shape), whole.shape[:2]
        top, left = int(rng.integers(height)), int(rng.integers(width))
        bottom, right = int(rng.integers(top, height)) + 1, int(rng.integers(left, width)) + 1
        reads = [
            (o * a.stride - a.before, (e - 1) * a.stride - a.before + a.span)
            for a, o, e in ((rows, top, bottom), (cols, left, right))
        ]
        pads = tuple((max(-a, 0), max(b - n, 0)) for (a, b), n in zip(reads, image.shape, strict=False))
        inside = tuple(slice(max(a, 0), max(min(b, n), 0)) for (a, b), n in zip(reads, image.shape, strict=False))
        tile = image[inside]
        if 0 in tile.shape:  # the outputs lie in the padding alone
            continue
        found = layer.apply(tile, pads)
        np.testing.assert_allclose(found, whole[top:bottom, left:right], rtol=1e-5, atol=1e-5)


# What a stack says about itself


def test_maps_carry_names_kinds_groups_and_channels():
    network = Network(
        [
            Activation("tanh"),
            Conv2D("sobel_vertical", stride=2),
            Activation("relu"),
            Pool2D(2),
            Conv2D(np.ones((1, 1, 2, 3)), stride=(1, 2)),
            Pool2D((3, 2), mode="average", stride=1, padding="same"),
        ],
        bands=["B04", "B08"],
    )
    maps = network.run(noise(20, 30, 2))
    assert [each.name for each in maps] == [
        "tanh",
        "3 × 3 Sobel–Feldman, vertical, stride 2",
        "ReLU",
        "2 × 2 max",
        "1 × 1 × 2, 3 filters, stride 1 × 2",
        "3 × 2 average, stride 1",
    ]
    convolution, activation, pooling = Kind.CONVOLUTION, Kind.ACTIVATION, Kind.POOLING
    assert [each.kind for each in maps] == [activation, convolution, activation, pooling, convolution, pooling]
    assert [each.group for each in maps] == [0, 1, 1, 1, 2, 2]
    assert maps[3].channels == ("B04", "B08")
    assert maps[5].channels == ("filter 1", "filter 2", "filter 3")


def test_bands_without_names_are_numbered():
    assert Network([Pool2D(1)]).run(noise(2, 2, 2))[0].channels == ("band 1", "band 2")


def test_parameters_and_multiply_adds():
    network = Network([Conv2D(np.ones((3, 3, 13, 4)), 0), Activation("relu"), Pool2D(2), Conv2D("box_3", 0.5)])
    assert network.parameters() == [(9 * 13 + 1) * 4, 0, 0, 10]
    assert network.multiply_adds((12, 14, 13)) == [10 * 12 * 9 * 13 * 4, 0, 0, 3 * 4 * 9 * 4]
    assert network.multiply_adds((12, 14)) == network.multiply_adds((12, 14, 13))


def test_the_lectures_photo():
    assert Network([Conv2D("vertical_edges"), Pool2D(2)]).shapes((600, 800, 3)) == [(598, 798, 3), (299, 399, 3)]
    assert Network([Conv2D("vertical_edges", stride=10)]).output_shape((600, 800, 3)) == (60, 80, 3)


def test_the_bands_that_are_needed():
    assert Network([Conv2D("box_3"), Conv2D(np.ones((1, 1, 5, 2)))]).input_bands == 5
    assert Network([Conv2D("box_3")], bands=["B04", "B08"]).input_bands == 2
    assert Network([Conv2D("box_3")]).input_bands is None


def test_place_on_the_ground_of_a_valid_convolution_and_a_pooling():
    network = Network([Conv2D("box_3"), Pool2D(2)])
    placed = network.transform(Affine(10, 0, 600000, 0, -10, 5000000), (10, 12, 4))
    assert placed == Affine(20, 0, 600010, 0, -20, 4999990)


# What a network and its layers are


def test_equal_settings_make_equal_layers():
    first = Conv2D([[1, 0, -1]], 0, padding=1, stride=2, border="reflect")
    second = Conv2D(np.float64([[1, 0, -1]]), 0.0, padding=((1, 1), (1, 1)), stride=(2, 2), border=Border.REFLECT)
    assert first == second
    assert len({first, second, Conv2D([[1, 0, 1]]), Conv2D("box_3"), Pool2D(2), Pool2D((2, 2), stride=2)}) == 4
    assert Network([first], name="a") == Network((second,), name="a")
    assert Network([first], name="a") != Network([first], name="b")
    assert Conv2D("box_3") != Activation("relu")
    assert Conv2D([[-0.0]]) == Conv2D([[0.0]])
    assert Pool2D(2) != 2


def test_layers_and_networks_cannot_be_changed():
    weights = np.ones((2, 2))
    layer = Conv2D(weights)
    weights[:] = 5
    assert layer.tensor.sum() == 4
    with pytest.raises(AttributeError):
        layer.stride = (2, 2)
    with pytest.raises(ValueError, match="read-only"):
        layer.tensor[0, 0] = 2
    with pytest.raises(AttributeError):
        Network([layer]).name = "other"


def test_networks_travel_to_other_processes():
    network = Network([Conv2D(noise(2, 2, 3, 4), 1), Pool2D(2), Activation("relu")], bands=list("abc"))
    assert pickle.loads(pickle.dumps(network)) == network


def test_a_light_server_stays_light():
    heavy = ["keras", "tensorflow", "matplotlib", "rasterio", "scipy.signal", "pandas", "sklearn", "streamlit"]
    check = f"import sys, cnnviz.layers; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


# What is refused


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Conv2D("sobel"), KernelError, "received kernel 'sobel': one of all_edges"),
        (lambda: Conv2D([[np.inf]]), KernelError, "finite numbers are expected"),
        (lambda: Conv2D([[1j]]), KernelError, "no regular grid of numbers"),
        (lambda: Conv2D(np.ones((16, 3))), KernelError, "1 to 15 rows and columns"),
        (lambda: Conv2D(np.ones((3, 3, 2))), KernelError, r"\(rows, cols, bands, filters\) is expected"),
        (lambda: Conv2D(np.ones((1, 1, 1, 1025))), KernelError, "1024 filters"),
        (lambda: Conv2D(np.ones((0, 3))), KernelError, r"shape \(0, 3\)"),
        (lambda: Conv2D(np.ones((1, 1, 2, 3)), [1, 2]), KernelError, "3, one per filter"),
        (lambda: Conv2D("box_3", np.nan), KernelError, "finite numbers"),
        (lambda: Conv2D("box_3", stride=0), GeometryError, "received stride 0: 1 or more is expected"),
        (lambda: Conv2D("box_3", stride=1.5), GeometryError, "whole number"),
        (lambda: Conv2D("box_3", dilation=(1, 17)), GeometryError, "whole numbers from 1 to 16"),
        (lambda: Conv2D("box_3", padding="half"), GeometryError, "full, same, valid"),
        (lambda: Conv2D("box_3", padding=-1), GeometryError, "padding -1"),
        (lambda: Conv2D("box_3", padding=300), GeometryError, "at most 256"),
        (lambda: Conv2D("box_3", border="mirror"), RecipeError, "one of reflect, replicate, wrap, zero"),
        (lambda: Pool2D(0), GeometryError, "received pooling size 0"),
        (lambda: Pool2D(2, mode="median"), RecipeError, "received pooling mode 'median': one of average, max, min"),
        (lambda: Pool2D(2, padding=2), GeometryError, "a window of padding alone"),
        (lambda: Activation("swish"), RecipeError, "one of linear, relu, sigmoid, softmax, tanh"),
        (lambda: Network([]), RecipeError, "Received 0 layers"),
        (lambda: Network(["relu"]), RecipeError, "Activation, Conv2D, Pool2D"),
        (lambda: Network([Pool2D(1)], name="a\nb"), RecipeError, "printable texts"),
        (lambda: Network([Pool2D(1)], bands="B04"), RecipeError, "Received bands 'B04'"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_the_door(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_filters_that_do_not_fit_the_layer_before_are_refused_at_the_door():
    with pytest.raises(
        GeometryError,
        match=r"Layer 2 \(3 × 3 × 5, 2 filters\): received 4 bands, but the filters have 5; choose 5 bands, "
        r"or weights of shape \(3, 3, 4, 2\)",
    ):
        Network([Conv2D(np.ones((1, 1, 3, 4))), Conv2D(np.ones((3, 3, 5, 2)))])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((5, 5, 3)), r"Layer 1 .*received 3 bands, but the filters have 2; choose 2 bands"),
        (np.zeros((5, 5)), r"received 1 band, but the filters have 2"),
        (np.zeros((1, 5, 2)), r"Layer 1 .*received kernel 2 × 2 on 1 × 5 pixels"),
        (np.zeros((2, 2, 2)), r"Layer 2 .*on 1 × 1 pixels"),
        (np.zeros((0, 5, 2)), "at least one pixel and one band"),
        (np.zeros(5), r"array of shape \(5,\)"),
        (np.zeros((5, 5, 2), complex), "real numbers"),
        ([["a", "b"]], "real numbers"),
    ],
)
def test_images_that_do_not_fit_are_refused(image, message):
    network = Network([Conv2D(np.ones((2, 2, 2, 1))), Pool2D(2)])
    with pytest.raises(GeometryError, match=message):
        network.run(image)
    with pytest.raises(GeometryError, match=message):
        network.apply(image)


def test_the_named_bands_must_be_picked_first():
    with pytest.raises(GeometryError, match=r"Received an image of 3 bands; this network wants 2: B04, B08\. Pick"):
        Network([Pool2D(2)], bands=["B04", "B08"]).apply(noise(4, 4, 3))


def test_biases_of_bands_filtered_alone_must_match_the_image():
    with pytest.raises(GeometryError, match="received 3 bands but 2 biases; give one bias per band"):
        Network([Conv2D("box_3", [1, 2])]).apply(noise(4, 4, 3))


def test_the_pair_that_describes_a_field_is_rows_then_columns():
    network = Network([Conv2D(np.ones((5, 3)), stride=(1, 2))])
    assert network.receptive_field() == ReceptiveField((5, 3), (1, 2), (2.0, 0.5))
    assert isinstance(network.layers[0], Layer)
