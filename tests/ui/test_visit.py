"""What a visitor opens: taken when its pixels can be read, refused with the former scene left in place."""

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.errors import SceneError
from cnnviz.scene import open_scene
from cnnviz.ui.visit import readable
from tests.factory import damage, ramp, raster
from tests.source import ROOT
from tests.ui.strips import stages


def broken(path, *, keep=0):
    """A tiled GeoTIFF whose compressed tiles, all but the first ``keep``, are nonsense; its header is sound."""
    raster(path, ramp(256, 256), tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    return damage(path, *[divmod(number, 4) for number in range(keep, 16)])


def test_a_scene_of_which_nothing_can_be_read_is_refused(tmp_path):
    with pytest.raises(SceneError, match=r"scene\.tif"):
        readable(open_scene(broken(tmp_path / "scene.tif")))


def test_a_scene_that_is_damaged_in_part_is_taken(tmp_path):
    scene = open_scene(broken(tmp_path / "scene.tif", keep=1))
    assert readable(scene) is scene


def test_a_real_file_with_one_damaged_block_is_taken(real_data):
    scene = open_scene(real_data / "rasterio" / "corrupt.tif")
    assert readable(scene) is scene


def test_the_former_scene_stays_where_a_file_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIZ_LOCAL_ROOT", str(tmp_path))
    broken(tmp_path / "scene.tif")
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    before = page.selectbox(key="scene").value
    page.text_input(key="path").set_value("scene.tif").run()
    assert not page.exception
    assert page.selectbox(key="scene").value == before
    assert any("scene.tif" in each.value for each in page.error)


def test_a_sidebar_that_cannot_read_the_scene_costs_a_sentence(monkeypatch):
    def fail():
        raise SceneError("scene.tif cannot be read: fetch it again")

    monkeypatch.setattr("cnnviz.ui.page.current_view", fail)
    shown = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not shown.exception
    assert [each.value for each in shown.error] == ["scene.tif cannot be read: fetch it again"]


@pytest.mark.parametrize("typed", ["red,green,blue", " red ,  green,blue "])
def test_names_of_bands_are_taken_however_they_are_spaced(typed, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIZ_LOCAL_ROOT", str(tmp_path))
    raster(tmp_path / "scene.tif", ramp(40, 30, 3))
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    page.query_params["path"] = "scene.tif"
    page.run()
    next(each for each in page.text_input if each.label.startswith("Names")).set_value(typed).run()
    assert not page.exception
    assert stages(page, "home")[0]["name"] == "red"
    next(each for each in page.text_input if each.label.startswith("Names")).set_value("a, b").run()
    assert len(page.error) == 1
    assert stages(page, "home")[0]["name"] == "red"
