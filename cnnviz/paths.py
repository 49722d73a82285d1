"""Where files may come from: plain paths, the operator's folder, and uploads.

A path is the name of one existing regular file and nothing else. GDAL's other meanings of a "path" (archives,
URLs, subdatasets, memory) are refused by their look, and cannot slip through: what GDAL gets is always the
full path of a file that was found on disk.
"""

import io
import os
import re
import secrets
from pathlib import Path
from typing import BinaryIO

from cnnviz.errors import SceneError, UnsafeError
from cnnviz.formats import LIMITS, Limits, check_file, sniff

_SPECIAL = re.compile(r"^[/\\]vsi|://|^[A-Za-z][\w+.-]+:|[\0\r\n]")
_SHOWN = 80
_CHUNK = 2**20


def display_name(text: str) -> str:
    r"""Return the last part of a file's name, fit to be shown: printable, at most 80 characters.

    >>> display_name("C:\\data\\red\tbands.tif")
    'redbands.tif'
    """
    last = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    shown = "".join(letter for letter in last if letter.isprintable()).strip()
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 9]}…{shown[-8:]}"


def home_expanded(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file or folder, ``~`` and ``~name`` replaced by the home that they stand for.

    Raises SceneError where ``path`` is empty, or that home is not known.
    """
    text = os.fspath(path)
    if not text:
        raise SceneError("received an empty path: give the name of a file or folder")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SceneError(f"{_called(text)} was not found: the home folder that ~ stands for is not known") from None


def _called(text: str) -> str:
    """What messages call a path that may have no printable name, as ``/`` has none."""
    return display_name(text) or "the path"


def existing_file(path: str | os.PathLike[str]) -> Path:
    """Return the full path of a regular file.

    Raises UnsafeError where ``path`` looks like one of GDAL's other notations, SceneError where no file is.
    """
    text = os.fspath(path)
    _refuse_special(text)
    try:
        found = home_expanded(text).resolve(strict=True)
        if not found.is_file():
            raise SceneError(f"{_called(text)} is not a file: expected a GeoTIFF, JPEG 2000, PNG or JPEG file")
    except (OSError, RuntimeError):
        raise SceneError(f"{_called(text)} was not found: check the path") from None
    _refuse_special(str(found))
    return found


def resolve_below(root: str | os.PathLike[str], text: str) -> Path:
    """Return the file that a user named by ``text``, if it lies below ``root`` once every link is followed.

    ``text`` may be absolute, relative to ``root``, or start with ``~``. Raises UnsafeError for what lies
    elsewhere, in the same words whether it exists or not, and SceneError where ``root`` holds no such file.
    """
    _refuse_special(text)
    base = Path(root).resolve()
    try:
        named = Path(text.strip()).expanduser()
    except RuntimeError:  # told as a home that there is, or names of accounts could be tried out
        named = Path(base.anchor)
    try:
        found = (base / named).resolve()
    except (OSError, RuntimeError):
        raise SceneError(f"{_called(text)} is not a path that can be followed: check it") from None
    if not found.is_relative_to(base):
        raise UnsafeError(f"{_called(text)} lies outside the folder that may be opened: move or copy it there")
    return existing_file(found)


def _refuse_special(text: str) -> None:
    if _SPECIAL.search(text):
        raise UnsafeError(
            f"{_called(text)} is not the plain path of a file; addresses, archives and parts of "
            "files are refused: give the path of a GeoTIFF, JPEG 2000, PNG or JPEG file"
        )


def save_upload(data: bytes | BinaryIO, name: str, folder: str | os.PathLike[str], *, limits: Limits = LIMITS) -> Path:
    """Write uploaded ``data`` to a new file in ``folder`` under a random name, and return its path.

    The ending follows the content, not ``name``, which only messages use. Nothing stays behind where the
    content is refused: UnsafeError for a foreign format or a size beyond ``limits``, SceneError for a damaged
    header or a full disk.
    """
    shown = display_name(name) or "the upload"
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    source.seek(0)
    kind = sniff(source.read(12))
    target = Path(folder) / f"{secrets.token_hex(16)}{kind.extension if kind else ''}"
    try:
        source.seek(0)
        _store(source, target, name=shown, limit=limits.upload)
        check_file(target, name=shown, limits=limits)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise SceneError(f"{shown} could not be stored: {error.strerror or 'output error'}") from None
    except SceneError:
        target.unlink(missing_ok=True)
        raise
    return target


def _store(source: BinaryIO, target: Path, *, name: str, limit: int) -> None:
    """Copy ``source`` to the new file ``target``, readable by its owner alone."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := source.read(_CHUNK):
            if file.tell() + len(chunk) > limit:
                raise UnsafeError(f"{name} is larger than {limit // 2**20:,} MB: upload a part of it")
            file.write(chunk)
