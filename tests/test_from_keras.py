import numpy as np
import pytest

from cnnviz.errors import ModelError
from cnnviz.from_keras import from_keras
from cnnviz.layers import Network

keras = pytest.importorskip("keras")
from tests.random_models import random_model, shaken  # noqa: E402 - it needs Keras


def answer(model, image):
    return keras.ops.convert_to_numpy(model(image[None], training=False))[0]


def assert_same(found, expected):
    assert np.abs(found - expected).max() <= 1e-5 * max(np.abs(expected).max(), 1)


def lenet5(rng):
    layers = keras.layers
    stack = [
        layers.Input((32, 32, 1)),
        layers.Conv2D(6, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="tanh"),
        layers.Dense(84, activation="tanh"),
        layers.Dense(10, activation="softmax"),
    ]
    return shaken(keras.Sequential(stack), rng)


@pytest.mark.parametrize("seed", range(40))
def test_a_random_model_and_its_network_say_the_same(seed):
    rng = np.random.default_rng(seed)
    model = random_model(rng)
    image = rng.normal(size=model.input_shape[1:]).astype(np.float32)
    found = from_keras(model).apply(image)
    assert found.shape == (1, 1, 3)
    assert_same(found[0, 0], answer(model, image))


@pytest.mark.parametrize("seed", range(12))
def test_on_a_scene_every_pixel_is_what_the_model_says_of_the_window_that_it_sees(seed):
    rng = np.random.default_rng(100 + seed)
    model = random_model(rng, valid=True)
    rows, cols, bands = model.input_shape[1:]
    scene = rng.normal(size=(rows + 9, cols + 7, bands)).astype(np.float32)
    network = from_keras(model)
    found, field = network.apply(scene), network.receptive_field(scene.shape)
    assert found.shape[0] > 1
    for row, col in np.ndindex(found.shape[:2]):
        top, left, bottom, right = field.box(row, col)
        # A stride may leave the last pixels of the model's own image unseen: the window starts where the field does.
        window = scene[int(top) :, int(left) :][:rows, :cols]
        if window.shape[:2] == (rows, cols):
            assert (bottom - top, right - left) <= (rows, cols)
            assert_same(found[row, col], answer(model, window))


def test_lenet_slides_over_a_scene_four_pixels_at_a_time():
    model = lenet5(np.random.default_rng(0))
    network = from_keras(model, bands=["B04"])
    assert sum(network.parameters()) == model.count_params() == 61_706
    assert (network.receptive_field().size, network.receptive_field().jump) == ((32, 32), (4, 4))
    assert network.output_shape((512, 512, 1)) == (121, 121, 10)
    assert network.bands == ("B04",)
    assert Network.from_json(network.to_json()) == network


def test_groups_of_bands_are_kept_apart():
    rng = np.random.default_rng(1)
    # TensorFlow on a CPU has no grouped convolution to compare with: each group is a model of its own.
    model = shaken(keras.Sequential([keras.layers.Input((6, 7, 4)), keras.layers.Conv2D(6, 3, groups=2)]), rng)
    kernel, bias = model.get_weights()
    image = rng.normal(size=(6, 7, 4)).astype(np.float32)
    halves = [
        keras.ops.conv(image[None, ..., 2 * n : 2 * n + 2], kernel[..., 3 * n : 3 * n + 3], padding="valid")[0]
        for n in range(2)
    ]
    assert_same(from_keras(model).apply(image), np.concatenate(halves, axis=-1) + bias)


def test_a_functional_chain_with_a_model_inside_it_is_opened():
    rng = np.random.default_rng(2)
    inner = keras.Sequential([keras.layers.Input((9, 9, 2)), keras.layers.Conv2D(3, 3, activation="relu")])
    inputs = keras.Input((9, 9, 2))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inner(inputs)))
    model = shaken(keras.Model(inputs, outputs), rng)
    image = rng.normal(size=(9, 9, 2)).astype(np.float32)
    assert_same(from_keras(model).apply(image)[0, 0], answer(model, image))


def test_a_network_goes_to_keras_and_back():
    rng = np.random.default_rng(3)
    network = from_keras(lenet5(rng))
    image = rng.normal(size=(40, 36, 1)).astype(np.float32)
    assert_same(from_keras(network.to_keras((40, 36, 1))).apply(image), network.apply(image))


def test_a_model_for_images_of_any_size_stays_one():
    rng = np.random.default_rng(4)
    layers = keras.layers
    stack = [layers.Input((None, None, 2)), layers.Conv2D(3, 3, padding="same"), layers.Dense(2, "softmax")]
    model = shaken(keras.Sequential(stack), rng)
    image = rng.normal(size=(11, 8, 2)).astype(np.float32)
    assert_same(from_keras(model).apply(image), answer(model, image))


def _branched():
    inputs = keras.Input((8, 8, 1), name="picture")
    left = keras.layers.Conv2D(2, 3, name="left")(inputs)
    right = keras.layers.Conv2D(2, 3, name="right")(inputs)
    return keras.Model(inputs, keras.layers.Add(name="sum")([left, right]))


def _stack(*layers, shape=(8, 8, 2)):
    return keras.Sequential([keras.layers.Input(shape), *layers])


L = keras.layers
REFUSED = {
    "branch": (_branched, r"Layer sum \(Add\) has 2 inputs.*Remove the branch"),
    "unknown": (lambda: _stack(L.UpSampling2D(name="up")), r"Layer up \(UpSampling2D\): a network here has no"),
    "activation": (lambda: _stack(L.Conv2D(2, 3, activation="gelu", name="c")), "Layer c .*activation gelu is not"),
    "leaky": (lambda: _stack(L.ReLU(negative_slope=0.1)), "a slope or a threshold"),
    "axis": (lambda: _stack(L.BatchNormalization(axis=1)), "normalises along axis"),
    "any size": (lambda: _stack(L.GlobalAveragePooling2D(), shape=(None, None, 2)), "images of one size"),
    "large": (lambda: _stack(L.GlobalAveragePooling2D(), shape=(80, 80, 2)), "pooling size"),
    "wide": (lambda: _stack(L.Conv2D(1025, 1)), "up to 1024 bands, 1024 filters"),
    "list": (lambda: _stack(L.Flatten(), L.BatchNormalization()), "put a dense layer between Flatten and it"),
    "pixels": (lambda: _stack(L.Flatten()), "end it with a dense layer"),
    "reshape": (lambda: _stack(L.Reshape((4, 16, 2))), "only lists of pixels"),
    "vector": (lambda: _stack(L.Dense(2), shape=(8,)), r"images \(rows, cols, bands\) are expected"),
    "unbuilt": (lambda: keras.Sequential([L.Conv2D(2, 3)]), "knows its input's shape"),
    "softmax": (lambda: _stack(L.Flatten(), L.Activation("softmax")), "softmax is over all pixels"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_said_is_named(case):
    build, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        from_keras(build())
