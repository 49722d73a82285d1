"""Pictures of a strip in a real browser: what is drawn is what was sent, reduced where it has to be, and read back."""

import re

import numpy as np
import pytest

from cnnviz.render import LEVELS, ColourScale, Palette
from tests.browser.driving import ROOT, serve, settle, visit

pytestmark = pytest.mark.browser

RANDOM = np.random.default_rng(20)
VALUES = RANDOM.normal(size=(37, 23)).astype(np.float32)
VALUES[3:6, 4] = np.nan
COLOURS = RANDOM.integers(0, 256, (23, 41, 4), dtype=np.uint8)
COLOURS[..., 3] = 255
HOLED = COLOURS.copy()
HOLED[2:9, 5:8] = 0
LINES = np.zeros((900, 900), np.uint8)
LINES[:, ::2] = LEVELS - 1

PAGE = """
import numpy as np
import streamlit as st
from cnnviz.render import ColourScale, Palette
from cnnviz.layers import ReceptiveField
from cnnviz.ui.pictures import Room, Stage, strip

THIRD = ReceptiveField((3, 3), (3, 3), (0.0, 0.0))
st.set_page_config(layout="wide")
given = np.load({path!r})
signed, grey = ColourScale.signed(given["values"]), ColourScale(Palette.GREY, 0, 10)
scale = signed if st.radio("Palette", ["signed", "weights"]) == "signed" else ColourScale(Palette.WEIGHTS, -1, 1)
strip(
    [
        Stage(name="a", picture=signed.indices(given["values"]), scale=scale, caption="", alt="a"),
        Stage(name="b", picture=given["colours"], caption="", alt="b"),
        Stage(name="c", picture=given["holed"], caption="", alt="c"),
        Stage(name="d", picture=given["lines"], scale=grey, caption="", alt="d"),
    ],
    "strip",
    room=Room(least="9rem", height=400),
)
strip(
    [
        Stage(name="e", picture=given["lines"], scale=grey, caption="", alt="e"),
        Stage(name="f", picture=given["lines"][::3, ::3], scale=grey, caption="", alt="f", field=THIRD),
        Stage(name="g", picture=given["colours"], caption="", alt="g", channels=[(band, grey) for band in "xyz"]),
    ],
    "second",
    room=Room(least="9rem", height=700),
)
"""

READ = """(canvas) => {
    const { width, height } = canvas;
    return [height, width, ...canvas.getContext("2d").getImageData(0, 0, width, height).data];
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strip")
    arrays = folder / "arrays.npz"
    np.savez(arrays, values=VALUES, colours=COLOURS, holed=HOLED, lines=LINES)
    script = folder / "strip.py"
    script.write_text(PAGE.format(path=str(arrays)))
    with serve(
        script, folder / "server.log", {"PYTHONPATH": str(ROOT), "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    ) as running:
        yield running


def drawn(page, number):
    """Red, green, blue and opacity of each pixel of a canvas, uint8 (rows, cols, 4)."""
    rows, cols, *data = page.locator(".canvas canvas").nth(number).evaluate(READ)
    return np.array(data, np.uint8).reshape(rows, cols, 4)


def test_pixels_are_drawn_as_they_were_sent(page, server):
    visit(page, server.url)
    found, expected = drawn(page, 0), ColourScale.signed(VALUES).picture(VALUES)
    np.testing.assert_array_equal(found, expected)
    assert (found[3:6, 4] == 0).all()
    np.testing.assert_array_equal(drawn(page, 1), COLOURS)
    np.testing.assert_array_equal(drawn(page, 2), HOLED)


def test_the_same_places_on_another_palette_are_drawn_anew(page, server):
    visit(page, server.url)
    page.get_by_text("weights", exact=True).click()
    settle(page)
    signed = ColourScale.signed(VALUES).indices(VALUES)
    expected = ColourScale(Palette.WEIGHTS, -1, 1).colour(signed)
    np.testing.assert_array_equal(drawn(page, 0), expected)


def test_a_picture_larger_than_its_room_is_reduced_from_all_of_its_pixels(page, server):
    visit(page, server.url)
    found = drawn(page, 3)
    assert 100 < found.shape[1] < 450
    inside = found[5:-5, 5:-5, 0].astype(float)
    assert inside.mean() == pytest.approx(127.5, abs=4)
    assert np.ptp(inside) < 100, "thin lines that were sampled, not averaged, leave stripes"


def test_pointing_reads_the_legend_backwards(page, server):
    visit(page, server.url)
    canvas = page.locator(".canvas").first
    box = canvas.bounding_box()
    side = box["width"] / VALUES.shape[1]
    half_a_step = float(np.nanmax(np.abs(VALUES))) / (LEVELS - 1)
    for row, col in ((0, 0), (20, 11), (36, 22), (4, 4)):
        canvas.hover(position={"x": (col + 0.5) * side, "y": (row + 0.5) * side})
        text = page.locator(".readout").first.inner_text().replace("−", "-")
        assert text.startswith(f"a: row {row}, column {col}")
        if np.isnan(VALUES[row, col]):
            assert "no data" in text
            continue
        shown = float(text.split("≈ ")[1].split(" ")[0])
        assert shown == pytest.approx(VALUES[row, col], rel=1e-2, abs=1.01 * half_a_step)


@pytest.mark.parametrize("width", [500, 1100, 1440, 2300])
def test_a_pooled_map_is_as_large_as_what_it_was_made_from(page, server, width):
    page.set_viewport_size({"width": width, "height": 900})
    visit(page, server.url)
    whole, pooled = (page.locator(".canvas").nth(number).bounding_box() for number in (4, 5))
    assert pooled["width"] == pytest.approx(whole["width"], abs=1.5)
    assert pooled["height"] == pytest.approx(whole["height"], abs=1.5)


def test_pixels_enlarged_by_no_whole_number_stay_equal(page, server):
    """Lines one pixel wide, of two greys in turn: enlarged, each has the same share of the picture."""
    page.set_viewport_size({"width": 1800, "height": 900})
    visit(page, server.url)
    found = drawn(page, 5)[5, :, 0].astype(float)
    zoom = found.size / 300
    assert 1.2 < zoom < 2.9
    assert abs(zoom - round(zoom)) > 0.05
    between = ((np.arange(2, 299, 2) - 0.5) * zoom).round().astype(int)  # in the middle of the dark ones
    lines = np.add.reduceat(found, between)[:-1] / 255
    np.testing.assert_allclose(lines, zoom, atol=0.35)


def test_pointing_at_colours_reads_all_three_bands(page, server):
    visit(page, server.url)
    canvas = page.locator(".canvas").nth(6)
    side = canvas.bounding_box()["width"] / COLOURS.shape[1]
    canvas.hover(position={"x": 7.5 * side, "y": 11.5 * side})
    text = page.locator(".readout").nth(1).inner_text()
    shown = [float(part) for part in re.findall(r"[xyz] ≈ ([\d.]+)", text)]
    np.testing.assert_allclose(shown, COLOURS[11, 7, :3] / 25.5, rtol=1e-2)
