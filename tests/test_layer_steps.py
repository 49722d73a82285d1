import numpy as np
import pytest

from cnnviz.architecture import Architecture
from cnnviz.errors import GeometryError, ModelError, RecipeError
from cnnviz.plans import PLANS

keras = pytest.importorskip("keras")

GROWN = [
    Architecture(),
    Architecture(filters=(4, 5, 6), kernel=3, padding="same", pooling="max", activation="tanh"),
    Architecture(normalise=True, batch_norm=True, dropout=0.25, head="average", dense=()),
    Architecture(filters=(3,), kernel=2, dense=(7,), activation="sigmoid", dropout=0.5),
    *(each.plan.architecture for each in PLANS.values()),
]


@pytest.mark.parametrize("shape", [(32, 32, 1), (64, 47, 13)])
@pytest.mark.parametrize("architecture", GROWN)
def test_shapes_and_parameters_are_those_of_the_live_model(architecture, shape):
    steps, model = architecture.steps(shape, classes=7), architecture.build(shape, 7)
    for step, layer in zip(steps, model.layers[1:], strict=True):
        assert (step.name, (None, *step.shape)) == (layer.name, layer.output.shape)
        assert step.parameters == layer.count_params()
        assert step.trained == sum(int(np.prod(each.shape)) for each in layer.trainable_weights)
        assert step.parameter_sum.endswith(f"= {step.parameters:,}") or not step.parameters
    assert architecture.parameters(shape, 7) == model.count_params()


def test_sums_say_why():
    steps = {step.name: step for step in Architecture(normalise=True).steps((32, 28, 3), classes=10)}
    assert steps["conv_1"].shape_sum == "32 − 5 + 1 = 28, 28 − 5 + 1 = 24"
    assert steps["conv_1"].parameter_sum == "5·5·3·6 + 6 = 456"
    assert steps["pool_1"].shape_sum == "⌊28 / 2⌋ = 14, ⌊24 / 2⌋ = 12"
    assert steps["flatten"].shape_sum == "5·4·16 = 320"
    assert steps["normalise"].parameter_sum == "mean and variance: 2·3 = 6"


def test_weights_are_drawn_as_keras_draws_them_and_the_same_for_a_seed():
    first, again, other = (Architecture().build((32, 32, 1), 10, seed=seed).get_weights() for seed in (1, 1, 2))
    free = Architecture().build((32, 32, 1), 10).get_weights()
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not (first[0] == other[0]).all()
    for drawn, kerass in zip(first[4::2], free[4::2], strict=True):
        np.testing.assert_allclose([drawn.std(), abs(drawn).max()], [kerass.std(), abs(kerass).max()], rtol=0.06)
        assert np.allclose(first[1], 0)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"filters": ()}, ModelError, "Received 0 numbers as filters; 1 to 6 are expected"),
        ({"filters": (0,)}, ModelError, "Received filters 0; a whole number from 1 to 512"),
        ({"kernel": 2.5}, ModelError, r"Received kernel 2\.5"),
        ({"dropout": 1}, ModelError, r"Received dropout 1; a share from 0 to 0\.9"),
        ({"pooling": "min"}, ModelError, "Received pooling 'min'; one of average, max"),
        ({"activation": "gelu"}, RecipeError, "received activation 'gelu'"),
        ({"activation": "softmax"}, ModelError, "one of relu, sigmoid, tanh"),
    ],
)
def test_settings_that_no_model_could_have_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        Architecture(**settings)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(GeometryError, match=r"conv_2 receives maps of 2 × 2; its window of 5 × 5 does not fit"):
        Architecture().steps((8, 8, 1), classes=10)
    with pytest.raises(GeometryError, match=r"Received input shape \(8, 8\)"):
        Architecture().steps((8, 8), classes=10)
    with pytest.raises(ModelError, match="Received 1 classes"):
        Architecture().steps((32, 32, 1), classes=1)
    with pytest.raises(ModelError, match="at most 20,000,000 are allowed"):
        Architecture(dense=(4096,)).steps((512, 512, 1), classes=2)
