"""A real cluster on this machine, as people start one: a scheduler and workers, each a process of its own."""

import json
import os
import shutil
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

    def add_worker(self, *, package=ROOT, before=()):
        """Start a worker of one thread; nobody starts it again when it ends.

        Its cnnviz lies in the folder ``package``; the words ``before`` its command start it in other surroundings.
        """
        options = ("--nthreads", "1", "--no-nanny", "--memory-limit", "0")
        return self._start("worker", self.address, *options, package=package, before=before)

    def _start(self, *words, package=ROOT, before=()):
        command = [*before, sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"]
        environment = os.environ | {"PYTHONPATH": str(package), "PYTHONWARNINGS": "ignore"}
        with (self._folder / f"log{len(self.processes)}.txt").open("w") as log:
            started = subprocess.Popen(command, cwd=self._folder, env=environment, stdout=log, stderr=log)
        self.processes.append(started)
        return started


def other_cnnviz(folder, module, old, new):
    """A folder with a copy of the package in which ``old`` is replaced by ``new`` in one module."""
    shutil.copytree(ROOT / "cnnviz", folder / "cnnviz", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "cnnviz" / module
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def _await(condition):
    end = time.monotonic() + _LIMIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def local_cluster(folder, workers, **how):
    """A cluster that ends with the block, to the last process; its workers are as :meth:`Cluster.add_worker` says."""
    folder.mkdir(exist_ok=True)
    found = Cluster(folder)
    try:
        for _ in range(workers):
            found.add_worker(**how)
        yield found
    finally:
        for process in reversed(found.processes):
            process.kill()
            process.wait()
