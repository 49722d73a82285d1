"""A Keras model rebuilt from the JSON of a file, by the allow-list of :mod:`cnnviz.model_options`.

Keras's own readers are not used: they import what a file names. Here a file can only choose layers, their options and
how they are joined; every size is known, and checked, before Keras is asked for memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from cnnviz.errors import ModelError
from cnnviz.model_options import LAYERS, MAX_BANDS, MAX_SIDE, checked

MAX_LAYERS = 256
MAX_WEIGHTS = 50_000_000
MAX_VALUES = 1 << 26
_DEPTH = 4
_MODELS = {"Functional", "Model", "Sequential"}
_MODULES = {"keras", "keras.layers", "keras.models", "keras.src.models.functional", "keras.src.models.sequential"}
_NAME = re.compile(r"[A-Za-z0-9][\w.\-]{0,99}", re.ASCII)


@dataclass
class Part:
    """A layer as the file names it; ``parts`` are those of a model inside the model, in the file's order."""

    kind: str
    layer: Any
    parts: list[Part] | None = None


@dataclass
class _Budget:
    """What may still be built."""

    layers: int = MAX_LAYERS
    weights: int = MAX_WEIGHTS

    def take(self, name: str, weights: int) -> None:
        self.layers -= 1
        self.weights -= weights
        if self.layers < 0:
            raise ModelError(f"The model has more than {MAX_LAYERS} layers, the most that are allowed.")
        if self.weights < 0:
            raise ModelError(f"With layer {name} the model has more than {MAX_WEIGHTS:,} weights, the most allowed.")


def rebuilt(content: Any) -> Part:
    """Model that the content of a file's ``config.json`` describes, with weights as Keras starts them.

    Raises ModelError that names what is not allowed or does not fit.
    """
    if _kind(content) not in _MODELS:
        raise ModelError(f"Received {_kind(content)} where a model is expected, Sequential or functional.")
    return _model(content, _Budget(), 0)


def _kind(entry: Any) -> str:
    """Class that an entry names, if it is one of Keras's own that are allowed."""
    kind = entry.get("class_name") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or not isinstance(entry.get("config"), dict):
        raise ModelError("The model's description is not the one that Keras 3 writes; save it again with model.save.")
    foreign = entry.get("registered_name") not in (None, kind) or entry.get("module", "keras") not in _MODULES
    if foreign or (kind not in LAYERS and kind not in _MODELS | {"InputLayer"}):
        raise ModelError(
            f"The model has a layer of class {kind!r:.60}, which is not among the {len(LAYERS)} of Keras that are "
            "allowed here: rebuild the model without it."
        )
    return kind


def _name(entry: Any) -> str:
    name = entry["config"].get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ModelError(f"The model has a layer named {name!r:.40}; letters, digits, _, - and . are expected.")
    return name


def _model(entry: Any, budget: _Budget, depth: int) -> Part:
    if depth > _DEPTH:
        raise ModelError(f"The model holds models inside models, more than {_DEPTH} deep; flatten it.")
    config, name = entry["config"], _name(entry)
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers:
        raise ModelError(f"Model {name} has no layers; a list of them is expected.")
    build = _sequential if _kind(entry) == "Sequential" else _functional
    return build(name, config, budget, depth)


def _made(entry: Any, budget: _Budget, depth: int) -> Part:
    """One layer, not connected yet."""
    import keras

    kind = _kind(entry)
    if kind in _MODELS:
        return _model(entry, budget, depth + 1)
    name = _name(entry)
    if kind == "InputLayer":
        return Part(kind, keras.Input(_input_shape(entry["config"], name), name=name))
    with _naming(name, kind):
        return Part(kind, getattr(keras.layers, kind)(**checked(kind, entry["config"]), name=name))


class _naming:  # noqa: N801 - reads as a word after "with"
    """Say in which layer an error arose; Keras's own errors keep their first line."""

    def __init__(self, name: str, kind: str) -> None:
        self.where = f"Layer {name} ({kind})"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ModelError) and str(error)[:1].islower():
            raise ModelError(f"{self.where}: {error}") from None
        if isinstance(error, Exception) and not isinstance(error, ModelError):
            said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise ModelError(f"{self.where} cannot be built: {said.strip():.200}") from None


def _input_shape(config: Any, name: str) -> tuple[int | None, ...]:
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    limits = (MAX_SIDE, MAX_SIDE, MAX_BANDS)
    fits = isinstance(shape, list) and len(shape) == 4 and shape[3] is not None
    fits = fits and all(
        size is None or (type(size) is int and 1 <= size <= most) for size, most in zip(shape[1:], limits, strict=True)
    )
    if not fits or config.get("sparse") or config.get("ragged") or config.get("dtype", "float32") != "float32":
        raise ModelError(
            f"Input {name} has shape {shape!r:.60}; float32 images (rows, cols, bands) are expected, up to {MAX_SIDE} "
            f"pixels a side and {MAX_BANDS} bands."
        )
    return tuple(shape[1:])


