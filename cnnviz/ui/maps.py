"""Feature maps as pictures: one colour scale per group, so that what is shown side by side can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnviz import render
from cnnviz.layers import FeatureMap, ReceptiveField
from cnnviz.render import ColourScale
from cnnviz.ui.pictures import Stage, caption, cells
from cnnviz.ui.view import View


def band_stage(view: View, band: str, **more: Any) -> Stage:
    """The window in one band, grey, stretched as the whole raster is."""
    patch = view.patch([band])
    array = patch.array[..., 0]
    scale = view.grey(band)
    return Stage(
        name=band,
        picture=scale.indices(array),
        caption=caption(array, view.metres),
        alt=f"Band {band} of {view.scene.name} in grey.",
        scale=scale,
        cells=cells(array),
        transform=patch.transform if view.on_ground else None,
        origin=view.window[:2],
        **more,
    )


def composite_stage(view: View, bands: Sequence[str], **more: Any) -> Stage:
    """The window in three bands as red, green and blue, each stretched as the whole raster is."""
    patch = view.patch(bands)
    scales = [view.grey(band) for band in bands]
    return Stage(
        name=", ".join(bands),
        picture=render.composite(patch.array, [(scale.low, scale.high) for scale in scales]),
        caption=caption(patch.array, view.metres, f"each band stretched {scales[0].rule}"),
        alt=f"Bands {', '.join(bands)} of {view.scene.name} as red, green and blue.",
        channels=list(zip(bands, scales, strict=True)),
        transform=patch.transform if view.on_ground else None,
        origin=view.window[:2],
        **more,
    )


def group_scales(maps: Sequence[FeatureMap]) -> dict[int, ColourScale]:
    """One signed scale per group: a convolution and the activations and poolings that follow it."""
    groups: dict[int, list[np.ndarray]] = {}
    for found in maps:
        groups.setdefault(found.group, []).append(found.array)
    return {group: ColourScale.signed(*arrays) for group, arrays in groups.items()}


def map_stage(view: View, found: FeatureMap, scale: ColourScale, *, channel: int = 0, **more: Any) -> Stage:
    """One map of a layer, on the scale of its group."""
    array = found.array[..., channel]
    transform = view.transform
    metres = view.metres and scaled(view.metres, found.field)
    return Stage(
        **{
            "name": found.name,
            "operation": found.name,
            "picture": scale.indices(array),
            "caption": caption(array, metres),
            "alt": f"{found.name}: {render.size(*array.shape)} pixels, {render.span(*render.value_range(array))}.",
            "scale": scale,
            "cells": cells(array),
            "field": found.field,
            "transform": found.field.place(transform) if view.on_ground else None,
            **more,
        }
    )


def over(values: np.ndarray, field: ReceptiveField, shape: Sequence[int], shown: Sequence[int]) -> np.ndarray:
    """Cells ``(rows, cols)`` of ``field`` on a picture of ``shown`` pixels of an image of ``shape``: one place in both.

    Each pixel has the value of the cell that its centre lies in, NaN where there is none.
    """
    places = [
        np.floor(((np.arange(shown[axis]) + 0.5) * shape[axis] / shown[axis] - field.offset[axis]) / field.jump[axis])
        for axis in (0, 1)
    ]
    rows, cols = (place.astype(np.intp) for place in places)
    inside = ((rows >= 0) & (rows < values.shape[0]))[:, None] & ((cols >= 0) & (cols < values.shape[1]))
    found = values[rows.clip(0, values.shape[0] - 1)[:, None], cols.clip(0, values.shape[1] - 1)]
    return np.where(inside, found, np.float32(np.nan))


def scaled(metres: tuple[float, float], field: ReceptiveField) -> tuple[float, float]:
    """Ground sampling distance after a stack of layers, ``(rows, cols)`` in metres."""
    return metres[0] * field.jump[0], metres[1] * field.jump[1]
