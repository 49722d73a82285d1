"""What the headers of TIFF, JPEG 2000, PNG and JPEG files declare, read without decoding anything.

Sources: TIFF 6.0 and the BigTIFF layout of libtiff; ISO/IEC 15444-1 annexes A and I (JPEG 2000); the PNG
specification, IHDR; ITU-T T.81 annex B (JPEG). Every function takes an open binary file, wherever it stands,
and raises EOFError where the file ends too early or makes no sense.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

MAX_DIRECTORIES = 1024
"""More images than that in one TIFF are not followed: overviews and masks of a scene are a few dozen."""


@dataclass(frozen=True)
class Declared:
    """What a header says: the size in pixels, the bands, and the bytes of one decoded block.

    ``itemsize`` is the bytes of one decoded number; PNG and JPEG say it.
    """

    rows: int
    cols: int
    bands: int
    block: int
    itemsize: int = 1


def _take(file: BinaryIO, layout: str) -> tuple[int, ...]:
    data = file.read(struct.calcsize(layout))
    if len(data) < struct.calcsize(layout):
        raise EOFError
    return struct.unpack(layout, data)


def png_size(file: BinaryIO) -> Declared:
    r"""Return what a PNG's IHDR declares; a block is one row.

    >>> import io
    >>> png_size(io.BytesIO(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x07\x08\x02\0\0\0"))
    Declared(rows=7, cols=5, bands=3, block=15, itemsize=1)
    """
    file.seek(16)
    cols, rows, bits, colour = _take(file, ">IIBB")
    bands = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    itemsize = max(bits, 8) // 8
    return Declared(rows, cols, bands, cols * bands * itemsize, itemsize)


def jpeg_size(file: BinaryIO) -> Declared:
    """Return what a JPEG's first frame header declares.

    A block is one row, or all coefficients of a progressive picture: they must be held before the first row.
    """
    file.seek(2)
    while True:
        (marker,) = _take(file, ">H")
        while marker == 0xFFFF:  # fill bytes
            marker = 0xFF00 | _take(file, ">B")[0]
        if not 0xFFC0 <= marker <= 0xFFFE:
            raise EOFError
        if 0xFFD0 <= marker <= 0xFFD8:  # markers without a segment
            continue
        (length,) = _take(file, ">H")
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            bits, rows, cols, bands = _take(file, ">BHHB")
            itemsize = (bits + 7) // 8
            progressive = marker & 3 == 2
            block = _coefficients(file, rows, cols, bands) if progressive else cols * bands * itemsize
            return Declared(rows, cols, bands, block, itemsize)
        file.seek(max(length - 2, 0), 1)


def _coefficients(file: BinaryIO, rows: int, cols: int, bands: int) -> int:
    """Return the bytes of the coefficients of a picture whose components may be subsampled."""
    factors = [divmod(_take(file, ">BBB")[1], 16) for _ in range(bands)]
    finest = max(across for across, _ in factors) * max(down for _, down in factors)
    samples = sum(across * down for across, down in factors) * rows * cols // max(finest, 1)
    return samples * 2


def jp2_size(file: BinaryIO) -> Declared:
    """Return what the SIZ marker of a JPEG 2000 codestream declares; a block is one tile of int32."""
    file.seek(_codestream(file))
    start, siz, _, _, x1, y1, x0, y0, width, height, _, _, bands = _take(file, ">HHHHIIIIIIIIH")
    if (start, siz) != (0xFF4F, 0xFF51):
        raise EOFError
    rows, cols = y1 - y0, x1 - x0
    return Declared(rows, cols, bands, min(height, rows) * min(width, cols) * bands * 4)


def _codestream(file: BinaryIO) -> int:
    """Return where the codestream starts: 0, or behind the header of the box ``jp2c``."""
    file.seek(0)
    if _take(file, ">H") == (0xFF4F,):
        return 0
    position = 0
    while True:
        file.seek(position)
        length, kind = _take(file, ">II")
        header = 8
        if length == 1:
            (length,) = _take(file, ">Q")
            header = 16
        if kind == 0x6A703263:  # jp2c
            return position + header
        if length < header:
            raise EOFError
        position += length


def tiff_sizes(file: BinaryIO) -> list[Declared]:
    """Return what each image of a TIFF or BigTIFF declares, in the file's order: the first is the scene."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    (version,) = _take(file, order + "H")
    big = version == 43
    if big:
        file.seek(8)
    (offset,) = _take(file, order + ("Q" if big else "I"))
    found: list[Declared] = []
    seen: set[int] = set()
    while offset and offset not in seen and len(found) <= MAX_DIRECTORIES:
        seen.add(offset)
        tags, offset = _directory(file, offset, order=order, big=big)
        found.append(_tiff_declared(tags))
    if not found:
        raise EOFError
    return found


_SIZES = {
    256: "cols",
    257: "rows",
    258: "bits",
    259: "compression",
    277: "bands",
    278: "strip",
    284: "planar",
}
_SIZES |= {322: "width", 323: "height"}
_INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}


def _directory(file: BinaryIO, offset: int, *, order: str, big: bool) -> tuple[dict[str, int], int]:
    """Return the size tags of the directory at ``offset`` (the larger of doubles) and the next."""
    file.seek(offset)
    (count,) = _take(file, order + ("Q" if big else "H"))
    if count > 0xFFFF:
        raise EOFError
    entry, word = (order + "HHQ8s", "Q") if big else (order + "HHI4s", "I")
    raw = file.read(count * struct.calcsize(entry))
    (following,) = _take(file, order + word)
    tags: dict[str, int] = {}
    for tag, kind, values, data in struct.iter_unpack(entry, raw):
        if tag in _SIZES and kind in _INTEGERS and values:
            name = _SIZES[tag]
            value = _first_value(file, data, order + _INTEGERS[kind], values, order + word)
            tags[name] = max(tags.get(name, 0), value)
    return tags, following


def _first_value(file: BinaryIO, data: bytes, layout: str, values: int, pointer: str) -> int:
    """Return the first of a tag's values: they stand in the entry where they fit, else where it points."""
    if struct.calcsize(layout) * values > len(data):
        file.seek(struct.unpack(pointer, data)[0])
        return _take(file, layout)[0]
    return int(struct.unpack_from(layout, data)[0])


def _tiff_declared(tags: dict[str, int]) -> Declared:
    rows, cols, bands = tags.get("rows", 0), tags.get("cols", 0), tags.get("bands", 1)
    height = tags.get("height") or min(tags.get("strip", rows) or rows, rows)
    width = tags.get("width") or cols
    if tags.get("compression", 1) == 1 and height == rows:
        height = 1  # libtiff reads one long strip in pieces where nothing is compressed
    samples = height * width * (1 if tags.get("planar", 1) == 2 else bands)
    return Declared(rows, cols, bands, samples * tags.get("bits", 1) // 8)
