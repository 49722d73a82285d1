"""The ways through the dashboard that matter, each as a visitor would go it."""

import re

import numpy as np
import pytest
import rasterio
from PIL import Image

from cnnviz.convolve import conv2d
from cnnviz.kernels import KERNELS
from cnnviz.samples import open_sample
from tests.browser.driving import settle, visit
from tests.factory import raster

STRIP = ".strip[data-version]"


def canvas(page, index):
    return page.locator(".canvas").nth(index)


def readout(page):
    return page.locator(".readout").first.inner_text()


def choose(page, label, option):
    box = page.get_by_role("combobox", name=label, exact=True)
    box.fill(option)  # a long list is only drawn where it is in view; typing finds the rest
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def test_home_shows_a_stack_of_pictures_at_once(page, server):
    visit(page, server.url)
    assert page.locator(".canvas").count() == 4
    assert "256 × 256 px" in page.locator("figcaption").nth(3).inner_text()
    assert "20 m/px" in page.locator("figcaption").nth(3).inner_text()


def test_pointing_at_a_result_marks_its_window_on_the_input(page, server):
    visit(page, server.url)
    canvas(page, 3).hover(position={"x": 60, "y": 90})
    assert page.locator("svg .window").count() == 1
    window = page.locator("svg .window").first
    assert (window.get_attribute("width"), window.get_attribute("height")) == ("4", "4")
    assert "sees 4 × 4 pixels" in readout(page)


def test_the_keyboard_walks_over_a_picture(page, server):
    visit(page, server.url)
    canvas(page, 1).focus()
    page.keyboard.press("ArrowRight")
    first = readout(page)
    page.keyboard.press("Shift+ArrowDown")
    assert "row 256, column 257" in first
    assert "row 266, column 257" in readout(page)


def test_another_kernel_shows_another_picture_and_lands_in_the_link(page, server):
    visit(page, server.url + "/Kernel_playground")
    before = page.locator(STRIP).first.get_attribute("data-version")
    choose(page, "Kernel", KERNELS["laplacian_4"].title)
    assert page.locator(STRIP).first.get_attribute("data-version") != before
    assert "kernel=" in page.url


def test_a_typed_weight_makes_an_own_kernel_that_a_copied_link_reopens(page, server):
    visit(page, server.url + "/Kernel_playground")
    cell = page.get_by_label("weight in row 2, column 2", exact=True)
    cell.fill("7")
    cell.press("Enter")
    settle(page)
    assert page.get_by_label("weight in row 2, column 2", exact=True).input_value() == "7"
    version, link = page.locator(STRIP).first.get_attribute("data-version"), page.url
    page.context.clear_cookies()
    visit(page, link)
    assert page.get_by_label("weight in row 2, column 2", exact=True).input_value() == "7"
    assert page.locator(STRIP).first.get_attribute("data-version") == version


def go(page, name):
    page.get_by_role("link", name=name).first.click()
    settle(page)


def arrive(page, address):
    """Wait until the address says what it said before, in any order; Streamlit takes parts of it away for a moment."""
    settle(page)
    page.wait_for_function(
        "wanted => location.search.slice(1).split('&').sort().join('&') === wanted",
        arg="&".join(sorted(address.split("?")[1].split("&"))),
    )
    settle(page)


def test_back_and_forward_show_each_page_as_it_was_left(page, server):
    visit(page, server.url)
    go(page, "Kernel playground")
    choose(page, "Scene", "Elevation, Jacksboro fault")
    choose(page, "Window", "128 × 128 px")
    for kernel in ("laplacian_4", "gaussian_5"):
        choose(page, "Kernel", KERNELS[kernel].title)
    left = page.url
    go(page, "Image inspection")
    choose(page, "Scene", "Photo, temple")
    then = page.url
    page.evaluate(
        """() => {
            window.seen = [];
            const note = () => document.querySelectorAll('input[aria-label*="Kernel"]').forEach((box) =>
                seen.at(-1) === box.value || seen.push(box.value));
            setInterval(note, 5);
        }"""
    )
    page.go_back()
    arrive(page, left)
    assert page.evaluate("seen") == [KERNELS["gaussian_5"].title]
    assert "128 × 128 px" in page.locator("figcaption").first.inner_text()
    assert "Elevation" in page.get_by_test_id("stSidebar").inner_text()
    page.go_back()
    settle(page)
    assert page.url == server.url + "/"
    for expected in (left, then):
        page.go_forward()
        arrive(page, expected)


