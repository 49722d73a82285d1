"""The feature maps page in a real browser: layers, cells, scales, links, another image, and a model of one's own."""

import re
import subprocess
import sys

import pytest

from tests.browser.driving import settle, visit

pytestmark = pytest.mark.browser

PATH = "/Feature_maps"


def montage(page):
    return page.locator(".strip").first


def names(page, strip):
    return strip.locator("figcaption b").all_inner_texts()


def alerts(page):
    return " ".join(page.get_by_test_id("stAlert").all_inner_texts())


def press_layer(page, text):
    page.get_by_role("radio", name=re.compile(text)).click()
    settle(page)


def test_all_maps_of_a_layer_stand_on_one_scale_with_one_legend(page, server):
    visit(page, server.url + PATH)
    assert [name.lstrip("▸ ") for name in names(page, montage(page))[1:]] == [f"filter {n}" for n in range(1, 7)]
    shared = montage(page).locator(".legend.shared")
    assert shared.locator(".ticks span").count() == 3
    assert montage(page).locator(".stage .legend .bar").count() == 1  # that of the input, which is no map
    press_layer(page, r"^4 · ")
    assert len(names(page, montage(page))) == 17


def test_pointing_at_a_cell_marks_it_in_all_maps_and_what_it_saw(page, server):
    visit(page, server.url + PATH + "?maps_layer=4")
    montage(page).locator(".canvas").nth(3).hover(position={"x": 20, "y": 20})
    window = montage(page).locator("svg .window")
    assert (window.get_attribute("width"), window.get_attribute("height")) == ("14", "14")
    assert montage(page).locator("svg .cross").count() >= 16
    assert "sees 14 × 14 pixels" in montage(page).locator(".readout").inner_text()


def test_a_click_chooses_map_and_cell_and_the_link_keeps_both(page, server):
    visit(page, server.url + PATH)
    press_layer(page, r"^4 · ")
    montage(page).locator(".canvas").nth(5).click(position={"x": 30, "y": 40})
    settle(page)
    assert "maps_filter=5" in page.url
    assert "maps_at=" in page.url
    said = page.get_by_text(re.compile(r"^Cell row")).inner_text()
    assert "in filter 5" in said
    assert "14 × 14 px" in said
    assert montage(page).locator("svg .box").count() == 1
    link = page.url
    visit(page, link)
    assert page.get_by_text(re.compile(r"^Cell row")).inner_text() == said


def test_a_kept_scale_stays_when_the_image_changes(page, server):
    visit(page, server.url + PATH)
    page.get_by_text("Keep the scale when the image changes").click()
    settle(page)
    before = montage(page).locator(".legend.shared .ticks").inner_text()
    page.get_by_label("Example", exact=True).fill("7")
    page.get_by_label("Example", exact=True).press("Enter")
    settle(page)
    assert montage(page).locator(".legend.shared .ticks").inner_text() == before
    assert "kept from another image" in montage(page).locator(".legend.shared .rule").inner_text()


def test_the_scene_is_looked_at_in_metres(page, server):
    visit(page, server.url + PATH + "?model=land_cover_chips&maps_from=scene&maps_layer=6")
    said = page.get_by_text(re.compile(r"^Cell row")).inner_text()
    assert "8 × 8 px = 80 × 80 m" in said
    assert page.get_by_text("What each band adds").count() == 1
    assert alerts(page) == ""


def test_a_dense_layer_shows_its_values_and_a_click_chooses_one(page, server):
    visit(page, server.url + PATH + "?maps_layer=8")
    assert names(page, montage(page))[1] == "120 values, 16 in a row"
    box = montage(page).locator(".canvas").nth(1).bounding_box()
    montage(page).locator(".canvas").nth(1).click(position={"x": box["width"] * 2.5 / 16, "y": box["height"] * 1.5 / 8})
    settle(page)
    assert "maps_filter=19" in page.url


def test_a_model_of_ones_own_is_uploaded_and_shown(page, server, tmp_path):
    pytest.importorskip("keras")
    program = (
        "import keras; L = keras.layers; i = L.Input((20, 20, 1)); x = L.Conv2D(3, 3, padding='same', name='stem')(i);"
        "x = L.Add(name='sum')([x, L.Conv2D(3, 3, padding='same', name='way')(x)]);"
        "x = L.Dense(4, activation='softmax')(L.Flatten()(x));"
        f"keras.Model(i, x).save({str(tmp_path / 'mine.keras')!r})"
    )
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    (tmp_path / "bad.keras").write_bytes(b"PK nonsense")
    visit(page, server.url + PATH)
    page.get_by_text("A model of your own").click()
    page.locator("input[type=file][accept*=keras]").set_input_files(tmp_path / "bad.keras")
    page.get_by_text("not a whole .keras file").wait_for(timeout=120_000)
    settle(page)
    page.locator("input[type=file][accept*=keras]").set_input_files(tmp_path / "mine.keras")
    page.get_by_text("Layers of mine").wait_for(timeout=120_000)
    settle(page)
    press_layer(page, r"^3 · sum")
    found = [name.lstrip("▸ ").removesuffix(" · dead") for name in names(page, montage(page))[1:]]
    assert "through all branches together" in page.get_by_text(re.compile(r"^Cell row")).inner_text()
    assert alerts(page) == ""
    assert found == ["filter 1", "filter 2", "filter 3"]


@pytest.mark.parametrize("width", [400, 2560])
def test_nothing_is_wider_than_the_window(page, server, width):
    page.set_viewport_size({"width": width, "height": 900})
    visit(page, server.url + PATH + "?maps_layer=4")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    first = montage(page).locator(".canvas").nth(1).bounding_box()
    assert first["width"] >= 40
