"""What the inspection page says of a scene: stretches, indices, spectra and sizes, counted independently."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import percentileofscore
from streamlit.testing.v1 import AppTest

from cnnviz.render import StretchRule, number
from cnnviz.samples import open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.sensors import calibrate
from cnnviz.ui.experiments import inspection_lesson, inspection_parts, inspection_picture
from cnnviz.ui.experiments.inspection import Orientation, Setting, What
from cnnviz.ui.experiments.pins import Spectrum
from cnnviz.ui.pictures import Pin
from cnnviz.ui.view import View
from tests.factory import raster

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
        joined = inspection_parts.coarse(found.edges, found.counts)
        assert sum(count for *_, count in joined) == found.valid
        assert (joined[0][0], joined[-1][1]) == (found.edges[0], found.edges[-1])
        assert len(joined) <= 64


def test_pins_in_a_link_are_shown_and_nonsense_among_them_is_left_out():
    app = page(pins="10, 20; zebra; 99999, 1", part="values")
    assert not app.exception
    assert app.text_input(key="pins").value.startswith("10, 20")


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
    found = inspection_picture.scales(view, setting(rule=StretchRule.MINMAX, calibration=calibrate("-1000")))[0]
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
    assert app.segmented_control(key="what").options == ["One band"]
    assert app.selectbox(key="band").value == "value"


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
