"""The stack page: its editor, its pictures' scales and places, and the files that it gives away."""

import io
import json
import runpy
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from streamlit.testing.v1 import AppTest

from cnnviz import shorthand
from cnnviz.blocks import Activation, Conv2D, Pool2D
from cnnviz.errors import CnnvizError, GeometryError, RecipeError
from cnnviz.layers import Network
from cnnviz.presets import PRESETS
from cnnviz.samples import open_sample
from cnnviz.scene import Window
from cnnviz.ui.experiments import stack, stack_editor, stack_facts, stack_files, stack_lesson, stack_pictures
from cnnviz.ui.experiments.stack import ALL_MAPS, Scope, Setting
from cnnviz.ui.keras_file import depends_on_size, keras_file
from cnnviz.ui.pictures import Mark
from cnnviz.ui.view import View

PAGE = Path(__file__).parents[2] / "pages" / "7_Stack_layers.py"
LAYERS = shorthand.read("[sobel_vertical|sobel_horizontal] > relu > max 2 > [box_3+box_3] same stride=2")


@pytest.fixture(scope="module")
def view():
    scene = open_sample("sentinel2")
    return View(scene, Window(140, 160, 96, 81), scene)


def setting(layers=LAYERS, bands=("B08",), shown=ALL_MAPS, scope=Scope.GROUP):
    return Setting(tuple(layers), Network(layers, bands=bands), shown, scope)


@pytest.fixture(scope="module")
def maps(view):
    return stack.run(view, setting())


# --- what is computed ---


def test_maps_are_those_of_the_network(view, maps):
    expected = setting().network.run(view.patch(["B08"]).array)
    for found, wanted in zip(maps, expected, strict=True):
        np.testing.assert_array_equal(found.array, wanted.array)


def test_a_stack_larger_than_a_server_bears_is_refused_with_a_way_out(view):
    scene = open_sample("sentinel2")
    wide = View(scene, Window(0, 0, 512, 512), scene)
    heavy = [Conv2D(np.ones((1, 1, 1, 300), np.float32))]
    with pytest.raises(GeometryError, match="choose a smaller window"):
        stack.fitted(wide, tuple(heavy), ["B08"])


def test_the_bands_that_are_read_count_too(view):
    wide = View(view.scene, Window(0, 0, 512, 512), view.scene)
    pooled = (Pool2D(64),)
    stack.fitted(wide, pooled, [f"band {number}" for number in range(100)])
    with pytest.raises(GeometryError, match="fewer bands"):
        stack.fitted(wide, pooled, [f"band {number}" for number in range(200)])


def test_filters_for_other_bands_than_are_chosen_are_refused(view):
    with pytest.raises(GeometryError, match="received 2 bands, but the filters have 1"):
        stack.fitted(view, LAYERS, ["B04", "B08"])


# --- colour scales ---


def reach(*arrays):
    magnitudes = np.concatenate([np.abs(array[np.isfinite(array)]) for array in arrays])
    return magnitudes.max()


def test_a_group_shares_one_scale_and_its_legend_says_so(maps):
    scales = stack_pictures.map_scales(maps, Scope.GROUP)
    first = {scale for layer in scales[:3] for scale in layer}
    assert len(first) == 1
    assert "one scale for layers 1–3" in first.pop().rule
    assert "one scale" not in scales[3][0].rule
    assert scales[3][0] != scales[0][0]


def test_a_scale_per_map_per_layer_and_for_all(maps):
    per_map = stack_pictures.map_scales(maps, Scope.MAP)
    assert per_map[0][0] != per_map[0][1]
    per_layer = stack_pictures.map_scales(maps, Scope.LAYER)
    assert [len(set(layer)) for layer in per_layer] == [1, 1, 1, 1]
    assert len({layer[0] for layer in per_layer}) > 1
    whole = stack_pictures.map_scales(maps, Scope.STACK)
    assert len({scale for layer in whole for scale in layer}) == 1
    assert whole[0][0].rule.endswith("one scale for all layers")


