"""The digit pad: its strokes, and the pictures that a drawing becomes, against MNIST's and scikit-learn's own."""

import numpy as np
import pytest

from cnnviz.datasets import open_dataset
from cnnviz.errors import DataError
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.ui.digit_pad import PEN, SIDE, drawn, enlarged, framed, read_strokes
from cnnviz.ui.montage import montages, vectors

ONE = read_strokes("140,40 140,240")


def test_a_stroke_is_a_line_as_wide_as_the_pen():
    picture = drawn(ONE)
    assert picture.shape == (SIDE, SIDE)
    assert picture[140].sum() == pytest.approx(PEN, abs=1.5)
    assert picture[:, 140].sum() == pytest.approx(200 + PEN, abs=2)
    assert not drawn([]).any()


def test_a_drawing_lies_as_mnist_says():
    image = framed(drawn(ONE))
    rows, cols = np.nonzero(image > 0.02)
    assert (np.ptp(rows) + 1, image.shape) == (20, (32, 32))
    assert rows.mean() == pytest.approx(15.5)
    assert cols.mean() == pytest.approx(15.5, abs=0.6)


def test_mnists_own_digits_become_themselves_again(real_data, monkeypatch):
    monkeypatch.setenv("CNNVIZ_DATA", str(real_data))
    digits = open_dataset("mnist_test", limit=40).images[..., 0]
    for digit in digits:
        large = np.kron(digit[2:30, 2:30], np.ones((10, 10), np.float32))
        np.testing.assert_allclose(framed(large), digit, atol=1e-6)


def test_where_on_the_pad_a_digit_stands_makes_no_difference():
    left, right = read_strokes("30,30 60,130"), read_strokes("190,110 220,210")
    np.testing.assert_array_equal(framed(drawn(left)), framed(drawn(right)))
    np.testing.assert_array_equal(enlarged(drawn(left)), enlarged(drawn(right)))


def test_the_other_form_fills_eight_by_eight_pixels_of_seventeen_shades():
    image = enlarged(drawn(read_strokes("60,30 220,250")))
    coarse = image.reshape(8, 4, 8, 4)[:, 1:3, :, 1:3].mean(axis=(1, 3))
    assert image.shape == (32, 32)
    assert image.max() <= 1
    assert coarse[0].any()
    assert coarse[-1].any()


def test_an_empty_pad_gives_black_pictures():
    assert not framed(drawn([])).any()
    assert not enlarged(drawn([])).any()


@pytest.mark.parametrize(
    "text", ["a", "1,2,3", "280,0", "-1,5", "1,2  3,4", ";", "5,5 " * 700 + "5,5", "9" * 40 + ",1"]
)
def test_what_no_pad_reports_is_refused(text):
    with pytest.raises(DataError, match=r"Received a drawing .*; points x,y"):
        read_strokes(text)


def test_too_many_strokes_are_refused():
    with pytest.raises(DataError, match="more than 60 strokes"):
        read_strokes(";".join(["1,1"] * 1000))


def test_maps_of_one_group_lie_at_the_same_places():
    network = Network([Conv2D(np.ones((3, 3, 1, 5))), Activation("relu"), Pool2D(2), Conv2D(np.ones((6, 6, 5, 7)))])
    image = np.zeros((15, 15, 1), np.float32)
    image[4, 9] = 1
    maps = network.run(image)
    (conv, relu, pool), (values,) = next(montages(maps)), vectors(maps)
    assert (pool.operation, values.operation) == ("2 × 2 max", "6 × 6 × 5, 7 filters")
    assert conv.picture.shape == relu.picture.shape
    assert (
        tuple(n * jump for n, jump in zip(pool.picture.shape[:2], pool.field.jump, strict=True))
        == conv.picture.shape[:2]
    )
    assert conv.scale == pool.scale
    assert values.picture.shape == (1, 7, 4)
