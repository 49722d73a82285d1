"""Controls whose setting lives in the URL, so that a copied link reopens the same page.

Streamlit keeps a bound widget and its query parameter equal. What is added here: a link may name an option by its
identifier as well as by its label, and whatever a link asks for that cannot be is dropped and said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qs

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnviz.errors import CnnvizError
from cnnviz.render import number
from cnnviz.ui.words import plain, short

Option = TypeVar("Option")
Number = TypeVar("Number", int, float)

_HIDE = "hide"
_HIDEABLE = {"answers", "controls", "tasks"}
_NO_OPTION = "is none of its options"
_NOT_OURS = frozenset({"embed", "embed_options"})


def begin(page: str) -> None:
    """Start a page: its link is judged once, on the first run after the visitor arrived."""
    back = _goes_back()
    state = st.session_state
    before = state.get("_link_page", "")  # None where the page starts over, because its address has been put right
    arrived = before != page
    state["_link_walked"] = arrived and not back and bool(before)
    state["_link_page"] = page
    state["_link_problems"] = st.container(key="problems")
    state["_link_raw"] = st.query_params.to_dict() if arrived else {}
    state["_link_known"] = set(_NOT_OURS | {_HIDE})
    state.setdefault("_link_keys", set())
    state.setdefault("_link_chosen", {})
    if arrived:
        if before is not None:
            state["_link_dropped"] = []
        # A teacher's link keeps hiding what it hides when the class walks on to the next page.
        state["_link_hide"] = state["_link_raw"].get(_HIDE, state.get("_link_hide", ""))
        for part in sorted(_parts(state["_link_hide"]) - _HIDEABLE):
            _drop(f"“{short(part)}” is nothing that can be hidden: choose from answers, controls, tasks.")
    if state["_link_hide"]:
        st.query_params[_HIDE] = state["_link_hide"]


def _goes_back() -> bool:
    """Whether the visitor came with Back or Forward: then the whole address is taken, and nothing but it.

    On a change of page Streamlit leaves out what the page before has too, such as the scene: on other ways in the
    session keeps it instead.
    """
    run = get_script_run_ctx()
    if run is None or not run.is_history_navigation:
        return False
    asked = parse_qs(run.query_string, keep_blank_values=True)
    lost = {key: values for key, values in asked.items() if key not in st.query_params and key not in _NOT_OURS}
    if lost:
        for key in st.session_state["_link_keys"] - asked.keys():
            st.session_state.pop(key, None)
        st.query_params.update(lost)
        st.rerun()
    return True


def end() -> list[str]:
    """What the link asked for that could not be had, as sentences."""
    state = st.session_state
    for key in sorted(set(state["_link_raw"]) - state["_link_known"]):
        _drop(f"“{short(key)}” sets nothing here.")
    state["_link_raw"] = {}
    return list(state["_link_dropped"])


def last_good(key: str, attempt: Callable[[], Option]) -> Option:
    """Result of ``attempt``; where it raises, say why and give the last one that worked, so that the page stays."""
    try:
        good = attempt()
    except CnnvizError as error:
        if f"_good_{key}" not in st.session_state:
            raise
        complain(error)
        previous: Option = st.session_state[f"_good_{key}"]
        return previous
    st.session_state[f"_good_{key}"] = good
    return good


def complain(error: CnnvizError) -> None:
    """Say what is wrong above the page's pictures, wherever the control stands: it may be folded away."""
    st.session_state["_link_problems"].error(plain(str(error)))


def asks(key: str) -> bool:
    """Whether the visitor has just come with an address that sets ``key``."""
    return key in st.session_state["_link_raw"]


def hides(part: str) -> bool:
    """Whether a teacher's link hides ``controls``, ``answers`` or ``tasks``: ``?hide=answers,tasks``."""
    return part in _parts(st.session_state["_link_hide"])


def _parts(text: str) -> set[str]:
    return {part.strip().lower() for part in text.split(",")} - {""}


def choose(label: str, options: Mapping[Option, str], key: str, **more: Any) -> Option:
    """One of ``options`` (identifier → label) from a list; the first unless ``default`` names another."""
    default = more.pop("default", next(iter(options)))
    _arrive_option(label, options, key, default)
    index = list(options).index(default)
    chosen: Option = st.selectbox(
        label, list(options), index, format_func=options.__getitem__, key=key, bind="query-params", **more
    )
    return chosen


def switch(label: str, options: Mapping[Option, str], key: str, **more: Any) -> Option:
    """One of a few ``options`` (identifier → label), all in view."""
    more.setdefault("default", next(iter(options)))
    _arrive_option(label, options, key, more["default"])
    chosen: Option = st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        bind="query-params",
        required=True,
        **more,
    )
    return chosen


