"""The controls of the volume page; all that they say stands in the URL as a short text."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from cnnviz.errors import CnnvizError, GeometryError
from cnnviz.filters import MAX_BANK, Filter, format_filters, parse_filters
from cnnviz.grids import MAX_SIDE, resize_kernel
from cnnviz.kernels import KERNELS
from cnnviz.padding import plan
from cnnviz.ui import link
from cnnviz.ui.experiments.kernel import BORDERS, PADDINGS
from cnnviz.ui.experiments.volume import ACTIVATIONS, Setting
from cnnviz.ui.experiments.volume_examples import Example, offered
from cnnviz.ui.fallback import good_or_default
from cnnviz.ui.page import more
from cnnviz.ui.view import View

BANDS, FILTERS, SHOWN = "vol_bands", "filters", "filter"
_OWN = "own"
#: Kernels that further filters take, in turn.
_MORE = ("sobel_horizontal", "laplacian_4", "gaussian_3", "emboss", "sharpen_3", "prewitt_vertical", "box_3")


def controls(view: View) -> Setting:
    """The row for what the page is about: an example, the bands, the filter in the pictures, the activation."""
    examples = offered(view)
    _fit_scene(view, examples)
    first = next(iter(examples.values()))
    _example(view, examples)
    bands = tuple(link.several("Bands", view.scene.band_names, first.fitted(view)[0], BANDS, on_change=_bands_changed))
    text = _text_now(first.fitted(view)[1])
    shown = link.figure("Filter shown", 1, MAX_BANK, 1, SHOWN, width=120)
    activation = link.choose("Activation", ACTIVATIONS, "act", width=150)
    return Setting(bands, text, shown - 1, activation)


def _fit_scene(view: View, examples: dict[str, Example]) -> None:
    """Bands of another scene make place for those of this one, with filters that fit them."""
    state = st.session_state
    if BANDS in state and not set(state[BANDS]) <= set(view.scene.band_names):
        state[BANDS], state[FILTERS] = _values(next(iter(examples.values())), view)


def _values(example: Example, view: View) -> tuple[list[str], str]:
    bands, text = example.fitted(view)
    return list(bands), text


def _example(view: View, examples: dict[str, Example]) -> None:
    """The list of examples; it shows the one in view, or that the filters are the visitor's own."""
    values = {name: _values(example, view) for name, example in examples.items()}
    first = next(iter(values.values()))
    current = (_bands_now(first[0]), _text_now(first[1]))
    found = next((name for name, value in values.items() if value == current), _OWN)
    titles = {name: example.title for name, example in examples.items()}
    options = titles if found in titles else {_OWN: "Your own"} | titles
    key = f"_vol_example_{found}"
    st.selectbox(
        "Start from",
        list(options),
        list(options).index(found),
        format_func=options.__getitem__,
        key=key,
        on_change=_start_from,
        args=(key, values),
    )


def _bands_now(otherwise: list[str]) -> list[str]:
    """The chosen bands, also where a link brings them and their field is not drawn yet."""
    return list(st.session_state.get(BANDS, st.query_params.get_all(BANDS) or otherwise))


def _text_now(otherwise: str) -> str:
    """The text of the filters, also where a link brings it and its field is not drawn yet."""
    return str(st.session_state.get(FILTERS, st.query_params.get(FILTERS, otherwise)))


def _start_from(key: str, values: dict[str, tuple[list[str], str]]) -> None:
    chosen = st.session_state[key]
    if chosen in values:
        st.session_state[BANDS], st.session_state[FILTERS] = values[chosen]
        st.session_state[SHOWN] = 1


def _bands_changed() -> None:
    """Kernels stay with their bands; a new band takes the kernel of the last."""
    state = st.session_state
    before, after = state.get("_vol_before", ()), tuple(state[BANDS])
    try:
        filters = parse_filters(state.get(FILTERS, state["_vol_text"]))
    except CnnvizError:
        return  # whoever is typing filters keeps them as they are
    if after and all(len(each.kernels) == len(before) for each in filters):
        state[FILTERS] = format_filters(
            [
                replace(each, kernels=tuple(each.kernels[before.index(b) if b in before else -1] for b in after))
                for each in filters
            ]
        )


def setting(view: View, chosen: Setting) -> Setting:
    """The rest of the controls, folded away; a mistake leaves the last good setting, with its pictures."""
    examples = offered(view)
    bands, text = next(iter(examples.values())).fitted(view)
    with more("Filters as text, number and size of filters, padding"):
        typed = link.text("Filters", text, FILTERS, help=_HELP)
        columns = st.columns(4)
        with columns[2]:
            padding = link.choose("Padding", PADDINGS, "padding")
        with columns[3]:
            border = link.choose("Border fill", BORDERS, "border")
    given = replace(chosen, text=typed, padding=padding, border=border)
    # Outside the folded part, so that a sentence about a mistake is in view.
    good = good_or_default("volume", lambda: _possible(view, given), lambda: Setting(bands, text))
    with columns[0]:
        _count(good)
    with columns[1]:
        _side(good)
    if chosen.shown > good.shown:
        st.caption(
            f"There is no filter {chosen.shown + 1} among {len(good.filters)}: shown is filter {good.shown + 1}."
        )
    st.session_state["_vol_before"], st.session_state["_vol_text"] = good.bands, good.text
    return good


_HELP = (
    "Filters apart by |, and in each one kernel per band, apart by spaces: a name such as sobel_vertical, "
    "with − or a factor (0.5*box_3) if you like, or a grid such as 1,0,-1;2,0,-2;1,0,-1. b=10 is a bias."
)


def _possible(view: View, given: Setting) -> Setting:
    if not given.bands:
        raise GeometryError("received no band: choose one or more of " + ", ".join(view.scene.band_names))
    plan((view.window.rows, view.window.cols), given.weights.shape, padding=given.padding)
    last = len(given.filters) - 1
    return given if given.shown <= last else replace(given, shown=last)


def _count(given: Setting) -> None:
    count = len(given.filters)
    key = f"_vol_count_{count}"
    st.number_input("Filters, K", 1, MAX_BANK, count, key=key, on_change=_recount, args=(given, key))


def _recount(given: Setting, key: str) -> None:
    wanted, filters = st.session_state[key], list(given.filters)
    rows, cols = given.weights.shape[:2]
    while len(filters) < wanted:
        kernel = KERNELS[_MORE[len(filters) % len(_MORE)]].weights
        fits = rows % 2 and cols % 2 and min(rows, cols) >= 3
        filters.append(Filter((kernel,) * len(given.bands)) if fits else filters[-1])
    st.session_state[FILTERS] = format_filters(filters[:wanted])
    st.session_state[SHOWN] = min(st.session_state.get(SHOWN, 1), wanted)


def _side(given: Setting) -> None:
    side = max(given.weights.shape[:2])
    key = f"_vol_side_{side}"
    st.number_input("Kernel side, k", 1, MAX_SIDE, side, key=key, on_change=_resize, args=(given, key))


def _resize(given: Setting, key: str) -> None:
    side = st.session_state[key]
    write([replace(each, kernels=tuple(resize_kernel(k, side, side) for k in each.kernels)) for each in given.filters])


def write(filters: list[Filter]) -> None:
    """From now on these are the filters; for callbacks."""
    st.session_state[FILTERS] = format_filters(filters)
