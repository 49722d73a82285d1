"""Parts of the trainer's page, each with a model that was trained for a moment."""

import io
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from streamlit.testing.v1 import AppTest

from cnnviz.architecture import Architecture
from cnnviz.chips import Split, split
from cnnviz.datasets import open_dataset
from cnnviz.samples import LABEL_CLASSES, open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.training import TrainingPlan
from cnnviz.ui import classes, labels, land_runs, searches, trainings
from cnnviz.ui.experiments import train_digit, train_files, train_grid, train_land, train_results
from cnnviz.ui.jobs import Job, State
from cnnviz.ui.model_card import card
from cnnviz.ui.searches import Grid
from cnnviz.ui.settings import RunLimits
from cnnviz.ui.trainings import Live, Order, _work
from cnnviz.ui.view import View

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, on saving


def trained(data, plan, limit=400):
    training, judged = split(open_dataset(data).few(limit))
    live = Live("Run 1", Order(data, plan, Split.RANDOM, training, judged))
    job = Job(lambda job: _work(job, live), "visitor")
    job.run()
    return job.result


@pytest.fixture(scope="module")
def digits():
    return trained("digits", TrainingPlan(epochs=2))


def shown(part, *given):
    """What a part draws, in an app of its own."""
    app = AppTest.from_function(_call, args=(part, given), default_timeout=30).run()
    assert not app.exception
    return app


def _call(part, given):
    part(*given)


def words(app):
    return " ".join(each.value for each in (*app.markdown, *app.caption))


def test_an_example_answers_before_anything_is_drawn(digits):
    app = shown(train_digit.show, digits)
    assert app.subheader[0].value == "Draw a digit"
    assert "Nothing is drawn yet" in words(app)
    assert "8 × 8 pixels of 17 shades" in words(app)


def test_the_example_is_one_that_the_model_reads(digits):
    number = train_digit._example(digits)
    shares = digits.network.apply(digits.judged.images[number]).ravel()
    assert shares.argmax() == digits.judged.labels[number]
    np.testing.assert_allclose(shares, digits.last.shares[number], atol=1e-5)


def test_models_that_read_no_digits_get_no_pad(digits):
    from dataclasses import replace

    letters = replace(digits, training=replace(digits.training, classes=tuple("abcdefghij")))
    assert not shown(train_digit.show, letters).subheader


def test_the_model_file_opens_in_keras_and_says_the_same(digits, tmp_path):
    import keras

    place = tmp_path / "model.keras"
    place.write_bytes(train_files.keras_bytes(digits))
    found = keras.models.load_model(place).predict(digits.judged.images, verbose=0)
    np.testing.assert_allclose(found, digits.last.shares, atol=1e-6)


def test_the_weights_are_plain_arrays_under_their_names(digits):
    with np.load(io.BytesIO(train_files.weight_bytes(digits)), allow_pickle=False) as file:
        assert sum(file[name].size for name in file.files) == 61706
        assert file["conv_1/kernel"].shape == (5, 5, 1, 6)


def test_the_card_says_data_split_seed_versions_and_scores(digits):
    import sklearn.metrics

    text = card(digits)
    found = digits.last.shares.argmax(axis=1)
    report = sklearn.metrics.classification_report(digits.judged.labels, found, output_dict=True, zero_division=0)
    assert f"Accuracy: {report['accuracy']:.4f}" in text
    assert (
        f"| 3 | {report['3']['precision']:.3f} | {report['3']['recall']:.3f} | {report['3']['f1-score']:.3f} |" in text
    )
    for part in (
        "Seed: 0",
        "at random",
        "observed",
        "61,706 parameters",
        "keras 3.",
        "| batch_size | 32 |",
        "tensorflow 2.",
    ):
        assert part in text
    assert f"{len(digits.training):,} images to train with, {len(digits.judged):,} to judge by" in text
    assert digits.training.key in text
    threes, shares = digits.judged.labels == 3, digits.last.shares
    assert f" | {threes.sum()} | {shares[threes, 3].mean():.3f} |" in next(
        line for line in text.splitlines() if line.startswith(f"| 3 | {report['3']['precision']:.3f} ")
    )
    right, sure = found == digits.judged.labels, shares.max(axis=1)
    assert f"| right | {right.sum()} | {sure[right].mean():.3f} |" in text
    assert f"| wrong | {(~right).sum()} | {sure[~right].mean():.3f} |" in text


def test_files_are_offered(digits):
    app = shown(train_files.show, digits)
    assert [each.label for each in app.get("download_button")] == [
        "Model (.keras)", "Weights (.npz)", "History (CSV)", "Model card"
    ]  # fmt: skip