@pytest.mark.parametrize("scope", Scope)
def test_what_lies_beyond_a_legend_is_little_and_said(maps, scope):
    for found, scales in zip(maps, stack_pictures.map_scales(maps, scope), strict=True):
        for channel, scale in enumerate(scales):
            values = found.array[..., channel]
            beyond = np.abs(values[np.isfinite(values)]) > scale.high
            assert scale.low == -scale.high
            assert not beyond.any() or "lie beyond" in scale.rule


# --- places ---


def test_each_layer_names_its_operation_once(view, maps):
    stages = list(stack_pictures.stages(view, setting(), maps))
    assert [stage.operation for stage in stages if stage.operation] == [found.name for found in maps]
    assert [stage.name for stage in stages][:2] == ["filter 1", "filter 2"]


def test_a_thinned_picture_lies_where_the_whole_one_lay():
    scene = open_sample("sentinel2")
    wide = View(scene, Window(0, 0, 512, 512), scene)
    given = setting([Conv2D("box_3")])
    (whole,) = stack_pictures.stages(wide, given, stack.run(wide, given))
    thin = stack_pictures._thinned(wide, whole, 256)
    assert thin.picture.shape == (255, 255)
    np.testing.assert_array_equal(thin.picture, whole.picture[::2, ::2])
    for row, col in ((0, 0), (100, 254)):
        assert thin.field.centre(row, col) == whole.field.centre(2 * row, 2 * col)
        assert thin.transform @ (col + 0.5, row + 0.5) == pytest.approx(
            whole.transform @ (2 * col + 0.5, 2 * row + 0.5)
        )
    assert "every 2nd pixel" in thin.caption


def test_all_maps_or_one_of_each_layer(maps):
    assert [stack_pictures.channels(found, ALL_MAPS) for found in maps] == [[0, 1], [0, 1], [0, 1], [0]]
    assert [stack_pictures.channels(found, 2) for found in maps] == [[1], [1], [1], [0]]


def test_the_box_holds_the_pixel_and_has_the_receptive_fields_size(maps):
    for found in maps:
        box = stack_pictures.box(found, (40, 33))
        assert (box.rows, box.cols) == found.field.size
        assert box.row <= 40.5 <= box.row + box.rows
        assert box.col <= 33.5 <= box.col + box.cols


