"""Looking at a job in the background: how far it is, in one way for all of them, and a button that ends it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cnnviz.estimate import duration
from cnnviz.ui.jobs import Job, Queue, State

#: Seconds between two looks.
TICK = 0.5


def watch(job: Job[Any], jobs: Queue, title: str, key: str) -> None:
    """Progress of a job of that queue, and Cancel; the page is drawn anew once, when the job has ended."""
    st.fragment(_look, run_every=TICK)(job, jobs, title, key)


def _look(job: Job[Any], jobs: Queue, title: str, key: str) -> None:
    if job.finished:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container():
            st.progress(min(job.share, 1.0), f"{title}: {how_far(job, jobs.ahead(job))}")
        st.button("Cancel", key=key, on_click=job.cancel)


def how_far(job: Job[Any], ahead: int, doing: str = "") -> str:
    """How far a job is, in words; ``ahead`` others come first, and ``doing`` stands for the share that is done."""
    if job.state is State.WAITING:
        others = f"{ahead} run{'s' * (ahead > 1)} of others come{'s' * (ahead == 1)} first"
        return f"waiting, {others}" if ahead else "about to start"
    if job.stopping:
        return "stopping"
    if job.state is State.PAUSED:
        return "paused"
    left = job.seconds_left
    said = [doing or f"{round(100 * job.share)} %", job.stage, "" if left is None else f"about {duration(left)} left"]
    return ", ".join(filter(None, said))
