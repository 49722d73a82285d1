"""What may be opened: known by its first bytes, within limits, by one driver, with all others off."""

import subprocess
import sys
from pathlib import Path

import pytest

from cnnviz.errors import SceneError, UnsafeError
from cnnviz.formats import Format, Limits, check_file, sniff
from tests.factory import declared, ramp, raster, tiff

# With all its drivers, GDAL takes these up whatever they are called: it reads other files or asks the network.
HOSTILE = {
    "gti": b"<GDALTileIndexDataset><IndexDataset>/etc/index.gpkg</IndexDataset></GDALTileIndexDataset>",
    "mrf": b"<MRF_META><Raster><Size x='8' y='8'/></Raster><Rsets/></MRF_META>",
    "sqlite": b"SQLite format 3\0" + b"\0" * 84,
    "stacit": b'{"type":"FeatureCollection","stac_version":"1.0.0","features":[{"assets":{}}]}',
    "vrt": b'<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>',
    "wms": b'<GDAL_WMS><Service name="TMS"><ServerUrl>http://localhost/${z}</ServerUrl></Service></GDAL_WMS>',
    "wmts": b"<GDAL_WMTS><GetCapabilitiesUrl>http://localhost/c.xml</GetCapabilitiesUrl></GDAL_WMTS>",
    "ascii grid": b"ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n3 4\n",
    "gif": b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x02\0\x02\0\0\x02\x03D\x02\x05\0;",
    "zip": b"PK\x03\x04" + b"\0" * 60,
    "empty": b"",
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_refuses_foreign_content_whatever_its_name(kind, tmp_path):
    path = tmp_path / "scene.tif"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(UnsafeError, match=r"^scene\.tif is not a GeoTIFF, JPEG 2000, PNG or JPEG file: convert"):
        check_file(path, name="scene.tif")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"II*\0\x08\0\0\0", Format.GEOTIFF),
        (b"MM\0*\0\0\0\x08", Format.GEOTIFF),
        (b"II+\0\x08\0\0\0", Format.GEOTIFF),
        (b"MM\0+\0\x08\0\0", Format.GEOTIFF),
        (b"\0\0\0\x0cjP  \r\n\x87\n", Format.JP2),
        (b"\xff\x4f\xff\x51\0\x2f", Format.JP2),
        (b"\x89PNG\r\n\x1a\n", Format.PNG),
        (b"\xff\xd8\xff\xe0", Format.JPEG),
        (b"", None),
        (b"\0\0\0\x0cjP  ", None),
    ],
)
def test_magic_numbers(head, kind):
    assert sniff(head) is kind


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (declared(10**9, 10), r"declares 1,000,000,000 × 10 pixels × 1 bands; at most 2,000,000 pixels a side"),
        (declared(10, 10, bands=60_000), r"60,000 bands; at most 2,048 bands"),
        (declared(10**5, 10**5, tile=2**17), r"in blocks of 16,384 MB; at most 160 MB"),
        (declared(8192, 8192, bands=3, tile=8192), r"in blocks of 192 MB; at most 160 MB"),
        (declared(256, 256, bands=2000, tile=1024), r"in blocks of 2,000 MB"),
        (declared(0, 10), r"nothing to see; expected at least one pixel"),
        (declared(10, 10, bands=0), r"× 0 bands: there is nothing to see"),
    ],
)
def test_refuses_what_a_header_declares_beyond_limits(tags, message, tmp_path):
    path = tmp_path / "bomb.tif"
    path.write_bytes(tiff(tags))
    with pytest.raises(SceneError, match=message):
        check_file(path, name="bomb.tif")


def test_overviews_and_masks_inside_a_tiff_are_measured_too(tmp_path):
    path = tmp_path / "bomb.tif"
    path.write_bytes(tiff(declared(300, 300), declared(10**5, 10**5, tile=2**17)))
    with pytest.raises(UnsafeError, match="in blocks of 16,384 MB"):
        check_file(path, name="bomb.tif")