@pytest.fixture(scope="module")
def searched(digits):
    order = Order("digits", digits.plan, digits.how, digits.training, digits.judged)
    grid = Grid((16, 32), (1, 2), {"pooling": ["average", "max"]}, 2)
    job = Job(lambda job: searches.work(job, "Run 2", order, grid), "visitor")
    job.run()
    assert not job.problem
    return order, grid, job


def test_the_best_of_a_search_is_judged_by_images_that_no_fold_saw(searched):
    order, _, job = searched
    model, search = job.result.model, job.result.search
    assert model.plan == order.plan.changed(**search.best_params)
    assert [each.epoch for each in model.snapshots] == [0, model.plan.epochs]
    shares = model.model.predict(order.judged.images, verbose=0)
    np.testing.assert_allclose(model.last.shares, shares, atol=1e-5)
    assert len(model.history.epochs) == model.plan.epochs


def test_the_time_left_of_a_search_follows_its_pace_and_not_its_start():
    job, left = Job(lambda job: None, "visitor"), []
    job.state, job.started = State.RUNNING, time.monotonic() - 100  # as long as Keras takes on a slow machine
    for share in (0.0, 0.25, 0.5):
        time.sleep(0.02)
        trainings.tell(job, share)
        left.append(job.seconds_left)
    assert left[:2] == [None, None]
    assert 0.02 <= left[2] < 50


def test_table_and_heat_map_hold_every_combination_best_first(searched):
    search = searched[2].result.search
    rows = train_grid.table(search)
    assert len(rows) == 8
    assert rows[0]["mean, %"] == round(100 * search.best_score, 2)
    assert [row["mean, %"] for row in rows] == sorted((row["mean, %"] for row in rows), reverse=True)
    assert rows[0]["mean, %"] == pytest.approx((rows[0]["fold 1"] + rows[0]["fold 2"]) / 2, abs=0.011)
    assert all(row["seconds"] > 0 for row in rows)
    chart = train_grid.heat_map(search)
    assert chart["spec"]["layer"][0]["encoding"]["color"]["scale"]["domain"] == [0, 1]
    cells = chart["data"]["values"]
    found = {(cell["epochs"], cell["batch size"], cell["rest"]): cell["mean"] for cell in cells}
    assert found[1, 16, "pooling max"] == next(
        each.mean for each in search.trials if each.params == {"batch_size": 16, "epochs": 1, "pooling": "max"}
    )


def test_what_a_search_costs_is_counted_and_bounded(searched, digits):
    order, grid, _ = searched
    assert (grid.combinations, grid.trainings(order)) == (8, 8)
    # Two of three folds train each of the four groups for two epochs; the best is trained once more on all.
    thirds = Grid((16, 32), (1, 2), {"pooling": ["average", "max"]}, 3)
    assert thirds.images(order) == len(order.training) * (4 * 2 * 2 + 2)
    assert not train_grid.refusal(order, grid)
    assert "million images" in train_grid.refusal(order, Grid((8, 16), (30, 1000), {}, 10))
    assert "one value or more" in train_grid.refusal(order, Grid((), (1,), {}, 3))


def test_a_cancelled_search_ends_and_leaves_nothing(searched):
    order, grid, _ = searched
    job = Job(lambda job: searches.work(job, "Run 3", order, grid), "visitor")
    job.cancel()
    job.state = State.RUNNING
    job.run()
    assert (job.state, job.result) == (State.CANCELLED, None)


@pytest.fixture(scope="module")
def covered(tmp_path_factory):
    model = trained("scene", TrainingPlan(architecture=Architecture(kernel=3, normalise=True), epochs=1), 600)
    scene = open_sample("sentinel2")
    wanted = land_runs.request(View(scene, Window(0, 0, 64, 64)), model)
    target = tmp_path_factory.mktemp("cover") / "cover.tif"
    job = Job(land_runs._work(wanted, model.training.classes, target, RunLimits()), "visitor")
    job.run()
    assert not job.problem
    field = wanted.network.receptive_field(scene.shape)
    return model, land_runs.Covering("Run 1", model.training.classes, scene, field, target, job)


