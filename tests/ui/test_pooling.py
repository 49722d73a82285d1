"""The pooling page's sizes, winners and figures, computed again with NumPy alone."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from streamlit.testing.v1 import AppTest

from cnnviz.errors import GeometryError
from cnnviz.layers import PoolMode
from cnnviz.samples import open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.ui.experiments import pooling, pooling_close, pooling_pictures, pooling_shift, spot
from cnnviz.ui.experiments.pooling import RAW, Setting
from cnnviz.ui.experiments.pooling_shift import Way
from cnnviz.ui.view import View
from tests.factory import raster
from tests.source import ROOT


def page(**query):
    app = AppTest.from_file(str(ROOT / "pages" / "4_Pooling.py"), default_timeout=60)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def words(app):
    return "\n".join(each.value for each in (*app.caption, *app.markdown))


@pytest.fixture(scope="module")
def view():
    scene = open_sample("sentinel2")
    return View(scene, Window(200, 280, 96, 81), scene)


def pooled(view, **changes):
    return pooling.run(view, Setting("B08", **changes))


def windows(array, size, stride):
    return sliding_window_view(array, (size, size))[::stride, ::stride]


@pytest.mark.parametrize(("kernel", "relu"), [(RAW, False), ("sobel_vertical", False), ("laplacian_4", True)])
@pytest.mark.parametrize(("size", "jump"), [(2, 0), (3, 2), (8, 5)])
def test_the_three_maps_are_numpys(view, kernel, relu, size, jump):
    result = pooled(view, kernel=kernel, relu=relu, size=size, jump=jump)
    seen = windows(result.source.array[..., 0], size, jump or size)
    for mode, combine in ((PoolMode.MAX, np.max), (PoolMode.MIN, np.min), (PoolMode.AVERAGE, np.mean)):
        found = result.pooled[mode]
        np.testing.assert_allclose(found.array[..., 0], combine(seen, axis=(2, 3)), rtol=1e-4, atol=1e-2)
        assert found.field.jump == (jump or size,) * 2


@pytest.mark.parametrize("around", ["valid", "same", "1"])
@pytest.mark.parametrize("at", [(0, 0), (40, 33), (95, 80)])
def test_the_close_up_shows_the_cells_of_the_scene_and_who_won(view, around, at):
    result = pooled(view, kernel=RAW, size=3, jump=2, around=around)
    shown = pooling_close.close_up(view, result, at)
    values = view.patch(["B08"]).array[..., 0]
    top, left, rows, cols = shown["inside"]
    first_row, first_col = shown["first"][0] - view.window.row, shown["first"][1] - view.window.col
    cells = np.array(shown["input"]["values"], np.float32)
    np.testing.assert_array_equal(
        cells[top : top + rows, left : left + cols],
        values[first_row + top : first_row + top + rows, first_col + left : first_col + left + cols],
    )
    assert np.isnan(cells).sum() == cells.size - rows * cols
    for spec, best in zip(shown["maps"], (np.nanmax, np.nanmean, np.nanmin), strict=True):
        for (row, col), value in np.ndenumerate(np.array(spec["values"], np.float32)):
            window = cells[row * 2 : row * 2 + 3, col * 2 : col * 2 + 3]
            assert value == pytest.approx(best(window), rel=1e-5)
            if spec["winners"]:
                y, x = spec["winners"][row][col]
                assert cells[y, x] == value
                assert row * 2 <= y < row * 2 + 3
                assert col * 2 <= x < col * 2 + 3


def test_the_close_up_lies_around_the_chosen_pixel(view):
    shown = pooling_close.close_up(view, pooled(view, size=4), (50, 41))
    row, col = 50 + view.window.row - shown["first"][0], 41 + view.window.col - shown["first"][1]
    assert 0 <= row < len(shown["input"]["values"])
    assert 0 <= col < len(shown["input"]["values"][0])


def test_band_maps_share_the_bands_grey_and_feature_maps_one_signed_scale(view):
    grey = pooling_pictures.shared_scale(view, pooled(view, kernel=RAW))
    assert grey == view.grey("B08")
    signed = pooling_pictures.shared_scale(view, pooled(view))
    assert signed.low == -signed.high


@pytest.mark.parametrize("way", list(Way))
def test_a_shift_moves_every_map_by_its_share_of_a_cell(view, way):
    _, maps = pooling_shift.measure(pooled(view, kernel=RAW, size=2), 2, way)
    assert [found.name for found in maps] == ["max", "average", "min", "no pooling, every 2nd pixel"]
    for found in maps:
        assert found.movement.cells == pytest.approx(1, abs=0.1)


def test_the_figures_of_a_shift_are_those_of_two_cuts_of_the_scene(view):
    bare, (largest, *_, strided) = pooling_shift.measure(pooled(view, kernel=RAW, size=4), 1, Way.RIGHT)
    values = view.patch(["B08"]).array[..., 0].astype(np.float64)
    old, new = values[:, 1:], values[:, :-1]
    assert bare == pytest.approx(((new - old) ** 2).mean() ** 0.5 / (new.var() + old.var()) ** 0.5, rel=1e-4)
    before, after = (windows(cut, 4, 4).max(axis=(2, 3)) for cut in (old, new))
    assert largest.movement.unchanged == pytest.approx((before == after).mean())
    assert strided.movement.unchanged == pytest.approx((old[::4, ::4] == new[::4, ::4]).mean())


def test_a_map_too_small_to_be_shifted_is_explained(view):
    small = View(view.scene, Window(0, 0, 9, 9), view.scene)
    with pytest.raises(GeometryError, match="map of 9 × 9 pixels is too small to be shifted by 4"):
        pooling_shift.measure(pooled(small, size=8), 4, Way.RIGHT)


def test_the_strongest_pixel_of_a_map_is_looked_at_first():
    array = np.zeros((40, 60), np.float32)
    array[2, 3], array[25, 31] = 100, -50
    assert spot.strongest(array) == (25, 31)
    assert spot.strongest(np.full((40, 60), np.nan)) == (20, 30)


def test_the_page_says_the_sizes_of_the_scene_and_of_the_lectures_photo():
    said = words(page())
    assert "Rows ⌊(512 − 2) / 2⌋ + 1 = **256**" in said
    assert "A map of 798 × 598, from a photo of 800 × 600, would become 399 × 299." in said


def test_windows_that_do_not_come_out_even_are_said_and_the_task_is_done():
    said = words(page(pool_size="5", pool_stride="7"))
    assert "= **73**" in said
    assert "No window reaches the last 3 rows and 3 columns" in said
    assert ":green-badge[done] Find a window and a stride" in said


def test_an_impossible_padding_is_explained_and_the_last_good_pictures_stay():
    app = page(pool_size="4")
    app.selectbox(key="pool_padding").set_value("5").run()
    assert "at most 3" in app.error[0].value or "less than the window's size" in app.error[0].value
    assert "⌊(512 − 4) / 4⌋ + 1" in words(app)
    app.selectbox(key="pool_padding").set_value("3").run()
    assert not app.error
    assert "⌊(512 + 3 + 3 − 4) / 4⌋ + 1 = **129**" in words(app)


def test_a_link_that_starts_with_an_impossible_padding_shows_the_default():
    app = page(pool_size="2", pool_padding="6")
    assert "Shown is the default." in app.error[0].value
    assert "⌊(512 − 2) / 2⌋ + 1" in words(app)


def test_a_link_beyond_the_limits_is_dropped_and_said():
    app = page(pool_size="99", pool_stride="17")
    assert "Window: “99” is no whole number from 2 to 8." in app.info[0].value
    assert "Stride: “17” is none of its options." in app.info[0].value


def test_nonsense_for_a_pixel_gets_a_sentence_and_the_page_goes_on():
    app = page(at="over there")
    assert "Received “over there” as a pixel; two whole numbers are expected" in app.error[0].value
    assert "On Earth" in words(app)


def test_predicting_hides_the_sizes_until_the_right_answer_is_given():
    app = page()
    app.toggle(key="pooling_predict").set_value(True).run()
    assert "256" not in words(app)
    app.button(key="pooling_answer_256").click().run()
    assert ":green-badge[Right] **256**" in words(app)
    assert "⌊(512 − 2) / 2⌋ + 1 = **256**" in words(app)


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("jump", [0, 1, 7])
def test_every_question_has_its_answer_among_at_least_three_choices(size, jump):
    app = page(pool_size=str(size), pool_stride=str(jump))
    app.toggle(key="pooling_predict").set_value(True).run()
    labels = {button.label for button in app.button if (button.key or "").startswith("pooling_answer_")}
    assert str((512 - size) // (jump or size) + 1) in labels
    assert len(labels) >= 4


def test_the_card_and_its_figures_follow_the_window():
    table = page(pool_part="kept", pool_size="4").table[0].value
    rows = dict(zip(table.iloc[:, 0], table[["Max", "Average", "Min"]].to_numpy().tolist(), strict=True))
    assert rows["Bright line: contrast kept"] == ["100 %", "25 %", "0 %"]
    assert rows["Dark line: contrast kept"] == ["0 %", "25 %", "100 %"]
    assert rows["Edge: bright side grows by"] == ["+1.5 px", "0 px", "−1.5 px"]


def test_the_shift_part_shows_a_row_for_every_way_and_its_task_is_recognised():
    app = page(pool_part="shift", pool_size="8")
    table = app.table[0].value
    assert table.iloc[:, 0].tolist() == ["max", "average", "min", "no pooling, every 8th pixel"]
    assert "0 of 3 done" in words(app)
    app.slider(key="pool_shift").set_value(2).run()
    assert ":green-badge[done] Shift the scene by 2 pixels or more" in words(app)


def test_a_window_without_any_data_gives_no_number_and_no_mistake(tmp_path):
    scene = open_scene(raster(tmp_path / "empty.tif", np.zeros((20, 24, 1), "uint16"), nodata=0))
    empty = View(scene, Window(0, 0, 20, 24), scene)
    result = pooling.run(empty, Setting(scene.band_names[0], kernel=RAW))
    shown = pooling_close.close_up(empty, result, (3, 4))
    assert {
        place for spec in shown["maps"] if spec["winners"] for line in spec["winners"] for place in map(tuple, line)
    } == {(-1, -1)}
    bare, maps = pooling_shift.measure(result, 1, Way.RIGHT)
    assert np.isnan([bare, *(found.movement.cells for found in maps)]).all()


@pytest.mark.parametrize("part", ["window", "shift", "kept"])
def test_a_grid_of_a_few_cells_works(part):
    app = page(scene="bright_dark", pool_part=part)
    assert not app.error
    app.slider(key="pool_size").set_value(8).run()
    assert "at least 8 × 8 is expected" in app.error[0].value
    assert "⌊(5 − 2) / 2⌋ + 1 = **2**" in words(app)
