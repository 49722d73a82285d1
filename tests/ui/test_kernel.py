"""The kernel playground's numbers, files and links, against SciPy and GDAL."""

import io
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy import ndimage
from streamlit.testing.v1 import AppTest

from cnnviz.grids import format_kernel
from cnnviz.kernels import KERNELS
from cnnviz.samples import open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.ui.experiments import kernel, kernel_files
from cnnviz.ui.experiments.kernel import Setting, Show, Target
from cnnviz.ui.view import View
from tests.factory import raster
from tests.ui.strips import stages

ROOT = Path(__file__).resolve().parents[2]
SOBEL = format_kernel(KERNELS["sobel_vertical"].weights)


@pytest.fixture(scope="module")
def view():
    scene = open_sample("sentinel2")
    return View(scene, Window(240, 300, 96, 81), scene)


def setting(**changes):
    given = Setting(SOBEL, SOBEL, Target.BAND, ("B08",), Show.SIGNED, 1, 0.0, "same", "reflect")
    return replace(given, **changes)


def band(view, name="B08"):
    return view.patch([name]).array[..., 0].astype(np.float64)


def test_a_result_is_what_scipy_correlates(view):
    result = kernel.run(view, setting()).after.array[..., 0]
    expected = ndimage.correlate(band(view), KERNELS["sobel_vertical"].weights.astype(float), mode="mirror")
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-2)


def test_repeating_and_an_offset_follow_each_other(view):
    blur = format_kernel(KERNELS["box_3"].weights)
    result = kernel.run(view, setting(kernel=blur, times=4, offset=7.5)).after.array[..., 0]
    expected = band(view)
    for _ in range(4):
        expected = ndimage.uniform_filter(expected, 3, mode="mirror")
    np.testing.assert_allclose(result, expected + 7.5, rtol=1e-4)


@pytest.mark.parametrize("padding", ["same", "valid", "full"])
def test_the_difference_compares_each_pixel_with_itself(view, padding):
    identity = format_kernel(KERNELS["identity"].weights)
    difference = kernel.run(view, setting(kernel=identity, padding=padding, border="zero")).difference
    assert np.nanmax(np.abs(difference)) == 0


@pytest.mark.parametrize(("padding", "shift"), [("same", 0), ("valid", 1), ("full", -1)])
def test_the_geotiff_lies_where_its_pixels_looked(view, padding, shift):
    data = kernel_files.geotiff(view, setting(padding=padding))
    with rasterio.open(io.BytesIO(data)) as written:
        x, y = written.transform @ (0, 0)
        left, top = view.transform @ (shift, shift)
        assert (x, y) == (left, top)
        assert written.crs == view.scene.crs
        np.testing.assert_array_equal(written.read(1), kernel.run(view, setting(padding=padding)).after.array[..., 0])


@pytest.mark.parametrize("changes", [{}, {"times": 3, "offset": 2.0}, {"padding": "valid"}, {"border": "wrap"}])
def test_the_copied_code_gives_the_same_array(view, tmp_path, monkeypatch, changes):
    given = setting(target=Target.COLOUR, bands=("B04", "B03", "B02"), **changes)
    script = tmp_path / "result.py"
    script.write_text(kernel_files.code(view, given))
    (tmp_path / view.scene.name).symlink_to(view.scene.path)
    monkeypatch.chdir(tmp_path)
    left = runpy.run_path(str(script), run_name="__main__")
    np.testing.assert_allclose(left["result"], kernel.run(view, given).after.array, rtol=1e-5, atol=1e-2)


def test_the_npy_file_is_the_array(view):
    array = np.load(io.BytesIO(kernel_files.npy(view, setting())), allow_pickle=False)
    np.testing.assert_array_equal(array, kernel.run(view, setting()).after.array)


@pytest.mark.parametrize("show", list(Show))
@pytest.mark.parametrize("bands", [("B08",), ("B04", "B03", "B02")])
def test_every_view_can_be_downloaded_as_a_picture(view, show, bands):
    target = Target.BAND if len(bands) == 1 else Target.COLOUR
    data = kernel_files.png(view, setting(target=target, bands=bands, show=show))
    assert data.startswith(b"\x89PNG")


def playground(**query):
    app = AppTest.from_file(str(ROOT / "pages" / "2_Kernel_playground.py"), default_timeout=30)
    app.query_params.update(query)
    return app.run()


def test_a_wrong_kernel_in_a_link_is_said_and_the_page_stays():
    app = playground(kernel="own", w="1 2; 3")
    assert not app.exception
    assert any("row" in error.value for error in app.error)


def test_a_kernel_typed_as_text_becomes_the_kernel_of_the_page():
    app = playground(kernel="laplacian_4")
    before = stages(app, "kernel_strip")
    app.text_input(key="w").input("1 2; 3").run()
    assert app.session_state["kernel"] == kernel.OWN
    assert "in every row" in app.error[0].value
    assert stages(app, "kernel_strip") == before
    app.text_input(key="w").input("1 1; 1 1").run()
    assert not app.error
    assert stages(app, "kernel_strip") == stages(playground(kernel="own", w="1,1;1,1"), "kernel_strip")
    app.selectbox(key="kernel").select("laplacian_4").run()
    assert "w" not in app.query_params


