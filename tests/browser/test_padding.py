"""The walk in a real browser: playing, stepping, scrubbing, pointing, and numbers that add up as they stand."""

import re

import numpy as np
import pytest

from cnnviz.grids import parse_kernel
from cnnviz.kernels import KERNELS
from cnnviz.walk import walk_kernel
from tests.browser.driving import settle, visit

PAGE = "/Padding_and_stride"
BRIGHT_DARK = np.float32([[12, 12, 12, 0, 0, 0]] * 5)


def step(page):
    return int(page.locator(".walk").get_attribute("data-step"))


def version(page):
    return page.locator(".walk[data-version]").get_attribute("data-version")


def scrub(page, to):
    page.get_by_label("step of the walk").fill(str(to))


def cells(page, panel):
    """Texts of a panel's cells, in reading order."""
    return page.locator(f".{panel} .number").all_text_contents()


def number(text):
    return float(text.replace("−", "-").replace("\u202f", ""))


def terms(text):
    """Numbers of a sum as it is written: ``12 + 0 − 12``."""
    signed = re.sub(r" ([+−]) ", r" \1", text.replace("\u202f", "")).replace("+", "")
    return [number(part) for part in signed.split()]


def fill(page, label, value):
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")
    settle(page)


def alert(page):
    return page.get_by_test_id("stMain").get_by_test_id("stAlert").inner_text()


def test_it_plays_pauses_and_ends_by_itself(page, server):
    visit(page, server.url + PAGE)
    assert step(page) == 0
    page.get_by_label("speed in steps per second").select_option("10")
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Pause").click()
    paused = step(page)
    assert 3 <= paused <= 20
    page.wait_for_timeout(300)
    assert step(page) == paused
    page.get_by_label("speed in steps per second").select_option("30")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Play").wait_for(timeout=5000)
    assert step(page) == 29
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(150)
    page.get_by_role("button", name="Pause").click()
    assert step(page) < 15


def test_it_steps_and_scrubs_and_walks_by_keys(page, server):
    visit(page, server.url + PAGE)
    assert page.get_by_role("button", name="Back").is_disabled()
    page.get_by_role("button", name="Step").click()
    page.get_by_role("button", name="Step").click()
    page.get_by_role("button", name="Back").click()
    assert step(page) == 1
    scrub(page, 29)
    assert step(page) == 29
    assert page.get_by_role("button", name="Step").is_disabled()
    page.locator(".outputs svg").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert step(page) == 22
    page.keyboard.press("Home")
    assert step(page) == 0
    page.locator(".outputs svg").click(position={"x": 34 * 3 + 10, "y": 34 * 2 + 10})
    assert step(page) == 15


TYPED = "0.37 -1.25; 1/3 0.1"
WALKS = {
    "": ("vertical_edges", {"padding": "same"}),
    "?pad=full&pad_kernel=gaussian_3&pad_down=2&pad_fill=reflect": (
        "gaussian_3",
        {"padding": "full", "stride": (2, 1), "border": "reflect"},
    ),
    f"?pad=valid&pad_kernel=own&pad_w={TYPED}&pad_dilation=2": (TYPED, {"dilation": 2}),
}


@pytest.mark.parametrize("query", WALKS)
def test_the_terms_shown_add_up_to_the_sum_shown_at_every_step(page, server, query):
    visit(page, server.url + PAGE + query)
    weights, how = WALKS[query]
    kernel = KERNELS[weights].weights if weights in KERNELS else parse_kernel(weights)
    walk = walk_kernel(BRIGHT_DARK, kernel, **how)
    for at, expected in enumerate(walk.outputs.ravel().tolist()):
        scrub(page, at)
        lines = page.locator(".walk .sum").inner_text().split("\n")
        shown, total = re.match(r"= \(?([^()=÷]*)(?:\) ÷ \d+)? = ([^÷=]*)", lines[1]).groups()
        assert sum(terms(shown)) == pytest.approx(number(total), abs=1e-9)
        assert terms(shown) == pytest.approx([number(text) for text in cells(page, "products")], abs=1e-12)
        assert number(total) / walk.divisor == pytest.approx(expected, rel=1e-6, abs=1e-7)
        assert number(cells(page, "outputs")[at]) == pytest.approx(expected, rel=1e-3)


def test_visits_and_cells_that_are_never_reached_are_drawn(page, server):
    visit(page, server.url + PAGE + "?pad=valid&pad_across=2")
    walk = walk_kernel(BRIGHT_DARK, np.ones((3, 3)), stride=(1, 2))
    assert [int(text) for text in cells(page, "visits")] == walk.visits.ravel().tolist()
    assert page.locator(".input .never").count() == (walk.visits == 0).sum() == 5


