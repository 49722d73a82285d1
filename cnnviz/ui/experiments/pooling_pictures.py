"""What is pooled and the three results, side by side on one colour scale."""

from __future__ import annotations

from dataclasses import replace

from cnnviz.layers import FeatureMap
from cnnviz.render import ColourScale
from cnnviz.ui.experiments import spot
from cnnviz.ui.experiments.pooling import MODES, Result
from cnnviz.ui.maps import band_stage, map_stage
from cnnviz.ui.pictures import Room, Stage, strip
from cnnviz.ui.view import View

_STRIP = "pooling_strip"


def shared_scale(view: View, result: Result) -> ColourScale:
    """The grey of the band, or one signed scale for the map and all that is pooled from it."""
    if not result.given.signed:
        return view.grey(result.given.band)
    return ColourScale.signed(*(found.array for found in (*result.layers, *result.pooled.values())))


def show(view: View, result: Result, *, covered: bool = False) -> None:
    """Input, the layers before, and max, average and min; a click chooses the pixel that is looked at closely."""
    scale = shared_scale(view, result)
    maps = [*result.layers, *result.pooled.values()]
    stages = [band_stage(view, result.given.band), *(_stage(view, found, result, scale) for found in maps)]
    if covered:
        first = 1 + len(result.layers)
        stages = [*stages[:first], *(replace(stage, covered=True) for stage in stages[first:])]
    strip(
        stages,
        _STRIP,
        crs=view.crs,
        room=Room(least="11rem"),
        hint="Point at a pixel: its window is marked on the input. Click to see its cells below.",
        on_pick=spot.picker(view, [stage.field for stage in stages], _STRIP),
    )


def _stage(view: View, found: FeatureMap, result: Result, scale: ColourScale) -> Stage:
    stage = map_stage(view, found, scale)
    mode = next((mode for mode, pooled in result.pooled.items() if pooled is found), None)
    return stage if mode is None else replace(stage, name=MODES[mode].capitalize())
