"""Padding and stride: the page's sentences, places and shares, computed again with SciPy and plain loops."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from streamlit.testing.v1 import AppTest

from cnnviz.errors import GeometryError
from cnnviz.grids import parse_kernel
from cnnviz.kernels import KERNELS
from cnnviz.padding import Axis, Border, plan
from cnnviz.samples import open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.ui import walk as component
from cnnviz.ui.experiments import padding, padding_edge, padding_lesson, padding_scene, padding_walk
from cnnviz.ui.experiments.padding import Around
from cnnviz.ui.view import View
from cnnviz.walk import walk_kernel, walk_pool
from tests.factory import raster
from tests.source import ROOT

EDGES = KERNELS["vertical_edges"].weights.astype(float)
axes = st.builds(
    Axis,
    size=st.integers(1, 30),
    kernel=st.integers(1, 5),
    before=st.integers(0, 6),
    after=st.integers(0, 6),
    stride=st.integers(1, 10),
    dilation=st.integers(1, 5),
).filter(lambda axis: axis.out >= 1)


def page(**query):
    app = AppTest.from_file(str(ROOT / "pages" / "3_Padding_and_stride.py"), default_timeout=30)
    app.query_params.update(query)
    return app.run()


def complaint(app):
    """The error on the page as a visitor reads it, without the backslashes that keep Markdown quiet."""
    return re.sub(r"\\(.)", r"\1", app.error[0].value)


def words(app):
    return "\n".join(each.value for each in app.markdown)


@pytest.fixture(scope="module")
def view():
    scene = open_sample("sentinel2")
    return View(scene, Window(60, 200, 96, 81), scene)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    pixels = np.random.default_rng(3).integers(0, 256, (600, 800, 3)).astype("uint8")
    scene = open_scene(raster(tmp_path_factory.mktemp("photo") / "photo.tif", pixels, crs=None, transform=None))
    return View(scene, Window(0, 0, 600, 800), scene)


def setting(**changes):
    return replace(padding.first(), **changes)


@pytest.mark.parametrize("around", ["valid", "same", "full"])
@pytest.mark.parametrize(("down", "across", "dilation"), [(1, 1, 1), (2, 1, 1), (3, 2, 2), (10, 7, 1)])
def test_the_formula_on_the_page_gives_the_size_that_comes_out(around, down, across, dilation):
    app = page(pad=around, pad_grid="river", pad_down=str(down), pad_across=str(across), pad_dilation=str(dilation))
    rows, cols = plan((12, 12), 3, padding=around, stride=(down, across), dilation=dilation)
    assert not app.exception
    assert not app.error
    assert f"/ {down}⌋ + 1 = **{rows.out}**" in words(app)
    assert f"/ {across}⌋ + 1 = **{cols.out}**" in words(app)


def test_the_lectures_sizes_and_visits_are_on_the_page():
    assert "seen by 1 window, the middle of the upper edge by 3, the middle of the grid by 9" in words(
        page(pad="valid")
    )
    full = words(page(pad="full"))
    assert "= **7**" in full
    assert "= **8**" in full
    assert "Every input cell is seen by 9 windows." in full


def test_custom_padding_has_four_sides():
    app = page(pad="custom", pad_top="0", pad_bottom="2", pad_left="3", pad_right="1")
    assert "⌊(5 + 0 + 2 − 1 · (3 − 1) − 1) / 1⌋ + 1 = **5**" in words(app)
    assert "⌊(6 + 3 + 1 − 1 · (3 − 1) − 1) / 1⌋ + 1 = **8**" in words(app)


def test_tensorflows_uneven_same_is_said_and_the_even_one_is_another():
    uneven = words(page(pad="same", pad_across="2"))
    assert "uneven here: 1 above and 1 below, 0 to the left and 1 to the right" in uneven
    even = words(page(pad="even", pad_across="2"))
    assert "uneven" not in even
    assert "⌊(6 + 1 + 1 − 1 · (3 − 1) − 1) / 2⌋ + 1 = **3**" in even


def test_columns_that_the_last_step_does_not_reach_are_grey_and_no_error():
    app = page(pad="valid", pad_across="2")
    assert not app.error
    assert "the last column is never reached, as a step of 2 no longer fits into the 1 left over" in words(app)
    assert "between the taps" in words(page(pad="valid", pad_dilation="2", pad_grid="random_grid"))


@pytest.mark.parametrize("key", ["pad_down", "pad_across", "pad_dilation"])
def test_zero_is_explained_and_the_last_good_picture_stays(key):
    app = page(pad="full")
    before = words(app)
    app.number_input(key=key).set_value(0).run()
    assert not app.exception
    assert "received" in complaint(app)
    assert "0: 1 or more" in complaint(app)
    assert words(app) == before
    app.number_input(key=key).set_value(2).run()
    assert not app.error


def test_a_kernel_beyond_the_padded_grid_is_explained_while_the_scene_goes_on():
    app = page(pad="valid")
    assert "/ 1⌋ + 1 = **3**" in words(app)
    app.number_input(key="pad_dilation").set_value(5).run()
    assert "spans 11 × 11) on 5 × 6 pixels: at least 11 × 11 is expected" in complaint(app)
    assert "/ 1⌋ + 1 = **3**" in words(app)
    assert "| rows × columns | 512 × 512 | 502 × 502 |" in words(app)


def test_a_link_that_starts_with_a_misfit_shows_the_default():
    app = page(pad="valid", pad_dilation="5")
    assert "Shown is the default" in complaint(app)
    assert "= **5**" in words(app)


@pytest.mark.parametrize(
    ("key", "typed", "says"),
    [
        ("pad_digits", "1 2; 3", "received 2 and 1 numbers in rows 1 and 2"),
        ("pad_digits", "a b", "a number such as"),
        ("pad_digits", ";".join(["1"] * 13), "received a grid of 13 × 1 numbers: 1 to 12"),
        ("pad_w", "1 2; x 4", "a number such as"),
        ("pad_w", "", "received no numbers"),
    ],
)
def test_nonsense_in_own_numbers_is_explained_and_the_last_good_picture_stays(key, typed, says):
    app = page(pad_grid="own", pad_digits="1 2 3 4; 5 6 7 8", pad_kernel="own", pad_w="1 1; 1 1")
    before = words(app)
    assert "⌊(2 + 0 + 1 − 1 · (2 − 1) − 1) / 1⌋ + 1 = **2**" in before
    app.text_input(key=key).set_value(typed).run()
    assert not app.exception
    assert says in complaint(app)
    assert words(app) == before


def test_own_digits_start_from_the_grid_in_view():
    app = page(pad_grid="river")
    app.selectbox(key="pad_grid").select("own").run()
    assert app.text_input(key="pad_digits").value.startswith("7,8,7,6")


@pytest.mark.parametrize("scene", ["random_grid", "bright_dark", "elevation", "china"])
@pytest.mark.parametrize("around", list(Around))
def test_the_page_runs_on_every_kind_of_scene(scene, around):
    app = page(scene=scene, pad=around)
    assert not app.exception
    assert not app.error


def test_the_lectures_photo_at_stride_10(photo):
    found = padding_scene.apply(photo, setting(around=Around.VALID, stride=(10, 10)), photo.default_band())
    assert found.after.array.shape == (60, 80, 1)
    assert found.pixels_left == 0.01
    assert found.bytes_left == 0.04
    table = padding_scene.table(photo, found)
    assert "| rows × columns | 600 × 800 | 60 × 80 |" in table
    assert "4\u202f800, 1 % left" in table
    assert "19\u202f200, 4 % left as float32" in table


@pytest.mark.parametrize("around", list(Around))
@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (10, 4)])
@pytest.mark.parametrize("dilation", [1, 5])
def test_a_results_pixel_lies_where_it_looked(view, around, stride, dilation):
    given = setting(around=around, stride=stride, dilation=dilation)
    found = padding_scene.apply(view, given, "B08")
    place = found.after.field.place(view.transform)
    rows, cols = given.layer().axes(found.before.shape)
    seen = [axis.reads()[1] + 0.5 for axis in (cols, rows)]
    expected = view.transform @ tuple(float(cells.mean()) for cells in seen)
    assert place @ (1.5, 1.5) == pytest.approx(expected)
    assert (place.a, place.e) == (10 * stride[1], -10 * stride[0])
    assert found.pixels_left == pytest.approx(rows.out * cols.out / (96 * 81))


def test_the_table_says_how_the_origin_moves(view):
    found = padding_scene.apply(view, setting(around=Around.VALID, stride=(2, 3)), "B08")
    table = padding_scene.table(view, found)
    assert "| pixel, down × across | 10 × 10 m | 20 × 30 m |" in table
    x, y = view.transform @ (0, 0.5)
    assert f"{x:,.0f}, {y:,.0f}".replace(",", "\u202f").replace("\u202f ", ", ") in table
    assert "moved by 0 m in x, −5 m in y" in table


@given(axes)
def test_clean_outputs_are_those_that_read_no_padding(axis):
    reads = axis.reads()
    inside = ((reads >= 0) & (reads < axis.size)).all(axis=1)
    assert list(range(axis.out))[padding_edge.clean(axis)] == np.flatnonzero(inside).tolist()


def test_the_invented_edge_is_what_scipy_finds(view):
    band = view.patch(["B08"]).array[..., 0].astype(float)
    modes = {Border.ZERO: "constant", Border.REPLICATE: "nearest", Border.REFLECT: "mirror"}
    for fill, edge in padding_edge.edges(view, setting(), "B08").items():
        expected = np.abs(ndimage.correlate(band, EDGES, mode=modes[fill]))
        assert edge.inside == pytest.approx(expected[1:-1, 1:-1].mean(), rel=1e-5)
        rim = np.concatenate([expected[0], expected[-1], expected[1:-1, 0], expected[1:-1, -1]])
        assert edge.at_padding == pytest.approx(rim.mean(), rel=1e-5)


def test_without_padding_no_edge_is_invented():
    assert any("Nothing is padded now" in each.value for each in page(pad="valid").caption)
    assert "Outside the frame the kernel stands partly on padding" in words(page(pad="same"))


@given(axes)
def test_the_question_offers_the_right_answer_among_different_ones(axis):
    choices = padding_lesson.choices(axis)
    assert axis.out in choices
    assert len(set(choices)) == len(choices) == 4
    assert min(choices) >= 1


def test_predicting_hides_the_size_until_the_answer():
    app = page(hide="answers", pad="full")
    assert "+ 1 = ?" in words(app)
    assert "**7**" not in words(app)
    app.button(key="padding_answer_7").click().run()
    assert "Right" in words(app)
    assert "= **7**" in words(app)


def test_each_task_is_recognised_when_it_is_done():
    valid, full = setting(around=Around.VALID, stride=(1, 2)), setting(around=Around.FULL)
    even = setting(fill=Border.REPLICATE)
    assert padding_lesson.last_column_unseen(valid.walk())
    assert not padding_lesson.last_column_unseen(full.walk())
    assert padding_lesson.seen_equally(full.walk())
    assert not padding_lesson.seen_equally(valid.walk())
    assert padding_lesson.edge_gone(even, even.walk())
    assert not padding_lesson.edge_gone(setting(), setting().walk())
    assert not padding_lesson.edge_gone(valid, valid.walk())


@pytest.fixture
def sent(monkeypatch):
    """What the component is given, as JSON that a browser can read."""
    found = {}
    monkeypatch.setattr(component, "_walk", lambda **given: found.update(given["data"]))
    return lambda: json.loads(json.dumps(found, allow_nan=False))


def test_the_walks_numbers_arrive_exactly(sent):
    walk = walk_kernel([[0.1, 2], [3, -4.5]], parse_kernel("1/9 2/9"), padding="full")
    component.walk(walk, "key", operation="kernel")
    data = sent()
    assert data["input"]["values"][0] == [0, 0.1, 2, 0]
    assert data["kernel"]["values"] == [[1, 2]]
    assert data["divisor"] == 9
    assert data["visits"]["counts"] == [[2, 2], [2, 2]]
    assert np.shape(data["outputs"]["texts"]) == walk.outputs.shape


def test_a_poolings_padding_arrives_as_nothing(sent):
    component.walk(walk_pool([[1, 2, 3]], (1, 2), padding="same"), "key", operation="max")
    data = sent()
    assert data["kernel"] is None
    assert data["mode"] == "max"
    assert data["input"]["values"] == [[1, 2, 3, None]]
    assert data["input"]["texts"][0][3] == "–"


def test_sentences_about_a_grid_without_corners():
    walk = walk_kernel([[5]], [[2]], padding=0)
    assert padding_walk.seen(walk) == "Every input cell is seen by 1 window."
    assert padding_walk.unreached(walk) == []
    with pytest.raises(GeometryError, match="at least 3 × 3"):
        setting(grid="1", around=Around.VALID).walk()
