import os

import numpy as np
import pytest

from cnnviz.architecture import Architecture
from cnnviz.errors import DataError, DivergedError, RecipeError
from cnnviz.plans import TrainingPlan
from cnnviz.search import MAX_WORKERS
from cnnviz.training import fit_plan, grid_search, predict, stratified_folds
from tests.test_training import dots

pytest.importorskip("keras")

PLAN = TrainingPlan(architecture=Architecture(filters=(4,), kernel=3, dense=(8,)), learning_rate=0.01)


def test_the_folds_are_those_of_scikit_learns_own_search():
    model_selection = pytest.importorskip("sklearn.model_selection")
    labels = np.random.default_rng(0).integers(0, 4, 50)
    expected = model_selection.check_cv(3, labels, classifier=True).split(np.zeros(50), labels)
    for found, wanted in zip(stratified_folds(labels, 3), expected, strict=True):
        np.testing.assert_array_equal(found[0], wanted[0])
        np.testing.assert_array_equal(found[1], wanted[1])


@pytest.mark.parametrize("normalise", [False, True])
def test_each_score_is_what_a_training_of_its_own_gives(normalise):
    x, y = dots()
    plan = PLAN.changed(normalise=normalise)
    search = grid_search(x, y, batch_sizes=(16, 32), epochs=(1, 3), folds=3, seed=5, plan=plan)
    trials = {tuple(trial.params.values()): trial.scores for trial in search.trials}
    assert list(trials) == [(16, 1), (16, 3), (32, 1), (32, 3)]
    for (batch_size, epochs), scores in trials.items():
        for fold, (train, held) in enumerate(stratified_folds(y, 3)):
            one = plan.changed(batch_size=batch_size, epochs=epochs, seed=5 + fold)
            model = one.build((12, 12, 1), 3)
            fit_plan(model, (x[train], y[train]), one)
            assert scores[fold] == pytest.approx((predict(model, x[held]).argmax(1) == y[held]).mean(), abs=0.04)


def test_the_best_is_trained_again_on_everything():
    x, y = dots(150)
    search = grid_search(x, y, batch_sizes=(16,), epochs=(1, 8), folds=2, plan=PLAN)
    assert search.best_params == {"batch_size": 16, "epochs": 8}
    assert search.best_score == search.best.mean == max(row["mean"] for row in search.table)
    assert [row["rank"] for row in search.table] == [1, 2]
    assert len(search.history.epochs) == 8
    assert (predict(search.model, x).argmax(1) == y).mean() > 0.9
    assert grid_search(x, y, batch_sizes=(16,), epochs=(1,), folds=2, plan=PLAN, refit=False).model is None


def test_the_time_of_each_combination_is_that_of_its_own_epochs():
    x, y = dots(150)
    search = grid_search(x, y, batch_sizes=(8, 16), epochs=(1, 6), folds=2, plan=PLAN, refit=False)
    times = {tuple(trial.params.values()): trial.times for trial in search.trials}
    for size in (8, 16):
        assert all(0 < few < many for few, many in zip(times[size, 1], times[size, 6], strict=True))
    at_once = min(os.cpu_count() or 1, MAX_WORKERS)
    assert sum(times[8, 6]) + sum(times[16, 6]) <= at_once * search.seconds
    row = next(row for row in search.table if (row["batch_size"], row["epochs"]) == (8, 6))
    assert row["seconds"] == np.mean(times[8, 6])


def test_any_setting_may_vary_and_a_diverged_one_comes_last():
    x, y = dots()
    others = {"pooling": ["average", "max"], "learning_rate": [0.01, 10.0]}
    plan, few = PLAN.changed(optimiser="sgd"), {"batch_sizes": (16,), "epochs": (2,), "folds": 2}
    search = grid_search(
        x * 1e18, y, batch_sizes=(16,), epochs=(2,), folds=2, others=others, plan=plan.changed(normalise=True)
    )
    assert {tuple(trial.params) for trial in search.trials} == {("batch_size", "pooling", "learning_rate", "epochs")}
    assert len(search.trials) == 4
    with pytest.raises(DivergedError, match="No combination could be trained"):
        grid_search(x * 1e18, y, **few, others={"learning_rate": [10.0]}, plan=plan)


def test_a_falling_learning_rate_is_trained_for_each_number_of_epochs():
    x, y = dots()
    plan = PLAN.changed(schedule="cosine")
    search = grid_search(x, y, batch_sizes=(16,), epochs=(1, 2), folds=2, plan=plan)
    assert [trial.params["epochs"] for trial in search.trials] == [1, 2]


def test_progress_rises_to_the_end_and_what_it_raises_ends_the_search():
    x, y = dots()
    told = []
    grid_search(x, y, batch_sizes=(16,), epochs=(2,), folds=2, plan=PLAN, on_progress=told.append)
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert told[-1].done == pytest.approx(1, abs=0.05)

    def cancel(progress):
        raise KeyError("closed")

    with pytest.raises(KeyError, match="closed"):
        grid_search(x, y, batch_sizes=(16,), epochs=(1000,), folds=2, plan=PLAN, on_progress=cancel)


def test_what_cannot_be_searched_is_refused():
    x, y = dots(9)
    with pytest.raises(DataError, match="A class has 3 images, which 4 folds cannot share"):
        grid_search(x, y, folds=4)
    with pytest.raises(RecipeError, match="Received 1 folds"):
        grid_search(x, y, folds=1)
    with pytest.raises(RecipeError, match="Received 400 combinations; at most 200"):
        grid_search(x, y, batch_sizes=range(1, 201))
    with pytest.raises(RecipeError, match="a setting without values"):
        grid_search(x, y, epochs=())
