"""Parts of the trainer's page, each with a model that was trained for a moment."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.chips import Split, split
from cnnviz.datasets import open_dataset
from cnnviz.training import TrainingPlan
from cnnviz.ui.experiments import train_digit
from cnnviz.ui.jobs import Job
from cnnviz.ui.trainings import Live, Order, _work


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
