"""The page on feature maps: its pictures are the networks' numbers, its words are computed, nonsense is refused."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as Picture
from streamlit.testing.v1 import AppTest

from cnnviz.chips import Chips, Split
from cnnviz.errors import GeometryError, ModelError
from cnnviz.layers import Conv2D, Network, Pool2D
from cnnviz.presets import PRESETS
from cnnviz.ready import READY
from cnnviz.render import LEVELS
from cnnviz.samples import open_labels, open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.ui import classes
from cnnviz.ui.experiments import (
    maps_earth,
    maps_filter,
    maps_graph,
    maps_inputs,
    maps_lesson,
    maps_pictures,
    maps_subjects,
    maps_why,
)
from cnnviz.ui.experiments.maps import Setting
from cnnviz.ui.experiments.stack import Scope
from cnnviz.ui.keras_upload import MAX_BYTES, read_upload
from cnnviz.ui.trained import Snapshot, TrainedModel
from cnnviz.ui.view import View
from tests.factory import raster
from tests.source import ROOT

PAGE = ROOT / "pages" / "9_Feature_maps.py"


def page(**query):
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def words(app):
    kinds = (app.markdown, app.caption, app.subheader, app.error, app.info)
    return "\n".join(each.value for kind in kinds for each in kind)


@pytest.fixture(scope="module")
def view():
    scene = open_sample("sentinel2")
    return View(scene, Window(140, 160, 96, 81), scene)


def setting(name="lenet5_digits", number=1, layer=1, channel=0, scope=Scope.GROUP):
    subject = maps_subjects._built(name)
    ready = subject.examples
    image = maps_inputs.Image(
        ready.images[number - 1], ready.bands, "example", f"{name} {number}", int(ready.labels[number - 1])
    )
    return Setting(
        subject, image, subject.opened.run_within(image.array, image.bands), layer, channel, scope, keep=False
    )


# --- what is shown ---


@pytest.mark.parametrize("name", READY)
@pytest.mark.parametrize("scope", list(Scope))
def test_pictures_are_the_network_s_numbers_on_the_scale_that_the_legend_shows(name, scope, monkeypatch):
    monkeypatch.setattr(maps_pictures.st, "session_state", {})
    given = setting(name, scope=scope, layer=2)
    scales = maps_pictures.chosen_scales(given)
    stages = maps_pictures.stages(given, scales)
    expected = given.subject.network.run(given.image.array)[2].array
    assert len(stages) == min(expected.shape[2], maps_pictures.MAX_SHOWN)
    for number, stage in enumerate(stages):
        low, high = stage.scale.low, stage.scale.high
        place = (expected[..., number] - low) / (high - low) * (LEVELS - 1)
        np.testing.assert_allclose(stage.picture, place.clip(0, LEVELS - 1), atol=0.51)
        assert stage.field == given.found.field
    if scope is not Scope.MAP:
        assert len({(stage.scale.low, stage.scale.high) for stage in stages}) == 1


def test_every_scope_has_its_own_reach():
    given = setting(layer=3)
    reach = {}
    for scope in Scope:
        scales = maps_filter.map_scales(given.maps, scope)
        reach[scope] = [scale.high for scale in scales[3]]
    assert len(set(reach[Scope.LAYER])) == 1
    assert len(set(reach[Scope.MAP])) == 16
    assert max(reach[Scope.LAYER]) <= max(reach[Scope.STACK]) + 1e-6


def test_a_kept_scale_outlives_the_image(monkeypatch):
    monkeypatch.setattr(maps_pictures.st, "session_state", {})
    first, second = setting(number=1), setting(number=5)
    object.__setattr__(first, "keep", True)
    object.__setattr__(second, "keep", True)
    kept = maps_pictures.chosen_scales(first)
    assert [scale.high for scale in maps_pictures.chosen_scales(second)] == [scale.high for scale in kept]
    object.__setattr__(second, "keep", False)
    assert maps_pictures.chosen_scales(second)[0].high != kept[0].high


def test_the_words_on_a_cell_say_its_value_and_what_it_saw(view):
    subject = maps_subjects._built("land_cover_chips")
    image = maps_inputs.Image(
        view.patch(view.scene.band_names).array[:16, :16], view.scene.band_names, "", "", None, None, (10.0, 10.0)
    )
    given = Setting(subject, image, subject.opened.run_within(image.array, image.bands), 4, 3, Scope.GROUP, keep=False)
    said = maps_pictures.cell_words(given, (1, 2), given.found.field.box(1, 2))
    value = maps_pictures.render.number(float(given.found.array[1, 2, 3]))
    assert f"**{value}** in filter 4" in said
    assert "rows 2–9, columns 4–11 of the input, 8 × 8 px = 80 × 80 m" in said


def test_the_summary_counts_zeros_and_dead_maps():
    given = setting("land_cover_chips", layer=2, number=1)
    array = given.found.array
    dead = [str(n + 1) for n in range(array.shape[2]) if not array[..., n].any()]
    said = maps_pictures.summary(given.found)
    assert f"16 maps of 14 × 14 · {maps_pictures.render.number(100 * np.mean(array == 0), 3)} % zeros" in said
    assert said.endswith(f"dead here: {', '.join(dead)}" if dead else "none dead here")


def test_values_without_a_place_stand_in_rows():
    given = setting(layer=7)
    stage = maps_pictures.stages(given, maps_filter.map_scales(given.maps, Scope.GROUP)[7])[0]
    assert stage.picture.shape == (8, 16)
    assert (stage.picture.ravel()[120:] == LEVELS).all()
    assert not (stage.picture.ravel()[:120] == LEVELS).any()


def test_the_graph_adds_up_to_lenet():
    text = maps_graph.table(setting())
    assert text.splitlines()[-1].replace("\u202f", "") == "|  | all |  |  | 61706 |"
    assert "| 4 | 5 × 5 × 6, 16 filters | 10 × 10 × 16 | 14 × 14 px | 2\u202f416 |" in text


def test_a_sequence_holds_the_group_of_the_layer_on_one_scale():
    stages = maps_filter._sequence(setting(layer=1, channel=2))
    assert [stage.operation for stage in stages] == ["5 × 5 × 1, 6 filters", "tanh", "2 × 2 average"]
    assert len({stage.scale.high for stage in stages}) == 1


def test_the_question_has_one_right_answer_among_its_choices(monkeypatch):
    asked = []
    monkeypatch.setattr(maps_lesson.teach, "predict", lambda question, key: bool(asked.append(question)))
    for layer in range(12):
        maps_lesson.predict(setting(layer=layer))
    for question, field in zip(asked, setting().subject.network.receptive_fields((32, 32)), strict=True):
        assert question.answer == str(field.size[1])
        assert question.answer in question.choices
        assert len(set(question.choices)) == len(question.choices) >= 2


def test_the_answer_is_the_softmax_of_the_logits():
    given = setting(number=49)  # a 2 that the network takes for a 1
    logits = maps_why.answer(given)
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    np.testing.assert_allclose(given.maps[-1].array[0, 0], shares, rtol=1e-4)
    assert maps_why.said(given, logits).startswith("**1 (")
    assert maps_why.said(given, logits).endswith("wrong: it is 2")


# --- inputs ---


def test_a_window_of_the_scene_is_given_in_the_network_s_bands(view, monkeypatch):
    monkeypatch.setattr(maps_inputs.link, "figure", lambda label, low, high, default, key, **more: default)
    image = maps_inputs.from_scene(view, maps_subjects._built("land_cover_chips"))
    assert image.array.shape == (16, 16, 13)
    assert image.bands == READY["land_cover_chips"].bands
    row, col = 140 + (96 - 16) // 2, 160 + (81 - 16) // 2
    np.testing.assert_array_equal(image.array, view.scene.read(Window(row, col, 16, 16), bands=image.bands).array)
    assert f"rows {row}–{row + 15}, columns {col}–{col + 15}" in image.note
    digit = maps_inputs.from_scene(view, maps_subjects._built("lenet5_digits"))
    assert digit.array.min() >= 0
    assert digit.array.max() <= 1
    assert "became 0 … 1" in digit.note
    assert image.note.endswith("numbers as in the file, as in training")


def test_a_scene_or_window_that_does_not_suit_is_refused(tmp_path, view):
    land = maps_subjects._built("land_cover_chips")
    scene = open_scene(raster(tmp_path / "three.tif", np.ones((40, 40, 3), np.uint8)))
    with pytest.raises(GeometryError, match="a scene of 3 bands: this network takes 13"):
        maps_inputs.from_scene(View(scene, Window(0, 0, 40, 40), scene), land)
    with pytest.raises(GeometryError, match="a window of 9 × 9 pixels: this network takes 16 × 16"):
        maps_inputs.from_scene(View(view.scene, Window(0, 0, 9, 9), view.scene), land)


def test_a_picture_is_brought_to_the_network_s_size_and_says_so():
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (64, 64, 3)).astype(np.float32)
    image = maps_inputs.suited(colours, maps_subjects._built("lenet5_digits"), "me.png", (64, 64))
    grey = colours.mean(axis=2).reshape(32, 2, 32, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(image.array[..., 0], (grey - grey.min()) / np.ptp(grey), atol=1e-5)
    assert image.note == "me.png, 64 × 64 px; mean of its colours; resampled to 32 × 32; its range became 0 … 1"
    with pytest.raises(GeometryError, match="a picture of 3 bands: this network takes 13"):
        maps_inputs.suited(colours, maps_subjects._built("land_cover_chips"), "me.png", (64, 64))


# --- the page ---


def test_the_page_opens_on_a_trained_network_without_tensorflow():
    program = (
        "import sys; from streamlit.testing.v1 import AppTest;"
        f"app = AppTest.from_file({str(PAGE)!r}, default_timeout=60).run();"
        "assert not app.exception; print(sorted({'tensorflow', 'keras', 'h5py', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("name", [*READY, "lenet5_digits_untrained", *PRESETS])
def test_every_network_has_its_page(name):
    app = page(model=name)
    assert not app.error
    assert app.selectbox(key="model").value == name
    assert maps_subjects._built(name).about in words(app)


@pytest.mark.parametrize("layer", range(1, 13))
def test_every_layer_of_lenet_has_its_page(layer):
    app = page(maps_layer=str(layer), maps_example="49")
    assert not app.error
    assert "wrong: it is 2" in words(app)


def test_a_dead_layer_or_map_of_another_network_does_not_break_the_page():
    app = page(maps_layer="12", maps_filter="10")
    app.selectbox(key="model").set_value("corners").run()
    assert not app.exception
    app.selectbox(key="model").set_value("land_cover_chips").run()
    assert not app.exception
    assert not app.error


def test_a_link_that_asks_for_what_is_not_there_is_told_so():
    app = page(model="resnet", maps_example="1000", maps_scope="world")
    assert "Network: “resnet” is none of its options." in words(app)
    assert "Example: “1000” is no whole number from" in words(app)


def test_predicting_covers_the_cell_until_it_is_answered():
    app = page()
    app.toggle(key="maps_predict").set_value(True).run()
    assert "it saw rows" not in words(app)
    app.button(key="maps_answer_5").click().run()
    assert "Right" in words(app)
    assert "it saw rows" in words(app)


def test_no_upload_where_the_operator_does_not_allow_it(monkeypatch):
    monkeypatch.delenv("CNNVIZ_MODELS", raising=False)
    assert not [each for each in page().get("file_uploader") if "Keras" in each.label]
    monkeypatch.setenv("CNNVIZ_MODELS", "1")
    assert [each for each in page().get("file_uploader") if "Keras" in each.label]


# --- a visitor's own model ---


def written(path, program):
    """``path`` with the model ``m`` of a program, written by Keras itself in a process of its own."""
    pytest.importorskip("keras")
    program = f"import keras; L = keras.layers; {program}; m.save({str(path)!r})"
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return path


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A ``.keras`` file with batch normalisation and dropout."""
    program = (
        "m = keras.Sequential([L.Input((12, 12, 3)), L.Conv2D(4, 3, activation='relu'), L.BatchNormalization(),"
        "L.MaxPooling2D(2), L.Dropout(0.2), L.Flatten(), L.Dense(5, activation='softmax')])"
    )
    return written(tmp_path_factory.mktemp("model") / "mine.keras", program).read_bytes()


