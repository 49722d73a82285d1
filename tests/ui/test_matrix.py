"""The matrix page: equal to the convolution in every combination on offer, and honest about what it counts."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from streamlit.testing.v1 import AppTest

from cnnviz.convolve import conv2d, conv_matrix
from cnnviz.errors import GeometryError
from cnnviz.grids import format_kernel
from cnnviz.kernels import KERNELS
from cnnviz.matrix import Sliding
from cnnviz.samples import open_sample
from cnnviz.scene import Window
from cnnviz.ui.experiments import matrix, matrix_board, matrix_cost, matrix_lesson
from cnnviz.ui.experiments.matrix import Direction, Setting, Source
from cnnviz.ui.view import View

PAGE = Path(__file__).parents[2] / "pages" / "6_Convolution_as_a_matrix.py"
SIDES = range(1, matrix.MAX_IMAGE + 1)
STRIDES = list(product(range(1, matrix.MAX_STRIDE + 1), repeat=2))
DILATIONS = range(1, matrix.MAX_DILATION + 1)
START = Setting(format_kernel(KERNELS["vertical_edges"].weights), (4, 4), "valid", (1, 1), 1)


@pytest.fixture(scope="module")
def view():
    scene = open_sample("sentinel2")
    return View(scene, Window(40, 60, 64, 50), scene)


def agree(view, given):
    """Whether both ways give the same; None where the kernel does not fit."""
    try:
        forward = matrix.compute(view, given)
    except GeometryError:
        return None
    return forward.equal and matrix.compute(view, replace(given, direction=Direction.TRANSPOSED)).equal


@pytest.mark.parametrize("padding", matrix.PADDINGS)
def test_both_ways_agree_for_every_size_stride_and_dilation(view, padding):
    results = [
        agree(view, replace(START, shape=shape, padding=padding, stride=stride, dilation=dilation))
        for shape in product(SIDES, SIDES)
        for stride in ((1, 1), (2, 1), (3, 4))
        for dilation in DILATIONS
    ]
    results += [
        agree(view, replace(START, shape=shape, padding=padding, stride=stride, dilation=dilation))
        for shape in ((7, 12), (12, 11))
        for stride in STRIDES
        for dilation in DILATIONS
    ]
    assert False not in results
    assert results.count(True) > 300


@pytest.mark.parametrize("padding", matrix.PADDINGS)
def test_both_ways_agree_for_every_kernel_stride_and_dilation(view, padding):
    results = [
        agree(view, Setting(text, (12, 12), padding, stride, dilation, source=Source.SCENE, band="B04"))
        for text in {format_kernel(kernel.weights) for kernel in KERNELS.values()}
        for stride in ((1, 1), (2, 3), (4, 4))
        for dilation in DILATIONS
    ]
    assert False not in results
    assert results.count(True) > 100


@pytest.mark.parametrize("padding", matrix.PADDINGS)
def test_both_ways_agree_for_every_size_kernel_stride_and_dilation_of_one_axis(padding):
    chosen = int(padding) if padding.isdigit() else padding
    random = np.random.default_rng(0)
    sides = range(1, matrix.MAX_KERNEL + 1)
    count = 0
    for size, side, stride, dilation in product(SIDES, sides, range(1, matrix.MAX_STRIDE + 1), DILATIONS):
        how = Sliding(padding=chosen, stride=stride, dilation=dilation)
        for turn in (1, -1):
            image, kernel = (random.normal(size=(n, 1)[::turn]).astype(np.float32) for n in (size, side))
            try:
                expected = conv2d(image, kernel, **how.options())
            except GeometryError:
                continue
            found = conv_matrix(kernel, image.shape, **how.options()) @ image.ravel()
            np.testing.assert_allclose(found, expected.ravel(), rtol=1e-5, atol=1e-5)
            count += 1
    assert count > 1000


def test_the_lectures_case_is_what_scipy_correlates(view):
    result = matrix.compute(view, START)
    expected = ndimage.correlate(result.source, result.given.weights, mode="constant")[1:-1, 1:-1]
    np.testing.assert_array_equal(result.product, expected)
    assert (result.form.weights, result.form.dense, result.form.zeros) == (9, 64, 0.4375)
    assert result.difference == 0


def test_a_lost_pixel_spoils_the_same_outputs_in_both_ways(view, monkeypatch):
    image = np.ones((4, 4), np.float32)
    image[0, 1] = np.nan
    monkeypatch.setattr(matrix, "image_of", lambda *_: image)
    result = matrix.compute(view, START)
    assert result.equal
    assert np.isnan(result.product).tolist() == [[True, True], [False, False]]


def test_the_image_may_come_from_the_middle_of_the_window(view):
    given = replace(START, shape=(3, 5), source=Source.SCENE, band="B04")
    expected = view.patch(["B04"]).array[30:33, 22:27, 0]
    np.testing.assert_array_equal(matrix.image_of(view, given), expected)


def test_the_board_turns_with_the_matrix(view):
    given = replace(START, shape=(4, 5))
    forward = matrix_board.board(matrix.compute(view, given))
    turned = matrix_board.board(matrix.compute(view, replace(given, direction=Direction.TRANSPOSED)))
    np.testing.assert_array_equal(forward.taps, turned.taps.T)
    assert forward.target.values.shape == turned.source.values.shape == (2, 3)
    assert forward.source.values.shape == turned.target.values.shape == (4, 5)


def test_words_name_what_the_setting_does_to_the_structure(view):
    given = replace(START, shape=(9, 9), padding="same", stride=(2, 3), dilation=2)
    words = matrix_board.structure(matrix.compute(view, given))
    for part in ("5 × 9 blocks", "3 × 9 cells", "3 columns", "2 blocks", "2 cells apart", "keep 4 to 9 weights"):
        assert part in words
    assert "Toeplitz" not in words
    turned = matrix_board.structure(matrix.compute(view, replace(given, direction=Direction.TRANSPOSED)))
    for part in ("9 × 5 blocks of 9 × 3 cells", "down 3 rows", "2 blocks", "Conv2DTranspose"):
        assert part in turned
    assert "Toeplitz" in matrix_board.structure(matrix.compute(view, START))


def test_tasks_are_recognised(view):
    full = matrix.compute(view, replace(START, padding="full"))
    sparse = matrix.compute(view, replace(START, shape=(6, 6), stride=(4, 4)))
    assert (matrix_lesson.visits(full) == 9).all()
    assert (matrix_lesson.visits(sparse) == 0).any()


def test_dense_layers_grow_and_convolutions_do_not():
    grey, colour = (matrix_cost.Size(3000, 4000, bands, 4, 3) for bands in (1, 3))
    assert list(grey.layers().values()) == [48_000_000, 144 * 10**12, 9]
    assert list(colour.layers().values())[::2] == [144_000_000, 27]
    assert "192 MB" in matrix_cost.table(grey)


def test_more_than_12_megapixels_are_refused():
    with pytest.raises(GeometryError, match="at most 12"):
        matrix_cost.checked(matrix_cost.Size(4000, 4000, 1, 4, 3))


def run(**settings):
    page = AppTest.from_file(PAGE, default_timeout=30)
    for key, value in settings.items():
        page.query_params[key] = value
    return page.run()


def words(page):
    return " ".join(element.value for element in page.markdown)


def test_the_page_says_9_against_64_and_that_both_are_equal():
    page = run()
    assert not page.exception
    assert not page.error
    assert "9 independent weights against 64 of a dense layer" in words(page)
    assert "43.8 % empty" in words(page)
    assert "green-badge[|M · x − convolution| = 0]" in words(page)


def test_controls_change_the_matrix():
    page = run()
    page.number_input(key="matrix_rows").set_value(12)
    page.number_input(key="matrix_cols").set_value(12)
    page.selectbox(key="matrix_padding").set_value("same").run()
    assert "144 × 144" in words(page)
    page.number_input(key="matrix_stride_down").set_value(3).run()
    assert "48 × 144" in words(page)


def test_a_kernel_beyond_the_image_is_explained_and_the_last_good_matrix_stays():
    page = run()
    page.number_input(key="matrix_rows").set_value(2).run()
    assert "received kernel 3 × 3 on 2 × 4 pixels" in page.error[0].value
    assert "4 × 16" in words(page)
    page.selectbox(key="matrix_padding").set_value("same").run()
    assert not page.error
    assert "8 × 8" in words(page)


def test_a_link_that_starts_with_an_impossible_setting_shows_the_default_and_says_so():
    page = run(matrix_rows="1", matrix_kernel="own", matrix_w="zebra", matrix_stride_down="9")
    assert any("zebra" in error.value and "Shown is the default" in error.value for error in page.error)
    assert any("received kernel 3 × 3 on 1 × 4" in error.value for error in page.error)
    assert "9" in page.info[0].value
    assert "4 × 16" in words(page)


def test_an_own_kernel_starts_from_the_one_in_view_and_is_bounded():
    page = run(matrix_kernel="sobel_vertical")
    page.selectbox(key="matrix_kernel").set_value("own").run()
    field = page.text_input(key="matrix_w")
    field.set_value("1 2; 3 4").run()
    assert "4 independent weights against 144" in words(page)
    page.text_input(key="matrix_w").set_value("1 " * 12).run()
    assert "at most 11 × 11" in page.error[0].value
    assert "4 independent weights against 144" in words(page)


def test_own_numbers_make_the_image():
    page = run(matrix_source="own", matrix_image="1,2,3,4,5;5,4,3,2,1;1,2,3,4,5")
    assert page.number_input(key="matrix_rows").disabled
    assert "3 × 15" in words(page)


def test_predicting_covers_the_matrix_and_the_answer_is_the_visit_count():
    page = run()
    page.toggle(key="matrix_predict").set_value(True).run()
    assert "independent weights" not in words(page)
    page.button(key="matrix_answer_Skip").click().run()
    assert "independent weights" in words(page)


def test_an_image_to_start_from_sets_the_sizes():
    page = run()
    page.button(key="dense_12 megapixels, RGB").click().run()
    assert "144\u202f000\u202f000" in words(page)
    assert "| 27 | 108 bytes |" in words(page)
    page.number_input(key="dense_rows").set_value(3001).run()
    assert "at most 12" in page.error[0].value
    assert "144\u202f000\u202f000" in words(page)
