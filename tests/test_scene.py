"""A scene is what rasterio says it is, in the product's own order, and every read is what was asked for."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.enums import ColorInterp, Resampling

from cnnviz.errors import SceneError
from cnnviz.formats import Limits
from cnnviz.reading import quiet
from cnnviz.scene import Patch, Window, open_scene
from tests.factory import PLACE, UTM, declared, ramp, raster, tiff


def masked(path, **how):
    """Return (rows, cols, bands) as rasterio reads it, NaN where its masks hide."""
    with quiet(), rasterio.open(path) as dataset:
        values = dataset.read(masked=True, **how).astype(np.float32)
    return np.moveaxis(values.filled(np.nan), 0, -1)


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory):
    """Thirteen bands of 300 × 200 pixels with a nodata corner."""
    image = ramp(300, 200, 13)
    image[:40, :30] = 0
    path = raster(
        tmp_path_factory.mktemp("scene") / "S2.tif",
        image,
        nodata=0,
        descriptions=[f"B{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 8)] + ["B8A", "B09", "B10", "B11", "B12"],
        tiled=True,
        blockxsize=64,
        blockysize=64,
        compress="deflate",
        overviews=(2, 4),
        tags={"PROCESSING_BASELINE": "05.09"},
    )
    return open_scene(path)


@pytest.fixture(scope="module")
def whole(sentinel):
    return masked(sentinel.path)


def test_what_a_scene_says(sentinel):
    assert sentinel.shape == (300, 200, 13)
    assert sentinel.dtype == "uint16"
    assert sentinel.nodata == 0
    assert sentinel.crs == rasterio.CRS.from_epsg(32633)
    assert sentinel.transform == PLACE
    assert sentinel.band_names[8] == "B8A"
    assert sentinel.naming.source == "file"
    assert sentinel.pixel_size == (10, 10)
    assert sentinel.bounds == (300_000, 4_997_000, 302_000, 5_000_000)
    assert sentinel.storage.overviews == (2, 4)
    assert sentinel.storage.block == (64, 64)
    assert sentinel.bytes_in_memory == 300 * 200 * 13 * 2
    assert ("PROCESSING_BASELINE", "05.09") in sentinel.tags
    huge = replace(sentinel, transform=Affine(1e300, 0, 0, 0, -2e300, 0))
    assert "· 2 × 10³⁰⁰ × 1 × 10³⁰⁰ m/px ·" in huge.summary()
    assert sentinel.summary() == "S2.tif · 300 × 200 × 13 · uint16 · EPSG:32633 · 10 m/px · nodata 0"


def test_scenes_can_be_cache_keys_and_travel(sentinel):
    again = open_scene(sentinel.path)
    assert again == sentinel
    assert hash(again) == hash(sentinel)
    assert pickle.loads(pickle.dumps(sentinel)) == sentinel
    assert sentinel.key == (str(sentinel.path), sentinel.path.stat().st_mtime_ns, sentinel.path.stat().st_size)


def test_a_whole_read_is_float32_with_nan(sentinel):
    patch = sentinel.read()
    assert isinstance(patch, Patch)
    assert patch.array.dtype == np.float32
    assert np.isnan(patch.array[:40, :30]).all()
    assert not np.isnan(patch.array[40:]).any()
    np.testing.assert_array_equal(patch.array, masked(sentinel.path))
    assert (patch.transform, patch.crs, patch.band_names) == (PLACE, sentinel.crs, sentinel.band_names)


@given(row=st.integers(-20, 299), col=st.integers(-20, 199), rows=st.integers(21, 400), cols=st.integers(21, 400))
def test_windows_are_clipped_and_placed(sentinel, whole, row, col, rows, cols):
    patch = sentinel.read((row, col, rows, cols), bands=["B04"])
    top, left = max(row, 0), max(col, 0)
    expected = whole[top : row + rows, left : col + cols, 3:4]
    np.testing.assert_array_equal(patch.array, expected)
    assert patch.transform @ (0, 0) == PLACE @ (left, top)


@pytest.mark.parametrize("window", [(300, 0, 5, 5), (0, -5, 5, 5), (10, 10, 0, 5), (0, 200, 1, 1)])
def test_windows_outside_are_refused(sentinel, window):
    with pytest.raises(SceneError, match="lies outside the image of 300 × 200 pixels: move it inside"):
        sentinel.read(window)


def test_bands_by_name_or_number_in_the_order_asked(sentinel):
    patch = sentinel.read(bands=["B08", 3, "B03"])
    assert patch.band_names == ("B08", "B04", "B03")
    np.testing.assert_array_equal(patch.array, masked(sentinel.path)[..., [7, 3, 2]])


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (["B13"], r"S2\.tif has no band 'B13'; expected one of B01, B02, .*B8A, or a number from 0 to 12"),
        ([13], "has no band 13"),
        ([-1], "has no band -1"),
        ([], "no bands of S2.tif were asked for: choose at least one"),
    ],
)
def test_unknown_bands_are_refused(sentinel, bands, message):
    with pytest.raises(SceneError, match=message):
        sentinel.read(bands=bands)


@pytest.mark.parametrize(("max_size", "shape"), [(75, (75, 50)), (100, (100, 67)), (150, (150, 100)), (1, (1, 1))])
def test_decimated_reads_are_means_in_the_right_place(sentinel, max_size, shape):
    patch = sentinel.read(bands=[0, 12], max_size=max_size)
    assert patch.array.shape == (*shape, 2)
    corners = [patch.transform @ (0, 0), patch.transform @ (shape[1], shape[0])]
    np.testing.assert_allclose(corners, [PLACE @ (0, 0), PLACE @ (200, 300)])
    how = {"indexes": [1, 13], "out_shape": (2, *shape), "resampling": Resampling.average}
    np.testing.assert_array_equal(patch.array, masked(sentinel.path, **how))


def test_a_decimated_read_averages_what_is_valid(tmp_path):
    image = ramp(8, 8, 1, "float32")
    image[:2, :3] = -9
    scene = open_scene(raster(tmp_path / "a.tif", image, nodata=-9))
    image[image == -9] = np.nan
    expected = np.full((4, 4), np.nan)
    for row, col in np.ndindex(4, 4):
        block = image[2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
        expected[row, col] = np.nanmean(block) if np.isfinite(block).any() else np.nan
    np.testing.assert_allclose(scene.read(max_size=4).array[..., 0], expected, rtol=1e-6)


def test_small_scenes_are_not_blown_up(sentinel):
    assert sentinel.read((0, 0, 7, 9), max_size=1000).array.shape == (7, 9, 13)


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_integers_of_every_kind(dtype, interleave, tmp_path):
    limits = np.iinfo(dtype)
    image = ramp(20, 30, 2, dtype)
    image[0, 0] = limits.max
    nodata = -5 if dtype == "int64" else limits.min  # rasterio writes the least int64 as -9
    image[0, 1] = nodata
    scene = open_scene(raster(tmp_path / "a.tif", image, nodata=nodata, interleave=interleave))
    array = scene.read().array
    assert scene.nodata == nodata
    assert np.isnan(array[0, 1]).all()
    assert np.isnan(array).sum() == 2
    np.testing.assert_array_equal(array[0, 0], np.float32(limits.max))
    np.testing.assert_array_equal(array[1:], image[1:].astype(np.float32))


def test_nodata_is_exact_for_numbers_beyond_float32(tmp_path):
    image = np.array([[2**24, 2**24 + 1], [2**24 + 2, 7]], "int32")
    scene = open_scene(raster(tmp_path / "a.tif", image, nodata=2**24 + 1))
    np.testing.assert_array_equal(np.isnan(scene.read().array[..., 0]), [[False, True], [False, False]])


def test_nodata_is_exact_for_numbers_beyond_float64(tmp_path):
    image = np.array([[2**53, 2**53 + 1], [2**53 + 2, 7]], "int64")
    path = raster(tmp_path / "a.tif", image, nodata=-123456789012345)
    scene = open_scene(_with_nodata(path, b"-123456789012345", b"9007199254740993"))
    np.testing.assert_array_equal(np.isnan(scene.read().array[..., 0]), [[False, True], [False, False]])


def test_nodata_that_the_type_cannot_hold_hides_nothing(tmp_path):
    path = raster(tmp_path / "a.tif", ramp(6, 6, 1, "int16"), nodata=-9999)
    scene = open_scene(_with_nodata(path, b"-9999\0", b"70000\0"))
    assert np.isfinite(scene.read().array).all()


def _with_nodata(path, old, new):
    """Change the text of the nodata tag in place: rasterio would not write it so."""
    path.write_bytes(path.read_bytes().replace(old, new))
    return path


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinities_and_numbers_beyond_float32_are_no_data(dtype, tmp_path):
    image = ramp(4, 4, 1, dtype)
    image[0, :3, 0] = np.inf, -np.inf, np.nan
    if dtype == "float64":
        image[1, 0] = 1e300
    array = open_scene(raster(tmp_path / "a.tif", image)).read().array
    assert np.isnan(array[0, :3]).all()
    assert np.isnan(array).sum() == (4 if dtype == "float64" else 3)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "complex_int16"])
def test_complex_numbers_are_read_as_magnitudes(dtype, tmp_path):
    image = ramp(4, 4, 1, "complex64") * (3 + 4j)
    scene = open_scene(raster(tmp_path / "a.tif", image, dtype=dtype))
    np.testing.assert_allclose(scene.read().array, np.abs(image), rtol=1e-6)
    assert scene.describe().is_complex
    assert scene.read(max_size=2).array.shape == (2, 2, 1)


def test_palettes_keep_their_indices(tmp_path):
    image = np.repeat([[3, 200]], 8, axis=0).repeat(4, axis=1).astype("uint8")
    path = raster(tmp_path / "a.tif", image, photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {3: (255, 0, 0, 255), 200: (0, 0, 255, 255)})
    scene = open_scene(path)
    assert scene.describe().is_palette
    assert set(np.unique(scene.read(max_size=3).array)) <= {3, 200}


def test_one_bit(tmp_path):
    image = np.eye(20, dtype="uint8")
    scene = open_scene(raster(tmp_path / "a.tif", image, nbits=1))
    assert scene.storage.bits == 1
    np.testing.assert_array_equal(scene.read().array[..., 0], image)


@pytest.mark.parametrize("rows", [1, 2, 17])
def test_one_pixel_and_thin_scenes(rows, tmp_path):
    scene = open_scene(raster(tmp_path / "a.tif", ramp(rows, 1)))
    assert scene.read().array.shape == (rows, 1, 1)
    assert scene.read(max_size=4).array.shape == (min(rows, 4), 1, 1)
    assert scene.statistics()[0].valid == rows


@pytest.mark.parametrize("value", [0, 7])
def test_constant_and_empty_scenes(value, tmp_path):
    scene = open_scene(raster(tmp_path / "a.tif", np.full((9, 9), value, "uint8"), nodata=0))
    seen = scene.statistics()[0]
    assert seen.valid == (81 if value else 0)
    assert np.isnan(scene.read(max_size=3).array).all() == (value == 0)


def test_an_alpha_band_is_a_mask_and_not_a_band(tmp_path):
    image = ramp(10, 12, 4, "uint8")
    image[..., 3] = 255
    image[:3, :, 3] = 0
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    scene = open_scene(raster(tmp_path / "a.tif", image, colours=colours, photometric="rgb"))
    assert scene.shape == (10, 12, 3)
    assert scene.band_names == ("R", "G", "B")
    assert scene.storage.mask == "alpha"
    array = scene.read().array
    assert np.isnan(array[:3]).all()
    np.testing.assert_array_equal(array[3:], image[3:, :, :3].astype(np.float32))


def test_a_mask_inside_the_file_hides_every_band(tmp_path):
    mask = np.full((10, 12), 255, "uint8")
    mask[5:] = 0
    scene = open_scene(raster(tmp_path / "a.tif", ramp(10, 12, 2), mask=mask, photometric="minisblack"))
    assert scene.storage.mask == "mask"
    array = scene.read(bands=[1]).array
    assert np.isnan(array[5:]).all()
    assert np.isfinite(array[:5]).all()


def test_scale_and_offset_are_shown_and_not_applied(tmp_path):
    path = raster(tmp_path / "a.tif", ramp(5, 5))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets, dataset.units = (0.0001,), (-0.1,), ("1",)
    scene = open_scene(path)
    assert (scene.facts[0].scale, scene.facts[0].offset, scene.facts[0].unit) == (0.0001, -0.1, "1")
    np.testing.assert_array_equal(scene.read().array, ramp(5, 5).astype(np.float32))


def test_pixels_their_spectra_and_their_places(sentinel):
    row, col = 123, 77
    np.testing.assert_array_equal(sentinel.pixel(row, col), masked(sentinel.path)[row, col])
    x, y = sentinel.to_map(row, col)
    assert (x, y) == (300_775, 4_998_765)
    assert sentinel.index(x, y) == (row, col)
    lon, lat = sentinel.lonlat(row, col)
    with rasterio.Env():
        expected = rasterio.warp.transform(UTM, "EPSG:4326", [x], [y])
    assert (lon, lat) == (expected[0][0], expected[1][0])
    with pytest.raises(SceneError, match="lies outside the image"):
        sentinel.pixel(300, 0)


def test_rotated_and_south_up_scenes_keep_their_place(tmp_path):
    turned = Affine.translation(3e5, 5e6) @ Affine.rotation(30) @ Affine.scale(20, -10)
    scene = open_scene(raster(tmp_path / "a.tif", ramp(40, 20), transform=turned))
    assert scene.is_rotated
    np.testing.assert_allclose(scene.pixel_size, (10, 20))
    patch = scene.read((3, 4, 8, 6), max_size=4)
    np.testing.assert_allclose(patch.transform @ (0, 0), turned @ (4, 3))
    np.testing.assert_allclose(patch.transform @ (3, 4), turned @ (10, 11))
    assert scene.index(*scene.to_map(5, 6)) == (5, 6)
    south_up = open_scene(raster(tmp_path / "b.tif", ramp(4, 4), transform=Affine(10, 0, 3e5, 0, 10, 5e6)))
    assert south_up.describe().is_south_up
    assert south_up.bounds == (3e5, 5e6, 300_040, 5_000_040)


def test_scenes_without_a_place(tmp_path):
    scene = open_scene(raster(tmp_path / "a.tif", ramp(4, 6), crs=None, transform=Affine.identity()))
    assert scene.crs is None
    assert scene.pixel_size is None
    assert scene.lonlat(0, 0) is None
    assert scene.ground_unit == ""
    assert scene.summary() == "a.tif · 4 × 6 × 1 · uint16 · no CRS · pixel size unknown · no nodata"


def test_control_points_alone_are_counted_and_not_used(tmp_path):
    points = [rasterio.control.GroundControlPoint(row=r, col=c, x=c, y=-r, z=0) for r in (0, 9) for c in (0, 9)]
    scene = open_scene(raster(tmp_path / "a.tif", ramp(9, 9), gcps=points, transform=Affine.identity()))
    assert scene.storage.control_points == 4
    assert scene.transform == Affine.identity()
    assert scene.pixel_size is None


def test_names_given_by_the_user(tmp_path):
    scene = open_scene(raster(tmp_path / "a.tif", ramp(4, 6, 2)))
    assert scene.naming.source == "guess"
    named = scene.with_band_names(["near", "far"])
    assert named.band_names == ("near", "far")
    assert named.naming.source == "edited"
    assert named.read(bands=["far"]).band_names == ("far",)
    assert named.key == scene.key
    with pytest.raises(SceneError, match="expected 2 different names, one for each band"):
        scene.with_band_names(["near"])


def test_a_single_band_is_named_by_the_products_file_name(tmp_path):
    path = raster(tmp_path / "T33SVB_20181229T095411_B8A_20m.tif", ramp(4, 4))
    assert open_scene(path).band_names == ("B8A",)


def test_threads_share_a_scene(sentinel, whole):
    windows = [Window(row, col, 50, 40) for row in range(0, 300, 50) for col in range(0, 200, 40)]
    with ThreadPoolExecutor(8) as pool:
        patches = list(pool.map(sentinel.read, windows))
    for window, patch in zip(windows, patches, strict=True):
        expected = whole[window.row :, window.col :][: window.rows, : window.cols]
        np.testing.assert_array_equal(patch.array, expected)


def test_reads_are_bounded(sentinel):
    small = open_scene(sentinel.path, limits=Limits(read=10**6))
    with pytest.raises(SceneError, match=r"300 × 200 pixels × 13 bands of S2\.tif are more than the 0 MB"):
        small.read()
    slow = open_scene(sentinel.path, limits=Limits(decode=100))
    with pytest.raises(SceneError, match="has no overview small enough for a picture of 300 × 200 pixels"):
        slow.read(bands=[0], max_size=100)


def test_overviews_make_pictures_fast(tmp_path):
    bare = raster(tmp_path / "a.tif", np.zeros((600, 600), "uint8"))
    assert open_scene(bare).has_fast_overview(256)
    assert not open_scene(bare).has_fast_overview(64)
    with_overviews = raster(tmp_path / "b.tif", np.zeros((600, 600), "uint8"), overviews=(2, 4, 8))
    assert open_scene(with_overviews).has_fast_overview(64)


@pytest.fixture
def with_sidecar(tmp_path):
    """A raster with an overview in a file of its own beside it."""
    path = raster(tmp_path / "a.tif", ramp(64, 64))
    raster(tmp_path / "a.tif.ovr", ramp(32, 32))
    return path


def test_overviews_beside_a_file_count_only_where_asked(with_sidecar):
    assert open_scene(with_sidecar).storage.overviews == ()
    scene = open_scene(with_sidecar, sidecars=True)
    assert scene.storage.overviews == (2,)
    np.testing.assert_array_equal(scene.read(max_size=32).array, ramp(32, 32).astype(np.float32))


@pytest.mark.parametrize("trick", ["link", "list", "bomb"])
def test_unsafe_files_beside_a_raster_are_left_alone(trick, with_sidecar, tmp_path):
    beside = tmp_path / "a.tif.ovr"
    if trick == "link":
        beside.rename(tmp_path / "elsewhere.tif")
        beside.symlink_to(tmp_path / "elsewhere.tif")
    else:
        beside.write_bytes(b"<VRTDataset/>" if trick == "list" else tiff(declared(10**5, 10**5, tile=2**17)))
    scene = open_scene(with_sidecar, sidecars=True)
    assert not scene.sidecars
    assert scene.storage.overviews == ()
