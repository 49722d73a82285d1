"""Background jobs of visitors: their queue, progress, pause, cancel and end."""

import threading
import time
from types import SimpleNamespace

import pytest

from cnnviz.errors import CnnvizError, ProcessError
from cnnviz.estimate import duration
from cnnviz.ui import jobs
from cnnviz.ui.jobs import Job, Queue, State
from cnnviz.ui.watching import how_far


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def endless(job):
    while True:
        job.tell(0.5)
        time.sleep(0.001)


def test_a_job_gives_its_result():
    job = Queue().submit(lambda job: job.tell(0.25) or 42, "a")
    wait_for(lambda: job.finished)
    assert (job.state, job.result, job.share) == (State.DONE, 42, 1.0)


def test_a_visitor_has_one_job_at_a_time():
    queue = Queue()
    job = queue.submit(endless, "a")
    with pytest.raises(CnnvizError, match="wait for it, or cancel it"):
        queue.submit(endless, "a")
    job.cancel()
    wait_for(lambda: job.finished)
    second = queue.submit(lambda job: 1, "a")
    wait_for(lambda: second.state is State.DONE)


def test_visitors_wait_for_their_turn_in_the_order_in_which_they_came():
    queue = Queue()
    first, second, third = (queue.submit(endless, name) for name in "abc")
    wait_for(lambda: first.state is State.RUNNING)
    assert [queue.ahead(job) for job in (first, second, third)] == [0, 1, 2]
    second.cancel()
    assert (second.state, queue.ahead(third)) == (State.CANCELLED, 1)
    first.cancel()
    wait_for(lambda: third.state is State.RUNNING)
    queue.leave("c")
    wait_for(lambda: third.finished)


def test_a_paused_job_waits_and_goes_on():
    ticks = []

    def work(job):
        while len(ticks) < 10**6:
            job.tell(0.5)
            ticks.append(1)
            time.sleep(0.001)

    job = Queue().submit(work, "a")
    wait_for(lambda: len(ticks) > 3)
    job.pause()
    time.sleep(0.05)
    seen = len(ticks)
    time.sleep(0.05)
    assert (len(ticks), job.state) == (seen, State.PAUSED)
    job.resume()
    wait_for(lambda: len(ticks) > seen + 3)
    job.pause()
    job.cancel()
    wait_for(lambda: job.state is State.CANCELLED)


def test_the_time_left_is_that_of_the_stage(monkeypatch):
    now, said = [1000.0], []
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def work(job):
        for stage, seconds, share in (("slow", 50, 0.25), ("slow", 50, 0.5), ("fast", 0, 0.5), ("fast", 1, 0.75)):
            if stage != job.stage:
                job.enter(stage)
            now[0] += seconds
            job.tell(share)
            said.append(job.seconds_left)

    Job(work, "a").run()
    assert said == [150, 100, None, 1]


def test_what_goes_wrong_is_said():
    def work(job):
        raise ProcessError("the disk is full: free some space")

    job = Queue().submit(work, "a")
    wait_for(lambda: job.finished)
    assert (job.state, job.problem) == (State.FAILED, "the disk is full: free some space")


def test_jobs_end_with_their_visitor_but_not_for_a_short_absence():
    queue, present = Queue(), {"a"}
    job = queue.submit(endless, "a")
    wait_for(lambda: job.state is State.RUNNING)
    queue.sweep(present.__contains__, 0)
    present.clear()
    queue.sweep(present.__contains__, 10)
    queue.sweep(present.__contains__, 35)
    assert job.state is State.RUNNING
    present.add("a")
    queue.sweep(present.__contains__, 39)
    present.clear()
    queue.sweep(present.__contains__, 45)
    queue.sweep(present.__contains__, 70)
    assert job.state is State.RUNNING
    queue.sweep(present.__contains__, 75)
    wait_for(lambda: job.state is State.CANCELLED)


def test_many_visitors_share_the_turns():
    queue, most, now, lock = Queue(turns=2), [0], [0], threading.Lock()

    def work(job):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    jobs = [queue.submit(work, str(number)) for number in range(12)]
    wait_for(lambda: all(job.finished for job in jobs))
    assert (most[0], {job.state for job in jobs}) == (2, {State.DONE})


def test_how_far_a_job_is_in_words():
    job = Job(lambda job: None, "a")
    assert how_far(job, 0) == "about to start"
    assert how_far(job, 1) == "waiting, 1 run of others comes first"
    assert how_far(job, 2) == "waiting, 2 runs of others come first"
    job.state, job.started = State.RUNNING, time.monotonic()
    assert how_far(job, 0) == "0 %"
    job.enter("overviews")
    job.tell(0.25)
    assert how_far(job, 0, "epoch 3") == f"epoch 3, overviews, about {duration(job.seconds_left)} left"
    job.pause()
    assert how_far(job, 0) == "paused"
    job.cancel()
    assert how_far(job, 0) == "stopping"
