"""Which files are opened at all: known by their first bytes, measured by their header, within stated limits.

A name says nothing about a file, so the format comes from its magic number and decides the one GDAL driver
that may open it. What the header declares is checked before GDAL sees the file (:mod:`cnnviz.headers`): a few
hundred bytes can declare a picture that no machine holds.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from cnnviz import gdal
from cnnviz.errors import SceneError, UnsafeError
from cnnviz.headers import MAX_DIRECTORIES, Declared, jp2_size, jpeg_size, png_size, tiff_sizes


class Format(StrEnum):
    """A kind of file that may be opened; the value is its GDAL driver."""

    GEOTIFF = "GTiff"
    JP2 = "JP2OpenJPEG"
    JPEG = "JPEG"
    PNG = "PNG"

    @property
    def extension(self) -> str:
        """The usual ending of a file's name, with its dot."""
        return {"GTiff": ".tif", "JP2OpenJPEG": ".jp2", "JPEG": ".jpg", "PNG": ".png"}[self]

    @property
    def label(self) -> str:
        """The name that people use."""
        return {"GTiff": "GeoTIFF", "JP2OpenJPEG": "JPEG 2000", "JPEG": "JPEG", "PNG": "PNG"}[self]


_MAGIC = (
    (b"II*\0", Format.GEOTIFF),
    (b"MM\0*", Format.GEOTIFF),
    (b"II+\0", Format.GEOTIFF),  # BigTIFF
    (b"MM\0+", Format.GEOTIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Format.JP2),  # boxes, ISO/IEC 15444-1 annex I
    (b"\xff\x4f\xff\x51", Format.JP2),  # a bare codestream, annex A
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"\xff\xd8\xff", Format.JPEG),
)


@dataclass(frozen=True)
class Limits:
    """How large a declared raster may be. Sizes in pixels, samples (pixels × bands) or bytes."""

    side: int = 2_000_000
    bands: int = gdal.MAX_BANDS
    picture: int = 200_000_000
    """Pixels of a PNG or JPEG, which can only be decoded from the top."""
    unpacked: int = 600_000_000
    """Bytes of a PNG or JPEG once decoded: some ten seconds."""
    block: int = 160 * 2**20
    """Bytes of one tile or strip once decoded: the least that a read can hold. A progressive photograph of 24 million
    pixels, which is one block, has 137 MB."""
    upload: int = 2**28
    """Bytes of an uploaded file."""
    read: int = 2**31
    """Bytes of float32 that one read may give."""
    decode: int = 2 * 10**9
    """Samples that one read may decode: 10,980 × 10,980 × 13 is 1.6 · 10⁹, some ten seconds."""
    overview: int = 10**11
    """Samples that the making of an overview may decode: some minutes."""


LIMITS = Limits()


def sniff(head: bytes) -> Format | None:
    r"""Return the format that the first 12 bytes of a file announce, None when it is none of ours.

    >>> sniff(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    <Format.PNG: 'PNG'>
    >>> sniff(b'<VRTDataset rasterXSize="5"') is None
    True
    """
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


def check_file(path: Path, *, name: str, limits: Limits = LIMITS) -> Format:
    """Return the format of the file at ``path``, or raise: not one of ours, or it declares too much.

    ``name`` is what messages call the file. Raises UnsafeError for a foreign format or a size beyond
    ``limits``, SceneError where the header is damaged or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            kind = sniff(file.read(12))
            if kind is None:
                raise UnsafeError(f"{name} is not a GeoTIFF, JPEG 2000, PNG or JPEG file: convert it to one of them")
            for declared in _declared(file, kind, name=name):
                _check_declared(declared, kind, name=name, limits=limits)
    except OSError as error:
        raise SceneError(f"{name} cannot be read: {error.strerror or 'input error'}") from None
    return kind


def _declared(file: BinaryIO, kind: Format, *, name: str) -> list[Declared]:
    """Return the sizes that the header declares, one per image inside."""
    single = {Format.JP2: jp2_size, Format.JPEG: jpeg_size, Format.PNG: png_size}
    try:
        sizes = tiff_sizes(file) if kind is Format.GEOTIFF else [single[kind](file)]
    except (EOFError, OverflowError, ValueError):  # the last two: an offset that no file can have
        raise SceneError(f"{name} has a damaged {kind.label} header: fetch or export it again") from None
    if len(sizes) > MAX_DIRECTORIES:
        raise UnsafeError(f"{name} holds more than {MAX_DIRECTORIES:,} images: take out the one to look at")
    return sizes


def _check_declared(declared: Declared, kind: Format, *, name: str, limits: Limits) -> None:
    rows, cols, bands = declared.rows, declared.cols, declared.bands
    size = f"{name} declares {rows:,} × {cols:,} pixels × {bands:,} bands"
    if min(rows, cols, bands) < 1:
        raise SceneError(f"{size}: there is nothing to see; expected at least one pixel and one band")
    if max(rows, cols) > limits.side:
        raise UnsafeError(f"{size}; at most {limits.side:,} pixels a side can be opened: cut it into parts")
    if bands > limits.bands:
        raise UnsafeError(f"{size}; at most {limits.bands:,} bands can be opened: take fewer")
    if kind in (Format.PNG, Format.JPEG):
        if rows * cols > limits.picture:
            raise UnsafeError(f"{size}; a {kind.label} may have {limits.picture:,} pixels: store it as a tiled GeoTIFF")
        if rows * cols * bands * declared.itemsize > limits.unpacked:
            raise UnsafeError(
                f"{size} of {8 * declared.itemsize} bits; a {kind.label} may unpack to "
                f"{limits.unpacked / 1e6:,.0f} MB: store it as a tiled GeoTIFF"
            )
    if declared.block > limits.block:
        raise UnsafeError(
            f"{size} in blocks of {declared.block / 2**20:,.0f} MB; at most {limits.block // 2**20:,} MB "
            "can be decoded at a time: store it as a GeoTIFF with tiles of 256 or 512 pixels"
        )
