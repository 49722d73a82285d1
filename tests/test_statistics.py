"""Figures of a band against NumPy's own, and the awkward bands."""

import numpy as np
import pytest

from cnnviz.scene import open_scene
from cnnviz.statistics import PERCENTILES, band_statistics
from tests.factory import ramp, raster


@pytest.mark.parametrize("seed", range(5))
def test_figures_agree_with_numpy(seed):
    values = np.random.default_rng(seed).normal(50, 20, (40, 31)).astype(np.float32)
    values[::7, ::5] = np.nan
    good = values[np.isfinite(values)].astype(np.float64)
    seen = band_statistics(values, "red", sampled=True)
    assert (seen.name, seen.count, seen.valid, seen.sampled) == ("red", values.size, good.size, True)
    assert (seen.minimum, seen.maximum) == (good.min(), good.max())
    np.testing.assert_allclose([seen.mean, seen.std], [good.mean(), good.std()], rtol=1e-6)
    np.testing.assert_allclose(seen.percentiles, np.percentile(good, PERCENTILES), rtol=1e-5)
    assert seen.percentile(98) == seen.percentiles[PERCENTILES.index(98)]
    assert sum(seen.counts) == good.size
    assert len(seen.edges) == len(seen.counts) + 1 == 257
    assert seen.edges[0] <= seen.minimum <= seen.maximum <= seen.edges[-1]


def test_whole_numbers_get_a_bin_each():
    seen = band_statistics(np.array([3, 3, 4, 7], np.float32), "classes")
    assert seen.counts == (2, 1, 0, 0, 1)
    assert seen.edges == (2.5, 3.5, 4.5, 5.5, 6.5, 7.5)


@pytest.mark.parametrize("value", [0.0, 7.25, -1e30, 65535.0, 3e38])
def test_a_constant_band_has_no_spread(value):
    seen = band_statistics(np.full((5, 5), value, np.float32), "flat")
    assert seen.minimum == seen.maximum == np.float32(value)
    assert seen.std == 0
    assert sum(seen.counts) == 25


@pytest.mark.parametrize("shape", [(0,), (3, 3)])
def test_a_band_without_numbers(shape):
    seen = band_statistics(np.full(shape, np.nan), "nothing")
    assert (seen.valid, seen.counts, seen.edges) == (0, (), ())
    assert np.isnan([seen.minimum, seen.maximum, seen.mean, seen.std, *seen.percentiles]).all()


def test_the_widest_range_of_float32_overflows_nothing():
    ends = np.array([-3.4e38, 0, 3.4e38], np.float32)
    seen = band_statistics(ends, "wide")
    assert seen.mean == 0
    assert sum(seen.counts) == 3


def test_a_scene_gives_one_for_each_band_and_says_when_sampled(tmp_path):
    image = ramp(60, 50, 23)
    scene = open_scene(raster(tmp_path / "a.tif", image, interleave="band"))
    exact = scene.statistics()
    assert [seen.name for seen in exact] == list(scene.band_names)
    assert not any(seen.sampled for seen in exact)
    np.testing.assert_allclose([seen.mean for seen in exact], image.mean(axis=(0, 1)), rtol=1e-6)
    sampled = scene.statistics(max_size=30)
    assert all(seen.sampled for seen in sampled)
    assert sampled[0].count == 30 * 25
    np.testing.assert_allclose([seen.mean for seen in sampled], image.mean(axis=(0, 1)), rtol=0.02)


def test_statistics_can_be_cache_values():
    values = np.arange(9.0)
    assert hash(band_statistics(values, "a")) == hash(band_statistics(values, "a"))
