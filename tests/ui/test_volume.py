"""The page on volume convolution: terms, sums, costs and sentences, computed again with SciPy and by hand."""

import json
from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage
from streamlit.testing.v1 import AppTest

from cnnviz.errors import KernelError
from cnnviz.filters import parse_filters
from cnnviz.samples import SAMPLES, open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.ui.experiments import (
    volume,
    volume_arithmetic,
    volume_bank,
    volume_examples,
    volume_layers,
    volume_lesson,
    volume_products,
    volume_red,
)
from cnnviz.ui.experiments.volume import Setting
from cnnviz.ui.view import View
from tests.factory import raster
from tests.source import ROOT

BANDS = ("B04", "B08", "B11")
TEXT = "sobel_vertical -laplacian_4 1,2,3;4,5,6;7,8,9 b=-40.5 | 1 0 0"


def page(**query):
    app = AppTest.from_file(str(ROOT / "pages" / "5_Volume_convolution.py"), default_timeout=60)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def words(app):
    return "\n".join(each.value for each in (*app.caption, *app.markdown))


def control(widgets, label):
    return next(widget for widget in widgets if widget.label == label)


@pytest.fixture(scope="module")
def view():
    scene = open_sample("sentinel2")
    return View(scene, Window(200, 280, 70, 61), scene)


@pytest.fixture(scope="module")
def result(view):
    return volume.run(view, Setting(BANDS, TEXT))


def correlated(view, kernels):
    """One float64 map per band, by SciPy."""
    image = view.patch(BANDS).array.astype(np.float64)
    maps = [ndimage.correlate(image[..., i], np.float64(kernel), mode="mirror") for i, kernel in enumerate(kernels)]
    return np.stack(maps, axis=-1)


def test_terms_sum_bias_and_activation_are_scipys(view, result):
    expected = correlated(view, parse_filters(TEXT)[0].kernels)
    np.testing.assert_allclose(result.terms, expected, rtol=1e-5, atol=0.05)
    np.testing.assert_allclose(result.total, expected.sum(axis=-1), rtol=1e-5, atol=0.1)
    np.testing.assert_allclose(result.biased, expected.sum(axis=-1) - 40.5, rtol=1e-5, atol=0.1)
    np.testing.assert_allclose(result.activated, np.maximum(result.biased, 0))


def test_the_terms_shown_add_up_to_the_sum_shown_in_every_pixel(result):
    np.testing.assert_array_equal(result.total, result.terms.astype(np.float64).sum(axis=-1).astype(np.float32))


def test_the_layer_gives_the_same_map(result):
    layer = result.given.network.run(result.image)
    np.testing.assert_allclose(layer[0].array[..., 0], result.biased, rtol=1e-5, atol=0.1)
    assert volume.layer_difference(result) < 1e-5 * np.abs(result.total).max()


@pytest.mark.parametrize("padding", ["same", "valid", "full"])
@pytest.mark.parametrize("at", [(0, 0), (35, 30), (69, 60)])
def test_the_products_written_out_are_those_of_the_map(view, padding, at):
    given = volume.run(view, Setting(BANDS, TEXT, padding=padding, border="zero"))
    place = given.output_at(*at)
    shown = volume_products.written_out(view, given, place)
    total = Fraction(0)
    for band in shown["bands"]:
        pixels, weights, products = (
            [Fraction(_plain(text)) for line in band[kind]["full"] for text in line]
            for kind in ("pixels", "weights", "products")
        )
        assert products == [pixel * weight for pixel, weight in zip(pixels, weights, strict=True)]
        assert Fraction(_plain(band["term"])) == sum(products)
        total += sum(products)
    assert Fraction(_plain(shown["total"])) == total
    assert Fraction(_plain(shown["biased"])) == total - Fraction(81, 2)
    assert float(total) == pytest.approx(float(given.total[place]), rel=1e-6)


def _plain(text):
    return text.replace("\u202f", "").replace("−", "-")


def test_products_of_fractions_keep_every_digit_of_a_float64(view):
    given = volume.run(view, Setting(("B04",), "1/9,1/7"))
    shown = volume_products.written_out(view, given, (10, 10))
    products = [float(_plain(text)) for text in shown["bands"][0]["products"]["full"][0]]
    pixels = [float(_plain(text)) for text in shown["bands"][0]["pixels"]["full"][0]]
    assert products == [pixels[0] * float(np.float32(1 / 9)), pixels[1] * float(np.float32(1 / 7))]
    assert float(_plain(shown["total"])) == products[0] + products[1]


def test_a_pixel_at_the_edge_of_a_valid_map_is_the_nearest_that_there_is(view):
    given = volume.run(view, Setting(BANDS, TEXT, padding="valid"))
    assert given.output_at(0, 0) == (0, 0)
    assert given.output_at(69, 60) == (67, 58)
    assert given.output_at(5, 5) == (4, 4)


def test_sums_within_groups_add_up_to_the_whole(result):
    whole = volume_layers.grouped_maps(result, 1)[..., 0]
    np.testing.assert_allclose(whole, result.total, rtol=1e-5, atol=0.1)
    np.testing.assert_allclose(volume_layers.grouped_maps(result, 3), result.terms, rtol=1e-5, atol=0.1)


