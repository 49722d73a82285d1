"""Windows that are computed on the way through a scene are what the whole scene has there, and are read once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.budget import Plan, chunks_of, strips_of
from cnnviz.errors import SceneError
from cnnviz.feed import Feed
from cnnviz.layers import Conv2D, Network
from cnnviz.reader import Reader, reading
from cnnviz.scene import open_scene
from cnnviz.sources import from_scene
from tests.factory import ramp, raster
from tests.random_networks import BORDERS, random_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("feed")


def plan_of(network, shape, *, height, width, cell, workers=3):
    """A plan of these sizes, whatever a budget would say."""
    rows, cols = ([pair[axis] for pair in network.axes(shape)] for axis in (0, 1))
    strips, chunks = strips_of(network, rows, height), chunks_of(network, cols, width)
    end = max(chunk.stop for chunk in chunks)
    cells = tuple(pairwise([*range(min(chunk.start for chunk in chunks), end, cell), end]))
    return Plan(strips, chunks, cells, workers, memory=0, effort=1.0)


def computed(network, imagery, plan, *, strips=None, wanted=lambda window: True):
    """Result of a feed, 7 where nothing was written, and the windows in the order in which they came."""
    result = np.full(network.output_shape(imagery.shape), 7, np.float32)

    def write(window, array):
        result[window.row : window.row + window.rows, window.col : window.col + window.cols] = array

    with reading(imagery, plan.workers) as reader, ThreadPoolExecutor(plan.workers) as pool:
        return result, list(Feed(network, plan, reader, write).run(pool, strips or plan.strips, wanted))


@settings(max_examples=120)
@given(st.integers(0, 2**32 - 1))
def test_any_cut_through_a_scene_gives_the_whole(folder, seed):
    rng = np.random.default_rng(seed)
    network, image = random_network(rng, layers=4, borders=BORDERS)
    image[rng.random(image.shape) < 0.01] = np.nan
    imagery = from_scene(open_scene(raster(folder / "scene.tif", image, nodata=np.nan)))
    height, width, cell = (int(n) for n in rng.integers(1, 30, 3))
    plan = plan_of(network, image.shape, height=height, width=width, cell=cell)
    result, windows = computed(network, imagery, plan)
    assert windows == list(plan.windows())
    np.testing.assert_array_equal(result, network.apply(image))

    first = int(rng.integers(len(plan.strips)))
    some = {window for window in plan.windows() if rng.random() < 0.5}
    result, windows = computed(network, imagery, plan, strips=plan.strips[first:], wanted=some.__contains__)
    rest = [plan.window(strip, chunk) for strip in plan.strips[first:] for chunk in plan.chunks]
    assert windows == [window for window in rest if window in some]
    whole = network.apply(image)
    for row, col, rows, cols in plan.windows():
        found = result[row : row + rows, col : col + cols]
        expected = whole[row : row + rows, col : col + cols] if (row, col, rows, cols) in windows else 7
        np.testing.assert_array_equal(found, np.broadcast_to(expected, found.shape))


def test_every_pixel_is_read_once(folder, monkeypatch):
    network = Network([Conv2D("gaussian_7", padding="same"), Conv2D("laplacian_8", dilation=2)])
    imagery = from_scene(open_scene(raster(folder / "once.tif", ramp(90, 70, 2))))
    plan = plan_of(network, imagery.shape, height=16, width=20, cell=24)
    seen = np.zeros((90, 70), int)

    def counting(self, window, planes, read=Reader.read):
        seen[window.row : window.row + window.rows, window.col : window.col + window.cols] += 1
        read(self, window, planes)

    monkeypatch.setattr(Reader, "read", counting)
    computed(network, imagery, plan)
    assert (seen == 1).all()


def test_an_error_on_another_thread_arrives(folder):
    imagery = from_scene(open_scene(raster(folder / "error.tif", ramp(40, 40))))
    network = Network([Conv2D("box_3")])
    plan = plan_of(network, imagery.shape, height=8, width=8, cell=8)

    def write(window, array):
        raise SceneError(f"no more at row {window.row}")

    with reading(imagery, 2) as reader, ThreadPoolExecutor(2) as pool:
        feed = Feed(network, plan, reader, write).run(pool, plan.strips, lambda window: True)
        with pytest.raises(SceneError, match="no more at row 0"):
            next(feed)


def test_windows_are_computed_where_they_were_read(folder, monkeypatch):
    network = Network([Conv2D("gaussian_7", padding="same"), Conv2D("laplacian_8", dilation=2)])
    image = ramp(90, 130, 2)
    imagery = from_scene(open_scene(raster(folder / "in_place.tif", image)))
    monkeypatch.setattr(Feed, "_spare", lambda self, wanted: pytest.fail(f"{wanted} was copied"))
    for width, cell in ((32, 32), (16, 64)):
        plan = plan_of(network, imagery.shape, height=16, width=width, cell=cell)
        assert min(plan.frame) > 0
        np.testing.assert_array_equal(computed(network, imagery, plan)[0], network.apply(image))


def test_cells_that_are_narrower_than_what_a_window_needs_are_put_together(folder):
    network = Network([Conv2D(np.full((1, 9), 1 / 9), padding="same", dilation=16)])
    image = ramp(60, 300, 1)
    imagery = from_scene(open_scene(raster(folder / "narrow.tif", image)))
    plan = plan_of(network, imagery.shape, height=30, width=20, cell=10)
    assert plan.frame == (0, 0)
    np.testing.assert_array_equal(computed(network, imagery, plan)[0], network.apply(image))