def _sequential(name: str, config: Any, budget: _Budget, depth: int) -> Part:
    import keras

    entries = list(config["layers"])
    if _kind(entries[0]) != "InputLayer":
        first = {"name": f"{name}_input", "batch_shape": config.get("build_input_shape")}
        entries.insert(0, {"class_name": "InputLayer", "config": first})
    parts = [_made(entries[0], budget, depth)]
    value = parts[0].layer
    for entry in entries[1:]:
        parts.append(_made(entry, budget, depth))
        value = _joined(parts[-1], value, budget)
    model = keras.Sequential([part.layer for part in parts], name=name)
    return Part("Sequential", model, parts[1:])


def _functional(name: str, config: Any, budget: _Budget, depth: int) -> Part:
    import keras

    parts = {_entry_name(entry): _made(entry, budget, depth) for entry in config["layers"]}
    if len(parts) < len(config["layers"]):
        raise ModelError(f"Model {name} has two layers of one name; a name for each is expected.")
    waiting = {_entry_name(entry): _inputs(entry) for entry in config["layers"]}
    values = {key: parts[key].layer for key in parts if parts[key].kind == "InputLayer"}
    waiting = {key: needs for key, needs in waiting.items() if key not in values}
    while ready := [key for key, needs in waiting.items() if all(need in values for need in needs)]:
        for key in ready:
            given = [values[need] for need in waiting.pop(key)]
            values[key] = _joined(parts[key], given[0] if len(given) == 1 else given, budget)
    if waiting:
        raise ModelError(f"Layer {next(iter(waiting)):.60} waits for a layer that is not there; the graph is broken.")
    ends = [[values.get(end) for end in _ends(config.get(key), name)] for key in ("input_layers", "output_layers")]
    if any(len(found) != 1 or found[0] is None for found in ends):
        raise ModelError(f"Model {name} has not one input and one output, which are expected.")
    with _naming(name, "Functional"):
        return Part("Functional", keras.Model(ends[0][0], ends[1][0], name=name), list(parts.values()))


def _entry_name(entry: Any) -> str:
    _kind(entry)
    return str(entry["config"].get("name"))


def _inputs(entry: Any) -> list[str]:
    """Names of the layers whose results a layer of a functional model takes."""
    nodes, name = entry.get("inbound_nodes"), _entry_name(entry)
    if entry["class_name"] == "InputLayer":
        return []
    if not isinstance(nodes, list) or len(nodes) != 1 or not isinstance(nodes[0], dict):
        raise ModelError(f"Layer {name:.60} is used more than once or in an unknown way; one use of each is expected.")
    if any(value not in (None, False) for value in dict(nodes[0].get("kwargs") or {}).values()):
        raise ModelError(f"Layer {name:.60} is called with arguments beside its input, which is not allowed here.")
    found = list(_histories(nodes[0].get("args")))
    if not found:
        raise ModelError(f"Layer {name:.60} has no input; the graph is broken.")
    return found


def _histories(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, list) and depth < 3:
        for item in value:
            yield from _histories(item, depth + 1)
    elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        history = value.get("config", {}).get("keras_history") if isinstance(value.get("config"), dict) else None
        if not isinstance(history, list) or len(history) != 3 or history[1:] != [0, 0]:
            raise ModelError("The model's graph uses a layer in a way that is not known here; one use is expected.")
        yield str(history[0])
    else:
        raise ModelError("The model's graph passes a layer something that is no layer's result.")


def _ends(value: Any, name: str) -> Sequence[str]:
    """Names in ``input_layers`` or ``output_layers``, which hold one ``[name, 0, 0]`` or a list of them."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(end, list) and end for end in value):
        raise ModelError(f"Model {name} does not say where it begins and ends.")
    return [str(end[0]) for end in value]


def _joined(part: Part, given: Any, budget: _Budget) -> Any:
    """Symbolic result of a layer, once it is known that it fits the budget."""
    layer = part.layer
    shapes = [tuple(each.shape) for each in (given if isinstance(given, list) else [given])]
    if part.kind == "InputLayer":
        raise ModelError("The model has an input in the middle; one input, at the start, is expected.")
    budget.take(layer.name, 0 if part.parts is not None else _weights(part, shapes[0]))
    with _naming(layer.name, part.kind):
        result = layer(given)
    if prod(size for size in result.shape if size) > MAX_VALUES:
        raise ModelError(f"Layer {layer.name} makes {result.shape} values from one image, more than is allowed.")
    return result


def _weights(part: Part, shape: tuple[int | None, ...]) -> int:
    """How many weights a layer will ask for, given the shape of what reaches it; an upper bound."""
    layer, bands = part.layer, shape[-1] or 1
    window = prod(getattr(layer, "kernel_size", (1,)))
    if part.kind in ("Conv2D", "Conv2DTranspose"):
        return int(window * bands * layer.filters)
    if part.kind in ("DepthwiseConv2D", "SeparableConv2D"):
        spread = bands * layer.depth_multiplier
        return int(window * spread + spread * getattr(layer, "filters", 0))
    if part.kind == "Dense":
        return int(bands * layer.units)
    return 4 * max(size or 1 for size in shape) if part.kind in ("BatchNormalization", "Normalization") else 0
