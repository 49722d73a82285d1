"""The trainer in a real browser: train, look at every epoch, pause, cancel, and take the model home."""

import pytest
from playwright.sync_api import expect

from tests.browser.driving import settle, visit

pytestmark = pytest.mark.browser
LONG = 120_000


def start(page, server, query=""):
    visit(page, f"{server.url}/Train_LeNet-5{query}")
    page.get_by_role("button", name="Train", exact=True).click()


def test_a_network_learns_and_every_epoch_can_be_looked_at(page, server):
    start(page, server, "?images=300&epochs_lenet5=3")
    expect(page.get_by_text("Confusion")).to_be_visible(timeout=LONG)
    settle(page, 60)
    expect(page.get_by_text("Keras counts 61,706")).to_be_visible()
    slider = page.get_by_role("slider", name="After epoch")
    expect(slider).to_have_attribute("aria-valuetext", "3")
    slider.press("Home")
    settle(page, 60)
    expect(slider).to_have_attribute("aria-valuetext", "0")


def test_a_training_is_paused_goes_on_and_is_cancelled(page, server):
    start(page, server, "?epochs_lenet5=100")
    page.get_by_role("button", name="Pause").click(timeout=LONG)
    expect(page.get_by_text("Paused")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("epoch 2 of 100")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("was cancelled")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