def test_weights_in_a_link_are_an_own_kernel_unless_it_names_another():
    assert playground(w="1,1;1,1").session_state["kernel"] == kernel.OWN
    assert playground(w="1,1;1,1", kernel="laplacian_4").session_state["kernel"] == "laplacian_4"
    assert "in every row" in playground(w="1,2;3").error[0].value


def test_a_kernel_that_outgrows_the_grid_is_padded_and_that_is_said():
    app = playground(scene="random_grid", padding="valid", times="3")
    assert app.error[0].value.endswith("Shown is the result with padding “same”.")


def test_a_kernel_whose_sum_is_zero_cannot_be_divided_by_it_and_the_last_good_one_stays():
    app = playground()
    app.selectbox(key="divide").select("sum").run()
    assert not app.exception
    assert "sum to 0" in app.error[0].value
    assert app.error[0].value.endswith("Shown is the kernel undivided.")


def test_every_band_is_in_the_downloaded_picture(view, monkeypatch):
    found = {}
    gallery = kernel_files.gallery
    monkeypatch.setattr(
        kernel_files,
        "gallery",
        lambda parts, title: (
            found.update(names=[name.split(" · ")[0] for name, *_ in parts], title=title) or gallery(parts, title)
        ),
    )
    bands = view.scene.band_names
    data = kernel_files.png(view, setting(target=Target.EACH, bands=bands))
    assert data.startswith(b"\x89PNG")
    assert found["names"] == list(bands)
    assert found["title"].splitlines()[:2] == [
        "Sentinel-2, synthetic · every band",
        "3 × 3 Sobel–Feldman, vertical · padding same, filled by reflect",
    ]
    assert "96 × 81 px · 10 m/px" in found["title"]
    kernel_files.png(view, setting(target=Target.EACH, bands=bands[:5]))
    assert found["title"].startswith("Sentinel-2, synthetic · 5 of 13 bands\n")


def test_a_setting_in_words_says_what_is_done():
    given = setting(kernel="1,-2,1", times=3, offset=-4.5, padding="valid")
    assert given.in_words == "1 × 3 kernel 1,−2,1 · 3 times · offset −4.5 · padding valid"


def test_a_link_may_name_an_option_by_its_identifier_and_the_address_keeps_it():
    app = playground(kernel="laplacian_4", on="colour")
    assert app.session_state["kernel"] == "laplacian_4"
    assert app.query_params["kernel"] == KERNELS["laplacian_4"].title
    assert app.query_params["on"] == kernel.TARGETS[Target.COLOUR]
    assert not app.info


def test_each_part_of_a_link_that_cannot_be_is_said_also_where_another_part_is_an_identifier():
    app = playground(kernel="foo", show="scale255", on="bar", flip="maybe", times="1.5", a="inf", colour="7")
    (said,) = [info.value for info in app.info]
    for sentence in (
        "Kernel: “foo” is none of its options.",
        "Apply to: “bar” is none of its options.",
        "True convolution: “maybe” is neither true nor false.",
        "Times applied: “1.5” is no whole number from 1 to 20.",
        "a, times the first: “inf” is no number from −100 to 100.",
        "“colour” sets nothing here.",
    ):
        assert sentence in said
    assert app.session_state["show"] == Show.SCALE255


def test_a_place_for_a_window_that_fills_the_scene_sets_nothing():
    app = playground(scene="elevation", side="1024", row="5")
    assert [info.value for info in app.info] == [
        "This link asked for something else; shown are the defaults. “row” sets nothing here."
    ]


@pytest.mark.parametrize(("show", "bars"), [("signed", 1), ("input", 13)])
def test_each_band_stands_in_a_gallery_below_the_one_that_is_looked_at(view, show, bars):
    app = playground(on="each", band="B11", show=show)
    first, result, difference = stages(app, "kernel_strip")
    assert first["name"] == "B11"
    assert result["caption"] == stages(playground(band="B11", show=show), "kernel_strip")[1]["caption"]
    assert difference["name"].endswith("input")
    gallery = stages(app, "kernel_bands")
    assert [each["name"] for each in gallery] == list(view.scene.band_names)
    assert len({(each["legend"]["low"], each["legend"]["high"]) for each in gallery}) == bars
    assert gallery[view.scene.band_index("B11")]["caption"] in result["caption"]


def test_the_question_about_each_band_is_about_the_one_that_is_looked_at(view):
    bands = view.scene.band_names
    given = setting(target=Target.EACH, bands=bands, looked=bands.index("B08"))
    result = kernel.run(view, given)
    np.testing.assert_array_equal(
        result.band(given.looked).difference, kernel.run(view, replace(setting(), bands=("B08",))).difference
    )
    assert given.closer == setting()


