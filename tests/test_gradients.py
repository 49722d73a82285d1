"""Grad-CAM, contributions and occlusion against finite differences, gradients by hand and brute force."""

import numpy as np
import pytest
import scipy.ndimage

from cnnviz.errors import GeometryError, ModelError
from cnnviz.gradients import contributions, grad_cam, input_gradient
from cnnviz.occlusion import occlusion

keras = pytest.importorskip("keras")
from tests.random_models import shaken  # noqa: E402 - it needs Keras

tf = pytest.importorskip("tensorflow")
L = keras.layers


def classifier(rng, end="softmax", bands=3):
    layers = [
        L.Input((12, 11, bands)),
        L.Conv2D(4, 3, activation="tanh", name="first"),
        L.MaxPooling2D(2),
        L.Conv2D(5, 2, activation="tanh", name="last"),
        L.Flatten(),
        L.Dropout(0.5),
        L.Dense(3, activation=end, name="end"),
    ]
    return shaken(keras.Sequential(layers), rng)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def image(rng):
    return rng.normal(size=(12, 11, 3)).astype(np.float32)


def by_hand(model, image, label, name="last"):
    """Logit, maps and gradient of a classifier, with a tape around its layers and the softmax left out."""
    x = tf.constant(image[None])
    with tf.GradientTape() as tape:
        for layer in model.layers[:-1]:
            x = layer(x)
            if layer.name == name:
                tape.watch(x)
                maps = x
        logit = (x @ model.layers[-1].kernel.value + model.layers[-1].bias.value)[0, label]
    return float(logit), maps.numpy()[0], tape.gradient(logit, maps).numpy()[0]


@pytest.mark.parametrize("name", ["first", "last"])
def test_grad_cam_is_the_one_by_hand_on_logits(rng, image, name):
    model = classifier(rng)
    logit, maps, gradient = by_hand(model, image, 1, name)
    found = grad_cam(model, image, 1, layer=name)
    weights = gradient.mean(axis=(0, 1))
    np.testing.assert_allclose(found.weights, weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.heat, np.maximum(np.einsum("yxc,c->yx", maps, weights), 0), rtol=1e-4, atol=1e-5)
    assert found.logit == pytest.approx(logit, rel=1e-5)
    assert found.heat.shape == maps.shape[:2]
    assert found.layer == name


def test_grad_cam_takes_the_last_layer_with_maps(rng, image):
    assert grad_cam(classifier(rng), image, 0).layer == "last"


@pytest.mark.parametrize(
    "end",
    [
        [L.Dense(3), L.Softmax()],
        [L.Dense(3), L.Activation("softmax")],
        [L.Dense(3)],
        [L.Reshape((1, 1, 16)), L.Conv2D(3, 1, activation="softmax"), L.Flatten()],
    ],
)
def test_every_way_to_end_a_classifier_has_its_logits(rng, end):
    model = shaken(keras.Sequential([L.Input((4, 4, 1)), L.Conv2D(4, 3), L.Flatten(), *end]), rng)
    picture = rng.normal(size=(4, 4, 1)).astype(np.float32)
    said = np.asarray(model(picture[None]))[0]
    found = np.array([grad_cam(model, picture, label).logit for label in range(3)])
    linear = "softmax" not in str([each.get_config() for each in end]) and not isinstance(end[-1], L.Softmax)
    expected = said if linear else np.log(said / said[0]) + found[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_gradient_is_that_of_finite_differences(rng, image):
    model = classifier(rng)
    gradient = input_gradient(model, image, 2)[0]
    for _ in range(20):
        place = tuple(rng.integers(size) for size in image.shape)
        up, down = image.copy(), image.copy()
        up[place] += 1e-2
        down[place] -= 1e-2
        slope = (by_hand(model, up, 2)[0] - by_hand(model, down, 2)[0]) / 2e-2
        assert gradient[place] == pytest.approx(slope, rel=0.02, abs=2e-3)


@pytest.mark.parametrize("baseline", [0, [0.5, -0.5, 1]])
def test_contributions_sum_to_the_difference_of_the_logits(rng, image, baseline):
    model = classifier(rng)
    found = contributions(model, image, 1, baseline=baseline)
    start = np.broadcast_to(np.float32(baseline), image.shape)
    assert found.logit == pytest.approx(by_hand(model, image, 1)[0], rel=1e-5)
    assert found.baseline == pytest.approx(by_hand(model, start, 1)[0], rel=1e-5)
    assert found.by_band.sum() == pytest.approx(
        found.logit - found.baseline, abs=0.02 * float(np.abs(found.by_band).sum())
    )
    assert found.values.shape == image.shape


def test_contributions_of_a_linear_model_are_its_terms(rng):
    model = shaken(keras.Sequential([L.Input((3, 3, 2)), L.Conv2D(2, 3), L.Flatten()]), rng)
    picture = rng.normal(size=(3, 3, 2)).astype(np.float32)
    np.testing.assert_allclose(
        contributions(model, picture, 1).values, picture * model.get_weights()[0][..., 1], rtol=1e-4, atol=1e-6
    )


def test_a_band_that_the_model_ignores_contributes_nothing(rng, image):
    model = classifier(rng)
    kernel, *others = model.get_weights()
    kernel[:, :, 1] = 0
    model.set_weights([kernel, *others])
    found = contributions(model, image, 0).by_band
    assert found[1] == 0
    assert abs(found[0]) > 0


def test_occlusion_is_brute_force(rng, image):
    model = classifier(rng)
    found = occlusion(model, image, 2, size=(4, 3), stride=(3, 2))
    whole = by_hand(model, image, 2)[0]
    assert found.drops.shape == (3, 5)
    for row, col in np.ndindex(found.drops.shape):
        covered = image.copy()
        top, left, bottom, right = map(int, found.field.box(row, col))
        assert (bottom - top, right - left) == (4, 3)
        covered[top:bottom, left:right] = image.mean(axis=(0, 1))
        assert found.drops[row, col] == pytest.approx(whole - by_hand(model, covered, 2)[0], rel=1e-3, abs=1e-4)


def test_heat_is_enlarged_between_the_centres_of_its_cells(rng, image):
    found = grad_cam(classifier(rng), image, 0)
    large = found.enlarged()
    assert large.shape == (12, 11)
    rows, cols = np.arange(12), np.arange(11)
    places = [
        (axis + 0.5 - offset) / jump - 0.5
        for axis, offset, jump in zip((rows, cols), found.field.offset, found.field.jump, strict=True)
    ]
    expected = scipy.ndimage.map_coordinates(found.heat, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    np.testing.assert_allclose(large, expected, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_asked_is_refused(rng, image):
    model = classifier(rng)
    with pytest.raises(ModelError, match="Received class 3; 0 to 2"):
        grad_cam(model, image, 3)
    with pytest.raises(ModelError, match="Received class -1; 0 to 2"):
        occlusion(model, image, -1)
    with pytest.raises(ModelError, match="needs a layer with maps"):
        grad_cam(model, image, 0, layer="end")
    with pytest.raises(ModelError, match="one of first"):
        grad_cam(model, image, 0, layer="middle")
    with pytest.raises(GeometryError, match="at least"):
        occlusion(model, image, 0, size=20)
