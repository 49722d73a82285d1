"""Sentinel-2 products, zipped or not, folders and lists of bands: found, placed, calibrated, and run over."""

import json
import zipfile

import numpy as np
import pytest
import rasterio
from affine import Affine

from cnnviz.cli import main
from cnnviz.errors import CnnvizError, ProcessError, SceneError
from cnnviz.layers import Activation, Conv2D, Network
from cnnviz.process import run_scene
from cnnviz.products import as_reflectance, facts, finest, open_imagery
from cnnviz.scene import open_scene
from cnnviz.sensors import calibrate, to_reflectance
from tests.factory import PLACE, ramp, raster
from tests.test_sources import as_gdal_does, read

NAME = "S2B_MSIL2A_20220301T100029_N0400_R122_T33UUP_20220301T114514.SAFE"
METADATA = """<n1:Level-2A_User_Product><PROCESSING_BASELINE>04.00</PROCESSING_BASELINE>
<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>
</QUANTIFICATION_VALUES_LIST><BOA_ADD_OFFSET band_id="0">-1000</BOA_ADD_OFFSET></n1:Level-2A_User_Product>"""
LINEAR = Network([Activation("linear")])


def jp2(path, array, transform):
    path.parent.mkdir(parents=True, exist_ok=True)
    return raster(path, array, driver="JP2OpenJPEG", transform=transform, QUALITY="100", REVERSIBLE="YES")


@pytest.fixture
def product(tmp_path):
    """A small product: B04 and B08 at 10 m, B04 and B11 at 20 m, and files that are no bands."""
    images = tmp_path / NAME / "GRANULE" / "L2A_T33UUP" / "IMG_DATA"
    for size, names in ((10, ("B08", "B04")), (20, ("B04", "B11"))):
        for seed, name in enumerate(names):
            side = 1200 // size
            array = ramp(side, side, seed=seed) + np.uint16(3000)
            array[:2] = 0
            jp2(images / f"R{size}m" / f"T33UUP_20220301_{name}_{size}m.jp2", array, PLACE @ Affine.scale(size / 10))
    jp2(images / "R10m" / "T33UUP_20220301_TCI_10m.jp2", ramp(120, 120, dtype="uint8"), PLACE)
    jp2(images.parent / "QI_DATA" / "MSK_QUALIT_B02.jp2", ramp(120, 120, dtype="uint8"), PLACE)
    (tmp_path / NAME / "MTD_MSIL2A.xml").write_text(METADATA)
    return tmp_path / NAME


def zipped(product, target, **how):
    with zipfile.ZipFile(target, "w", **how) as archive:
        for path in sorted(product.rglob("*")):
            archive.write(path, path.relative_to(product.parent))
    return target


def test_a_product_is_its_finest_bands_in_the_sensors_order(product):
    imagery = open_imagery(product)
    assert imagery.name == NAME
    assert imagery.band_names == ("B04", "B08", "B11")
    assert imagery.shape == (120, 120, 3)
    assert dict(imagery.tags) == {
        "BOA_ADD_OFFSET": "-1000", "BOA_QUANTIFICATION_VALUE": "10000", "PROCESSING_BASELINE": "04.00"
    }  # fmt: skip
    found = read(imagery)
    assert np.isnan(found[:2]).all()
    np.testing.assert_array_equal(found[2:, :, 0], ramp(120, 120, seed=1)[2:, :, 0] + 3000)
    coarse = (ramp(60, 60, seed=1) + 3000)[..., 0].astype(np.float32)
    np.testing.assert_array_equal(found[4:, :, 2], coarse.repeat(2, 0).repeat(2, 1)[4:])


def test_products_are_run_over_and_say_how_their_bands_met(tmp_path, product):
    network = Network([Conv2D(np.ones((3, 3, 2, 1)), padding="same")], bands=["B11", "B04"])
    target = run_scene(network, product, tmp_path / "out.tif").target
    whole = read(open_imagery(product, bands=["B11", "B04"]))
    with rasterio.open(target) as dataset:
        np.testing.assert_array_equal(dataset.read(1), network.apply(whole)[..., 0])
        assert dataset.transform == PLACE
        tags = dataset.tags()
    assert tags["CNNVIZ_SOURCE"] == NAME
    assert tags["CNNVIZ_GRID"] == "B11: larger pixels repeated on the grid of T33UUP_20220301_B04_10m.jp2 (10 m)"