def test_a_scene_of_one_band_is_asked_neither_for_bands_nor_for_colours():
    app = playground(scene="elevation")
    assert not app.exception
    assert "Band" not in {each.label for each in app.selectbox}
    assert "Apply to" not in {each.label for each in app.segmented_control}
    assert len(stages(app, "kernel_strip")) == 3


def test_0_to_255_shows_the_numbers_that_it_says():
    app = playground(scene="random_grid", show="scale255")
    before, result, _ = stages(app, "kernel_strip")
    grid = np.array([[float(text) for text in line] for line in before["cells"]])
    found = ndimage.correlate(grid, KERNELS["sobel_vertical"].weights.astype(float), mode="mirror")
    expected = 255 * (found - found.min()) / (found.max() - found.min())
    np.testing.assert_allclose(np.array(result["cells"], float), expected, rtol=1e-3)
    assert [result["legend"]["low"], result["legend"]["high"]] == [0, 255]
    assert "scaled to 0–255" in result["caption"]


def test_weights_that_cancel_but_for_rounding_have_the_sum_0():
    app = playground(kernel="box_3", k2="identity", b="-1.0")
    assert any("sum 0 ·" in each.value for each in app.caption)


def done(app):
    """How many of the tasks are ticked, and their lines."""
    lines = next(each.value for each in app.markdown if each.value.startswith("**Do**")).splitlines()[1:]
    return [":green-badge" in line for line in lines]


def press(app, turn):
    return app.button(key=f"turn_{turn}").click().run()


@pytest.mark.parametrize("name", ["vertical_edges", "vertical_edges_5", "sobel_vertical", "scharr_vertical"])
@pytest.mark.parametrize("turns", [["flip"], ["rotate", "rotate"], ["transpose", "rotate"]])
def test_any_kernel_of_vertical_edges_can_be_turned_round_without_a_word_typed(name, turns):
    app = playground(kernel=name)
    for turn in turns:
        assert done(app) == [False, False, False]
        press(app, turn)
    turned = np.array([float(weight) for weight in app.session_state["w"].split(";")[0].split(",")])
    assert turned[0] < 0 < turned[-1]
    assert done(app) == [False, True, False]


def test_a_kernel_that_came_with_a_link_or_was_resized_is_not_typed_and_one_that_was_typed_is():
    app = playground(kernel="own", w="5,0,-5")
    app.number_input(key="kernel_rows").set_value(3).run()
    assert done(app)[0] is False
    app.text_input(key="w").set_value("1 -3 2").run()
    assert done(app)[0] is True


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["red", "green", "blue", "nir"], "nir"),
        (["B02", "B03", "B08"], "B08"),
        (["R", "G", "B"], "R"),
        (["first", "B08"], "first"),
    ],
)
def test_a_scene_opens_on_its_near_infrared(tmp_path, names, expected):
    scene = open_scene(raster(tmp_path / "a.tif", np.ones((8, 9, len(names)), "uint16"), descriptions=names))
    assert View(scene, Window(0, 0, 8, 9)).default_band() == expected


def test_a_guessed_landsat_scene_opens_on_its_near_infrared_too(tmp_path):
    scene = open_scene(raster(tmp_path / "l7.tif", np.ones((8, 9, 6), "uint8")))
    assert scene.naming.sensor.name == "landsat7"
    assert View(scene, Window(0, 0, 8, 9)).default_band() == "B4"


@pytest.mark.parametrize(("on", "asked"), [("band", "there?"), ("each", "there?"), ("colour", "there in B04?")])
def test_the_question_in_colours_names_the_band_that_it_is_about(on, asked):
    app = playground(on=on, hide="answers")
    assert any(each.value.startswith("**Predict.**") and each.value.endswith(asked) for each in app.markdown)
    input_, *covered = stages(app, "kernel_strip")
    assert len(input_["boxes"]) == 1
    assert all(each["covered"] for each in covered)


@pytest.mark.parametrize(
    ("side", "looked", "expected"), [(8, "b5", 64), (8, "b99", 64), (700, "b99", 34), (5000, "b0", 1)]
)
def test_no_more_bands_are_shown_at_once_than_a_page_can_hold(side, looked, expected):
    names = tuple(f"b{i}" for i in range(100))
    found = kernel._few(names, Window(0, 0, side, side), looked)
    assert len(found) == expected
    assert looked in found
    assert list(found) == sorted(found, key=names.index)


def test_a_file_of_a_thousand_bands_shows_sixty_four_of_them(tmp_path, monkeypatch):
    raster(tmp_path / "many.tif", np.zeros((16, 16, 1000), "uint8"))
    monkeypatch.setenv("CNNVIZ_LOCAL_ROOT", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "pages" / "2_Kernel_playground.py"), default_timeout=60)
    app.query_params.update(path="many.tif", on="each")
    app.run()
    assert not app.exception
    assert any("64 of 1" in each.value for each in app.markdown)
    assert len(stages(app, "kernel_bands")) == 64
