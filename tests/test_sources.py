"""Bands of several files come to one grid as GDAL's nearest neighbour brings them, whatever window is read."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.warp import reproject

from cnnviz.errors import ProcessError
from cnnviz.reader import reading
from cnnviz.scene import open_scene
from cnnviz.sources import from_scene, join
from cnnviz.windows import Window
from tests.factory import PLACE, UTM, ramp, raster


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sources")


def read(imagery, window=None):
    """Pixels (rows, cols, bands) as a run reads them."""
    window = window or Window(0, 0, *imagery.shape[:2])
    planes = np.full((imagery.shape[2], window.rows, window.cols), 7, np.float32)
    with reading(imagery, 1) as reader:
        reader.read(window, planes)
    return np.moveaxis(planes, 0, -1)


def band(folder, name, shape, transform, **how):
    path = raster(folder / f"{name}.tif", ramp(*shape, seed=len(name)), transform=transform, descriptions=[name], **how)
    return open_scene(path)


def as_gdal_does(scene, grid):
    """The scene's first band on another scene's grid, by GDAL's warper."""
    out = np.full(grid.shape[:2], np.nan, np.float32)
    with rasterio.open(scene.path) as dataset:
        reproject(
            dataset.read(1).astype(np.float32), out, src_transform=scene.transform, src_crs=UTM,
            dst_transform=grid.transform, dst_crs=UTM, resampling=Resampling.nearest, dst_nodata=np.nan,
        )  # fmt: skip
    return out


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_coarse_bands_repeat_their_pixels_at_the_right_place(folder, seed):
    rng = np.random.default_rng(seed)
    fine = band(folder, "fine", (40, 50), PLACE)
    factor = int(rng.choice([1, 2, 3, 6]))
    down, right = (int(n) for n in rng.integers(-6, 7, 2))
    size = tuple(int(n) for n in rng.integers(3, 30, 2))
    coarse = band(folder, "coarse", size, PLACE @ Affine.translation(right, down) @ Affine.scale(factor))
    imagery = join([coarse, fine], "both")
    assert imagery.grid.shape == (fine if factor > 1 else coarse).shape
    assert imagery.band_names == ("coarse", "fine")
    whole = read(imagery)
    for place, scene in enumerate((coarse, fine)):
        np.testing.assert_array_equal(whole[..., place], as_gdal_does(scene, imagery.grid))
    row, col = (int(rng.integers(0, side)) for side in imagery.shape[:2])
    window = Window(row, col, 9, 13).clipped(imagery.shape)
    inside = whole[row : row + window.rows, col : col + window.cols]
    np.testing.assert_array_equal(read(imagery, window), inside)


def test_the_grid_is_that_of_the_bands_that_are_chosen(folder):
    fine = band(folder, "B04", (40, 40), PLACE)
    coarse = band(folder, "B11", (20, 20), PLACE @ Affine.scale(2))
    imagery = join([fine, coarse], "scene")
    assert imagery.shape == (40, 40, 2)
    assert imagery.remarks == {"CNNVIZ_GRID": "B11: larger pixels repeated on the grid of B04.tif (10 m)"}
    alone = imagery.select(["B11"])
    assert (alone.shape, alone.transform, alone.remarks) == ((20, 20, 1), coarse.transform, {})
    turned = imagery.select(["B11", "B04"])
    np.testing.assert_array_equal(read(turned), read(imagery)[..., ::-1])


def test_bands_of_one_file_are_chosen_in_any_order(folder):
    path = raster(folder / "three.tif", ramp(20, 30, 3), descriptions=("B02", "B03", "B04"))
    imagery = from_scene(open_scene(path))
    assert imagery.remarks == {}
    picked = imagery.select(["B04", "B02"])
    assert len(picked.origins) == 1
    np.testing.assert_array_equal(read(picked), ramp(20, 30, 3)[..., [2, 0]])


def test_missing_bands_are_named(folder):
    imagery = from_scene(open_scene(raster(folder / "two.tif", ramp(9, 9, 2), descriptions=("B02", "B03"))))
    with pytest.raises(ProcessError, match=r"two\.tif has no band B04, B8A; it has B02, B03: name its bands"):
        imagery.select(["B04", "B02", "B8A"])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"crs": "EPSG:32632"}, "do not share a map or a north-up grid"),
        ({"crs": None}, "do not share a map or a north-up grid"),
        ({"transform": PLACE @ Affine.rotation(5)}, "do not share a map or a north-up grid"),
        ({"transform": PLACE @ Affine.translation(500, 0)}, r"other\.tif lies nowhere on fine\.tif"),
    ],
)
def test_bands_that_do_not_fit_together_are_refused(folder, how, message):
    fine = band(folder, "fine", (40, 50), PLACE)
    other = open_scene(raster(folder / "other.tif", ramp(20, 25), descriptions=["other"], **how))
    with pytest.raises(ProcessError, match=message):
        join([fine, other], "both")


def test_a_band_that_is_there_twice_is_refused(folder):
    fine = band(folder, "fine", (40, 50), PLACE)
    with pytest.raises(ProcessError, match="both has band fine more than once"):
        join([fine, fine], "both")


def test_scenes_without_a_place_fit_where_their_sizes_do(folder):
    nowhere = {"crs": None, "transform": Affine.identity()}
    scenes = [
        open_scene(raster(folder / f"{name}.tif", ramp(8, 9, seed=place), descriptions=[name], **nowhere))
        for place, name in enumerate(("a", "b"))
    ]
    expected = np.concatenate([ramp(8, 9, seed=0), ramp(8, 9, seed=1)], axis=-1)
    np.testing.assert_array_equal(read(join(scenes, "ab")), expected)
