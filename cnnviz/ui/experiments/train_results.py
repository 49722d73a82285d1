"""What a trained network gets right and wrong: confusion, scores of each class, the worst mistakes, runs compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from cnnviz.chips import Split
from cnnviz.scores import class_scores, confusion, worst_mistakes
from cnnviz.ui.experiments.train import SPLITS
from cnnviz.ui.experiments.train_data import picture, stretch
from cnnviz.ui.pictures import Room, strip
from cnnviz.ui.shares import share_ink, share_scale
from cnnviz.ui.trained import Snapshot, TrainedModel
from cnnviz.ui.words import percent

_MISTAKES, _CELL = 8, 34


def show(model: TrainedModel, snapshot: Snapshot) -> None:
    """Confusion and scores as they were after an epoch, and the mistakes that were made with most confidence."""
    classes = model.judged.classes
    counts = confusion(model.judged.labels, snapshot.shares.argmax(axis=1), classes=len(classes))
    table, scores = st.columns(2)
    with table:
        st.markdown("**Confusion** · rows: what an image is; columns: what it was called")
        st.altair_chart(confusion_chart(counts, classes), key="train_confusion")
    with scores:
        st.markdown("**Every class**")
        _scores(counts, classes)
    _mistakes(model, snapshot)


def confusion_chart(counts: np.ndarray, classes: Sequence[str]) -> Any:
    """Confusion ``(classes, classes)`` as a chart: what a thing is down, what it was called across."""
    rows = [
        {"is": classes[i], "called": classes[j], "count": int(counts[i, j]), "said": short(int(counts[i, j]))}
        for i in range(len(classes))
        for j in range(len(classes))
    ]
    top = int(counts.max(initial=1))
    order = list(classes)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("called:N", sort=order, axis=alt.Axis(orient="top", labelAngle=-45, labelOverlap=False)),
        y=alt.Y("is:N", sort=order, axis=alt.Axis(labelOverlap=False)),
    )
    legend = alt.Legend(title="count", gradientLength=_CELL * len(classes) // 2)
    cells = base.mark_rect().encode(color=alt.Color("count:Q", scale=alt.Scale(**share_scale(top)), legend=legend))
    ink = share_ink("datum.count", top)
    words = base.mark_text().encode(
        text="said:N",
        color=alt.condition(ink["condition"]["test"], alt.value(ink["condition"]["value"]), alt.value(ink["value"])),
    )
    return alt.layer(cells, words).properties(height=_CELL * len(classes) + 110)


def short(count: int) -> str:
    """A count that fits into a cell: thousands and millions with two digits.

    >>> short(718), short(3224), short(23_456), short(4_567_890)
    ('718', '3.2k', '23k', '4.6M')
    """
    for size, letter in ((10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.{1 if count < 10 * size else 0}f}{letter}"
    return str(count)


def _scores(counts: np.ndarray, classes: Sequence[str]) -> None:
    found = class_scores(counts)
    share = st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.3f", width="small")
    st.dataframe(
        {
            "class": list(classes),
            "precision": [each.precision for each in found],
            "recall": [each.recall for each in found],
            "F1": [each.f1 for each in found],
            "images": [each.support for each in found],
        },
        hide_index=True,
        key="train_scores",
        column_config={"precision": share, "recall": share, "F1": share},
        height=36 * (len(classes) + 1),
    )
    st.caption("Precision: of those called so, the share that is. Recall: of those that are, the share called so.")


def _mistakes(model: TrainedModel, snapshot: Snapshot) -> None:
    chips, limits = model.judged, stretch(model.training)
    found = worst_mistakes(snapshot.shares, chips.labels, count=_MISTAKES)
    if not found:
        st.markdown("**No mistakes** on the images held back: try fewer images to learn from, or harder ones.")
        return
    st.markdown("**The worst mistakes** · the most confident first")
    stages = [
        picture(
            chips,
            each.index,
            limits,
            name=f"{chips.classes[each.predicted]}? {percent(each.probability, 0)}",
            note=f" · it is {chips.classes[each.label]}, given {percent(each.own_probability)}",
        )
        for each in found
    ]
    strip(stages, "train_mistakes", room=Room("6.4rem", 160, gallery=True), hint="")


def compare(models: Mapping[str, TrainedModel]) -> None:
    """All runs of the visit in one table and one chart, and means over seeds where there are several."""
    if len(models) < 2:
        return
    st.subheader("Runs compared", anchor=False)
    shown = list(models.values())
    st.dataframe(
        {
            "run": [each.name for each in shown],
            "images": [each.training.title for each in shown],
            "held back": [SPLITS[each.how].lower() for each in shown],
            "seed": [each.plan.seed for each in shown],
            "epochs": [len(each.history.epochs) for each in shown],
            "batch": [each.plan.batch_size for each in shown],
            "parameters": [sum(each.network.parameters()) for each in shown],
            "right": [each.accuracy for each in shown],
            "seconds": [round(each.seconds, 1) for each in shown],
        },
        hide_index=True,
        key="train_runs",
        column_config={"right": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.4f")},
    )
    st.altair_chart(_runs(shown), height=220, key="train_runs_chart")
    for line in [*seeds(shown), *leaks(shown)]:
        st.markdown(line)


def _runs(models: Sequence[TrainedModel]) -> Any:
    rows = [
        {"run": each.name, "epoch": number, "accuracy": value} for each in models for number, value in held_back(each)
    ]
    x = alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("accuracy:Q", title="accuracy, held back", scale=alt.Scale(zero=False))
    return alt.Chart(alt.InlineData(values=rows)).mark_line(point=True).encode(x=x, y=y, color="run:N")


def held_back(model: TrainedModel) -> list[tuple[int, float]]:
    """Accuracy on images held back after each epoch; of a search's best, which is judged once, after its last."""
    epochs = model.history.epochs
    found = [(each.number, each.val_accuracy) for each in epochs if each.val_accuracy is not None]
    return found or [(len(epochs), model.accuracy)]


def _but_seed(model: TrainedModel) -> str:
    """Everything about a run but its seed."""
    return repr((model.data, model.how, model.plan.changed(seed=0), len(model.training.classes)))


def seeds(models: Sequence[TrainedModel]) -> list[str]:
    """Mean and spread of the runs that differ in their seed alone, as sentences."""
    groups: dict[str, dict[int, TrainedModel]] = {}
    for each in models:
        groups.setdefault(_but_seed(each), {})[each.plan.seed] = each
    found = []
    for group in groups.values():
        if len(group) > 1:
            values = np.array([each.accuracy for each in group.values()])
            names = ", ".join(each.name for each in group.values())
            found.append(
                f"{names} differ in their seed alone: **{percent(values.mean())} ± {percent(values.std(ddof=1))}** "
                f"(mean and standard deviation of {len(values)})."
            )
    return found


def leaks(models: Sequence[TrainedModel]) -> list[str]:
    """What a split at random promises more than one by blocks, for runs that are alike otherwise."""
    pairs: dict[str, dict[Split, TrainedModel]] = {}
    for each in models:
        pairs.setdefault(repr((each.data, each.plan)), {})[each.how] = each
    return [
        f"Held back at random, {pair[Split.RANDOM].name} is right in **{percent(pair[Split.RANDOM].accuracy)}**; "
        f"by blocks, {pair[Split.BLOCKS].name} in **{percent(pair[Split.BLOCKS].accuracy)}**: a difference of "
        f"{100 * (pair[Split.RANDOM].accuracy - pair[Split.BLOCKS].accuracy):.1f} points, by neighbours or by chance."
        for pair in pairs.values()
        if len(pair) > 1
    ]
