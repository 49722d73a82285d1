"""Sizes and places on the Earth, against figures from the textbooks."""

import numpy as np
import pytest
import rasterio
from affine import Affine

from cnnviz.ground import degree_lengths, lonlat, pixel_metres, unit_name

SHAPE = (100, 200, 3)


def crs(code):
    return rasterio.CRS.from_user_input(code)


def test_metres_of_the_map_count_where_it_is_true():
    utm = Affine(10, 0, 700_000, 0, -20, 5_000_000)  # far from the central meridian: 0.1 % off
    assert pixel_metres(crs("EPSG:32633"), utm, SHAPE) == (20, 10)


def test_degrees_become_metres_at_the_middle_of_the_scene():
    at_60_north = Affine(0.001, 0, 10, 0, -0.001, 60.05)
    north, east = degree_lengths(60)
    size = pixel_metres(crs("EPSG:4326"), at_60_north, SHAPE)
    np.testing.assert_allclose(size, (north / 1000, east / 1000), rtol=1e-4)


@pytest.mark.parametrize("latitude", [0.0, 45.0, 60.0, 80.0])
def test_web_mercator_is_measured_on_the_ground(latitude):
    mercator = crs("EPSG:3857")
    x, y = rasterio.warp.transform("EPSG:4326", mercator, [0], [latitude])
    place = Affine.translation(x[0], y[0]) @ Affine.scale(10, -10) @ Affine.translation(-100, -50)
    expected = 10 * np.cos(np.radians(latitude))
    np.testing.assert_allclose(pixel_metres(mercator, place, SHAPE), expected, rtol=0.01)


def test_feet_are_converted():
    new_york = crs("EPSG:2263")  # US survey feet
    place = Affine(100, 0, 984_250, 0, -100, 164_042)
    np.testing.assert_allclose(pixel_metres(new_york, place, SHAPE), 30.48006, rtol=1e-4)
    assert unit_name(new_york) == "US survey foot"


def test_the_180th_meridian_is_crossed():
    place = Affine(0.01, 0, 179.0, 0, -0.01, 0.5)
    np.testing.assert_allclose(pixel_metres(crs("EPSG:4326"), place, SHAPE), (1105.74, 1113.19), rtol=1e-4)


def test_what_has_no_place_has_no_size():
    assert pixel_metres(None, Affine(10, 0, 0, 0, -10, 0), SHAPE) is None
    assert pixel_metres(crs("EPSG:32633"), Affine.identity(), SHAPE) is None
    assert unit_name(None) == ""
    assert lonlat(None, 0, 0) is None


def test_a_local_grid_keeps_its_own_metres():
    site = crs('LOCAL_CS["site",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
    assert lonlat(site, 5, 5) is None
    assert pixel_metres(site, Affine(2, 0, 0, 0, -3, 0), SHAPE) in ((3, 2), None)


def test_places_beyond_a_projection_have_no_longitude():
    geostationary = crs("+proj=geos +h=35785831 +lon_0=-75 +sweep=x +datum=WGS84")
    assert lonlat(geostationary, 5_600_000, 5_600_000) is None
    np.testing.assert_allclose(lonlat(geostationary, 0, 0), (-75, 0), atol=1e-9)
