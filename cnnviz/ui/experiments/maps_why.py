"""Why the network says what it says: its answer, Grad-CAM, what each band adds, and occlusion."""

from __future__ import annotations

import altair as alt
import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.errors import CnnvizError
from cnnviz.gradients import Contributions, GradCam
from cnnviz.occlusion import Occlusion
from cnnviz.portable import softmax
from cnnviz.render import ColourScale, Palette
from cnnviz.ui import link
from cnnviz.ui.experiments import maps_inputs
from cnnviz.ui.experiments.maps import Setting
from cnnviz.ui.pictures import Room, Stage, caption, cells, strip
from cnnviz.ui.words import plain
from cnnviz.weights import Array


def answer(given: Setting) -> Array | None:
    """Logits ``(classes,)``, or None where the network gives maps and no classes."""
    if not given.subject.classes or given.maps[-1].array.shape[:2] != (1, 1):
        return None
    return given.subject.opened.logits(given.image.array)


def show(given: Setting) -> None:
    """The answer and three opinions on where it comes from."""
    logits = answer(given)
    if logits is None:
        return
    st.subheader("Why this answer?", anchor=False)
    if not np.isfinite(logits).all():
        st.caption("Parts of the image have no data, so there is no answer: choose another part of the scene.")
        return
    st.markdown(said(given, logits))
    names = dict(enumerate(given.subject.classes))
    label = link.choose("Class to explain", {-1: "the network's answer"} | names, "maps_class", width=240)
    label = int(logits.argmax()) if label == -1 else label
    try:
        _show_heat(given, label)
        _show_bands(given, label)
    except CnnvizError as error:
        st.caption(plain(str(error)))


def said(given: Setting, logits: Array) -> str:
    """The three likeliest classes with their shares, and whether the first is right."""
    shares = softmax(logits[None, None])[0, 0]
    order = np.argsort(-shares)[:3]
    classes, label = given.subject.classes, given.image.label
    parts = [f"{classes[n]} ({render.number(100 * float(shares[n]), 2)} %)" for n in order]
    verdict = ""
    if label is not None:
        verdict = " · right" if order[0] == label else f" · wrong: it is {classes[label]}"
    return f"**{parts[0]}**, then {', '.join(parts[1:])}{verdict}"


def _show_heat(given: Setting, label: int) -> None:
    image = given.image.array
    found = _seen(given.key, label, given)
    if found is None:
        return
    layer, cam = found
    size = max(2, min(image.shape[:2]) // 4)
    covered = _covered(given.key, label, size, given)
    stages = [maps_inputs.stage(given.image), *_heat(cam), _occluded(covered, size)]
    strip(stages, "maps_why", room=Room("11rem", 230), hint=_HINT)
    st.caption(
        f"Grad-CAM at layer {layer + 1}, on the logit of {given.subject.classes[label]} "
        f"({render.number(cam.logit)}): its maps, each times the mean slope of the logit, added up, and what is "
        f"negative left out. Occlusion covers {size} × {size} pixels with each band's mean and shows how far the logit "
        "falls."
    )


_HINT = "Point at a cell: the same place is marked in every picture."


def _heat(cam: GradCam) -> list[Stage]:
    top = float(cam.heat.max()) or 1.0
    scale = ColourScale(Palette.SHARE, 0, top, "from 0")
    large = cam.enlarged()
    return [
        Stage(
            name="its own cells",
            operation="Grad-CAM",
            picture=scale.indices(cam.heat),
            caption=caption(cam.heat, None),
            alt=f"Grad-CAM at its own resolution: {render.size(*cam.heat.shape)}.",
            scale=scale,
            cells=cells(cam.heat) if max(cam.heat.shape) <= 6 else None,
            field=cam.field,
        ),
        Stage(
            name="on the input's pixels",
            operation="enlarged",
            picture=scale.indices(large),
            caption=caption(large, None, "linear between cells"),
            alt="The same, enlarged to the input's pixels.",
            scale=scale,
        ),
    ]


def _occluded(found: Occlusion, size: int) -> Stage:
    scale = ColourScale.signed(found.drops)
    return Stage(
        name=f"{size} × {size} px covered",
        operation="Occlusion",
        picture=scale.indices(found.drops),
        caption=caption(found.drops, None, "red: the logit falls"),
        alt="How far the logit falls where a window is covered.",
        scale=scale,
        field=found.field,
    )


def _show_bands(given: Setting, label: int) -> None:
    """What each band adds to the logit, from the examples' mean to this image."""
    bands = given.image.bands
    if len(bands) < 2:
        return
    ready = given.subject.examples
    baseline = ready.images.mean(axis=(0, 1, 2)) if ready else np.zeros(len(bands), np.float32)
    found = _added(given.key, label, tuple(baseline.tolist()), given)
    st.markdown(f"**What each band adds** to the logit of {given.subject.classes[label]}")
    st.altair_chart(_bars(found, bands), height=220)
    start = "an image that is the mean of the examples everywhere" if ready else "an image of zeros"
    total = render.number(float(found.by_band.sum()))
    st.caption(
        f"From {start}, logit {render.number(found.baseline)}, to this one, logit {render.number(found.logit)}: the "
        f"bars add up to {total}, the difference is {render.number(found.logit - found.baseline)} (integrated "
        "gradients)."
    )


@st.cache_resource(max_entries=16, ttl=600, show_spinner=False)
def _seen(key: str, label: int, _given: Setting) -> tuple[int, GradCam] | None:
    del key  # what the cache tells questions apart by
    return _given.subject.opened.grad_cam(_given.image.array, label)


@st.cache_resource(max_entries=16, ttl=600, show_spinner=False)
def _covered(key: str, label: int, size: int, _given: Setting) -> Occlusion:
    del key
    return _given.subject.opened.occlusion(_given.image.array, label, size=size, stride=max(1, size // 2))


@st.cache_resource(max_entries=16, ttl=600, show_spinner=False)
def _added(key: str, label: int, baseline: tuple[float, ...], _given: Setting) -> Contributions:
    del key
    return _given.subject.opened.contributions(_given.image.array, label, baseline=baseline)


def _bars(found: Contributions, bands: tuple[str, ...]) -> alt.Chart:
    rows = [{"band": band, "adds": float(value)} for band, value in zip(bands, found.by_band, strict=True)]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("band:N", sort=list(bands), title=None),
            y=alt.Y("adds:Q", title="adds to the logit"),
            color=alt.condition("datum.adds > 0", alt.value("#b2182b"), alt.value("#2166ac")),
            tooltip=["band:N", alt.Tooltip("adds:Q", format=".3f")],
        )
    )
    return chart
