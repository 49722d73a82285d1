import numpy as np
import pytest
import scipy.ndimage

from cnnviz.layers import Network
from cnnviz.presets import PRESETS


def rectangle():
    image = np.zeros((40, 44), np.float32)
    image[10:30, 12:32] = 100
    return image


def valid(image, kernel):
    margin = [size // 2 for size in np.shape(kernel)]
    return scipy.ndimage.correlate(image, np.array(kernel))[margin[0] : -margin[0], margin[1] : -margin[1]]


SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_runs_travels_and_becomes_code(name):
    preset, image = PRESETS[name], np.random.default_rng(0).normal(size=(50, 61, 2)).astype(np.float32)
    network = preset.network
    image = image[..., : network.input_bands]
    maps = network.run(image)
    assert np.isfinite(maps[-1].array).all()
    assert maps[-1].array.std() > 0
    assert Network.from_json(network.to_json()) == network
    assert "padding" not in network.to_code("keras")
    script = {}
    exec(network.to_code("numpy"), script)
    np.testing.assert_allclose(script["run"](image), maps[-1].array, rtol=1e-5, atol=1e-5)
    assert preset.name == name
    assert preset.title
    assert len(preset.about.split()) < 60


def test_corners_are_the_smaller_of_both_edge_strengths():
    image = np.random.default_rng(1).normal(size=(30, 31)).astype(np.float32)
    maps = PRESETS["corners"].network.run(image)
    vertical, horizontal = (valid(np.abs(valid(image, k)), np.full((3, 3), 1 / 9)) for k in (SOBEL, SOBEL.T))
    np.testing.assert_allclose(maps[4].array[..., 0], np.minimum(vertical, horizontal), atol=1e-5)


def test_corners_of_a_rectangle_stay_and_its_sides_vanish():
    found = PRESETS["corners"].network.run(rectangle())[4].array[..., 0]
    field = PRESETS["corners"].network.receptive_fields((40, 44))[4]
    assert field.jump == (1, 1)
    peaks = np.argwhere(found > 0.9 * found.max()) + 0.5 + field.offset
    corners = np.array([(10, 12), (10, 32), (30, 12), (30, 32)])
    nearest = np.abs(peaks[:, None] - corners).max(axis=2)
    assert (nearest.min(axis=1) <= 1.5).all()
    assert (nearest.min(axis=0) <= 1.5).all()
    assert np.abs(found[:, 16:20]).max() <= 1e-5
    assert np.abs(found[15:20]).max() <= 1e-5


def test_edge_strength_is_the_sum_of_both_magnitudes():
    image = np.random.default_rng(2).normal(size=(20, 21)).astype(np.float32)
    found = PRESETS["edge_strength"].network.run(image)[2].array[..., 0]
    np.testing.assert_allclose(found, np.abs(valid(image, SOBEL)) + np.abs(valid(image, SOBEL.T)), atol=1e-5)


def test_texture_is_the_mean_magnitude_of_detail():
    image = np.random.default_rng(3).normal(size=(20, 21)).astype(np.float32)
    laplacian = np.ones((3, 3)) / 8
    laplacian[1, 1] = -1
    expected = valid(np.abs(valid(image, laplacian)), np.full((7, 7), 1 / 49))
    np.testing.assert_allclose(PRESETS["texture_energy"].network.apply(image)[..., 0], expected, atol=1e-5)


def test_a_shoreline_is_where_water_ends():
    image = np.full((30, 32, 2), 0.05, np.float32)  # water: green above near infrared
    image[..., 0] = 0.08
    image[:, 16:] = (0.06, 0.3)  # meadow
    found = PRESETS["shoreline"].network.apply(image)[..., 0]
    place = PRESETS["shoreline"].network.receptive_field(image.shape)
    assert np.flatnonzero(found.max(axis=0) > 1e-3).mean() + 0.5 + place.offset[1] == 16
    assert found[:, :8].max() <= 1e-6


def test_the_pyramid_halves_the_scene_three_times():
    network = PRESETS["smoothing_pyramid"].network
    assert [shape[:2] for shape in network.shapes((509, 509))] == [(253, 253), (125, 125), (61, 61)]
    assert network.receptive_field().jump == (8, 8)
    flat = network.apply(np.full((61, 61), 7.0))
    np.testing.assert_allclose(flat, 7, rtol=1e-6)
