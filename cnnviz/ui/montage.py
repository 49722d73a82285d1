"""All maps of a layer in one picture, laid out alike for layers of one group, so that one place is one place in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, sqrt

import numpy as np

from cnnviz import render
from cnnviz.layers import FeatureMap, ReceptiveField
from cnnviz.render import ColourScale
from cnnviz.ui.maps import group_scales
from cnnviz.ui.pictures import Room, Stage, strip

#: Maps that are shown of a layer, values of a layer without rows and columns in one row, pixels between maps.
MAX_SHOWN, _ROW, _GAP = 16, 20, 1
_ROOM, _LOW = Room("10rem", 230), Room("9.5rem", 150, gallery=True)
# Neither nodata, which is hatched, nor a value of any scale, on light and dark pages alike.
_BETWEEN = (128, 128, 128, 255)
_SOFTMAX = "softmax"


def show(maps: Sequence[FeatureMap], key: str, *, before: Sequence[Stage] = (), hint: str = "") -> None:
    """All layers of a network: ``before`` and a row for each group; then, smaller, those without rows and columns."""
    for number, stages in enumerate(montages(maps)):
        first = number == 0
        strip([*before, *stages] if first else stages, f"{key}_{number}", room=_ROOM, hint=hint if first else "")
    if values := vectors(maps):
        strip(values, f"{key}_values", room=_LOW, hint="")


def montages(maps: Sequence[FeatureMap]) -> Iterator[list[Stage]]:
    """A row of pictures for each group of layers with maps, on one scale."""
    scales = group_scales(maps)
    for group in dict.fromkeys(found.group for found in maps):
        large = [found for found in maps if found.group == group and found.array.shape[:2] != (1, 1)]
        if large:
            yield [montage(found, large, scales[group]) for found in large]


def vectors(maps: Sequence[FeatureMap]) -> list[Stage]:
    """A picture for each layer without rows and columns, but for a softmax: its shares are shown as bars."""
    scales = group_scales(maps)
    flat = (found for found in maps if found.array.shape[:2] == (1, 1) and found.name != _SOFTMAX)
    return [_vector(found, scales[found.group]) for found in flat]


def montage(found: FeatureMap, group: Sequence[FeatureMap], scale: ColourScale) -> Stage:
    """The first maps of a layer side by side; ``group`` are the layers whose pictures stand beside this one."""
    rows, cols, maps = found.array.shape
    jumps, pitch = _jumps(found, group), _pitch(found, group)
    count = min(maps, MAX_SHOWN)
    across = ceil(sqrt(count))
    picture = np.full((-(-count // across) * pitch[0], across * pitch[1], 4), _BETWEEN, np.uint8)
    for number in range(count):
        top, left = pitch[0] * (number // across), pitch[1] * (number % across)
        picture[top : top + rows, left : left + cols] = scale.picture(found.array[..., number])
    return Stage(
        name=f"{maps} maps" if count == maps else f"the first {count} of {maps} maps",
        operation=found.name,
        picture=picture,
        caption=f" · each {render.size(rows, cols)} px · {render.span(*render.value_range(found.array))}",
        alt=f"{found.name}: {maps} maps, {render.span(*render.value_range(found.array))}.",
        scale=scale,
        field=ReceptiveField(jumps, jumps),
    )


def _jumps(found: FeatureMap, group: Sequence[FeatureMap]) -> tuple[int, int]:
    """Pixels of the group's first maps from one pixel of this layer to the next, (down, across)."""
    down, across = (here // first for here, first in zip(found.field.jump, group[0].field.jump, strict=True))
    return down, across


def _pitch(found: FeatureMap, group: Sequence[FeatureMap]) -> tuple[int, int]:
    """Pixels from map to map, (down, across): whole ones in every layer of the group, for the same part of each."""
    own, first = _jumps(found, group), group[0].array.shape
    coarsest = [max(_jumps(each, group)[axis] for each in group) for axis in (0, 1)]
    down, across = (-(-(first[n] + _GAP * coarsest[n]) // coarsest[n]) * coarsest[n] // own[n] for n in (0, 1))
    return down, across


def _vector(found: FeatureMap, scale: ColourScale) -> Stage:
    """Values that have no place any more, in rows of one picture."""
    values = found.array.ravel()
    width = min(len(values), _ROW)
    picture = np.full((-(-len(values) // width) * width, 4), _BETWEEN, np.uint8)
    picture[: len(values)] = scale.picture(values[None])[0]
    return Stage(
        name=f"{len(values)} values",
        operation=found.name,
        picture=picture.reshape(-1, width, 4),
        caption=f" · {width} in a row · {render.span(*render.value_range(values))}",
        alt=f"{found.name}: {len(values)} values, {render.span(*render.value_range(values))}.",
        scale=scale,
    )
