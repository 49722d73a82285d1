import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz import gdal
from cnnviz.errors import CnnvizError, RecipeError
from cnnviz.kernels import KERNELS
from cnnviz.layers import MAX_BANDS, Activation, Conv2D, Network, Pool2D
from cnnviz.recipe import MAX_TEXT
from tests.random_networks import BORDERS, random_network

RED_EDGES = """
{"version": 1, "name": "red edges", "bands": ["B04", "B08"],
 "layers": [{"type": "conv2d", "weights": "sobel_vertical", "padding": "same", "stride": 1,
             "dilation": 1, "border": "zero"},
            {"type": "activation", "name": "relu"},
            {"type": "pool2d", "mode": "max", "size": 2}]}
"""


def recipe(layer, **more):
    return json.dumps({"version": 1, "layers": [layer], **more})


def test_a_recipe_builds_the_network_that_it_describes():
    expected = Network(
        [Conv2D("sobel_vertical", padding="same"), Activation("relu"), Pool2D(2)],
        bands=["B04", "B08"],
        name="red edges",
    )
    assert Network.from_json(RED_EDGES) == expected
    assert Network.from_json(RED_EDGES.encode()) == expected


@pytest.mark.parametrize("seed", range(5))
def test_random_networks_survive_the_round_trip_exactly(seed):
    rng = np.random.default_rng(seed)
    for _ in range(50):
        network, image = random_network(rng, layers=4, borders=BORDERS)
        copy = Network.from_json(network.to_json())
        assert copy == network
        assert hash(copy) == hash(network)
        np.testing.assert_array_equal(copy.apply(image), network.apply(image))


def test_every_kernel_of_the_catalogue_travels_by_name_and_by_weights():
    for name, kernel in KERNELS.items():
        by_name, by_weights = Network([Conv2D(name)]), Network([Conv2D(kernel.weights)])
        assert f'"weights": "{name}"' in by_name.to_json()
        assert Network.from_json(by_name.to_json()) == by_name
        assert Network.from_json(by_weights.to_json()) == by_weights


def test_names_and_bands_of_any_script_survive():
    network = Network([Activation("tanh")], name="Küste „nord“ 海岸", bands=['rot "B04"', "\\"])
    assert Network.from_json(network.to_json()) == network