def test_two_groups_of_four_bands_sum_two_each(view):
    given = volume.run(view, Setting(("B02", "B03", "B04", "B08"), "box_3 sobel_vertical 2 laplacian_4"))
    found = volume_layers.grouped_maps(given, 2)
    np.testing.assert_allclose(found[..., 0], given.terms[..., 0] + given.terms[..., 1], rtol=1e-4, atol=0.1)
    np.testing.assert_allclose(found[..., 1], given.terms[..., 2] + given.terms[..., 3], rtol=1e-4, atol=0.1)


def test_the_ndvi_is_the_ratio_of_two_one_by_one_filters_in_reflectance(view):
    found = volume_arithmetic.compute(view)
    infrared, red = (view.patch([band]).array[..., 0] / 10000 - 0.1 for band in ("B08", "B04"))
    np.testing.assert_allclose(found.difference, infrared - red, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.total, infrared + red, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.ratio, (infrared - red) / (infrared + red), rtol=1e-3, atol=1e-5)
    assert found.title == "NDVI"


def test_scenes_without_infrared_take_their_first_two_bands():
    scene = open_sample("china")
    found = volume_arithmetic.compute(View(scene, Window(0, 0, 20, 20), scene))
    assert (found.bands, found.title) == (("R", "G"), "Ratio")


@pytest.mark.parametrize("colour", list(volume_red.COLOURS))
def test_an_object_shows_in_the_terms_of_its_own_colours_alone(result, colour):
    kernels = volume_red.kernels(result)
    shining = np.array(volume_red.COLOURS[colour], bool)
    terms = volume.band_terms(volume_red.grid(colour), kernels)
    np.testing.assert_array_equal(terms.any(axis=(0, 1)), shining)


@pytest.mark.parametrize("name", list(volume_examples.EXAMPLES))
@pytest.mark.parametrize("scene", list(SAMPLES))
def test_every_example_that_is_offered_fits_its_scene(name, scene):
    opened = open_sample(scene)
    view = View(opened, Window(0, 0, *opened.shape[:2]), opened)
    example = volume_examples.offered(view).get(name)
    if example is None:
        assert len(opened.band_names) < len(volume_examples.EXAMPLES[name].bands)
        return
    bands, text = example.fitted(view)
    assert Setting(bands, text).weights.shape[2] == len(bands)


def test_changes_in_the_cells_change_one_kernel_or_the_bias():
    given = parse_filters("sobel_vertical 1 b=3")[0]
    assert volume_bank.apply(given, {"bias": "-1/2"}).bias == -0.5
    assert volume_bank.apply(given, {"band": 1, "turn": True}).kernels[1].tolist() == [[-1]]
    assert volume_bank.apply(given, {"band": 1, "text": "2,3"}).kernels[1].tolist() == [[2, 3]]
    same = volume_bank.apply(given, {"band": 0, "all": True})
    np.testing.assert_array_equal(same.kernels[1], given.kernels[0])
    with pytest.raises(KernelError, match="division by zero"):
        volume_bank.apply(given, {"band": 0, "text": "1/0"})


def test_the_page_starts_with_terms_that_add_up_and_no_mistake():
    app = page()
    assert not app.error
    assert "The sum adds up the terms shown in float64" in words(app)


def test_parameters_and_multiply_adds_have_their_numbers_put_in():
    said = words(page(vol_part="filters", filters="1 1 1 | 2 2 2 | sobel_vertical 0 0 | 0 0 box_3"))
    assert "Parameters: (3² · 3 + 1) · 4 = **112**" in said
    assert ":green-badge[done] Build a layer with exactly 112 parameters" in said


def test_costs_stand_side_by_side():
    table = page(vol_part="kinds").table[0].value
    assert table["Parameters"].tolist() == ["56", "30", "38"]
    assert table["Maps"].tolist() == ["2", "3", "2"]


def test_a_ratio_does_not_superpose_on_the_page():
    table = page(vol_part="arithmetic").table[0].value
    rows = {row["f"]: row for row in table.to_dict("records")}
    for name in ("B08 − B04", "B08 + B04"):
        assert rows[name]["f(p) + f(q)"] == rows[name]["f(p + q)"]
    assert rows["NDVI"]["f(p) + f(q)"] != rows["NDVI"]["f(p + q)"]
    assert rows["NDVI"]["f(2 p)"] == rows["NDVI"]["f(p)"]
    assert rows["B08 − B04"]["f(2 p)"] != rows["B08 − B04"]["f(p)"]


def test_a_red_object_is_said_to_show_in_the_red_term_alone():
    app = page(vol_part="red")
    assert "**The red object shows in the red term alone, and the sum is that term.**" in words(app)
    app.button_group(key="vol_object").set_value("yellow").run()
    assert "shows in the terms of red and green" in words(app)


