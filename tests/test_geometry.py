"""Places and receptive fields, held against what the layers really read: ramps of coordinates and NaN probes."""

from itertools import product

import numpy as np
import pytest
from affine import Affine

from cnnviz.geometry import ReceptiveField, inputs, offset
from cnnviz.layers import Activation, Conv2D, Network, Pool2D
from cnnviz.padding import plan

GROUND = Affine(10, 2, 500, 1, -10, 900)  # turned a little, so that rows and columns cannot be mixed up
PADDINGS = ("valid", "same", "full")
KERNELS, DILATIONS, STRIDES = range(1, 6), range(1, 4), range(1, 4)


def ramps(rows, cols):
    """Ground coordinates of every pixel's centre as an image of two bands."""
    row, col = np.mgrid[:rows, :cols] + 0.5
    x, y = (GROUND.a * col + GROUND.b * row + GROUND.c, GROUND.d * col + GROUND.e * row + GROUND.f)
    return np.stack([x, y], axis=2)


def assert_lies_where_it_looks(network, shape, inside):
    """The mean of the coordinates that an output saw is where the transform puts its centre."""
    seen = network.apply(ramps(*shape))
    place = network.transform(GROUND, (*shape, 2))
    row, col = np.mgrid[: seen.shape[0], : seen.shape[1]] + 0.5
    put = np.stack([place.a * col + place.b * row + place.c, place.d * col + place.e * row + place.f], axis=2)
    assert inside.any()
    np.testing.assert_allclose(seen[inside], put[inside], atol=2e-3)


def whole_windows(shape, kernel, padding, stride, dilation):
    """Outputs that saw no padding: a sum of ones is complete there."""
    ones = Conv2D(np.ones((kernel, kernel)), padding=padding, stride=stride, dilation=dilation)
    return Network([ones]).apply(np.ones(shape))[..., 0] == kernel**2


@pytest.mark.parametrize("shape", [(16, 17), (17, 16), (18, 19)])
@pytest.mark.parametrize("padding", PADDINGS)
def test_convolution_lies_where_it_looks(shape, padding):
    for kernel, dilation, stride in product(KERNELS, DILATIONS, STRIDES):
        mean = np.full((kernel, kernel), 1 / kernel**2)
        network = Network([Conv2D(mean, padding=padding, stride=stride, dilation=dilation)])
        assert_lies_where_it_looks(network, shape, whole_windows(shape, kernel, padding, stride, dilation))


@pytest.mark.parametrize("shape", [(16, 17), (17, 16), (18, 19)])
@pytest.mark.parametrize("padding", PADDINGS)
def test_pooling_lies_where_it_looks(shape, padding):
    for kernel, stride in product(KERNELS, STRIDES):
        network = Network([Pool2D(kernel, mode="average", stride=stride, padding=padding)])
        assert_lies_where_it_looks(network, shape, whole_windows(shape, kernel, padding, stride, 1))


def test_custom_padding_and_unlike_axes_lie_where_they_look():
    network = Network([Conv2D(np.full((3, 2), 1 / 6), padding=((2, 0), (0, 1)), stride=(1, 3), dilation=(2, 1))])
    shape = (12, 14)
    ones = Network([Conv2D(np.ones((3, 2)), padding=((2, 0), (0, 1)), stride=(1, 3), dilation=(2, 1))])
    assert_lies_where_it_looks(network, shape, ones.apply(np.ones(shape))[..., 0] == 6)


def random_stack(rng):
    layers = []
    for _ in range(rng.integers(1, 5)):
        kernel, padding = tuple(int(k) for k in rng.integers(1, 4, 2)), str(rng.choice(PADDINGS))
        stride = tuple(int(s) for s in rng.integers(1, 3, 2))
        if rng.random() < 0.6:
            dilation = tuple(int(d) for d in rng.integers(1, 3, 2))
            layers.append(Conv2D(np.ones(kernel), padding=padding, stride=stride, dilation=dilation))
        else:
            layers.append(Pool2D(kernel, mode="average", stride=stride, padding=padding))
        layers.append(Activation("relu"))
    return Network(layers)


