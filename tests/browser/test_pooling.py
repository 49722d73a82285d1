"""The pooling page in a real browser: pointing, walking, clicking, impossible settings, copied links."""

import re

import numpy as np
import pytest

from cnnviz.convolve import pool2d
from cnnviz.samples import open_sample
from tests.browser.driving import settle, visit

pytestmark = pytest.mark.browser

PATH = "/Pooling"
INPUT, MAX, AVERAGE, MIN = range(4)
RAW = "?pool_kernel=raw&at=200, 300"


def grid(page, panel):
    return page.locator(".pooling svg").nth(panel)


def point(page, panel, row, col, side):
    """Point at the middle of a cell of a square grid with ``side`` cells."""
    box = grid(page, panel).bounding_box()
    cell = (box["width"] - 2) / side
    grid(page, panel).hover(position={"x": (col + 0.5) * cell + 1, "y": (row + 0.5) * cell + 1})


def readout(page):
    return page.locator(".pooling .readout").inner_text().replace("\u202f", "")


def chosen(page):
    """What the component marks: mode, row and column of the result, row and column of the winner."""
    mode, *places = page.locator(".pooling").get_attribute("data-chosen").split()
    return mode, *map(int, places)


@pytest.fixture(scope="module")
def band():
    return open_sample("sentinel2").read(bands=["B08"]).array[..., 0]


def test_pointing_at_a_maximum_names_the_cell_that_won(page, server, band):
    visit(page, server.url + PATH + RAW)
    point(page, MAX, 1, 3, 5)
    value, row, col = map(
        int, re.search(r"max of 4 cells = (\d+), from row (\d+), column (\d+)", readout(page)).groups()
    )
    assert band[row, col] == value
    top, left = row // 2, col // 2
    assert pool2d(band, 2)[top, left] == value
    assert chosen(page)[:3] == ("max", 1, 3)
    assert page.locator(".pooling .winner").count() == 1
    assert page.locator(".pooling circle.won").count() == 25


def test_pointing_at_a_mean_adds_up_its_cells_and_rings_none(page, server):
    visit(page, server.url + PATH + RAW)
    point(page, AVERAGE, 2, 2, 5)
    terms, total, result = re.search(r"average = \(([\d +]+)\) ÷ 4 = (\d+) ÷ 4 = ([\d.]+)", readout(page)).groups()
    assert sum(map(int, terms.split(" + "))) == int(total)
    assert float(result) == pytest.approx(int(total) / 4, rel=1e-3)
    assert page.locator(".pooling .winner").count() == 0


def test_pointing_at_a_cell_says_which_windows_see_it(page, server):
    visit(page, server.url + PATH + "?pool_kernel=raw&at=200, 300&pool_size=3&pool_stride=1")
    side = 7
    point(page, INPUT, 3, 3, side)
    assert "seen by 9 of these windows" in readout(page)
    point(page, INPUT, 0, 0, side)
    assert "seen by 1 of these windows" in readout(page)
    assert page.locator(".pooling .linked").count() == 3


def test_the_keyboard_walks_over_the_results(page, server):
    visit(page, server.url + PATH)
    grid(page, MIN).focus()
    start = chosen(page)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert chosen(page)[:3] == ("min", start[1] - 1, start[2] - 1)
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    assert chosen(page)[1] == 0


def test_a_click_in_the_scene_brings_its_cells_and_a_copied_link_brings_them_again(page, server):
    visit(page, server.url + PATH + "?pool_size=3")
    page.locator(".canvas").first.click(position={"x": 90, "y": 70})
    settle(page)
    field = page.get_by_role("textbox", name="Pixel")
    row, col = map(int, field.input_value().split(", "))
    assert re.search(r"[?&]at=\d+", page.url)
    shown, link = readout(page), page.url
    found = list(map(int, re.search(r"row (\d+), column (\d+)", shown).groups()))
    assert np.abs(np.array(found) - (row, col)).max() < 12
    visit(page, link)
    assert readout(page) == shown
    assert field.input_value() == f"{row}, {col}"


def test_a_window_wider_than_its_padding_allows_is_explained_and_the_pictures_stay(page, server):
    visit(page, server.url + PATH)
    before = page.locator(".strip[data-version]").first.get_attribute("data-version")
    page.get_by_text("Padding and ReLU").click()
    settle(page)
    page.get_by_role("combobox", name="Padding", exact=True).fill("4 on each side")
    page.get_by_role("option", name="4 on each side").click()
    settle(page)
    assert "as a window of padding alone holds nothing" in page.get_by_test_id("stAlert").first.inner_text()
    assert page.locator(".strip[data-version]").first.get_attribute("data-version") == before


def test_padding_is_dashed_and_has_no_value(page, server):
    visit(page, server.url + PATH + "?pool_size=3&pool_padding=1&at=0, 511")
    assert page.locator(".pooling .around").count() > 0
    grid(page, INPUT).hover(position={"x": 5, "y": 5})
    assert "Padding: no value" in readout(page)


def test_nonsense_for_a_pixel_is_explained_and_the_cells_stay(page, server):
    visit(page, server.url + PATH)
    field = page.get_by_role("textbox", name="Pixel")
    field.fill("north of the river")
    field.press("Enter")
    settle(page)
    assert "two whole numbers are expected" in page.get_by_test_id("stAlert").inner_text()
    assert grid(page, INPUT).count() == 1


def test_shifting_the_scene_shows_another_difference_and_other_figures(page, server):
    visit(page, server.url + PATH + "?pool_part=shift")
    version = page.locator(".strip[data-version]").nth(1).get_attribute("data-version")
    table = page.get_by_test_id("stTable").inner_text()
    page.get_by_role("slider", name="Shift the scene by").press("ArrowRight")
    settle(page)
    assert page.locator(".strip[data-version]").nth(1).get_attribute("data-version") != version
    assert page.get_by_test_id("stTable").inner_text() != table


def test_predicting_covers_every_result_until_the_answer(page, server):
    visit(page, server.url + PATH)
    page.get_by_text("Predict first").click()
    settle(page)
    assert page.locator(".canvas.covered").count() == 3
    assert page.locator(".pooling").count() == 0
    page.get_by_role("button", name="256", exact=True).click()
    settle(page)
    assert page.locator(".canvas.covered").count() == 0
    assert "Right" in page.get_by_test_id("stMain").inner_text()
