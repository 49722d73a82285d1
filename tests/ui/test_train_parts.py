"""Parts of the trainer's page, each with a model that was trained for a moment."""

import io

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.chips import Split, split
from cnnviz.datasets import open_dataset
from cnnviz.training import TrainingPlan
from cnnviz.ui.experiments import train_digit, train_files
from cnnviz.ui.jobs import Job
from cnnviz.ui.model_card import card
from cnnviz.ui.trainings import Live, Order, _work

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


def test_files_are_offered(digits):
    app = shown(train_files.show, digits)
    assert [each.label for each in app.get("download_button")] == [
        "Model (.keras)", "Weights (.npz)", "History (CSV)", "Model card"
    ]  # fmt: skip
