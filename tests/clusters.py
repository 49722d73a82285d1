"""A real cluster on this machine, as people start one: a scheduler and workers, each a process of its own."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

from tests.source import ROOT

_LIMIT = 30


class Cluster:
    """A scheduler at ``address`` and its worker processes."""

    def __init__(self, folder):
        self._folder, self.processes = folder, []
        facts = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(facts))
        _await(facts.exists)
        _await(lambda: facts.read_text().endswith("}"))
        self.address = json.loads(facts.read_text())["address"]

    def add_worker(self):
        """Start a worker of one thread; nobody starts it again when it ends."""
        self._start("worker", self.address, "--nthreads", "1", "--no-nanny", "--memory-limit", "0")
        return self.processes[-1]

    def _start(self, *words):
        command = [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        with (self._folder / f"log{len(self.processes)}.txt").open("w") as log:
            started = subprocess.Popen(command, cwd=self._folder, env=environment, stdout=log, stderr=log)
        self.processes.append(started)
        return started


def _await(condition):
    end = time.monotonic() + _LIMIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def local_cluster(folder, workers):
    """A cluster that ends with the block, to the last process."""
    found = Cluster(folder)
    try:
        for _ in range(workers):
            found.add_worker()
        yield found
    finally:
        for process in reversed(found.processes):
            process.kill()
            process.wait()
