"""Real odd files: each shows the picture it can, or says in one sentence why not."""

import warnings

import numpy as np
import pytest
import rasterio

from cnnviz.errors import SceneError, UnsafeError
from cnnviz.scene import open_scene


def files(folder, *patterns):
    return sorted(path for pattern in patterns for path in folder.rglob(pattern))


def test_every_readable_file_reads_as_rasterio_does(real_data):
    compared = 0
    for path in files(real_data, "rasterio/*.tif", "misc/*.tif", "*.jp2"):
        if path.name == "corrupt.tif":
            continue
        scene = open_scene(path, sidecars=True)
        with warnings.catch_warnings(), rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="TRUE"):
            warnings.simplefilter("ignore")
            with rasterio.open(path) as dataset:
                expected = dataset.read([fact.number for fact in scene.facts], masked=True)
                assert scene.crs == dataset.crs
        expected = np.moveaxis(expected.astype(np.float32).filled(np.nan), 0, -1)
        np.testing.assert_array_equal(scene.read().array, expected, err_msg=path.name)
        assert max(scene.read(max_size=16).array.shape[:2]) <= 16
        assert scene.describe().as_dict()["rows"] == scene.shape[0]
        compared += 1
    assert compared > 40


def test_lists_of_other_files_are_refused(real_data):
    for path in files(real_data, "*.vrt", "*.xml"):
        with pytest.raises(UnsafeError, match="is not a GeoTIFF, JPEG 2000, PNG or JPEG file"):
            open_scene(path)


def test_a_corrupt_tile_is_named_and_the_rest_is_seen(real_data):
    scene = open_scene(real_data / "rasterio" / "corrupt.tif")
    with pytest.raises(SceneError, match=r"^band 1 of corrupt\.tif cannot be read in the window of 1024 × 1024"):
        scene.read()
    assert np.isfinite(scene.read((0, 0, 256, 256)).array).any()
    assert scene.read(max_size=256).array.shape == (256, 256, 3)


def test_files_beside_a_raster_count_only_where_asked(real_data):
    masked = real_data / "rasterio" / "RGB2.byte.tif"
    assert np.isnan(open_scene(masked, sidecars=True).read().array).any()
    assert np.isfinite(open_scene(masked).read().array).all()
    green = real_data / "rasterio" / "green.tif"
    assert open_scene(green, sidecars=True).storage.overviews == (2, 4)
    assert open_scene(green).storage.overviews == ()


def test_sentinel_2_bands_are_named_by_their_files(real_data):
    names = {open_scene(path).band_names[0] for path in files(real_data, "*m.jp2")}
    assert {"B01", "B02", "B8A", "B12"} <= names
    scene = open_scene(files(real_data, "*_B02_10m.jp2")[0])
    assert scene.pixel_size == (10, 10)
    assert scene.read(max_size=64).array.max() > 0


def test_eurosat_chips_are_photos(real_data):
    for path in files(real_data, "eurosat_rgb/*/*_1.jpg")[:10]:
        scene = open_scene(path)
        assert (scene.shape, scene.band_names) == ((64, 64, 3), ("R", "G", "B"))
        assert 0 <= scene.read().array.min() <= scene.read().array.max() <= 255
