"""The directories of a TIFF: read from a file that GDAL has laid out, and written for another that holds the same.

What GDAL says about an image (its place, its bands' names, its tags) is taken over word by word; this module only
replaces what says where pixels lie and how they are packed. Format: TIFF 6.0 and BigTIFF, in this machine's byte order.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cnnviz.errors import ProcessError

SUBFILE, WIDTH, HEIGHT, COMPRESSION, PREDICTOR, NODATA = 254, 256, 257, 259, 317, 42113
OFFSETS, SIZES = 324, 325
ABOUT_PIXELS = (258, 262, 277, 284, 322, 323, 338, 339)
"""Tags that smaller copies share: bits, samples and tiles."""

_SHORT, _LONG, _ASCII, _LONG8 = 3, 4, 2, 16
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_BIG = 43
_ORDER = b"II" if sys.byteorder == "little" else b"MM"
# What GDAL's own driver promises to readers of large files over a network; see :func:`framed`.
_GHOST = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
LEADER = 4
"""Bytes before each tile's own."""


class Entry(NamedTuple):
    """One tag: the type and number of its values, and their bytes."""

    kind: int
    number: int
    values: bytes


Directory = Mapping[int, Entry]


def short(value: int) -> Entry:
    """A tag of one 16-bit number."""
    return Entry(_SHORT, 1, struct.pack("=H", value))


def long(value: int) -> Entry:
    """A tag of one 32-bit number."""
    return Entry(_LONG, 1, struct.pack("=I", value))


def text(value: str) -> Entry:
    r"""A tag of text.

    >>> text("nan")
    Entry(kind=2, number=4, values=b'nan\x00')
    """
    return Entry(_ASCII, len(value) + 1, value.encode("ascii") + b"\0")


def numbers(values: Sequence[int], *, big: bool) -> Entry:
    """A tag of places in the file, or of sizes."""
    return Entry(_LONG8 if big else _LONG, len(values), struct.pack(f"={len(values)}{'Q' if big else 'I'}", *values))


def framed(data: bytes) -> bytes:
    r"""A tile's bytes between their number and the last four again, as a file from :func:`head` has them.

    >>> framed(b"abcdef")
    b'\x06\x00\x00\x00abcdefcdef'
    """
    return struct.pack("<I", len(data)) + data + data[-4:]


def first_directory(path: Path) -> dict[int, Entry]:
    """Tags of the first image of a file. Raises ProcessError for what GDAL would not have written here."""
    with path.open("rb") as file:
        head = file.read(16)
        if head[:2] != _ORDER:
            raise ProcessError(f"{path.name} is no TIFF any more: start again without what is left of the earlier run")
        big = struct.unpack("=H", head[2:4])[0] == _BIG
        file.seek(struct.unpack("=Q", head[8:16])[0] if big else struct.unpack("=I", head[4:8])[0])
        (count,) = struct.unpack("=Q", file.read(8)) if big else struct.unpack("=H", file.read(2))
        raw = file.read(count * (20 if big else 12))
        rows = struct.iter_unpack("=HHQ8s" if big else "=HHI4s", raw)
        return {tag: _entry(file, kind, number, data) for tag, kind, number, data in rows}


def _entry(file: BinaryIO, kind: int, count: int, data: bytes) -> Entry:
    """A tag whose values stand in its row, or where that points."""
    size = _BYTES[kind] * count
    if size > len(data):
        file.seek(struct.unpack("=Q" if len(data) == 8 else "=I", data)[0])
        data = file.read(size)
    return Entry(kind, count, data[:size])


def head(directories: Sequence[Directory], *, big: bool) -> bytes:
    """Start of a file: its header, and all directories with their values, so that pixels can follow.

    Its length depends on the tags' sizes alone, not on what they say.
    """
    ghost = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_GHOST) + _GHOST
    start = 16 if big else 8
    out = bytearray(start) + ghost + b"\0" * (len(ghost) % 2)
    first = len(out)
    out[:start] = struct.pack("=2sHHHQ", _ORDER, _BIG, 8, 0, first) if big else struct.pack("=2sHI", _ORDER, 42, first)
    for number, tags in enumerate(directories, 1):
        out += _directory(tags, len(out), big=big, last=number == len(directories))
    return bytes(out)


def _directory(tags: Directory, place: int, *, big: bool, last: bool) -> bytes:
    """One directory that begins at byte ``place``, then the values that do not fit into it."""
    room, row, count = (8, "=HHQ8s", "=Q") if big else (4, "=HHI4s", "=H")
    pointer = "=Q" if big else "=I"
    length = struct.calcsize(count) + len(tags) * struct.calcsize(row) + room
    rows, beyond = struct.pack(count, len(tags)), b""
    for tag, (kind, number, values) in sorted(tags.items()):
        data = values
        if len(values) > room:
            data = struct.pack(pointer, place + length + len(beyond))
            beyond += values + b"\0" * (-len(values) % 8)
        rows += struct.pack(row, tag, kind, number, data)
    beyond += b"\0" * (-(length + len(beyond)) % 2)
    return rows + struct.pack(pointer, 0 if last else place + length + len(beyond)) + beyond
