"""What a run keeps beside its target until it is done, so that the next run goes on where it was killed.

A hidden folder ``.NAME.run`` holds the growing pixels and a journal: one line that says what is computed (recipe,
source, version), then one line for each finished window, recorded when its pixels are written. A line that a kill has
cut short does not count. After a restart of the machine nothing counts: the disk may not have kept the pixels.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np

from cnnviz.errors import ProcessError
from cnnviz.scratch import full_disk, work_folder
from cnnviz.windows import Window

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NOTE, _LOCK = "# ", "lock"
_TRIES = 5


def fingerprint(facts: Mapping[str, Any]) -> str:
    """One word for what is computed: equal facts, equal word, until the machine restarts.

    >>> fingerprint({"recipe": "a"}) == fingerprint({"recipe": "a"}), len(fingerprint({}))
    (True, 64)
    """
    boot = _BOOT.read_text() if _BOOT.exists() else ""
    return hashlib.sha256(json.dumps([facts, boot], sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Workspace:
    """The folder of one run, locked for it."""

    folder: Path

    @property
    def pixels(self) -> Path:
        """The growing result."""
        return self.folder / "pixels.tif"

    @property
    def parts(self) -> Path:
        """Folder of a result that stays in parts."""
        return self.folder / "parts"

    @property
    def partial(self) -> Path:
        """The final file before it gets its name."""
        return self.folder / "finished.part"

    @property
    def source(self) -> Path:
        """Folder for what had to be unpacked."""
        return self.folder / "source"

    @property
    def journal(self) -> Path:
        """What is finished."""
        return self.folder / "journal"

    def finished(self, word: str) -> list[Window]:
        """Windows that an earlier run of the same fingerprint has finished; none where it was another."""
        first, *lines = self._lines()
        if first != word or not (self.pixels.exists() or self.parts.exists()):
            return []
        numbers = [line.split() for line in lines if not line.startswith(_NOTE)]
        return [Window(*map(int, four)) for four in numbers if len(four) == len(Window._fields)]

    def notes(self) -> list[str]:
        """What earlier runs and this one noted, without repeats."""
        noted = (line.removeprefix(_NOTE) for line in self._lines() if line.startswith(_NOTE))
        return list(dict.fromkeys(noted))

    def _lines(self) -> list[str]:
        try:
            return self.journal.read_text(encoding="utf-8").splitlines() or [""]
        except FileNotFoundError:
            return [""]

    def forget(self) -> None:
        """Remove what runs have left; without a journal the folder goes too when it is unlocked."""
        for path in self.folder.iterdir():
            if path.is_dir():
                remove_folder(path)
            elif path.name != _LOCK:
                path.unlink()

    def restart(self, word: str) -> None:
        """Begin anew, for what has the fingerprint ``word``. Raises ProcessError where the disk refuses."""
        for path in (self.journal, self.pixels, self.partial):
            path.unlink(missing_ok=True)
        remove_folder(self.parts)
        with self.journal.open("wb", buffering=0) as file:
            Recorder(file, self.journal).line(word)

    def has_finished_any(self) -> bool:
        """Tell whether a later run would find anything done."""
        return bool(self.finished(self._lines()[0]))

    @contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Give a recorder of finished windows. Raises ProcessError where the disk refuses."""
        with self.journal.open("ab", buffering=0) as file:
            recorder = Recorder(file, self.journal)
            recorder.line("")  # behind one that was cut short
            yield recorder


def remove_folder(path: Path) -> None:
    """Remove a folder, also where a worker that was not told in time still writes to it."""
    for _ in range(_TRIES):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return


@dataclass(frozen=True)
class Recorder:
    """Adds finished windows to a journal. Raises ProcessError where the disk refuses."""

    file: RawIOBase
    path: Path

    def add(self, window: Window) -> None:
        """Record one window, so that a kill right after cannot lose it."""
        self.line(" ".join(map(str, window)))

    def note(self, text: str) -> None:
        """Record a remark."""
        self.line(f"{_NOTE}{text}")

    def line(self, text: str) -> None:
        """Write a line to the end, past all buffers of this process."""
        data = f"{text}\n".encode()
        try:
            if self.file.write(data) != len(data):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
        except OSError as error:
            raise full_disk(self.path, error) from None


@contextmanager
def workspace(target: Path) -> Iterator[Workspace]:
    """Give the folder of a run to ``target``, made where it is missing, to this run alone. Raises ProcessError."""
    folder = work_folder(target)
    try:
        folder.mkdir(exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ProcessError(
            f"{target.parent.name or target.parent}: {error.strerror or 'cannot be written'}; choose a folder "
            "that can be written"
        ) from None
    if not _locked(lock):
        os.close(lock)
        raise ProcessError(f"another run is writing {target.name}: wait for it, or choose another name")
    work = Workspace(folder)
    try:
        yield work
    finally:
        os.close(lock)
        if not work.journal.exists():
            shutil.rmtree(folder, ignore_errors=True)


def _locked(descriptor: int) -> bool:
    """Lock a file for this process, which the system undoes when it ends; False where another one holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def covered(windows: Sequence[Window], finished: Sequence[Window]) -> set[Window]:
    """Those ``windows`` that lie wholly in ``finished`` ones, which may have been cut otherwise.

    >>> covered([Window(0, 0, 2, 4), Window(2, 0, 2, 4)], [Window(0, 0, 3, 2), Window(0, 2, 3, 2)])
    {Window(row=0, col=0, rows=2, cols=4)}
    """
    known = set(finished)
    found = known.intersection(windows)
    if not finished:
        return found
    top, left, rows, cols = np.array(finished).T
    for window in windows:
        row, col, high, wide = window
        near = (top < row + high) & (top + rows > row) & (left < col + wide) & (left + cols > col)
        if window not in found and near.any():
            missing = np.ones((high, wide), bool)
            for y, x, height, width in np.array(finished)[near]:
                missing[max(y - row, 0) : y + height - row, max(x - col, 0) : x + width - col] = False
            if not missing.any():
                found.add(window)
    return found
