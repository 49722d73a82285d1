"""What each pooling keeps of edges, thin lines and noise: a synthetic test card, and the scene's contrast."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.convolve import pool2d
from cnnviz.layers import PoolMode
from cnnviz.pooling import BRIGHT, Kept, card, kept
from cnnviz.render import ColourScale, Palette, number
from cnnviz.ui.experiments.pooling import MODES, Result
from cnnviz.ui.pictures import Room, Stage, caption, strip


def show(result: Result) -> None:
    """The card under the current pooling, and a table of what is left."""
    st.caption(
        ":orange-badge[synthetic] A test card, not the scene: an edge, bright lines on dark, dark lines on bright, "
        "noise. Every line is one pixel wide."
    )
    _pictures(result)
    _table(result)


def _pictures(result: Result) -> None:
    given, picture = result.given, card()
    scale = ColourScale(Palette.GREY, 0.0, BRIGHT, "fixed")
    stages = [_stage("Test card", picture, scale, "")]
    for mode, name in MODES.items():
        small = pool2d(picture, given.size, mode=mode, stride=given.stride, padding=given.padding)
        stages.append(_stage(name.capitalize(), small, scale, given.pool(mode).title))
    strip(stages, "pooling_card", room=Room(least="11rem", height=320))


def _stage(name: str, array: np.ndarray, scale: ColourScale, operation: str) -> Stage:
    return Stage(
        name=name,
        operation=operation,
        picture=scale.indices(array),
        caption=caption(array, None),
        alt=f"{name}: an edge, bright lines, dark lines and noise, {render.size(*array.shape)} pixels.",
        scale=scale,
    )


def _table(result: Result) -> None:
    given = result.given
    found = {mode: kept(given.size, mode=mode, stride=given.stride) for mode in MODES}
    rows = {"": [*_ROWS, "Scene: mean moves by", "Scene: contrast (σ) kept"]}
    for mode, name in MODES.items():
        rows[name.capitalize()] = [*(say(found[mode]) for say in _ROWS.values()), *_scene(result, mode)]
    st.table(rows, border="horizontal", hide_index=True)
    st.caption(
        "The first six rows are measured on synthetic pictures, averaged over all places that the edge or line "
        "can have in the windows, without padding; the last two on the map above."
    )


def _percent(share: float) -> str:
    return f"{number(round(100 * share, 1))} %"


def _signed(value: float, unit: str) -> str:
    return f"{'+' if round(value, 2) > 0 else ''}{number(round(value, 2) + 0.0)} {unit}"


_ROWS: Mapping[str, Callable[[Kept], str]] = {
    "Edge: steepest step kept": lambda found: _percent(found.edge_step),
    "Edge: bright side grows by": lambda found: _signed(found.edge_shift, "px"),
    "Bright line: contrast kept": lambda found: _percent(found.bright_line),
    "Dark line: contrast kept": lambda found: _percent(found.dark_line),
    "Noise: σ kept": lambda found: _percent(found.noise),
    "Noise: mean moves by": lambda found: _signed(found.noise_bias, "σ"),
}


def _scene(result: Result, mode: PoolMode) -> tuple[str, str]:
    before, after = result.source.array, result.pooled[mode].array
    if not (np.isfinite(before).any() and np.isfinite(after).any()):
        return "no data", "no data"
    spread = float(np.nanstd(before, dtype=np.float64))
    shift = float(np.nanmean(after, dtype=np.float64) - np.nanmean(before, dtype=np.float64))
    ratio = float(np.nanstd(after, dtype=np.float64)) / spread if spread else float("nan")
    return f"{'+' if shift > 0 else ''}{number(shift, 3)}", _percent(ratio) if spread else "no contrast"
