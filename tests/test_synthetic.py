"""The synthetic scene: a function of seed and place, plausible, and written in bounded memory."""

import functools
import os
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz import synthetic, synthetic_file
from cnnviz.errors import SceneError
from cnnviz.sensors import SENSORS, calibrate, to_reflectance
from cnnviz.synthetic import DEFAULT_SEED, GSD, TILE, window
from cnnviz.synthetic_file import write_sample
from cnnviz.synthetic_materials import LABEL_CLASSES, SPECTRA, LandCover, Material
from cnnviz.synthetic_noise import Frame, fractal, mix, smooth, speckle, unit

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def chip():
    """Reflectance (13, 512, 512) with NaN for no data, and labels, of the committed scene."""
    with rasterio.open(DATA / "sentinel2.tif") as scene, rasterio.open(DATA / "sentinel2_labels.tif") as labels:
        return to_reflectance(scene.read(), calibrate(tags=scene.tags())), labels.read(1)


@pytest.fixture(scope="module")
def kept_tiles():
    """The function that computes tiles, with a memory: a tile takes half a second."""
    return functools.lru_cache(maxsize=8)(synthetic._tile)


@pytest.fixture
def quick(monkeypatch, kept_tiles):
    monkeypatch.setattr(synthetic, "_tile", kept_tiles)


@pytest.fixture
def corner(quick):
    """Digital numbers and labels around the corner where four tiles meet."""
    return window(Frame(5, TILE - 60, TILE - 60, 120, 120))


@given(
    st.integers(-3000, 3000), st.integers(-3000, 3000), st.integers(1, 40), st.integers(1, 40), st.sampled_from([5, 37])
)
@settings(max_examples=40)
def test_noise_is_the_same_through_every_frame(row, col, rows, cols, wavelength):
    inner = Frame(9, row, col, rows, cols)
    whole = inner.grown(17)
    for make in (lambda f: smooth(f, 3, wavelength), lambda f: speckle(f, 4), lambda f: fractal(f, 5, (40, 11))):
        np.testing.assert_allclose(make(whole)[17:-17, 17:-17], make(inner), atol=2e-5)


def test_noise_has_mean_0_and_variance_1_and_depends_on_seed_and_salt():
    fields = [smooth(Frame(seed, 0, 0, 600, 600), salt, 6) for seed, salt in ((1, 1), (1, 2), (2, 1))]
    for field in fields:
        assert abs(field.mean()) < 0.05
        assert field.std() == pytest.approx(1, abs=0.05)
    assert np.abs(np.corrcoef([field.ravel() for field in fields]) - np.eye(3)).max() < 0.05


def test_hashes_are_even_and_free_of_patterns():
    values = unit(mix(np.arange(500)[:, None], np.arange(500), 7))
    shares, _ = np.histogram(values, 16, (0, 1))
    assert shares == pytest.approx(250_000 / 16, rel=0.05)
    assert abs(np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]) < 0.01


def test_spectra_are_reflectances_of_every_material():
    assert SPECTRA.shape == (len(Material), 13)
    assert SPECTRA.min() > 0
    assert SPECTRA.max() < 0.6


def test_the_committed_scene_is_what_the_script_makes(quick):
    numbers, labels = window(Frame(DEFAULT_SEED, 90, 210, 150, 170))
    with rasterio.open(DATA / "sentinel2.tif") as scene, rasterio.open(DATA / "sentinel2_labels.tif") as classes:
        place = rasterio.windows.Window(210, 90, 170, 150)
        committed, known = scene.read(window=place).astype(int), classes.read(1, window=place)
    # another processor may round the last bit of a weight another way
    assert np.mean(np.abs(committed - numbers) > 1) < 1e-3
    assert np.mean(known != labels) < 1e-3


