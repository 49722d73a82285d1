"""An overview is the mean of what is valid, made once, kept, and used by the scene's own reads."""

import os
import shutil
import threading
from collections import namedtuple

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.errors import SceneError
from cnnviz.formats import Limits
from cnnviz.overviews import block_mean, decimation, make_overview
from cnnviz.scene import open_scene
from tests.factory import PLACE, ramp, raster

LAYOUTS = {
    "strips": {"blockysize": 7, "compress": "lzw"},
    "one strip": {"blockysize": 500, "compress": "deflate"},
    "tiles": {"tiled": True, "blockxsize": 48, "blockysize": 16, "compress": "deflate"},
    "bands apart": {"tiled": True, "blockxsize": 64, "blockysize": 64, "interleave": "band"},
}


def slow_mean(image, factor):
    """Return block means by going through the blocks one by one."""
    rows, cols, bands = image.shape
    out = np.full((-(-rows // factor), -(-cols // factor), bands), np.nan)
    for row, col, band in np.ndindex(out.shape):
        block = image[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor, band]
        if np.isfinite(block).any():
            out[row, col, band] = np.nanmean(block, dtype=np.float64)
    return out


@given(
    rows=st.integers(1, 20),
    cols=st.integers(1, 20),
    factor=st.sampled_from([2, 3, 4, 8]),
    holes=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_block_means_agree_with_a_loop(rows, cols, factor, holes):
    rng = np.random.default_rng(rows * 100 + cols)
    image = rng.normal(size=(rows, cols, 2)).astype(np.float32)
    image[rng.random((rows, cols)) < holes] = np.nan
    np.testing.assert_allclose(block_mean(image, factor), slow_mean(image, factor), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_gives_the_same_overview(layout, tmp_path, monkeypatch):
    monkeypatch.setattr("cnnviz.overviews._CHUNK", 3000)
    image = ramp(333, 210, 3)
    image[100:160, 30:90] = 0
    scene = open_scene(raster(tmp_path / "a.tif", image, nodata=0, **LAYOUTS[layout]))
    done = []
    made = make_overview(scene, tmp_path / "kept", max_size=90, on_progress=done.append)
    values = np.where(image == 0, np.nan, image).astype(np.float32)
    with rasterio.open(made.overview.path) as dataset:
        means = np.moveaxis(dataset.read(), 0, -1)
        assert dataset.transform == PLACE @ rasterio.Affine.scale(4)
    np.testing.assert_allclose(means, slow_mean(values, 4), rtol=1e-5)
    assert done == sorted(done)
    assert done[-1] == 1


def test_the_scenes_own_reads_use_it(tmp_path):
    image = ramp(256, 512, 2)
    scene = open_scene(raster(tmp_path / "a.tif", image, interleave="band"))
    made = make_overview(scene, tmp_path / "kept", max_size=64)
    assert made.overview.factor == 8
    assert (made.shape, made.band_names, made.key) == (scene.shape, scene.band_names, scene.key)
    assert not scene.has_fast_overview(32)
    assert made.has_fast_overview(32)
    small = made.read(max_size=64)
    np.testing.assert_allclose(small.array, slow_mean(image.astype(np.float32), 8), rtol=1e-5)
    assert small.transform == PLACE @ rasterio.Affine.scale(8)
    part = made.read((64, 128, 128, 256), bands=[1], max_size=32)
    np.testing.assert_allclose(part.array, small.array[8:24, 16:48, 1:], rtol=1e-6)
    scene.path.rename(tmp_path / "away.tif")
    np.testing.assert_array_equal(made.read(max_size=64).array, small.array)
    with pytest.raises(SceneError, match=r"^a\.tif cannot be opened"):
        made.read((0, 0, 9, 9))


def test_reads_go_on_when_it_was_cleared_away(tmp_path):
    scene = open_scene(raster(tmp_path / "a.tif", ramp(64, 64)))
    made = make_overview(scene, tmp_path / "kept", max_size=16)
    made.overview.path.unlink()
    np.testing.assert_array_equal(made.read(max_size=16).array, scene.read(max_size=16).array)
    assert not made.has_fast_overview(8)


def test_it_is_made_once_and_again_when_the_file_changes(tmp_path):
    path = raster(tmp_path / "a.tif", ramp(64, 64))
    first = make_overview(open_scene(path), tmp_path / "kept", max_size=32)
    stamp = first.overview.path.stat().st_mtime_ns
    again = make_overview(open_scene(path), tmp_path / "kept", max_size=32)
    assert again.overview == first.overview
    assert again.overview.path.stat().st_mtime_ns == stamp
    raster(path, ramp(64, 64, seed=1))
    os.utime(path, ns=(1, 1))
    other = make_overview(open_scene(path), tmp_path / "kept", max_size=32)
    assert other.overview.path != first.overview.path


def test_a_small_scene_needs_none(tmp_path):
    scene = open_scene(raster(tmp_path / "a.tif", ramp(64, 64)))
    assert make_overview(scene, tmp_path / "kept", max_size=64) is scene
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(("shape", "size", "factor"), [((10980, 10980), 2048, 8), ((1, 4097), 2048, 4), ((5, 5), 1, 8)])
def test_factors_are_powers_of_two(shape, size, factor):
    assert decimation(shape, size) == factor


def test_indices_of_a_palette_are_picked(tmp_path):
    image = np.kron(np.array([[3, 200], [7, 3]]), np.ones((18, 18))).astype("uint8")
    path = raster(tmp_path / "a.tif", image, photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {3: (255, 0, 0, 255)})
    made = make_overview(open_scene(path), tmp_path / "kept", max_size=9)
    with rasterio.open(made.overview.path) as dataset:
        assert set(np.unique(dataset.read())) == {3, 7, 200}


def test_cancelling_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnviz.overviews._CHUNK", 256)
    scene = open_scene(raster(tmp_path / "a.tif", ramp(64, 64), tiled=True, blockxsize=16, blockysize=16))
    asked = []
    with pytest.raises(SceneError, match=r"the overview of a\.tif was stopped half-way: start it again"):
        make_overview(scene, tmp_path / "kept", max_size=16, cancelled=lambda: asked.append(1) or len(asked) > 5)
    assert list((tmp_path / "kept").iterdir()) == []
    assert threading.active_count() < 10


def test_a_damaged_block_is_named(tmp_path):
    path = raster(tmp_path / "a.tif", ramp(64, 64, 2), interleave="band", blockysize=8, compress="deflate")
    data = bytearray(path.read_bytes())
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_0_3", "TIFF", bidx=2))
    data[offset : offset + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(SceneError, match=r"a\.tif cannot be read in the window of"):
        make_overview(open_scene(path), tmp_path / "kept", max_size=32)
    assert list((tmp_path / "kept").iterdir()) == []


def test_too_much_work_is_refused(tmp_path):
    scene = open_scene(raster(tmp_path / "a.tif", ramp(64, 64)), limits=Limits(overview=1000))
    with pytest.raises(SceneError, match=r"a\.tif has 64 × 64 × 1 numbers, too many for an overview"):
        make_overview(scene, tmp_path / "kept", max_size=32)


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 0))
    scene = open_scene(raster(tmp_path / "a.tif", ramp(64, 64)))
    with pytest.raises(SceneError, match=r"the overview of a\.tif needs 0 MB of disk: free some"):
        make_overview(scene, tmp_path / "kept", max_size=32)


def test_old_overviews_make_room_for_new_ones(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnviz.overviews._KEPT", 600_000)
    kept = []
    for number in range(4):
        path = raster(tmp_path / f"{number}.tif", ramp(64, 64, seed=number))
        kept.append(make_overview(open_scene(path), tmp_path / "kept", max_size=32).overview.path)
        os.utime(kept[-1], (number, number))
    assert [path.exists() for path in kept] == [False, False, True, True]