def test_an_uploaded_model_becomes_a_network(model_file):
    network, shape = read_upload(model_file)
    assert shape == (12, 12, 3)
    assert network.output_shape(shape) == (1, 1, 5)
    assert sum(network.parameters()) > 500


@pytest.mark.parametrize("content", [b"", b"not a model", json.dumps({"class_name": "Lambda"}).encode()])
def test_an_upload_that_is_no_model_gets_a_sentence(content):
    with pytest.raises(ModelError, match=r"not a whole \.keras file"):
        read_upload(content)


@pytest.fixture(scope="module")
def branched_file(tmp_path_factory):
    """A ``.keras`` file with a residual sum and a concatenation."""
    program = (
        "keras.utils.set_random_seed(1); i = L.Input((32, 32, 3), name='image');"
        "x = L.Conv2D(8, 3, padding='same', name='stem')(L.Rescaling(1 / 255, name='scale')(i));"
        "x = L.ReLU(name='relu')(L.BatchNormalization(name='norm')(x));"
        "y = L.Conv2D(8, 3, padding='same', activation='relu', name='inner_1')(x);"
        "x = L.Add(name='residual')([x, L.Conv2D(8, 3, padding='same', name='inner_2')(y)]);"
        "x = L.MaxPooling2D(2, name='pool')(L.LeakyReLU(name='leaky')(x));"
        "a = L.Conv2D(6, 1, activation='relu', name='narrow')(x);"
        "b = L.Conv2D(6, 5, padding='same', activation='relu', name='wide')(x);"
        "x = L.Dropout(0.3, name='drop')(L.Concatenate(name='both')([a, b]));"
        "x = L.Dense(5, activation='softmax', name='classes')(L.GlobalAveragePooling2D(name='mean')(x));"
        "m = keras.Model(i, x, name='branched')"
    )
    return written(tmp_path_factory.mktemp("model") / "branched.keras", program)


