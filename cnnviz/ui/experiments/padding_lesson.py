"""What the page on padding and stride asks, and what it gives to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnnviz.padding import Axis, Border
from cnnviz.ui import teach
from cnnviz.ui.experiments.padding import Setting
from cnnviz.ui.teach import Question, Task
from cnnviz.walk import Walk


def predict(given: Setting, found: Walk) -> bool:
    """Ask for the number of rows; returns whether the result is still covered."""
    rows, _ = found.axes
    return teach.predict(
        Question(
            identity=repr(given),
            text=f"The grid has {rows.size} rows, padding adds {rows.before} above and {rows.after} below. The kernel "
            f"has {rows.kernel} rows, dilation {rows.dilation}, stride {rows.stride}. How many rows will come out?",
            choices=tuple(str(choice) for choice in choices(rows)),
            answer=str(rows.out),
            because=because(rows),
        ),
        "padding",
    )


def choices(axis: Axis) -> list[int]:
    """The right number of outputs among four, the others what usual mistakes give.

    >>> choices(Axis(size=5, kernel=3, before=1, after=1, stride=2, dilation=1))
    [2, 3, 4, 5]
    """
    bare = axis._replace(before=0, after=0)
    mistakes = [bare.out, axis._replace(stride=1).out, axis.size, axis.out - 1, *range(axis.out + 1, axis.out + 4)]
    wrong = [found for found in dict.fromkeys(mistakes) if found >= 1 and found != axis.out]
    return sorted([axis.out, *wrong[:3]])


def because(axis: Axis) -> str:
    """The numbers that show why."""
    padded = axis.size + axis.before + axis.after
    free = padded - axis.span
    return (
        f"The kernel spans {axis.span} of {padded} rows, so that it can move on by {free}: {free // axis.stride} steps "
        f"of {axis.stride}, and the place where it starts."
    )


def tasks(given: Setting, found: Walk) -> None:
    """Three things to try."""
    teach.tasks(
        [
            Task("Find a stride at which the last column is never seen.", last_column_unseen(found)),
            Task("Let every cell be seen equally often, by a kernel of more than one cell.", seen_equally(found)),
            Task("Keep the size of the grid, and make the edge at its left border disappear.", edge_gone(given, found)),
        ],
        "padding",
    )
    teach.earth(
        "A result at stride 2 has pixels of 20 m instead of 10 m, and its corner may have moved: who forgets that puts "
        "every river beside its bed, and zero padding draws a coast around every scene."
    )


def last_column_unseen(found: Walk) -> bool:
    """Whether a stride above 1 leaves the last column out."""
    return found.axes[1].stride > 1 and not found.visits[:, -1].any()


def seen_equally(found: Walk) -> bool:
    """Whether all cells have the same number of visits, and there is more than one tap to visit them."""
    visits = found.visits
    return found.axes[0].kernel * found.axes[1].kernel > 1 and visits.min() == visits.max() > 0


def edge_gone(given: Setting, found: Walk) -> bool:
    """Whether zeros would give the left border an edge that this fill does not, at the same size."""
    same_size = found.outputs.shape == found.grid.shape
    return (
        same_size
        and not np.any(found.outputs[:, 0])
        and bool(np.any(replace(given, fill=Border.ZERO).walk().outputs[:, 0]))
    )
