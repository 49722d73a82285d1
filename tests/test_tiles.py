"""A tile of a network's result is what the whole result has there, to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.errors import GeometryError
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.padding import Axis, Border, source_index
from cnnviz.tiles import part, tile
from cnnviz.windows import Window
from tests.random_networks import BORDERS, random_network

seeds = st.integers(0, 2**32 - 1)


def windows(rng, shape):
    """Windows of random size that cover ``shape`` once, in reading order."""
    height, width = (int(rng.integers(1, side + 1)) for side in shape[:2])
    for row in range(0, shape[0], height):
        for col in range(0, shape[1], width):
            yield Window(row, col, height, width).clipped(shape)


def inside(image, window):
    return image[window.row : window.row + window.rows, window.col : window.col + window.cols]


def from_tiles(network, image, rng):
    """The result put together from tiles, each computed from the pixels that it asks for and nothing else."""
    shape = network.output_shape(image.shape)
    result = np.full(shape, 7, np.float32)
    for window in windows(rng, shape):
        piece = tile(network, image.shape, window)
        found = piece.apply(network, inside(image, piece.inputs))
        assert found.shape == (window.rows, window.cols, shape[2])
        inside(result, window)[:] = found
    return result


def same_bits(found, expected):
    return np.array_equal(found, expected, equal_nan=True) and np.array_equal(np.signbit(found), np.signbit(expected))


@settings(max_examples=300)
@given(seeds)
def test_tiles_are_the_whole_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    network, image = random_network(rng, layers=5, borders=BORDERS)
    if rng.random() < 0.5:
        image[rng.random(image.shape) < 0.02] = np.nan
    assert same_bits(from_tiles(network, image, rng), network.apply(image))


def noise(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


STACKS = {
    "many bands, one filter": [Conv2D(noise(3, 3, 13, 1))],
    "many filters": [Conv2D(noise(3, 2, 13, 24), bias=noise(24), padding="same"), Activation("sigmoid")],
    "large product": [Conv2D(noise(1, 1, 13, 400)), Conv2D(noise(3, 3, 400, 70), padding="same", stride=2)],
    "two passes": [Conv2D(np.outer(noise(9), noise(9)), padding="same", border="reflect")],
    "kernel in parts": [Conv2D(noise(15, 13), padding="same", border="replicate")],
    "wide dilation": [Conv2D(noise(3, 5, 13, 2), padding="full", dilation=(7, 9))],
    "zeros beside NaN": [Conv2D("vertical_edges", padding="same"), Pool2D(3, mode="average", stride=2)],
    "deep": [
        *[Conv2D(noise(3, 3, 13, 5), padding="same"), Activation("relu"), Pool2D(2, stride=1, padding="same")],
        *[Conv2D(noise(5, 5, 5, 7), dilation=2, padding="same"), Activation("tanh"), Pool2D(2, mode="average")],
    ],
}


@pytest.mark.parametrize("planes", [True, False], ids=["planes", "pixels"])
@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
def test_no_place_in_the_image_rounds_otherwise(layers, planes):
    """Widths that no vector register divides, and every engine, whatever the order of the pixels in memory."""
    rng = np.random.default_rng(5)
    image = rng.normal(scale=1000, size=(13, 67, 91) if planes else (67, 91, 13)).astype(np.float32)
    image = np.moveaxis(image, 0, -1) if planes else image
    image[20:23, 30] = np.nan
    network = Network(layers)
    whole = network.apply(image)
    for _ in range(3):
        assert same_bits(from_tiles(network, image, rng), whole)


@settings(max_examples=300)
@given(seeds)
def test_a_part_reads_what_the_whole_axis_reads(seed):
    """Any padding up to far beyond the kernel and the image, against the pixels that the whole axis reads."""
    rng = np.random.default_rng(seed)
    size, kernel, stride, dilation = (int(n) for n in rng.integers(1, [12, 5, 5, 4]))
    before, after = (int(n) for n in rng.integers(0, 40, 2))
    axis = Axis(size, kernel, before, after, stride, dilation)
    if axis.out < 1:
        return
    start = int(rng.integers(axis.out))
    stop = int(rng.integers(start, axis.out)) + 1
    for border in Border:
        found = part(axis, border, start, stop)
        inner = axis._replace(size=found.size, before=found.before, after=found.after)
        reads = source_index(inner.reads()[found.skip :][: found.kept], found.size, border)
        expected = source_index(axis.reads()[start:stop], size, border)
        assert np.array_equal(np.where(reads < 0, reads, reads + found.start), expected)


def test_a_tile_inside_reads_its_receptive_field_and_no_more():
    network = Network([Conv2D("sobel_vertical", padding="same"), Pool2D(2), Conv2D("gaussian_5", padding="same")])
    field = network.receptive_field()
    found = tile(network, (400, 300), Window(50, 60, 10, 20)).inputs
    top, left, *_ = field.box(50, 60)
    *_, bottom, right = field.box(59, 79)
    assert found == Window(int(top), int(left), int(bottom - top), int(right - left))


def test_only_borders_that_wrap_reach_for_the_far_side():
    near = {}
    for border in BORDERS:
        network = Network([Conv2D("box_3", padding="same", border=border)])
        near[border] = tile(network, (90, 80), Window(0, 0, 9, 9)).inputs
    assert [near[border] for border in ("zero", "replicate", "reflect")] == [Window(0, 0, 10, 10)] * 3
    assert near["wrap"] == Window(0, 0, 90, 80)


def test_a_network_that_does_not_fit_the_scene_is_refused():
    with pytest.raises(GeometryError, match="kernel 5 × 5 on 4 × 90 pixels"):
        tile(Network([Conv2D("gaussian_5")]), (4, 90), Window(0, 0, 1, 1))


@pytest.mark.parametrize("padding", ["same", "valid", "full", ((0, 6), (2, 0))])
@pytest.mark.parametrize("border", ["zero", "replicate", "reflect"])
def test_kernels_with_symmetric_factors_round_alike_wherever_a_tile_ends(padding, border):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(90, 83, 2)).astype(np.float32)
    half = rng.normal(size=(2, 4))
    column, row = (
        np.array([*side[:3], side[3], *sign * side[2::-1]]) for side, sign in zip(half, (1, -1), strict=True)
    )
    for kernel in ("gaussian_7", np.outer(column, row), np.outer(row, column)):
        network = Network([Conv2D(kernel, padding=padding, border=border)])
        whole = network.apply(image)
        rows, cols = whole.shape[:2]
        for window in (
            Window(0, 0, 40, 37),
            Window(40, 37, rows - 40, cols - 37),
            Window(21, 0, 30, cols),
            Window(0, 19, rows, 11),
            Window(rows - 3, cols - 5, 3, 5),
        ):
            piece = tile(network, image.shape, window)
            seen = piece.inputs
            part = image[seen.row : seen.row + seen.rows, seen.col : seen.col + seen.cols]
            planes = np.moveaxis(np.moveaxis(part, -1, 0).copy(), 0, -1)  # as a run reads them
            expected = whole[window.row : window.row + window.rows, window.col : window.col + window.cols]
            np.testing.assert_array_equal(piece.apply(network, planes), expected)
