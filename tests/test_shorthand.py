"""Stacks as one line: every network comes back, and nonsense is refused in a sentence."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.blocks import Activation, Conv2D, Pool2D
from cnnviz.errors import RecipeError
from cnnviz.kernels import KERNELS
from cnnviz.presets import PRESETS
from cnnviz.shorthand import MAX_TEXT, read, read_weights, write
from tests.random_networks import random_network

NAMES = sorted(KERNELS)


def test_random_networks_come_back_equal():
    shelf = {}
    for seed in range(400):
        layers = random_network(np.random.default_rng(seed), borders=("zero", "reflect", "wrap"))[0].layers
        assert read(write(layers, shelf=shelf), shelf=shelf) == layers
        assert read(write(layers), shelf={}) == layers


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit_into_a_link_and_come_back_equal(name):
    layers = PRESETS[name].network.layers
    text = write(layers)
    assert len(text) < 400
    assert "#" not in text
    assert read(text) == layers


@given(st.sampled_from(NAMES), st.floats(-1e6, 1e6, width=32))
def test_a_multiple_of_a_catalogue_kernel_keeps_every_bit(name, factor):
    weights = np.float32(factor) * KERNELS[name].weights
    again = read(write([Conv2D(weights)]))[0]
    np.testing.assert_array_equal(again.tensor, weights)


def test_multiples_of_catalogue_kernels_are_named():
    half = 0.5 * KERNELS["sobel_vertical"].weights
    assert write([Conv2D(half)]) == "0.5*sobel_vertical"
    filters = np.stack([np.stack([half, 0 * half], -1), np.stack([half, half], -1)], -1)
    assert write([Conv2D(filters)]) == "[0.5*sobel_vertical+0*identity|0.5*sobel_vertical+0.5*sobel_vertical]"


def test_a_grid_that_equals_a_catalogue_kernel_stays_a_grid():
    layer = Conv2D(KERNELS["box_3"].weights)
    assert read(write([layer])) == (layer,)
    assert read(write([layer])) != (Conv2D("box_3"),)


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("sobel_vertical", Conv2D("sobel_vertical")),
        ("  1 , 0 , -1 ; 2,0,-2   same ", Conv2D([[1, 0, -1], [2, 0, -2]], padding="same")),
        ("box_3 pad=2", Conv2D("box_3", padding=2)),
        ("box_3 pad=1,2,3,4 border=wrap", Conv2D("box_3", padding=((1, 2), (3, 4)), border="wrap")),
        ("box_3 stride=2x3 dilation=2", Conv2D("box_3", stride=(2, 3), dilation=2)),
        ("box_3 bias=1/2", Conv2D("box_3", 0.5)),
        ("[ 1 + -1 | 2 + 1e-3 ] bias=1, 2", Conv2D([[[[1, 2], [-1, 1e-3]]]], [1, 2])),
        ("[1e20+-1.5e+20]", Conv2D(np.float32([[[[1e20], [-1.5e20]]]]))),
        ("max 2", Pool2D(2)),
        ("average 3x2 same stride=2", Pool2D((3, 2), mode="average", padding="same", stride=2)),
        ("min 4 pad=1", Pool2D(4, mode="min", padding=1)),
        ("relu", Activation("relu")),
    ],
)
def test_what_can_be_typed(text, layer):
    assert read(text) == (layer,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Layer 1 .*received ''"),
        ("relu > zebra", "Layer 2 .*'zebra': a kernel's name"),
        ("max", "write max 2"),
        ("max two", "size 'two': a whole number"),
        ("max 2x3x4", "a number or two such as 2x3"),
        ("relu same", "known here are none"),
        ("box_3 zigzag", "known here are full, pad=1, same, valid"),
        ("box_3 colour=red", "option 'colour=red'"),
        ("box_3 same full", "padding twice"),
        ("box_3 pad=1,2", "top,bottom,left,right"),
        ("box_3 stride=99", "whole numbers from 1 to 64"),
        ("box_3 stride=0", "received stride 0"),
        ("box_3 border=brick", "one of reflect, replicate, wrap, zero"),
        ("box_3 bias=nan", "received 'nan'"),
        ("[box_3|1]", "one size for all"),
        ("[1|2+3]", "as many kernels in each"),
        ("#0123456789abcdef", "load their recipe file first"),
        ("1e40", "a finite float32"),
        ("1,2;3", "2 and 1 numbers in rows 1 and 2"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(text, said):
    with pytest.raises(RecipeError, match=said):
        read(text)


def test_a_line_without_end_is_refused_before_it_is_read():
    with pytest.raises(RecipeError, match="at most 30,000"):
        read("relu>" * MAX_TEXT)


@settings(max_examples=500)
@given(st.randoms(use_true_random=False))
def test_whatever_a_link_brings_is_read_or_refused(chance: random.Random):
    pieces = [
        "relu",
        "max",
        " ",
        " > ",
        "[",
        "]",
        "|",
        "+",
        "*",
        "1/9",
        "2",
        "box_3",
        "stride=",
        "pad=",
        ",",
        ";",
        "#a",
        "é",
    ]
    text = "".join(chance.choice(pieces) for _ in range(chance.randrange(12)))
    try:
        layers = read(text)
    except RecipeError:
        with pytest.raises(RecipeError, match=r"^Layer "):
            read(text)
    else:
        assert read(write(layers)) == layers


def test_long_weights_go_to_the_shelf_and_come_back():
    weights = np.random.default_rng(0).normal(size=(5, 5, 6, 16)).astype(np.float32)
    layers = (Conv2D(weights, np.arange(16)), Activation("relu"))
    shelf = {}
    text = write(layers, shelf=shelf)
    assert len(text) < 100
    assert text.startswith("#")
    assert read(text, shelf=shelf) == layers
    with pytest.raises(RecipeError, match="load their recipe file first"):
        read(text)


def test_weights_alone_can_be_read():
    assert read_weights("sobel_vertical") == "sobel_vertical"
    assert read_weights("2*box_3").shape == (3, 3)
