"""A description holds what the file says, and travels as plain JSON."""

import json

import numpy as np
import rasterio.shutil
from affine import Affine

from cnnviz.facts import crs_name, readable_tags
from cnnviz.reading import quiet
from cnnviz.scene import open_scene
from tests.factory import ramp, raster


def test_everything_in_one_place(tmp_path):
    path = raster(
        tmp_path / "a.tif",
        ramp(64, 48, 2, "float32"),
        nodata=np.nan,
        descriptions=("near", "far"),
        tiled=True,
        blockxsize=16,
        blockysize=16,
        interleave="band",
        compress="deflate",
        overviews=(2, 4),
        tags={"made": "today"},
    )
    said = open_scene(path).describe()
    assert (said.name, said.format, said.rows, said.cols, said.band_count) == ("a.tif", "GeoTIFF", 64, 48, 2)
    assert (said.band_names, said.names_source) == (("near", "far"), "file")
    assert (said.dtype, said.bits, said.mask) == ("float32", 32, "nodata")
    assert said.bytes_on_disk == path.stat().st_size
    assert said.bytes_in_memory == said.bytes_as_float32 == 64 * 48 * 2 * 4
    assert (said.crs, said.ground_unit, said.pixel_size) == ("EPSG:32633", "metre", (10, 10))
    assert said.transform == (10, 0, 300_000, 0, -10, 5_000_000)
    assert said.overviews == ((2, 32, 24), (4, 16, 12))
    assert (said.block, said.interleave, said.compression) == ((16, 16), "band", "deflate")
    assert said.is_placed
    assert not said.is_rotated
    assert not said.is_south_up
    np.testing.assert_allclose(said.centre, (12.4603, 45.1221), atol=1e-3)


def test_plain_json(tmp_path):
    path = raster(tmp_path / "a.tif", ramp(4, 4, 1, "float32"), nodata=np.nan, tags={"made": "today"})
    plain = open_scene(path).describe().as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["nodata"] == "nan"
    assert plain["tags"]["made"] == "today"
    assert plain["bands"][0]["number"] == 1


def test_what_is_not_compressed_has_no_compression(tmp_path):
    assert open_scene(raster(tmp_path / "a.tif", ramp(4, 4, 1))).describe().compression == ""


def test_the_other_formats(tmp_path):
    source = raster(tmp_path / "a.tif", ramp(90, 64, 3, "uint8"))
    expected = {"JP2OpenJPEG": "jpeg2000", "JPEG": "jpeg", "PNG": "deflate"}
    for driver, compression in expected.items():
        with quiet():
            rasterio.shutil.copy(source, tmp_path / driver, driver=driver, QUALITY=90)
        scene = open_scene(tmp_path / driver)
        assert scene.describe().compression == compression
        assert scene.band_names == ("R", "G", "B")
        near = np.abs(scene.read().array - ramp(90, 64, 3, "uint8")).mean()
        assert near < (1e-9 if driver == "PNG" else 40)


def test_the_map_has_a_short_name():
    custom = rasterio.CRS.from_wkt(rasterio.CRS.from_epsg(32633).to_wkt().replace("UTM zone 33N", "My grid", 1))
    assert crs_name(None) == ""
    assert crs_name(rasterio.CRS.from_epsg(3857)) == "EPSG:3857"
    assert "My grid" in crs_name(rasterio.CRS.from_proj4("+proj=laea +lat_0=7")) or crs_name(custom)


def test_tags_are_bounded():
    tags = readable_tags({f"k{number:03}": "v" * 1000 for number in range(300)})
    assert len(tags) == 100
    assert tags[0] == ("k000", "v" * 500 + "…")


def test_a_transform_that_leads_nowhere_is_no_place(tmp_path):
    flat = Affine(10, 0, 0, 0, 0, 0)
    scene = open_scene(raster(tmp_path / "a.tif", ramp(4, 4), transform=flat))
    assert scene.transform == Affine.identity()
    assert scene.crs is None
