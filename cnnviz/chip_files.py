"""Chips from files: a folder with one subfolder of images for each class, or a zip of one, as EuroSAT comes.

Every image is opened as any scene is (:func:`cnnviz.scene.open_scene`): known by its first bytes, measured before it
is read. EuroSAT's files of 13 bands name no bands and have B8A last (Helber et al., 2019).
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

import numpy as np

from cnnviz.band_names import LAYOUTS, NameSource
from cnnviz.chips import Chips, check_learnable
from cnnviz.errors import CnnvizError, DataError
from cnnviz.formats import Limits
from cnnviz.paths import display_name
from cnnviz.scene import Scene, open_scene

Entry = TypeVar("Entry", Path, zipfile.ZipInfo)

ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
MAX_CLASSES, MAX_FILES, MAX_SIDE = 200, 60_000, 512

# Bytes of float32 that all images may take (all of EuroSAT in RGB takes 1.33 · 10⁹), of a zip, of one file in it.
_MEMORY, _UNPACKED, _ONE_FILE, _CHUNK = 14 * 10**8, 10**9, 20 * 10**6, 2**20
_LIMITS = Limits(side=MAX_SIDE, bands=64, picture=MAX_SIDE**2, read=2**28)
_EUROSAT = 13
_DEPTH = 3  # folders that may wrap those of the classes
_HIDDEN = (".", "__")
_ENCRYPTED = 1  # bit 0 of an entry's flags, PKWARE APPNOTE 4.4.4
_ALL_BYTES = 255.0
_REFLECTANCE = 10_000.0


def read_folder(folder: Path, *, title: str = "", limit: int | None = None, memory: int = _MEMORY) -> Chips:
    """Chips of a folder with a folder of images for each class, directly inside or further down.

    Bytes are divided by 255 and 16-bit numbers by 10,000, as Sentinel-2 stores reflectance; fractions stay. With a
    ``limit`` at most so many images are read, spread over the classes; ``memory`` is what they may take, in bytes of
    float32. Raises DataError that names what is wrong.
    """
    name = title or folder.name
    found = _classes(folder, name)
    files = list(found.values())
    total = sum(map(len, files))
    if limit is None and total > MAX_FILES:
        raise DataError(f"{name} holds {total:,} images; at most {MAX_FILES:,} are read: take a part of them.")
    chosen = [_spread(each, None if limit is None else -(-limit * len(each) // total)) for each in files]
    labels = np.repeat(np.arange(len(found)), [len(each) for each in chosen])
    first, images, factor = _read([path for each in chosen for path in each], name, memory)
    chips = Chips(images, labels, tuple(found), _bands(first), name, factor=factor)
    check_learnable(chips)
    return chips


def _classes(folder: Path, name: str) -> dict[str, list[Path]]:
    """Images of each class."""
    if not folder.is_dir():
        raise DataError(f"{name} is no folder: expected one with a subfolder of images for each class.")
    files, folders = list[tuple[PurePosixPath, Path]](), set[PurePosixPath]()
    for path, is_folder in walked(folder):
        at = PurePosixPath(path.relative_to(folder))
        folders.add(at) if is_folder else files.append((at, path))
    found = _by_class(files, folders, name)
    if not 2 <= len(found) <= MAX_CLASSES:
        raise DataError(
            f"{name} holds {len(found)} class folder{'s' * (len(found) != 1)}; 2 to {MAX_CLASSES} are expected, one "
            "for each class."
        )
    return found


def walked(folder: Path, depth: int = _DEPTH + 1) -> Iterator[tuple[Path, bool]]:
    """Everything in a folder that is not hidden, some folders deep, and whether it is a folder."""
    with os.scandir(folder) as entries:
        found = [(Path(each.path), each.is_dir()) for each in entries if not each.name.startswith(_HIDDEN)]
    for path, is_folder in found:
        yield path, is_folder
        if is_folder and depth:
            yield from walked(path, depth - 1)


def _by_class(
    files: Iterable[tuple[PurePosixPath, Entry]], folders: set[PurePosixPath], name: str
) -> dict[str, list[Entry]]:
    """Images by their class, both in order: the first folder on the way that holds images; hidden ones do not count.

    Raises DataError for a folder beside those of the classes that holds none.
    """
    homes: dict[PurePosixPath, list[Entry]] = {}
    for path, entry in sorted(files, key=lambda each: each[0]):
        if path.suffix.lower() in ENDINGS and len(path.parts) > 1 and not _is_hidden(path):
            homes.setdefault(path.parent, []).append(entry)
    homes = {home: own for home, own in homes.items() if homes.keys().isdisjoint(home.parents)}
    beside, above = {home.parent for home in homes}, {parent for home in homes for parent in home.parents}
    for folder in sorted(folders - homes.keys() - above):
        if folder.parent in beside and not _is_hidden(folder):
            kinds = ", ".join(ENDINGS)
            raise DataError(f"{name}: “{folder.name:.40}” holds no images; expected files that end with {kinds}.")
    found: dict[str, list[Entry]] = {}
    for home in sorted(homes, key=lambda each: each.name):
        found.setdefault(display_name(home.name), []).extend(homes[home])
    return found


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(_HIDDEN) for part in path.parts)


def holds_classes(folder: Path) -> bool:
    """Whether two folders or more inside it hold images, by their first entries: nothing is read."""
    return len(list(islice(_homes(folder, _DEPTH), 2))) == 2


def _homes(folder: Path, depth: int) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        inner = sorted(Path(each.path) for each in entries if each.is_dir() and not each.name.startswith(_HIDDEN))
    for each in inner:
        if any(file.suffix.lower() in ENDINGS for file in each.iterdir()):
            yield each
        elif depth:
            yield from _homes(each, depth - 1)


def _spread(files: Sequence[Entry], count: int | None) -> list[Entry]:
    """At most ``count`` of the files, from all over the list."""
    if count is None or count >= len(files):
        return list(files)
    return [files[number * len(files) // count] for number in range(count)]


def _read(paths: Sequence[Path], name: str, memory: int) -> tuple[Scene, np.ndarray, float]:
    """First scene, all images in one array, and what their numbers were multiplied with."""
    first = _opened(paths[0])
    if len(paths) * int(np.prod(first.shape)) * 4 > memory:
        raise DataError(
            f"{name}: {len(paths):,} images of {_times(first.shape)} would take more than {memory / 1e6:,.0f} MB: "
            "take fewer, or smaller ones."
        )
    images = np.empty((len(paths), *first.shape), np.float32)
    factor = _factor(first.dtype)
    for number, path in enumerate(paths):
        scene = _opened(path)
        if scene.shape != first.shape or scene.dtype != first.dtype:
            raise DataError(
                f"{name}: {path.parent.name}/{path.name} has {_times(scene.shape)} of {scene.dtype}, others have "
                f"{_times(first.shape)} of {first.dtype}; bring all images to one size and type."
            )
        pixels = scene.read().array
        if not np.isfinite(pixels).all():
            raise DataError(f"{name}: {path.parent.name}/{path.name} has pixels without data; leave it out.")
        np.multiply(pixels, np.float32(factor), out=images[number])
    return first, images, factor


def _opened(path: Path) -> Scene:
    try:
        return open_scene(path, limits=_LIMITS)
    except CnnvizError as error:
        raise DataError(f"{path.parent.name}/{error}") from None


def _factor(dtype: str) -> float:
    if dtype == "uint8":
        return 1 / _ALL_BYTES
    return 1 / _REFLECTANCE if np.issubdtype(dtype, np.integer) else 1.0


def _bands(scene: Scene) -> tuple[str, ...]:
    """The file's names; EuroSAT's where 13 bands have none."""
    if scene.shape[2] == _EUROSAT and scene.naming.source is NameSource.GUESS:
        return LAYOUTS["eurosat"]
    return scene.band_names


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def read_zip(
    source: Path | BinaryIO, folder: Path, *, title: str = "", limit: int | None = None, memory: int = _MEMORY
) -> Chips:
    """Chips of a zip with class folders, unpacked into ``folder``, which the caller owns; see :func:`read_folder`.

    Only images are unpacked, under names of ours, at most as many bytes as they declare; a path that leaves the
    archive is refused. Raises DataError.
    """
    name = title or (source.name if isinstance(source, Path) else "the zip")
    try:
        with zipfile.ZipFile(source) as archive:
            members = _members(archive, name, limit)
            for label, entries in members.items():
                place = folder / label
                place.mkdir(parents=True, exist_ok=True)
                for number, entry in enumerate(entries):
                    _unpack(archive, entry, place / f"{number:06d}_{display_name(PurePosixPath(entry.filename).name)}")
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError):
        raise DataError(f"{name} cannot be unpacked: it is damaged, or the disk is full; fetch it again.") from None
    return read_folder(folder, title=name, limit=limit, memory=memory)


def _members(archive: zipfile.ZipFile, name: str, limit: int | None) -> dict[str, list[zipfile.ZipInfo]]:
    """Images by class, once it is known that nothing in the zip is refused."""
    files, folders = list[tuple[PurePosixPath, zipfile.ZipInfo]](), set[PurePosixPath]()
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in entry.filename:
            raise DataError(f"{name} holds a path that leaves it, {entry.filename!r:.60}: nothing was unpacked.")
        if entry.flag_bits & _ENCRYPTED:
            raise DataError(f"{name} is encrypted: pack it without a password.")
        folders.add(path) if entry.is_dir() else files.append((path, entry))
    found = _by_class(files, folders, name)
    _check_members(found, name)
    total = sum(map(len, found.values()))
    if limit is not None and total > limit:
        return {label: _spread(each, -(-limit * len(each) // total)) for label, each in found.items()}
    return found


def _check_members(found: dict[str, list[zipfile.ZipInfo]], name: str) -> None:
    if not found:
        raise DataError(f"{name} holds no folders of images: expected a folder for each class, as EuroSAT has.")
    total = sum(map(len, found.values()))
    if len(found) > MAX_CLASSES or total > MAX_FILES:
        raise DataError(
            f"{name} holds {total:,} images in {len(found):,} folders; at most {MAX_FILES:,} in {MAX_CLASSES} are read."
        )
    for entry in (entry for entries in found.values() for entry in entries):
        if entry.file_size > _ONE_FILE:
            raise DataError(
                f"{name}: {PurePosixPath(entry.filename).name:.60} would unpack to {entry.file_size / 1e6:,.0f} MB; "
                f"chips of at most {_ONE_FILE / 1e6:.0f} MB each are expected. Nothing was unpacked."
            )
    size = sum(entry.file_size for entries in found.values() for entry in entries)
    if size > _UNPACKED:
        raise DataError(f"{name} would unpack to {size / 1e6:,.0f} MB; at most {_UNPACKED / 1e6:,.0f} MB are unpacked.")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    left = entry.file_size
    with archive.open(entry) as packed, target.open("wb") as file:
        while chunk := packed.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise zipfile.BadZipFile
            file.write(chunk)
