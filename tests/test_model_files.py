"""Model files: what Keras saves comes back with the same numbers; what attacks gets one sentence and runs nothing."""

import io
import json
import os
import zipfile

import numpy as np
import pytest

from cnnviz.errors import ModelError
from cnnviz.from_keras import from_keras
from cnnviz.model_files import load_model, save_model

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")
from tests.random_models import random_model, shaken  # noqa: E402 - it needs Keras

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, on saving
L = keras.layers


def answer(model, image):
    return keras.ops.convert_to_numpy(model(image[None], training=False))[0]


def small(*layers, shape=(8, 8, 2)):
    return keras.Sequential([L.Input(shape), *(layers or (L.Conv2D(2, 3, name="c"), L.Flatten(), L.Dense(3)))])


@pytest.fixture
def saved(tmp_path):
    """A function that saves a model with Keras's own ``save`` and gives the path."""

    def save(model):
        model.save(tmp_path / "model.keras")
        return tmp_path / "model.keras"

    return save


def parts(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files, **how):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **how) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def with_config(path, change):
    """The file with its description changed."""
    files = parts(path)
    config = json.loads(files["config.json"])
    change(config)
    files["config.json"] = json.dumps(config)
    return zipped(files.items())


def with_weights(path, change, tmp_path):
    """The file with its HDF5 weights changed."""
    files = parts(path)
    place = tmp_path / "weights.h5"
    place.write_bytes(files["model.weights.h5"])
    with h5py.File(place, "r+") as file:
        change(file)
    files["model.weights.h5"] = place.read_bytes()
    return zipped(files.items())


@pytest.mark.parametrize("seed", range(12))
def test_random_models_come_back_with_the_same_numbers(seed, saved):
    rng = np.random.default_rng(200 + seed)
    model = random_model(rng)
    image = rng.normal(size=model.input_shape[1:]).astype(np.float32)
    np.testing.assert_array_equal(answer(load_model(saved(model)), image), answer(model, image))


def branched():
    inputs = keras.Input((9, 10, 13))
    left = L.Conv2D(4, 3, padding="same", activation="gelu")(inputs)
    right = small(L.Conv2D(4, 1), L.BatchNormalization(), shape=(9, 10, 13))(inputs)
    both = L.Concatenate()([L.Add()([left, right]), left])
    end = L.GlobalAveragePooling2D()(L.UpSampling2D()(L.Conv2DTranspose(3, 2, strides=2)(L.LeakyReLU()(both))))
    return keras.Model(inputs, L.Dense(5, "softmax")(L.Dropout(0.5)(end)))


def test_a_functional_model_with_branches_and_a_model_inside_comes_back(saved):
    rng = np.random.default_rng(1)
    model = shaken(branched(), rng)
    image = rng.normal(size=(9, 10, 13)).astype(np.float32)
    np.testing.assert_array_equal(answer(load_model(saved(model).read_bytes()), image), answer(model, image))


