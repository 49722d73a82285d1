"""Long work of visitors in the background: a bounded queue, progress, pause, cancel, and an end with the closed tab.

A job is a function that takes a :class:`Job` and calls :meth:`Job.tell` often; what it returns is the job's result.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnviz.errors import CnnvizError
from cnnviz.memory import give_back

Result = TypeVar("Result")

#: Seconds between two looks for closed tabs.
_WATCH = 5.0
#: Seconds that a tab may be away before its runs end: a phone that sleeps, a broken line.
AWAY = 30.0


class State(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Cancelled(Exception):  # noqa: N818  (not an error: the visitor's wish)
    """Raised inside a job that its visitor has stopped, or left."""


class Job(Generic[Result]):
    """One piece of work; written by its thread, read by the visitor's pages."""

    def __init__(self, work: Callable[[Job[Result]], Result], owner: str) -> None:
        self.owner = owner
        self.state = State.WAITING
        self.share = 0.0
        self.stage = ""  #: what the work is at, in words; empty where it does not say
        self.result: Result | None = None
        self.problem = ""
        self.started = self.ended = 0.0  #: seconds of :func:`time.monotonic`
        self._since = (0.0, 0.0)  # seconds and share at which the stage began
        self._work = work
        self._go = threading.Event()
        self._go.set()
        self._stopped = False

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.state in (State.DONE, State.FAILED, State.CANCELLED)

    @property
    def stopping(self) -> bool:
        """Whether it has been told to stop, and has not done so yet."""
        return self._stopped and not self.finished

    @property
    def seconds_left(self) -> float | None:
        """Judged by what is done so far, of this stage alone; None while that says nothing."""
        since, before = self._since
        if self.state is not State.RUNNING or not before < self.share < 1:
            return None
        return (time.monotonic() - since) / (self.share - before) * (1 - self.share)

    def enter(self, stage: str) -> None:
        """Called by the work: what it is at from now on."""
        self.stage, self._since = stage, (time.monotonic(), self.share)

    def tell(self, share: float) -> None:
        """Called by the work: note the share that is done, wait while paused, raise Cancelled when stopped."""
        self.share = share
        if not self._go.is_set():
            paused = time.monotonic()
            self._go.wait()
            waited = time.monotonic() - paused
            self.started += waited
            self._since = (self._since[0] + waited, self._since[1])
        if self._stopped:
            raise Cancelled

    def pause(self) -> None:
        """Make the work wait at its next :meth:`tell`; it keeps its turn."""
        if self.state is State.RUNNING:
            self.state = State.PAUSED
            self._go.clear()

    def resume(self) -> None:
        """Let it go on."""
        if self.state is State.PAUSED:
            self.state = State.RUNNING
            self._go.set()

    def cancel(self) -> None:
        """End the work at its next :meth:`tell`, or before it has begun."""
        self._stopped = True
        if self.state is State.WAITING:
            self.state = State.CANCELLED
        self._go.set()

    def run(self) -> None:
        """Do the work on this thread."""
        if self.finished:
            return
        self.state, self.started = State.RUNNING, time.monotonic()
        self._since = (self.started, 0.0)
        try:
            self.result = self._work(self)
            self.state, self.share = State.DONE, 1.0
        except Cancelled:
            self.state = State.CANCELLED
        except (CnnvizError, OSError) as error:
            self.state, self.problem = State.FAILED, str(error)
        except BaseException:
            self.state, self.problem = State.FAILED, "Something went wrong on the server; its log says what."
            raise
        finally:
            self.ended = time.monotonic()


class Queue:
    """Jobs of all visitors, ``turns`` of them at a time; each visitor has one, and the last comer waits."""

    def __init__(self, turns: int = 1) -> None:
        self._waiting: deque[Job[Any]] = deque()
        self._running: set[Job[Any]] = set()
        self._turns = turns
        self._lock = threading.Lock()
        self._gone: dict[str, float] = {}

    def submit(self, work: Callable[[Job[Result]], Result], owner: str) -> Job[Result]:
        """Begin ``work`` as soon as it is its turn. Raises CnnvizError while the owner's last job is not finished."""
        with self._lock:
            if any(job.owner == owner for job in (*self._running, *self._waiting) if not job.finished):
                raise CnnvizError("Your last run has not ended yet: wait for it, or cancel it.")
            job = Job(work, owner)
            self._waiting.append(job)
        self._next()
        return job

    def busy(self, owner: str) -> bool:
        """Whether a job of this owner has not ended yet."""
        with self._lock:
            return any(job.owner == owner for job in (*self._running, *self._waiting) if not job.finished)

    def ahead(self, job: Job[Any]) -> int:
        """How many jobs have to end before this one begins."""
        with self._lock:
            waiting = [each for each in self._waiting if not each.finished]
            return len(self._running) + waiting.index(job) if job in waiting else 0

    def leave(self, owner: str) -> None:
        """End what a visitor who has gone had begun."""
        with self._lock:
            for job in (*self._running, *self._waiting):
                if job.owner == owner:
                    job.cancel()

    def sweep(self, is_there: Callable[[str], bool], now: float) -> None:
        """End the jobs of visitors who have been away for longer than a broken line takes to come back."""
        with self._lock:
            owners = {job.owner for job in (*self._running, *self._waiting)}
        self._gone = {owner: self._gone.get(owner, now) for owner in owners if not is_there(owner)}
        for owner, since in self._gone.items():
            if now - since >= AWAY:
                self.leave(owner)

    def _next(self) -> None:
        with self._lock:
            while self._waiting and len(self._running) < self._turns:
                job = self._waiting.popleft()
                if not job.finished:
                    self._running.add(job)
                    threading.Thread(target=self._work, args=(job,), daemon=True).start()

    def _work(self, job: Job[Any]) -> None:
        try:
            job.run()
        finally:
            gc.collect()
            give_back()
            with self._lock:
                self._running.discard(job)
            self._next()


@st.cache_resource(show_spinner=False)
def queue(name: str, turns: int = 1) -> Queue:
    """The server's one queue of that name; closed tabs are looked for as long as the server runs."""
    found = Queue(turns)
    threading.Thread(target=_watch, args=(found,), daemon=True, name=f"cnnviz-{name}").start()
    return found


def _watch(jobs: Queue) -> None:
    if not exists():
        return  # a script that runs without a server has no tabs
    runtime = get_instance()
    while runtime.exists():
        jobs.sweep(runtime.is_active_session, time.monotonic())
        time.sleep(_WATCH)


def owner() -> str:
    """The visitor of this script run: Streamlit's name for the open tab."""
    context = get_script_run_ctx()
    return context.session_id if context else ""
