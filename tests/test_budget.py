"""Plans cover a result once, stay within their memory, and say what would do where they cannot."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.budget import chunks_of, memory_bytes, plan_run, strips_of, worker_count
from cnnviz.errors import GeometryError, ProcessError
from cnnviz.layers import Conv2D, Network, Pool2D
from cnnviz.scene import open_scene
from cnnviz.sources import from_scene
from cnnviz.tiles import tile
from cnnviz.windows import Window
from tests.factory import ramp, raster
from tests.random_networks import BORDERS, random_network

NETWORK = Network([Conv2D("sobel_vertical", padding="same"), Pool2D(2), Conv2D("gaussian_5", padding="same")])


@pytest.fixture(scope="module")
def imagery(tmp_path_factory):
    path = tmp_path_factory.mktemp("budget") / "scene.tif"
    return from_scene(open_scene(raster(path, ramp(700, 640, 3), tiled=True, blockxsize=128, blockysize=128)))


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MB", 512e6), ("1.5 GiB", 1.5 * 2**30), ("2g", 2e9), ("300000K", 3e8), (10**9, 1e9), (" 64 mib ", 2**26)],
)
def test_budgets_are_read_as_people_write_them(text, size):
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "many", "-1GB", "1TBB", "MB", "0x10", None, True, 1.5])
def test_other_budgets_are_refused(text):
    with pytest.raises(ProcessError, match=f"received memory {re.escape(repr(text))}.*512MB or 2GB is expected"):
        memory_bytes(text)


@pytest.mark.parametrize("count", [0, -1, 1025, 1.5, True, "2"])
def test_workers_are_whole_numbers(count):
    with pytest.raises(ProcessError, match="workers: a whole number from 1 to 1024 is expected"):
        worker_count(count)


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1))
def test_strips_and_chunks_cover_the_result_and_find_their_pixels(seed):
    rng = np.random.default_rng(seed)
    network, image = random_network(rng, layers=4, borders=BORDERS)
    rows, cols = ([pair[axis] for pair in network.axes(image.shape)] for axis in (0, 1))
    height, width = (int(n) for n in rng.integers(1, 30, 2))
    strips, chunks = strips_of(network, rows, height), chunks_of(network, cols, width)
    for pieces, axis in ((strips, rows[-1]), (chunks, cols[-1])):
        assert [piece.first for piece in pieces] == [0, *(piece.last for piece in pieces[:-1])]
        assert pieces[-1].last == axis.out
    assert [strip.fresh for strip in strips] == [0, *(strip.stop for strip in strips[:-1])]
    for strip in strips:
        for chunk in chunks:
            window = Window(strip.first, chunk.first, strip.last - strip.first, chunk.last - chunk.first)
            seen = tile(network, image.shape, window).inputs
            assert (seen.row, seen.col, seen.col + seen.cols) == (strip.start, chunk.start, chunk.stop)
            assert seen.row + seen.rows <= strip.stop


@pytest.mark.parametrize("memory", [72 * 10**6, 80 * 10**6, 10**9])
def test_a_plan_stays_within_its_memory_and_covers_the_result_once(imagery, memory):
    plan = plan_run(NETWORK, imagery, memory=memory, workers=8)
    assert plan.memory <= memory
    seen = np.zeros(NETWORK.output_shape(imagery.shape)[:2], int)
    for row, col, rows, cols in plan.windows():
        seen[row : row + rows, col : col + cols] += 1
    assert (seen == 1).all()


def test_more_memory_is_less_work_twice_and_more_workers(imagery):
    deep = Network([Conv2D(np.ones((5, 5, 3, 8)), padding="same"), *[Conv2D("gaussian_7", padding="same")] * 8])
    small, large = (plan_run(deep, imagery, memory=memory * 10**6, workers=4) for memory in (85, 500))
    assert small.workers < large.workers == 4
    assert small.effort > large.effort
    assert small.speed < large.speed


def test_too_little_memory_is_refused_with_what_would_do(imagery):
    with pytest.raises(ProcessError, match=r"received memory 20 MB: one window of scene.tif takes \d+ MB") as error:
        plan_run(NETWORK, imagery, memory=20 * 10**6, workers=2)
    enough = memory_bytes(re.search(r"give (\d+MB) or more$", str(error.value))[1])
    assert plan_run(NETWORK, imagery, memory=enough, workers=2).workers == 1


def test_wrapping_is_named_where_it_takes_the_memory(imagery):
    network = Network([Conv2D("box_3", padding="same", border="wrap")])
    with pytest.raises(ProcessError, match="another border than wrap, which joins opposite sides"):
        plan_run(network, imagery, memory=10**6, workers=1)


def test_a_network_beyond_the_scene_is_refused(imagery):
    with pytest.raises(GeometryError, match="Layer 2"):
        plan_run(Network([Pool2D(64), Conv2D("gaussian_7", dilation=2)]), imagery, memory=10**9, workers=1)
