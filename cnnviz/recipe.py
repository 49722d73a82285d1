"""Recipes: a network as JSON that people can read, edit and share, and strangers can send.

Nothing in a recipe is run: it names layers and their settings, and the layers bound every number in it.
Version 1::

    {"version": 1, "name": "red edges", "bands": ["B04"],
     "layers": [{"type": "conv2d", "weights": "sobel_vertical", "padding": "same"},
                {"type": "activation", "name": "relu"},
                {"type": "pool2d", "mode": "max", "size": 2}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from inspect import Parameter, signature
from typing import Any, NoReturn

import numpy as np

from cnnviz.blocks import Activation, Conv2D, Layer, Pool2D
from cnnviz.errors import CnnvizError, RecipeError
from cnnviz.weights import shortest

VERSION = 1
MAX_LAYERS = 64
#: Characters of a recipe that a stranger may send; about 290,000 weights.
MAX_TEXT = 4_000_000
_TYPES: dict[str, type[Layer]] = {"activation": Activation, "conv2d": Conv2D, "pool2d": Pool2D}


def write(
    layers: Iterable[Layer], *, bands: Iterable[str] | None = None, name: str = "", longest: int | None = MAX_TEXT
) -> str:
    """Recipe of ``layers``; reading it gives equal layers back. Raises RecipeError where it is longer than ``longest``.

    >>> write([Activation("relu")], name="positive part")
    '{"version": 1, "name": "positive part", "layers": [{"type": "activation", "name": "relu"}]}'
    """
    content: dict[str, Any] = {"version": VERSION}
    if name:
        content["name"] = name
    if bands is not None:
        content["bands"] = list(bands)
    content["layers"] = [_described(layer) for layer in layers]
    text = json.dumps(content, ensure_ascii=False)
    _check_length(text, longest)
    return text


def read(text: str | bytes, *, longest: int | None = MAX_TEXT) -> dict[str, Any]:
    """Layers, and where they are given also bands and name, as keyword arguments of a ``Network``.

    A recipe out of the user's own files may be of any length: ``longest=None``. Raises :class:`RecipeError` for
    anything but a recipe of this version.

    >>> read('{"version": 1, "layers": [{"type": "pool2d", "size": 2}]}')["layers"][0].title
    '2 × 2 max'
    """
    _check_length(text, longest)
    content = _parse(text)
    _check_keys(content, {"bands", "layers", "name", "version"}, {"layers", "version"}, "The recipe")
    if type(content["version"]) is not int or content.pop("version") != VERSION:
        raise RecipeError(f"The recipe has another version than {VERSION}, the one that is known here.")
    if not isinstance(content["layers"], list):
        raise RecipeError('The recipe\'s "layers" are not a list; write [{"type": …}, …].')
    if len(content["layers"]) > MAX_LAYERS:
        raise RecipeError(f"The recipe has {len(content['layers']):,} layers; at most {MAX_LAYERS} are allowed.")
    content["layers"] = [_built(number, entry) for number, entry in enumerate(content["layers"], 1)]
    return content


def _check_length(text: str | bytes, longest: int | None) -> None:
    if longest is not None and len(text) > longest:
        raise RecipeError(
            f"The recipe has {len(text):,} characters; at most {longest:,} are allowed. Use fewer or smaller filters."
        )


def _parse(text: str | bytes) -> dict[str, Any]:
    try:
        content = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins)
    except json.JSONDecodeError as error:
        raise RecipeError(
            f"The recipe is no JSON: {error.msg} at line {error.lineno}, column {error.colno}; mend it there."
        ) from None
    except RecipeError:
        raise
    except (ValueError, RecursionError):  # text that is not UTF-8, digits without end, brackets without end
        raise RecipeError("The recipe is not JSON that can be read; save it again as plain UTF-8 text.") from None
    if not isinstance(content, dict):
        raise RecipeError(f"The recipe is {_json_name(content)}; an object with version and layers is expected.")
    return content


def _refuse_constant(word: str) -> NoReturn:
    raise RecipeError(f"The recipe holds {word}; only finite numbers are allowed.")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [key for key, _ in pairs]
        twin = next(key for key in names if names.count(key) > 1)
        raise RecipeError(f"The recipe says {twin!r:.40} twice in one place; keep one.")
    return content


def _json_name(value: object) -> str:
    names = {list: "a list", str: "a text", dict: "an object", type(None): "null", bool: "true or false"}
    return names.get(type(value), "a number")


def _check_keys(content: dict[str, Any], known: set[str], required: set[str], where: str) -> None:
    if unknown := sorted(content.keys() - known):
        names = ", ".join(f"{key!r:.40}" for key in unknown[:5])
        raise RecipeError(f"{where} has unknown keys {names}; known are {', '.join(sorted(known))}.")
    if missing := sorted(required - content.keys()):
        raise RecipeError(f"{where} lacks {', '.join(missing)}; add it.")


def _built(number: int, entry: object) -> Layer:
    if not isinstance(entry, dict):
        raise RecipeError(f"Layer {number} of the recipe is {_json_name(entry)}; an object with a type is expected.")
    kind = entry.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise RecipeError(f"Layer {number} of the recipe has type {kind!r:.40}; known are {', '.join(_TYPES)}.")
    settings = {key: value for key, value in entry.items() if key != "type"}
    accepted = signature(_TYPES[kind]).parameters
    required = {key for key, each in accepted.items() if each.default is Parameter.empty}
    _check_keys(settings, set(accepted), required, f"Layer {number} of the recipe ({kind})")
    try:
        return _TYPES[kind](**settings)
    except CnnvizError as error:
        raise RecipeError(f"Layer {number} of the recipe ({kind}): {error!s:.400}") from error


def _described(layer: Layer) -> dict[str, Any]:
    kind = next(name for name, each in _TYPES.items() if each is type(layer))
    settings = {each.name: getattr(layer, each.name) for each in fields(layer)}  # type: ignore[arg-type]
    return {"type": kind} | {key: _plain(value) for key, value in settings.items() if value is not None}


def _plain(value: Any) -> Any:
    """Setting as JSON has it; whole numbers that are all the same are said once."""
    if isinstance(value, str):
        return str(value)
    numbers = np.asarray(value)
    if numbers.dtype.kind == "i" and (numbers == numbers.flat[0]).all():
        return int(numbers.flat[0])
    return shortest(value)