def test_a_band_that_another_scene_has_not_leaves_the_link(page, server):
    visit(page, server.url + "/Kernel_playground")
    choose(page, "Band", "B04")
    choose(page, "Scene", "Elevation, Jacksboro fault")
    assert "band=" not in page.url
    visit(page, page.url)
    assert page.get_by_test_id("stAlert").count() == 0


def test_the_window_stays_on_the_next_page_after_a_scene_without_one(page, server):
    visit(page, server.url)
    choose(page, "Scene", "Elevation, Jacksboro fault")  # smaller than the window: nothing to move
    choose(page, "Window", "128 × 128 px")
    corners = [field.input_value() for field in page.get_by_test_id("stSidebar").locator("input[type=number]").all()]
    assert corners == ["108", "137"]
    go(page, "Kernel playground")
    found = [field.input_value() for field in page.get_by_test_id("stSidebar").locator("input[type=number]").all()]
    assert found == corners


PLACES = {"Image inspection": "Image_inspection", "Pooling": "Pooling", "Home": "", "Kernel": "Kernel_playground"}


@pytest.mark.parametrize(
    ("query", "corner"),
    [
        ("scene=china&side=64&row=100&col=200", ["100", "200"]),
        ("side=128&row=40&col=60", ["40", "60"]),
        ("scene=elevation&side=128", ["108", "137"]),
    ],
)
def test_the_scene_and_the_window_of_a_link_go_along_to_every_page(browser, page, server, query, corner):
    def shown(page):
        sidebar = page.get_by_test_id("stSidebar")
        scene, side = (sidebar.get_by_role("combobox", name=name).input_value() for name in ("Scene", "Window"))
        return scene, side, [field.input_value() for field in sidebar.locator("input[type=number]").all()]

    visit(page, server.url + "/Kernel_playground?" + query)
    first, settings = shown(page), page.url.split("?")[1]
    assert first[2] == corner
    for name, path in PLACES.items():
        page.get_by_role("link", name=name).first.click()
        page.wait_for_url(lambda url, path=path: url == f"{server.url}/{path}?{settings}")
        settle(page)
        assert shown(page) == first
    stranger = browser.new_context().new_page()
    visit(stranger, page.url)
    assert shown(stranger) == first
    stranger.context.close()


def test_a_choice_comes_back_with_the_scenes_that_have_it_each_time_under_their_names(page, server, local_root):
    raster(local_root / "landsat.tif", np.ones((40, 50, 6), "uint8"))
    visit(page, server.url + "/Image_inspection?path=landsat.tif&scene=china")
    lists = {"Sentinel-2, synthetic": "B04, B03, B02", "landsat.tif": "B3, B2, B1"}
    for scene, bands in lists.items():
        choose(page, "Scene", scene)
        assert page.get_by_role("combobox", name="Composite").input_value() == f"True colour ({bands})"
        assert page.locator("figcaption").first.inner_text().startswith(bands)
    choose(page, "Composite", "Colour infrared (B4, B3, B2)")
    choose(page, "Scene", "Photo, temple")
    assert page.get_by_role("combobox", name="Composite").input_value() == "True colour (R, G, B)"
    assert "composite=" not in page.url
    choose(page, "Scene", "Elevation, Jacksboro fault")
    assert "what=" not in page.url
    choose(page, "Scene", "Sentinel-2, synthetic")
    assert page.get_by_role("combobox", name="Composite").input_value() == "Colour infrared (B08, B04, B03)"
    assert page.locator("figcaption").first.inner_text().startswith("B08, B04, B03")
    assert "composite=Colour+infrared+%28B08" in page.url


