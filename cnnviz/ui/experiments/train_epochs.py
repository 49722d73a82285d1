"""How a network came to be: its first kernels, one image's maps and its answer, as they were after each epoch."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cnnviz import render
from cnnviz.kernels import KERNELS
from cnnviz.layers import Conv2D
from cnnviz.render import ColourScale
from cnnviz.scores import softmax_terms
from cnnviz.ui import montage
from cnnviz.ui.experiments.train_data import picture, stretch
from cnnviz.ui.pictures import Room, Stage, caption, strip
from cnnviz.ui.trained import Snapshot, TrainedModel

_KERNELS = 16
_SOBEL = "sobel_vertical"


def pick(model: TrainedModel) -> Snapshot:
    """The epoch that is shown, on a slider; the last one at first."""
    epochs = [each.epoch for each in model.snapshots]
    chosen = st.select_slider(
        "After epoch",
        epochs,
        epochs[-1],
        key=f"train_epoch_{model.name}",
        help="0: before the first, weights at random.",
    )
    return model.snapshots[epochs.index(chosen)]


def show(model: TrainedModel, snapshot: Snapshot) -> None:
    """Kernels of the first convolution beside Sobel's, then one image on its way through the network."""
    _kernels(model, snapshot)
    judged = model.judged
    number = st.number_input(
        "Image held back", 1, len(judged), 1, key=f"train_image_{model.name}", width=150, help="Counted from 1."
    )
    _way(model, snapshot, int(number) - 1)


def first_convolution(snapshot: Snapshot) -> Conv2D:
    """The first layer with kernels of more than one weight, or the first at all."""
    found = [layer for layer in snapshot.network.layers if isinstance(layer, Conv2D)]
    return next((layer for layer in found if layer.tensor.shape[0] > 1), found[0])


def _kernels(model: TrainedModel, snapshot: Snapshot) -> None:
    weights = first_convolution(snapshot).tensor
    every = np.stack([first_convolution(each).tensor for each in model.snapshots])
    scale = ColourScale.weights(every)  # one scale for all epochs: a kernel that grows is seen to grow
    shown = min(weights.shape[3], _KERNELS)
    band = weights.shape[2] // 2 if weights.shape[2] > 1 else 0
    of = f" for {model.training.bands[band]}" if weights.shape[2] > 1 else ""
    st.markdown(f"**Kernels of the first convolution{of}**, beside Sobel's: does any of them find edges?")
    stages = [_kernel(KERNELS[_SOBEL].weights, KERNELS[_SOBEL].title, None)]
    stages += [_kernel(weights[:, :, band, each], f"filter {each + 1}", scale) for each in range(shown)]
    strip(stages, "train_kernels", room=Room("6.5rem", 150, shared=True, gallery=True), hint="")


def _kernel(values: np.ndarray, name: str, scale: ColourScale | None) -> Stage:
    array = np.asarray(values, np.float32)
    scale = scale or ColourScale.weights(array)
    return Stage(
        name=name,
        picture=scale.indices(array),
        caption=caption(array, None),
        alt=f"{name}: weights from {render.span(*render.value_range(array))}.",
        scale=scale,
        cells=None,
    )


def _way(model: TrainedModel, snapshot: Snapshot, number: int) -> None:
    """The image, what each layer with a place makes of it, and the answer term by term."""
    chips = model.judged
    maps = snapshot.network.run(chips.images[number])
    called = int(snapshot.shares[number].argmax())
    label = chips.classes[chips.labels[number]]
    st.markdown(f"**On its way through the network** · it is {label}, called {chips.classes[called]}")
    image = picture(chips, number, stretch(model.training), name=f"It is {label}")
    montage.show(maps, "train_way", before=[image])
    _terms(model, maps[-2].array[0, 0] if len(maps) > 1 else maps[-1].array[0, 0])


def _terms(model: TrainedModel, logits: np.ndarray) -> None:
    found = softmax_terms(logits)
    st.markdown("**Softmax, term by term**")
    st.dataframe(
        {
            "class": list(model.judged.classes),
            "logit": found.logits,
            "exp(logit − largest)": found.exp,
            "share": found.share,
        },
        hide_index=True,
        key="train_softmax",
        column_config={
            "logit": st.column_config.NumberColumn(format="%.4f"),
            "exp(logit − largest)": st.column_config.NumberColumn(format="%.6f"),
            "share": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.4f"),
        },
        height=36 * (len(found.share) + 1),
    )
    st.caption(
        f"Each exp is divided by the sum of all, {found.total:.6f}; the shares add up to {found.share.sum():.6f}."
    )