@pytest.fixture(scope="module")
def branched(branched_file):
    """The page's subject of that file."""
    model, shape = read_upload(branched_file.read_bytes())
    return maps_subjects.Subject("file b", "b.keras", "", model, shape, tuple("abcde"))


def test_maps_of_a_branched_model_are_keras_s_own_outputs(branched, branched_file):
    keras = pytest.importorskip("keras")
    theirs = keras.saving.load_model(branched_file)
    image = np.random.default_rng(0).uniform(0, 255, (32, 32, 3)).astype(np.float32)
    found = {each.name.split(" ")[0]: each for each in branched.opened.run_within(image, ("B04", "B03", "B02"))}
    layers = [each for each in theirs.layers if type(each).__name__ != "InputLayer"]
    outputs = keras.Model(theirs.inputs[0], [each.output for each in layers])(image[None], training=False)
    assert set(found) == {each.name for each in layers}
    for layer, expected in zip(layers, outputs, strict=True):
        np.testing.assert_allclose(
            found[layer.name].array.squeeze(), np.asarray(expected)[0].squeeze(), rtol=1e-5, atol=1e-5
        )
    table = maps_graph.table(Setting(branched, _image(image), list(found.values()), 0, 0, Scope.GROUP, keep=False))
    assert "| residual (Add) | 4 relu (ReLU), 6 inner\\_2 (Conv2D) | 32 × 32 × 8 | 7 × 7 px | 0 |" in table
    assert table.splitlines()[-1].replace("\u202f", "").endswith(f"| {theirs.count_params()} |")