def touched(network, shape, axis):
    """Which outputs turn NaN, along one axis, for NaN in each input row (or column): (inputs, outputs)."""
    found = []
    for place in range(shape[axis]):
        image = np.ones(shape)
        image[(place, slice(None)) if axis == 0 else (slice(None), place)] = np.nan
        found.append(np.isnan(network.apply(image)[..., 0]).any(axis=1 - axis))
    return np.array(found)


@pytest.mark.parametrize("seed", range(40))
def test_a_stack_sees_what_its_receptive_field_says(seed):
    """NaN probes: outputs that see no padding see exactly centre ± size / 2, all others no more than that."""
    rng = np.random.default_rng(seed)
    network, shape = random_stack(rng), tuple(int(n) for n in rng.integers(40, 46, 2))
    field = network.receptive_field(shape)
    for axis in (0, 1):
        for output, reads in enumerate(touched(network, shape, axis).T):
            seen = np.flatnonzero(reads)
            box = field.box(output, output)
            first, end = (box.top, box.bottom) if axis == 0 else (box.left, box.right)
            if first >= 0 and end <= shape[axis]:
                assert (seen[0], seen[-1] + 1) == (first, end)
                assert (seen[0] + seen[-1] + 1) / 2 == field.centre(output, output)[axis]
            else:
                assert len(seen) == 0 or (seen[0] >= first and seen[-1] + 1 <= end)


@pytest.mark.parametrize("seed", range(10))
def test_a_stack_of_means_lies_where_it_looks(seed):
    rng = np.random.default_rng(seed)
    stack = [
        Conv2D("box_3", padding=str(rng.choice(PADDINGS)), stride=int(rng.integers(1, 3)), dilation=2),
        Pool2D(2, mode="average", padding=str(rng.choice(PADDINGS))),
        Conv2D("box_3", padding=str(rng.choice(PADDINGS)), stride=int(rng.integers(1, 4))),
    ]
    network, shape = Network(stack), tuple(int(n) for n in rng.integers(50, 60, 2))
    rows, cols = network.output_shape(shape)[:2]
    boxes = [[network.receptive_field(shape).box(row, col) for col in range(cols)] for row in range(rows)]
    inside = np.array(
        [[b.top >= 0 and b.left >= 0 and b.bottom <= shape[0] and b.right <= shape[1] for b in line] for line in boxes]
    )
    assert_lies_where_it_looks(network, shape, inside)


@pytest.mark.parametrize(
    ("settings", "size", "expected"),
    [
        ({}, 9, 1.0),
        ({"padding": "same"}, 9, 0.0),
        ({"padding": "full"}, 9, -1.0),
        ({"padding": "same", "stride": 2}, 8, 0.5),
        ({"padding": "same", "stride": 2}, 9, -0.5),
    ],
)
def test_offsets_of_a_three_by_three_kernel(settings, size, expected):
    assert offset(plan((size, size), 3, **settings)[0]) == expected


def test_pooling_by_its_own_size_moves_nothing():
    for size in range(1, 9):
        assert Network([Pool2D(size)]).transform(Affine.identity(), (40, 40))[:6] == (size, 0, 0, 0, size, 0)


def test_without_a_shape_sizes_are_multiples_of_the_stride():
    network = Network([Conv2D("box_3", padding="same", stride=2), Pool2D(3, stride=3, padding="same")])
    assert network.receptive_field() == network.receptive_field((36, 36))
    assert network.receptive_field() != network.receptive_field((35, 36))


def test_lenet_sees_what_the_textbook_says():
    network = Network(
        [Conv2D(np.ones((5, 5, 1, 6))), Pool2D(2), Conv2D(np.ones((5, 5, 6, 16))), Pool2D(2)], name="LeNet-5"
    )
    assert network.receptive_field() == ReceptiveField((16, 16), (4, 4), (6.0, 6.0))
    assert network.output_shape((32, 32, 1)) == (5, 5, 16)


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (2, 5), (0, 8)])
def test_inputs_of_a_run_of_outputs_are_those_that_its_outputs_read(start, stop):
    axis = plan((17, 17), 3, padding="same", stride=2, dilation=2)[0]
    reads = axis.reads()[start:stop]
    assert inputs(axis, start, stop) == (reads.min(), reads.max() + 1)
