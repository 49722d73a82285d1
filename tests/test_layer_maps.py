"""Feature maps of Keras models against Keras's own outputs, and receptive fields against what truly matters."""

import numpy as np
import pytest

from cnnviz.blocks import Kind
from cnnviz.errors import GeometryError, ModelError
from cnnviz.from_keras import from_keras
from cnnviz.layer_maps import activity, feature_maps, most_active
from cnnviz.map_facts import facts, sparsity

keras = pytest.importorskip("keras")
from tests.random_models import random_model, shaken  # noqa: E402 - it needs Keras

L = keras.layers


def branched(rng):
    inputs = keras.Input((13, 14, 3))
    left = L.Conv2D(4, 3, padding="same", activation="relu", name="left")(inputs)
    right = L.Conv2D(4, 5, padding="same", name="right")(L.ZeroPadding2D(1, name="zeros")(inputs))
    both = L.Add(name="sum")([left, L.Cropping2D(1, name="crop")(right)])
    halved = L.MaxPooling2D(2, name="pool")(both)
    outputs = L.Dense(3, "softmax", name="end")(L.Flatten(name="flat")(halved))
    return shaken(keras.Model(inputs, outputs), rng)


@pytest.mark.parametrize("seed", range(12))
def test_maps_are_keras_s_own_outputs(seed):
    rng = np.random.default_rng(300 + seed)
    model = random_model(rng)
    image = rng.normal(size=model.input_shape[1:]).astype(np.float32)
    found = feature_maps(model, image)
    layers = [each for each in model.layers if type(each).__name__ != "InputLayer"]
    assert [each.name.split(" ")[0] for each in found] == [each.name for each in layers]
    outputs = keras.Model(model.inputs[0], [each.output for each in layers])(image[None], training=False)
    for each, expected in zip(found, outputs, strict=True):
        np.testing.assert_allclose(each.array.squeeze(), np.asarray(expected)[0].squeeze(), rtol=1e-5, atol=1e-5)
        assert each.array.ndim == 3
        assert len(each.channels) == each.array.shape[2]


def test_maps_of_a_graph_with_branches():
    rng = np.random.default_rng(1)
    model, image = branched(rng), rng.normal(size=(13, 14, 3)).astype(np.float32)
    found = {each.name.split(" ")[0]: each for each in feature_maps(model, image, bands=("B04", "B03", "B02"))}
    assert set(found) == {"left", "right", "zeros", "sum", "crop", "pool", "flat", "end"}
    for name, each in found.items():
        expected = np.asarray(keras.Model(model.inputs[0], model.get_layer(name).output)(image[None]))[0]
        np.testing.assert_allclose(each.array.squeeze(), expected.squeeze(), rtol=1e-5, atol=1e-5)
    assert found["zeros"].channels == ("B04", "B03", "B02")
    assert found["end"].channels == ("unit 1", "unit 2", "unit 3")
    assert (found["sum"].field.size, found["pool"].field.size, found["end"].field.size) == ((5, 5), (6, 6), (13, 14))


def seen(model, image, name, row, col):
    """Rows and columns of the input that a pixel of a layer's first map depends on, by changing one after the other."""
    probe = keras.Model(model.inputs[0], model.get_layer(name).output)
    batch = np.repeat(image[None], image.shape[0] * image.shape[1], axis=0)
    for number, (y, x) in enumerate(np.ndindex(image.shape[:2])):
        batch[number, y, x] += 10
    changed = np.asarray(probe(batch))[:, row, col] != np.asarray(probe(image[None]))[0, row, col]
    places = np.argwhere(changed.any(axis=-1).reshape(image.shape[:2]))
    return (*places.min(axis=0), *(places.max(axis=0) + 1))


@pytest.mark.parametrize(("name", "place"), [("left", (6, 6)), ("right", (7, 8)), ("sum", (5, 7)), ("pool", (3, 3))])
def test_a_field_holds_what_a_pixel_depends_on_and_no_more(name, place):
    rng = np.random.default_rng(2)
    model = branched(rng)
    for weight in model.weights:
        weight.assign(np.abs(weight.numpy()) + 0.1)  # so that nothing cancels and no ReLU hides a change
    image = rng.random((13, 14, 3)).astype(np.float32)
    found = next(each for each in feature_maps(model, image) if each.name.startswith(name))
    box = found.field.box(*place)
    if name == "pool":  # a maximum hides what is not largest
        top, left, bottom, right = seen(model, image, name, *place)
        assert box.top <= top
        assert box.left <= left
        assert bottom <= box.bottom
        assert right <= box.right
    else:
        assert seen(model, image, name, *place) == box