def test_another_number_of_bands_than_kernels_gets_the_sentence_and_the_last_good_filters_stay():
    app = page(vol_part="filters")
    app.text_input(key="filters").set_value("1 1").run()
    assert "= 2 kernels, but 3 bands are chosen (B04, B08, B11)" in app.error[0].value
    assert "(3² · 3 + 1) · 2" in words(app)
    app.text_input(key="filters").set_value("1 1 1").run()
    assert not app.error
    assert "(1² · 3 + 1) · 1" in words(app)


def test_a_link_that_starts_with_a_mistake_shows_the_default():
    app = page(filters="sobel 1 1")
    assert "received 'sobel'" in app.error[0].value
    assert "Shown is the default." in app.error[0].value


def test_seventeen_filters_are_explained():
    app = page(filters="|".join(["1 1 1"] * 17))
    assert "received 17 filters: 1 to 16 are expected" in app.error[0].value


def test_kernels_stay_with_their_bands_when_bands_come_and_go():
    app = page(filters="sobel_vertical 1 laplacian_4 b=2")
    app.multiselect(key="vol_bands").set_value(["B04", "B11"]).run()
    assert app.session_state["filters"] == "sobel_vertical laplacian_4 b=2"
    app.multiselect(key="vol_bands").set_value(["B04", "B11", "B02"]).run()
    assert app.session_state["filters"] == "sobel_vertical laplacian_4 laplacian_4 b=2"
    assert not app.error


def test_filters_are_added_and_taken_away_and_kernels_grow():
    app = page(vol_part="filters")
    control(app.number_input, "Filters, K").set_value(16).run()
    assert len(parse_filters(app.session_state["filters"])) == 16
    assert "· 16 = **448**" in words(app)
    control(app.number_input, "Kernel side, k").set_value(5).run()
    assert "(5² · 3 + 1) · 16" in words(app)
    control(app.number_input, "Filters, K").set_value(1).run()
    assert "(5² · 3 + 1) · 1" in words(app)
    assert not app.error


def test_a_filter_that_is_not_there_is_said():
    assert "There is no filter 9 among 2: shown is filter 2." in words(page(filter="9"))


def test_starting_from_an_example_sets_bands_and_filters():
    app = page()
    control(app.selectbox, "Start from").set_value("arithmetic").run()
    assert app.session_state["vol_bands"] == ["B08", "B04"]
    assert app.session_state["filters"] == "1 -1 | 1 1"
    assert ":green-badge[done] Subtract one band from another" in words(app)


def test_another_scene_brings_bands_and_filters_of_its_own():
    app = page()
    for scene in (*SAMPLES, "sentinel2"):
        app.selectbox(key="scene").set_value(scene).run()
        assert not app.error
        assert not app.exception


def test_all_thirteen_bands_work():
    app = page()
    control(app.selectbox, "Start from").set_value("all").run()
    assert len(app.session_state["vol_bands"]) == 13
    assert not app.error


@pytest.mark.parametrize("text", ["1 1 1", "0 0 0", "sobel_vertical sobel_vertical sobel_vertical b=-1500"])
@pytest.mark.parametrize("function", list(volume.ACTIVATIONS))
def test_the_question_has_its_answer_among_its_choices(view, text, function, monkeypatch):
    asked = []
    monkeypatch.setattr(volume_lesson.teach, "predict", lambda question, key: bool(asked.append(question)))
    monkeypatch.setattr(volume_lesson.teach, "asking", lambda key: True)
    monkeypatch.setattr(volume_lesson.spot, "place", lambda view, otherwise: otherwise)
    volume_lesson.predict(view, volume.run(view, Setting(BANDS, text, activation=function)))
    assert asked[0].answer in asked[0].choices
    assert len(set(asked[0].choices)) == len(asked[0].choices) >= 2


def test_predicting_hides_what_would_answer_until_it_is_answered():
    app = page()
    app.toggle(key="volume_predict").set_value(True).run()
    assert "The sum adds up" not in words(app)
    app.button(key="volume_answer_Skip").click().run()
    assert "The sum adds up" in words(app)


def test_the_recipe_of_the_layer_is_a_network(result):
    recipe = json.loads(result.given.network.to_json())
    assert recipe["bands"] == list(BANDS)
    assert np.shape(recipe["layers"][0]["weights"]) == (3, 3, 3, 2)


def test_a_window_without_any_data_gives_no_number_and_no_mistake(tmp_path):
    scene = open_scene(raster(tmp_path / "empty.tif", np.zeros((20, 24, 3), "uint16"), nodata=0))
    found = volume.run(View(scene, Window(0, 0, 20, 24), scene), Setting(scene.band_names, "1 1 1 b=2"))
    assert np.isnan(found.activated).all()
    assert found.showpiece() == (10, 12)
    assert np.isnan(volume.layer_difference(found))
    shown = volume_products.written_out(View(scene, Window(0, 0, 20, 24), scene), found, (3, 4))
    assert shown["total"] == "no data"
    assert shown["check"] == "A window that touches a pixel without data gives none."


def test_a_scene_of_one_band_has_no_arithmetic():
    app = page(scene="elevation", vol_part="arithmetic")
    assert "needs two of them" in app.info[0].value
