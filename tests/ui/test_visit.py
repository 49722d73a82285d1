"""What a visitor opens: taken when its pixels can be read, refused with the former scene left in place."""

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.errors import SceneError
from cnnviz.scene import open_scene
from cnnviz.ui.visit import readable
from tests.factory import ramp, raster
from tests.source import ROOT


def broken(path, *, keep=0):
    """A tiled GeoTIFF whose compressed tiles, all but the first ``keep``, are nonsense; its header is sound."""
    import rasterio

    raster(path, ramp(256, 256), tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    with rasterio.open(path) as dataset:
        places = [
            [int(dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE")]
            for row in range(4)
            for col in range(4)
        ]
    with path.open("r+b") as file:
        for start, size in places[keep:]:
            file.seek(start)
            file.write(b"\xff" * size)
    return path


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


@pytest.mark.parametrize("page", ["app.py", "pages/1_Image_inspection.py", "pages/2_Kernel_playground.py"])
def test_a_scene_that_is_damaged_in_part_costs_a_sentence(tmp_path, monkeypatch, page):
    monkeypatch.setenv("CNNVIZ_LOCAL_ROOT", str(tmp_path))
    broken(tmp_path / "scene.tif", keep=1)
    shown = AppTest.from_file(str(ROOT / page), default_timeout=60)
    shown.query_params["path"] = "scene.tif"
    shown.run()
    assert not shown.exception
    assert any("scene.tif" in each.value for each in shown.error)
    shown.selectbox(key="scene").set_value("sentinel2").run()
    assert not shown.exception
    assert not shown.error


def test_a_sidebar_that_cannot_read_the_scene_costs_a_sentence(monkeypatch):
    def fail():
        raise SceneError("scene.tif cannot be read: fetch it again")

    monkeypatch.setattr("cnnviz.ui.page.current_view", fail)
    shown = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not shown.exception
    assert [each.value for each in shown.error] == ["scene.tif cannot be read: fetch it again"]
