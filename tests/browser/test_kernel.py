"""The kernel playground's cells in a real browser: their size, what fits into them, and what is really applied."""

import pytest

from cnnviz.grids import format_kernel, parse_kernel
from cnnviz.kernels import KERNELS
from tests.browser.driving import settle, visit

PATH = "/Kernel_playground"
LEAST = 24
WIDE = ";".join([",".join(["-0.123456"] * 15)] * 15)
SHAPES = ["-0.123456", "0.1234,-0.1234,1e30,-12345,-0.00123", ";".join("123456789"), "-1234,2;1/9,0;-1e-20,3", WIDE]


@pytest.mark.parametrize("width", [400, 1440])
@pytest.mark.parametrize("text", SHAPES)
def test_cells_are_square_and_large_and_hold_their_numbers(page, server, text, width):
    page.set_viewport_size({"width": width, "height": 900})
    visit(page, f"{server.url}{PATH}?kernel=own&w={text}")
    fields = page.locator(".kernel input").all()
    boxes = [field.bounding_box() for field in fields]
    assert len(fields) == parse_kernel(text).size
    assert {box["width"] == box["height"] and box["width"] >= LEAST for box in boxes} == {True}
    assert all(field.evaluate("field => field.scrollWidth <= field.clientWidth") for field in fields)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")


def test_a_cell_in_hand_shows_its_whole_number(page, server):
    visit(page, f"{server.url}{PATH}?kernel=own&w={SHAPES[1]}")
    for col, exact in enumerate(SHAPES[1].split(",")):
        cell = page.get_by_label(f"weight in row 1, column {col + 1}", exact=True)
        cell.focus()
        assert float(cell.input_value()) == float(exact)
        assert cell.evaluate("field => field.scrollWidth <= field.clientWidth")


def test_the_kernel_that_is_applied_is_drawn_where_it_is_another(page, server):
    visit(page, server.url + PATH)
    assert page.locator(".kernel").count() == 1
    visit(page, server.url + PATH + "?flip=true&a=0.5")
    cells = page.locator(".kernel").nth(1).locator("input")
    turned = 0.5 * KERNELS["sobel_vertical"].weights[::-1, ::-1]
    assert [cell.get_attribute("title") for cell in cells.all()] == format_kernel(turned).replace(";", ",").split(",")
    assert page.get_by_label("applied weight in row 2, column 1", exact=True).input_value() == "−1"
    cells.first.press_sequentially("7")  # it can be read, not typed into
    settle(page)
    assert "kernel=" not in page.url


def test_a_kernel_typed_into_the_cells_is_one_of_the_visitors_own(page, server):
    visit(page, server.url + PATH)
    for col, weight in ((1, "7"), (3, "-7")):
        cell = page.get_by_label(f"weight in row 1, column {col}", exact=True)
        cell.fill(weight)
        cell.press("Enter")
        settle(page)
        found = page.get_by_test_id("stMain").inner_text()
        assert f"Do · {int(col == 3)} of 3 done" in found
