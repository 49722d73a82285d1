"""One model asked in two ways, as a network and as Keras's own: the answers are the same, and Keras's."""

import numpy as np
import pytest

from cnnviz.errors import GeometryError
from cnnviz.from_keras import from_keras
from cnnviz.layers import Conv2D, Network, Pool2D
from cnnviz.opened import MAX_NUMBERS, opened

keras = pytest.importorskip("keras")
from tests.random_models import shaken  # noqa: E402 - it needs Keras

L = keras.layers


@pytest.fixture(scope="module")
def chain():
    """A classifier that is a chain, so that a network can say it too; and an image."""
    rng = np.random.default_rng(0)
    layers = [
        L.Input((16, 16, 2)),
        L.Conv2D(4, 3, activation="relu", name="one"),
        L.MaxPooling2D(2, name="pool"),
        L.DepthwiseConv2D(3, name="each"),
        L.Conv2D(5, 3, name="two"),
        L.Flatten(name="flat"),
        L.Dense(3, activation="softmax", name="end"),
    ]
    return shaken(keras.Sequential(layers), rng), rng.normal(size=(16, 16, 2)).astype(np.float32)


def test_both_ways_give_the_same_reasons(chain):
    model, image = chain
    network, theirs = opened(from_keras(model)), opened(model)
    np.testing.assert_allclose(network.logits(image), theirs.logits(image), rtol=1e-4, atol=1e-5)
    ours, keras_own = (each.occlusion(image, 1, size=4, stride=2).drops for each in (network, theirs))
    np.testing.assert_allclose(ours, keras_own, atol=1e-4)
    ours, keras_own = (each.contributions(image, 1, baseline=(0.0, 0.0)).by_band for each in (network, theirs))
    np.testing.assert_allclose(ours, keras_own, atol=0.05 * np.abs(keras_own).max())
    (_, ours), (number, keras_own) = (each.grad_cam(image, 1) for each in (network, theirs))
    np.testing.assert_allclose(ours.heat, keras_own.heat, rtol=1e-3, atol=1e-5)
    assert theirs.run(image)[number].name == "two (Conv2D)"


def test_both_ways_know_bands_windows_filters_and_what_was_seen(chain):
    model, image = chain
    network, theirs = opened(from_keras(model)), opened(model)
    assert (network.input_bands, theirs.input_bands) == (2, 2)
    assert sum(theirs.parameters()) == model.count_params()
    assert theirs.windows(3, image.shape) == [3, 2, 3, 3]
    assert network.windows(4, image.shape) == [3, 1, 2, 3, 3]
    maps = {True: network.run(image), False: theirs.run(image)}
    assert network.seen(maps[True], image.shape, (4, 1, 2)) == theirs.seen(maps[False], image.shape, (3, 1, 2))
    for layer, channel in [(0, 2), (1, 3)]:  # the pooling comes from the convolution before it
        np.testing.assert_array_equal(theirs.filter(layer, channel).kernels, network.filter(layer, channel).kernels)
        assert theirs.filter(layer, channel).bias == network.filter(layer, channel).bias
    (each, _), (end, _) = model.get_layer("each").get_weights(), model.get_layer("end").get_weights()
    np.testing.assert_array_equal(theirs.filter(2, 1).kernels[..., 0], each[:, :, 1, 0])
    np.testing.assert_array_equal(theirs.filter(5, 2).kernels[0, 0], end[:, 2])
    assert theirs.filter(4, 0) is None


def test_the_strongest_answers_are_the_same(chain):
    model, _ = chain
    images = np.random.default_rng(1).normal(size=(7, 16, 16, 2)).astype(np.float32)
    (values, places), (expected, theirs) = (
        opened(from_keras(model)).answers(images, 0),
        opened(model).answers(images, 1),
    )
    maps = np.maximum(values, 0)
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5)
    assert places.shape == theirs.shape == (7, 4, 2)


def test_a_cell_is_cut_at_the_image_and_may_see_padding_alone():
    network = opened(Network([Conv2D("box_3", padding=3), Pool2D(2)]))
    image = np.ones((8, 8, 1), np.float32)
    maps = network.run(image, ["B08"])
    assert maps[0].channels == ("B08",)
    assert network.seen(maps, image.shape, (0, 0, 0)) is None
    assert network.seen(maps, image.shape, (0, 3, 2)) == (0, 0, 3, 2)


def test_more_numbers_than_a_page_may_ask_for_are_refused():
    many = opened(Network([Conv2D(np.ones((1, 1, 1, 64)))]))
    with pytest.raises(GeometryError, match=r"33,177,600 numbers: at most 32,000,000 are expected"):
        many.run_within(np.zeros((720, 720, 1), np.float32))
    heavy = opened(Network([Conv2D(np.ones((7, 7, 64, 64))), Conv2D(np.ones((1, 1, 64, 1)))]))
    with pytest.raises(GeometryError, match=r"takes this model 7\.6 billion products: at most 4 billion are expected"):
        heavy.run_within(np.zeros((200, 200, 64), np.float32))
    assert many.run_within(np.zeros((4, 4, 1), np.float32))[0].array.size < MAX_NUMBERS
