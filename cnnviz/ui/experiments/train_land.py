"""A trained model over the whole current scene: a map of classes, how sure it is, and where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.land_cover import LandCover, agreement
from cnnviz.render import ColourScale, Palette
from cnnviz.scene import open_scene
from cnnviz.scores import accuracy
from cnnviz.text import ground
from cnnviz.ui import classes, land_runs, runs, watching, whole_picture
from cnnviz.ui.experiments.train_results import confusion_chart
from cnnviz.ui.jobs import State
from cnnviz.ui.labels import labels_of
from cnnviz.ui.land_runs import Covering
from cnnviz.ui.maps import over
from cnnviz.ui.pictures import Room, Stage, strip
from cnnviz.ui.trained import TrainedModel
from cnnviz.ui.view import OVERVIEW_SIDE, View
from cnnviz.ui.visit import visit
from cnnviz.ui.words import plain


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
        watching.watch(found.job, runs.queue_of_runs(), f"{found.name} classifies", "land_cancel")
    else:
        _ended(view, found)


def _ended(view: View, found: Covering) -> None:
    job = found.job
    if job.state is State.FAILED:
        st.error(plain(job.problem))
    elif job.state is State.CANCELLED:
        st.info("Cancelled; nothing of it is kept.")
    elif job.result and found.target.exists():
        strip(stages(view, found), "land_strip", crs=view.crs, room=Room("16rem", 520))
        st.html(classes.legend(found.classes))
        st.caption("Hatched: no whole chip fits there, or the scene has no data.")
        left, right = st.columns(2)
        left.dataframe(table(found, job.result), hide_index=True, key="land_counts")
        with right:
            _confusion(found)
        _take(found)


def stages(view: View, found: Covering) -> list[Stage]:
    """The scene, its classes and how sure they are: one place is one place in all, from overviews of large scenes."""
    same = view.scene.key == found.scene.key
    scene = whole_picture.before(view, None) if same else []
    like = scene[0] if scene else None
    return [*scene, _classes(found, like), _confidence(found, like)]


def _classes(found: Covering, like: Stage | None) -> Stage:
    drawn, where, said = _drawn(found, land_runs.files(found)[0], like)
    best = np.where(np.isnan(drawn), classes.NOTHING, drawn).astype(np.uint8)
    present = len(np.unique(best[best != classes.NOTHING]))
    return Stage(
        name="classes",
        operation=found.name,
        picture=classes.picture(best, found.classes),
        caption=f"{said} · {present} of {len(found.classes)} classes",
        alt=f"The class of every step of {found.scene.name}{said}.",
        **where,
    )


def _confidence(found: Covering, like: Stage | None) -> Stage:
    scale = ColourScale(Palette.SHARE, 0, 1, "share of the likeliest class")
    drawn, where, said = _drawn(found, land_runs.files(found)[1], like)
    return Stage(
        name="confidence",
        operation="largest share",
        picture=scale.indices(drawn),
        caption=f"{said} · {render.span(*render.value_range(drawn))}",
        alt=f"How sure the model is of every step of {found.scene.name}{said}.",
        scale=scale,
        **where,
    )


def _drawn(found: Covering, path: Path, like: Stage | None) -> tuple[np.ndarray, dict[str, Any], str]:
    """A map on the pixels of the scene's picture, or as it is; where that lies, and the map's own size in words."""
    file = open_scene(path)
    patch = file.read(max_size=OVERVIEW_SIDE)
    values, metres = patch.array[..., 0], file.pixel_size
    said = f" · {render.size(*file.shape[:2])} px" + (f" · {ground(metres)}" if metres else "")
    field = whole_picture.reduced(found.field, file.shape, values.shape)
    if like is None:
        return values, {"field": field, "transform": patch.transform if metres else None}, said
    shown = like.picture.shape[:2]
    return over(values, field, found.scene.shape, shown), {"field": like.field, "transform": like.transform}, said


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
    """Against the scene's labels, where it has some that name a class of the model."""
    labels = labels_of(found.scene)
    counts = np.zeros((len(found.classes),) * 2, np.int64)
    if labels and (values := labels.values(found.classes)):
        known = agreement(found.target, labels.path, values)
        counts[: len(known), : len(known)] = known
    if not labels or not counts.any():
        st.caption(_NO_LABELS)
        return
    st.markdown("**Confusion** in pixels · rows: what the labels say; columns: what it was called")
    st.altair_chart(confusion_chart(counts, found.classes), key="land_confusion")
    made_up = " of this synthetic scene" if labels.synthetic else ""
    st.caption(
        f"{render.number(100 * accuracy(counts), 3)} % of {int(counts.sum()):,} pixels agree with the labels{made_up}; "
        "some of these places may have been training chips."
    )


_NO_LABELS = (
    "For a confusion, give labels of this scene under “Images of your own”, with the names of the classes that the "
    "model knows."
)


def _take(found: Covering) -> None:
    stem = Path(found.scene.name).stem.lower().replace(" ", "_").replace(",", "")
    with st.container(horizontal=True):
        for label, path in zip(("Classes", "Confidence"), land_runs.files(found), strict=True):
            name = f"{stem}_{label.lower()}.tif"
            st.download_button(
                f"{label} (GeoTIFF)", path.read_bytes, name, "image/tiff", key=f"land_get_{label}", on_click="ignore"
            )
