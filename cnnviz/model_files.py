"""Keras 3 model files, ``.keras``: read without running anything in them, written whole or not at all.

A ``.keras`` file is a zip of ``config.json``, ``metadata.json`` and ``model.weights.h5``. Keras's own reader has
let such files run code or read others, in spite of its safe mode, again and again. Here the description goes through
an allow-list (:mod:`cnnviz.model_graph`), and the weights are read as plain arrays of the shapes that the rebuilt
layers have: no links out of the file, no storage elsewhere, no filters, nothing unpacked to disk.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from cnnviz.errors import ModelError
from cnnviz.model_graph import Part, rebuilt

if TYPE_CHECKING:
    import keras

SUFFIX = ".keras"
_LIMITS = {"config.json": 4_000_000, "metadata.json": 100_000, "model.weights.h5": 256_000_000}


def load_model(source: str | Path | bytes) -> keras.Model:
    """Model of a ``.keras`` file, given by its path or its bytes; sequential or functional, for images.

    Raises ModelError, with one sentence, for anything but such a model made of the layers that are allowed.
    """
    files = _unzipped(source)
    model = rebuilt(_parsed(files["config.json"]))
    _read_weights(model, files["model.weights.h5"])
    return model.layer


def save_model(model: keras.Model, target: str | Path) -> None:
    """Write a model to a ``.keras`` file that :func:`load_model` reads; a file of that name is replaced.

    Raises ModelError where the model has layers that could not be read again.
    """
    place = Path(target)
    if place.suffix != SUFFIX:
        raise ModelError(f"Received the name {place.name!r:.80}; a name that ends with {SUFFIX} is expected.")
    part = place.with_name(f".{place.stem}.{os.getpid()}{SUFFIX}")
    try:
        model.save(part)
        load_model(part)
        part.replace(place)
    except OSError as error:
        raise ModelError(f"{place.name} could not be written: {error.strerror or error}.") from None
    finally:
        part.unlink(missing_ok=True)


def _unzipped(source: str | Path | bytes) -> dict[str, bytes]:
    """The three files of the zip, each within its limit; nothing else may be in it."""
    if not isinstance(source, bytes) and Path(source).exists() and not Path(source).is_file():
        raise ModelError("The model's path leads to no file: give that of a .keras file.")  # a pipe would never end
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            entries = archive.infolist()
            for entry in entries:
                _check_entry(entry)
            if sorted(entry.filename for entry in entries) != sorted(_LIMITS):
                raise ModelError(f"The model's zip lacks one of {', '.join(_LIMITS)}, or has one twice.")
            return {entry.filename: _content(archive, entry) for entry in entries}
    except OSError as error:
        raise ModelError(f"The model's file cannot be opened: {error.strerror or 'not readable'}.") from None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            "The file is not a whole .keras file of Keras 3, which is a zip; older .h5 files are not read here: "
            "open it in Keras and save it again as .keras."
        ) from None


def _check_entry(entry: zipfile.ZipInfo) -> None:
    limit = _LIMITS.get(entry.filename)
    if limit is None:
        raise ModelError(
            f"The model's zip holds {entry.filename!r:.60}; only {', '.join(_LIMITS)} are allowed. Layers that bring "
            "files of their own cannot be read here."
        )
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelError(f"The model's {entry.filename} is encrypted or packed in an unusual way; save it again.")
    if entry.file_size > limit:
        raise ModelError(f"The model's {entry.filename} has {entry.file_size:,} bytes; {limit:,} at most are allowed.")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The unpacked bytes, never more than were declared."""
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise ModelError(f"The model's {entry.filename} is not as long as the zip says; the file is damaged.")
    return content


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise ModelError("The model's config.json is no JSON that can be read; save the model again.") from None


def _refused(word: str) -> NoReturn:
    raise ValueError(word)


def _read_weights(model: Part, content: bytes) -> None:
    import h5py

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            for path, layer in _weighted(model.parts or (), "layers"):
                layer.load_own_variables(_arrays(file, f"{path}/vars", layer))
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError("The model's weights are no HDF5 file that can be read; save the model again.") from None


def _weighted(parts: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Layers that have weights, with their place in the file: ``layers/conv2d_1``, counted by class."""
    seen: dict[str, int] = {}
    for part in parts:
        name = _snake(part.kind)
        number = seen[name] = seen.get(name, -1) + 1
        place = f"{path}/{name}_{number}" if number else f"{path}/{name}"
        if part.parts is not None:
            yield from _weighted(part.parts, f"{place}/layers")
        elif part.kind != "InputLayer" and part.layer.weights:
            yield place, part.layer


def _snake(kind: str) -> str:
    """A class's name as Keras writes it in files: ``max_pooling2d``."""
    parted = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub("([a-z])([A-Z])", r"\1_\2", parted).lower()


def _arrays(file: Any, path: str, layer: Any) -> dict[str, Any]:
    """The layer's weights by number, of the shapes that it has."""
    group = _inside(file, path, layer.name)
    if len(group) != len(layer.weights):
        raise ModelError(f"Layer {layer.name} has {len(layer.weights)} arrays of weights; the file has {len(group)}.")
    found = {}
    for number, weight in enumerate(layer.weights):
        found[str(number)] = _array(_inside(group, str(number), layer.name), tuple(weight.shape), layer.name)
    return found


def _inside(group: Any, path: str, name: str) -> Any:
    """What lies at ``path`` in the file itself; links that lead elsewhere are refused."""
    import h5py

    for step in path.split("/"):
        if not isinstance(group, h5py.Group) or step not in group.keys():  # noqa: SIM118 - "in" would follow links
            raise ModelError(f"The file has no weights for layer {name}; save the model again, whole.")
        if type(group.get(step, getlink=True)) is not h5py.HardLink:
            raise ModelError(f"The weights of layer {name} are a link to another place, which is not followed here.")
        group = group[step]
    return group


def _array(data: Any, shape: tuple[int, ...], name: str) -> Any:
    import h5py

    if not isinstance(data, h5py.Dataset) or data.shape != shape or data.dtype.str not in ("<f4", "<i8", "<i4"):
        found = f"{data.shape} of {data.dtype}" if isinstance(data, h5py.Dataset) else "no array"
        raise ModelError(f"Layer {name} has weights of shape {shape} in float32; the file has {found:.80}.")
    plan = data.id.get_create_plist()
    if data.is_virtual or plan.get_external_count() or plan.get_nfilters() or plan.get_layout() == h5py.h5d.CHUNKED:
        raise ModelError(f"The weights of layer {name} are not stored plainly in the file; save the model again.")
    array = np.empty(shape, data.dtype)
    data.read_direct(array) if array.size else None
    if not np.isfinite(array).all():
        raise ModelError(f"Layer {name} has weights that are not finite numbers; train the model again.")
    return array
