"""Every layer of the network with its shape and its parameters, and the arithmetic beside them."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from cnnviz.scores import softmax_terms
from cnnviz.ui.experiments.train import Setting
from cnnviz.ui.trained import TrainedModel

_REACH, _POINTS = 4.0, 161


def show(given: Setting, model: TrainedModel | None, *, covered: bool) -> None:
    """The table; ``covered`` hides the parameters while they are asked for."""
    steps = given.plan.architecture.steps(given.chips.shape, given.classes)
    total = sum(step.parameters for step in steps)
    table = {
        "layer": [step.title for step in steps],
        "maps out": [" × ".join(map(str, step.shape)) for step in steps],
        "because": [step.shape_sum for step in steps],
        "parameters": ["?" if covered else f"{step.parameters:,}" if step.parameters else "" for step in steps],
        "as a sum": ["?" if covered else step.parameter_sum for step in steps],
    }
    said = "?" if covered else f"{total:,}"
    st.markdown(f"**The network** · {said} parameters in all{_counted(given, model, covered=covered)}")
    st.dataframe(table, hide_index=True, key="train_layers", height=min(36 * (len(steps) + 1), 520))
    with st.expander("ReLU, tanh, sigmoid and softmax in small", key="train_functions"):
        _functions()


def _counted(given: Setting, model: TrainedModel | None, *, covered: bool) -> str:
    """What Keras counts, once there is a model of this architecture."""
    if covered or model is None:
        return ""
    same = model.plan.architecture == given.plan.architecture and model.training.shape == given.chips.shape
    if not same or len(model.training.classes) != given.classes:
        return ""
    return f"; Keras counts {model.model.count_params():,} in the model of {model.name}"


@st.fragment
def _functions() -> None:
    curves, shares = st.columns(2)
    with curves:
        st.altair_chart(_curves(), height=240)
        st.caption("What an activation makes of a number x.")
    with shares:
        with st.container(horizontal=True):
            logits = [
                st.slider(f"Logit {name}", -5.0, 5.0, start, 0.1, key=f"softmax_{name}")
                for name, start in (("a", 2.0), ("b", 1.0), ("c", -1.0))
            ]
        _softmax(logits)


def _softmax(logits: list[float]) -> None:
    found = softmax_terms(logits)
    st.dataframe(
        {"class": list("abc"), "logit": logits, "exp(logit − largest)": found.exp, "share": found.share},
        hide_index=True,
        key="softmax_table",
        column_config={
            "share": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.3f"),
            "exp(logit − largest)": st.column_config.NumberColumn(format="%.4f"),
        },
    )
    st.caption(f"Each exp over their sum, {found.total:.4f}: positive, and together 1.")


def _curves() -> Any:
    x = np.linspace(-_REACH, _REACH, _POINTS)
    curves = {"ReLU": np.maximum(x, 0), "tanh": np.tanh(x), "sigmoid": 1 / (1 + np.exp(-x))}
    rows = [
        {"x": float(at), "y": float(value), "activation": name}
        for name, values in curves.items()
        for at, value in zip(x, values, strict=True)
    ]
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line()
        .encode(x="x:Q", y="y:Q", color=alt.Color("activation:N", title=None))
    )
