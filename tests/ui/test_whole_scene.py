"""“Apply to the whole scene”: estimate, run, result, cancel, bounds, and the command line that does the same."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from streamlit.testing.v1 import AppTest

from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.render import size
from cnnviz.samples import open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.ui import runs, whole_picture
from cnnviz.ui.jobs import Job, State
from cnnviz.ui.runs import Request, Running
from cnnviz.ui.settings import RunLimits, settings
from cnnviz.ui.view import View
from cnnviz.ui.visit import KEPT, Visit
from tests.factory import PLACE, ramp, raster
from tests.source import PAGES, ROOT

WITH_STACK = [page for page in PAGES if "whole_scene.show" in page.read_text(encoding="utf-8")]
EDGES = Network([Conv2D("sobel_vertical", padding="same"), Activation("relu"), Pool2D(2)], bands=["B08"], name="edges")


def view_of(scene):
    return View(scene, Window(0, 0, *scene.shape[:2]), scene)


def request_for(scene, network=EDGES):
    return Request(view_of(scene), network, "edges")


def opened(page=ROOT / "app.py", **session):
    """A page whose part is unfolded."""
    app = AppTest.from_file(str(page), default_timeout=60)
    for key, value in {"whole_scene": True, **session}.items():
        app.session_state[key] = value
    return app.run()


def button(app, label):
    return next(each for each in app.button if each.label == label)


def labels(app):
    return [each.label for each in app.button]


def finish(app):
    end = time.monotonic() + 60
    while not app.session_state["_whole_run"].job.finished:
        assert time.monotonic() < end
        time.sleep(0.02)
    return app.run()


def said(app):
    return " ".join(
        each.value for each in (*app.markdown, *app.caption, *app.warning, *app.info, *app.error, *app.code)
    )


# --- on the pages ---


@pytest.mark.parametrize("page", WITH_STACK, ids=lambda page: page.stem)
def test_every_page_with_a_stack_gives_the_whole_scene_as_its_network_does(page):
    app = finish(button(opened(page), "Start").click().run())
    assert not app.exception
    assert not app.error
    running = app.session_state["_whole_run"]
    network, scene = running.request.network, running.request.view.scene
    expected = network.apply(scene.read(bands=list(network.bands)).array)
    with rasterio.open(running.target) as file:
        np.testing.assert_array_equal(np.moveaxis(file.read(), 0, -1), expected)
        assert file.transform == network.transform(scene.transform, scene.shape)
    assert "Open as current scene" in labels(app)


def test_the_estimate_comes_first_and_nothing_is_written_for_it():
    app = opened()
    assert "256 × 256 px × 1 map" in said(app)
    assert "of memory" in said(app)
    assert "on disk on the way" in said(app)
    assert "_whole_run" not in app.session_state
    assert list(app.session_state["_visit"].folder.iterdir()) == []


def test_nothing_is_estimated_while_the_part_is_folded(monkeypatch):
    monkeypatch.setattr(runs, "outlook", lambda request: pytest.fail("estimated"))
    assert not opened(whole_scene=False).exception


def test_a_scene_over_the_limit_is_refused_in_a_sentence_with_the_command(monkeypatch):
    monkeypatch.setenv("CNNVIZ_RUN_SIZE", "0.1")
    app = opened()
    assert "0.2621 million numbers" in app.warning[0].value
    assert "up to 0.1 million" in app.warning[0].value
    assert "Start" not in labels(app)
    assert app.code[0].value == "python -m cnnviz run edges.json data/sentinel2.tif sentinel-2-synthetic_edges.tif"


def test_a_server_that_allows_no_runs_says_so(monkeypatch):
    monkeypatch.setenv("CNNVIZ_RUN_SIZE", "0")
    app = opened()
    assert app.warning[0].value == "This server allows no runs over whole scenes. The command below does it at home."
    assert "Start" not in labels(app)


def test_a_network_that_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setenv("CNNVIZ_RUN_MINUTES", "0.000001")
    assert "would take about" in opened().warning[0].value


def test_a_memory_in_which_no_window_fits_is_refused(monkeypatch):
    monkeypatch.setenv("CNNVIZ_RUN_MEMORY", "1MB")
    assert "one window of" in opened().error[0].value


def test_a_result_too_large_to_send_says_so(monkeypatch):
    monkeypatch.setenv("CNNVIZ_RUN_DOWNLOAD", "0.001")
    app = finish(button(opened(), "Start").click().run())
    assert "are not sent from here" in said(app)


def test_the_result_becomes_a_scene_of_the_sidebar_and_outlives_the_next_run():
    app = finish(button(opened(), "Start").click().run())
    first = app.session_state["_whole_run"].target
    app = button(app, "Open as current scene").click().run()
    assert app.selectbox(key="scene").value == "file sentinel-2-synthetic_edges.tif"
    assert app.session_state["_visit"].scene(app.selectbox(key="scene").value).shape == (256, 256, 1)
    app = finish(button(app, "Start").click().run())
    assert app.session_state["_whole_run"].target != first
    assert first.exists()


def test_pressing_start_again_and_again_starts_one_run(monkeypatch):
    begun = []
    monkeypatch.setattr(runs, "run_scene", lambda *args, **more: begun.append(args) or _slow(more["on_progress"]))
    app = opened()
    start = button(app, "Start")
    for _ in range(10):
        start.click().run()
    assert len(begun) == 1
    button(app, "Cancel").click().run()
    finish(app)
    assert "Cancelled" in said(app)


def _slow(tell):
    for step in range(1000):
        tell(step / 1000)
        time.sleep(0.01)


def test_a_cancelled_run_leaves_nothing_and_can_start_again(monkeypatch):
    real = runs.run_scene
    monkeypatch.setattr(
        runs,
        "run_scene",
        lambda *args, on_progress, **more: real(
            *args, on_progress=lambda share: (on_progress(share), _slow(on_progress)), **more
        ),
    )
    app = button(opened(), "Start").click().run()
    app = finish(button(app, "Cancel").click().run())
    assert app.session_state["_whole_run"].job.state is State.CANCELLED
    assert list(app.session_state["_visit"].folder.iterdir()) == []
    monkeypatch.setattr(runs, "run_scene", real)
    app = finish(button(app, "Start").click().run())
    assert app.session_state["_whole_run"].result is not None


def test_a_run_that_fails_says_why(monkeypatch):
    def full(*args, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "run_scene", full)
    app = finish(button(opened(), "Start").click().run())
    assert "No space left" in said(app)
    assert "Start" in labels(app)


# --- what stands behind ---


@pytest.fixture
def scene(tmp_path):
    path = raster(tmp_path / "my scene.tif", ramp(300, 200), descriptions=["B08"], overviews=[2, 4])
    return open_scene(path)


def run_now(request, folder, allowed=RunLimits()):  # noqa: B008  (frozen)
    target = Path(folder) / "result.tif"
    job = Job(runs._work(request, target, allowed), "visitor")
    job.run()
    return Running(request, job, target)


def test_the_command_line_writes_the_same_file(scene, tmp_path):
    request = request_for(scene)
    running = run_now(request, tmp_path)
    (tmp_path / request.recipe_name).write_text(request.network.to_json())
    command = shlex.split(request.command())
    assert command[:4] == ["python", "-m", "cnnviz", "run"]
    subprocess.run([sys.executable, *command[1:]], cwd=tmp_path, env=_path(), check=True, capture_output=True)
    with rasterio.open(tmp_path / request.name) as there, rasterio.open(running.target) as here:
        np.testing.assert_array_equal(there.read(), here.read())
        assert (there.transform, there.crs) == (here.transform, here.crs)
    assert json.loads((tmp_path / request.recipe_name).read_text())["bands"] == ["B08"]


def _path():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_a_run_that_takes_longer_than_allowed_is_stopped(scene, tmp_path):
    running = run_now(request_for(scene), tmp_path, RunLimits(minutes=0.0))
    assert running.job.state is State.FAILED
    assert "the most that is allowed" in running.job.problem
    assert not running.target.exists()


def test_a_result_without_convolution_is_grey_and_one_with_it_is_signed(scene, tmp_path):
    signed = whole_picture.stages(run_now(request_for(scene), tmp_path), "B08")[-1]
    assert signed.scale.low == -signed.scale.high
    pooled = Network([Pool2D(2)], bands=["B08"])
    grey = whole_picture.stages(run_now(request_for(scene, pooled), tmp_path / ".."), "B08")[-1]
    assert grey.scale.palette == "grey"


def test_pictures_of_scene_and_result_lie_on_the_same_ground(tmp_path):
    path = raster(tmp_path / "large.tif", ramp(2200, 1500), descriptions=["B08"], overviews=[2, 4], transform=PLACE)
    before, after = whole_picture.stages(run_now(request_for(open_scene(path)), tmp_path), "B08")
    assert f"{size(2200, 1500)} px · 10 m/px" in before.caption
    assert f"{size(1100, 750)} px · 20 m/px" in after.caption
    assert "drawn as" in before.caption
    for stage in (before, after):
        rows, cols = stage.picture.shape
        assert stage.field.centre(rows - 0.5, cols - 0.5) == pytest.approx((2200, 1500))
        assert stage.transform @ (cols, rows) == pytest.approx(PLACE @ (1500, 2200))


def test_paths_of_the_server_do_not_show_in_the_command(scene):
    assert str(scene.path.parent) not in request_for(scene).command()
    assert "'my scene.tif'" in request_for(scene).command()


def test_files_of_the_visit_that_are_replaced_or_too_many_go():
    here = Visit()
    paths = []
    for number in range(KEPT + 3):
        paths.append(raster(here.new_result(".tif"), ramp(8, 8)))
        here.keep(open_scene(paths[-1], name=f"{max(number, 1)}.tif"))
    assert [path.exists() for path in paths] == [False] * 3 + [True] * KEPT
    here.let_go(paths[-1])
    assert paths[-1].exists()
    outside = Path(open_sample("sentinel2").path)
    here.let_go(outside)
    assert outside.exists()


def test_settings_that_are_no_figures_are_refused_by_name(monkeypatch):
    monkeypatch.setenv("CNNVIZ_RUN_SIZE", "large")
    with pytest.raises(ValueError, match="CNNVIZ_RUN_SIZE is 'large'"):
        settings()
    monkeypatch.setenv("CNNVIZ_RUN_SIZE", "12.5")
    monkeypatch.setenv("CNNVIZ_RUN_MEMORY", "1GB")
    assert (settings().runs.size, settings().runs.memory) == (12.5, 10**9)
