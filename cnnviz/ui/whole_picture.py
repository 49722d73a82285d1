"""The result of a run over a whole scene as a picture, from its overviews, beside what it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.geometry import ReceptiveField
from cnnviz.layers import Conv2D
from cnnviz.render import ColourScale, Palette, StretchRule
from cnnviz.scene import Patch, Scene
from cnnviz.statistics import band_statistics
from cnnviz.ui.pictures import Stage, caption
from cnnviz.ui.runs import Running
from cnnviz.ui.view import OVERVIEW_SIDE, View, same_scene


def stages(running: Running, band: str) -> list[Stage]:
    """The whole scene, where there is a picture of it, and one map of the result; the same place is marked in both."""
    request, result = running.request, running.result
    if result is None:
        return []
    field = request.network.receptive_field(request.view.scene.shape)
    made = _stage(result, [band], field, signed=any(isinstance(each, Conv2D) for each in request.network.layers))
    made = replace(made, operation=request.title)
    return [*before(request.view, request.network.bands), made]


def before(view: View, bands: Sequence[str] | None) -> list[Stage]:
    """The whole scene, where there is a picture of it: its one band of ``bands``, or three in colour."""
    if view.whole is None:
        return []
    return [_stage(view.whole, bands if bands and len(bands) == 1 else view.default_bands(), ReceptiveField())]


def _stage(scene: Scene, bands: Sequence[str], field: ReceptiveField, *, signed: bool = False) -> Stage:
    """One band on its scale, or three in colour."""
    patch = whole(scene, tuple(bands))
    array, shown = patch.array, patch.array.shape[:2]
    scales = [ColourScale.signed(array)] if signed else [_grey(array[..., each]) for each in range(len(bands))]
    one = len(bands) == 1
    picture = scales[0].indices(array[..., 0])
    colours = render.composite(array, [(each.low, each.high) for each in scales]) if not one else picture
    return Stage(
        name=", ".join(dict.fromkeys(bands)),
        picture=colours,
        caption=_caption(scene, array, shown, "" if one else f"each band stretched {scales[0].rule}"),
        alt=f"The whole of {scene.name}, {', '.join(dict.fromkeys(bands))}: {render.size(*scene.shape[:2])} pixels.",
        scale=scales[0] if one else None,
        field=reduced(field, scene.shape, shown),
        transform=patch.transform if scene.pixel_size else None,
    )


def _caption(scene: Scene, array: np.ndarray, shown: Sequence[int], note: str) -> str:
    """Size and pixels of the scene; where the picture is smaller, the range is that of its means, and that is said."""
    said = caption(array, scene.pixel_size, note)
    size, drawn = render.size(*scene.shape[:2]), render.size(*shown[:2])
    if size == drawn:
        return said
    return said.replace(f"{drawn} px", f"{size} px", 1) + f" of means, drawn as {drawn}"


def reduced(field: ReceptiveField, shape: Sequence[int], shown: Sequence[int]) -> ReceptiveField:
    """Field of a pixel of a smaller picture: its centre lies in the middle of the pixels that it stands for."""
    down, across = shape[0] / shown[0], shape[1] / shown[1]
    jump = field.jump[0] * down, field.jump[1] * across
    return replace(field, jump=jump)  # type: ignore[arg-type]  # such a pixel need not be a whole number of others


def _grey(array: np.ndarray) -> ColourScale:
    low, high = render.limits(band_statistics(array, ""), StretchRule.PERCENTILE)
    return ColourScale(Palette.GREY, low, high, f"{StretchRule.PERCENTILE} of the whole raster")


@st.cache_resource(max_entries=6, ttl=600, show_spinner=False, hash_funcs={Scene: same_scene})
def whole(scene: Scene, bands: tuple[str, ...]) -> Patch:
    """All of a raster, at most so many pixels a side, from its overviews."""
    patch = scene.read(bands=list(bands), max_size=OVERVIEW_SIDE)
    patch.array.flags.writeable = False
    return patch
