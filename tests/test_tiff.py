"""Directories that GDAL wrote are read as it means them, and what is written here GDAL reads the same."""

import numpy as np
import pytest
import rasterio

from cnnviz import tiff
from cnnviz.errors import ProcessError
from tests.factory import ramp, raster


@pytest.mark.parametrize("bigtiff", ["yes", "no"])
def test_directories_of_gdal_are_read(tmp_path, bigtiff):
    path = raster(tmp_path / "scene.tif", ramp(40, 30, 2), bigtiff=bigtiff, descriptions=("red", "blue"))
    tags = tiff.first_directory(path)
    assert (tags[tiff.WIDTH].values, tags[tiff.HEIGHT].values) == tuple(np.uint16([n]).tobytes() for n in (30, 40))
    assert b"blue" in tags[42112].values
    assert np.frombuffer(tags[33550].values).tolist() == [10, 10, 0]


@pytest.mark.parametrize("big", [False, True])
def test_gdal_reads_what_is_written(tmp_path, big):
    source = raster(tmp_path / "scene.tif", ramp(20, 512, dtype="float32"), descriptions=("red",), tags={"A": "b"})
    pixels = np.arange(512 * 512, dtype=np.float32).reshape(512, 512)
    tags = {tag: entry for tag, entry in tiff.first_directory(source).items() if tag not in (273, 278, 279)}
    tags |= {322: tiff.short(512), 323: tiff.short(512), tiff.SIZES: tiff.numbers([pixels.nbytes], big=False)}
    tags |= {tiff.NODATA: tiff.text("nan")}
    start = len(tiff.head([tags | {tiff.OFFSETS: tiff.numbers([0], big=big)}], big=big))
    places = tiff.numbers([start + tiff.LEADER], big=big)
    target = tmp_path / "out.tif"
    target.write_bytes(tiff.head([tags | {tiff.OFFSETS: places}], big=big) + tiff.framed(pixels.tobytes()))
    with rasterio.open(target) as dataset, rasterio.open(source) as origin:
        np.testing.assert_array_equal(dataset.read(1), pixels[:20])
        assert dataset.transform == origin.transform
        assert (dataset.crs, dataset.descriptions) == (origin.crs, ("red",))
        assert dataset.tags()["A"] == "b"
        assert np.isnan(dataset.nodata)
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_what_is_no_tiff_is_said(tmp_path):
    (tmp_path / "pixels.tif").write_bytes(b"nothing of the kind, and longer than a header")
    with pytest.raises(ProcessError, match=r"pixels\.tif is no TIFF any more"):
        tiff.first_directory(tmp_path / "pixels.tif")
