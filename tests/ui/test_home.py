"""Home's question and its tasks: answers computed again with SciPy and NumPy, tasks done as a visitor does them."""

import re

import numpy as np
import pytest
from scipy import ndimage
from streamlit.testing.v1 import AppTest

from cnnviz.render import number
from cnnviz.samples import SAMPLES, open_sample
from cnnviz.scene import Window, open_scene
from cnnviz.ui.experiments import home, home_lesson
from cnnviz.ui.view import View
from tests.factory import ramp, raster
from tests.source import ROOT
from tests.ui.strips import stages

SOBEL = np.outer([1, 2, 1], [1, 0, -1])


def page(**query):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def ask(app):
    app.toggle(key="home_predict").set_value(True).run()
    assert not app.exception
    return app


def answers(app):
    return [each for each in app.button if each.key.startswith("home_answer_") and each.label != "Skip"]


def text(app):
    return "\n".join(each.value for each in app.markdown)


def view_of(name, window=None):
    scene = open_sample(name)
    rows, cols, _ = scene.shape
    return View(scene, window or Window(0, 0, min(rows, 512), min(cols, 512)), scene)


def asked_of(view):
    maps = home.run(view)
    return home_lesson.question(view, maps, home_lesson.find_place(view, maps))


def strongest_of_block(view):
    """What the page asks for, from the scene's own numbers: the asked place, and the number there."""
    row, col = home_lesson.find_place(view, home.run(view))
    band = view.patch([view.default_band()]).array[..., 0].astype(np.float64)
    edges = ndimage.correlate(band, SOBEL, mode="mirror")
    return edges[2 * row : 2 * row + 2, 2 * col : 2 * col + 2].clip(0).max()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_answer_is_the_strongest_of_four_that_are_left(name):
    view = view_of(name)
    question = asked_of(view)
    assert question.answer == number(float(np.float32(strongest_of_block(view))))
    assert question.choices.count(question.answer) == 1
    assert len(set(question.choices)) == len(question.choices) >= 3


def test_0_is_the_answer_often_and_not_always():
    zero = []
    for row in range(0, 448, 64):
        for col in range(128, 448, 64):
            view = view_of("sentinel2", Window(row, col, 64, 64))
            zero.append(asked_of(view).answer == "0")
    assert 0.1 < np.mean(zero) < 0.9


def test_nothing_comes_after_the_convolution_until_somebody_answers():
    app = ask(page())
    assert [stage["covered"] for stage in stages(app, "home")] == [False, False, True, True]
    assert not any(each.label == "Apply to the whole scene" for each in app.expander)
    boxes = [[(box["rows"], box["cols"]) for box in stage["boxes"]] for stage in stages(app, "home")]
    assert boxes == [[], [(2, 2)], [(2, 2)], [(1, 1)]]
    right = asked_of(view_of("sentinel2")).answer
    next(each for each in answers(app) if each.label == right).click().run()
    assert ":green-badge[Right]" in text(app)
    assert [stage["covered"] for stage in stages(app, "home")] == [False] * 4


def test_a_wrong_answer_is_told_with_the_numbers():
    app = ask(page())
    right = asked_of(view_of("sentinel2")).answer
    wrong = next(each for each in answers(app) if each.label != right)
    wrong.click().run()
    assert f"Not quite] {wrong.label}? It is **{right}**. ReLU puts 0" in text(app)


@pytest.mark.parametrize("shape", [(1, 40), (40, 1)])
def test_a_line_of_pixels_has_nothing_to_ask(tmp_path, shape):
    scene = open_scene(raster(tmp_path / "line.tif", ramp(*shape)))
    view = View(scene, Window(0, 0, *shape), scene)
    assert home_lesson.predict(view, home.run(view)) == (False, None)


@pytest.mark.parametrize("nodata", [0, None])
def test_a_scene_without_a_number_or_without_an_edge_has_nothing_to_ask(tmp_path, nodata):
    scene = open_scene(raster(tmp_path / "flat.tif", np.zeros((20, 20), "uint16"), nodata=nodata))
    view = View(scene, Window(0, 0, 20, 20), scene)
    assert home_lesson.predict(view, home.run(view)) == (False, None)


def done(app):
    return re.search(r"\*\*Do\*\* · (\d) of 2 done", text(app))[1]


def test_a_calm_window_does_the_first_task_and_another_scene_the_second():
    app = page()
    assert done(app) == "0"
    app.selectbox(key="side").set_value(64).run()
    assert done(app) == "0"  # the first look is at the middle, where fields meet
    app.number_input(key="row").set_value(420).run()
    app.number_input(key="col").set_value(96).run()
    assert done(app) == "1"
    app.selectbox(key="scene").set_value("flower").run()
    assert done(app) == "2"


def test_a_large_window_on_water_is_calm_but_no_close_look():
    whole, water = view_of("sentinel2"), view_of("sentinel2", Window(384, 112, 128, 128))
    assert not home_lesson.is_calm(whole, home.run(whole)[0])
    assert home_lesson.is_calm(water, home.run(water)[0])
    assert done(page(side="128", row="384", col="112")) == "0"
