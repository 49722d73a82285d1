"""Draw a digit, and watch every layer of a trained model answer."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.render import ColourScale, Palette
from cnnviz.ui import montage
from cnnviz.ui.digit_pad import Grey, digit_pad, enlarged, framed
from cnnviz.ui.page import beside
from cnnviz.ui.pictures import Room, Stage, caption, strip
from cnnviz.ui.trained import TrainedModel

_PAD = "train_digit_pad"
#: Data sets whose digits are prepared otherwise than MNIST's.
_SMALL = "digits"
_DIGITS = tuple("0123456789")


def show(model: TrainedModel) -> None:
    """The part, for a model that reads digits; nothing for others."""
    rows, cols, bands = model.training.shape
    if bands == 1 and rows == cols and model.training.classes == _DIGITS:
        st.subheader("Draw a digit", anchor=False)
        _part(model)


@st.fragment
def _part(model: TrainedModel) -> None:
    """A stroke runs this alone, and nothing else on the page moves."""
    pad, answer = beside(300)
    with pad:
        drawing = digit_pad(_PAD)
    example = None if drawing.any() else _example(model)
    image = picture(model, drawing) if example is None else model.judged.images[example][..., 0]
    maps = model.network.run(image[..., None])
    with answer:
        _say(model, image, maps[-1].array.ravel(), example)
    montage.show(maps, "train_digit", hint=_HINT)


_HINT = "Point at a pixel of a map: the same place is marked in every picture of the row."


def _example(model: TrainedModel) -> int:
    """Number of the first judged image whose class the model finds, so that there is something to see at once."""
    shares = model.last.shares
    return int(np.argmax(shares.argmax(axis=1) == model.judged.labels[: len(shares)]))


def picture(model: TrainedModel, drawing: Grey) -> Grey:
    """The drawing as the model's images are, ``(rows, cols)`` from 0 to 1."""
    side = model.training.shape[0]
    return enlarged(drawing, side) if model.data == _SMALL else framed(drawing, side)


def _say(model: TrainedModel, image: Grey, shares: np.ndarray, example: int | None) -> None:
    """The picture that the model gets, and what it says."""
    classes, best = model.training.classes, int(shares.argmax())
    before = "" if example is None else "Nothing is drawn yet: here is one of the images that judged the model. "
    share = render.number(100 * float(shares[best]), 3)
    st.markdown(f"{before}The model says **{classes[best]}**, with a probability of {share} %.")
    with st.container(horizontal=True, key="train_digit_answer"):
        with st.container(width=190):
            strip([_input(image)], "train_digit_input", room=Room("8rem", 160), hint="")
        with st.container(width=330):
            st.altair_chart(bars(shares, classes), height=190)
    st.caption(_prepared(model))


def _prepared(model: TrainedModel) -> str:
    side = model.training.shape[0]
    size = render.size(side, side)
    if model.data == _SMALL:
        return (
            f"The drawing becomes {size} pixels as scikit-learn's digits are here: cut out, made to fill 8 × 8 pixels "
            "of 17 shades, and enlarged."
        )
    return (
        f"The drawing becomes {size} pixels as MNIST's digits were made: scaled to fit {round(side * 20 / 32)} × "
        f"{round(side * 20 / 32)}, then its centre of mass moved into the middle."
    )


def _input(image: Grey) -> Stage:
    scale = ColourScale(Palette.GREY, 0, 1, "0 to 1")
    return Stage(
        name="what the model gets",
        picture=scale.indices(image),
        caption=caption(image, None),
        alt="The drawing as the model gets it.",
        scale=scale,
    )


def bars(shares: np.ndarray, classes: Sequence[str]) -> alt.Chart:
    """Probability of each class, from 0 to 1."""
    best = int(shares.argmax())
    rows = [
        {"class": name, "probability": float(share), "first": number == best}
        for number, (name, share) in enumerate(zip(classes, shares, strict=True))
    ]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("class:N", sort=list(classes), title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("probability:Q", scale=alt.Scale(domain=[0, 1])),
            color=alt.condition("datum.first", alt.value("#0072B2"), alt.value("#8FA3AD")),
            tooltip=["class:N", alt.Tooltip("probability:Q", format=".1%")],
        )
    )
    return chart