def test_pointing_at_a_cell_outlines_every_output_that_sees_it(page, server):
    visit(page, server.url + PAGE)
    page.locator(".visits svg").hover(position={"x": 34 * 2 + 10, "y": 34 * 2 + 10})
    assert page.locator(".outputs .linked").count() == 9
    assert "row 3, column 3 · seen by 9 outputs" in page.locator(".walk .readout").inner_text()
    page.locator(".input svg").hover(position={"x": 34 + 10, "y": 34 + 10})
    assert page.locator(".outputs .linked").count() == 4
    page.locator(".outputs svg").hover(position={"x": 34 * 5 + 10, "y": 10})
    assert "Step 6 of 30" in page.locator(".walk .readout").inner_text()
    assert step(page) == 0


def test_changing_a_setting_keeps_the_place_of_the_walk(page, server):
    visit(page, server.url + PAGE)
    scrub(page, 15)  # row 3, column 4 of 6
    page.get_by_label("Border fill", exact=True).click()
    page.get_by_role("option", name="replicate", exact=True).click()
    settle(page)
    assert step(page) == 15
    fill(page, "Stride across", 2)
    assert step(page) == 2 * 3 + 2


def test_the_walk_goes_on_while_the_scenes_window_changes(page, server):
    visit(page, server.url + PAGE)
    page.get_by_label("speed in steps per second").select_option("1")
    page.get_by_role("button", name="Play").click()
    page.get_by_label("Window", exact=True).click()
    page.get_by_role("option", name="128 × 128 px", exact=True).click()
    settle(page)
    assert page.get_by_role("button", name="Pause").is_visible()
    page.wait_for_timeout(1100)
    assert step(page) > 0


def test_a_stride_of_zero_is_explained_and_the_walk_stays(page, server):
    visit(page, server.url + PAGE)
    before = version(page)
    fill(page, "Stride down", 0)
    assert "received stride" in alert(page)
    assert version(page) == before
    fill(page, "Stride down", 2)
    assert page.get_by_test_id("stMain").get_by_test_id("stAlert").count() == 0
    assert version(page) != before


def test_nonsense_for_digits_is_explained_and_the_walk_stays(page, server):
    visit(page, server.url + PAGE + "?pad_grid=own&pad_digits=1 2 3; 4 5 6; 7 8 9")
    before = version(page)
    page.get_by_text("Grid, kernel and band").click()
    fill(page, "Digits", "1 2 3; 4 five 6")
    assert "'five' in row 2, cell 2" in alert(page)
    assert version(page) == before
    fill(page, "Digits", "9 8; 7 6")
    assert version(page) != before
    assert page.locator(".outputs .number").count() == 4


def test_a_copied_link_reopens_the_same_walk(page, server):
    visit(page, server.url + PAGE)
    page.get_by_label("Padding", exact=True).click()
    page.get_by_role("option", name="custom", exact=True).click()
    settle(page)
    fill(page, "Left", 3)
    fill(page, "Dilation", 2)
    page.get_by_text("Grid, kernel and band").click()
    settle(page)
    page.get_by_label("Grid", exact=True).click()
    page.get_by_role("option", name="Own digits", exact=True).click()
    settle(page)
    fill(page, "Digits", "1 2 3 4; 5 6 7 8; 9 1 2 3; 4 5 6 7")
    shown, link = version(page), page.url
    page.context.clear_cookies()
    visit(page, link)
    assert version(page) == shown
    assert page.get_by_label("Left", exact=True).input_value() == "3"


def test_covered_nothing_tells_the_size_before_the_answer(page, server):
    visit(page, server.url + PAGE)
    page.get_by_text("Predict first").click()
    settle(page)
    assert page.locator(".walk .covered").count() == 2
    assert not page.locator(".outputs svg").is_visible()
    assert page.get_by_role("button", name="Play").is_disabled()
    assert "of 30" not in page.locator(".walk").inner_text()
    page.get_by_role("button", name="Skip").click()
    settle(page)
    assert page.locator(".outputs svg").is_visible()
    assert "Step 1 of 30" in page.locator(".walk .readout").inner_text()


def test_the_walk_fits_a_phone(page, server):
    page.set_viewport_size({"width": 400, "height": 900})
    visit(page, server.url + PAGE + "?pad=full&pad_grid=river&pad_dilation=3")
    page.get_by_role("button", name="Step").click()
    scrub(page, 17)  # the last column of the first row: the picture follows
    scrolled = page.locator(".input .frame").evaluate(
        "(frame) => [frame.scrollLeft, frame.scrollWidth, frame.clientWidth]"
    )
    assert scrolled[1] > scrolled[2]
    assert scrolled[0] > 0
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 400
