"""Where pixels lie on the Earth, and how large they are there.

Pixel ``i`` covers ``[i, i + 1)``, so its centre is ``i + ½``.
"""

from math import cos, hypot, isfinite, radians, sin, sqrt

from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform as warp_transform

from cnnviz.reading import FAILURES

# WGS 84: half axis in metres, first eccentricity squared (NIMA TR8350.2, table 3.1).
_HALF_AXIS, _ECCENTRICITY2 = 6_378_137.0, 6.694_379_990_14e-3
_DISTORTION = 0.02


def lonlat(crs: CRS | None, x: float, y: float) -> tuple[float, float] | None:
    """Return longitude and latitude in degrees (WGS 84) of a place in ``crs``, None if unknown."""
    if crs is None:
        return None
    try:
        lons, lats = warp_transform(crs, "EPSG:4326", [x], [y])
    except FAILURES:
        return None
    return (lons[0], lats[0]) if isfinite(lons[0]) and isfinite(lats[0]) else None


def degree_lengths(latitude: float) -> tuple[float, float]:
    """Return the metres of one degree of latitude and of longitude on the WGS 84 ellipsoid.

    Source: the meridional and the normal radius of curvature, as in any textbook of geodesy.

    >>> [round(length) for length in degree_lengths(0)], [round(length) for length in degree_lengths(60)]
    ([110574, 111319], [111412, 55800])
    """
    curve = 1 - _ECCENTRICITY2 * sin(radians(latitude)) ** 2
    north = _HALF_AXIS * (1 - _ECCENTRICITY2) / sqrt(curve) ** 3
    east = _HALF_AXIS / sqrt(curve) * cos(radians(latitude))
    return radians(north), radians(east)


def pixel_metres(crs: CRS | None, transform: Affine, shape: tuple[int, ...]) -> tuple[float, float] | None:
    """Return the (y, x) size in metres of the middle pixel of an image of ``shape``, None where unknown.

    It is the size in the map's own metres, unless the map distorts by more than 2 % there (degrees, web
    Mercator away from the equator): then it is the size on the ground.
    """
    if crs is None or transform.is_identity:
        return None
    on_map = _map_metres(crs, transform)
    on_ground = _ground_metres(crs, transform, shape)
    if on_map is None or on_ground is None:
        return on_map or on_ground
    distorted = any(abs(g - m) > _DISTORTION * g for g, m in zip(on_ground, on_map, strict=True))
    return on_ground if distorted else on_map


def unit_name(crs: CRS | None) -> str:
    """Return the unit of a map's coordinates, "" where there is no map."""
    if crs is None:
        return ""
    return "degree" if crs.is_geographic else str(crs.linear_units)


def _map_metres(crs: CRS, transform: Affine) -> tuple[float, float] | None:
    if not crs.is_projected:
        return None
    _, metres = crs.linear_units_factor
    return hypot(transform.b, transform.e) * metres, hypot(transform.a, transform.d) * metres


def _ground_metres(crs: CRS, transform: Affine, shape: tuple[int, ...]) -> tuple[float, float] | None:
    row, col = shape[0] / 2, shape[1] / 2
    here, below, right = (lonlat(crs, *(transform @ place)) for place in ((col, row), (col, row + 1), (col + 1, row)))
    if here is None or below is None or right is None:
        return None
    north, east = degree_lengths(here[1])

    def distance(there: tuple[float, float]) -> float:
        across = (there[0] - here[0] + 180) % 360 - 180
        return hypot(across * east, (there[1] - here[1]) * north)

    return distance(below), distance(right)