def test_an_adapted_normalisation_and_a_trained_model_come_back(saved):
    rng = np.random.default_rng(2)
    images = rng.normal(3, 2, (20, 8, 8, 2)).astype(np.float32)
    scaled = L.Normalization()
    scaled.adapt(images)
    model = small(scaled, L.RandomFlip(), L.Conv2D(2, 3, kernel_regularizer="l2"), L.Flatten(), L.Dense(3, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(images, rng.integers(0, 3, 20))
    loaded = load_model(saved(model))
    np.testing.assert_array_equal(answer(loaded, images[0]), answer(model, images[0]))
    np.testing.assert_allclose(from_keras(loaded).apply(images[0])[0, 0], answer(model, images[0]), atol=1e-5)


def test_saving_writes_the_whole_file_or_nothing(tmp_path):
    model = small()
    save_model(model, tmp_path / "mine.keras")
    image = np.ones((8, 8, 2), np.float32)
    np.testing.assert_array_equal(answer(load_model(tmp_path / "mine.keras"), image), answer(model, image))
    with pytest.raises(ModelError, match=r"name that ends with \.keras"):
        save_model(model, tmp_path / "mine.h5")
    with pytest.raises(ModelError, match="not among the"):
        save_model(small(L.LayerNormalization()), tmp_path / "mine.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.keras"]
    assert load_model(tmp_path / "mine.keras").count_params() == model.count_params()


def layer(config, number=1):
    return config["config"]["layers"][number]


def swap(**entry):
    return lambda config: layer(config).update(entry)


def option(**options):
    return lambda config: layer(config)["config"].update(options)


FUNCTION = {"module": "builtins", "class_name": "function", "config": "system", "registered_name": "function"}
CODE = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA"}}
CONFIGS = {
    "lambda layer": (swap(class_name="Lambda", config={"name": "x", "function": CODE}), "'Lambda', which is not among"),
    "custom object": (swap(module="evil", class_name="Thing", registered_name="evil>Thing"), "'Thing', which is not"),
    "registered name": (swap(registered_name="evil>Conv2D"), "'Conv2D', which is not among"),
    "module trick": (swap(module="os"), "'Conv2D', which is not among"),
    "class of os": (swap(module="os", class_name="system"), "'system', which is not among"),
    "dunder": (swap(class_name="__class__"), "'__class__', which is not among"),
    "file layer": (swap(module="keras.layers", class_name="TFSMLayer"), "'TFSMLayer', which is not among"),
    "vocabulary": (swap(class_name="StringLookup", config={"name": "x", "vocabulary": "/etc/passwd"}), "not among"),
    "text": (swap(class_name="TextVectorization", config={"name": "x", "vocabulary": "/etc/passwd"}), "not among"),
    "wrapper": (swap(class_name="TimeDistributed", config={"name": "x", "layer": {}}), "not among"),
    "activation": (option(activation=FUNCTION), "option 'activation' is"),
    "activation lambda": (option(activation=CODE), "option 'activation' is"),
    "dtype": (option(dtype={"module": "evil", "class_name": "Policy", "config": {"name": "float64"}}), "'dtype'"),
    "option": (option(call_hook="os.system"), "option 'call_hook' is not known"),
    "huge filters": (option(filters=10**9), "option 'filters' is 1000000000"),
    "huge kernel": (option(kernel_size=[10**6, 10**6]), "option 'kernel_size'"),
    "negative": (option(filters=-1), "option 'filters'"),
    "true filters": (option(filters=True), "option 'filters'"),
    "text filters": (option(filters="2"), "option 'filters'"),
    "name": (option(name="../../etc"), "a layer named"),
    "no name": (option(name=None), "a layer named"),
    "huge input": (lambda c: layer(c, 0)["config"].update(batch_shape=[None, 10**6, 10**6, 1]), "up to 4096 pixels"),
    "bands": (lambda c: layer(c, 0)["config"].update(batch_shape=[None, 8, 8, 10**6]), "1024 bands"),
    "batch": (lambda c: layer(c, 0)["config"].update(batch_shape="[8, 8]"), "images"),
    "dense bomb": (lambda c: (layer(c, 0)["config"].update(batch_shape=[None, 2000, 2000, 2]),
                              layer(c, 3)["config"].update(units=60000)), "more than 50,000,000 weights"),
    "values bomb": (lambda c: (layer(c, 0)["config"].update(batch_shape=[None, 4096, 4096, 2]),
                               layer(c)["config"].update(filters=4096)), "more than is allowed"),
    "many layers": (lambda c: c["config"]["layers"].extend(
        {"class_name": "ReLU", "config": {"name": f"r{n}"}} for n in range(300)), "more than 256 layers"),
    "no layers": (lambda c: c["config"].update(layers=[]), "has no layers"),
    "layers text": (lambda c: c["config"].update(layers="x"), "has no layers"),
    "not a model": (lambda c: c.update(class_name="Dense"), "where a model is expected"),
    "subclass": (lambda c: c.update(class_name="MyModel", registered_name="me>MyModel"), "'MyModel', which is not"),
    "does not fit": (option(kernel_size=[20, 20]), "cannot be built"),
    "input again": (lambda c: c["config"]["layers"].insert(1, layer(c, 0)), "input in the middle"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIGS)
def test_a_description_that_is_not_allowed_is_refused_in_one_sentence(case, saved):
    change, message = CONFIGS[case]
    with pytest.raises(ModelError, match=message) as found:
        load_model(with_config(saved(small()), change))
    assert len(str(found.value)) < 500
    assert "\n" not in str(found.value)


def _edge(change):
    return lambda config: change(config["config"]["layers"][-1])


GRAPHS = {
    "shared layer": (_edge(lambda e: e["inbound_nodes"].append(e["inbound_nodes"][0])), "used more than once"),
    "arguments": (_edge(lambda e: e["inbound_nodes"][0].update(kwargs={"training": {"class_name": "x"}})), "arguments"),
    "no input": (_edge(lambda e: e["inbound_nodes"][0].update(args=[])), "has no input"),
    "value": (_edge(lambda e: e["inbound_nodes"][0].update(args=[{"class_name": "__numpy__"}])), "no layer's result"),
    "missing": (
        _edge(lambda e: e["inbound_nodes"][0]["args"][0]["config"].update(keras_history=["no", 0, 0])),
        "waits",
    ),
    "twins": (lambda c: c["config"]["layers"].append(c["config"]["layers"][-1]), "two layers of one name"),
    "no output": (lambda c: c["config"].update(output_layers=[]), "has not one input and one output"),
    "no ends": (lambda c: c["config"].update(output_layers={"a": 1}), "where it begins and ends"),
}


@pytest.mark.parametrize("case", GRAPHS)
def test_a_graph_that_is_not_whole_is_refused(case, saved):
    change, message = GRAPHS[case]
    with pytest.raises(ModelError, match=message):
        load_model(with_config(saved(branched()), change))


def test_models_inside_models_without_end_are_refused(saved):
    def nest(config):
        for number in range(9):
            inner = {"class_name": "Sequential", "config": {"name": f"m{number}", "layers": config["config"]["layers"]}}
            config["config"]["layers"] = [inner["config"]["layers"][0], inner]

    with pytest.raises(ModelError, match="models inside models"):
        load_model(with_config(saved(small()), nest))


KERNEL = "layers/conv2d/vars/0"


def _replace(make):
    def change(file):
        del file[KERNEL]
        make(file)

    return change


def _external(file):
    file.create_dataset(KERNEL, (3, 3, 2, 2), "f4", external=[("/etc/passwd", 0, 144)])


def _virtual(file):
    layout = h5py.VirtualLayout((3, 3, 2, 2), "f4")
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", (3, 3, 2, 2))
    file.create_virtual_dataset(KERNEL, layout)


def _soft_group(file):
    del file["layers/conv2d"]
    file["layers/conv2d"] = h5py.SoftLink("/layers/dense")


LINKS = {
    "external link": (
        lambda f: f.__setitem__(KERNEL, h5py.ExternalLink("/etc/passwd", "/x")),
        "a link to another place",
    ),
    "soft link": (lambda f: f.__setitem__(KERNEL, h5py.SoftLink("/layers/conv2d/vars/1")), "a link to another place"),
    "external storage": (_external, "not stored plainly"),
    "virtual": (_virtual, "not stored plainly"),
    "bomb": (lambda f: f.create_dataset(KERNEL, (3, 3, 2, 2), "f4", chunks=True, compression="gzip"), "stored plainly"),
    "huge": (lambda f: f.create_dataset(KERNEL, (10**5, 10**5, 2, 2), "f4", chunks=True), r"\(3, 3, 2, 2\) in float32"),
    "text": (lambda f: f.create_dataset(KERNEL, (3, 3, 2, 2), h5py.string_dtype()), "in float32"),
    "double": (lambda f: f.create_dataset(KERNEL, data=np.ones((3, 3, 2, 2))), "the file has .* of float64"),
    "group": (lambda f: f.create_group(KERNEL), "the file has no array"),
    "nan": (lambda f: f.create_dataset(KERNEL, data=np.full((3, 3, 2, 2), np.nan, "f4")), "not finite"),
    "extra": (lambda f: f.update({KERNEL: 1, "layers/conv2d/vars/2": 1}), "2 arrays of weights; the file has 3"),
    "missing": (lambda f: f.pop("layers/conv2d"), "no weights for layer c"),
}


@pytest.mark.parametrize("case", LINKS)
def test_weights_that_are_not_plain_arrays_are_refused(case, saved, tmp_path):
    make, message = LINKS[case]
    with pytest.raises(ModelError, match=message):
        load_model(with_weights(saved(small()), _replace(make), tmp_path))


def test_a_group_that_is_a_link_is_refused(saved, tmp_path):
    with pytest.raises(ModelError, match="a link to another place"):
        load_model(with_weights(saved(small()), _soft_group, tmp_path))


def test_zips_that_hold_anything_else_are_refused(saved):
    files = list(parts(saved(small())).items())
    for extra in ("../../evil.py", "/etc/passwd", "assets/layers/text_vectorization/vocabulary.txt", "evil.py"):
        with pytest.raises(ModelError, match=r"only config\.json, metadata\.json, model\.weights\.h5 are allowed"):
            load_model(zipped([*files, (extra, b"x")]))
    with pytest.raises(ModelError, match="lacks one of"):
        load_model(zipped(files[1:]))
    with pytest.warns(UserWarning, match="Duplicate name"), pytest.raises(ModelError, match="has one twice"):
        load_model(zipped([*files, files[1]]))
    with pytest.raises(ModelError, match="packed in an unusual way"):
        load_model(zipped(files, compression=zipfile.ZIP_LZMA))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(saved):
    files = parts(saved(small())) | {"config.json": b" " * 5_000_000}
    content = zipped(files.items(), compression=zipfile.ZIP_DEFLATED)
    assert len(content) < 100_000
    with pytest.raises(ModelError, match=r"config.json has 5,000,000 bytes; 4,000,000"):
        load_model(content)


def test_a_zip_that_lies_about_its_sizes_is_refused(saved):
    files = parts(saved(small())) | {"config.json": b" " * 3_000_000}
    content = zipped(files.items(), compression=zipfile.ZIP_DEFLATED)
    lying = content.replace((3_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    with pytest.raises(ModelError, match=r"not a whole \.keras file|not as long as"):
        load_model(lying)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89HDF\r\n\x1a\n" + bytes(100), b"not a zip", bytes(5000)])
def test_what_is_no_keras_file_is_refused(content, tmp_path):
    (tmp_path / "model.keras").write_bytes(content)
    for source in (content, tmp_path / "model.keras"):
        with pytest.raises(ModelError, match=r"not a whole \.keras file"):
            load_model(source)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(ModelError, match="leads to no file"):
        load_model(tmp_path / "pipe.keras")


def test_an_old_h5_model_under_a_new_name_is_refused(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Lambda"})
    (tmp_path / "old.h5").rename(tmp_path / "old.keras")
    with pytest.raises(ModelError, match=r"older \.h5 files are not read here"):
        load_model(tmp_path / "old.keras")


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b'{"class_name": NaN}', b"\xff", b"[]", b'{"a": 1}'])
def test_a_description_that_cannot_be_read_is_refused(text, saved):
    files = parts(saved(small())) | {"config.json": text}
    with pytest.raises(ModelError, match=r"no JSON that can be read|not the one that Keras 3 writes"):
        load_model(zipped(files.items()))


def test_a_file_cut_anywhere_gives_one_sentence(saved):
    content = saved(small()).read_bytes()
    for end in range(0, len(content), 997):
        with pytest.raises(ModelError):
            load_model(content[:end])


def test_weights_cut_or_changed_anywhere_give_one_sentence_or_a_model(saved):
    files, rng = parts(saved(small())), np.random.default_rng(5)
    for _ in range(40):
        changed = bytearray(files["model.weights.h5"])
        for place in rng.integers(0, 4000, 8):
            changed[place] = rng.integers(256)
        try:
            found = load_model(zipped((files | {"model.weights.h5": bytes(changed)}).items()))
        except ModelError:
            continue
        assert found.count_params() == small().count_params()
