"""What a strip tells the browser about its pictures."""

import numpy as np
import pytest

from cnnviz.render import ColourScale, Palette
from cnnviz.ui import pictures
from cnnviz.ui.pictures import Stage

SCALE = ColourScale(Palette.GREY, 0, 1)


@pytest.mark.parametrize("turned", [SCALE.indices, SCALE.picture])
def test_only_a_picture_with_a_number_has_a_legend(turned):
    values = np.full((3, 4), np.nan)
    legends = []
    for first in (np.nan, 0.5):
        values[0, 0] = first
        stage = Stage(name="a", picture=turned(values), caption="", alt="", scale=SCALE)
        legends.append(pictures._spec(stage, b"")["legend"])
    assert legends[0] is None
    assert legends[1]["ticks"] == ["0", "0.5", "1"]


def test_opaque_colours_travel_without_their_opacity():
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, 4), np.uint8)
    picture[..., 3] = 255
    assert pictures._pixels(picture) == picture[..., :3].tobytes()
    picture[2, 3] = 0
    assert pictures._pixels(picture) == picture.tobytes()


def test_a_caption_says_how_much_is_missing_also_where_all_is():
    values = np.full((2, 5), np.nan)
    assert pictures.caption(values, (20.0, 10.0)) == " · 2 × 5 px · 20 × 10 m/px · no finite value · 100 % no data"
    values[0, 0] = 3
    assert pictures.caption(values, None) == " · 2 × 5 px · 3 … 3 · 90 % no data"
    assert "no data" not in pictures.caption(np.ones((2, 5)), None)
