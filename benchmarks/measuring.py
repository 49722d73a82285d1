"""What the benchmarks share: percentiles, memory, and the machine in one line."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import Self

import numpy as np
import psutil


def percentiles(seconds: Sequence[float]) -> str:
    """Median and 95th percentile of times.

    >>> percentiles([0.1] * 19 + [0.3])
    'p50 100 ms · p95 110 ms · n 20'
    """
    middle, late = np.percentile(np.asarray(seconds) * 1e3, [50, 95])
    return f"p50 {middle:.0f} ms · p95 {late:.0f} ms · n {len(seconds)}"


def resident(pid: int | None = None) -> float:
    """Resident memory of a process, of this one unless another is named, in MB."""
    return psutil.Process(pid).memory_info().rss / 1e6


class AddedMemory:
    """Resident memory that this process takes at most inside a ``with``, above what it had before, in MB."""

    def __enter__(self) -> Self:
        self.peak = self._before = resident()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    @property
    def megabytes(self) -> float:
        """The highest reading so far, less the first."""
        return self.peak - self._before

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self.peak = max(self.peak, resident())


def machine(*packages: str) -> str:
    """Cores, memory, Python and the versions of ``packages``, to stand beside what was measured."""
    memory = psutil.virtual_memory().total / 1e9
    versions = " · ".join(f"{name} {version(name)}" for name in packages)
    return f"{os.cpu_count()} cores · {memory:.0f} GB · Python {platform.python_version()} · {versions}"