def test_the_committed_files_are_small_tiled_and_say_what_they_are():
    assert sum(path.stat().st_size for path in DATA.glob("*.tif")) < 8 * 2**20
    with rasterio.open(DATA / "sentinel2.tif") as scene:
        assert (scene.shape, scene.count, scene.dtypes[0], scene.nodata) == ((512, 512), 13, "uint16", 0)
        assert scene.descriptions == tuple(band.name for band in SENSORS["sentinel2"].bands)
        assert (scene.crs.to_epsg(), scene.res, scene.block_shapes[0]) == (32633, (10, 10), (256, 256))
        assert scene.overviews(1) == [2]
        tags = scene.tags()
    assert (tags["SYNTHETIC"], tags["RADIO_ADD_OFFSET"], tags["SEED"]) == ("YES", "-1000", str(DEFAULT_SEED))
    with rasterio.open(DATA / "sentinel2_labels.tif") as labels:
        assert (labels.shape, labels.dtypes, labels.crs.to_epsg()) == ((512, 512), ("uint8",), 32633)
        assert labels.tags()["CLASS_1"] == "Water"
        assert [labels.colormap(1)[each.value][:3] for each in LABEL_CLASSES] == [each.colour for each in LABEL_CLASSES]


def test_the_chip_has_every_class_and_a_wedge_without_data(chip):
    reflectance, labels = chip
    shares = np.bincount(labels.ravel(), minlength=9) / labels.size
    assert shares[1:].min() > 0.005
    assert 0.02 < shares[0] < 0.08
    assert (np.isnan(reflectance).all(axis=0) == (labels == 0)).all()
    assert np.isnan(reflectance).any(axis=0).sum() == (labels == 0).sum()


def test_classes_look_like_themselves(chip):
    reflectance, labels = chip
    bands = dict(zip((band.name for band in SENSORS["sentinel2"].bands), reflectance, strict=True))
    indices = SENSORS["sentinel2"].indices
    median = {
        name: {
            each: np.median(indices[name].compute(*(bands[band] for band in indices[name].bands))[labels == each])
            for each in LandCover
        }
        for name in ("NDVI", "NDWI", "BSI")
    }
    assert median["NDVI"][LandCover.FOREST] > 0.6
    assert median["NDVI"][LandCover.GREEN_FIELD] > 0.5
    assert median["NDVI"][LandCover.BARE_SOIL] < 0.3
    assert median["NDWI"][LandCover.WATER] > 0.2 > 0 > median["NDWI"][LandCover.BUILT_UP]
    assert max(median["BSI"], key=median["BSI"].get) in (LandCover.BARE_SOIL, LandCover.RIPE_FIELD)
    blue, red_edge = np.nanmedian(bands["B02"][labels == LandCover.CLOUD]), bands["B06"][labels == LandCover.FOREST]
    assert blue > 0.25
    assert np.median(red_edge) > 3 * np.median(bands["B04"][labels == LandCover.FOREST])


def test_clouds_darken_the_ground_to_their_north_west(kept_tiles, monkeypatch):
    lit = kept_tiles(DEFAULT_SEED, 0, 0)[0][:, :300, :300]
    monkeypatch.setattr(synthetic, "_opacity", lambda frame: np.zeros((frame.rows, frame.cols), np.float32))
    clear, _ = window(Frame(DEFAULT_SEED, 0, 0, 300, 300))
    cloud = lit[1].astype(int) - clear[1] > 600
    shadow = clear[7].astype(int) - lit[7] > 600
    down, right = (52, 30)
    assert shadow.sum() > 300
    assert (shadow[:-down, :-right] & cloud[down:, right:]).sum() > 0.5 * shadow[:-down, :-right].sum()


