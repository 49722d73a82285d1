"""A trained model over the whole current scene: a map of classes, how sure it is, and where it is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.estimate import duration
from cnnviz.land_cover import LandCover, agreement
from cnnviz.render import ColourScale, Palette
from cnnviz.samples import LABEL_CLASSES, open_labels, open_sample
from cnnviz.scene import open_scene
from cnnviz.scores import accuracy
from cnnviz.ui import land_runs, runs
from cnnviz.ui.experiments.maps_earth import colours, legend
from cnnviz.ui.jobs import State
from cnnviz.ui.land_runs import Covering
from cnnviz.ui.pictures import Room, Stage, caption, strip
from cnnviz.ui.trained import TrainedModel
from cnnviz.ui.view import OVERVIEW_SIDE, View
from cnnviz.ui.visit import visit
from cnnviz.ui.words import plain

_TICK = 0.5  # seconds between two looks at a run


def show(view: View, model: TrainedModel) -> None:
    """The part, for models with several bands: those of digits have nothing to say about a scene."""
    if len(model.training.bands) > 1:
        st.subheader("The whole scene", anchor=False)
        st.fragment(_part)(view, model)


def _part(view: View, model: TrainedModel) -> None:
    if gone := land_runs.missing(view, model):
        st.caption(f"{plain(view.scene.name)} lacks {', '.join(map(plain, gone))}, which {model.name} was trained on.")
        return
    found = land_runs.current()
    wanted = land_runs.request(view, model)
    outlook, problem = runs.complaint(lambda: runs.outlook(wanted))
    refusal = problem or (outlook.refusal if outlook else "")
    busy = found is not None and not found.job.finished
    with st.container(horizontal=True, vertical_alignment="center"):
        given = (wanted, model, visit())
        off = busy or bool(refusal)
        st.button("Classify", key="land_start", type="primary", disabled=off, on_click=land_runs.start, args=given)
        st.caption(plain(refusal) or f"{model.name} slides over all of {plain(view.scene.name)}.")
    if found is None:
        return
    if busy:
        st.fragment(_watch, run_every=_TICK)(found)
    else:
        _ended(view, found)


def _watch(found: Covering) -> None:
    job = found.job
    if job.finished:
        st.rerun()
    ahead = land_runs.runs_queue().ahead(job)
    left = f", {duration(job.seconds_left)} left" if job.seconds_left else ""
    words = f"Waiting for {ahead} other runs" if ahead else f"Classifying: {round(100 * job.share)} %{left}"
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container():
            st.progress(min(job.share, 1.0), words)
        st.button("Cancel", key="land_cancel", on_click=job.cancel)


def _ended(view: View, found: Covering) -> None:
    job = found.job
    if job.state is State.FAILED:
        st.error(plain(job.problem))
    elif job.state is State.CANCELLED:
        st.info("Cancelled; nothing of it is kept.")
    elif job.result and found.target.exists():
        strip(stages(found), "land_strip", crs=view.crs, room=Room("18rem", 520))
        st.html(legend(found.classes))
        left, right = st.columns(2)
        left.dataframe(table(found, job.result), hide_index=True, key="land_counts")
        with right:
            _confusion(found)
        _take(found)


def stages(found: Covering) -> list[Stage]:
    """Classes and confidence, from their overviews."""
    classes, sure = (open_scene(path).read(max_size=OVERVIEW_SIDE) for path in land_runs.files(found))
    palette = np.zeros((256, 4), np.uint8)
    for number, colour in enumerate(colours(found.classes)):
        palette[number] = (*bytes.fromhex(colour[1:]), 255)
    best = np.where(np.isnan(classes.array[..., 0]), 255, classes.array[..., 0]).astype(np.uint8)
    scale, place = ColourScale(Palette.SHARE, 0, 1, "share of the likeliest class"), found.scene.pixel_size is not None
    size = f"{render.size(*best.shape)} px"
    return [
        Stage(
            name="classes",
            operation=found.name,
            picture=palette[best],
            caption=f" · {size}",
            alt=f"The class of every step, {size}.",
            transform=classes.transform if place else None,
        ),
        Stage(
            name="confidence",
            operation="largest share",
            picture=scale.indices(sure.array[..., 0]),
            caption=caption(sure.array[..., 0], None),
            alt=f"How sure the model is, {size}.",
            scale=scale,
            transform=sure.transform if place else None,
        ),
    ]


def table(found: Covering, result: LandCover) -> list[dict[str, object]]:
    """Pixels of each class, their share, and their area where pixels have one."""
    total = max(sum(result.counts), 1)
    size = open_scene(found.target).pixel_size
    rows: list[dict[str, object]] = []
    for name, count in zip(found.classes, result.counts, strict=True):
        row: dict[str, object] = {"class": name, "pixels": count, "share, %": round(100 * count / total, 2)}
        if size is not None:
            row["area, km²"] = round(count * size[0] * size[1] / 1e6, 3)
        rows.append(row)
    return rows


def _confusion(found: Covering) -> None:
    """Against the labels, where the scene is the one that comes with some."""
    if found.scene.key != open_sample("sentinel2").key:
        return
    values = {each.value: found.classes.index(each.title) for each in LABEL_CLASSES if each.title in found.classes}
    if not values:
        return
    counts = agreement(found.target, open_labels().path, values)
    lines = zip(found.classes, counts.tolist(), strict=False)
    rows = [{"is ↓ called →": name, **dict(zip(found.classes, line, strict=False))} for name, line in lines]
    st.dataframe(rows, hide_index=True, key="land_confusion")
    st.caption(
        f"{render.number(100 * accuracy(counts), 3)} % agree with the labels of this synthetic scene; some of these "
        "places may have been training chips."
    )


def _take(found: Covering) -> None:
    stem = Path(found.scene.name).stem.lower().replace(" ", "_").replace(",", "")
    with st.container(horizontal=True):
        for label, path in zip(("Classes", "Confidence"), land_runs.files(found), strict=True):
            name = f"{stem}_{label.lower()}.tif"
            st.download_button(
                f"{label} (GeoTIFF)", path.read_bytes, name, "image/tiff", key=f"land_get_{label}", on_click="ignore"
            )
