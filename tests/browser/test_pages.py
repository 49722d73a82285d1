"""Every page in a real browser: it opens, shows a picture, fits a phone, and nothing goes wrong in the console."""

import pytest

from tests.browser.driving import Look, page_path, page_scripts, screenshot, visit

each_page = pytest.mark.parametrize("script", page_scripts(), ids=lambda script: script.stem)

_WIDER_THAN_WINDOW = """
() => ["html", '[data-testid="stMain"]', '[data-testid="stMainBlockContainer"]'].filter((selector) => {
    const box = document.querySelector(selector);
    return box.scrollWidth > box.clientWidth;
})
"""


@each_page
def test_page_opens_with_a_title_and_a_picture_in_every_look(page, server, script):
    for look in Look:
        page.set_viewport_size({"width": look.value[0], "height": 900})
        visit(page, server.url + page_path(script))
        screenshot(page, script.stem, look)
        assert page.get_by_test_id("stException").count() == 0
        assert page.locator("h1:visible").count() == 1
        assert _visible_pictures(page) > 0


@each_page
def test_page_never_scrolls_sideways_on_a_phone(page, server, script):
    page.set_viewport_size({"width": 400, "height": 900})
    visit(page, server.url + page_path(script))
    assert page.evaluate(_WIDER_THAN_WINDOW) == []


def _visible_pictures(page):
    pictures = page.get_by_test_id("stMain").locator("img:visible, canvas:visible")
    return pictures.evaluate_all("found => found.filter((one) => (one.naturalWidth ?? one.width) > 1).length")