def test_the_map_says_of_a_place_what_keras_says_of_its_chip(covered):
    model, found = covered
    places, images = model.judged.places, model.judged.images
    said = model.model.predict(images, verbose=0)
    with rasterio.open(found.target) as classes, rasterio.open(land_runs.files(found)[1]) as sure:
        here, share = classes.read(1), sure.read(1)
    step = model.network.receptive_field(model.training.shape).jump[0]
    on_grid = (places % step == 0).all(axis=1)
    row, col = (places[on_grid] // step).T
    inside = (row < here.shape[0]) & (col < here.shape[1])
    assert inside.sum() > 20
    expected = said[on_grid][inside]
    np.testing.assert_allclose(share[row[inside], col[inside]], expected.max(axis=1), atol=1e-4)
    assert (here[row[inside], col[inside]] == expected.argmax(axis=1)).mean() > 0.99


def test_the_map_is_counted_and_lies_on_the_ground(covered):
    _, found = covered
    rows = train_land.table(found, found.job.result)
    with rasterio.open(found.target) as file:
        here = file.read(1)
        assert file.crs == found.scene.crs
        area = abs(file.transform.a * file.transform.e) / 1e6
    assert [row["pixels"] for row in rows] == [int((here == number).sum()) for number in range(len(rows))]
    assert sum(row["area, km²"] for row in rows) == pytest.approx((here != 255).sum() * area, abs=0.01)
    there = View(found.scene, Window(0, 0, 64, 64), found.scene)
    scene, shown, confidence = train_land.stages(there, found)
    assert scene.picture.shape[:2] == shown.picture.shape[:2] == confidence.picture.shape[:2]
    assert (scene.transform, scene.field) == (shown.transform, shown.field) == (confidence.transform, confidence.field)
    for row, col in [(100, 200), (301, 57), (511, 511)]:
        x, y = found.scene.transform @ (col + 0.5, row + 0.5)
        with rasterio.open(found.target) as file:
            down, across = file.index(x, y)
        inside = 0 <= down < here.shape[0] and 0 <= across < here.shape[1]
        expected = classes.picture(here[down, across], found.classes) if inside else np.zeros(4)
        np.testing.assert_array_equal(shown.picture[row, col], expected)
    assert shown.caption.startswith(f" · {here.shape[0]} × {here.shape[1]} px · ")
    assert " m/px · " in shown.caption
    assert shown.caption.endswith(f"of {len(found.classes)} classes")
    assert (confidence.scale.low, confidence.scale.high) == (0, 1)
    elsewhere = View(open_sample("flower"), Window(0, 0, 64, 64), open_sample("flower"))
    assert len(train_land.stages(elsewhere, found)) == 2


def test_bands_that_a_scene_lacks_are_named(covered):
    model, _ = covered
    photo = open_sample("flower")
    assert "B08" in land_runs.missing(View(photo, Window(0, 0, 64, 64)), model)


def test_a_scene_of_ones_own_is_judged_by_the_labels_that_were_given(covered, tmp_path):
    model, found = covered
    truth, own = tmp_path / "truth.tif", tmp_path / "own.tif"
    with rasterio.open(labels.open_labels().path) as file:
        profile, values = file.profile, file.read(1)
    with rasterio.open(truth, "w", **profile) as file:
        file.write(np.where(values == 1, 41, values), 1)  # water has another number here
    own.write_bytes(Path(found.scene.path).read_bytes())
    theirs = replace(found, scene=open_scene(own))

    def part(given, truth, names):
        from cnnviz.ui import labels
        from cnnviz.ui.experiments import train_land

        if names:
            labels.keep_labels(given.scene, labels.Labels(truth, names))
        train_land._confusion(given)

    names = {int(each.value): each.title for each in LABEL_CLASSES if each.title != "Water"} | {41: "Water"}
    app = AppTest.from_function(part, kwargs={"given": theirs, "truth": truth, "names": {}}, default_timeout=60).run()
    assert "give labels of this scene" in app.caption[0].value
    app = AppTest.from_function(part, kwargs={"given": theirs, "truth": truth, "names": names}).run()
    assert not app.exception
    with rasterio.open(found.target) as file:
        said = file.read(1)
        rows, cols = np.indices(said.shape)
        x, y = rasterio.transform.xy(file.transform, rows.ravel(), cols.ravel())
    with rasterio.open(truth) as file:
        row, col = (np.asarray(each, int) for each in rasterio.transform.rowcol(file.transform, x, y))
        true = file.read(1)[row, col].reshape(said.shape)
    index = np.full(256, 255)
    for value, name in names.items():
        index[value] = model.training.classes.index(name) if name in model.training.classes else 255
    judged = (index[true] != 255) & (said != 255)
    expected = 100 * (index[true] == said)[judged].mean()
    assert app.caption[0].value.startswith(
        f"{train_land.render.number(expected, 3)} % of {judged.sum():,} pixels agree"
    )


def test_every_run_has_its_place_in_the_chart(digits, searched):
    found = train_results.held_back(digits)
    assert found == [(each.number, each.val_accuracy) for each in digits.history.epochs]
    best = searched[2].result.model
    assert train_results.held_back(best) == [(best.plan.epochs, best.accuracy)]
