"""What is read of a damaged file: every sound block bit for bit, and NaN where a block is nonsense."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio

from cnnviz.errors import DamagedError
from cnnviz.formats import Format
from cnnviz.reading import Source, read_bands
from cnnviz.salvage import salvage_bands
from cnnviz.scene import open_scene
from tests.factory import damage, ramp, raster

TILES = {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate", "interleave": "band"}


def source(path):
    return Source(path, Format.GEOTIFF, path.name)


def test_a_sound_file_is_read_as_ever(tmp_path):
    good = source(raster(tmp_path / "a.tif", ramp(90, 70, 3), **TILES))
    given = ([1, 3], (10, 5, 60, 40), (30, 20))
    np.testing.assert_array_equal(salvage_bands(good, *given), read_bands(good, *given))


@pytest.mark.parametrize("area", [(0, 0, 100, 130), (7, 11, 80, 100), (33, 1, 30, 129), (40, 40, 1, 1)])
def test_the_blocks_that_are_damaged_and_no_others_are_nodata(tmp_path, area):
    image = ramp(100, 130, 2)
    path = raster(tmp_path / "a.tif", image, **TILES)
    damage(path, (1, 1), (3, 4), band=1)
    damage(path, (0, 2), band=2)
    expected = image.astype("float32")
    for row, col, band in ((1, 1, 0), (3, 4, 0), (0, 2, 1)):
        expected[row * 32 : row * 32 + 32, col * 32 : col * 32 + 32, band] = np.nan
    top, left, rows, cols = area
    found = salvage_bands(source(path), [1, 2], area, (rows, cols))
    np.testing.assert_array_equal(found, expected[top : top + rows, left : left + cols])


@pytest.mark.parametrize("layout", [{"blockysize": 4}, TILES | {"compress": "none"}])
def test_of_a_truncated_file_all_that_arrived_is_seen(tmp_path, layout):
    image = ramp(256, 96, 1)
    path = raster(tmp_path / "a.tif", image, **layout)
    whole = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(whole // 2)
    found = salvage_bands(source(path), [1], (0, 0, 256, 96), (256, 96))
    there = np.isfinite(found)
    np.testing.assert_array_equal(found[there], image[there])
    assert 0.3 < there.mean() < 0.6
    assert there[0].all()


def test_a_smaller_picture_is_that_of_the_sound_file_away_from_the_damage(tmp_path):
    image = ramp(256, 256, 1)
    good = source(raster(tmp_path / "good.tif", image, **TILES))
    bad = source(raster(tmp_path / "bad.tif", image, **TILES))
    damage(bad.path, (5, 2))
    given = ([1], (0, 0, 256, 256), (64, 64))
    found, expected = salvage_bands(bad, *given), read_bands(good, *given)
    hole = np.zeros((64, 64, 1), bool)
    hole[40:48, 16:24] = True
    around = np.zeros((64, 64, 1), bool)
    around[32:56, 8:32] = True  # to average, GDAL reads a little beyond an area, so neighbours of the block fail too
    lost = np.isnan(found)
    assert lost[hole].all()
    assert not lost[~around].any()
    np.testing.assert_array_equal(found[~lost], expected[~lost])


def test_the_work_on_a_hopeless_file_is_bounded(tmp_path, monkeypatch):
    path = raster(tmp_path / "a.tif", ramp(2048, 16, 2), blockysize=1, compress="lzw", interleave="band")
    damage(path, *((row, 0) for row in range(1, 2048, 2)))
    opened = []
    real = rasterio.open
    monkeypatch.setattr(rasterio, "open", lambda *args, **more: opened.append(1) or real(*args, **more))
    found = salvage_bands(source(path), [1, 2], (0, 0, 2048, 16), (2048, 16))
    assert np.isnan(found[..., 0]).all()
    np.testing.assert_array_equal(found[..., 1], ramp(2048, 16, 2)[..., 1])
    assert len(opened) <= 2 * 128 + 1


def test_a_scene_reads_around_its_damage_only_when_it_is_told_so(tmp_path):
    path = raster(tmp_path / "a.tif", ramp(64, 64, 1), **TILES)
    damage(path, (0, 0))
    scene = open_scene(path)
    with pytest.raises(DamagedError, match=r"band 1 of a\.tif cannot be read in the window of 64 × 64 pixels"):
        scene.read()
    found = replace(scene, damaged=True).read().array
    assert np.isnan(found).sum() == 32 * 32
