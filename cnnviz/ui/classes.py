"""Classes on pages: a fixed colour for each name, their legend, and pictures of maps of classes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np
from numpy.typing import NDArray

from cnnviz.samples import LABEL_CLASSES
from cnnviz.ui.pictures import PIN_COLOURS

#: Stands for no class in a map.
NOTHING = 255
_MORE = ("#999999", "#F0E442", "#000000", "#882255", "#44AA99", "#332288")


def colours(classes: tuple[str, ...]) -> list[str]:
    """A colour for each class: that of the land cover of that name, else the next of a fixed list."""
    known = {each.title: "#" + bytes(each.colour).hex() for each in LABEL_CLASSES}
    others = [colour for colour in (*PIN_COLOURS, *_MORE) if colour not in known.values()]
    return [known.get(name, others[number % len(others)]) for number, name in enumerate(classes)]


def picture(numbers: NDArray[np.uint8], classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """Colours ``(rows, cols, 4)`` of a map ``(rows, cols)`` of classes; :data:`NOTHING` is clear."""
    table = np.zeros((NOTHING + 1, 4), np.uint8)
    for number, colour in enumerate(colours(classes)):
        table[number] = (*bytes.fromhex(colour[1:]), 255)
    found: NDArray[np.uint8] = table[numbers]
    return found


def legend(classes: tuple[str, ...]) -> str:
    """Names of the classes beside their colours, as HTML."""
    return swatches(zip(colours(classes), classes, strict=True))


def swatches(named: Iterable[tuple[str, str]]) -> str:
    """Colours and what each stands for, as HTML: in one line, or as many as it takes.

    >>> "&lt;b&gt;" in swatches([("#000000", "<b>")])
    True
    """
    box = (
        '<span style="display:inline-block;width:0.8rem;height:0.8rem;background:{};border:1px solid #8888"></span> {}'
    )
    items = [box.format(colour, escape(name)) for colour, name in named]
    cells = "".join(f'<span style="white-space:nowrap">{item}</span>' for item in items)
    return f'<div style="display:flex;flex-wrap:wrap;gap:0.2rem 1rem;font-size:0.85rem">{cells}</div>'
