"""Parts cover a result once, fit into their share, and together are the whole, to the last bit."""

from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz import parts
from cnnviz.budget import plan_run
from cnnviz.errors import ProcessError
from cnnviz.job import fitted
from cnnviz.layers import Conv2D, Network
from cnnviz.mosaic import vrt
from cnnviz.parts import Order, even_parts, labels_of, make_part, merge, quick_parts
from cnnviz.scene import open_scene
from cnnviz.scratch import create
from cnnviz.sources import from_scene
from cnnviz.windows import Window
from tests.factory import ramp, raster
from tests.random_networks import BORDERS, random_network
from tests.test_process import pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("parts")


def covers(windows, shape):
    seen = np.zeros(shape[:2], int)
    for row, col, rows, cols in windows:
        seen[row : row + rows, col : col + cols] += 1
    return bool((seen == 1).all())


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_any_network_in_parts_is_the_whole(folder, seed):
    rng = np.random.default_rng(seed)
    network, image = random_network(rng, layers=4, borders=BORDERS)
    image[rng.random(image.shape) < 0.01] = np.nan
    job = fitted(network, from_scene(open_scene(raster(folder / "scene.tif", image, nodata=np.nan))))
    rows, cols, _ = job.shape
    down, across = (sorted({0, size, *rng.integers(0, size + 1, 2).tolist()}) for size in (rows, cols))
    windows = parts._windows(*([*pairwise(edges)] for edges in (down, across)))
    order = Order(job, folder, memory=10**9, workers=1, lasting=False)
    whole = create(folder / "whole.tif", job.shape, job.labels)
    for window in windows:
        assert make_part(order, window) == ()
        merge(order.file(window), window, whole)
        order.file(window).unlink()
    np.testing.assert_array_equal(pixels(whole.path), network.apply(image))
    assert {path.name for path in folder.iterdir()} == {"scene.tif", "whole.tif"}


@pytest.fixture(scope="module")
def job(folder):
    scene = raster(folder / "large.tif", ramp(1400, 900, 2), tiled=True, blockxsize=128, blockysize=128)
    return fitted(Network([Conv2D("gaussian_7", padding="same", stride=2)]), from_scene(open_scene(scene)))


@pytest.mark.parametrize("hands", [1, 2, 7, 100, 5000])
def test_cuts_cover_the_result_and_serve_many_hands(job, hands):
    windows = quick_parts(job, hands)
    assert covers(windows, job.shape)
    assert len(windows) >= min(hands, 6)
    for window in windows[:3]:
        plan = plan_run(job.network, job.imagery, memory=10**8, workers=1, part=window)
        shifted = [(row - window.row, col - window.col, *size) for row, col, *size in plan.windows()]
        assert covers(shifted, window[2:])


def test_even_parts_are_of_one_size(job, monkeypatch):
    monkeypatch.setattr(parts, "LARGEST", 512)
    assert [window[:2] for window in even_parts(job)] == [(0, 0), (512, 0)]
    assert covers(even_parts(job), job.shape)


def test_a_part_lies_at_its_own_place(job):
    place = labels_of(job, Window(10, 20, 5, 5)).transform
    assert place @ (0, 0) == job.labels.transform @ (20, 10)


def test_unseen_folders_are_refused(job, tmp_path):
    window = Window(0, 0, 10, 10)
    with pytest.raises(ProcessError, match=r"does not see the output's folder: input and output must lie where all"):
        make_part(Order(job, tmp_path / "elsewhere", 10**9, 1, lasting=False), window)


def test_a_vrt_of_a_picture_without_a_place_has_none(tmp_path):
    scene = raster(tmp_path / "s.tif", ramp(30, 20), crs=None, transform=None)
    job = fitted(Network([Conv2D("box_3", padding="same")]), from_scene(open_scene(scene)))
    text = vrt(job.shape, job.labels, {Window(0, 0, 30, 20): PurePosixPath("a & b.tiles/1.tif")})
    assert "SRS" not in text
    assert "GeoTransform" not in text
    assert "a &amp; b.tiles/1.tif" in text
