"""Declared sizes agree with what GDAL finds, and nonsense ends in EOFError."""

import io
import random

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from cnnviz.headers import Declared, jp2_size, jpeg_size, png_size, tiff_sizes
from cnnviz.reading import quiet
from tests.factory import declared, ramp, raster, tiff

LAYOUTS = {
    "strips": {},
    "tiles": {"tiled": True, "blockxsize": 16, "blockysize": 32, "compress": "deflate"},
    "bands apart": {"interleave": "band", "tiled": True, "blockxsize": 16, "blockysize": 16},
    "BigTIFF": {"bigtiff": "YES", "compress": "lzw", "interleave": "pixel"},
    "big-endian": {"endianness": "BIG", "compress": "deflate"},
}


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float64"])
def test_tiff_headers_agree_with_gdal(layout, dtype, tmp_path):
    path = raster(tmp_path / "a.tif", ramp(45, 70, 3, dtype), **LAYOUTS[layout])
    with path.open("rb") as file:
        first = tiff_sizes(file)[0]
    with rasterio.open(path) as dataset:
        height, width = dataset.block_shapes[0]
        together = 3 if dataset.interleaving.name == "pixel" else 1
        assert (first.rows, first.cols, first.bands) == (*dataset.shape, dataset.count)
        if dataset.compression or dataset.profile["tiled"]:
            assert first.block == height * width * together * np.dtype(dtype).itemsize


def test_every_image_of_a_tiff_is_listed(tmp_path):
    path = raster(tmp_path / "a.tif", ramp(64, 64), overviews=(2, 4), tiled=True, blockxsize=16, blockysize=16)
    with path.open("rb") as file:
        assert [size.rows for size in tiff_sizes(file)] == [64, 32, 16]


@pytest.mark.parametrize(("driver", "read"), [("JP2OpenJPEG", jp2_size), ("JPEG", jpeg_size), ("PNG", png_size)])
@pytest.mark.parametrize("bands", [1, 3])
def test_picture_headers_agree_with_gdal(driver, read, bands, tmp_path):
    source = raster(tmp_path / "a.tif", ramp(45, 70, bands, "uint8"))
    with quiet():
        rasterio.shutil.copy(source, tmp_path / "b", driver=driver)
    with (tmp_path / "b").open("rb") as file:
        size = read(file)
    assert (size.rows, size.cols, size.bands) == (45, 70, bands)


def test_a_bare_jpeg_2000_codestream(tmp_path):
    source = raster(tmp_path / "a.tif", ramp(45, 70, 1, "uint8"))
    with quiet():
        rasterio.shutil.copy(source, tmp_path / "b.j2k", driver="JP2OpenJPEG", codec="J2K")
    with (tmp_path / "b.j2k").open("rb") as file:
        assert jp2_size(file) == Declared(45, 70, 1, 45 * 70 * 4)


def test_a_progressive_jpeg_must_be_held_whole(tmp_path):
    source = raster(tmp_path / "a.tif", ramp(48, 64, 3, "uint8"))
    with quiet():
        rasterio.shutil.copy(source, tmp_path / "b.jpg", driver="JPEG", progressive="ON")
    with (tmp_path / "b.jpg").open("rb") as file:
        assert jpeg_size(file).block == 48 * 64 * 3  # two bytes each, colour at half the resolution


@pytest.mark.parametrize("read", [jp2_size, jpeg_size, tiff_sizes])
def test_noise_ends_in_eof_error(read):
    noise = random.Random(1)
    for length in range(0, 400, 7):
        with pytest.raises((EOFError, OverflowError, ValueError)):
            read(io.BytesIO(noise.randbytes(length)))


def test_a_ring_of_directories_ends():
    ring = bytearray(tiff(declared(8, 8), declared(9, 9)))
    ring[-4:] = (8).to_bytes(4, "little")
    assert [size.rows for size in tiff_sizes(io.BytesIO(ring))] == [8, 9]


def test_the_larger_of_two_equal_tags_counts():
    patched = bytearray(tiff({256: 8, 257: 8, 278: 8}))
    patched[8 + 2 + 2 * 12 : 8 + 2 + 2 * 12 + 2] = (256).to_bytes(2, "little")  # the third tag becomes a width
    patched[8 + 2 + 2 * 12 + 8 : 8 + 2 + 3 * 12] = (10**6).to_bytes(4, "little")
    assert tiff_sizes(io.BytesIO(patched))[0].cols == 10**6
