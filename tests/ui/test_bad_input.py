"""Files as visitors really have them, uploaded to a page: a picture, or one sentence and the former scene."""

import re

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from rasterio.enums import ColorInterp
from streamlit.testing.v1 import AppTest

from tests.factory import PLACE, damage, ramp, raster, tiff
from tests.source import PAGES, ROOT
from tests.ui.strips import stages

HOME, INSPECTION = "app.py", "pages/1_Image_inspection.py"


def truncated(path):
    raster(path, ramp(128, 100, 3), blockysize=4)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def one_bit(path):
    raster(path, ramp(64, 64, 1, "uint8") % 2, nbits=1)


def palette(path):
    picture = Image.fromarray(ramp(64, 64, 1, "uint8")[..., 0] % 4, "P")
    picture.putpalette([200, 30, 30, 30, 200, 30, 30, 30, 200, 0, 0, 0])
    picture.save(path, "TIFF")


def nan_and_inf(path):
    image = ramp(64, 64, 1, "float32")
    image[:20], image[20:24], image[24:28] = np.nan, np.inf, -np.inf
    raster(path, image)


def transparent(path):
    image = ramp(64, 64, 4, "uint8")
    image[:40, :, 3] = 0
    roles = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    raster(path, image, colours=roles, photometric="RGB")


#: What makes the file, what the sidebar says of it, and what stands under its first picture on Home.
PICTURES = {
    "truncated.tif": (truncated, r"128 × 100 × 3", r"128 × 100 px.* % no data"),
    "damaged.tif": (
        lambda path: damage(raster(path, ramp(128, 64), blockysize=16, compress="deflate"), (4, 0), (6, 0)),
        r"128 × 64 × 1",
        r"128 × 64 px.*25 % no data",
    ),
    "complex.tif": (
        lambda path: raster(path, np.full((64, 64), 3 + 4j, "complex64")),
        r"complex64",
        r"64 × 64 px · 10 m/px · 5",
    ),
    "palette.tif": (palette, r"64 × 64 × 1 · uint8", r"64 × 64 px · 0 … 3"),
    "one_bit.tif": (one_bit, r"uint8", r"64 × 64 px · 10 m/px · 0 … 1"),
    "nodata.tif": (
        lambda path: raster(path, np.zeros((64, 64), "uint16"), nodata=0),
        r"nodata 0",
        r"64 × 64 px · 10 m/px · no finite value",
    ),
    "constant.tif": (lambda path: raster(path, np.full((64, 64), 7, "uint8")), r"uint8", r"10 m/px · 7"),
    "nan_and_inf.tif": (nan_and_inf, r"float32", r"1 … 100.*44 % no data"),
    "no_crs.tif": (
        lambda path: raster(path, ramp(64, 64), crs=None, transform=Affine.identity()),
        r"no CRS · pixel size unknown",
        r"64 × 64 px · 1 … 100",
    ),
    "rotated.tif": (
        lambda path: raster(path, ramp(64, 64), transform=PLACE @ Affine.rotation(30)),
        r"10 m/px",
        r"64 × 64 px · 10 m/px",
    ),
    "transparent.tif": (transparent, r"nodata where transparent", r"62 % no data"),
    "masked.tif": (
        lambda path: raster(path, ramp(64, 64), mask=np.arange(64 * 64).reshape(64, 64) >= 2048),
        r"nodata where masked",
        r"50 % no data",
    ),
    "long_names.tif": (
        lambda path: raster(path, ramp(64, 64, 2), descriptions=("x" * 5000, "\u202eevil\nname")),
        r"64 × 64 × 2",
        r"64 × 64 px",
    ),
    "one_pixel.tif": (lambda path: raster(path, [[9]], dtype="uint8"), r"1 × 1 × 1", r"1 × 1 px · 10 m/px · 9"),
}

NO_BANDS = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 273: 200, 277: 0, 278: 16, 279: 256, 284: 1}

