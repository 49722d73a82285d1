"""What a network learns from: one image of every class, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.chips import Chips, Split
from cnnviz.render import ColourScale, Palette
from cnnviz.ui.experiments.train import SPLITS, Setting
from cnnviz.ui.pictures import Room, Stage, strip
from cnnviz.ui.words import plain

_SHOWN = 12


def show(given: Setting) -> None:
    """One image of every class, and in words what there is."""
    chips = given.training
    first = [int(np.flatnonzero(chips.labels == label)[0]) for label in range(given.classes)][:_SHOWN]
    limits = stretch(chips)
    stages = [
        picture(chips, number, limits, name=chips.classes[chips.labels[number]], note=_count(chips, number))
        for number in first
    ]
    least = "4.9rem" if len(stages) > 6 else "8rem"
    strip(stages, "train_classes", room=Room(least, 150, gallery=True), hint="")
    st.caption(_words(given))


def _count(chips: Chips, number: int) -> str:
    return f" · {chips.counts[chips.labels[number]]:,}"


def _words(given: Setting) -> str:
    rows, cols, bands = given.chips.shape
    synthetic = " **Synthetic**: a program made them up." if given.chips.synthetic else ""
    split = SPLITS[given.how].lower()
    scaled = f"; numbers × {given.chips.factor:.3g}" if given.chips.factor != 1 else ""
    shown = ", ".join(given.chips.bands[band] for band in colours(given.chips))
    legend = f"shown: {shown}, 2–98 % of all images" if bands > 1 else "white is 1"
    left = len(given.chips) - len(given.training) - len(given.judged)
    dropped = f", {left:,} beside these left out" if given.how == Split.BLOCKS and left else ""
    return (
        f"{plain(given.chips.title)}: {render.size(rows, cols)} px × {bands} band{'s' * (bands != 1)}{scaled}, "
        f"{given.classes} classes; {len(given.training):,} to learn from, {len(given.judged):,} held back "
        f"{split}{dropped}; {legend}.{synthetic}"
    )


def colours(chips: Chips) -> Sequence[int]:
    """Numbers of the bands that stand for red, green and blue, or of the only one."""
    names = chips.bands
    if {"B04", "B03", "B02"} <= set(names):
        return [names.index(name) for name in ("B04", "B03", "B02")]
    return [0, 1, 2] if len(names) >= 3 else [0]


def stretch(chips: Chips) -> list[tuple[float, float]]:
    """Limits of the shown bands, from all images: 0 to 1 for one band, 2–98 % for colours."""
    shown = colours(chips)
    if len(shown) == 1:
        return [(0.0, float(max(chips.images.max(), 1e-9)))]
    some = chips.images[:: max(1, len(chips) // 400)]
    return [render.percentile_limits(some[..., band]) for band in shown]


def picture(chips: Chips, number: int, limits: Sequence[tuple[float, float]], *, name: str, note: str = "") -> Stage:
    """One image, grey or in colours."""
    values = chips.images[number][..., colours(chips)]
    scale = None
    if values.shape[2] == 3:
        shown = render.composite(values, limits)
    else:
        scale = ColourScale(Palette.GREY, *limits[0])
        shown, scale = scale.picture(values[..., 0]), None
    return Stage(
        name=name,
        picture=shown,
        caption=note,
        alt=f"An image of the class {chips.classes[chips.labels[number]]}.",
        scale=scale,
    )