def _image(array):
    return maps_inputs.Image(array, ("B04", "B03", "B02"), "a window", f"{array.sum()}", None, None, (10.0, 10.0))


def test_a_cell_behind_branches_says_what_it_saw_through_all_of_them(branched):
    image = _image(np.ones((32, 32, 3), np.float32))
    maps = branched.opened.run_within(image.array, image.bands)
    names = [each.name.split(" ")[0] for each in maps]
    given = Setting(branched, image, maps, names.index("residual"), 2, Scope.GROUP, keep=False)
    said = maps_pictures.cell_words(given, (10, 0), given.seen(10, 0))
    assert "it saw rows 7–13, columns 0–3 of the input, 7 × 4 px = 70 × 40 m, through all branches together" in said
    stem = Setting(branched, image, maps, names.index("stem"), 2, Scope.GROUP, keep=False)
    assert "branches" not in maps_pictures.cell_words(stem, (10, 0), stem.seen(10, 0))
    kernels, bias = branched.opened.filter(names.index("norm"), 2)
    weights = branched.network.get_layer("stem").get_weights()
    np.testing.assert_array_equal(kernels, weights[0][..., 2])
    assert bias == weights[1][2]
    assert branched.opened.filter(names.index("residual"), 2) is None


def test_a_branched_model_has_its_page(branched, monkeypatch):
    monkeypatch.setenv("CNNVIZ_MODELS", "1")
    app = page()
    app.session_state["_maps_models"] = {"file b": branched}
    app.run()
    app.selectbox(key="model").set_value("file b").run()
    count = len(branched.opened.takes)
    for layer in range(1, count + 1):
        app.segmented_control(key="maps_layer").set_value(layer).run()
        assert not app.exception
        assert not app.error
    said = words(app)
    for part in ("Why this answer?", "Grad-CAM at layer", "Occlusion covers 8 × 8 pixels", "What each band adds"):
        assert part in said
    assert "is not run over a whole scene" in said
    app.toggle(key="maps_predict").set_value(True).run()
    assert not app.exception


