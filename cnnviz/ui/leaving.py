"""Files of visitors whose tab is closed: results of runs first, the rest as soon as the visitor cannot come back to it.

Streamlit keeps what a lost tab had for two minutes, in case it comes back, and after that for as long as nothing else
happens on the server: too long for large files.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import Protocol

import streamlit as st
from streamlit.runtime import exists, get_instance

from cnnviz.ui import jobs

#: Seconds between two looks for closed tabs.
_WATCH = 5.0
#: Seconds after which no tab comes back: a little longer than Streamlit waits.
GONE = 150.0


class Leaver(Protocol):
    """Someone whose things can be cleared away."""

    def leave_results(self) -> None:
        """Clear away what runs have made; it can be made again."""

    def leave(self) -> None:
        """Clear away everything."""


class Leavers:
    """Visits of this server by the name of their tab; they are not kept alive by it."""

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[str, Leaver] = weakref.WeakValueDictionary()
        self._gone: dict[str, float] = {}

    def add(self, tab: str, leaver: Leaver) -> None:
        """From now on ``leaver`` leaves with the tab."""
        self._known[tab] = leaver

    def sweep(self, is_there: Callable[[str], bool], now: float) -> None:
        """Let those leave who have been away for too long; results go when a run of theirs would be ended."""
        here = dict(self._known)
        self._gone = {tab: self._gone.get(tab, now) for tab in here if not is_there(tab)}
        for tab, since in self._gone.items():
            if now - since >= GONE:
                self._known.pop(tab, None)
                here[tab].leave()
            elif now - since >= jobs.AWAY:
                here[tab].leave_results()


def leaves_with_its_tab(leaver: Leaver) -> None:
    """Let ``leaver`` leave when the tab of this script run has been closed for good."""
    _leavers().add(jobs.owner(), leaver)


@st.cache_resource(show_spinner=False)
def _leavers() -> Leavers:
    found = Leavers()
    threading.Thread(target=_watch, args=(found,), daemon=True, name="cnnviz-leaving").start()
    return found


def _watch(leavers: Leavers) -> None:
    if not exists():
        return  # a script that runs without a server has no tabs
    runtime = get_instance()
    while runtime.exists():
        leavers.sweep(runtime.is_active_session, time.monotonic())
        time.sleep(_WATCH)