@pytest.mark.parametrize("band", range(13))
def test_coarse_bands_are_made_of_whole_pixels_of_their_own_size(band, corner):
    step = GSD[band] // 10
    plane = corner[0][band]
    assert TILE % 6 == 0
    blocks = plane.reshape(120 // step, step, 120 // step, step)
    assert (blocks == blocks[:, :1, :, :1]).all()
    assert (np.diff(plane[::step, ::step].astype(int), axis=1) != 0).mean() > 0.5


def test_windows_of_any_size_agree(corner):
    numbers, labels = corner
    for row, col, rows, cols in ((0, 0, 1, 1), (17, 58, 43, 7), (55, 3, 12, 117)):
        part, part_labels = window(Frame(5, TILE - 60 + row, TILE - 60 + col, rows, cols))
        np.testing.assert_array_equal(part, numbers[:, row : row + rows, col : col + cols])
        np.testing.assert_array_equal(part_labels, labels[row : row + rows, col : col + cols])


def test_tiles_join_without_a_seam(monkeypatch):
    monkeypatch.setattr(synthetic, "_NOISE", (0,) * 13)
    monkeypatch.setattr(synthetic, "TILE", 240)
    place = Frame(DEFAULT_SEED, 180, 180, 120, 120)
    numbers, labels = window(place)
    monkeypatch.setattr(synthetic, "TILE", 360)
    other, other_labels = window(place)
    assert np.mean(np.abs(numbers.astype(int) - other) > 2) < 2e-3
    assert np.mean(labels != other_labels) < 2e-3


def test_another_seed_is_another_world(corner):
    other, _ = window(Frame(6, TILE - 60, TILE - 60, 60, 60))
    assert np.mean(other == corner[0][:, :60, :60]) < 0.1


def test_a_larger_scene_has_the_smaller_one_in_its_corner_and_overviews_that_ignore_no_data(tmp_path, quick):
    write_sample(tmp_path / "a.tif", size=(700, 900), labels=tmp_path / "l.tif")
    with rasterio.open(tmp_path / "a.tif") as scene, rasterio.open(DATA / "sentinel2.tif") as committed:
        np.testing.assert_array_equal(scene.read(4)[:512, :512], committed.read(4))
        assert scene.overviews(1) == [2, 4]
        full, half = scene.read(8).astype(float), scene.read(8, out_shape=(350, 450))
        assert scene.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
    full[full == 0] = np.nan
    cells = full.reshape(350, 2, 450, 2)
    expected = np.nan_to_num(np.nansum(cells, axis=(1, 3)) / np.maximum(np.isfinite(cells).sum(axis=(1, 3)), 1))
    np.testing.assert_allclose(half, expected, atol=1)
    with rasterio.open(tmp_path / "l.tif") as labels:
        assert labels.shape == (700, 900)
        assert set(np.unique(labels.read(1, out_shape=(175, 225)))) <= set(range(9))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "l.tif"]


def test_memory_does_not_grow_with_the_scene(tmp_path, monkeypatch):
    def blank(frame):
        return np.ones((13, frame.rows, frame.cols), np.uint16), np.ones((frame.rows, frame.cols), np.uint8)

    monkeypatch.setattr(synthetic_file, "window", blank)
    few = _peak(lambda: write_sample(tmp_path / "few.tif", size=(TILE, 6 * TILE)))
    many = _peak(lambda: write_sample(tmp_path / "many.tif", size=(5 * TILE, 6 * TILE)))
    tile = TILE**2 * 13 * 2
    assert many - few < 6 * tile  # of the 24 tiles more


def _peak(work):
    """Most resident memory while ``work`` runs."""
    process, seen, done = psutil.Process(os.getpid()), [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(process.memory_info().rss)
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return max(seen)


def test_progress_rises_to_1(tmp_path, quick):
    told = []
    write_sample(tmp_path / "a.tif", size=(30, 1000), on_progress=told.append)
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0, 5)}, "the size is 0 × 5 pixels; expected 1 to 200000"),
        ({"size": (5, 10**7)}, "the size is 5 × 10000000 pixels"),
        ({"seed": -1}, "the seed is -1; expected a whole number from 0 to 4294967295"),
        ({"labels": "a.tif"}, "scene and labels are both called a.tif"),
    ],
)
def test_impossible_wishes_are_refused_before_anything_is_written(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SceneError, match=message):
        write_sample("a.tif", **options)
    assert list(tmp_path.iterdir()) == []


def test_existing_files_and_missing_folders_are_left_alone(tmp_path):
    there = tmp_path / "a.tif"
    there.write_text("mine")
    with pytest.raises(SceneError, match=r"a\.tif exists already: .*--overwrite"):
        write_sample(there)
    with pytest.raises(SceneError, match=r"the folder of b\.tif does not exist"):
        write_sample(tmp_path / "no" / "b.tif")
    assert there.read_text() == "mine"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_run_that_breaks_leaves_nothing_behind(tmp_path, monkeypatch, quick, failure):
    def broken(*_):
        raise failure

    monkeypatch.setattr(synthetic_file, "_add_overviews", broken)
    with pytest.raises((KeyboardInterrupt, SceneError), match=r"^$|a\.tif could not be written: No space left"):
        write_sample(tmp_path / "a.tif", size=(20, 20))
    assert list(tmp_path.iterdir()) == []
