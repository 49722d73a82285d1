"""Everything that lies over the fields of the synthetic land: woods, towns, water, shore and highway.

Each function paints one kind of thing on a :class:`~cnnviz.synthetic_land.Land`; :func:`cover` calls them in order.
"""

import numpy as np

from cnnviz.synthetic_fields import Districts, cells_of, districts, farm, lanes
from cnnviz.synthetic_land import Land, Terrain, slope
from cnnviz.synthetic_materials import Material
from cnnviz.synthetic_noise import Floats, Frame, mix, ramp, smooth, speckle, unit
from cnnviz.synthetic_town import build

M = Material
_OWNER = np.float32(0.5)  # how much it depends on the parcel whether there is wood: its edges are then straight


def cover(frame: Frame, ground: Terrain) -> Land:
    """Cover a frame with everything that is on the ground."""
    land = Land.empty(ground.coast.shape)
    place = districts(frame)
    parcels = farm(land, frame, place)
    _stream(land, frame, ground)
    lanes(land, place)
    _woods(land, frame, ground.woods + _OWNER * (unit(parcels, 6) - np.float32(0.5)), place)
    build(land, ground.town, place)
    _river(land, frame, ground)
    _highway(land, ground)
    _shore(land, frame, ground)
    _sea(land, frame, ground)
    return land


def _crisp(field: Floats) -> Floats:
    """Share of each pixel on the positive side of a field's zero line."""
    down, across = slope(field)
    return np.clip(field / (np.abs(down) + np.abs(across) + np.float32(1e-3)) + np.float32(0.5), 0, 1)


def _stream(land: Land, frame: Frame, ground: Terrain) -> None:
    bank = ramp(-np.abs(ground.stream), -2.2, -0.4) * ramp(smooth(frame, 110, 9), -1.2, 0.2)
    land.paint(bank * np.float32(0.75), M.BROADLEAF, tone=0.95)


def _woods(land: Land, frame: Frame, woods: Floats, place: Districts) -> None:
    share = _crisp(woods + np.float32(0.06) * smooth(frame, 120, 7))
    if not share.any():
        return
    stands = cells_of(place, np.float32(48), np.float32(34), stagger=True)
    stand = unit(mix(stands.hash, 5))
    conifers = smooth(frame, 122, 130) + np.float32(0.35) * smooth(frame, 123, 24) + (stand - 0.5) > 0.35
    crowns = speckle(frame, 124) - np.float32(0.5) + np.float32(0.16) * smooth(frame, 125, 4)
    dense = np.float32(0.86) + np.float32(0.22) * crowns
    tone = 1 + np.float32(0.22) * crowns + np.float32(0.14) * (stand - np.float32(0.5))
    inside = np.minimum(share, np.clip(dense, 0.4, 1))
    land.paint(share, M.FOREST_FLOOR, tone=1.0)
    land.paint(inside * ~conifers, M.BROADLEAF, tone=tone)
    land.paint(inside * conifers, M.CONIFER, tone=tone)
    felled = (unit(mix(stands.hash, 6)) < 0.05) & (share > 0.99)
    land.paint(felled * np.clip(stands.edge, 0, 1) * np.float32(0.8), M.MEADOW, tone=0.9)


def _river(land: Land, frame: Frame, ground: Terrain) -> None:
    away = np.abs(ground.river)
    mouth = 1 - ramp(ground.coast, 0, 110)
    half = np.float32(3.4) + np.float32(0.8) * smooth(frame, 130, 160) + np.float32(7) * mouth
    patchy = smooth(frame, 131, 34)
    trees = ramp(half + np.float32(6) + np.float32(3) * patchy - away, -0.5, 1.5)
    land.paint(trees * np.float32(0.92) * (patchy > -0.6), M.BROADLEAF, tone=0.92)
    # a bar of gravel lies on one bank at a time, as in a bend
    side = np.sign(ground.river) * smooth(frame, 132, 60)
    bars = np.clip(half + np.float32(3.2) * ramp(side, 0.2, 1.7) + np.float32(0.2) - away, 0, 1)
    land.paint(bars, M.GRAVEL, tone=1.0)
    land.paint(np.clip(half + np.float32(0.5) - away, 0, 1), M.RIVER_WATER, tone=1 + np.float32(0.08) * patchy)


def _highway(land: Land, ground: Terrain) -> None:
    away = np.abs(ground.highway)
    land.paint(np.clip(np.float32(3.0) - away, 0, 1) * np.float32(0.8), M.MEADOW, tone=0.9)
    land.paint(np.clip(np.float32(1.9) - away, 0, 1), M.ASPHALT, tone=1.35)
    land.paint(np.clip(np.float32(0.55) - away, 0, 1) * np.float32(0.6), M.MEADOW, tone=0.8)


def _shore(land: Land, frame: Frame, ground: Terrain) -> None:
    wide = np.float32(4.2) + np.float32(2.6) * smooth(frame, 140, 90) + np.float32(0.8) * smooth(frame, 141, 17)
    land.paint(ramp(wide + 5 - ground.coast, 0, 7) * np.float32(0.75) * (wide > 0), M.MEADOW, tone=0.9)
    sand = np.clip(wide - ground.coast, 0, 1)
    land.paint(sand, M.DRY_SAND, tone=1 + np.float32(0.05) * smooth(frame, 142, 5))
    land.paint(np.clip(np.float32(1.7) - ground.coast, 0, 1) * (wide > 0), M.WET_SAND, tone=1.0)


def _sea(land: Land, frame: Frame, ground: Terrain) -> None:
    wet = np.clip(np.float32(0.5) - ground.coast, 0, 1)
    if not wet.any():
        return
    drift = smooth(frame, 150, (26, 80)) + np.float32(0.5) * smooth(frame, 151, 15)
    out = np.maximum(-ground.coast, 0)
    deep = 1 - np.exp(-out / np.clip(30 + 9 * drift, 8, 60))
    plume = ramp(70 + 22 * drift - np.abs(ground.river) - np.float32(0.5) * out, 0, 60)
    sea = ground.coast < -0.5
    land.paint(wet, M.SHALLOW_WATER, tone=1.0)
    land.under[sea] = np.where(plume > 0.3, M.RIVER_WATER, M.SHALLOW_WATER)[sea]
    land.over[sea] = M.DEEP_WATER
    land.cover[sea] = (deep * (1 - np.float32(0.7) * ramp(plume, 0.3, 1)))[sea]
    land.tone[sea] = 1 + np.float32(0.05) * drift[sea]
    surf = ramp(smooth(frame, 152, (7, 19)), -0.3, 1.4) * np.clip(1.3 - np.abs(out - np.float32(1.8)), 0, 1)
    land.paint(surf * np.float32(0.75), M.FOAM, tone=1.0)
