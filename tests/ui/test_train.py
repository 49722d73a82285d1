"""The trainer: what is set, what is trained, and what comes of it."""

import time
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.chips import Chips, Split, split
from cnnviz.training import TrainingPlan
from cnnviz.ui import trainings
from cnnviz.ui.experiments import train_lesson, train_results
from cnnviz.ui.experiments.train import Setting, numbers
from cnnviz.ui.jobs import Job, State
from cnnviz.ui.trainings import Live, Order
from cnnviz.ui.words import percent
from tests.source import ROOT

PAGE = str(ROOT / "pages" / "8_Train_LeNet-5.py")


@pytest.fixture
def page():
    found = AppTest.from_file(PAGE, default_timeout=120)
    found.query_params["epochs_lenet5"] = "2"
    found.query_params["images"] = "300"
    return found.run()


def wait_until_trained(page, seconds=120):
    end = time.monotonic() + seconds
    while not page.session_state["_training"].job.finished:
        assert time.monotonic() < end, "the training did not end"
        time.sleep(0.1)
    return page.run()


def text(page):
    return "\n".join(element.value for element in [*page.markdown, *page.caption])


def test_the_first_look_needs_no_training(page):
    assert not page.exception
    assert "61,706 parameters in all" in text(page)
    assert "240 to learn from, 60 held back" in text(page)
    assert len(page.error) == 0


def test_a_training_shows_what_came_of_it(page):
    page.button(key="train_start").click().run()
    wait_until_trained(page)
    assert not page.exception
    model = page.session_state["_trained"]["Run 1"]
    assert [each.epoch for each in model.snapshots] == [0, 1, 2]
    assert "Keras counts 61,706" in text(page)
    assert "Confusion" in text(page)
    probabilities = [model.network.apply(image)[0, 0] for image in model.judged.images[:20]]
    np.testing.assert_allclose(probabilities, model.last.shares[:20], atol=1e-5)


def test_two_seeds_are_compared(page):
    for seed in (0, 1):
        page.number_input(key="seed").set_value(seed).run()
        page.button(key="train_start").click().run()
        wait_until_trained(page)
    assert "Run 1, Run 2 differ in their seed alone" in text(page)


def test_while_a_training_runs_no_second_one_begins(page):
    page.button(key="train_start").click().run()
    assert page.button(key="train_start").disabled
    wait_until_trained(page)
    assert list(page.session_state["_trained"]) == ["Run 1"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("filters_lenet5", "six", "whole numbers such as 6, 16"),
        ("filters_lenet5", "6, 16, 32", "too small"),
        ("dense_lenet5", "0", "units 0|dense 0"),
        ("rate_lenet5", "fast", "a number such as 0.001"),
        ("rate_lenet5", "-1", "learning rate -1"),
    ],
)
def test_what_cannot_be_is_said_and_the_last_good_stays(page, key, value, message):
    page.text_input(key=key).set_value(value).run()
    assert not page.exception
    assert page.error[0].value
    assert "61,706 parameters in all" in text(page)


def test_digits_have_no_blocks(page):
    page.button_group(key="split").set_value(Split.BLOCKS).run()
    assert any("split them at random" in each.value for each in page.error)


def scene_like(count=60, classes=2):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    images = rng.normal(scale=0.1, size=(count, 16, 16, 1)) + labels[:, None, None, None]
    places = np.array([(16 * (n // 8), 16 * (n % 8)) for n in range(count)])
    return Chips(images, labels, tuple("ab"[:classes]), ("B08",), "Made up", True, places=places)


def order(plan, how=Split.RANDOM):
    training, judged = split(scene_like(), how=how)
    return Order("made up", plan, how, training, judged)


def trained(plan, how=Split.RANDOM, name="Run 1", until=None):
    live = Live(name, order(plan, how))
    job = Job(lambda job: trainings._work(job, live), "me")
    if until:
        live.enough = True
    job.run()
    return job


def test_a_training_that_is_stopped_keeps_what_it_has_learned():
    job = trained(TrainingPlan(epochs=50), until="now")
    assert job.state is State.DONE
    assert len(job.result.history.epochs) == 0
    assert [each.epoch for each in job.result.snapshots] == [0, 1]


def test_a_cancelled_training_keeps_nothing():
    live = Live("Run 1", order(TrainingPlan(epochs=50)))
    job = Job(lambda job: trainings._work(job, live), "me")
    job.cancel()
    job.run()
    assert (job.state, job.result) == (State.CANCELLED, None)


def test_what_diverges_is_said():
    given = order(TrainingPlan(epochs=3, optimiser="sgd", learning_rate=10.0, batch_size=4))
    bright = replace(given, training=replace(given.training, images=given.training.images * 1e12))
    job = Job(lambda job: trainings._work(job, Live("Run 1", bright)), "me")
    job.run()
    assert job.state is State.FAILED
    assert "smaller learning rate" in job.problem


def test_long_trainings_keep_few_snapshots():
    kept = list(range(3))
    for number in range(3, 200):
        kept.append(number)
        trainings._thin(kept)
    assert len(kept) <= trainings.SNAPSHOTS
    assert (kept[0], kept[-1]) == (0, 199)


def test_random_and_block_splits_are_set_side_by_side():
    plan = TrainingPlan(epochs=1)
    models = [trained(plan, how, f"Run {how}").result for how in Split]
    (line,) = train_results.leaks(models)
    assert percent(models[0].accuracy) in line
    assert percent(models[1].accuracy) in line
    assert train_results.seeds(models) == []


def test_the_question_is_answered_by_keras():
    chips = scene_like()
    given = Setting("made up", Split.RANDOM, chips, chips, chips, TrainingPlan())
    model = given.plan.build(chips.shape, 2)
    last = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"][-1]
    question = train_lesson.question(given)
    assert question.answer == f"{last.count_params():,}"
    assert question.answer in question.choices
    assert len(set(question.choices)) == len(question.choices) >= 3


def test_numbers_may_be_typed_in_any_way():
    assert numbers(" 6,16  32", "filters") == (6, 16, 32)
    assert numbers("", "units") == ()
