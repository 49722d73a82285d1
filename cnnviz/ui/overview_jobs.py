"""Overviews of rasters that have none, made once in the background and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.overviews import make_overview
from cnnviz.scene import Scene

#: How many finished or failed jobs are remembered.
_REMEMBERED = 16


@dataclass
class Job:
    """One overview in the making; written by its thread, read by the pages."""

    share: float = 0.0
    scene: Scene | None = None
    problem: str = ""

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.scene is not None or bool(self.problem)


class Jobs:
    """All overviews of this server, one thread at a time so that visitors are not starved."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[object, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def job(self, scene: Scene, folder: Path) -> Job:
        """The job for a scene, begun if it is new."""
        with self._lock:
            job = self._jobs.get(scene.key)
            if job is None:
                job = self._jobs[scene.key] = Job()
                threading.Thread(target=self._work, args=(scene, folder, job), daemon=True).start()
            self._jobs.move_to_end(scene.key)
            self._forget()
        return job

    def _work(self, scene: Scene, folder: Path, job: Job) -> None:
        def progress(share: float) -> None:
            job.share = share

        with self._turn:
            try:
                job.scene = make_overview(scene, folder, on_progress=progress)
            except (CnnvizError, OSError) as error:
                job.problem = str(error)

    def _forget(self) -> None:
        for key in [key for key, job in self._jobs.items() if job.finished][:-_REMEMBERED]:
            del self._jobs[key]


@st.cache_resource(show_spinner=False)
def overview_jobs() -> Jobs:
    """The one queue of this server."""
    return Jobs()
