"""“Apply to the whole scene” in a real browser: progress, download, reopening, cancelling, and tabs that are closed."""

import re
import time

import numpy as np
import pytest
import rasterio

from cnnviz.layers import Network
from cnnviz.scene import open_scene
from cnnviz.ui.experiments.home import EDGES
from tests.browser.driving import ROOT, serve, settle, visit
from tests.factory import ramp, raster

pytestmark = pytest.mark.browser

#: A server whose runs take their time, and that looks for closed tabs more often; the rest is as it is.
SLOW = f"""
import runpy, sys, time
sys.path.insert(0, {str(ROOT)!r})
from cnnviz.ui import jobs, leaving, runs
if not hasattr(runs, "real"):
    runs.real = runs.run_scene
    def slow(*args, on_progress, **more):
        def tell(share):
            on_progress(share)
            for step in range(10):
                time.sleep(0.1)
                on_progress(share)
        return runs.real(*args, on_progress=tell, **more)
    runs.run_scene = slow
    jobs._WATCH, jobs.AWAY, leaving._WATCH, leaving.GONE = 0.3, 1.5, 0.3, 3.0
runpy.run_path({str(ROOT / "app.py")!r}, run_name="__main__")
"""


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slow")
    (folder / "temporary").mkdir()
    (folder / "home.py").write_text(SLOW, encoding="utf-8")
    pages = folder / "pages"
    pages.symlink_to(ROOT / "pages")
    with serve(folder / "home.py", folder / "server.log", {"TMPDIR": str(folder / "temporary")}) as running:
        yield running


def temporary(server):
    """Every file that visits of this server hold."""
    visits = (server.log.parent / "temporary").glob("cnnviz-visit-*")
    return [path for folder in visits for path in folder.rglob("*") if path.is_file()]


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def unfold(page):
    page.get_by_text("Apply to the whole scene").click()
    page.get_by_role("button", name="Start", exact=True).wait_for()
    settle(page)


def start(page):
    page.get_by_role("button", name="Start", exact=True).click()


#: In every frame: how often the command line stands there, and whether the button stands beside the progress.
WATCH = """
() => {
    window.most = 0;
    window.both = false;
    const look = () => {
        const part = document.querySelector(".st-key-whole_scene");
        window.most = Math.max(window.most, part.querySelectorAll('[data-testid="stCode"]').length);
        window.both ||= !!part.querySelector('[role="progressbar"]') && !!part.querySelector(".st-key-whole_start");
        requestAnimationFrame(look);
    };
    look();
}
"""


def text(page):
    return page.get_by_test_id("stMain").inner_text()


def test_a_large_file_runs_with_progress_and_its_result_is_the_networks(page, server, local_root):
    path = raster(local_root / "whole.tif", ramp(3000, 2500), descriptions=["B08"], overviews=[2, 4, 8], tiled=True)
    visit(page, f"{server.url}/?path={path.name}")
    unfold(page)
    assert "1\N{NARROW NO-BREAK SPACE}500 × 1\N{NARROW NO-BREAK SPACE}250 px × 1 map" in text(page)
    start(page)
    page.get_by_role("progressbar").first.wait_for()
    page.get_by_role("button", name="Open as current scene").wait_for(timeout=60_000)
    settle(page)
    assert "drawn as" in page.locator(".strip").last.inner_text()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="GeoTIFF").click()
    assert waiting.value.suggested_filename == "whole_edges.tif"
    scene = open_scene(path)
    network = Network(EDGES.layers, bands=["B08"])
    with rasterio.open(waiting.value.path()) as file:
        np.testing.assert_array_equal(np.moveaxis(file.read(), 0, -1), network.apply(scene.read().array))
        assert file.transform == network.transform(scene.transform, scene.shape)
        assert file.overviews(1)
    page.get_by_role("button", name="Open as current scene").click()
    settle(page)
    assert "whole_edges.tif" in page.get_by_test_id("stSidebar").inner_text()
    sidebar = re.sub(r"[,\s]", "", page.get_by_test_id("stSidebar").inner_text())
    assert "1500×1250×1·float32" in sidebar


def test_the_recipe_that_comes_along_is_the_network(page, server):
    visit(page, server.url + "/Pooling")
    unfold(page)
    page.get_by_test_id("stExpander").get_by_text("min", exact=True).click()
    settle(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Recipe (JSON)").click()
    assert waiting.value.suggested_filename == "pooling-min.json"
    network = Network.from_json(waiting.value.path().read_bytes())
    assert [layer.title for layer in network.layers] == ["3 × 3 Sobel–Feldman, vertical", "2 × 2 min"]
    assert "pooling-min.json data/sentinel2.tif" in text(page)


def test_the_page_stays_in_place_and_usable_during_a_run_that_can_be_cancelled(browser, slow_server):
    context = browser.new_context()
    page = context.new_page()
    visit(page, slow_server.url)
    unfold(page)
    strip = page.locator(".strip").first
    version, top = strip.get_attribute("data-version"), strip.bounding_box()
    strip.evaluate("node => { node.mark = 1; }")
    page.evaluate(WATCH)
    start(page)
    page.get_by_role("button", name="Cancel").wait_for()
    page.wait_for_function("document.body.innerText.match(/\\d+ %, computing, .* left/)")
    assert (strip.get_attribute("data-version"), strip.bounding_box()) == (version, top)
    assert strip.evaluate("node => node.mark") == 1
    assert page.evaluate("[window.most, window.both]") == [1, False]
    assert len(temporary(slow_server)) > 0
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled; nothing of it is kept.").wait_for()
    settle(page)
    assert temporary(slow_server) == []
    start(page)
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_role("link", name="Kernel playground").first.click()
    settle(page)
    page.get_by_role("heading", name="Kernel playground").wait_for()
    context.close()
    assert slow_server.trouble() == ""


def test_a_tab_that_is_closed_ends_its_run_and_its_files_go(browser, slow_server):
    wait_for(lambda: temporary(slow_server) == [])
    context = browser.new_context()
    page = context.new_page()
    visit(page, slow_server.url)
    unfold(page)
    start(page)
    wait_for(lambda: any(path.parent.name.endswith(".run") for path in temporary(slow_server)))
    context.close()
    wait_for(lambda: temporary(slow_server) == [])
    wait_for(lambda: list((slow_server.log.parent / "temporary").glob("cnnviz-visit-*")) == [])
    assert slow_server.trouble() == ""


def test_two_visitors_take_turns_ten_presses_start_one_run_and_results_go_with_their_tabs(browser, slow_server):
    contexts = [browser.new_context(), browser.new_context()]
    first, second = (context.new_page() for context in contexts)
    for page in (first, second):
        visit(page, slow_server.url)
        unfold(page)
    button = first.get_by_role("button", name="Start", exact=True)
    button.evaluate("button => { for (let press = 0; press < 10; press++) button.click(); }")
    first.get_by_role("button", name="Cancel").wait_for()
    start(second)
    second.get_by_text("waiting, 1 run of others comes first").wait_for()
    first.get_by_role("button", name="Open as current scene").wait_for(timeout=60_000)
    second.get_by_role("button", name="Open as current scene").wait_for(timeout=60_000)
    assert sorted(path.suffix for path in temporary(slow_server)) == [".tif", ".tif"]
    assert len({path.parent for path in temporary(slow_server)}) == 2
    for context in contexts:
        context.close()
    wait_for(lambda: temporary(slow_server) == [])
    assert slow_server.trouble() == ""
