"""The training itself: start, pause, stop, and its curves while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from cnnviz.training import Batches, Epoch
from cnnviz.ui import trained, trainings, watching
from cnnviz.ui.experiments.train import Setting
from cnnviz.ui.jobs import State
from cnnviz.ui.trainings import Order, Training
from cnnviz.ui.words import percent, plain

_POINTS = 400  # of a curve


def show(given: Setting) -> None:
    """The button and, once it was pressed, the curves."""
    found = trainings.current()
    running = found is not None and not found.job.finished
    order = Order(given.data, given.plan, given.how, given.training, given.judged)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Train",
            key="train_start",
            type="primary",
            disabled=trainings.busy(),
            on_click=trainings.start,
            args=(order,),
        )
        st.caption(_what(given))
    if found is None:
        return
    if running:
        st.fragment(_watch, run_every=watching.TICK)(found)
    else:
        _ended(found)
        _curves(found.live.batches, found.live.epochs)


def _what(given: Setting) -> str:
    plan = given.plan
    images, batches = len(given.training), -(-len(given.training) // plan.batch_size)
    return (
        f"{plan.epochs} epoch{'s' * (plan.epochs != 1)} of {batches:,} batches: {images:,} images, "
        f"{plan.batch_size} at a time, learning rate {plan.rate:g}."
    )


def _watch(found: Training) -> None:
    """Progress, without moving anything else on the page; when the end has come, the page shows what it brought."""
    job, live = found.job, found.live
    if job.finished:
        st.rerun()
    at = live.batches[-1] if live.batches else None
    doing = f"epoch {at.epoch} of {at.epochs}, batch {at.batch:,} of {at.batches:,}" if at else "getting ready"
    st.progress(job.share, f"{live.name}: {watching.how_far(job, trainings.trainings().ahead(job), doing)}")
    with st.container(horizontal=True):
        if job.state is State.PAUSED:
            st.button("Go on", key="train_resume", on_click=job.resume)
        else:
            st.button("Pause", key="train_pause", on_click=job.pause, disabled=job.state is not State.RUNNING)
        st.button("Stop and keep", key="train_stop", on_click=trainings.stop, args=(found,), disabled=not live.epochs)
        st.button("Cancel", key="train_cancel", on_click=job.cancel)
    _curves(live.batches, live.epochs)


def _ended(found: Training) -> None:
    job = found.job
    if job.state is State.FAILED:
        st.error(plain(job.problem))
    elif job.state is State.CANCELLED:
        st.info(f"{found.live.name} was cancelled; nothing of it is kept.")
    elif found.live.name in trained.trained():
        model = trained.trained()[found.live.name]
        epochs = len(model.history.epochs)
        st.markdown(
            f"**{model.name}** · {epochs} epoch{'s' * (epochs != 1)} in {model.seconds:.1f} s · "
            f"**{percent(model.accuracy)}** of {len(model.judged):,} images that it never saw"
        )


def _curves(batches: Sequence[Batches], epochs: Sequence[Epoch]) -> None:
    """Loss and accuracy: thin for batches, thick for epochs."""
    if not batches:
        return
    left, right = st.columns(2)
    for place, what in ((left, "loss"), (right, "accuracy")):
        place.altair_chart(chart(batches, epochs, what), height=240, key=f"train_{what}")


def chart(batches: Sequence[Batches], epochs: Sequence[Epoch], what: str) -> Any:
    """Curve of ``what``, loss or accuracy, over the epochs."""
    values = np.concatenate([getattr(each, what) for each in batches])
    x = np.arange(1, len(values) + 1) / batches[0].batches
    step = -(-len(values) // _POINTS)
    means = _means(values, step)
    thin = [{"epoch": float(at), what: float(mean)} for at, mean in zip(x[step - 1 :: step], means, strict=True)]
    names = {"training": what, "held back": f"val_{what}"}
    rows = [
        {"epoch": each.number, what: getattr(each, field), "images": name}
        for name, field in names.items()
        for each in epochs
    ]
    scale = alt.Scale(domain=[0, 1]) if what == "accuracy" else alt.Scale(domainMin=0)
    y = alt.Y(f"{what}:Q", scale=scale)
    across = alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1, format="d"))
    behind = (
        alt.Chart(alt.InlineData(values=thin))
        .mark_line(opacity=0.35, strokeWidth=1, color="#888")
        .encode(x=across, y=y)
    )
    front = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(point=True)
        .encode(x=across, y=y, color=alt.Color("images:N", title=None, sort=["training", "held back"]))
    )
    return alt.layer(behind, front)


def _means(values: np.ndarray, step: int) -> np.ndarray:
    whole = len(values) // step * step
    return np.asarray(values[:whole].reshape(-1, step).mean(axis=1))
