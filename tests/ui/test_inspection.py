"""What the inspection page says of a scene: stretches, indices, spectra and sizes, counted independently."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio.shutil
from affine import Affine
from scipy.stats import percentileofscore
from streamlit.testing.v1 import AppTest

from cnnviz.reading import quiet
from cnnviz.render import StretchRule, number
from cnnviz.samples import open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.sensors import calibrate
from cnnviz.ui.experiments import inspection_charts, inspection_file, inspection_lesson, inspection_picture, pins
from cnnviz.ui.experiments.inspection import Orientation, Setting, What
from cnnviz.ui.experiments.pins import Spectrum
from cnnviz.ui.pictures import Pin
from cnnviz.ui.view import View
from tests.factory import raster
from tests.ui.strips import stages

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "1_Image_inspection.py")


@pytest.fixture(scope="module")
def view():
    scene = open_sample("sentinel2")
    return View(scene, Window(200, 210, 90, 101), scene)


def setting(what=What.BAND, bands=("B08",), index="", **changes):
    given = {"rule": StretchRule.PERCENTILE, "manual": (0.0, 1.0), "calibration": None, "bits": 16}
    given |= {"orientation": Orientation.AS_STORED} | changes
    return Setting(what, bands, index, **given)


def page(**query):
    app = AppTest.from_file(PAGE, default_timeout=30)
    app.query_params.update(query)
    return app.run()


@pytest.mark.parametrize("rule", [StretchRule.PERCENTILE, StretchRule.MINMAX, StretchRule.DEVIATION])
def test_a_stretch_is_that_of_the_whole_raster_not_of_the_window(view, rule):
    whole = view.scene.read(bands=["B08"]).array
    valid = whole[np.isfinite(whole)].astype(np.float64)
    expected = {
        StretchRule.PERCENTILE: np.percentile(valid, [2, 98]),
        StretchRule.MINMAX: [valid.min(), valid.max()],
        StretchRule.DEVIATION: valid.mean() + 2 * valid.std() * np.array([-1, 1]),
    }[rule]
    scale = inspection_picture.scales(view, setting(rule=rule))[0]
    np.testing.assert_allclose([scale.low, scale.high], expected, rtol=1e-3)


def test_ndvi_is_computed_from_reflectance(view):
    offset = calibrate("-1000")
    numbers = view.patch(["B08", "B04"]).array.astype(np.float64)
    infrared, red = ((numbers[..., i] - 1000) / 10000 for i in (0, 1))
    found = inspection_picture.values(view, setting(What.INDEX, ("B08", "B04"), "NDVI", calibration=offset))
    np.testing.assert_allclose(found[..., 0], (infrared - red) / (infrared + red), rtol=1e-4)


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_fewer_bits_leave_as_many_levels(view, bits):
    stage = inspection_picture.stage(view, setting(bits=bits))
    assert len(np.unique(stage.picture)) <= 2**bits
    assert f"{2**bits} levels" in stage.caption


def test_the_automatic_offset_is_the_one_that_the_file_states(view):
    found = view.calibration()
    assert (found.offset, found.source.value) == (-1000, "file")


def test_histogram_bins_joined_hold_every_pixel(view):
    for found in view.statistics():
        joined = inspection_charts.coarse(found.edges, found.counts)
        assert sum(count for *_, count in joined) == found.valid
        assert (joined[0][0], joined[-1][1]) == (found.edges[0], found.edges[-1])
        assert len(joined) <= 64


def test_pins_in_a_link_are_shown_and_nonsense_among_them_is_left_out():
    app = page(pins="10, 20; zebra; 99999, 1", part="values")
    assert not app.exception
    assert app.text_input(key="pins").value.startswith("10, 20")
    assert "“zebra”" in app.error[0].value
    assert any("Outside this scene: 99999, 1." in each.value for each in app.caption)


@pytest.mark.parametrize(("typed", "said"), [("10", "“10”"), ("-1,5", "“-1,5”"), ("3,4;bad;5,6;7", "“bad; 7”")])
def test_pins_that_cannot_be_read_are_named(typed, said):
    app = page()
    app.text_input(key="pins").input(typed).run()
    assert said in app.error[0].value


@pytest.mark.parametrize("part", ["zebra", "99999, 1"])
def test_however_many_pins_cannot_be_shown_one_short_sentence_says_so(part):
    app = page(pins="; ".join([part] * 1000))
    (sentence,) = [each.value for each in (*app.error, *app.caption) if part in each.value]
    assert len(sentence) < 200


@pytest.mark.parametrize("part", ["spectra", "histograms", "values", "cube", "file"])
@pytest.mark.parametrize("scene", ["sentinel2", "elevation", "china", "random_grid"])
def test_every_side_of_every_kind_of_scene_is_shown(scene, part):
    app = page(scene=scene, part=part)
    assert not app.exception
    assert not app.error


def test_the_data_cube_is_counted_in_bytes():
    app = page(part="cube")
    cells = app.table[0].value.to_numpy().ravel().tolist()
    assert "13.63 MB" in cells  # 512 · 512 · 13 · 4 bytes
    assert any("512 × 512 × 13" in str(cell) for cell in cells)


def test_another_scene_or_window_starts_in_the_middle():
    app = page(side="128 × 128 px", row="10", col="20")
    assert (app.session_state["row"], app.session_state["col"]) == (10, 20)
    app.selectbox(key="scene").select("elevation").run()
    assert (app.session_state["row"], app.session_state["col"]) == ((344 - 128) // 2, (403 - 128) // 2)
    app.selectbox(key="side").select(64).run()
    assert app.session_state["row"] == (344 - 64) // 2


def test_what_a_teacher_cannot_hide_is_said():
    app = page(hide="answers, banana")
    assert "banana" in app.info[0].value
    assert "answers is nothing" not in app.info[0].value


def test_the_ends_of_a_stretch_stay_numbers_where_a_pixel_is_0(view):
    found = inspection_picture.scales(
        view, setting(rule=StretchRule.MINMAX, calibration=calibrate("-1000"), reflectance=True)
    )[0]
    assert np.isfinite([found.low, found.high]).all()
    assert found.high < 2


def test_black_above_white_is_said_and_the_picture_stays():
    app = page(stretch="manual", black="5000")
    assert not app.exception
    assert "black is expected below white" in app.error[0].value


def words(app):
    return " ".join(each.value for each in app.markdown)


def test_a_scene_of_one_band_is_shown_as_one_band_with_its_numbers():
    app = page(scene="random_grid")
    assert not [each for each in app.segmented_control if each.key == "what"]
    assert app.selectbox(key="band").value == "value"
    assert app.segmented_control(key="part").value == "histograms"


@pytest.mark.parametrize(
    ("scene", "asked"), [("sentinel2", "plants are bright red"), ("china", "upside down"), ("elevation", "upside down")]
)
def test_what_there_is_to_do_fits_the_scene(scene, asked):
    assert asked in words(page(scene=scene))


def test_tasks_without_an_infrared_are_recognised():
    app = page(scene="elevation", turn="upside down", pins="100, 100", part="values", bits="4")
    assert "3 of 3 done" in words(app)


def test_plants_are_recognised_by_wavelength_whatever_the_sensor_calls_its_bands(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIZ_LOCAL_ROOT", str(tmp_path))
    image = np.full((64, 64, 6), 30, "uint8")
    image[..., 3] = 120
    raster(tmp_path / "etm.tif", image)
    app = page(path="etm.tif", composite="colour_infrared", pins="10, 10")
    assert "2 of 3 done" in words(app)


def test_a_window_without_a_number_says_so_instead_of_an_empty_chart(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIZ_LOCAL_ROOT", str(tmp_path))
    raster(tmp_path / "a.tif", np.zeros((40, 40, 3), "uint8"), nodata=0)
    app = page(path="a.tif")
    assert not app.get("vega_lite_chart")
    assert any("no number here" in each.value for each in app.caption)
    assert not any("chosen for you" in each.value for each in app.caption)


@pytest.mark.parametrize("name", ["elevation", "random_grid", "bright_dark"])
def test_one_band_is_asked_for_its_rank_and_scipy_gives_the_same(name):
    scene = open_sample(name)
    view = View(scene, Window(0, 0, min(scene.shape[0], 300), min(scene.shape[1], 200)), scene)
    values = view.patch(scene.band_names).array[..., 0]
    for row, col in zip(
        *np.unravel_index([0, values.argmin(), values.argmax(), values.size // 2], values.shape), strict=True
    ):
        pin = Spectrum(Pin(row, col, "#000"), f"row {row}, column {col}", values[row, col, np.newaxis])
        share = percentileofscore(values.ravel(), values[row, col], kind="strict") / 100
        question = inspection_lesson.rank(view, pin)
        assert question.answer == question.choices[min(int(4 * share), 3)]
        assert number(round(share * values.size)) in question.because
    assert inspection_lesson.brightest(view, pin) is None


def test_a_number_is_called_what_the_file_calls_it(tmp_path):
    def unit(scene):
        return View(scene, Window(0, 0, 4, 4)).unit

    assert unit(open_sample("elevation")) == "in m"
    assert unit(open_sample("sentinel2")) == "digital number"
    assert unit(open_sample("random_grid")) == ""
    assert unit(open_scene(raster(tmp_path / "c.tif", np.ones((4, 4), "complex64")))) == ""


def pinned(scene, *places):
    return [
        Spectrum(Pin(row, col, f"#{row:06}"), f"row {row}, column {col}", scene.pixel(row, col)) for row, col in places
    ]


def figures(spec, field):
    return np.array([row[field] for row in spec["data"]["values"] if field in row])


def test_numbers_beside_an_index_are_those_that_were_asked_for(view):
    given = {"what": What.INDEX, "bands": ("B08", "B04"), "index": "NDVI", "calibration": view.calibration()}
    found = pinned(view.scene, (300, 100), (210, 200))
    as_stored = inspection_charts.spectra(view, setting(**given, own_unit=view.unit), found)
    assert as_stored["encoding"]["y"]["title"] == "digital number"
    np.testing.assert_array_equal(figures(as_stored, "value"), np.concatenate([pin.values for pin in found]))
    reflectance = inspection_charts.spectra(view, setting(**given, reflectance=True), found)
    assert reflectance["encoding"]["y"]["title"] == "reflectance"
    np.testing.assert_allclose(figures(reflectance, "value"), (figures(as_stored, "value") - 1000) / 10000, rtol=1e-4)


def test_histograms_are_in_the_unit_that_is_shown(view):
    given = setting(calibration=view.calibration(), reflectance=True)
    spec = inspection_charts.histograms(view, given, pinned(view.scene, (300, 100)))
    found = view.statistics()
    ends = np.array([[each.percentile(2.0), each.percentile(98.0)] for each in found])
    np.testing.assert_allclose(np.c_[figures(spec, "low"), figures(spec, "high")], (ends - 1000) / 10000, rtol=1e-6)
    assert figures(spec, "pixels").sum() == sum(each.valid for each in found)
    assert (figures(spec, "from").min(), figures(spec, "to").max()) == pytest.approx(
        ((min(each.edges[0] for each in found) - 1000) / 10000, (max(each.edges[-1] for each in found) - 1000) / 10000)
    )


def test_a_photo_has_bands_along_the_axis_and_a_satellite_wavelengths(view):
    photo = open_sample("china")
    shown = inspection_charts.spectra(View(photo, Window(0, 0, 9, 9)), setting(), pinned(photo, (3, 4)))
    assert [row["x"] for row in shown["data"]["values"]] == ["R", "G", "B"]
    assert shown["encoding"]["x"]["title"] == "Band"
    measured = inspection_charts.spectra(view, setting(), pinned(view.scene, (300, 100)))
    assert measured["encoding"]["x"]["title"] == "Wavelength in nm"
    assert figures(measured, "x")[view.scene.band_index("B08")] == 842


def test_pins_do_not_take_the_room_of_the_chart_and_one_without_a_number_says_so():
    few, many = page(pins="300, 100"), page(pins="300, 100; 210, 200; 220, 210; 230, 220; 240, 230; 0, 0")
    heights = [json.loads(app.get("vega_lite_chart")[0].proto.spec)["height"] for app in (few, many)]
    assert heights[0] == heights[1] >= 200
    legend = [each.proto.body for each in many.get("html") if "row 300, column 100" in each.proto.body]
    assert legend[0].count("no data") == 1
    assert "row 0, column 0: no data" in legend[0]


def ends(app):
    return [app.number_input(key=key).value for key in ("black", "white")]


def test_a_manual_stretch_starts_where_most_numbers_lie_in_each_unit_and_scene():
    app = page(stretch="manual", what="band", band="B08")
    stored = open_sample("sentinel2").read(bands=["B08"]).array
    usual = np.nanpercentile(stored, [2, 98])
    np.testing.assert_allclose(ends(app), usual, rtol=2e-3)
    app.segmented_control(key="numbers").set_value("reflectance").run()
    np.testing.assert_allclose(ends(app), (usual - 1000) / 10000, rtol=1e-2)
    app.number_input(key="white").set_value(0.3).run()
    assert stages(app, "pin_strip")[0]["legend"]["high"] == 0.3
    app.selectbox(key="band").select("B04").run()
    assert ends(app)[1] == 0.3
    app.selectbox(key="scene").select("elevation").run()
    np.testing.assert_allclose(ends(app), np.percentile(open_sample("elevation").read().array, [2, 98]), rtol=2e-3)


def test_the_cells_hold_the_numbers_that_are_shown_with_the_pin_on_its_own():
    scene = open_sample("sentinel2")
    stored = scene.read(Window(117, 81, 7, 7), bands=["B08"]).array[..., 0].astype(np.float64)
    app = page(part="values", pins="120, 84", numbers="reflectance")
    shown = stages(app, "cells_strip")[0]
    assert shown["cells"][2][1] == number((stored[2, 1] - 1000) / 10000)
    assert "reflectance" in shown["caption"]
    assert [(pin["row"], pin["col"]) for pin in shown["pins"]] == [(3, 3)]
    app = page(part="values", pins="120, 84", what="index")
    infrared, red = (scene.read(Window(117, 81, 7, 7), bands=[name]).array[2, 1, 0] for name in ("B08", "B04"))
    ndvi = (infrared - red) / (infrared + red - 2000)
    assert stages(app, "cells_strip")[0]["cells"][2][1] == number(ndvi)


def test_an_index_says_how_much_of_it_lies_beyond_its_colours(view):
    given = setting(What.INDEX, ("B08", "B04", "B02"), "EVI", calibration=calibrate("0"))
    planes = np.moveaxis(view.scene.read(bands=["B08", "B04", "B02"]).array.astype(np.float64) / 10000, -1, 0)
    evi = 2.5 * (planes[0] - planes[1]) / (planes[0] + 6 * planes[1] - 7.5 * planes[2] + 1)
    whole = View(view.scene, Window(0, 0, *view.scene.shape[:2]), view.scene)
    said = inspection_picture.stage(whole, given).scale.rule
    assert f"; {number(100 * np.mean(np.abs(evi) > 1), 1)} % of the values lie beyond" in said


def test_only_controls_that_do_something_are_there():
    def there(app, key):
        return any(each.key == key for each in (*app.toggle, *app.segmented_control))

    assert there(page(), "bgr")
    assert not there(page(what="index"), "bgr")
    assert not there(page(what="band"), "bgr")
    assert page(what="index").selectbox(key="stretch").disabled
    assert "Spectra" not in page(scene="elevation").segmented_control(key="part").options


def test_what_a_file_says_is_said_once_and_plainly(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIZ_LOCAL_ROOT", str(tmp_path))
    south = Affine(28.5, 0, 288_776.25, 0, -28.5, 9_120_760.75)
    raster(tmp_path / "south.tif", np.ones((352, 349, 6), "uint8"), crs="EPSG:31985", transform=south)
    said = dict(page(path="south.tif", part="file").table[0].value.to_numpy())
    assert said["Format"] == "GeoTIFF, not compressed, pixel interleaved"
    assert said["Centre"] == "34.87° W, 7.995° S"
    captions = " ".join(each.value for each in page(path="south.tif").caption)
    assert "No scale to reflectance is known here (Landsat 7 ETM+)" in captions


def test_jpeg_2000_is_not_said_twice(tmp_path):
    with quiet():
        rasterio.shutil.copy(
            raster(tmp_path / "a.tif", np.ones((64, 64), "uint8")), tmp_path / "a.jp2", driver="JP2OpenJPEG"
        )
    assert inspection_file.form(open_scene(tmp_path / "a.jp2").describe()) == "JPEG 2000, pixel interleaved"


def test_pixels_chosen_for_the_visitor_differ():
    scene = open_sample("bright_dark")
    places = pins.places(View(scene, Window(0, 0, *scene.shape[:2]), scene))
    values = [scene.pixel(*place)[0] for place in places]
    assert sorted(values) == [0, 12]


def test_a_band_out_of_its_product_says_what_0_means(tmp_path):
    numbers = np.zeros((64, 64), "uint16")
    numbers[:, 32:] = 3000
    plain = open_scene(raster(tmp_path / "T33SVB_20181229T095411_B04_10m.tif", numbers))
    assert "hold 0 where there is no data" in inspection_file.nodata(plain)
    shown = setting(bands=("B04",), calibration=calibrate("0"), reflectance=True)
    assert np.isnan(inspection_picture.values(View(plain, Window(0, 0, 64, 64)), shown)[:, :32]).all()
    assert inspection_file.nodata(open_scene(raster(tmp_path / "T33SVB_B04.tif", numbers, nodata=7))) == "7"
    assert inspection_file.nodata(open_sample("elevation")) == "NaN"