@pytest.mark.parametrize("how", [{}, {"compression": zipfile.ZIP_DEFLATED}], ids=["stored", "deflated"])
def test_a_zip_gives_what_its_folder_gives_and_leaves_nothing(tmp_path, product, how):
    archive = zipped(product, tmp_path / "product.zip", **how)
    run_scene(LINEAR, product, tmp_path / "folder.tif", like="reflectance")
    run_scene(LINEAR, archive, tmp_path / "zip.tif", like="reflectance")
    found = []
    for name in ("folder.tif", "zip.tif"):
        with rasterio.open(tmp_path / name) as dataset:
            found.append(dataset.read())
            assert dataset.descriptions == ("B04", "B08", "B11")
    np.testing.assert_array_equal(*found)
    assert {path.name for path in tmp_path.iterdir()} == {NAME, "product.zip", "folder.tif", "zip.tif"}


def test_a_run_over_a_zip_goes_on_where_it_was_stopped(tmp_path, product):
    def stop(share):
        if share > 0:
            raise KeyboardInterrupt

    archive, shares = zipped(product, tmp_path / "product.zip"), []
    with pytest.raises(KeyboardInterrupt):
        run_scene(LINEAR, archive, tmp_path / "out.tif", on_progress=stop)
    run_scene(LINEAR, archive, tmp_path / "out.tif", on_progress=shares.append)
    assert shares[0] > 0


def test_only_the_bands_that_are_needed_are_unpacked(tmp_path, product):
    folder = tmp_path / "unpacked"
    open_imagery(zipped(product, tmp_path / "product.zip"), bands=["B11"], folder=folder)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "MTD_MSIL2A.xml",
        "T33UUP_20220301_B11_20m.jp2",
    ]


def test_numbers_become_reflectance_as_the_product_says(tmp_path, product):
    imagery = as_reflectance(open_imagery(product))
    expected = to_reflectance(np.nan_to_num(read(open_imagery(product))), calibrate("-1000"))
    np.testing.assert_array_equal(read(imagery), expected)
    run = run_scene(LINEAR, product, tmp_path / "out.tif", like="reflectance")
    with rasterio.open(run.target) as dataset:
        np.testing.assert_array_equal(np.moveaxis(dataset.read(), 0, -1), expected)
        assert dataset.tags()["CNNVIZ_REFLECTANCE"] == "(DN -1000) / 10000: The file says BOA_ADD_OFFSET = −1000."
    assert as_reflectance(open_imagery(product), "0").calibration.offset == 0


def test_reflectance_without_a_known_scale_is_refused(tmp_path):
    scene = raster(tmp_path / "photo.tif", ramp(20, 20, 2), descriptions=("left", "right"))
    with pytest.raises(ProcessError, match=r"photo\.tif says neither its sensor nor a scale"):
        as_reflectance(open_imagery(scene))
    for how, error, message in (
        ({"like": "radiance"}, ProcessError, "received like 'radiance': one of file, reflectance is expected"),
        ({"like": "reflectance", "offset": "7"}, SceneError, "the offset is '7'; expected one of"),
    ):
        source = raster(tmp_path / "bands.tif", ramp(20, 20, 2), descriptions=("B04", "B08"))
        with pytest.raises(error, match=message):
            run_scene(LINEAR, source, tmp_path / "out.tif", **how)
    assert {path.name for path in tmp_path.iterdir()} == {"photo.tif", "bands.tif"}


def test_numbers_about_which_nothing_is_said_are_judged_by_themselves(tmp_path):
    scene = raster(tmp_path / "bands.tif", ramp(90, 90, 2) + np.uint16(1100), descriptions=("B04", "B08"))
    calibration = as_reflectance(open_imagery(scene)).calibration
    assert (calibration.offset, calibration.source) == (-1000, "guess")


def test_files_and_folders_of_single_bands_are_one_scene(tmp_path):
    folder = tmp_path / "bands"
    folder.mkdir()
    names = ("B04", "B08")
    files = [raster(folder / f"{name}.tif", ramp(40, 50, seed=seed)) for seed, name in enumerate(names)]
    (folder / "notes.txt").write_text("not a raster")
    expected = np.concatenate([ramp(40, 50, seed=0), ramp(40, 50, seed=1)], axis=-1)
    for source, name in (
        (folder, "bands"),
        (files, "B04.tif + B08.tif"),
        ([str(files[0]), open_scene(files[1]).with_band_names(["B08"])], "B04.tif + B08.tif"),
    ):
        imagery = open_imagery(source)
        assert (imagery.name, imagery.band_names) == (name, names)
        np.testing.assert_array_equal(read(imagery), expected)


def test_metadata_is_read_without_being_trusted():
    assert facts(NAME, ["<PROCESSING_BASELINE>05.09</PROCESSING_BASELINE>"])[-1] == ("PROCESSING_BASELINE", "05.09")
    assert facts("x", ["<!ENTITY a 'b'><BOA_ADD_OFFSET>&a;</BOA_ADD_OFFSET>", "no xml at all"]) == ()