def test_every_pixel_finds_itself(maps):
    for found in maps:
        rows, cols = found.array.shape[:2]
        for row, col in ((0, 0), (rows // 2, cols // 3), (rows - 1, cols - 1)):
            y, x = found.field.centre(row, col)
            inside = int(np.floor(y)), int(np.floor(x))
            near = stack_pictures.pixel(found, inside)
            assert abs(near[0] - row) <= 1
            assert abs(near[1] - col) <= 1


def test_a_box_outside_the_window_is_of_the_nearest_pixel(maps):
    assert stack_pictures.pixel(maps[-1], (-50, 4000)) == (0, maps[-1].array.shape[1] - 1)
    assert isinstance(stack_pictures.box(maps[-1], (-50, 4000)), Mark)


def test_the_table_says_pixels_and_metres_and_sums_up(view, maps):
    table = stack_facts.table(view, setting(), maps).replace("\N{NO-BREAK SPACE}", " ")
    weights = [18, 0, 0, 18]
    assert f"| {sum(weights)} |" in table
    assert "8 × 8 px = 80 × 80 m" in table
    assert "40 m" in table
    lines = table.splitlines()
    assert len(lines) == len(maps) + 3
    assert "24 × 20 × 1" in lines[-2]


def test_without_a_place_on_the_ground_there_are_no_metres():
    scene = open_sample("random_grid") if "random_grid" in _samples() else open_sample("bright_dark")
    rows, cols, _ = scene.shape
    plain = View(scene, Window(0, 0, rows, cols), scene)
    given = setting([Conv2D("box_3")], bands=plain.default_bands()[:1])
    table = stack_facts.table(plain, given, stack.run(plain, given))
    assert " m" not in table.replace("\N{NO-BREAK SPACE}", " ")
    assert "Pixel" not in table


def _samples():
    from cnnviz.samples import SAMPLES

    return SAMPLES


# --- files ---


def test_layers_are_sorted_by_grid_and_each_grid_is_a_geotiff_in_its_place(view, maps):
    grids = stack_files.by_grid(maps)
    assert grids == [[0, 1], [2], [3]]
    with zipfile.ZipFile(io.BytesIO(stack_files.archive(view, setting()))) as archive:
        assert archive.namelist() == ["stack.json", "layers_1-2.tif", "layers_3.tif", "layers_4.tif"]
        assert Network.from_json(archive.read("stack.json")) == setting().network
        for name, layers in zip(archive.namelist()[1:], grids, strict=True):
            _check_geotiff(view, archive.read(name), [maps[number] for number in layers])


def _check_geotiff(view, data, layers):
    expected = np.concatenate([found.array for found in layers], axis=2)
    with rasterio.MemoryFile(data) as memory, memory.open() as written:
        np.testing.assert_array_equal(np.moveaxis(written.read(), 0, -1), expected)
        assert written.crs == view.scene.crs
        assert np.isnan(written.nodata)
        corner = Affine(*written.transform[:6]) @ (0.5, 0.5)
        y, x = layers[0].field.centre(0, 0)
        assert corner == pytest.approx(view.transform @ (x, y))
        assert len(set(written.descriptions)) == expected.shape[2]
        assert written.tags()["CNNVIZ_SOURCE"] == view.scene.name


def test_what_the_files_hold_is_said(maps):
    words = stack_files.contents(maps, stack_files.by_grid(maps))
    assert "3 files, for layers 1, 2 (94 × 79); layer 3 (47 × 39); layer 4 (24 × 20)" in words
    same = maps[:2]
    assert "one GeoTIFF of 4 bands" in stack_files.contents(same, stack_files.by_grid(same))


@pytest.mark.parametrize("target", ["numpy", "keras"])
def test_copied_code_gives_the_maps_on_the_screen(view, target, tmp_path, monkeypatch, capsys):
    clear = View(view.scene, Window(300, 300, 40, 44), view.scene)
    given = setting()
    script = tmp_path / "copied.py"
    script.write_text(stack_files.code(clear, given, target), encoding="utf-8")
    (tmp_path / view.scene.name).symlink_to(view.scene.path)
    monkeypatch.chdir(tmp_path)
    result = runpy.run_path(str(script), run_name="__main__")["result"]
    expected = stack.run(clear, given)[-1].array
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-2)
    assert str(expected.shape) in capsys.readouterr().out


def test_the_keras_file_opens_elsewhere_and_gives_the_same_numbers(view, tmp_path):
    clear = View(view.scene, Window(300, 300, 40, 44), view.scene)
    path = tmp_path / "stack.keras"
    path.write_bytes(stack_files.model(clear, setting()))
    image = clear.patch(["B08"]).array
    np.save(tmp_path / "image.npy", image)
    program = (
        "import keras, numpy as np; model = keras.models.load_model('stack.keras'); "
        "np.save('result.npy', model(np.load('image.npy')[None]))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    expected = stack.run(clear, setting())[-1].array
    np.testing.assert_allclose(np.load(tmp_path / "result.npy")[0], expected, rtol=1e-5, atol=1e-2)


def test_the_server_does_not_load_tensorflow_for_it():
    program = (
        "import sys; from cnnviz.layers import Network, Pool2D; from cnnviz.ui.keras_file import keras_file; "
        "assert keras_file(Network([Pool2D(2)]), (8, 8, 1))[:2] == b'PK'; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False"]


def test_what_keras_cannot_say_is_said_before_it_is_asked():
    mirrored = Network([Conv2D("box_3", padding="same", border="reflect")], bands=["B08"])
    assert "Keras's layers pad with zeros alone" in stack_files.keras_problem(mirrored)
    with pytest.raises(CnnvizError, match="zeros alone"):
        keras_file(mirrored, (8, 8, 1))
    assert not depends_on_size(setting().network)


# --- the editor ---


def test_layers_move_as_far_as_there_is_room():
    assert stack_editor.moved(LAYERS, 0, -1) == list(LAYERS)
    assert stack_editor.moved(LAYERS, 3, 1) == list(LAYERS)
    assert stack_editor.moved(LAYERS, 1, 1) == [LAYERS[0], LAYERS[2], LAYERS[1], LAYERS[3]]


def test_settings_are_replaced_one_at_a_time():
    assert stack_editor.replaced(LAYERS[0], "stride", (2, 3)).stride == (2, 3)
    assert stack_editor.replaced(Conv2D(LAYERS[0].weights, [1, 2]), "weights", "box_3").bias is None
    with pytest.raises(CnnvizError):
        stack_editor.replaced(Pool2D(2, padding=1), "size", (1, 1))


def run(**settings):
    page = AppTest.from_file(PAGE, default_timeout=60)
    for key, value in settings.items():
        page.query_params[key] = value
    return page.run()


def line(page):
    return page.text_input(key=stack.LINE).value


def field(page, label):
    kinds = (page.selectbox, page.number_input, page.text_input)
    return next(widget for kind in kinds for widget in kind if widget.label == label)


def test_the_page_starts_with_a_stack_that_works():
    page = run()
    assert not page.exception
    assert not page.error
    assert shorthand.read(line(page)) == stack.DEFAULT.network.layers


def test_layers_are_added_set_moved_and_removed():
    page = run(stack="sobel_vertical")
    page.menu_button(key="stack_add").set_value("Max pooling").run()
    assert line(page) == "sobel_vertical > max 2"
    field(page, "Size").set_value(3).run()
    assert line(page) == "sobel_vertical > max 3"
    field(page, "Stride").set_value(1).run()
    assert line(page) == "sobel_vertical > max 3 stride=1"
    page.button(key="stack_Earlier").click().run()
    assert line(page) == "max 3 stride=1 > sobel_vertical"
    page.button(key="stack_Later").click().run()
    page.button(key="stack_Remove").click().run()
    assert line(page) == "sobel_vertical"
    assert page.button(key="stack_Remove").disabled
    field(page, "Kernel").set_value("filters").run()
    assert line(page) == "[sobel_vertical]"
    field(page, "Weights").set_value("[ sobel_vertical | 1,0,-1;1,0,-1;1,0,-1 ]").run()
    assert line(page) == "[sobel_vertical|vertical_edges]"
    field(page, "Bias").set_value("1, 2").run()
    assert line(page).endswith("bias=1,2")
    field(page, "Padding").set_value(stack_editor.Padding.SAME).run()
    assert "same" in line(page)
    assert not page.error


def test_a_setting_that_cannot_be_is_said_and_the_stack_stays():
    page = run(stack="[sobel_vertical]")
    field(page, "Weights").set_value("[zebra]").run()
    assert "Layer 1" in page.error[0].value
    assert "zebra" in page.error[0].value
    assert line(page) == "[sobel_vertical]"
    page.run()
    assert not page.error


def test_sizes_that_cannot_be_are_explained_and_the_last_good_maps_stay():
    page = run(stack="max 2")
    before = page.markdown
    page.text_input(key=stack.LINE).set_value("max 64 > max 64").run()
    assert "Layer 2 (64 × 64 max)" in page.error[0].value
    assert [element.value for element in page.markdown if "2 × 2 max" in element.value]
    assert before
    page.text_input(key=stack.LINE).set_value("max 4").run()
    assert not page.error


def test_nonsense_in_a_link_falls_back_and_says_so():
    page = run(stack="zebra > relu", stack_bands="B99", stack_maps="77")
    said = " ".join(element.value for element in page.error) + page.info[0].value
    for part in ("zebra", "Shown is the default", "B99", "77"):
        assert part in said
    assert not page.exception


def test_weights_from_a_file_are_missing_from_a_strangers_link():
    page = run(stack="#0123456789abcdef > relu")
    assert "load their recipe file first" in page.error[0].value
    assert not page.exception


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_opens(name):
    network = PRESETS[name].network
    page = run(stack=shorthand.write(network.layers), stack_bands=list(network.bands or ["B08"]))
    assert not page.exception
    assert not page.error
    assert any(PRESETS[name].about[:40] in element.value for element in page.caption)


def test_the_question_is_the_receptive_field_and_skipping_uncovers():
    page = run()
    page.toggle(key="stack_predict").set_value(True).run()
    text = " ".join(element.value for element in page.markdown)
    assert "how many columns of the scene" in text
    assert "One pixel sees" not in text
    page.button(key="stack_answer_10").click().run()
    assert "Right" in " ".join(element.value for element in page.markdown)


# --- recipes from outside ---


def test_a_recipe_is_read_by_its_schema_alone():
    given = setting()
    assert stack_files.recipe(given.network.to_json().encode()) == given.network
    with pytest.raises(RecipeError, match="zebra"):
        stack_files.recipe(json.dumps({"version": 1, "layers": [{"type": "zebra"}]}).encode())
    with pytest.raises(RecipeError, match="at most"):
        stack_files.recipe(b" " * 17_000_000)


@pytest.mark.parametrize(
    ("bands", "sentence"),
    [
        (["B04"] * 2000, "Received the band 'B04' more than once"),
        ([f"band {number}" for number in range(100_000)], "Received 100,000 bands"),
        ([f"band {number}" for number in range(2000)], "wants the bands band 0, band 1"),
    ],
)
def test_a_recipe_of_many_bands_costs_one_short_sentence(bands, sentence):
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    before = page.session_state["stack_bands"]
    text = json.dumps({"version": 1, "layers": [{"type": "pool2d", "size": 64}], "bands": bands})
    field = next(each for each in page.get("file_uploader") if "recipe" in each.label)
    field.upload("many.json", text.encode(), "application/json")
    page.run()
    (only,) = [each.value for each in page.error]
    assert sentence in only
    assert len(only) < 600
    assert page.session_state["stack_bands"] == before


# --- the lesson ---


def test_the_sum_that_explains_the_receptive_field_is_right():
    for preset in PRESETS.values():
        left, right = stack_lesson.because(preset.network).split(" = ")
        total = sum(np.prod([int(part) for part in term.split(" · ")]) for term in left.split(" + "))
        assert total == int(right) == preset.network.receptive_field().size[1]
        assert right in stack_lesson.choices(preset.network)


def test_tasks_are_recognised():
    assert stack_lesson.pool_before_relu([Pool2D(2), Activation("relu")])
    assert not stack_lesson.pool_before_relu([Pool2D(2, mode="average"), Activation("relu")])
    assert stack_lesson.joins(LAYERS)
    assert not stack_lesson.joins(LAYERS[:3])
    assert all(first is not second for first, second in pairwise(LAYERS))


def test_max_pooling_and_relu_may_change_places(view):
    image = view.patch(["B08"]).array
    before = Network([Conv2D("sobel_vertical"), Pool2D(2), Activation("relu")]).apply(image)
    after = Network([Conv2D("sobel_vertical"), Activation("relu"), Pool2D(2)]).apply(image)
    np.testing.assert_array_equal(before, after)


def test_a_stack_that_nobody_changed_fits_every_scene():
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.query_params["scene"] = "random_grid"
    app.run()
    small = app.text_input(key="stack").value
    for scene, expected in (("sentinel2", shorthand.write(stack.DEFAULT.network.layers)), ("bright_dark", small)):
        app.selectbox(key="scene").set_value(scene).run()
        assert [each.value for each in app.error] == []
        assert app.text_input(key="stack").value == expected
    app.text_input(key="stack").set_value("box_3 > relu").run()
    app.selectbox(key="scene").set_value("sentinel2").run()
    assert app.text_input(key="stack").value == "box_3 > relu"
