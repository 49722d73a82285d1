"""Figures for download: their pixels, titles and legends."""

import io

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from cnnviz import figures
from cnnviz.render import ColourScale, Palette, composite, number

RANDOM = np.random.default_rng(5)
LONG = "A scene of a very long name · " * 12 + r"$\frac$" + "\nits kernel"


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def bars(drawing):
    """The legends of a figure: what is left of its axes, once those of pictures are taken."""
    return [axes for axes in drawing.axes if not axes.images]


def inside(drawing):
    """Whether all titles and labels stand on the paper."""
    drawing.draw_without_rendering()
    width, height = drawing.canvas.get_width_height()
    texts = [text for text in drawing.findobj(Text) if text.get_visible() and text.get_text()]
    boxes = [text.get_window_extent() for text in texts if text.get_window_extent().width > 1]  # else not drawn
    return all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for box in boxes)


def test_a_downloaded_picture_shows_its_pixels_and_hatches_only_nodata():
    values = np.full((20, 30), 5.0)
    values[:, :5] = np.nan
    scale = ColourScale(Palette.SIGNED, -6.0, 6.0)
    shown = opened(figures.figure_png(figures.figure(scale.indices(values), "values", scale)))
    rows, cols = shown.shape[:2]
    expected = scale.picture(np.array([[5.0]]))[0, 0, :3]
    assert (shown[rows // 3 : 2 * rows // 3, cols // 3 : 2 * cols // 3, :3] == expected).all()


@pytest.mark.parametrize("shape", [(20, 30), (100, 3), (3, 100), (1, 1)])
def test_a_figure_carries_title_and_legend_on_the_paper(shape):
    values = RANDOM.normal(size=shape)
    scale = ColourScale.signed(values)
    drawing = figures.figure(scale.indices(values), LONG, scale)
    assert drawing.get_suptitle().split() == LONG.split()
    assert inside(drawing)
    (bar,) = bars(drawing)
    assert bar.get_ylim() == (scale.low, scale.high)
    assert [label.get_text() for label in bar.get_yticklabels()] == [number(scale.low), "0", number(scale.high)]


def test_a_picture_in_colours_has_a_legend_for_each_of_them():
    values = RANDOM.uniform(0, 9, (12, 15, 3)).astype(np.float32)
    scales = [ColourScale(Palette.GREY, 0, 5 + band, f"B0{4 - band}") for band in range(3)]
    drawing = figures.figure(composite(values, [(scale.low, scale.high) for scale in scales]), LONG, *scales)
    assert inside(drawing)
    found = sorted(bars(drawing), key=lambda bar: bar.get_position().x0)
    assert [(bar.get_ylabel(), bar.get_ylim()) for bar in found] == [("B04", (0, 5)), ("B03", (0, 6)), ("B02", (0, 7))]
    ends = [bar.collections[-1].cmap(255)[:3] for bar in found]
    assert ends == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 13])
@pytest.mark.parametrize("shared", [True, False])
def test_a_gallery_has_one_legend_where_one_scale_serves_all(count, shared):
    values = RANDOM.normal(size=(20, 20))
    scales = [ColourScale(Palette.GREY, -1, 1 if shared else 1 + part, "rule") for part in range(count)]
    parts = [(f"$\\B{part}$", scale.indices(values), scale) for part, scale in enumerate(scales)]
    drawing = figures.gallery(parts, LONG)
    assert inside(drawing)
    assert len(bars(drawing)) == (1 if shared else count)
    assert drawing.get_supxlabel() == "rule"
    assert [axes.get_title() for axes in drawing.axes if axes.images] == [name for name, *_ in parts]