def test_refuses_endless_lists_of_images(tmp_path):
    path = tmp_path / "many.tif"
    path.write_bytes(tiff(*[declared(8, 8, tile=16)] * 1100))
    with pytest.raises(UnsafeError, match="more than 1,024 images"):
        check_file(path, name="many.tif")


def test_a_picture_of_a_billion_pixels_is_refused_by_its_header(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (40_000).to_bytes(4) * 2 + b"\x08\x02\0\0\0")
    with pytest.raises(UnsafeError, match=r"a PNG may have 200,000,000 pixels: store it as a tiled GeoTIFF"):
        check_file(path, name="bomb.png")


def test_a_picture_is_refused_for_what_it_would_unpack_to(tmp_path):
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    for bits, colour, bands, allowed in ((8, 2, 3, True), (8, 6, 4, False), (16, 0, 1, True), (16, 6, 4, False)):
        path = tmp_path / f"{bits}-{colour}.png"
        path.write_bytes(head + (14_000).to_bytes(4) * 2 + bytes([bits, colour, 0, 0, 0]))
        if allowed:
            assert check_file(path, name="a.png") is Format.PNG
        else:
            with pytest.raises(UnsafeError, match=f"× {bands} bands of {bits} bits; a PNG may unpack to 600 MB"):
                check_file(path, name="a.png")
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8\xff\xc0\0\x14\x08" + (14_000).to_bytes(2) * 2 + b"\x04" + bytes(12))
    with pytest.raises(UnsafeError, match="× 4 bands of 8 bits; a JPEG may unpack to 600 MB"):
        check_file(path, name="a.jpg")


def test_limits_are_the_callers(tmp_path):
    path = raster(tmp_path / "scene.tif", ramp(30, 40))
    assert check_file(path, name="scene.tif") is Format.GEOTIFF
    with pytest.raises(UnsafeError, match="at most 39 pixels a side"):
        check_file(path, name="scene.tif", limits=Limits(side=39))


def test_unreadable_and_damaged_files_are_named(tmp_path):
    with pytest.raises(SceneError, match=r"^gone cannot be read: No such file"):
        check_file(tmp_path / "gone.tif", name="gone")
    path = tmp_path / "cut.tif"
    path.write_bytes(tiff(declared(10, 10))[:20])
    with pytest.raises(SceneError, match=r"^cut has a damaged GeoTIFF header: fetch"):
        check_file(path, name="cut")


_PROBE = """
import sys
from pathlib import Path
import numpy as np
import cnnviz.scene
from cnnviz import gdal
import rasterio
import rasterio.shutil
from rasterio.errors import RasterioIOError
from rasterio.io import MemoryFile
from rasterio.transform import Affine

assert gdal.foreign_drivers() == (), gdal.foreign_drivers()
folder = Path(sys.argv[1])
for path in sorted(folder.glob("hostile-*")):
    try:
        rasterio.open(path)
    except RasterioIOError:
        continue
    raise SystemExit(f"{path.name} was opened")

profile = dict(driver="GTiff", width=64, height=64, count=1, dtype="uint8", crs="EPSG:32633")
profile["transform"] = Affine(10, 0, 0, 0, -10, 0)
image = np.arange(64 * 64).reshape(1, 64, 64).astype("uint8")
with rasterio.open(folder / "plain.tif", "w", **profile) as target:
    target.write(image)
for driver in ("COG", "JP2OpenJPEG", "JPEG", "PNG"):
    rasterio.shutil.copy(folder / "plain.tif", folder / f"copy.{driver}", driver=driver)
    with rasterio.open(folder / f"copy.{driver}") as copy:
        assert copy.shape == (64, 64), driver
with MemoryFile() as memory, memory.open(**profile) as target:
    target.write(image)
print("all others are off")
"""


def test_every_other_driver_is_off_in_a_fresh_process(tmp_path):
    for kind, content in HOSTILE.items():
        (tmp_path / f"hostile-{kind}").write_bytes(content)
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(tmp_path)], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "all others are off\n", done.stdout + done.stderr
