"""What the pooling page asks, and what it gives to do."""

from __future__ import annotations

from cnnviz.ui import teach
from cnnviz.ui.experiments.pooling import Result
from cnnviz.ui.teach import Question, Task


def predict(result: Result) -> bool:
    """Ask how many rows come out; returns whether the results stay covered."""
    rows, _ = result.axes
    n, k, s = rows.size, rows.kernel, rows.stride
    around = f" with {rows.before} + {rows.after} rows of padding" if rows.before + rows.after else ""
    answer = rows.out
    wrong = {-(-n // s), n - k + 1, n // k, n // s, answer + 1, answer - 1, 2 * answer} - {answer}
    near = sorted({*sorted(wrong, key=lambda other: abs(other - answer))[:2], answer, max(wrong)})
    return teach.predict(
        Question(
            identity=f"{n} {k} {s} {rows.before} {rows.after}",
            text=f"{k} × {k} windows, one every {s} pixels{around}, over {n} rows. How many rows come out?",
            choices=tuple(str(count) for count in near),
            answer=str(answer),
            because=f"⌊({n} + {rows.before} + {rows.after} − {k}) / {s}⌋ + 1 = {answer}.",
        ),
        "pooling",
    )


def tasks(result: Result, *, steady: bool) -> None:
    """Three things to try; ``steady`` says whether the shift in view leaves enough of the map as it was."""
    teach.tasks(
        [
            Task("Find a window and a stride at which the last rows are never seen.", result.unseen[0] > 0),
            Task("Make one pixel of the map as wide as six of the scene.", result.given.stride == 6),
            Task(
                "Shift the scene by 2 pixels or more, and find a pooling after which over a third of the largest "
                "numbers are still the same.",
                steady,
            ),
        ],
        "pooling",
    )
    teach.earth(
        "Average pooling is what a coarser satellite would have seen; max pooling keeps the boat on the lake and the "
        "white roof in the forest, and loses the dark stream that min pooling keeps."
    )