def test_nonsense_in_a_cell_is_marked_and_changes_nothing(page, server):
    visit(page, server.url + "/Kernel_playground")
    before = page.locator(STRIP).first.get_attribute("data-version")
    cell = page.get_by_label("weight in row 1, column 1", exact=True)
    cell.fill("ten")
    cell.press("Enter")
    settle(page)
    assert "wrong" in cell.get_attribute("class")
    assert page.locator(STRIP).first.get_attribute("data-version") == before


def test_a_link_with_nonsense_falls_back_and_says_what_it_dropped(page, server):
    visit(page, server.url + "/Kernel_playground?kernel=zebra&times=99&colour=7")
    notice = page.get_by_test_id("stAlert").inner_text()
    for dropped in ("zebra", "99", "colour"):
        assert dropped in notice
    assert page.locator(".canvas").count() == 3


def test_a_clicked_pixel_is_pinned_in_the_link_and_survives_a_change_of_page(page, server):
    visit(page, server.url + "/Image_inspection")
    canvas(page, 0).click(position={"x": 100, "y": 80})
    settle(page)
    assert re.search(r"pins=\d+", page.url)
    pinned = page.get_by_role("textbox", name="Pinned pixels").input_value()
    page.get_by_role("link", name="Kernel playground").first.click()
    settle(page)
    page.get_by_role("link", name="Image inspection").first.click()
    settle(page)
    assert page.get_by_role("textbox", name="Pinned pixels").input_value() == pinned


def test_the_downloaded_geotiff_holds_the_result_in_its_place(page, server):
    visit(page, server.url + "/Kernel_playground?kernel=laplacian_8")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="GeoTIFF").click()
    scene = open_sample("sentinel2")
    band = scene.read(bands=["B08"])
    expected = conv2d(band.array[..., 0], KERNELS["laplacian_8"].weights, padding="same", border="reflect")
    with rasterio.open(waiting.value.path()) as written:
        np.testing.assert_allclose(written.read(1), expected, rtol=1e-5, equal_nan=True)
        assert written.transform.almost_equals(scene.transform)
        assert written.crs == scene.crs


def test_an_upload_becomes_the_scene_of_every_page(page, server, tmp_path):
    ramp = np.arange(90 * 70, dtype="float32").reshape(90, 70, 1)
    path = raster(tmp_path / "ramp.tif", ramp)
    visit(page, server.url)
    page.get_by_text("Open a file of your own", exact=True).click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(path))
    settle(page)
    assert "ramp.tif" in page.get_by_test_id("stSidebar").inner_text()
    page.get_by_role("link", name="Kernel playground").first.click()
    settle(page)
    assert "90 × 70 px" in page.locator("figcaption").first.inner_text()


@pytest.mark.parametrize(("name", "data"), [("trap.tif", b"<VRTDataset/>"), ("cut.tif", b"II*\0"), ("empty.png", b"")])
def test_a_bad_upload_is_refused_in_a_sentence_and_the_scene_stays(page, server, name, data):
    visit(page, server.url)
    page.get_by_text("Open a file of your own", exact=True).click()
    upload = {"name": name, "mimeType": "image/tiff", "buffer": data}
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(upload)
    settle(page)
    assert name in page.get_by_test_id("stAlert").inner_text()
    assert page.locator(".canvas").count() == 4


def test_a_local_path_below_the_allowed_folder_opens_and_others_do_not(page, server, local_root):
    raster(local_root / "inside.tif", np.ones((30, 40, 1), "float32"))
    visit(page, server.url)
    page.get_by_text("Open a file of your own", exact=True).click()
    field = page.get_by_role("textbox", name="Path on this computer")
    field.fill("/etc/passwd")
    field.press("Enter")
    settle(page)
    assert page.get_by_test_id("stAlert").count() == 1
    field.fill("inside.tif")
    field.press("Enter")
    settle(page)
    assert "30 × 40 × 1" in page.get_by_test_id("stSidebar").inner_text()
    assert page.get_by_test_id("stAlert").count() == 0
    visit(page, page.url)
    assert "30 × 40 × 1" in page.get_by_test_id("stSidebar").inner_text()


