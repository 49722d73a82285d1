"""Towns of the synthetic land: a grid of streets, blocks of lots with roofs and gardens, parks and halls."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnviz.synthetic_fields import Cells, Districts, cells_of
from cnnviz.synthetic_land import Land
from cnnviz.synthetic_materials import Material
from cnnviz.synthetic_noise import Floats, mix, ramp, unit

M = Material
_ROOFS = np.array([M.TILE_ROOF] * 9 + [M.GREY_ROOF] * 4 + [M.CONCRETE] * 3, np.uint8)
_HALLS = np.array([M.WHITE_ROOF] * 4 + [M.CONCRETE] * 6 + [M.GREY_ROOF] * 4 + [M.BLUE_ROOF, M.TILE_ROOF], np.uint8)


class _Town(NamedTuple):
    """The built pixels, each field (n,): district, block, density 0…1 and whether it is a works district."""

    place: Districts
    blocks: Cells
    dense: Floats
    works: NDArray[np.bool_]


def build(land: Land, town: Floats, place: Districts) -> None:
    """Lay houses, streets and parks over the blocks where ``town``, (rows, cols), is above 0 on the whole."""
    spot = np.nonzero(town > -0.5)
    if not spot[0].size:
        return
    here = place.at(spot)
    works = unit(mix(here.hash, 4)) > 0.87
    length = np.where(works, 20, 11 + 8 * unit(here.hash, 9)).astype(np.float32)
    width = np.where(works, 15, 8 + 4 * unit(here.hash, 12)).astype(np.float32)
    blocks = cells_of(here, length, width, stagger=False)
    dense = _at_centre(town, spot, here, blocks, length, width)
    dense += np.float32(0.5) * (unit(mix(blocks.hash, 7)) - np.float32(0.5))
    inside = np.flatnonzero(dense > 0)
    built = _Town(here.at(inside), blocks.at(inside), dense[inside], works[inside])
    _fill(land, (spot[0][inside], spot[1][inside]), built)


def _at_centre(
    field: Floats, spot: tuple[NDArray[np.intp], ...], here: Districts, blocks: Cells, length: Floats, width: Floats
) -> Floats:
    """Look up a field at the centre of each pixel's block, so that a block is built or not as a whole."""
    u = (np.float32(0.5) - blocks.along) * length
    v = (np.float32(0.5) - blocks.across) * width
    angle = np.float32(np.pi) * unit(here.hash)
    rows = spot[0] + np.rint(u * np.sin(angle) + v * np.cos(angle)).astype(np.intp)
    cols = spot[1] + np.rint(u * np.cos(angle) - v * np.sin(angle)).astype(np.intp)
    found: Floats = field[np.clip(rows, 0, field.shape[0] - 1), np.clip(cols, 0, field.shape[1] - 1)]
    return found


def _fill(land: Land, spot: tuple[NDArray[np.intp], ...], town: _Town) -> None:
    """Put roof over garden, concrete or trees in the built pixels, and asphalt where the streets are."""
    place, blocks, dense, works = town
    lots = cells_of(
        place,
        np.where(works, np.float32(10), np.float32(2.9)),
        np.where(works, np.float32(7.5), np.float32(2.6)),
        stagger=False,
    )
    chance = unit(lots.hash, 5)
    roofs = np.where(works, _HALLS[lots.hash & np.uint32(15)], _ROOFS[lots.hash & np.uint32(15)])
    centre = ramp(dense, 0.25, 0.9)
    share = np.where(works, np.float32(0.9) * (lots.edge > 0.7), np.float32(0.3) + np.float32(0.6) * centre)
    share = share + np.float32(0.5) * (chance - np.float32(0.5))
    share[(chance < 0.12) & ~works] = 0.1
    under = np.where(works | (unit(lots.hash, 13) < centre), M.CONCRETE, M.GARDEN)
    tone = np.float32(0.84) + np.float32(0.36) * unit(lots.hash, 9)
    park = unit(mix(blocks.hash, 8)) < 0.08
    under[park], roofs[park], share[park] = M.PARK, M.BROADLEAF, (chance * np.float32(0.9))[park]
    street = np.clip(np.float32(1.0) - blocks.edge, 0, 1)
    on_street = street > 0.35
    land.under[spot] = np.where(on_street & (share > 0.5), roofs, under)
    land.over[spot] = np.where(on_street, M.ASPHALT, roofs)
    land.cover[spot] = np.clip(np.where(on_street, street, share), 0, 1)
    land.tone[spot] = np.where(on_street, np.float32(1.15), tone)
