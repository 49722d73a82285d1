"""Pictures tell the truth: colours follow values, legends follow colours, nodata is nothing."""

import io

import numpy as np
import pytest
from PIL import Image

from cnnviz import render
from cnnviz.errors import GeometryError
from cnnviz.render import LEVELS, ColourScale, Palette, StretchRule
from cnnviz.statistics import band_statistics

RANDOM = np.random.default_rng(5)
AWKWARD = [np.zeros((1, 1)), np.full((3, 4), 7.0), np.full((2, 2), np.nan), np.array([[np.inf, -np.inf, 0.0]])]


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.mark.parametrize("palette", list(Palette))
def test_a_larger_value_never_has_an_earlier_colour(palette):
    values = np.sort(RANDOM.normal(size=500)).reshape(1, -1)
    places = ColourScale(palette, -1.0, 1.0).indices(values)[0].astype(int)
    assert (np.diff(places) >= 0).all()
    assert (places.min(), places.max()) == (0, LEVELS - 1)


@pytest.mark.parametrize("palette", list(Palette))
def test_a_colour_read_back_through_the_legend_is_its_value_to_half_a_step(palette):
    values = RANDOM.uniform(-3, 5, (20, 30)).astype(np.float32)
    scale = ColourScale(palette, -3.0, 5.0)
    read_back = scale.low + scale.indices(values) / (len(scale.colours()) - 1) * (scale.high - scale.low)
    assert np.abs(read_back - values).max() <= 0.501 * (scale.high - scale.low) / (LEVELS - 1)


@pytest.mark.parametrize("scale", [ColourScale.signed(RANDOM.normal(size=(80, 90))), ColourScale.weights(np.eye(3))])
def test_zero_is_exactly_white_on_both_diverging_scales(scale):
    assert scale.picture(np.zeros((1, 1))).tolist() == [[[255] * 4]]
    assert scale.low == -scale.high


def test_the_two_diverging_scales_share_no_colour_away_from_white():
    shown = [ColourScale(palette, -1, 1).colours() for palette in (Palette.SIGNED, Palette.WEIGHTS)]
    signed, weights = ({*colours[:110], *colours[145:]} for colours in shown)
    assert not signed & weights


def test_a_signed_scale_says_how_many_values_lie_beyond_it():
    values = RANDOM.normal(size=(300, 300))
    values[0, 0] = 1e6
    scale = ColourScale.signed(values)
    assert scale.high < 10
    assert "beyond" in scale.rule
    assert "beyond" not in ColourScale.signed(np.array([[1e6, 1.0]])).rule


@pytest.mark.parametrize("values", AWKWARD)
def test_awkward_arrays_have_a_picture(values):
    picture = ColourScale.signed(values).picture(values)
    assert picture.shape == (*values.shape, 4)
    assert ((picture[..., 3] == 0) == np.isnan(values)).all()


def test_a_png_shows_the_pixels_of_its_picture():
    values = RANDOM.normal(size=(37, 23))
    values[3:6, 4] = np.nan
    picture = ColourScale.signed(values).picture(values)
    np.testing.assert_array_equal(opened(render.png(picture)), picture)


@pytest.mark.parametrize("values", [*AWKWARD, np.array([[3e38, -3e38, 0.0]], np.float32)])
def test_0_to_255_holds_whatever_is_scaled(values):
    found = render.scaled_255(values)
    assert (np.isnan(found) == np.isnan(values)).all()
    assert ((found[~np.isnan(found)] >= 0) & (found[~np.isnan(found)] <= 255)).all()


def test_a_composite_is_nodata_where_any_band_is():
    values = RANDOM.uniform(0, 1, (5, 6, 3))
    values[2, 3, 1] = np.nan
    picture = render.composite(values, [(0, 1)] * 3)
    assert (picture[..., 3] == 0).sum() == 1
    np.testing.assert_allclose(picture[0, 0, :3], np.rint(values[0, 0] * 255), atol=1)


def test_a_composite_of_two_bands_is_refused():
    with pytest.raises(GeometryError, match="three bands"):
        render.composite(np.zeros((2, 2, 2)), [(0, 1)] * 2)


@pytest.mark.parametrize(
    ("rule", "low", "high"), [(StretchRule.MINMAX, 0, 100), (StretchRule.PERCENTILE, 2, 98), (StretchRule.MANUAL, 3, 4)]
)
def test_a_stretch_ends_where_its_rule_says(rule, low, high):
    found = band_statistics(np.arange(101.0), "B04")
    assert render.limits(found, rule, (3.0, 4.0)) == (low, high)


def test_a_stretch_of_deviations_is_centred_on_the_mean():
    values = RANDOM.normal(10, 3, 5000)
    low, high = render.limits(band_statistics(values, "B04"), StretchRule.DEVIATION)
    np.testing.assert_allclose([(low + high) / 2, high - low], [values.mean(), 4 * values.std()], rtol=1e-4)


@pytest.mark.parametrize("bits", [1, 2, 8, 11, 16])
def test_quantising_leaves_as_many_levels_as_the_bits_hold(bits):
    values = RANDOM.uniform(0, 1, 200_000)
    levels = np.unique(render.quantise(values, 0, 1, bits))
    assert len(levels) <= 2**bits
    assert np.abs(render.quantise(values, 0, 1, bits) - values).max() <= 0.5 / (2**bits - 1) + 1e-6


@pytest.mark.parametrize("bits", [1, 2, 5, 7, 8])
def test_a_legend_shows_the_levels_of_its_picture_and_no_others(bits):
    values = np.linspace(3, 17, 5000).reshape(50, 100)
    shown = ColourScale(Palette.GREY, 3.0, 17.0, levels=2**bits)
    picture = shown.picture(render.quantise(values, shown.low, shown.high, bits))
    seen = {"#" + bytes(colour[:3]).hex() for colour in np.unique(picture.reshape(-1, 4), axis=0)}
    assert seen == set(shown.colours())
    assert len(seen) == min(2**bits, LEVELS)
