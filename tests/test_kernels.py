"""The catalogue: what each kernel answers to."""

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from cnnviz.convolve import conv2d
from cnnviz.kernels import KERNELS, Kernel, find_name

PROMISED = [
    "identity",
    "vertical_edges",
    "horizontal_edges",
    "all_edges",
    "sobel_vertical",
    "sobel_horizontal",
    "prewitt_vertical",
    "prewitt_horizontal",
    "scharr_vertical",
    "scharr_horizontal",
    "laplacian_4",
    "laplacian_8",
    "log_5",
    "sharpen_3",
    "sharpen_5",
    "unsharp_5",
    "box_3",
    "box_5",
    "box_7",
    "gaussian_3",
    "gaussian_5",
    "gaussian_7",
    "emboss",
]
SUM_ONE = [
    "identity",
    "shift",
    "sharpen_3",
    "sharpen_5",
    "unsharp_5",
    "box_3",
    "box_5",
    "box_7",
    "gaussian_3",
    "gaussian_5",
    "gaussian_7",
    "motion_horizontal",
    "motion_diagonal",
    "emboss",
]


def test_the_promised_names_are_there_and_teaching_begins_with_nothing_changed():
    assert set(PROMISED) <= set(KERNELS)
    assert next(iter(KERNELS)) == "identity"
    assert any(name.startswith("roberts_") for name in KERNELS)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_every_kernel_is_complete_and_cannot_be_changed(kernel):
    assert KERNELS[kernel.name] is kernel
    assert kernel.weights.dtype == np.float32
    assert all(1 <= side <= 15 for side in kernel.weights.shape)
    assert kernel.title[0].isupper()
    assert kernel.about[0].isupper()
    assert kernel.about.endswith(".")
    assert len(kernel.about) <= 110
    with pytest.raises(ValueError, match="read-only"):
        kernel.weights[0, 0] = 9
    with pytest.raises(FrozenInstanceError):
        kernel.name = "other"
    with pytest.raises(TypeError):
        KERNELS["identity"] = kernel


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_flat_ground_keeps_its_value_or_gives_nothing(kernel):
    flat = np.full((15, 15), 100, np.float32)
    expected = 100 if kernel.name in SUM_ONE else 0
    np.testing.assert_allclose(conv2d(flat, kernel), expected, atol=1e-4)


def test_titles_are_not_shared():
    titles = [kernel.title for kernel in KERNELS.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("kind", ["sobel", "prewitt", "scharr", "gabor", "line"])
def test_horizontal_kernels_are_the_vertical_ones_transposed(kind):
    np.testing.assert_array_equal(KERNELS[f"{kind}_horizontal"].weights, KERNELS[f"{kind}_vertical"].weights.T)


def test_the_lectures_edges():
    edges = KERNELS["vertical_edges"].weights
    np.testing.assert_array_equal(edges, [[1, 0, -1]] * 3)
    np.testing.assert_array_equal(KERNELS["sobel_vertical"].weights, [[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    np.testing.assert_array_equal(KERNELS["all_edges"].weights, (edges + edges.T) / 2)
    np.testing.assert_array_equal(KERNELS["horizontal_edges"].weights, edges.T)
    wide = KERNELS["vertical_edges_5"].weights
    assert wide.shape == (5, 5)
    np.testing.assert_array_equal(KERNELS["all_edges_5"].weights, (wide + wide.T) / 2)


SCENES = {
    "vertical_edges": np.tile([9, 9, 9, 9, 0, 0, 0], (7, 1)),
    "horizontal_edges": np.tile([[9], [9], [9], [9], [0], [0], [0]], 7),
    "vertical_edges_5": np.tile([9, 9, 9, 9, 0, 0, 0], (7, 1)),
    "horizontal_edges_5": np.tile([[9], [9], [9], [9], [0], [0], [0]], 7),
    "diagonal_rising": 9 * np.tri(7)[::-1],
    "diagonal_falling": 9 * np.tri(7)[::-1, ::-1],
    "roberts_falling": 9 * np.tri(7)[::-1],
    "roberts_rising": 9 * np.tri(7, k=-1).T,
    "line_vertical": 9 * (np.arange(7) == 3) * np.ones((7, 1)),
    "line_horizontal": 9 * (np.arange(7) == 3)[:, None] * np.ones(7),
    "line_falling": 9 * np.eye(7),
    "line_rising": 9 * np.eye(7)[::-1],
    "point": 9 * np.outer(np.arange(7) == 3, np.arange(7) == 3),
    "position_3": 9 * np.outer(np.arange(7) == 3, np.arange(7) == 3),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_detector_answers_most_to_what_it_is_named_after(name):
    answers = {other: conv2d(scene, KERNELS[name]).max() for other, scene in SCENES.items()}
    assert answers[name] > 0
    assert answers[name] == max(answers.values())


def test_corners_answer_where_straight_edges_cancel():
    corner = 9 * np.outer(np.arange(7) < 4, np.arange(7) < 4)
    assert conv2d(corner, KERNELS["corners"]).max() == 9
    for straight in ("vertical_edges", "horizontal_edges"):
        np.testing.assert_array_equal(conv2d(SCENES[straight], KERNELS["corners"]), 0)


def test_slopes_are_rise_per_pixel():
    rows, cols = np.mgrid[:9, :9]
    ground = 3.0 * cols - 2.0 * rows
    np.testing.assert_allclose(conv2d(ground, KERNELS["slope_east"]), 3)
    np.testing.assert_allclose(conv2d(ground, KERNELS["slope_north"]), 2)


def test_the_shift_moves_the_picture_left_and_its_convolution_right():
    image = np.arange(25.0).reshape(5, 5)
    np.testing.assert_array_equal(conv2d(image, KERNELS["shift"]), image[1:-1, 2:])
    np.testing.assert_array_equal(conv2d(image, KERNELS["shift"], flip=True), image[1:-1, :-2])


def test_stripes_answer_at_their_own_spacing():
    def strength(wavelength):
        stripes = np.tile(np.cos(2 * np.pi * np.arange(60) / wavelength), (20, 1))
        return np.abs(conv2d(stripes, KERNELS["gabor_vertical"])).max()

    assert strength(6) > 2 * max(strength(3), strength(20))


def test_kernels_are_keys_and_travel():
    sobel = KERNELS["sobel_vertical"]
    again = pickle.loads(pickle.dumps(sobel))
    assert again == sobel
    assert hash(again) == hash(sobel)
    assert sobel != Kernel("sobel_vertical", -sobel.weights, sobel.title, sobel.about)
    assert len({*KERNELS.values(), again}) == len(KERNELS)


def test_a_grid_of_the_catalogue_is_known_by_its_name():
    for kernel in KERNELS.values():
        np.testing.assert_array_equal(KERNELS[find_name(kernel.weights.tolist())].weights, kernel.weights)
    assert find_name(KERNELS["prewitt_vertical"].weights) == "vertical_edges"
    assert find_name([[1, 2], [3, 4]]) is None
