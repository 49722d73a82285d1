"""What can be taken home of a trained model: the model, its weights, its history and its card."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import streamlit as st

from cnnviz.ui.model_card import card, stem
from cnnviz.ui.trained import TrainedModel


def show(model: TrainedModel) -> None:
    """Four files; each is made when it is asked for, not before."""
    files = (
        ("Model (.keras)", lambda: keras_bytes(model), ".keras", "application/zip"),
        ("Weights (.npz)", lambda: weight_bytes(model), "_weights.npz", "application/octet-stream"),
        ("History (CSV)", model.history.to_csv, "_history.csv", "text/csv"),
        ("Model card", lambda: card(model), "_card.md", "text/markdown"),
    )
    st.subheader("Take it home", anchor=False)
    with st.container(horizontal=True, key="train_files"):
        for label, make, ending, kind in files:
            name = stem(model) + ending
            st.download_button(label, make, name, kind, key=f"train_get{ending}", on_click="ignore")
    st.caption(
        "The model opens with keras.models.load_model; the weights are plain arrays, one for each name. The card says "
        "data, split, seed, settings, versions and scores."
    )


def keras_bytes(model: TrainedModel) -> bytes:
    """The model as a ``.keras`` file. Raises ModelError where it cannot be written."""
    from cnnviz.models import save_model

    with tempfile.TemporaryDirectory(prefix="cnnviz-model-") as folder:
        target = Path(folder) / f"{stem(model)}.keras"
        save_model(model.model, target)
        return target.read_bytes()


def weight_bytes(model: TrainedModel) -> bytes:
    """All weights as arrays in an ``.npz`` file, named by layer and role, such as ``conv_1/kernel``."""
    arrays = {
        f"{layer.name}/{each.name}": values
        for layer in model.model.layers
        for each, values in zip(layer.weights, layer.get_weights(), strict=True)
    }
    target = io.BytesIO()
    np.savez_compressed(target, allow_pickle=False, **arrays)
    return target.getvalue()