def test_what_is_the_same_on_both_axes_is_written_once():
    text = Network([Conv2D([[0.1, 2]], padding=1, stride=(2, 1)), Pool2D(2, padding=((1, 0), (1, 0)))]).to_json()
    first, second = json.loads(text)["layers"]
    assert (first["weights"], first["padding"], first["stride"]) == ([[0.1, 2]], 1, [2, 1])
    assert (second["size"], second["padding"]) == (2, [[1, 0], [1, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": 1,\n "layers" []}', r"no JSON: Expecting ':' delimiter at line 2, column 11"),
        ("", "no JSON: Expecting value at line 1, column 1"),
        ("[]", "is a list; an object with version and layers is expected"),
        ("null", "is null; an object"),
        ("7", "is a number; an object"),
        (b"\xff\xfe\x00", "cannot be read|can be read"),
        ("[" * 100_000, "can be read"),
        ('{"version": 1, "layers": [' + "9" * 5000 + "]}", "can be read"),
        ('{"layers": []}', "lacks version"),
        ('{"version": 1}', "lacks layers"),
        ('{"version": 2, "layers": []}', "another version than 1"),
        ('{"version": true, "layers": []}', "another version than 1"),
        ('{"version": 1, "version": 1, "layers": []}', "says 'version' twice"),
        ('{"version": 1, "layers": [], "eval": "1"}', "unknown keys 'eval'; known are bands, layers, name, version"),
        ('{"version": 1, "layers": {}}', '"layers" are not a list'),
        ('{"version": 1, "layers": []}', "Received 0 layers; 1 to 64"),
        ('{"version": 1, "layers": [3]}', "Layer 1 of the recipe is a number"),
        ('{"version": 1, "layers": [{"type": "dense"}]}', "has type 'dense'; known are activation, conv2d, pool2d"),
        ('{"version": 1, "layers": [{"type": ["pool2d"]}]}', "has type"),
    ],
)
def test_text_that_is_no_recipe_is_refused_with_its_place(text, message):
    with pytest.raises(RecipeError, match=message):
        Network.from_json(text)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"type": "pool2d"}, r"Layer 1 of the recipe \(pool2d\) lacks size; add it"),
        ({"type": "pool2d", "size": 2, "sise": 3}, "unknown keys 'sise'; known are mode, padding, size, stride"),
        ({"type": "pool2d", "size": 65}, "whole numbers from 1 to 64"),
        ({"type": "pool2d", "size": 0}, "1 or more is expected"),
        ({"type": "pool2d", "size": 2.5}, "whole number"),
        ({"type": "pool2d", "size": True}, "received pooling size True: a whole number"),
        ({"type": "pool2d", "size": 2, "mode": "median"}, "one of average, max, min is expected"),
        ({"type": "pool2d", "size": 2, "padding": 2}, "a window of padding alone holds nothing"),
        ({"type": "pool2d", "size": 10**400}, r"(?s)^.{1,600}$"),
        ({"type": "activation", "name": "swish"}, "one of linear, relu, sigmoid, softmax, tanh is expected"),
        ({"type": "activation", "name": ["relu"]}, "one of linear, relu, sigmoid, softmax, tanh is expected"),
        ({"type": "conv2d", "weights": "sobel"}, "received kernel 'sobel': one of all_edges"),
        ({"type": "conv2d", "weights": [[1, "2"]]}, "no regular grid of numbers"),
        ({"type": "conv2d", "weights": [[True]]}, "no regular grid of numbers"),
        ({"type": "conv2d", "weights": [[[[0.5, True]]]]}, "no regular grid of numbers"),
        ({"type": "conv2d", "weights": "box_3", "bias": True}, "biases that are no regular grid of numbers"),
        ({"type": "conv2d", "weights": [[[[1, 2]]]], "bias": [1, False]}, "biases that are no regular grid of numbers"),
        ({"type": "conv2d", "weights": [[1, 2], [3]]}, "no regular grid of numbers"),
        ({"type": "conv2d", "weights": [[1e39]]}, "finite numbers are expected"),
        ({"type": "conv2d", "weights": [[float("inf")]]}, "holds Infinity; only finite numbers"),
        ({"type": "conv2d", "weights": [[float("nan")]]}, "holds NaN; only finite numbers"),
        ({"type": "conv2d", "weights": [[[1]]]}, r"shape \(1, 1, 1\)"),
        ({"type": "conv2d", "weights": [[1] * 16]}, "1 to 15 rows and columns"),
        ({"type": "conv2d", "weights": [[[[0] * 1025]]]}, "1024 filters"),
        ({"type": "conv2d", "weights": []}, "shape"),
        ({"type": "conv2d", "weights": None}, "no regular grid"),
        ({"type": "conv2d", "weights": {"a": 1}}, "no regular grid"),
        ({"type": "conv2d", "weights": "box_3", "stride": 0}, "1 or more is expected"),
        ({"type": "conv2d", "weights": "box_3", "stride": 65}, "1 to 64"),
        ({"type": "conv2d", "weights": "box_3", "dilation": 17}, "1 to 16"),
        ({"type": "conv2d", "weights": "box_3", "padding": 257}, "at most 256"),
        ({"type": "conv2d", "weights": "box_3", "padding": "some"}, "full, same, valid"),
        ({"type": "conv2d", "weights": "box_3", "padding": {"a": 1}}, "padding"),
        ({"type": "conv2d", "weights": "box_3", "border": "mirror"}, "one of reflect, replicate, wrap, zero"),
        ({"type": "conv2d", "weights": "box_3", "bias": [[1]]}, "one number per band"),
        ({"type": "conv2d", "weights": [[[[1, 2]]]], "bias": [1]}, "2, one per filter"),
        ({"type": "conv2d", "weights": "box_3", "bias": "1"}, "no regular grid"),
    ],
)
def test_a_layer_that_says_something_impossible_is_refused(layer, message):
    with pytest.raises(RecipeError, match=message):
        Network.from_json(recipe(layer))


