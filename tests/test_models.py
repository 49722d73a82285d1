import numpy as np
import pytest

from cnnviz.errors import GeometryError, ModelError
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.models import lenet5
from tests.random_networks import random_network

keras = pytest.importorskip("keras")


def distance(found, expected):
    """Largest difference, as a share of the largest expected value."""
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-3)


def in_keras(model, image):
    return keras.ops.convert_to_numpy(model(image[None]))[0]


@pytest.mark.parametrize("seed", range(20))
def test_keras_gives_the_same_numbers_for_a_hundred_random_networks(seed):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        network, image = random_network(rng, layers=2)
        found = in_keras(network.to_keras(image.shape), image)
        assert distance(found, network.apply(image)) <= 1e-5, network


def test_same_numbers_for_images_of_any_size():
    rng = np.random.default_rng(1)
    network = Network(
        [
            Conv2D(rng.normal(size=(4, 3, 2, 5)), rng.normal(size=5), padding="same", stride=(2, 3)),
            Pool2D(3, stride=2, mode="average", padding="full"),
            Conv2D("laplacian_8", 0.5, padding=((1, 0), (2, 1)), dilation=2),
        ]
    )
    model = network.to_keras((None, None, 2))
    for shape in [(24, 31, 2), (25, 30, 2)]:
        image = rng.normal(size=shape).astype(np.float32)
        assert distance(in_keras(model, image), network.apply(image)) <= 1e-5


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, when it saves
def test_a_saved_model_gives_the_same_numbers(tmp_path):
    rng = np.random.default_rng(2)
    stack = [
        Conv2D(rng.normal(size=(3, 2, 3, 4)), 0.1, padding="full", stride=2, dilation=(2, 3)),
        Pool2D(3, mode="min", padding=1),
        Pool2D(2, mode="average", padding="full"),
    ]
    network, image = Network(stack), rng.normal(size=(20, 21, 3)).astype(np.float32)
    network.to_keras(image.shape).save(tmp_path / "stack.keras")
    loaded = keras.models.load_model(tmp_path / "stack.keras")
    assert distance(in_keras(loaded, image), network.apply(image)) <= 1e-5


def test_parameters_are_counted_as_keras_counts_them():
    network = Network([Conv2D(np.ones((5, 5, 1, 6)), 0), Pool2D(2), Conv2D(np.ones((5, 5, 6, 16)), 0)])
    assert network.parameters() == [156, 0, 2416]
    assert network.to_keras((32, 32, 1)).count_params() == 156 + 2416


def test_nan_spreads_alike_through_convolution_and_average():
    image = np.random.default_rng(3).normal(size=(12, 13, 2)).astype(np.float32)
    image[4, 5, 0] = image[11, 12, 1] = np.nan
    network = Network(
        [
            Conv2D("sobel_vertical", padding="same"),
            Activation("relu"),
            Pool2D(2, mode="average", padding="full"),
        ]
    )
    found, expected = in_keras(network.to_keras(image.shape), image), network.apply(image)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("border", ["replicate", "reflect", "wrap"])
def test_a_border_that_keras_cannot_fill_is_refused(border):
    network = Network([Activation("relu"), Conv2D("sobel_vertical", padding="same", border=border)])
    with pytest.raises(ModelError, match=rf'Layer 2 .* fills its border by {border}.*Set border="zero"'):
        network.to_keras((8, 8, 1))


@pytest.mark.parametrize("padding", ["valid", 0])
def test_a_border_does_not_matter_where_nothing_is_padded(padding):
    network = Network([Conv2D("sobel_vertical", padding=padding, border="reflect")])
    image = np.random.default_rng(4).normal(size=(8, 9, 2)).astype(np.float32)
    assert distance(in_keras(network.to_keras(image.shape), image), network.apply(image)) <= 1e-5


def test_stride_with_dilation_and_same_wants_to_know_the_size():
    network = Network([Conv2D("sobel_vertical", padding="same", stride=2, dilation=2)])
    with pytest.raises(ModelError, match=r"without rows or columns.*Give the image's size"):
        network.to_keras((None, None, 1))
    assert network.to_keras((9, 9, 1)).output_shape == (None, 5, 5, 1)


def test_shapes_that_do_not_fit_are_refused_before_keras_sees_them():
    network = Network([Conv2D(np.ones((3, 3, 4, 2)))])
    with pytest.raises(GeometryError, match="received 3 bands, but the filters have 4"):
        network.to_keras((None, None, 3))
    with pytest.raises(GeometryError, match=r"Received input shape \(8, 8\); \(rows, cols, bands\) is expected"):
        network.to_keras((8, 8))
    with pytest.raises(GeometryError, match="at least 3 × 3"):
        network.to_keras((2, 2, 4))


def test_lenet5_is_the_lectures():
    model = lenet5()
    shapes = [layer.output.shape[1:] for layer in model.layers if layer.weights or "pool" in layer.name]
    assert shapes == [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (120,), (84,), (10,)]
    assert [layer.count_params() for layer in model.layers if layer.weights] == [156, 2416, 48120, 10164, 850]
    assert model.count_params() == 61706
    assert lenet5((64, 64, 13), 8, pooling="max", activation="tanh").output_shape == (None, 8)
