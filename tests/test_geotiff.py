"""What is written opens elsewhere with the same numbers in the same place, whole or not at all."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from cnnviz.errors import SceneError
from cnnviz.reading import quiet
from cnnviz.scene import geotiff_bytes, open_scene, write_geotiff
from tests.factory import PLACE, UTM


def image(rows=70, cols=50, bands=3):
    values = np.random.default_rng(rows + cols).normal(0, 1e3, (rows, cols, bands)).astype(np.float32)
    values[:5, :7] = np.nan
    return values


@given(rows=st.integers(1, 300), cols=st.integers(1, 300), bands=st.integers(1, 3))
def test_numbers_and_place_survive(rows, cols, bands):
    array = image(rows, cols, bands)
    data = geotiff_bytes(array, transform=PLACE, crs=UTM, band_names=[f"m{b}" for b in range(bands)])
    with MemoryFile(data) as memory, memory.open() as dataset:
        np.testing.assert_array_equal(np.moveaxis(dataset.read(), 0, -1), array)
        assert dataset.transform == PLACE
        assert dataset.crs == rasterio.CRS.from_string(UTM)
        assert dataset.dtypes == ("float32",) * bands
        assert np.isnan(dataset.nodata)
        assert dataset.descriptions == tuple(f"m{b}" for b in range(bands))


def test_the_layout_is_tiled_deflate_with_the_floating_point_predictor():
    data = geotiff_bytes(image(600, 600), transform=PLACE, crs=UTM)
    with MemoryFile(data) as memory, memory.open() as dataset:
        assert dataset.block_shapes[0] == (256, 256)
        assert dataset.compression.name == "deflate"
        assert dataset.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "3"


@pytest.mark.parametrize("dtype", ["float64", "int32", "bool"])
def test_other_types_and_two_dimensions(dtype, tmp_path):
    array = (np.arange(12).reshape(3, 4) % 5).astype(dtype)
    write_geotiff(tmp_path / "a.tif", array, transform=PLACE, crs=None, tags={"recipe": '{"version": 1}'})
    scene = open_scene(tmp_path / "a.tif")
    np.testing.assert_array_equal(scene.read().array[..., 0], array.astype(np.float32))
    assert scene.crs is None
    assert ("recipe", '{"version": 1}') in scene.tags


def test_memory_order_does_not_matter():
    array = image()
    planar = np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -1, 0)), 0, -1)
    same = {geotiff_bytes(a, transform=PLACE, crs=UTM) for a in (array, planar, np.asfortranarray(array))}
    assert len(same) == 1


@pytest.mark.parametrize("shape", [(5,), (0, 4), (3, 0, 2), (2, 2, 2, 2), ()])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(SceneError, match=r"is no image: expected \(rows, cols\) or \(rows, cols, bands\)"):
        geotiff_bytes(np.zeros(shape), transform=PLACE, crs=UTM)


def test_names_must_fit():
    with pytest.raises(SceneError, match="2 band names for 3 bands: give one for each, or none"):
        geotiff_bytes(image(), transform=PLACE, crs=UTM, band_names=["a", "b"])


def test_an_unknown_crs_is_refused():
    with pytest.raises(SceneError, match="'EPSG:0' is no known CRS"):
        geotiff_bytes(image(), transform=PLACE, crs="EPSG:0")


def test_an_older_file_is_replaced_whole(tmp_path):
    target = tmp_path / "a.tif"
    target.write_bytes(b"old")
    write_geotiff(target, image(), transform=PLACE, crs=UTM)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert open_scene(target).shape == (70, 50, 3)


def test_a_refused_write_leaves_the_older_file(tmp_path, monkeypatch):
    target = tmp_path / "a.tif"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", _disk_is_full)
    with pytest.raises(SceneError, match=r"^a\.tif could not be written: No space left on device; choose"):
        write_geotiff(target, image(), transform=PLACE, crs=UTM)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert target.read_bytes() == b"old"


def _disk_is_full(_):
    raise OSError(28, os.strerror(28))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SceneError, match=r"^a\.tif could not be written: No such file or directory; choose"):
        write_geotiff(tmp_path / "gone" / "a.tif", image(), transform=PLACE, crs=UTM)


def test_a_picture_without_a_place_warns_nobody(recwarn):
    data = geotiff_bytes(image(), transform=rasterio.Affine.identity(), crs=None)
    with quiet(), MemoryFile(data) as memory, memory.open() as dataset:
        assert dataset.crs is None
    assert not recwarn.list


def test_paths_may_be_text(tmp_path):
    write_geotiff(str(tmp_path / "a.tif"), image(), transform=PLACE, crs=UTM)
    assert Path(tmp_path / "a.tif").exists()