REFUSED = {
    "no_bands.tif": (tiff(NO_BANDS, data=bytes(400)), r"16 × 16 pixels × 0 bands: there is nothing to see"),
    "cut.tif": (b"II*\0\x08\0\0\0", r"damaged GeoTIFF header: fetch"),
    "trap.tif": (b'<VRTDataset rasterXSize="8" rasterYSize="8"></VRTDataset>', r"not a GeoTIFF.*: convert it"),
    "empty.png": (b"", r"not a GeoTIFF.*: convert it"),
    "text.jpg": (b"holiday", r"not a GeoTIFF.*: convert it"),
}


def uploaded(page, name, content):
    """The page after a visitor has uploaded that file to it."""
    app = AppTest.from_file(str(ROOT / page), default_timeout=60).run()
    app.get("file_uploader")[0].upload(name, content, "image/tiff")
    return app.run()


def said(app):
    return [each.value for each in app.sidebar.caption]


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("page", "strip"), [(HOME, "home"), (INSPECTION, "pin_strip")])
def test_what_can_be_seen_is_shown(tmp_path, name, page, strip):
    make, sidebar, first = PICTURES[name]
    make(tmp_path / name)
    app = uploaded(page, name, (tmp_path / name).read_bytes())
    assert not app.exception
    assert [each.value for each in app.error] == []
    assert app.session_state["scene"] == f"file {name}"
    assert said(app)[0].startswith(name.replace("_", r"\_"))
    assert re.search(sidebar, said(app)[0])
    assert stages(app, strip)
    if page == HOME:
        assert re.search(first, stages(app, strip)[0]["caption"])


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize(("page", "strip"), [(HOME, "home"), (INSPECTION, "pin_strip")])
def test_what_cannot_be_seen_costs_one_sentence_and_the_former_scene_stays(name, page, strip):
    content, sentence = REFUSED[name]
    app = AppTest.from_file(str(ROOT / page), default_timeout=60)
    app.query_params["scene"] = "elevation"
    before = stages(app.run(), strip)
    app.get("file_uploader")[0].upload(name, content, "image/tiff")
    app.run()
    assert not app.exception
    (only,) = [each.value.replace("\\", "") for each in app.error]
    assert only.startswith(name)
    assert re.search(sentence, only)
    assert app.session_state["scene"] == "elevation"
    assert stages(app, strip) == before
    app.selectbox(key="scene").set_value("china").run()
    assert not app.exception


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_reads_around_damage_and_says_so(tmp_path, monkeypatch, page):
    monkeypatch.setenv("CNNVIZ_LOCAL_ROOT", str(tmp_path))
    path = raster(tmp_path / "a.tif", ramp(512, 512, 2), tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    damage(path, (3, 3))
    app = AppTest.from_file(str(page), default_timeout=60)
    app.query_params.update(path="a.tif", side="128 × 128 px", row="160", col="160")
    app.run()
    assert not app.exception
    assert [each.value for each in app.error] == []
    assert "Part of this file cannot be read. It is shown as no data." in [each.value for each in app.warning]


def test_a_scene_that_is_nearly_empty_is_first_seen_where_it_is_not(tmp_path):
    image = np.zeros((600, 700), "uint8")
    image[560:, 640:] = 9
    raster(tmp_path / "a.tif", image, nodata=0)
    app = AppTest.from_file(str(ROOT / HOME), default_timeout=60)
    app.query_params["side"] = "64 × 64 px"
    app.run()
    app.get("file_uploader")[0].upload("a.tif", (tmp_path / "a.tif").read_bytes(), "image/tiff")
    app.run()
    assert app.session_state["row"] >= 530
    assert app.session_state["col"] >= 610
    assert re.search(r" 9 · ", stages(app, "home")[0]["caption"])


def test_that_a_part_is_lost_is_said_and_goes_with_the_scene(tmp_path):
    truncated(tmp_path / "a.tif")
    app = uploaded(HOME, "a.tif", (tmp_path / "a.tif").read_bytes())
    assert [each.value for each in app.warning] == ["Part of this file cannot be read. It is shown as no data."]
    app.selectbox(key="scene").set_value("sentinel2").run()
    assert [each.value for each in app.warning] == []