def test_an_upload_that_is_too_large_is_not_read():
    with pytest.raises(ModelError, match="at most are read on a page"):
        read_upload(bytes(MAX_BYTES + 1))


def test_an_own_model_joins_the_visit(model_file, monkeypatch):
    monkeypatch.setenv("CNNVIZ_MODELS", "1")
    app = page()
    network, shape = read_upload(model_file)
    subject = maps_subjects.Subject("file mine.keras", "mine.keras", "", network, shape, tuple("abcde"))
    app.session_state["_maps_models"] = {"file mine.keras": subject}
    app.run()
    app.selectbox(key="model").set_value("file mine.keras").run()
    assert not app.exception
    assert "Why this answer?" in words(app)


def test_a_picture_of_a_visitor_is_read_as_what_it_is():
    file = io.BytesIO()
    Picture.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(file, "png")
    app = page(maps_from="upload")
    assert "Input: rows" in words(app)
    assert [each for each in app.get("file_uploader") if "PNG" in each.label]


@pytest.fixture(scope="module")
def run():
    """A training of two epochs, as the visit keeps it, whose networks are stand-ins."""
    rng = np.random.default_rng(0)
    images = rng.random((30, 16, 16, 2)).astype(np.float32)
    chips = Chips(images, np.arange(30) % 3, ("a", "b", "c"), ("B04", "B08"), "chips", factor=1e-4)
    networks = [
        Network([Conv2D(rng.normal(size=(5, 5, 2, 4))), Pool2D(4), Conv2D(rng.normal(size=(3, 3, 4, 3)))])
        for _ in range(3)
    ]
    shares = np.full((30, 3), 1 / 3, np.float32)
    snapshots = tuple(Snapshot(epoch, network, shares) for epoch, network in enumerate(networks))
    return TrainedModel("Run 1", "chips", None, Split.RANDOM, chips, chips, None, snapshots, None, 1.0)


def test_a_model_of_this_visit_is_looked_at_as_it_was_after_each_epoch(run):
    app = page()
    app.session_state["_trained"] = {"Run 1": run}
    app.run()
    app.selectbox(key="model").set_value("Run 1").run()
    assert not app.exception
    assert app.slider(key="maps_epoch").value == 2
    assert "Trained in this visit on chips" in words(app)
    last = words(app)
    app.slider(key="maps_epoch").set_value(0).run()
    assert not app.exception
    assert words(app) != last


