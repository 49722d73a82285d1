"""Gradients without Keras against TensorFlow's, and what is built on them against the functions for Keras models."""

import numpy as np
import pytest

from cnnviz.backward import forward, gradients
from cnnviz.errors import GeometryError, ModelError
from cnnviz.explain import (
    answers,
    mappers,
    network_cam,
    network_contributions,
    network_logits,
    network_occlusion,
)
from cnnviz.from_keras import from_keras
from cnnviz.gradients import contributions, grad_cam
from cnnviz.layer_maps import activity
from cnnviz.layers import Activation, Conv2D, Network
from cnnviz.occlusion import occlusion
from cnnviz.ready import READY, untrained
from tests.random_networks import random_network

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")
from tests.random_models import random_model  # noqa: E402 - it needs Keras


@pytest.mark.parametrize("seed", range(30))
def test_gradients_are_those_of_tensorflow(seed):
    rng = np.random.default_rng(500 + seed)
    for _ in range(10):
        network, image = random_network(rng)
        values = forward(network, image)
        seeds = rng.normal(size=values[-1].shape).astype(np.float32)
        x = tf.constant(image[None])
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(network.to_keras(image.shape)(x) * seeds)
        expected = tape.gradient(total, x)
        expected = np.zeros_like(image) if expected is None else expected.numpy()[0]
        found = gradients(network.layers, values, seeds)
        assert [each.shape for each in found] == [each.shape for each in values]
        np.testing.assert_allclose(found[0], expected, rtol=1e-3, atol=1e-4 * max(np.abs(expected).max(), 1e-3))


def small_model(rng):
    while True:
        model = random_model(rng)
        if type(model.layers[-1]).__name__ == "Dense":
            return model, rng.normal(size=model.input_shape[1:]).astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_built_on_them_is_what_keras_models_get(seed):
    model, image = small_model(np.random.default_rng(600 + seed))
    network = from_keras(model)
    assert network_logits(network, image)[1] == pytest.approx(grad_cam(model, image, 1).logit, rel=1e-4, abs=1e-5)
    found, expected = network_contributions(network, image, 1), contributions(model, image, 1)
    assert found.baseline == pytest.approx(expected.baseline, rel=1e-4, abs=1e-5)
    reach = np.abs(expected.by_band).sum()
    np.testing.assert_allclose(found.by_band, expected.by_band, atol=0.05 * float(reach) + 1e-5)
    np.testing.assert_allclose(
        network_occlusion(network, image, 2).drops, occlusion(model, image, 2).drops, rtol=1e-3, atol=1e-4
    )


def test_the_heat_is_that_of_the_same_layer_in_keras():
    ready = READY["lenet5_digits"]
    image = ready.images[0]
    layers = keras.layers
    model = keras.Sequential([layers.Input((32, 32, 1)), *(_keras(layer) for layer in ready.network.layers)])
    numbers = [n for n, layer in enumerate(ready.network.layers) if isinstance(layer, Conv2D)]
    for number in numbers:
        layer = ready.network.layers[number]
        model.layers[number].set_weights([layer.tensor, np.float32(layer.bias)])
    for place in mappers(ready.network, ready.shape):
        found = network_cam(ready.network, image, 3, place)
        expected = grad_cam(model, image, 3, layer=place)
        np.testing.assert_allclose(found.heat, expected.heat, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found.enlarged(), expected.enlarged(), rtol=1e-3, atol=1e-5)
        assert found.field == expected.field


def _keras(layer):
    layers = keras.layers
    if isinstance(layer, Conv2D):
        return layers.Conv2D(layer.tensor.shape[3], layer.size)
    if isinstance(layer, Activation):
        return layers.Activation(str(layer.name))
    return layers.AveragePooling2D(layer.size)


def test_answers_are_those_of_keras():
    model, _ = small_model(np.random.default_rng(3))
    images = np.random.default_rng(4).normal(size=(20, *model.input_shape[1:])).astype(np.float32)
    values, places = answers(from_keras(model), images, len(from_keras(model).layers) - 1)
    expected = activity(model, len(model.layers) - 1, images)
    np.testing.assert_allclose(values, expected.values, rtol=1e-4, atol=1e-5)
    assert places.shape == (20, 3, 2)


@pytest.mark.parametrize("name", READY)
def test_ready_networks_know_what_they_were_trained_for(name):
    ready = READY[name]
    said = np.array([network_logits(ready.network, image).argmax() for image in ready.images])
    assert ready.images.shape == (100, *ready.shape)
    assert np.mean(said == ready.labels) >= 0.9
    assert ready.network.output_shape(ready.shape) == (1, 1, len(ready.classes))
    blank = np.array([network_logits(untrained(name), image).argmax() for image in ready.images])
    assert np.mean(blank == ready.labels) < 0.5


def test_the_ready_lenet_is_lenet():
    assert [n for n in READY["lenet5_digits"].network.parameters() if n] == [156, 2416, 48_120, 10_164, 850]


def test_what_cannot_be_asked_is_refused():
    ready = READY["lenet5_digits"]
    with pytest.raises(ModelError, match="Received class 10; 0 to 9"):
        network_cam(ready.network, ready.images[0], 10, 0)
    with pytest.raises(ModelError, match="gives 3 × 3 pixels; one is expected"):
        network_logits(ready.network, np.zeros((40, 40, 1)))
    with pytest.raises(GeometryError, match="take a wider stride"):
        network_occlusion(Network([Conv2D("box_3")]), np.zeros((100, 100)), 0, size=2, stride=1)
    wrapped = Network([Conv2D("box_3", padding="same", border="wrap")])
    with pytest.raises(ModelError, match="gradients are known for zeros alone"):
        gradients(wrapped.layers, forward(wrapped, np.ones((4, 4))), np.ones((4, 4, 1)))
