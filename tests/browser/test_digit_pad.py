"""The digit pad in a real browser: strokes by mouse and keys reach the model, once each, and can be taken back."""

import pytest

from tests.browser.driving import settle, visit

pytestmark = pytest.mark.browser

SAYS = "The model says"


@pytest.fixture
def pad(page, server):
    visit(page, server.url + "/Train_LeNet-5?epochs_lenet5=2")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Nothing is drawn yet").wait_for(timeout=90_000)
    settle(page)
    return page.locator(".pad canvas")


def draw_one(page, pad):
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"]
    page.mouse.move(x, y + 40)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(x, y + 40 + 10 * step)
    assert page.get_by_text("Nothing is drawn yet").count() == 1
    page.mouse.up()


def test_a_drawn_stroke_is_answered_and_can_be_undone_and_drawn_by_keys(page, pad):
    draw_one(page, pad)
    page.get_by_text("Nothing is drawn yet").wait_for(state="detached")
    settle(page)
    assert page.get_by_text(SAYS).count() == 1
    assert "1 stroke." in page.locator(".pad .note").inner_text()
    page.locator(".pad .undo").click()
    page.get_by_text("Nothing is drawn yet").wait_for()
    pad.focus()
    for key in (" ", *["ArrowDown"] * 12, " "):
        page.keyboard.press(key)
    page.get_by_text("Nothing is drawn yet").wait_for(state="detached")
    page.keyboard.press("Delete")
    page.get_by_text("Nothing is drawn yet").wait_for()