@pytest.mark.parametrize("seed", range(8))
def test_fields_are_those_of_the_network_of_the_same_layers(seed):
    rng = np.random.default_rng(400 + seed)
    model = random_model(rng)
    image = rng.normal(size=model.input_shape[1:]).astype(np.float32)
    sliding = [each for each in feature_maps(model, image) if each.field.size != image.shape[:2]]
    known = from_keras(model).receptive_fields(image.shape)
    assert all(each.field in known for each in sliding if each.field.size != (1, 1))


def test_a_model_inside_a_chain_is_opened():
    rng = np.random.default_rng(3)
    inner = keras.Sequential([L.Input((8, 8, 2)), L.Conv2D(3, 3, name="inside"), L.ReLU(name="positive")])
    model = shaken(keras.Sequential([L.Input((8, 8, 2)), inner, L.Flatten(name="flat"), L.Dense(2, name="end")]), rng)
    image = rng.normal(size=(8, 8, 2)).astype(np.float32)
    found = feature_maps(model, image)
    assert [each.name for each in found] == ["inside (Conv2D)", "positive (ReLU)", "flat (Flatten)", "end (Dense)"]
    assert [each.kind for each in found] == [Kind.CONVOLUTION, Kind.ACTIVATION, Kind.OTHER, Kind.DENSE]
    assert [each.group for each in found] == [1, 1, 1, 2]
    np.testing.assert_allclose(found[-1].array[0, 0], np.asarray(model(image[None]))[0], rtol=1e-5)
    assert len(model.layers[1]._inbound_nodes) == 1


def test_new_weights_give_new_maps():
    rng = np.random.default_rng(4)
    model, image = branched(rng), rng.normal(size=(13, 14, 3)).astype(np.float32)
    before = feature_maps(model, image)[0].array
    shaken(model, rng)
    after = feature_maps(model, image)
    assert np.abs(after[0].array - before).max() > 0 or np.abs(after[1].array).max() > 0
    np.testing.assert_allclose(after[-1].array[0, 0], np.asarray(model(image[None]))[0], rtol=1e-5)


def test_images_that_the_model_does_not_take_are_refused():
    model = branched(np.random.default_rng(5))
    with pytest.raises(GeometryError, match=r"images of 13 × 13 × 3; this model takes 13 × 14 × 3"):
        feature_maps(model, np.zeros((13, 13, 3)))
    two = [keras.Input((4, 4, 1)), keras.Input((4, 4, 1))]
    with pytest.raises(ModelError, match="shape"):
        feature_maps(keras.Model(two, L.Add()(two)), np.zeros((4, 4, 1)))


@pytest.mark.parametrize("build", [branched, lambda rng: random_model(rng, valid=True)])
def test_the_most_active_images_are_those_of_brute_force(build):
    rng = np.random.default_rng(6)
    model = build(rng)
    images = rng.normal(size=(150, *model.input_shape[1:])).astype(np.float32)
    name = next(each.name for each in model.layers if "Conv2D" in type(each).__name__)
    maps = np.asarray(keras.Model(model.inputs[0], model.get_layer(name).output)(images))
    channel = maps.shape[3] - 1
    strongest = sorted(range(150), key=lambda n: -maps[n, ..., channel].max())[:5]
    found = most_active(model, name, channel, images, count=5)
    assert [number for number, _, _ in found] == strongest
    for number, value, (row, col) in found:
        assert value == pytest.approx(maps[number, ..., channel].max(), rel=1e-5)
        assert maps[number, row, col, channel] == pytest.approx(value, rel=1e-5)


def test_dead_maps_and_unknown_layers():
    model = keras.Sequential([L.Input((4, 4, 1)), L.Conv2D(3, 1, activation="relu", name="c"), L.Flatten(name="f")])
    model.set_weights([np.float32([[[[1, -1, 0]]]]), np.float32([0, 0, -1])])
    images = np.abs(np.random.default_rng(7).normal(size=(6, 4, 4, 1)))
    assert activity(model, "c", images).dead.tolist() == [False, True, True]
    assert activity(model, 1, images).values.shape == (6, 48)
    found = feature_maps(model, images[0])[0]
    assert [each.dead for each in facts(found)] == [False, True, True]
    assert sparsity(found) == pytest.approx(2 / 3)
    with pytest.raises(ModelError, match="Received layer 'x'; one of c, f is expected"):
        activity(model, "x", images)
    with pytest.raises(ModelError, match="Received map 3; 0 to 2"):
        most_active(model, "c", 3, images)
    with pytest.raises(ModelError, match="no images"):
        activity(model, "c", images[:0])
