import numpy as np
import pytest

from cnnviz.errors import DataError
from cnnviz.scores import accuracy, class_scores, confusion, softmax_terms, worst_mistakes

metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("seed", range(5))
def test_scikit_learn_gives_the_same_scores(seed):
    rng = np.random.default_rng(seed)
    labels, called = rng.integers(0, 4, 200), rng.integers(0, 6, 200)
    table = confusion(labels, called, classes=7)
    np.testing.assert_array_equal(table, metrics.confusion_matrix(labels, called, labels=range(7)))
    assert accuracy(table) == metrics.accuracy_score(labels, called)
    expected = metrics.precision_recall_fscore_support(labels, called, labels=range(7), zero_division=np.nan)
    found = [(each.precision, each.recall, each.f1, each.support) for each in class_scores(table)]
    np.testing.assert_allclose(np.transpose(found), expected)


def test_no_images_have_no_accuracy():
    assert np.isnan(accuracy(confusion(np.zeros(0, int), np.zeros(0, int), classes=2)))


def test_worst_mistakes_come_first():
    shares = np.array([[0.1, 0.9, 0], [0.6, 0.3, 0.1], [0.05, 0.0, 0.95], [1, 0, 0]])
    found = worst_mistakes(shares, [0, 2, 1, 0])
    assert [(each.index, each.label, each.predicted) for each in found] == [(2, 1, 2), (0, 0, 1), (1, 2, 0)]
    assert (found[0].probability, found[0].own_probability) == (0.95, 0.0)
    assert len(worst_mistakes(shares, [0, 2, 1, 0], count=1)) == 1


def test_softmax_adds_up_and_does_not_overflow():
    scipy_special = pytest.importorskip("scipy.special")
    logits = np.array([1000.0, 999.0, -1000.0])
    terms = softmax_terms(logits)
    np.testing.assert_allclose(terms.share, scipy_special.softmax(logits))
    np.testing.assert_allclose(terms.exp / terms.total, terms.share)
    assert terms.less_largest.tolist() == [0, -1, -2000]


def test_what_does_not_match_is_refused():
    with pytest.raises(DataError, match=r"labels \(2,\) and predictions \(3,\)"):
        confusion([0, 1], [0, 1, 1], classes=2)
    with pytest.raises(DataError, match="predictions that are no whole numbers from 0 to 1"):
        confusion([0, 1], [0, 2], classes=2)
    with pytest.raises(DataError, match="finite numbers"):
        softmax_terms([np.nan, 1])
    with pytest.raises(DataError, match=r"probabilities \(2,\)"):
        worst_mistakes([0.5, 0.5], [0, 1])
