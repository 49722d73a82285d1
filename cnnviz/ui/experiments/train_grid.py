"""Grid search: which settings do best, judged by cross-validation, and by how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnviz.estimate import duration
from cnnviz.render import number
from cnnviz.training import GridSearch
from cnnviz.ui import link, searches, trainings, watching
from cnnviz.ui.experiments.train import Setting
from cnnviz.ui.jobs import State
from cnnviz.ui.searches import MOST, Grid, Searching
from cnnviz.ui.shares import share_ink, share_scale
from cnnviz.ui.trainings import Order
from cnnviz.ui.words import percent, plain

_BATCHES, _EPOCHS = ("8", "16", "32", "64", "128", "256"), ("1", "2", "3", "5", "8", "10", "15", "20", "30")
#: Further settings at a time: more would make a table that nobody reads.
_FURTHER = 2


@dataclass(frozen=True)
class Varied:
    """A setting that can be varied: its title, values to choose from, those to begin with, and their type."""

    title: str
    values: tuple[str, ...]
    first: tuple[str, ...]
    kind: Callable[[str], Any]


#: What may be varied besides batch sizes and epochs, by its name in a plan.
OTHERS: Mapping[str, Varied] = {
    "learning_rate": Varied("Learning rate", ("0.01", "0.003", "0.001", "0.0003"), ("0.003", "0.001"), float),
    "optimiser": Varied("Optimiser", ("adam", "sgd", "momentum", "rmsprop"), ("adam", "momentum"), str),
    "pooling": Varied("Pooling", ("average", "max"), ("average", "max"), str),
    "activation": Varied("Activation", ("relu", "tanh", "sigmoid"), ("relu", "tanh"), str),
    "dropout": Varied("Dropout", ("0", "0.2", "0.3", "0.5"), ("0", "0.3"), float),
    "kernel": Varied("Kernel side", ("3", "5", "7"), ("3", "5"), int),
    "batch_norm": Varied("Batch normalisation", ("no", "yes"), ("no", "yes"), "yes".__eq__),
    "normalise": Varied("Normalised bands", ("no", "yes"), ("no", "yes"), "yes".__eq__),
}
_TITLES = {"batch_size": "batch size", "epochs": "epochs"} | {name: each.title.lower() for name, each in OTHERS.items()}


def show(given: Setting) -> None:
    """The part, for these images and this plan: what is not varied stays as the plan says."""
    order = Order(given.data, given.plan, given.how, given.training, given.judged)
    with st.expander("Grid search: which settings do best?", key="grid"):
        st.fragment(_part)(order)


def _part(order: Order) -> None:
    """Controls, progress and result; nothing else on the page moves while it runs."""
    found = searches.current()
    grid = _controls() if not link.hides("controls") else Grid((32, 64), (5, 10), {}, 3)
    running = found is not None and not found.job.finished
    with st.container(horizontal=True, vertical_alignment="center"):
        problem = refusal(order, grid)
        st.button(
            "Search",
            key="grid_start",
            type="primary",
            disabled=bool(problem) or trainings.busy(),
            on_click=searches.start,
            args=(order, grid),
        )
        st.caption(problem or _what(order, grid))
    if found is None:
        return
    if running:
        watching.watch(found.job, trainings.trainings(), "Searching", "grid_cancel")
    else:
        _ended(found)


def _controls() -> Grid:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        batches = link.several("Batch sizes", _BATCHES, ("32", "64"), "grid_batches", width=230)
        epochs = link.several("Epochs to compare", _EPOCHS, ("5", "10"), "grid_epochs", width=230)
        folds = link.figure("Folds", 2, 10, 3, "grid_folds", width=110, help=_FOLDS)
        titles = [each.title for each in OTHERS.values()]
        more = link.several("Vary as well", titles, (), "grid_more", width=330, max_selections=_FURTHER)
        others = {name: _values(name, each) for name, each in OTHERS.items() if each.title in more}
    return Grid(sorted(map(int, batches)), sorted(map(int, epochs)), others, folds)


_FOLDS = "The training images are cut into so many parts; each part judges once, what the others have taught."


def _values(name: str, varied: Varied) -> list[Any]:
    chosen = link.several(varied.title, varied.values, varied.first, f"grid_{name}", width=230)
    return [varied.kind(each) for each in varied.values if each in chosen]


def refusal(order: Order, grid: Grid) -> str:
    """Why such a search is not done here; empty where it is."""
    if not grid.combinations:
        return "Choose one value or more of each setting."
    if (images := grid.images(order)) > MOST:
        return (
            f"This would go through {number(images / 1e6, 3)} million images, and a search here takes up to "
            f"{number(MOST / 1e6)} million: fewer images, values, epochs or folds."
        )
    return ""


def _what(order: Order, grid: Grid) -> str:
    count = grid.trainings(order)
    shared = " Fewer epochs are the beginning of more, so they cost nothing." if len(grid.epochs) > 1 else ""
    return (
        f"{grid.combinations} combination{'s' * (grid.combinations != 1)} × {grid.folds} folds of "
        f"{len(order.training):,} images: {count} trainings, and one more of the best.{shared}"
    )


def _ended(found: Searching) -> None:
    job = found.job
    if job.state is State.FAILED:
        st.error(plain(job.problem))
    elif job.state is State.CANCELLED:
        st.info("The search was cancelled; nothing of it is kept.")
    elif job.result:
        _show(found, job.result.search, job.result.model.accuracy)


def _show(found: Searching, search: GridSearch, accuracy: float) -> None:
    """The best in words, the heat map, and the table."""
    best = search.best
    said = ", ".join(f"{_TITLES[name]} {word(value)}" for name, value in best.params.items())
    st.markdown(
        f"**Best first: {said}** · {percent(best.mean)} ± {percent(best.spread)} over {found.grid.folds} folds · "
        f"{found.grid.combinations} combinations in {duration(max(search.seconds, 1))}"
    )
    close = sum(each.mean >= best.mean - best.spread for each in search.trials) - 1
    st.caption(
        f"Trained anew on all of its {len(found.order.training):,} images it is {found.name}, and finds "
        f"{percent(accuracy)} of the {len(found.order.judged):,} that no fold saw. "
        + (f"{close} other combination{'s lie' if close > 1 else ' lies'} within its spread." if close else "")
    )
    left, right = st.columns([2, 3])
    with left:
        st.vega_lite_chart(heat_map(search), key="grid_heat", width="content")
    with right:
        st.dataframe(table(search), hide_index=True, key="grid_table", height=min(36 * (len(search.trials) + 1), 420))
        st.caption(
            "Seconds: the training of one fold, mean, while others ran beside it; that which comes first also builds "
            "what the others share."
        )


def word(value: Any) -> str:
    """A setting's value as it is shown.

    >>> word(True), word(0.001), word("max")
    ('yes', '0.001', 'max')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def table(search: GridSearch) -> list[dict[str, Any]]:
    """One row per combination, best first; accuracies in per cent, seconds for the training of one fold."""
    return [
        {
            "rank": row["rank"],
            **{_TITLES[name]: word(row[name]) for name in search.best_params},
            "mean, %": round(100 * row["mean"], 2),
            "± spread": round(100 * row["spread"], 2),
            "seconds": round(row["seconds"], 2),
            **{name: round(100 * row[name], 2) for name in row if name.startswith("fold ")},
        }
        for row in search.table
    ]


