import threading

import numpy as np
import pytest

from cnnviz.architecture import Architecture
from cnnviz.errors import DataError, DivergedError, RecipeError
from cnnviz.models import load_model, save_model
from cnnviz.plans import TrainingPlan
from cnnviz.training import StopTraining, fit, fit_plan, predict

keras = pytest.importorskip("keras")

SMALL = Architecture(filters=(4,), kernel=3, dense=(8,))


def dots(count=96, side=12, bands=1, seed=0):
    """Images of noise with a bright spot in one of three corners, and which corner."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.normal(0, 0.3, (count, side, side, bands)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[(0, 0, side - 4)[label] :, (0, side - 4, 0)[label] :][:4, :4] += 1
    return images, labels


def model_of(architecture=SMALL, bands=1, seed=0):
    return architecture.build((12, 12, bands), 3, seed=seed)


def test_one_batch_an_epoch_gives_what_kerass_own_fit_gives():
    x, y = dots(60)
    ours, theirs = model_of(), model_of()
    theirs.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = theirs.fit(x, y, batch_size=60, epochs=5, verbose=0).history
    history = fit(ours, x, y, epochs=5, batch_size=60)
    np.testing.assert_allclose([each.loss for each in history.epochs], expected["loss"], rtol=1e-4)
    np.testing.assert_allclose([each.accuracy for each in history.epochs], expected["accuracy"], rtol=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_validation_and_probabilities_are_those_of_keras():
    (x, y), held = dots(90), dots(301, seed=1)
    model = model_of(Architecture(filters=(4,), kernel=3, dense=(8,), batch_norm=True, dropout=0.2, normalise=True))
    last = fit(model, x, y, epochs=3, batch_size=32, validation=held).last
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(*held, verbose=0)
    assert (last.val_loss, last.val_accuracy) == pytest.approx((loss, accuracy), rel=1e-4)
    np.testing.assert_allclose(predict(model, held[0]), model.predict(held[0], verbose=0), atol=1e-5)


@pytest.mark.parametrize(
    ("optimiser", "augment"), [("adam", "none"), ("sgd", "shifts"), ("momentum", "flips"), ("rmsprop", "turns")]
)
def test_the_same_seed_gives_the_same_training(optimiser, augment):
    x, y = dots()
    plan = TrainingPlan(
        architecture=Architecture(filters=(4,), kernel=3, dense=(8,), dropout=0.3),
        epochs=2, batch_size=20, optimiser=optimiser, augment=augment, schedule="cosine", seed=3,
    )  # fmt: skip
    models = [plan.build((12, 12, 1), 3) for _ in range(2)]
    first, again = (fit_plan(model, (x, y), plan) for model in models)
    other = fit_plan(plan.build((12, 12, 1), 3), (x, y), plan.changed(seed=4))
    np.testing.assert_allclose(first.batch_loss, again.batch_loss, rtol=1e-5)
    assert not np.allclose(first.batch_loss, other.batch_loss)
    assert first.batch_loss.shape == (2 * 5,)
    assert first.batches_per_epoch == 5


def test_it_learns_and_keeps_a_history():
    x, y = dots(300)
    model, seen = model_of(), []
    history = fit(model, x, y, epochs=6, batch_size=16, learning_rate=0.01, on_epoch=seen.append, validation=dots(90))
    assert history.best.val_accuracy > 0.9
    lines = history.to_csv().splitlines()
    assert lines[0] == "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3", "4", "5", "6"]
    assert not any((a == b).all() for a, b in zip(seen[0].weights[::2], seen[-1].weights[::2], strict=True))
    for kept, now in zip(seen[-1].weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_the_loss_of_an_epoch_is_the_mean_over_its_images():
    x, y = dots(50)
    history = fit(model_of(), x, y, epochs=1, batch_size=32)
    assert history.last.loss == pytest.approx((32 * history.batch_loss[0] + 18 * history.batch_loss[1]) / 50, rel=1e-5)


def test_a_callback_stops_and_the_model_stays_usable():
    x, y = dots()
    model, before = model_of(), model_of().get_weights()

    def stop(epoch):
        if epoch.number == 2:
            raise StopTraining

    history = fit(model, x, y, epochs=50, batch_size=16, on_epoch=stop)
    assert (history.stopped, len(history.epochs)) == (True, 2)
    with pytest.raises(KeyError, match="closed"):
        fit(model, x, y, epochs=50, batch_size=16, on_batch=lambda found: (_ for _ in ()).throw(KeyError("closed")))
    assert not np.allclose(model.get_weights()[0], before[0])
    assert np.isfinite(predict(model, x)).all()


def test_bands_are_normalised_by_what_was_measured_once():
    x, y = dots(bands=2)
    x = x * [100, 0.01] + [5000, 3]
    model = model_of(Architecture(filters=(4,), kernel=3, dense=(8,), normalise=True), bands=2)
    fit(model, x, y, epochs=1, batch_size=32)
    layer = model.get_layer("normalise")
    np.testing.assert_allclose(layer.moving_mean, x.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, x.var((0, 1, 2)), rtol=1e-3)
    fit(model, x + 1, y, epochs=1, batch_size=32)
    np.testing.assert_allclose(layer.moving_mean, x.mean((0, 1, 2)), rtol=1e-5)


def test_two_trainings_at_once_do_not_meet():
    x, y = dots()
    alone = fit(model_of(), x, y, epochs=4, batch_size=16)
    found = [None, None]

    def train(place):
        found[place] = fit(model_of(), x, y, epochs=4, batch_size=16)

    threads = [threading.Thread(target=train, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for history in found:
        np.testing.assert_allclose(history.batch_loss, alone.batch_loss, rtol=1e-4)


def test_a_model_that_ends_in_logits_learns_too():
    x, y = dots(60)
    whole = model_of()
    logits = keras.Model(whole.inputs, whole.get_layer("logits").output)
    history = fit(logits, x, y, epochs=2, batch_size=60)
    np.testing.assert_allclose(history.batch_loss, fit(model_of(), x, y, epochs=2, batch_size=60).batch_loss, rtol=1e-4)
    np.testing.assert_allclose(predict(logits, x).sum(axis=1), 1, rtol=1e-5)


def test_a_loss_that_overflows_is_said_and_the_weights_go_back():
    x, y = dots()
    model = model_of()
    with pytest.raises(DivergedError, match=r"in epoch \d+, at a learning rate of 10 with sgd. Use.*such as 1,"):
        fit(model, x * 1e18, y, epochs=9, batch_size=16, optimiser="sgd", learning_rate=10)
    assert all(np.isfinite(each).all() for each in model.get_weights())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[:-1], y), "Received 95 images and 96 labels"),
        (lambda x, y: (x, y * 0), "one class alone"),
        (lambda x, y: (np.where(x == x[5, 3, 3], np.nan, x), y), "Image 5 has pixels without a finite value"),
        (lambda x, y: (x[:, :8], y), r"images of 8 × 12 × 1; the model expects 12 × 12 × 1"),
        (lambda x, y: (x, y + 1), "labels from 1 to 3; 0 to 2 are expected"),
        (lambda x, y: (x, y.astype(float)), r"labels of shape \(96,\) and type float64"),
        (lambda x, y: ([x[0], x[0, :3]], y), "mixed sizes"),
        (lambda x, y: (x[:0], y[:0]), "without 0"),
    ],
)
def test_data_that_cannot_be_learned_from_is_refused(change, message):
    with pytest.raises(DataError, match=message):
        fit(model_of(), *change(*dots()), epochs=1, batch_size=16)


def test_only_squares_can_be_turned_by_quarters():
    x, y = dots()
    model = SMALL.build((10, 12, 1), 3)
    with pytest.raises(DataError, match="Received images of 10 × 12 to be turned by quarters; use flips"):
        fit(model, x[:, :10], y, epochs=1, batch_size=16, augment="turns")


def test_settings_out_of_range_are_refused():
    for settings, message in [
        ({"epochs": 0}, "Received epochs 0; a whole number from 1 to 1,000"),
        ({"batch_size": 2.5}, "Received batch size 2.5"),
        ({"learning_rate": float("nan")}, "Received learning rate nan"),
        ({"optimiser": "lion"}, "one of adam, momentum, rmsprop, sgd"),
    ]:
        with pytest.raises(RecipeError, match=message):
            TrainingPlan(**settings)
    with pytest.raises(RecipeError, match="Received a setting 'depth'; one of activation, architecture, augment"):
        TrainingPlan().changed(depth=3)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, when it saves
def test_a_model_from_a_file_goes_on_with_its_own_moments(tmp_path):
    x, y = dots(bands=2)
    model = model_of(Architecture(filters=(4,), kernel=3, dense=(8,), normalise=True, batch_norm=True), bands=2)
    fit(model, x * 50, y, epochs=1, batch_size=32)
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(predict(loaded, x), predict(model, x), atol=1e-6)
    first, again = (fit(each, x * 50, y, epochs=1, batch_size=96) for each in (model, loaded))
    np.testing.assert_allclose(first.batch_loss, again.batch_loss, rtol=1e-4)