@pytest.mark.parametrize("name", [7, "a\nb", "\ud800", "x" * 201, ["a"]])
def test_names_are_short_printable_texts(name):
    with pytest.raises(RecipeError, match="printable texts of 1 to 200 characters"):
        Network.from_json(recipe({"type": "pool2d", "size": 2}, name=name))
    with pytest.raises(RecipeError, match="printable texts of 1 to 200 characters"):
        Network.from_json(recipe({"type": "pool2d", "size": 2}, bands=[name]))


@pytest.mark.parametrize("bands", [[], "B04", 3, {}])
def test_bands_are_a_list_of_names(bands):
    with pytest.raises(RecipeError, match="Received bands"):
        Network.from_json(recipe({"type": "pool2d", "size": 2}, bands=bands))


def test_each_band_is_named_once_and_their_number_is_bounded():
    with pytest.raises(RecipeError, match="Received the band 'B04' more than once; name each band once"):
        Network.from_json(recipe({"type": "pool2d", "size": 2}, bands=["B08", *["B04"] * 2000]))
    bands = [f"band {number}" for number in range(MAX_BANDS + 1)]
    with pytest.raises(RecipeError, match="Received 2,049 bands; at most 2,048 are expected"):
        Network.from_json(recipe({"type": "pool2d", "size": 2}, bands=bands))
    assert Network([Pool2D(2)], bands=bands[: gdal.MAX_BANDS]).input_bands == gdal.MAX_BANDS


def test_bands_that_do_not_fit_the_filters_are_refused():
    with pytest.raises(ValueError, match="received 1 band, but the filters have 2"):
        Network.from_json(recipe({"type": "conv2d", "weights": [[[[1], [2]]]]}, bands=["B04"]))


def test_sizes_are_bounded():
    with pytest.raises(RecipeError, match="Received 65 layers"):
        Network([Pool2D(1)] * 65)
    with pytest.raises(RecipeError, match="The recipe has 200,000 layers; at most 64 are allowed"):
        Network.from_json('{"version": 1, "layers": [' + "7," * 199_999 + "7]}", longest=None)
    with pytest.raises(RecipeError, match="at most 4,000,000 are allowed"):
        Network.from_json(" " * (MAX_TEXT + 1))
    with pytest.raises(RecipeError, match="Use fewer or smaller filters"):
        Network([Conv2D(np.full((15, 15, 13, 140), 1 / 3))]).to_json()
    with pytest.raises(RecipeError, match="finite numbers are expected"):
        Network.from_json('{"version": 1, "layers": [{"type": "conv2d", "weights": [[1e999]]}]}')


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([1, 2, "same"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=8,
)
keys = st.sampled_from(["weights", "bias", "padding", "stride", "dilation", "border", "size", "mode", "name"])
entries = st.builds(
    lambda kind, rest: {"type": kind, **rest},
    st.sampled_from(["activation", "conv2d", "pool2d"]),
    st.dictionaries(keys, values, max_size=4),
)


def outcome(text):
    """The network, or the one line that says why there is none."""
    try:
        return Network.from_json(text)
    except CnnvizError as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(st.lists(entries, min_size=1, max_size=3))
def test_nonsense_is_refused_in_one_line_or_makes_a_network(layers):
    found = outcome(json.dumps({"version": 1, "layers": layers}))
    if isinstance(found, str):
        assert 10 < len(found) < 700
        assert "\n" not in found
    else:
        assert Network.from_json(found.to_json()) == found