def test_predicting_covers_the_result_until_the_answer(page, server):
    visit(page, server.url + "/Kernel_playground")
    page.get_by_text("Predict first").click()
    settle(page)
    assert page.locator(".canvas.covered").count() == 2
    page.get_by_role("button", name="positive").click()
    settle(page)
    assert page.locator(".canvas.covered").count() == 0
    assert re.search("Right|Not quite", page.get_by_test_id("stMain").inner_text())


def test_two_visitors_do_not_meet(browser, server, page, tmp_path):
    path = raster(tmp_path / "mine.tif", np.ones((30, 40, 1), "float32"))
    visit(page, server.url)
    page.get_by_text("Open a file of your own", exact=True).click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(path))
    settle(page)
    stranger = browser.new_context().new_page()
    visit(stranger, server.url)
    assert "mine.tif" in page.get_by_test_id("stSidebar").inner_text()
    assert "mine.tif" not in stranger.get_by_test_id("stSidebar").inner_text()
    stranger.context.close()


def test_the_window_is_dragged_over_the_overview_and_stays_on_the_next_page(page, server, local_root):
    values = np.arange(1200 * 1000, dtype="float32").reshape(1200, 1000, 1)
    raster(local_root / "large.tif", values)
    visit(page, server.url + "/?path=large.tif&scene=large.tif")
    overview = page.get_by_role("application", name="The whole of")
    area = overview.bounding_box()
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + 2, area["y"] + 2)
    page.mouse.up()
    settle(page)
    assert re.search(r"row=0", page.url)
    assert re.search(r"col=0", page.url)
    page.get_by_role("link", name="Kernel playground").first.click()
    settle(page)
    assert "0 … 511" in page.locator("figcaption").first.inner_text().replace("\u202f", "")[:80]


def test_guessed_names_are_called_a_guess_and_can_be_mended(page, server, local_root):
    raster(local_root / "two.tif", np.ones((40, 50, 2), "float32"))
    visit(page, server.url + "/?path=two.tif&scene=two.tif")
    page.get_by_text("Names of the bands: a guess").click()
    field = page.get_by_role("textbox", name="Names, in the file's order")
    field.fill("B04")
    field.press("Enter")
    settle(page)
    assert "2" in page.get_by_test_id("stAlert").inner_text()
    field.fill("B04, B08")
    field.press("Enter")
    settle(page)
    assert "B08" in page.locator("figcaption").first.inner_text()


def test_pins_of_a_copied_link_are_on_the_picture_at_once(page, server):
    visit(page, server.url + "/Image_inspection?pins=300,100; 200,210")
    assert page.locator("svg .pin").count() == 2


def test_a_pin_without_data_shows_its_empty_cells(page, server):
    visit(page, server.url + "/Image_inspection?pins=0,0&part=values")
    assert "no finite value" in page.locator("figcaption").last.inner_text()


def test_the_downloaded_picture_is_not_empty(page, server):
    visit(page, server.url + "/Kernel_playground")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="PNG with legend").click()
    colours = Image.open(waiting.value.path()).convert("RGB").getcolors(1 << 20)
    assert len(colours) > 300  # paper, hatch and text alone have a few


def test_each_band_leaves_the_controls_where_they_are_and_a_click_looks_at_one(page, server):
    visit(page, server.url + "/Kernel_playground")
    button = page.get_by_role("radio", name="Each band")
    before = button.bounding_box()
    for name in ("Each band", "R, G, B", "Each band"):
        page.get_by_role("radio", name=name).click()
        settle(page)
        assert button.bounding_box() == before
    gallery = page.locator(STRIP).nth(1).locator("canvas:not(.lens)")
    widths = [canvas.bounding_box()["width"] for canvas in gallery.all()]
    assert len(widths) == 13
    assert len(set(widths)) == 1
    gallery.nth(2).click()
    settle(page)
    assert "band=B03" in page.url
    assert page.locator("figcaption b").first.inner_text() == "B03"


@pytest.mark.parametrize("query", ["kernel=own&w=garbage", "w=1,2;3", "k2=roberts_falling", "divide=sum"])
def test_a_kernel_that_cannot_be_is_explained_above_the_pictures(page, server, query):
    visit(page, server.url + "/Kernel_playground?" + query)
    assert page.get_by_test_id("stAlert").first.is_visible()
    assert page.locator(".canvas").count() == 3
