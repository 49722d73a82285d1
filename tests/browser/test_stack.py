"""The stack page in a real browser: edit, point, pick, nonsense, links, recipes and files."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
import rasterio

from cnnviz import shorthand
from cnnviz.layers import Network
from cnnviz.presets import PRESETS
from cnnviz.samples import open_sample
from tests.browser.driving import settle, visit

pytestmark = pytest.mark.browser

PATH = "/Stack_layers"
DEFAULT = PRESETS["edges_of_edges"].network


def line(page):
    return page.get_by_label("The stack as text", exact=True)


def type_line(page, text):
    line(page).fill(text)
    line(page).press("Enter")
    settle(page)


def choose(page, label, option):
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    settle(page)


def menu(page, button, item):
    page.get_by_role("button", name=button).click()
    page.get_by_text(item).last.click()
    settle(page)


def pictures(page):
    return page.locator(".strip").first.locator("figcaption b").all_inner_texts()


def version(page):
    return page.locator(".strip").first.get_attribute("data-version")


def alerts(page):
    return " ".join(page.get_by_test_id("stAlert").all_inner_texts())


def test_every_layer_has_its_picture_and_size(page, server):
    visit(page, server.url + PATH)
    assert pictures(page)[1:] == ["3 × 3 Vertical edges", "ReLU", "2 × 2 max"] * 2
    captions = page.locator(".strip").first.locator("figcaption").all_inner_texts()
    assert "126 × 126 px · 40 m/px" in captions[-1]
    table = page.locator("table").inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"10 × 10 px\s+= 100 × 100 m", table)


def test_layers_are_added_moved_set_and_removed(page, server):
    visit(page, server.url + PATH + "?stack=sobel_vertical")
    menu(page, "Add after it", "Max pooling")
    assert line(page).input_value() == "sobel_vertical > max 2"
    press(page, "Earlier")
    assert line(page).input_value() == "max 2 > sobel_vertical"
    choose(page, "Padding", "same")
    press(page, "Remove")
    assert line(page).input_value() == "sobel_vertical"
    choose(page, "Kernel", "Filters that sum over the maps")
    weights = page.get_by_label("Weights", exact=True)
    weights.fill("[sobel_vertical | sobel_horizontal]")
    weights.press("Enter")
    settle(page)
    assert pictures(page)[1:] == ["filter 1", "filter 2"]
    choose(page, "Maps", "Map 2 of each layer")
    assert pictures(page)[1:] == ["filter 2"]


def test_pointing_at_the_last_map_marks_its_receptive_field_on_the_scene(page, server):
    visit(page, server.url + PATH)
    page.locator(".strip").first.locator(".canvas").last.hover(position={"x": 40, "y": 50})
    window = page.locator(".strip").first.locator("svg .window")
    assert (window.get_attribute("width"), window.get_attribute("height")) == ("10", "10")
    assert "sees 10 × 10 pixels" in page.locator(".readout").first.inner_text()


def test_a_click_keeps_the_place_in_the_link_and_shows_it_closer(page, server):
    visit(page, server.url + PATH)
    page.locator(".strip").first.locator(".canvas").first.click(position={"x": 70, "y": 30})
    settle(page)
    assert re.search(r"at=\d+", page.url)
    closer = page.locator(".strip").nth(1).locator("figcaption").inner_text()
    assert closer.startswith("Layer 6 sees 10 × 10 px = 100 × 100 m")
    assert page.locator(".strip").nth(1).locator("svg .box").count() == 6
    page.get_by_text("1 · 3 × 3 Vertical edges").click()
    settle(page)
    assert page.locator(".strip").nth(1).locator("figcaption").inner_text().startswith("Layer 1 sees 3 × 3 px")


def test_what_cannot_be_is_explained_and_the_pictures_stay(page, server):
    visit(page, server.url + PATH)
    before = version(page)
    for text, said in (
        ("zebra > relu", "zebra"),
        ("max 64 > max 64", "Layer 2 (64 × 64 max)"),
        ("[1+1]", "the filters have 2"),
        ("box_3 stride=0", "stride 0"),
    ):
        type_line(page, text)
        assert said in alerts(page)
        assert version(page) == before
    type_line(page, shorthand.write(DEFAULT.layers))
    assert alerts(page) == ""


def test_a_copied_link_reopens_the_same_stack(page, server):
    visit(page, server.url + PATH)
    menu(page, "Start from", PRESETS["corners"].title)
    page.get_by_text("Stack", exact=True).click()
    settle(page)
    choose(page, "Maps", "Map 2 of each layer")
    shown, link = version(page), page.url
    page.context.clear_cookies()
    visit(page, link)
    assert version(page) == shown
    assert shorthand.read(line(page).input_value()) == PRESETS["corners"].network.layers
    assert alerts(page) == ""


def test_a_link_with_nonsense_falls_back_and_says_so(page, server):
    visit(page, server.url + PATH + "?stack=![a](https://b.example/c.png)&stack_bands=B99&stack_scope=foo")
    for part in ("![a](https://b.example/c.png)", "Shown is the default", "B99", "foo"):
        assert part in alerts(page)
    assert len(pictures(page)) == 7


def test_a_saved_recipe_comes_back_and_a_bad_one_is_refused(page, server):
    visit(page, server.url + PATH + "?stack=gaussian_5 stride=2 > tanh&stack_bands=B04")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Recipe (JSON)").click()
    recipe = waiting.value.path().read_text(encoding="utf-8")
    assert Network.from_json(recipe).bands == ("B04",)
    visit(page, server.url + PATH)
    page.get_by_text("Bring a recipe").click()
    field = page.get_by_test_id("stFileUploaderDropzoneInput").last
    bad = json.dumps({"version": 1, "layers": [{"type": "conv2d", "weights": "zebra"}]})
    field.set_input_files({"name": "bad.json", "mimeType": "application/json", "buffer": bad.encode()})
    settle(page)
    assert "zebra" in alerts(page)
    field = page.get_by_test_id("stFileUploaderDropzoneInput").last
    field.set_input_files({"name": "good.json", "mimeType": "application/json", "buffer": recipe.encode()})
    settle(page)
    assert line(page).input_value() == "gaussian_5 stride=2 > tanh"
    assert "stack_bands=B04" in page.url


def test_a_recipe_too_large_for_a_link_works_on_the_page(page, server):
    weights = np.random.default_rng(0).normal(size=(5, 5, 1, 16)).round(3).tolist()
    recipe = json.dumps({"version": 1, "layers": [{"type": "conv2d", "weights": weights}]})
    visit(page, server.url + PATH)
    page.get_by_text("Bring a recipe").click()
    field = page.get_by_test_id("stFileUploaderDropzoneInput").last
    field.set_input_files({"name": "large.json", "mimeType": "application/json", "buffer": recipe.encode()})
    settle(page)
    assert alerts(page) == ""
    assert len(page.url) < 500
    assert len(pictures(page)) == 17


def test_the_downloaded_geotiffs_lie_in_their_places(page, server):
    visit(page, server.url + PATH + "?stack=vertical_edges > max 2")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All maps (GeoTIFFs)").click()
    scene = open_sample("sentinel2")
    maps = Network(shorthand.read("vertical_edges > max 2")).run(scene.read(bands=["B08"]).array)
    with zipfile.ZipFile(io.BytesIO(waiting.value.path().read_bytes())) as archive:
        for number, found in enumerate(maps, 1):
            with rasterio.MemoryFile(archive.read(f"layers_{number}.tif")) as memory, memory.open() as written:
                np.testing.assert_array_equal(written.read(1), found.array[..., 0])
                assert written.transform.almost_equals(found.field.place(scene.transform))


def test_the_stack_survives_a_change_of_scene(page, server):
    visit(page, server.url + PATH)
    choose(page, "Scene", "Photo, flower")
    assert alerts(page) == ""
    assert pictures(page)[0] != "B08"
    assert len(pictures(page)) == 7


def test_the_page_fits_a_phone(page, server):
    page.set_viewport_size({"width": 400, "height": 900})
    visit(page, server.url + PATH)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("(box) => box.scrollWidth <= box.clientWidth")
