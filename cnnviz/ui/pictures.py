"""Pictures side by side, in the order in which data flows, with captions and legends that belong to them."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from affine import Affine

from cnnviz import render
from cnnviz.layers import ReceptiveField
from cnnviz.render import ColourScale
from cnnviz.text import ground
from cnnviz.ui.browser import component, nothing

_strip = component("strip", '<div class="strip"></div>')

_MOST_CELLS = 15

#: Colours of pins, in the order in which they are set; apart for colour-blind eyes (Okabe and Ito, 2008).
PIN_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True)
class Mark:
    """A box on a picture, in its own pixels."""

    row: float
    col: float
    rows: float
    cols: float


@dataclass(frozen=True)
class Pin:
    """A pixel that the visitor has chosen."""

    row: int
    col: int
    colour: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One picture of a strip; ``field`` says what a pixel of it saw.

    ``picture`` is uint8: colours ``(rows, cols, 4)``, or places in the palette of ``scale`` ``(rows, cols)``, which
    travel three times as fast.
    """

    name: str
    picture: np.ndarray
    caption: str
    alt: str
    scale: ColourScale | None = None
    operation: str = ""
    field: ReceptiveField = field(default_factory=lambda: ReceptiveField((1, 1), (1, 1), (0.0, 0.0)))
    channels: Sequence[tuple[str, ColourScale]] = ()  #: of a picture in colours, what red, green and blue are
    transform: Affine | None = None
    origin: tuple[int, int] = (0, 0)  #: row and column of the first pixel, where they are counted from elsewhere
    cells: np.ndarray | None = None  #: values to write into the cells, for small grids
    boxes: Sequence[Mark] = ()
    enlarged: bool = False  #: whether the first box, where it is too small to look into, is shown enlarged
    pins: Sequence[Pin] = ()
    covered: bool = False


class Room(NamedTuple):
    """How much room the pictures of a strip get: the least width of each, and the greatest height in pixels.

    With ``shared`` all pictures but the first stand on one scale, and its legend is drawn once. A ``gallery`` keeps
    small pictures small, so that many stand in a row, three on a phone.
    """

    least: str = "14rem"
    height: int = 520
    shared: bool = False
    gallery: bool = False


def caption(array: np.ndarray, metres: tuple[float, float] | None, note: str = "") -> str:
    """Caption of one map ``(rows, cols)``: rows × cols · metres per pixel · range · note."""
    parts = [render.size(*array.shape[:2]) + " px"]
    if metres is not None:
        parts.append(ground(metres))
    low, high = render.value_range(array)
    parts.append(render.span(low, high) if np.isfinite(low) else "no finite value")
    if np.isinf(array).any():
        parts.append("some beyond float32")
    missing = np.isnan(array).mean()
    if missing > 0:
        parts.append(f"{render.number(100 * missing, 2)} % no data")
    if note:
        parts.append(note)
    return " · " + " · ".join(parts)


def cells(array: np.ndarray) -> np.ndarray | None:
    """The values to write into the cells of a map ``(rows, cols)``: all of a small grid, none of a scene."""
    return array if max(array.shape) <= _MOST_CELLS else None


def strip(
    stages: Sequence[Stage],
    key: str,
    *,
    crs: str = "",
    hint: str = "Point at a pixel: the same place is marked in every picture.",
    room: Room = Room(),  # noqa: B008  (frozen)
    on_pick: Callable[[], None] | None = None,
) -> None:
    """Show the stages from left to right; ``on_pick`` finds a clicked pixel in ``session_state[key]["pick"]``."""
    pixels = [_pixels(stage.picture) for stage in stages]
    data: dict[str, Any] = {
        "stages": [_spec(stage, part) for stage, part in zip(stages, pixels, strict=True)],
        "crs": crs,
        "hint": hint,
        "height": room.height,
        "least": room.least,
        "shared": room.shared,
        "gallery": room.gallery,
        "pick": on_pick is not None,
    }
    data["version"] = hashlib.blake2b(repr(data).encode(), digest_size=8).hexdigest()
    _strip(key=key, data=packed(data, pixels), on_pick_change=on_pick or nothing)


def packed(data: dict[str, Any], parts: Sequence[bytes]) -> bytes:
    r"""One message: how long its words are, in four bytes, the words as JSON, then the ``parts``, end to end.

    Pictures inside the JSON would have to be text, which is a third longer and slow to write and to read.

    >>> packed({"a": 1}, [b"pixels"])
    b'\x08\x00\x00\x00{"a": 1}pixels'
    """
    words = json.dumps(data).encode()
    return b"".join([struct.pack("<I", len(words)), words, *parts])


def _pixels(picture: np.ndarray) -> bytes:
    """Pixels as they travel: no file format, which both sides would have to write and read; no opacity where all is."""
    if picture.ndim == 3 and (picture[..., 3] == 255).all():
        picture = picture[..., :3]
    return picture.tobytes()


def _spec(stage: Stage, pixels: bytes) -> dict[str, Any]:
    rows, cols = stage.picture.shape[:2]
    place = stage.transform
    return {
        "name": stage.name,
        "operation": stage.operation,
        "caption": stage.caption,
        "alt": stage.alt,
        "bytes": len(pixels),
        "digest": _digest(stage, pixels),
        "rows": rows,
        "cols": cols,
        "legend": None if _is_empty(stage.picture) else _legend(stage.scale),
        "origin": stage.origin,
        "jump": stage.field.jump,
        "offset": stage.field.offset,
        "size": stage.field.size,
        "affine": None if place is None else list(place)[:6],
        "cells": None if stage.cells is None else [[render.number(v) for v in line] for line in stage.cells],
        "channels": [{"name": name, "low": each.low, "high": each.high} for name, each in stage.channels],
        "boxes": [vars(box) for box in stage.boxes],
        "enlarged": stage.enlarged,
        "pins": [vars(pin) for pin in stage.pins],
        "covered": stage.covered,
    }


def _digest(stage: Stage, pixels: bytes) -> str:
    """What two pictures share only if they look the same."""
    colours = stage.scale.palette.encode() if stage.scale is not None else b""
    return hashlib.blake2b(pixels, digest_size=8, key=colours).hexdigest()


def _is_empty(picture: np.ndarray) -> bool:
    """Whether all is nodata: there is no range to show then."""
    return bool((picture == render.LEVELS).all()) if picture.ndim == 2 else not picture[..., 3].any()


def _legend(scale: ColourScale | None) -> dict[str, Any] | None:
    if scale is None or not np.isfinite([scale.low, scale.high]).all():
        return None
    middle = (scale.low + scale.high) / 2
    return {
        "colours": scale.colours(),
        "low": scale.low,
        "high": scale.high,
        "ticks": [render.number(value) for value in (scale.low, middle, scale.high)],
        "rule": scale.rule,
    }