BROKEN = {
    "no product": ({"readme.txt": b"hello"}, "holds no Sentinel-2 product"),
    "a band twice": (
        {f"a.SAFE/GRANULE/{granule}/IMG_DATA/T_B02.jp2": b"" for granule in "xy"},
        "holds B02 more than once: give the folder of one granule",
    ),
    "no JPEG 2000": ({"a.SAFE/IMG_DATA/T_B02_10m.jp2": b"not an image"}, "T_B02_10m.jp2 is not a GeoTIFF"),
    "a way out": ({"../../IMG_DATA/../../T_B02_10m.jp2": b"not an image"}, "T_B02_10m.jp2 is not a GeoTIFF"),
}


@pytest.mark.parametrize(("entries", "message"), BROKEN.values(), ids=BROKEN)
def test_zips_that_hold_something_else_are_refused(tmp_path, entries, message):
    path = tmp_path / "product.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(CnnvizError, match=message):
        run_scene(LINEAR, path, tmp_path / "out.tif")
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_and_oversized_zips_are_refused(tmp_path, product, monkeypatch):
    archive = zipped(product, tmp_path / "product.zip")
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        entry = next(each for each in opened.infolist() if each.filename.endswith("B08_10m.jp2"))
    content[entry.header_offset + len(entry.filename) + 100] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(ProcessError, match=r"product\.zip cannot be unpacked: Bad CRC-32"):
        run_scene(LINEAR, archive, tmp_path / "out.tif")
    archive.write_bytes(content[:1000])
    with pytest.raises(ProcessError, match=r"product\.zip cannot be unpacked: File is not a zip file"):
        run_scene(LINEAR, archive, tmp_path / "out.tif")
    monkeypatch.setattr("cnnviz.products._UNPACKED", 1000)
    with pytest.raises(ProcessError, match="would unpack to more than"):
        run_scene(LINEAR, zipped(product, archive), tmp_path / "out.tif")
    with pytest.raises(ProcessError, match="a zip, which only a run unpacks"):
        open_imagery(archive)
    assert {path.name for path in tmp_path.iterdir()} == {NAME, "product.zip"}


def test_folders_without_rasters_are_refused(tmp_path):
    with pytest.raises(ProcessError, match=r"holds no Sentinel-2 product and no files that end with \.tif"):
        open_imagery(tmp_path)
    with pytest.raises(ProcessError, match="received an empty list of files"):
        open_imagery([])


def test_bands_of_level_1_have_no_size_in_their_name():
    names = [f"X.SAFE/GRANULE/G/IMG_DATA/T32TQM_20200101_{band}.jp2" for band in ("B8A", "B09", "B01", "TCI")]
    assert list(finest(names, name="X")) == ["B01", "B8A", "B09"]


def test_a_real_product_comes_to_one_grid_as_gdal_brings_it(real_data, tmp_path):
    product = next((real_data / "sentinel2_safe").glob("*.SAFE"))
    imagery = open_imagery(product)
    assert imagery.shape == (246, 192, 12)
    assert dict(imagery.tags)["PROCESSING_BASELINE"] == "02.11"
    found = read(imagery)
    for place, origin in enumerate(imagery.origins):
        expected = as_gdal_does(origin.scene, imagery.grid)
        np.testing.assert_array_equal(found[..., place], np.where(expected == 0, np.nan, expected))
    network = Network([Conv2D("sobel_vertical", padding="same")], bands=["B8A", "B04"])
    target = run_scene(network, product, tmp_path / "out.tif", like="reflectance").target
    with rasterio.open(target) as dataset:
        assert dataset.transform == imagery.transform
        assert dataset.tags()["CNNVIZ_REFLECTANCE"].startswith("(DN +0) / 10000: Processing baseline 02.11")


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_info_of_a_product(product, tmp_path, capsys, kind):
    path = product if kind == "folder" else zipped(product, tmp_path / "product.zip")
    before = sorted(tmp_path.rglob("*"))
    assert main(["info", str(path)]) == 0
    text = capsys.readouterr().out
    assert "120 rows × 120 columns × 3 bands, on the grid of T33UUP_20220301_B04_10m.jp2" in text
    assert "bands        B04, B08, B11" in text
    assert "B11: larger pixels repeated on the grid of" in text
    assert "(DN -1000) / 10000: The file says BOA_ADD_OFFSET = −1000" in text
    assert main(["info", str(path), "--json", "--statistics"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["rows"], known["band_names"], known["nodata"]) == (120, ["B04", "B08", "B11"], 0)
    assert [each["pixel_size"] for each in known["files"]] == [[10, 10], [10, 10], [20, 20]]
    assert known["calibration"]["offset"] == -1000
    assert len(known["statistics"]) == 3
    assert sorted(tmp_path.rglob("*")) == before
