"""The trainer in a real browser: train, look at every epoch, pause, cancel, and take the model home."""

import re

import pytest
from playwright.sync_api import expect
from rasterio import open as open_raster

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
    start(page, server, "?plan=digits&epochs_digits=100")  # long enough for the slowest page
    page.get_by_role("button", name="Pause").click(timeout=LONG)
    expect(page.get_by_text("Run 1: paused")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text(re.compile(r"epoch ([2-9]|\d\d+) of 100"))).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("was cancelled")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()


def search(page, server, images, *epochs):
    values = "".join(f"&grid_epochs={each}" for each in epochs)
    visit(page, f"{server.url}/Train_LeNet-5?images={images}&grid_batches=16&grid_batches=32&grid_folds=2{values}")
    page.get_by_text("Grid search: which settings do best?").click()
    page.locator(".st-key-grid_start button").click()


def test_a_search_shows_how_far_it_is_and_is_cancelled(page, server):
    search(page, server, 1700, 30)
    expect(page.get_by_text(re.compile(r"Searching: \d+ %, about .* left"))).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The search was cancelled; nothing of it is kept.")).to_be_visible(timeout=LONG)
    expect(page.locator(".st-key-grid_start button")).to_be_enabled()


def test_a_search_ends_in_a_table_and_a_heat_map_best_first(page, server):
    search(page, server, 200, 1, 2)
    expect(page.get_by_text("Best first:")).to_be_visible(timeout=LONG)
    settle(page, 60)
    table = page.locator(".st-key-grid [data-testid=stDataFrame] table")
    heads = table.locator("[role=columnheader]").all_text_contents()
    rows = [row.locator("[role=gridcell]").all_text_contents() for row in table.locator("tbody [role=row]").all()]
    column = {name: [float(row[place]) for row in rows] for place, name in enumerate(heads)}
    assert column["rank"] == [1, 2, 3, 4]
    assert column["mean, %"] == sorted(column["mean, %"], reverse=True)
    assert min(column["seconds"]) > 0
    chart = page.locator(".st-key-grid [data-testid=stVegaLiteChart] svg text")
    written = [float(said[:-1]) for said in chart.all_text_contents() if re.fullmatch(r"\d+\.\d%", said)]
    assert sorted(written) == pytest.approx(sorted(column["mean, %"]), abs=0.056)


def test_a_trained_model_classifies_the_scene_beside_its_picture(page, server):
    start(page, server, "?data=scene&images=300&epochs_lenet5=1")
    expect(page.get_by_text("Confusion")).to_be_visible(timeout=LONG)
    page.locator(".st-key-land_start button").click()
    expect(page.get_by_text("agree with the labels of this synthetic scene")).to_be_visible(timeout=LONG)
    settle(page, 60)
    pictures = page.locator(".strip", has=page.get_by_text("confidence", exact=True)).locator(".canvas")
    scene, classes, sure = (each.bounding_box() for each in pictures.all())
    assert (scene["width"], scene["height"]) == (classes["width"], classes["height"]) == (sure["width"], sure["height"])
    assert scene["y"] == classes["y"] == sure["y"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Classes (GeoTIFF)").click()
    with open_raster(download.value.path()) as file:
        assert (file.crs.to_epsg(), file.dtypes, file.nodata) == (32633, ("uint8",), 255)


def luminance(colour):
    """Relative luminance of ``rgb(…)`` as the browser says it (WCAG 2.2)."""
    parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_stands_on_the_accent_colour_can_be_read(page, server, scheme):
    page.emulate_media(color_scheme=scheme)
    visit(page, f"{server.url}/Train_LeNet-5")
    page.get_by_text("Grid search: which settings do best?").click()
    settle(page)
    found = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid="stBaseButton-primary"], [data-tag]')].map((node) =>
            [getComputedStyle(node.querySelector("p, span") ?? node).color, getComputedStyle(node).backgroundColor])"""
    )
    assert len(found) >= 6
    for pair in found:
        dark, light = sorted(map(luminance, pair))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, pair
