"""Whole scenes: the same numbers as in memory, a valid file in the right place, and nothing lost or half-written."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from cnnviz import parts
from cnnviz.errors import GeometryError, ProcessError, SceneError
from cnnviz.job import fitted
from cnnviz.journal import Recorder
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.process import Stage, run_scene
from cnnviz.products import open_imagery
from cnnviz.scene import open_scene
from cnnviz.scratch import Scratch
from cnnviz.windows import Window
from tests.cog import cog_faults
from tests.factory import PLACE, UTM, damage, ramp, raster
from tests.source import ROOT

TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
SMALL = "80MB"
EDGES = Network(
    [Conv2D("sobel_vertical", padding="same"), Activation("relu"), Conv2D("gaussian_5", padding="same", stride=2)],
    name="edges",
)


def pixels(path):
    with rasterio.open(path) as dataset:
        return np.moveaxis(dataset.read(), 0, -1)


@pytest.fixture
def scene(tmp_path):
    image = ramp(600, 660, 3)
    image[100:130, 50:200] = 0
    return raster(tmp_path / "scene.tif", image, nodata=0, descriptions=("B03", "B04", "B08"), **TILED)


LAYOUTS = {
    "tiles, band by band": TILED | {"interleave": "band"},
    "tiles, pixel by pixel": TILED | {"interleave": "pixel"},
    "strips": {"compress": "deflate", "blockysize": 3},
    "one strip": {"compress": "deflate", "blockysize": 610},
    "not compressed": {},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_a_run_gives_the_numbers_that_memory_gives(tmp_path, layout, dtype):
    image = ramp(610, 333, 3, dtype)
    image[40:50, 60:90, 1] = 255 if dtype == "uint8" else -1 if dtype.startswith("float") else 60000
    source = raster(tmp_path / "scene.tif", image, nodata=float(image[40, 60, 1]), **layout)
    weights = np.random.default_rng(1).normal(size=(3, 3, 3, 2))
    first = Conv2D(weights, bias=[1, 2], padding="same", border="reflect")
    network = Network([first, Pool2D(3, stride=1), EDGES.layers[2]])
    run = run_scene(network, source, tmp_path / "out.tif", memory=SMALL, workers=3)
    whole = network.apply(open_scene(source).read().array)
    assert np.isnan(whole).any()
    np.testing.assert_array_equal(pixels(run.target), whole)
    assert (run.shape, run.damages) == (whole.shape, ())


def test_the_file_is_a_cog_that_says_what_it_is(tmp_path, scene):
    network = Network([*EDGES.layers[:2], Pool2D(1)], bands=["B08", "B03"])
    target = run_scene(network, scene, tmp_path / "out.tif").target
    assert cog_faults(target) == []
    with rasterio.open(target) as dataset:
        assert dataset.crs.to_string() == UTM
        assert dataset.transform == network.transform(PLACE, (600, 660))
        assert dataset.dtypes == ("float32", "float32")
        assert np.isnan(dataset.nodatavals).all()
        assert dataset.descriptions == ("B08", "B03")
        assert (dataset.compression.name, dataset.block_shapes[0]) == ("deflate", (512, 512))
        assert dataset.overviews(1) == [2]
        tags = dataset.tags()
    assert Network.from_json(tags["CNNVIZ_RECIPE"]) == network
    assert tags["CNNVIZ_SOURCE"] == "scene.tif"
    assert tags["TIFFTAG_SOFTWARE"] == f"cnnviz {tags['CNNVIZ_VERSION']}"
    assert {*tmp_path.iterdir()} == {scene, target}


def test_overviews_are_means_of_valid_pixels(tmp_path, scene):
    target = run_scene(Network([Activation("linear")]), scene, tmp_path / "out.tif").target
    whole = pixels(target)
    with rasterio.open(target, overview_level=0) as dataset:
        half = np.moveaxis(dataset.read(), 0, -1)
    with np.errstate(invalid="ignore"):
        cells = whole.reshape(300, 2, 330, 2, 3)
        expected = np.nansum(cells, axis=(1, 3)) / np.isfinite(cells).sum(axis=(1, 3))
    np.testing.assert_allclose(half, expected, rtol=1e-6)


def test_the_place_follows_from_the_scene_not_from_its_windows(tmp_path):
    turned = Affine.translation(500_000, 4_000_000) @ Affine.rotation(20) @ Affine.scale(10, -10)
    source = raster(tmp_path / "scene.tif", ramp(201, 150), transform=turned, **TILED)
    network = Network([Conv2D("box_3", padding="same", stride=2), Pool2D(3), Conv2D("laplacian_4")])
    with rasterio.open(run_scene(network, source, tmp_path / "out.tif", memory=SMALL).target) as dataset:
        expected = network.transform(turned, (201, 150))
        assert dataset.transform.almost_equals(expected, 1e-6)
        assert dataset.shape == network.output_shape((201, 150))[:2]


def test_scenes_without_a_place_stay_without(tmp_path):
    source = raster(tmp_path / "scene.tif", ramp(90, 80), crs=None, transform=Affine.identity())
    target = run_scene(EDGES, source, tmp_path / "out.tif").target
    assert open_scene(target).crs is None


def test_large_maps_of_few_pixels(tmp_path, scene):
    network = Network([Pool2D(64, stride=50), Conv2D(np.random.default_rng(0).normal(size=(3, 3, 3, 40)))])
    target = run_scene(network, scene, tmp_path / "out.tif", memory="90MB").target
    np.testing.assert_array_equal(pixels(target), network.apply(open_scene(scene).read().array))
    assert cog_faults(target) == []


# Going on after a kill


KILLED = """
    import json, os, signal, sys
    from cnnviz import parts
    from cnnviz.layers import Network
    from cnnviz.process import run_scene

    def stop(share):
        if share >= float(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)

    parts.LARGEST = int(sys.argv[6])
    run_scene(Network.from_json(sys.argv[1]), sys.argv[2], sys.argv[3], on_progress=stop, **json.loads(sys.argv[5]))