def test_a_window_for_a_trained_model_is_multiplied_as_its_chips_were(run, view, monkeypatch):
    monkeypatch.setattr(maps_inputs.link, "figure", lambda label, low, high, default, key, **more: default)
    subject = maps_subjects._of_run(run, None)
    image = maps_inputs.from_scene(view, subject)
    row, col = 140 + (96 - 16) // 2, 160 + (81 - 16) // 2
    expected = view.scene.read(Window(row, col, 16, 16), bands=("B04", "B08")).array * np.float32(1e-4)
    np.testing.assert_allclose(image.array, expected, rtol=1e-6)
    assert "numbers times 1 × 10⁻⁴, as in training" in image.note


# --- on Earth ---


def test_a_classifier_slides_over_the_window_and_is_judged_by_the_labels(view):
    ready = READY["land_cover_chips"]
    found, subject_classes = maps_earth._slid(view.scene, view.window, ready.network, 1.0), ready.classes
    best, sure = maps_earth.classified(found.array)
    image = view.patch(ready.bands).array
    labels = open_labels().read(view.window).array[..., 0]
    agreeing = []
    for row, col in [(0, 0), (3, 5), (19, 16)]:
        chip = image[4 * row : 4 * row + 16, 4 * col : 4 * col + 16]
        shares = ready.network.apply(chip)[0, 0]
        assert best[row, col] == shares.argmax()
        assert sure[row, col] == pytest.approx(shares.max(), rel=1e-4)
    for row, col in np.ndindex(best.shape):
        if label := int(labels[4 * row + 8, 4 * col + 8]):
            agreeing.append(best[row, col] == label - 1)
    window, shown, confidence = maps_earth._stages(view, setting("land_cover_chips"), found, best, sure)
    assert window.picture.shape[:2] == shown.picture.shape[:2] == confidence.picture.shape[:2] == (96, 81)
    top, left = (int(each) for each in found.field.box(3, 5)[:2])  # the cell lies in the middle of what it saw
    places = shown.picture[top + 5 : top + 9, left + 5 : left + 9].reshape(-1, 4)
    np.testing.assert_array_equal(places, np.repeat(classes.picture(best[3:4, 5], subject_classes), 16, axis=0))
    assert (shown.picture[0, :, 3] == 0).all()
    said = maps_earth.right(view, found, maps_subjects._built("land_cover_chips"), best)
    assert said.startswith(f"{maps_earth.render.number(100 * float(np.mean(agreeing)), 3)} % agree")
    assert np.mean(agreeing) > 0.7


def test_nothing_is_said_where_there_is_no_data():
    shares = np.full((2, 2, 3), 1 / 3, np.float32)
    shares[0, 1] = np.nan
    best, sure = maps_earth.classified(shares)
    assert best.tolist() == [[0, classes.NOTHING], [0, 0]]
    assert np.isnan(sure[0, 1])


def test_the_page_slides_when_it_is_asked_to():
    app = page(model="land_cover_chips")
    assert "agree with the label" not in words(app)
    app.toggle(key="maps_slide").set_value(True).run()
    assert not app.exception
    assert "agree with the label" in words(app)


def test_the_whole_scene_is_offered_to_networks_that_it_suits(view, run):
    def offered(subject, image):
        return maps_earth.whole(view, Setting(subject, image, (), 0, 0, Scope.GROUP, keep=False))

    digit = setting()
    assert offered(digit.subject, digit.image) is None
    chip = setting("land_cover_chips")
    assert offered(chip.subject, chip.image).bands == READY["land_cover_chips"].bands
    own = maps_subjects._of_run(run, None)
    network = offered(own, chip.image)
    np.testing.assert_allclose(
        network.apply(np.full((16, 16, 2), 5000)), own.network.apply(np.full((16, 16, 2), 0.5)), rtol=1e-4
    )


def test_a_cell_that_cannot_be_read_is_named():
    app = page(maps_at="banana")
    assert "Received “banana” as a cell; two whole numbers are expected" in app.error[0].value
    assert not page(maps_at="3, 4").error