def heat_map(search: GridSearch) -> dict[str, Any]:
    """Mean accuracy of every combination in Vega-Lite's words: epochs across, batch sizes down, a field per rest."""
    names = [name for name in search.best_params if name not in ("batch_size", "epochs")]
    rows = [_cell(each.params, each.mean, names) for each in search.trials]
    colour = {
        "field": "mean",
        "type": "quantitative",
        "title": "accuracy",
        "scale": share_scale(1),
        "legend": {"format": ".0%", "orient": "bottom"},
    }
    place = {
        "x": {"field": "epochs", "type": "ordinal", "axis": {"labelAngle": 0}},
        "y": {"field": "batch size", "type": "ordinal"},
    }
    layers = [
        {"mark": "rect", "encoding": {"color": colour}},
        {
            "mark": {"type": "text", "fontSize": 13},
            "encoding": {
                "text": {"field": "mean", "type": "quantitative", "format": ".1%"},
                "color": share_ink("datum.mean", 1),
            },
        },
    ]
    plot = {"width": {"step": 62}, "height": {"step": 36}, "encoding": place, "layer": layers}
    if not names:
        return {"data": {"values": rows}, **plot}
    facet = {"field": "rest", "type": "nominal", "title": None, "sort": None}
    return {"data": {"values": rows}, "facet": facet, "columns": 2, "spec": plot}


def _cell(params: Mapping[str, Any], mean: float, names: Sequence[str]) -> dict[str, Any]:
    rest = ", ".join(f"{_TITLES[name]} {word(params[name])}" for name in names)
    known = mean if mean == mean else None
    return {"epochs": params["epochs"], "batch size": params["batch_size"], "mean": known, "rest": rest}