def several(label: str, options: Sequence[str], default: Sequence[str], key: str, **more: Any) -> list[str]:
    """Any number of ``options``, in the order in which they were chosen."""
    _arrive(label, key, list(default))
    if key in st.session_state["_link_raw"]:
        for name in st.query_params.get_all(key):
            if name not in options:
                _drop(f"{label}: “{short(name)}” {_NO_OPTION}.")
    return st.multiselect(label, list(options), list(default), key=key, bind="query-params", **more)


def slide(label: str, low: Number, high: Number, default: Number, key: str, **more: Any) -> Number:
    """A figure from ``low`` to ``high`` on a slider."""
    _arrive(label, key, default, _outside(low, high))
    chosen: Number = st.slider(label, low, high, default, key=key, bind="query-params", **more)
    return chosen


def figure(label: str, low: Number, high: Number, default: Number, key: str, **more: Any) -> Number:
    """A figure from ``low`` to ``high``, typed."""
    _arrive(label, key, default, _outside(low, high))
    chosen: Number = st.number_input(label, low, high, default, key=key, bind="query-params", **more)
    return chosen


def tick(label: str, key: str, *, default: bool = False, **more: Any) -> bool:
    """Yes or no."""
    _arrive(label, key, default, lambda raw: "" if raw.lower() in ("true", "false") else "is neither true nor false")
    return st.toggle(label, default, key=key, bind="query-params", **more)


def text(label: str, default: str, key: str, **more: Any) -> str:
    """A line of text."""
    _arrive(label, key, default)
    typed: str = st.text_input(label, default, key=key, bind="query-params", **more)
    return typed


def _arrive_option(label: str, options: Mapping[Option, str], key: str, default: Option) -> None:
    _take_one(label, key)
    identifiers = {str(identifier): identifier for identifier in options}
    state = st.session_state
    raw = state["_link_raw"].get(key)
    if raw in identifiers and key not in state and raw not in options.values():
        # Streamlit knows labels alone, and drops an identifier: the address is put right before the control sees it.
        st.query_params[key] = options[identifiers[raw]]
        _start_over()
    if key in state:
        _settle(options, key, default)
    possible = {*identifiers, *options.values()}
    _arrive(label, key, default, lambda raw: "" if raw in possible else _NO_OPTION, options.get)


def _settle(options: Mapping[Option, str], key: str, default: Option) -> None:
    """Another scene has other options, names and defaults: show what was chosen last wherever it can be had."""
    state = st.session_state
    now = state[key]
    chosen, shown, title = state["_link_chosen"].get(key, (now, now, None))
    if now != shown or key in state["_link_raw"]:
        chosen = now
    found = chosen if chosen in options else default
    state["_link_chosen"][key] = chosen, found, options[found]
    if found != now or title != options[found] or (found != default and key not in st.query_params):
        state[key] = found  # told so, Streamlit puts right what the list and the address say


def _arrive(
    label: str,
    key: str,
    default: Any,
    wrong: Callable[[str], str] = lambda _: "",
    write: Callable[[Any], Any] = lambda value: value,
) -> None:
    state = st.session_state
    state["_link_known"].add(key)
    state["_link_keys"].add(key)
    raw = state["_link_raw"].get(key)
    if not isinstance(default, list):
        _take_one(label, key)
    if raw is not None and (fault := wrong(raw)):
        _drop(f"{label}: “{short(raw)}” {fault}.")
        # Streamlit would try to make something of it, and fails on endless numbers and empty options.
        del st.query_params[key]
        _start_over()
    if state["_link_walked"] and key not in st.query_params and state.get(key, default) != default:
        # What a link has set a single run ago, Streamlit leaves behind on the page before.
        state[key] = state[key]
        st.query_params[key] = write(state[key])


def _take_one(label: str, key: str) -> None:
    if key in st.session_state["_link_raw"] and len(st.query_params.get_all(key)) > 1:
        _drop(f"{label} is set several times: the last one counts.")
        st.query_params[key] = st.session_state["_link_raw"][key]
        _start_over()


def _start_over() -> None:
    """Run the page again for an address that has been put right; what was dropped stays said."""
    st.session_state["_link_page"] = None
    st.rerun()


def _outside(low: float, high: float) -> Callable[[str], str]:
    kind = "whole number" if type(low) is int else "number"

    def wrong(raw: str) -> str:
        try:
            figure = float(raw)
            fits = low <= figure <= high and (kind == "number" or figure == int(figure))
        except (ValueError, OverflowError):
            fits = False
        return "" if fits else f"is no {kind} from {number(low)} to {number(high)}"

    return wrong


def _drop(sentence: str) -> None:
    if sentence not in st.session_state["_link_dropped"]:
        st.session_state["_link_dropped"].append(sentence)
