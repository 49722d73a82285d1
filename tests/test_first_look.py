"""Where a scene is looked at first: in the middle, or where there is something to see."""

import numpy as np
import pytest
import rasterio

from cnnviz.first_look import first_window, places
from cnnviz.scene import Window, open_scene
from tests.factory import damage, ramp, raster

TILES = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}


def valid(scene, window, band=0):
    return float(np.isfinite(scene.read(window, bands=[band]).array).mean())


def holed(rows, cols, kept, dtype="float32"):
    """NaN but for one rectangle of ones."""
    image = np.full((rows, cols), np.nan, dtype)
    row, col, height, width = kept
    image[row : row + height, col : col + width] = 1
    return image


def test_nine_places_lie_inside_and_touch_every_edge():
    found = places((300, 200), 64)
    assert len(found) == len(set(found)) == 9
    assert found[0] == Window(118, 68, 64, 64)
    assert {window.row for window in found} == {0, 118, 236}
    assert {window.col for window in found} == {0, 68, 136}


@pytest.mark.parametrize("side", [64, 100, 512])
def test_an_ordinary_scene_is_looked_at_in_the_middle_after_one_read(tmp_path, monkeypatch, side):
    scene = open_scene(raster(tmp_path / "a.tif", ramp(200, 300, 2), **TILES))
    reads = []
    real = type(scene).read
    monkeypatch.setattr(type(scene), "read", lambda self, *given, **more: reads.append(1) or real(self, *given, **more))
    assert first_window(scene, side) == places(scene.shape, side)[0]
    assert len(reads) == (side < 300)


@pytest.mark.parametrize("kept", [(3, 5, 40, 30), (400, 10, 60, 50), (0, 300, 512, 20), (470, 470, 42, 42)])
def test_the_window_goes_where_the_numbers_are(tmp_path, kept):
    scene = open_scene(raster(tmp_path / "a.tif", holed(512, 512, kept), nodata=np.nan, **TILES))
    found = first_window(scene, 128)
    most = min(kept[2], 128) * min(kept[3], 128)
    assert valid(scene, found) * 128 * 128 >= 0.9 * most
    assert found.clipped(scene.shape) == found


def test_of_full_windows_the_one_nearest_to_the_middle_is_taken(tmp_path):
    image = np.ones((512, 512), "float32")
    image[200:320, 200:320] = np.nan
    scene = open_scene(raster(tmp_path / "a.tif", image, nodata=np.nan, **TILES))
    found = first_window(scene, 100)
    assert valid(scene, found) == 1
    assert max(abs(found.row - 206), abs(found.col - 206)) <= 110


def test_a_scene_without_a_number_is_looked_at_in_the_middle(tmp_path):
    scene = open_scene(raster(tmp_path / "a.tif", np.zeros((300, 300), "uint8"), nodata=0, **TILES))
    assert first_window(scene, 64) == places(scene.shape, 64)[0]


def test_a_damaged_middle_is_left_for_a_sound_window(tmp_path):
    path = raster(tmp_path / "a.tif", ramp(512, 512), **TILES)
    scene = open_scene(damage(path, (3, 3), (4, 4)))
    assert valid(scene, first_window(scene, 128)) == 1  # the read itself fails over a damaged block


def test_a_large_scene_without_overviews_costs_nine_windows_at_most(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    raster(path, np.zeros((4400, 4400), "uint8"), nodata=0, compress="deflate", tiled=True)
    with rasterio.open(path, "r+") as dataset:
        dataset.write(np.full((64, 64), 7, "uint8"), 1, window=((4336, 4400), (0, 64)))
    scene = open_scene(path)
    assert not scene.has_fast_overview()
    sizes = []
    real = type(scene).read
    monkeypatch.setattr(
        type(scene), "read", lambda self, window, **more: sizes.append(window) or real(self, window, **more)
    )
    assert first_window(scene, 64) == Window(4336, 0, 64, 64)
    assert len(sizes) <= 10  # the middle one once more
    assert {tuple(window[2:]) for window in sizes} == {(64, 64)}


def test_a_real_file_with_a_damaged_block_is_first_seen_where_it_is_sound(real_data):
    scene = open_scene(real_data / "rasterio" / "corrupt.tif")
    assert valid(scene, first_window(scene, 512)) == 1


@pytest.mark.parametrize("name", ["alpha.tif", "shade.tif"])
def test_real_files_that_are_nearly_empty_are_first_seen_at_their_fullest(real_data, name):
    scene = open_scene(real_data / "rasterio" / name)
    there = np.isfinite(scene.read(bands=[0]).array[..., 0])
    rows, cols = there.shape
    fullest = max(
        there[row : row + 512, col : col + 512].mean()
        for row in range(0, rows - 511, 16)
        for col in range(0, cols - 511, 16)
    )
    assert valid(scene, first_window(scene, 512)) >= 0.95 * fullest
