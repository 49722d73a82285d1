"""Numbers as text, the same everywhere."""

import numpy as np
import pytest

from cnnviz.text import MINUS, THIN, ground, number, size, span

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1234567, "1 234 567"), (np.int64(1234567), "1 234 567"), (1234567.0, "1 235 000"), (0.5, "0.5"),
        (65535.0, "65 535"), (-7960504.0, "−7 961 000"), (2.0 / 3, "0.6667"), (-1e9, "−1 × 10⁹"), (np.inf, "∞"),
    ],
)  # fmt: skip
def test_figures_have_four_digits_and_true_signs(value, text):
    assert number(value).replace(THIN, " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(5967885.37, "5 967 885.37"), (-34.8712712, "−34.8712712"), (0.00123456789, "0.00123456789")]
)
def test_more_digits_bring_no_floating_noise(value, text):
    assert number(value, 9).replace(THIN, " ") == text


@pytest.mark.parametrize("value", [*RANDOM.uniform(-1e8, 1e8, 50), *np.rint(RANDOM.uniform(-1e7, 1e7, 50))])
def test_a_figure_reads_back_to_a_part_in_two_thousand(value):
    text = (
        number(float(value))
        .replace(THIN, "")
        .replace(MINUS, "-")
        .translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    )
    assert float(text.replace(" × 10", "e")) == pytest.approx(value, rel=5.1e-4)


def test_sizes_and_ground_are_told_down_before_across():
    assert size(344, 10980) == f"344 × 10{THIN}980"
    assert ground((1234.56, 74.571)) == f"1{THIN}235 × 74.57 m/px"
    assert span(-1.0, 2.0) == f"{MINUS}1 … 2"


@pytest.mark.parametrize("metres", [(10.0, 10.0), (10.0, 10.0000001)])
def test_square_pixels_are_one_figure(metres):
    assert ground(metres) == "10 m/px"
