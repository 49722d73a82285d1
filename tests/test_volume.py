"""A volume convolution's parts against the whole, Keras, and exact sums of fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.convolve import conv_volume
from cnnviz.errors import GeometryError
from cnnviz.layers import Conv2D, Network
from cnnviz.volume import band_terms, conv_grouped, cost, products_at, sum_of_terms, superposition

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "bands": st.integers(1, 13),
        "kernel": st.tuples(st.integers(1, 5), st.integers(1, 5)),
        "padding": st.sampled_from(["valid", "same", "full"]),
        "border": st.sampled_from(["zero", "replicate", "reflect", "wrap"]),
        "stride": st.integers(1, 3),
        "dilation": st.integers(1, 2),
    }
)


def made(case):
    """An image of digital numbers, weights of one filter, and how it slides."""
    random = np.random.default_rng(case["seed"])
    image = random.integers(0, 12_000, (11, 13, case["bands"])).astype(np.float32)
    weights = random.normal(size=(*case["kernel"], case["bands"])).astype(np.float32)
    return image, weights, {name: case[name] for name in ("padding", "border", "stride", "dilation")}


@given(cases)
def test_the_terms_of_all_bands_add_up_to_the_layers_map(case):
    image, weights, how = made(case)
    found = sum_of_terms(band_terms(image, weights, **how))
    whole = conv_volume(image, weights[..., None], **how)[..., 0]
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-5 * np.abs(weights).sum() * 12_000)


@given(cases)
def test_products_at_a_pixel_add_up_exactly_to_the_term_of_every_band(case):
    image, weights, how = made(case)
    terms = band_terms(image, weights, **how)
    place = tuple(np.random.default_rng(case["seed"]).integers(terms.shape[:2]).tolist())
    found = products_at(image, weights, place, bias=2.5, **how)
    for band, term in enumerate(found.terms):
        exact = sum(
            Fraction(float(pixel)) * Fraction(float(weight))
            for pixel, weight in zip(found.pixels[..., band].flat, weights[..., band].flat, strict=True)
        )
        assert term == float(exact)
        scale = float(np.abs(found.products[..., band]).sum())
        assert terms[(*place, band)] == pytest.approx(term, rel=1e-5, abs=2e-6 * scale)
    assert found.total == float(sum(map(Fraction, found.terms)))
    assert found.biased == found.total + 2.5


def test_the_terms_are_a_depthwise_convolution_as_keras_has_it():
    import keras

    random = np.random.default_rng(0)
    image, weights = random.normal(size=(9, 10, 4)).astype("f4"), random.normal(size=(3, 3, 4)).astype("f4")
    layer = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)
    layer.build((None, 9, 10, 4))
    layer.set_weights([weights[..., None]])
    np.testing.assert_allclose(band_terms(image, weights, padding="same"), layer(image[None])[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_a_grouped_convolution_is_a_full_one_with_zeros_for_the_other_groups_bands(groups):
    random = np.random.default_rng(groups)
    image, bias = random.normal(size=(8, 9, 6)), random.normal(size=6)
    weights = random.normal(size=(3, 3, 6 // groups, 6))
    full = np.zeros((3, 3, 6, 6))
    for filter_ in range(6):
        first = filter_ // (6 // groups) * (6 // groups)
        full[:, :, first : first + 6 // groups, filter_] = weights[..., filter_]
    found = conv_grouped(image, weights, bias, groups=groups, padding="same")
    np.testing.assert_allclose(found, conv_volume(image, full, bias, padding="same"), rtol=1e-4, atol=1e-5)


def test_groups_that_do_not_come_out_even_are_explained():
    with pytest.raises(GeometryError, match=r"shape \(4, 4, 5\).*for 2 groups.*groups divide"):
        conv_grouped(np.zeros((4, 4, 5)), np.zeros((3, 3, 2, 2)), groups=2)
    with pytest.raises(GeometryError, match="received 2 groups for 3 bands and 4 filters"):
        cost((3, 3), 3, 4, outputs=1, groups=2)


@pytest.mark.parametrize(("kernel", "bands", "filters"), [((3, 3), 3, 1), ((5, 5), 13, 16), ((1, 1), 2, 2)])
def test_cost_is_what_the_network_says(kernel, bands, filters):
    layer = Network([Conv2D(np.ones((*kernel, bands, filters)), np.zeros(filters), padding="same")])
    found = cost(kernel, bands, filters, outputs=20 * 30)
    assert found.parameters == layer.parameters()[0]
    assert found.multiply_adds == layer.multiply_adds((20, 30, bands))[0]


def test_costs_of_grouped_and_depthwise_layers_are_those_of_keras():
    import keras

    for layer, bands, filters, groups in (
        (keras.layers.Conv2D(6, 3, groups=2), 4, 6, 2),
        (keras.layers.DepthwiseConv2D(3), 4, 4, 4),
    ):
        layer.build((None, 8, 8, bands))
        assert cost((3, 3), bands, filters, outputs=1, groups=groups).parameters == layer.count_params()


def test_a_separable_layer_costs_both_of_its_halves():
    depthwise, pointwise = cost((3, 3), 13, 13, outputs=100, groups=13), cost((1, 1), 13, 16, outputs=100)
    assert (depthwise + pointwise).parameters == 13 * 10 + 14 * 16
    assert (depthwise + pointwise).multiply_adds == 100 * (9 * 13 + 13 * 16)


def test_a_purely_red_object_shows_in_the_red_term_alone():
    image = np.zeros((7, 7, 3))
    image[2:5, 2:5, 0] = 255
    weights = np.repeat(np.array([[[1], [0], [-1]]] * 3), 3, axis=2)
    terms = band_terms(image, weights)
    assert np.abs(terms[..., 0]).max() == 3 * 255
    assert not terms[..., 1:].any()
    np.testing.assert_array_equal(sum_of_terms(terms), terms[..., 0])


def test_no_data_in_one_band_makes_that_term_and_the_total_unknown():
    image = np.ones((5, 5, 2))
    image[2, 2, 1] = np.nan
    found = products_at(image, np.ones((3, 3, 2)), (1, 1))
    assert found.terms[0] == 9
    assert np.isnan(found.terms[1])
    assert np.isnan(found.total)


def test_bands_that_do_not_agree_are_named_n_c():
    with pytest.raises(GeometryError, match=r"3 bands and a filter of 2: n_c.*must agree"):
        products_at(np.zeros((4, 4, 3)), np.zeros((3, 3, 2)), (0, 0))
    with pytest.raises(GeometryError, match=r"3 bands and a filter of 2: n_c.*must agree"):
        band_terms(np.zeros((4, 4, 3)), np.zeros((3, 3, 2)))
    with pytest.raises(GeometryError, match=r"image of shape \(4, 4\)"):
        band_terms(np.zeros((4, 4)), np.zeros((3, 3)))


def test_a_place_outside_the_map_is_explained():
    with pytest.raises(GeometryError, match="row 2, column 0 of a map of 2 × 2 pixels"):
        products_at(np.zeros((4, 4, 1)), np.zeros((3, 3, 1)), (2, 0))


def test_a_difference_superposes_and_a_ratio_does_not():
    apart, together = superposition(lambda x: x[1] - x[0], [10, 40], [30, 20])
    assert apart == together
    apart, together = superposition(lambda x: (x[1] - x[0]) / (x[1] + x[0]), [10, 40], [30, 20])
    assert apart == pytest.approx(0.6 - 0.2)
    assert together == pytest.approx(0.2)
