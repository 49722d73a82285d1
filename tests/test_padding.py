"""Sizes, paddings and borders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.errors import GeometryError
from cnnviz.padding import Border, output_size, plan, resolve_padding, source_index, visit_counts

quick = settings(derandomize=True, deadline=None, max_examples=200)


@quick
@given(
    st.integers(1, 30),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_output_size_counts_the_windows_that_fit(size, kernel, stride, dilation, before, after):
    padded = range(-before, size + after)
    span = dilation * (kernel - 1) + 1
    windows = [start for start in padded[::stride] if start + span - 1 in padded]
    if windows:
        padding = (before, after)
        assert output_size(size, kernel, padding=padding, stride=stride, dilation=dilation) == len(windows)
    else:
        with pytest.raises(GeometryError, match=f"received kernel {kernel} × {kernel}"):
            output_size(size, kernel, padding=(before, after), stride=stride, dilation=dilation)


def test_the_lectures_sizes():
    assert (output_size(5, 3), output_size(6, 3)) == (3, 4)
    assert (output_size(5, 3, padding="full"), output_size(6, 3, padding="full")) == (7, 8)
    assert (output_size(800, 3), output_size(600, 3)) == (798, 598)
    assert (output_size(800, 3, stride=10), output_size(600, 3, stride=10)) == (80, 60)
    assert (output_size(798, 2, stride=2), output_size(598, 2, stride=2)) == (399, 299)
    assert [output_size(5, k, padding="same") for k in (1, 2, 3, 4, 5)] == [5] * 5


@quick
@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3))
def test_same_gives_one_output_per_stride_and_its_larger_half_behind(size, kernel, stride, dilation):
    rows, cols = plan((size, size), kernel, padding="same", stride=stride, dilation=dilation)
    assert rows.out == cols.out == -(-size // stride)
    assert rows.after - rows.before in (0, 1)
    # No smaller padding has that many outputs.
    if rows.before + rows.after:
        fewer = (rows.before, rows.after - 1) if rows.after else (rows.before - 1, rows.after)
        try:
            assert output_size(size, kernel, padding=fewer, stride=stride, dilation=dilation) < rows.out
        except GeometryError:
            assert size + sum(fewer) < rows.span


def test_every_way_to_say_a_padding():
    assert resolve_padding("full", (9, 9), (3, 2), dilation=2) == ((4, 4), (2, 2))
    assert resolve_padding(2, (9, 9), 3) == ((2, 2), (2, 2))
    assert resolve_padding((1, 2), (9, 9), 3) == ((1, 1), (2, 2))
    assert resolve_padding([[1, 2], [0, 3]], (9, 9), 3) == ((1, 2), (0, 3))
    assert resolve_padding(np.int64(1), (9, 9), 3) == ((1, 1), (1, 1))
    assert output_size(9, 3, padding=((1, 2), (1, 2))) == 10


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"padding": "some"}, r"received padding 'some': one of full, same, valid, a whole number"),
        ({"padding": -1}, "received padding -1: 0 or more"),
        ({"padding": 1.5}, "received padding 1.5: a whole number"),
        ({"padding": (1, 2, 3)}, r"received padding \(1, 2, 3\): a whole number or \(rows, columns\)"),
        ({"padding": ((1, 2), (0, -3))}, "received padding -3: 0 or more"),
        ({"padding": ((1, 2), 3)}, "received padding"),
        ({"padding": None}, "received padding None: a whole number"),
        ({"stride": 0}, "received stride 0: 1 or more"),
        ({"stride": True}, "received stride True: a whole number"),
        ({"stride": "2"}, "received stride"),
        ({"dilation": (1, 0)}, "received dilation 0: 1 or more"),
        ({"kernel_shape": 0}, "received kernel size 0: 1 or more"),
        ({"shape": (0, 5)}, "received image size 0: 1 or more"),
        ({"shape": (5,)}, r"received image size \(5,\): a whole number or \(rows, columns\)"),
    ],
)
def test_nonsense_is_named(wrong, says):
    given = {"shape": (9, 9), "kernel_shape": 3} | wrong
    with pytest.raises(GeometryError, match=says):
        plan(given.pop("shape"), given.pop("kernel_shape"), **given)


def test_a_kernel_beyond_the_image_is_explained():
    says = (
        "received kernel 5 × 5 with dilation 2 (spans 9 × 9) on 7 × 7 pixels: at least 9 × 9 is expected; "
        "use a smaller kernel or dilation, or more padding"
    )
    with pytest.raises(GeometryError) as caught:
        plan((7, 7), 5, dilation=2)
    assert str(caught.value) == says
    with pytest.raises(GeometryError, match="on 2 × 9 pixels that padding makes 4 × 11: at least 5 × 3"):
        plan((2, 9), (5, 3), padding=1)
    with pytest.raises(GeometryError, match=r"with dilation 1 × 3 \(spans 3 × 7\)"):
        plan((5, 5), 3, dilation=(1, 3))


def test_one_axis_has_one_padding():
    with pytest.raises(GeometryError, match=r"for one axis: a pair \(before, after\) is expected"):
        output_size(9, 3, padding=((1, 1), (2, 2)))


@quick
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from(["valid", "same", "full", 3, ((0, 2), (5, 1))]),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_visits_are_those_of_a_walk_over_the_image(shape, kernel, padding, stride, dilation):
    try:
        rows, cols = plan(shape, kernel, padding=padding, stride=stride, dilation=dilation)
    except GeometryError:
        return
    counted = np.zeros(shape, int)
    for o in range(rows.out):
        for p in range(cols.out):
            for t in range(kernel[0]):
                for u in range(kernel[1]):
                    y = o * stride[0] - rows.before + t * dilation[0]
                    x = p * stride[1] - cols.before + u * dilation[1]
                    if 0 <= y < shape[0] and 0 <= x < shape[1]:
                        counted[y, x] += 1
    visits = visit_counts(shape, kernel, padding=padding, stride=stride, dilation=dilation)
    np.testing.assert_array_equal(visits, counted)


def test_the_lectures_visits():
    visits = visit_counts((6, 7), 3)
    assert (visits[0, 0], visits[0, 3], visits[3, 0], visits[3, 3]) == (1, 3, 3, 9)
    assert (visit_counts((6, 7), 3, padding="full") == 9).all()


@quick
@given(st.integers(1, 7), st.integers(0, 25), st.integers(0, 25))
def test_borders_are_numpys(size, before, after):
    line = np.arange(1.0, size + 1)
    modes = {"zero": "constant", "replicate": "edge", "reflect": "reflect", "wrap": "wrap"}
    for border, mode in modes.items():
        source = source_index(np.arange(-before, size + after), size, Border(border))
        np.testing.assert_array_equal(
            np.where(source < 0, 0, line[source]), np.pad(line, (before, after), mode=mode), err_msg=border
        )
