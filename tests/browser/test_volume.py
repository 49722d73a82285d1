"""The page on volume convolution in a real browser: typing, turning, pointing, clicking, mistakes, copied links."""

import re
from fractions import Fraction

import pytest

from tests.browser.driving import settle, visit

pytestmark = pytest.mark.browser

PATH = "/Volume_convolution"
STRIP = ".strip[data-version]"


def weight(page, band, row, col):
    return page.get_by_label(f"{band}, weight in row {row}, column {col}", exact=True)


def text(page, part):
    return page.locator(f".products .{part}").inner_text().replace("\u202f", "").replace("−", "-")


def version(page):
    return page.locator(STRIP).first.get_attribute("data-version")


def filters(page):
    return page.get_by_label("Filters", exact=True).input_value()


def type_filters(page, value):
    field = page.get_by_label("Filters", exact=True)
    if not field.is_visible():
        page.get_by_text("Filters as text, number and size of filters, padding").click()
    field.fill(value)
    field.press("Enter")
    settle(page)


def total(page):
    """The terms, and the sum that is written behind them."""
    line = text(page, "total").splitlines()[0].removeprefix("Sum of the terms: ")
    terms, _, found = line.rpartition(" = ")
    return sum(map(Fraction, re.sub(r"([-+]) ", r"\1", terms).split())), Fraction(found)


def test_the_strip_goes_from_the_input_over_the_terms_to_the_activation(page, server):
    visit(page, server.url + PATH)
    names = page.locator(".strip figcaption b").all_inner_texts()
    assert names == ["B04, B08, B11", "Term B04", "Term B08", "Term B11", "Sum", "Sum + bias", "After ReLU"]


def test_the_terms_written_out_add_up_as_shown(page, server):
    visit(page, server.url + PATH)
    terms, found = total(page)
    assert terms == found
    assert page.locator(".products td").count() == 3 * 27


def test_pointing_at_a_product_names_its_pixel_and_weight(page, server):
    visit(page, server.url + PATH)
    page.locator(".products td").nth(9 + 9 + 3).hover()
    band, pixel, factor, product = re.search(
        r"(B\d+), row 2, column 1 of the window: (\d+) · (\S+) = (\S+)", text(page, "readout")
    ).groups()
    assert band == "B04"
    assert int(pixel) * int(factor.strip("()")) == int(product)
    assert page.locator(".products td.on").count() == 3


def test_the_keyboard_walks_over_the_products(page, server):
    visit(page, server.url + PATH)
    page.locator(".products .bands").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert "B08, row 2, column 1 of the window" in text(page, "readout")


def test_full_precision_shows_every_digit(page, server):
    visit(page, server.url + PATH + "?filters=1/9 1/7 1/3")
    cells = page.locator(".products td")
    short = cells.nth(2).inner_text()
    page.get_by_label("Full precision").check()
    long = cells.nth(2).inner_text()
    assert len(long) > len(short) + 5
    pixel, factor = (Fraction(cells.nth(i).inner_text().replace("\u202f", "")) for i in (0, 1))
    assert float(pixel) * float(factor) == float(long.replace("\u202f", ""))


def test_a_click_in_a_term_writes_out_that_pixel_and_a_copied_link_does_again(page, server):
    visit(page, server.url + PATH)
    page.locator(".canvas").nth(2).click(position={"x": 80, "y": 60})
    settle(page)
    assert re.search(r"[?&]at=\d+", page.url)
    shown, link = text(page, "total"), page.url
    place = page.get_by_role("textbox", name="Pixel").input_value().split(", ")
    assert f"Row {place[0]}, column {place[1]} of the scene" in page.locator(".products .head").inner_text()
    visit(page, link)
    assert text(page, "total") == shown


def test_a_typed_weight_lands_in_the_link_and_comes_back(page, server):
    visit(page, server.url + PATH)
    before = version(page)
    cell = weight(page, "B08", 2, 2)
    cell.fill("7")
    cell.press("Enter")
    settle(page)
    assert filters(page).startswith("sobel_vertical 1,0,-1;2,7,-2;1,0,-1 sobel_vertical b=-1500 |")
    assert version(page) != before
    after, link = version(page), page.url
    visit(page, link)
    assert weight(page, "B08", 2, 2).input_value() == "7"
    assert version(page) == after


def test_turning_and_giving_to_all_change_the_kernels(page, server):
    visit(page, server.url + PATH + "?filters=sobel_vertical 0 laplacian_4")
    page.get_by_role("button", name="±").first.click()
    settle(page)
    assert filters(page) == "-sobel_vertical 0 laplacian_4"
    page.get_by_role("button", name="to all").nth(2).click()
    settle(page)
    assert filters(page) == "laplacian_4 laplacian_4 laplacian_4"
    page.get_by_label("kernel of B08").select_option("box_3")
    settle(page)
    assert filters(page) == "laplacian_4 box_3 laplacian_4"


def test_nonsense_in_a_cell_is_marked_and_changes_nothing(page, server):
    visit(page, server.url + PATH)
    before = version(page)
    cell = weight(page, "B04", 1, 1)
    cell.fill("ten")
    cell.press("Enter")
    settle(page)
    assert "wrong" in cell.get_attribute("class")
    assert version(page) == before
    cell.fill("1/0")
    cell.press("Enter")
    settle(page)
    assert "division by zero has no value" in page.get_by_test_id("stAlert").inner_text()
    assert version(page) == before


def test_a_bias_moves_every_number(page, server):
    visit(page, server.url + PATH + "?filters=1 1 1")
    bias = page.get_by_label("bias", exact=True)
    bias.fill("-123.5")
    bias.press("Tab")
    settle(page)
    assert filters(page) == "1 1 1 b=-123.5"
    start, end = re.search(r"\+ bias: (\S+) - 123\.5 = (\S+)", text(page, "total")).groups()
    assert Fraction(start) - Fraction("123.5") == Fraction(end)


def test_filters_for_another_number_of_bands_get_the_sentence_and_the_pictures_stay(page, server):
    visit(page, server.url + PATH)
    before = version(page)
    type_filters(page, "1 -1")
    said = page.get_by_test_id("stAlert").inner_text()
    assert "n_c = 2 kernels, but 3 bands are chosen (B04, B08, B11): both numbers must agree" in said
    assert version(page) == before
    type_filters(page, "1 -1 0")
    assert page.get_by_test_id("stAlert").count() == 0
    assert version(page) != before


def test_a_second_filter_shows_other_terms(page, server):
    visit(page, server.url + PATH)
    before = version(page)
    page.get_by_label("Filter shown").fill("2")
    page.get_by_label("Filter shown").press("Enter")
    settle(page)
    assert version(page) != before
    assert page.locator(".bank .head").inner_text() == "Filter 2 of 2"
    assert weight(page, "B04", 2, 1).input_value() == "-2"


def test_predicting_covers_the_sum_but_not_the_terms(page, server):
    visit(page, server.url + PATH)
    page.get_by_text("Predict first").click()
    settle(page)
    assert page.locator(".canvas.covered").count() == 3
    assert page.locator("svg .box").count() == 1
    assert page.locator(".products").count() == 0
    page.get_by_role("button", name="Skip").click()
    settle(page)
    assert page.locator(".canvas.covered").count() == 0
