"""What a cell of a Keras model saw, against what its value depends on when one pixel after the other is changed."""

import numpy as np
import pytest

from cnnviz.keras_fields import fields
from cnnviz.keras_reach import seen
from cnnviz.keras_run import shapes, stages

keras = pytest.importorskip("keras")

L = keras.layers
ROWS, COLS = 12, 15


def shortcut(x):
    y = L.Conv2D(3, 3, padding="same", name="inner")(x)
    return L.Add(name="end")([x, L.Conv2D(3, (1, 5), padding="same")(y)])


def two_strides(x):
    left = L.Conv2D(3, 3, strides=3, padding="same")(x)
    return L.Concatenate(name="end")([left, L.AveragePooling2D(3, padding="same")(L.Conv2D(3, 1)(x))])


def there_and_back(x):
    low = L.Conv2D(3, 3, padding="same")(L.AveragePooling2D(3)(x))
    return L.Concatenate(name="end")([x, L.UpSampling2D(3)(low)])


def smooth(x):
    return L.Conv2D(2, 1, name="end")(L.UpSampling2D((2, 3), interpolation="bilinear")(L.AveragePooling2D((2, 3))(x)))


def transposed(x):
    return L.Conv2DTranspose(3, (3, 4), strides=(2, 3), padding="same", name="end")(L.AveragePooling2D((2, 3))(x))


def transposed_valid(x):
    return L.Conv2DTranspose(3, 2, strides=3, name="end")(L.AveragePooling2D(3)(x))


def end_to_end(x):
    return L.Conv2D(2, 3, name="end")(L.Concatenate(axis=1)([x, L.Cropping2D(((2, 3), (0, 0)))(x)]))


def padded(x):
    return L.Conv2D(2, 3, padding="same", name="end")(L.ZeroPadding2D(((3, 0), (1, 2)))(x))


def squeezed(x):
    weights = L.Dense(3, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x))
    return L.Multiply(name="end")([x, weights])


def inside(x):
    inner = keras.Input((ROWS, COLS, 3))
    return L.AveragePooling2D(2, name="end")(keras.Model(inner, shortcut(inner))(x))


GRAPHS = [shortcut, two_strides, there_and_back, smooth, transposed, transposed_valid, end_to_end, padded, squeezed]


def built(graph):
    """The model, with weights above 0 so that no change cancels another."""
    image = keras.Input((ROWS, COLS, 3))
    model = keras.Model(image, graph(image))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.5, 1, weight.shape))
    return model


def depends(model):
    """For every cell of the last layer, which pixels move its values ``(rows, cols, ROWS, COLS)``."""
    image = np.random.default_rng(1).random((ROWS, COLS, 3)).astype(np.float32)
    batch = np.repeat(image[None], ROWS * COLS, axis=0)
    for number, (row, col) in enumerate(np.ndindex(ROWS, COLS)):
        batch[number, row, col] += 1
    moved = np.abs(np.asarray(model(batch)) - np.asarray(model(image[None]))).max(axis=3) > 1e-6
    return moved.transpose(1, 2, 0).reshape(*moved.shape[1:], ROWS, COLS)


@pytest.mark.parametrize("graph", [*GRAPHS, inside])
def test_what_a_cell_saw_is_what_it_depends_on(graph):
    model = built(graph)
    plan, found = stages(model), depends(model)
    known = shapes(model, (ROWS, COLS, 3))
    sizes = [each[:2] for each in known]
    regular = fields(plan, known, (ROWS, COLS, 3))[-1]
    assert sizes[-1] == found.shape[:2]
    for row, col in np.ndindex(found.shape[:2]):
        box = seen(plan, sizes, (ROWS, COLS), (len(plan) - 1, row, col))
        places = np.argwhere(found[row, col])
        if not len(places):
            assert box is None
            continue
        assert box == (*places.min(axis=0), *(places.max(axis=0) + 1))
        top, left, bottom, right = regular.box(row, col)
        if regular.jump != (ROWS, COLS):  # one figure for all cells holds what each of them saw
            assert top <= box.top
            assert left <= box.left
            assert bottom >= box.bottom
            assert right >= box.right


def test_a_layer_is_followed_no_further_than_itself():
    model = built(shortcut)
    names = [stage.layer.name for stage in stages(model)]
    sizes = [each[:2] for each in shapes(model, (ROWS, COLS, 3))]
    assert seen(stages(model), sizes, (ROWS, COLS), (names.index("inner"), 5, 0)) == (4, 0, 7, 2)


def test_models_inside_the_model_are_opened():
    model = built(inside)
    kinds = [type(stage.layer).__name__ for stage in stages(model)]
    assert sorted(kinds) == ["Add", "AveragePooling2D", "Conv2D", "Conv2D"]
