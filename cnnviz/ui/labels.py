"""Rasters of labels of this visit: what the classes of a scene truly are, and what they are called."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cnnviz.chip_scene import class_name
from cnnviz.errors import DataError
from cnnviz.samples import LABEL_CLASSES, open_labels, open_sample
from cnnviz.scene import Scene
from cnnviz.ui.visit import visit

_STATE, _KEPT = "_labels", 2
_VALUES, _LETTERS = 255, 60
#: Names in the tags of a raster: of one value each, or of all in the maps of classes that are made here.
_TAG, _ALL_TAG = re.compile(r"CLASS_(\d{1,3})"), "CNNVIZ_CLASSES"
_NAMED = re.compile(r"(\d{1,3})(?:\s*[=:]\s*|\s+)(.+)")


@dataclass(frozen=True)
class Labels:
    """A raster of classes on the grid of a scene; ``names`` are those of its values, as far as they are known."""

    path: Path
    names: Mapping[int, str]
    synthetic: bool = False

    def values(self, classes: Sequence[str]) -> dict[int, int]:
        """Number, in ``classes``, of each value whose class is among them; 0 is no label."""
        found = {value: class_name(value, self.names) for value in range(1, _VALUES)}
        return {value: classes.index(name) for value, name in found.items() if name in classes}


def labels_of(scene: Scene) -> Labels | None:
    """The labels of a scene: those that the visitor gave, or that come with it; None without any."""
    given = _kept().get(scene.key)
    if given is None and scene.key == open_sample("sentinel2").key:
        return Labels(open_labels().path, {int(each.value): each.title for each in LABEL_CLASSES}, synthetic=True)
    return given


def keep_labels(scene: Scene, labels: Labels) -> None:
    """Keep the labels that a visitor gave for a scene; the oldest make room."""
    kept = _kept()
    dropped = [kept.pop(scene.key, None)]
    kept[scene.key] = labels
    while len(kept) > _KEPT:
        dropped.append(kept.pop(next(iter(kept))))
    for each in dropped:
        if each is not None:
            visit().let_go(each.path)


def _kept() -> dict[object, Labels]:
    kept: dict[object, Labels] = st.session_state.setdefault(_STATE, {})
    return kept


def names_in(labels: Scene) -> dict[int, str]:
    """Names of the values that a raster's own tags give."""
    tags = dict(labels.tags)
    found = {int(match[1]): name for tag, name in tags.items() if (match := _TAG.fullmatch(tag))}
    return found | _all_names(tags.get(_ALL_TAG, ""))


def _all_names(text: str) -> dict[int, str]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}  # a tag of another program, by chance of the same name
    pairs = found.items() if isinstance(found, dict) else ()
    return {int(value): name for value, name in pairs if value.isdecimal() and isinstance(name, str)}


def read_names(text: str) -> dict[int, str]:
    """Names of values as a visitor types them: each with its value, or in the order of the values from 1.

    >>> read_names("1 Water, 4 Forest"), read_names("Water, Forest")
    ({1: 'Water', 4: 'Forest'}, {1: 'Water', 2: 'Forest'})
    """
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    pairs = [_NAMED.fullmatch(part) for part in parts]
    found = {int(pair[1]): pair[2] for pair in pairs if pair} or dict(enumerate(parts, 1))
    whole = len(found) == len(parts) == len(set(found.values()))
    if not whole or any(not 0 < value < _VALUES or len(name) > _LETTERS for value, name in found.items()):
        raise DataError(
            f"Received the names “{text:.60}”: expected one name for each value, such as “1 Water, 2 Forest”, with "
            f"values from 1 to {_VALUES - 1} and at most {_LETTERS} letters."
        )
    return found