"""


def kill_midway(network, source, target, share, **how):
    """Start a run in a process of its own that is killed, as by ``kill -9``, once so much is done."""
    options = json.dumps({"memory": "72MB"} | how)
    words = (network.to_json(), source, target, share, options, parts.LARGEST)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), *map(str, words)]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


def shares_of(network, source, target, **how):
    """Run to the end; the shares of the work that were told on the way."""
    shares = []
    run_scene(network, source, target, on_progress=shares.append, **how)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    return shares


def test_a_killed_run_goes_on_and_gives_the_same_file(tmp_path, scene):
    target, other = tmp_path / "out.tif", tmp_path / "other.tif"
    fresh = shares_of(EDGES, scene, other, memory="72MB")
    kill_midway(EDGES, scene, target, 0.4)
    assert not target.exists()
    rest = shares_of(EDGES, scene, target, memory="72MB")
    assert fresh[0] == 0 < 0.3 < rest[0]
    assert target.read_bytes() == other.read_bytes()
    assert {*tmp_path.iterdir()} == {scene, target, other}


def test_a_run_killed_while_the_file_was_finished_only_finishes_it(tmp_path, scene):
    target, computed = tmp_path / "out.tif", 1 - fitted(EDGES, open_imagery(scene)).writing_share()
    kill_midway(EDGES, scene, target, computed)
    assert not target.exists()
    rest = shares_of(EDGES, scene, target, memory="72MB")
    assert rest[0] == pytest.approx(computed)
    np.testing.assert_array_equal(pixels(target), EDGES.apply(open_scene(scene).read().array))


@pytest.mark.parametrize("change", ["memory", "recipe", "source", "no resume"])
def test_what_is_used_again_is_what_would_be_computed_again(tmp_path, scene, change):
    target = tmp_path / "out.tif"
    kill_midway(EDGES, scene, target, 0.4)
    network = Network([*EDGES.layers, Activation("tanh")]) if change == "recipe" else EDGES
    if change == "source":
        os.utime(scene, (1, 1))
    memory = "76MB" if change == "memory" else "72MB"
    rest = shares_of(network, scene, target, memory=memory, resume=change != "no resume")
    assert (rest[0] > 0) == (change == "memory")
    np.testing.assert_array_equal(pixels(target), network.apply(open_scene(scene).read().array))


def test_an_interrupted_run_leaves_no_half_file(tmp_path, scene):
    def interrupt(share):
        if share > 0.3:
            raise KeyboardInterrupt

    target = tmp_path / "out.tif"
    with pytest.raises(KeyboardInterrupt):
        run_scene(EDGES, scene, target, memory="72MB", on_progress=interrupt, resume=False)
    assert {*tmp_path.iterdir()} == {scene}
    with pytest.raises(KeyboardInterrupt):
        run_scene(EDGES, scene, target, memory="72MB", on_progress=interrupt)
    assert not target.exists()
    assert shares_of(EDGES, scene, target, memory="72MB")[0] > 0.3


def test_both_stages_are_told_and_no_part_of_them_stands_still(tmp_path):
    scene = raster(tmp_path / "scene.tif", ramp(2100, 2100), **TILED)
    told = []

    def tell(share):
        told.append(share)

    run_scene(Network([Activation("relu")]), scene, tmp_path / "out.tif", on_progress=tell, on_stage=told.append)
    stages = [each for each in told if isinstance(each, Stage)]
    assert stages == [told[0], "writing the file"] == ["computing", told[told.index(Stage.WRITING)]]
    writing = told[told.index(Stage.WRITING) + 1 :]
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.overviews(1) == [2, 4, 8]
    packed, made = 25 + 9 + 4 + 1, 9 + 4 + 1  # tiles of 512 × 512
    assert np.diff(writing[:-1]) == pytest.approx((1 - writing[0]) / (packed + made))
    assert writing[-2:] == [1, 1]


def test_two_runs_cannot_write_one_file(tmp_path, scene):
    def start_another(share):
        run_scene(EDGES, scene, tmp_path / "out.tif")

    with pytest.raises(ProcessError, match=r"another run is writing out.tif: wait for it"):
        run_scene(EDGES, scene, tmp_path / "out.tif", on_progress=start_another)


# Damaged input


@pytest.fixture
def damaged(tmp_path):
    layout = TILED | {"interleave": "band"}
    path = raster(tmp_path / "scene.tif", ramp(300, 200, 2), descriptions=("B04", "B08"), **layout)
    damage(path, (3, 1), band=2)
    return path


def test_a_damaged_block_is_named_and_stops_the_run(tmp_path, damaged):
    message = r"band 2 of scene.tif cannot be read in the window of 64 × 64 pixels at row 192, column 64"
    with pytest.raises(SceneError, match=message):
        run_scene(EDGES, damaged, tmp_path / "out.tif", memory="70MB")
    assert not (tmp_path / "out.tif").exists()


def test_a_damaged_block_becomes_nodata_where_that_is_wanted(tmp_path, damaged):
    network = Network([Conv2D("box_3", padding="same")])
    run = run_scene(network, damaged, tmp_path / "out.tif", memory="70MB", skip_bad_blocks=True)
    assert run.damages == ("B08 of scene.tif, 64 × 64 pixels at row 192, column 64",)
    image = ramp(300, 200, 2).astype(np.float32)
    image[192:256, 64:128, 1] = np.nan
    np.testing.assert_array_equal(pixels(run.target), network.apply(image))


def test_a_source_that_changes_or_goes_is_named(tmp_path, scene):
    opened = open_scene(scene)
    os.utime(scene, (1, 1))
    with pytest.raises(SceneError, match=r"scene\.tif has changed since it was opened"):
        run_scene(EDGES, opened, tmp_path / "out.tif")
    scene.unlink()
    with pytest.raises(SceneError, match=r"scene\.tif is gone"):
        run_scene(EDGES, opened, tmp_path / "out.tif")
    assert list(tmp_path.iterdir()) == []


# Refusals: one sentence, nothing left behind


REFUSED = {
    "missing band": (
        Network([Activation("relu")], bands=["B04", "B11"]),
        {},
        ProcessError,
        "no band B11; it has B03",
    ),
    "band count": (Network([Conv2D(np.ones((3, 3, 2, 1)))]), {}, GeometryError, "received 3 bands, but the filters"),
    "kernel beyond the scene": (Network([Pool2D(60), Conv2D("box_7", dilation=9)]), {}, GeometryError, "Layer 2"),
    "budget": (EDGES, {"memory": "1MB"}, ProcessError, r"give \d+MB or more"),
    "workers": (EDGES, {"workers": 0}, ProcessError, "workers: a whole number"),
}


@pytest.mark.parametrize(("network", "how", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused_before_anything_is_written(tmp_path, scene, network, how, error, message):
    with pytest.raises(error, match=message):
        run_scene(network, scene, tmp_path / "out.tif", **how)
    assert list(tmp_path.iterdir()) == [scene]


def test_targets_that_cannot_be_written_are_refused(tmp_path, scene):
    (tmp_path / "folder.tif").mkdir()
    existing = tmp_path / "existing.tif"
    existing.write_bytes(b"precious")
    for target, message in {
        tmp_path / "out.png": "a printable name that ends with .tif is expected",
        tmp_path / "folder.tif": "is a folder",
        tmp_path / "missing" / "out.tif": "missing is no folder: choose one that exists",
        scene: "scene.tif is what is read",
        existing: "existing.tif exists: allow it to be replaced",
    }.items():
        with pytest.raises(ProcessError, match=message):
            run_scene(EDGES, scene, target, overwrite=target == scene)
    assert existing.read_bytes() == b"precious"
    run_scene(EDGES, scene, existing, overwrite=True)
    assert cog_faults(existing) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["existing.tif", "folder.tif", "scene.tif"]


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path, scene):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(ProcessError, match="locked: Permission denied; choose a folder"):
        run_scene(EDGES, scene, folder / "out.tif")


def test_a_disk_without_room_is_told_before_and_on_the_way(tmp_path, scene, monkeypatch):
    usage = type("Usage", (), {"free": 10**6})
    monkeypatch.setattr("cnnviz.process.disk_usage", lambda path: usage)
    with pytest.raises(ProcessError, match=r"the disk has 1 MB left: up to \d+ MB are needed"):
        run_scene(EDGES, scene, tmp_path / "out.tif")
    assert list(tmp_path.iterdir()) == [scene]
    with open("/dev/full", "wb", buffering=0) as device:  # noqa: PTH123  (a device)
        recorder = Recorder(device, Path("/maps/.out.tif.run/journal"))
        with pytest.raises(ProcessError, match=r"^out\.tif could not be written: No space left on device; free some"):
            recorder.add(Window(0, 0, 20, 20))
    full = Scratch(Path("/dev/full"), (20, 20, 1), 0)
    with pytest.raises(ProcessError, match="full could not be written: No space left on device; free some space"):
        full.write(Window(0, 0, 20, 20), np.zeros((20, 20, 1), np.float32))


LIMITED = """
    import resource, signal, sys
    from cnnviz.errors import CnnvizError
    from cnnviz.layers import Activation, Network
    from cnnviz.process import run_scene

    def limit(share):
        if share >= float(sys.argv[3]):  # as a disk that fills up: files may not grow beyond this
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        how = {"on_progress": limit, "on_stage": lambda stage: limit(-1), "resume": False}
        run_scene(Network([Activation("tanh")]), sys.argv[1], sys.argv[2], **how)
    except CnnvizError as error:
        sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize(("share", "most"), [(-1, 200), (-1, 1500), (-1, 300_000), (0, 300_000), (0.01, 300_000)])
def test_a_disk_that_fills_up_is_one_sentence_and_leaves_nothing(tmp_path, share, most):
    image = np.random.default_rng(0).normal(size=(500, 500)).astype(np.float32)
    scene = raster(tmp_path / "scene.tif", image, **TILED)
    words = (scene, tmp_path / "out.tif", share, most)
    command = [sys.executable, "-c", textwrap.dedent(LIMITED), *map(str, words)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("ProcessError: out.tif could not be written: ")
    assert list(tmp_path.iterdir()) == [scene]
