"""The final file against GDAL: the same pixels, the same words, the same smaller copies where halves are whole."""

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.enums import Resampling

from cnnviz import cog
from cnnviz.errors import ProcessError
from cnnviz.overviews import block_mean
from cnnviz.packing import packed
from cnnviz.scratch import Labels, create
from cnnviz.windows import Window
from tests.cog import cog_faults
from tests.factory import PLACE, UTM


def scratch(path, image):
    """The pixels of a run, on disk."""
    rows, cols, maps = image.shape
    names = tuple(f"map {number}" for number in range(maps))
    growing = create(path, image.shape, Labels(UTM, PLACE, names, {"CNNVIZ_SOURCE": "ö & <scene>"}))
    growing.write(Window(0, 0, rows, cols), image)
    return path


@pytest.fixture(params=[(1100, 1537, 1), (1024, 1400, 3), (30, 513, 2), (512, 512, 1), (1, 1, 1)], ids=str)
def image(request):
    image = np.random.default_rng(0).normal(size=request.param).astype(np.float32) * 1000
    image[3:200, 5:340] = np.nan
    return image


def test_the_file_is_what_gdal_would_write(tmp_path, image):
    pixels, made, theirs = scratch(tmp_path / "pixels.tif", image), tmp_path / "made.tif", tmp_path / "theirs.tif"
    shares = []
    cog.write_cog(pixels, made, threads=3, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    with rasterio.open(pixels, "r+") as dataset:
        dataset.nodata = float("nan")
        dataset.build_overviews(list(cog.decimations(image.shape)), Resampling.average)
    rasterio.shutil.copy(pixels, theirs, driver="COG", compress="DEFLATE", predictor="YES", blocksize=512)
    assert cog_faults(made) == []
    with rasterio.open(made) as ours, rasterio.open(theirs) as other:
        np.testing.assert_array_equal(np.moveaxis(ours.read(), 0, -1), image)
        for what in ("crs", "transform", "descriptions", "dtypes", "shape", "compression", "block_shapes"):
            assert getattr(ours, what) == getattr(other, what)
        assert np.isnan(ours.nodatavals).all()
        assert ours.tags() == other.tags()
        assert ours.overviews(1) == other.overviews(1) == list(cog.decimations(image.shape))
        levels = len(ours.overviews(1))
    expected = image
    for level in range(levels):
        with rasterio.open(made, overview_level=level) as ours, rasterio.open(pixels, overview_level=level) as other:
            found = ours.read()
            if all(side % 2 == 0 for side in expected.shape[:2]):
                np.testing.assert_allclose(found, other.read(), rtol=2e-5, atol=1e-3)
        # Where a side is odd, GDAL stretches all cells a little; here the last one has what is there.
        expected = block_mean(expected, 2)
        np.testing.assert_allclose(np.moveaxis(found, 0, -1), expected, rtol=2e-5, atol=1e-3)


def test_what_the_listener_raises_ends_the_work(tmp_path):
    def stop(share):
        raise KeyboardInterrupt

    pixels = scratch(tmp_path / "pixels.tif", np.zeros((600, 600, 1), np.float32))
    with pytest.raises(KeyboardInterrupt):
        cog.write_cog(pixels, tmp_path / "made.tif", threads=2, on_progress=stop)


def test_a_disk_that_refuses_is_one_sentence(tmp_path):
    pixels = scratch(tmp_path / "pixels.tif", np.zeros((600, 600, 1), np.float32))
    with pytest.raises(ProcessError, match=r"made\.tif could not be written: No such file or directory"):
        cog.write_cog(pixels, tmp_path / "nowhere" / "made.tif", threads=2, on_progress=lambda share: None)


def test_packed_tiles_are_bytes_and_the_same_each_time():
    tile = np.random.default_rng(1).normal(size=(512, 512)).astype(np.float32)
    assert packed(tile) == packed(tile.copy())
    assert len(packed(tile)) < tile.nbytes
