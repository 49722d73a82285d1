"""What the operator of a server decides, read from environment variables; the README lists them."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from cnnviz.budget import memory_bytes
from cnnviz.errors import ProcessError


@dataclass(frozen=True)
class RunLimits:
    """What one run over a whole scene may take; the defaults suit a small host that many visitors share."""

    size: float = 250.0  #: millions of numbers, pixels × bands, that are read, or written
    memory: int = 256_000_000  #: bytes that it may hold
    minutes: float = 10.0
    download: float = 200.0  #: MB that are sent to a browser; the server holds them meanwhile
    turns: int = 1  #: runs at a time on this server


@dataclass(frozen=True)
class Settings:
    """The operator's settings; the defaults are those of a hosted server that trusts nobody."""

    local_root: Path | None  #: folder below which visitors may open files by path; None allows none
    cache: Path  #: folder for overviews of files that have none
    models: bool = False  #: whether visitors may upload Keras models
    runs: RunLimits = RunLimits()
    trainings: int = 1  #: trainings and searches at a time on this server


def settings() -> Settings:
    """Settings from the variables ``CNNVIZ_…``; empty means not set. Raises ProcessError for what is no figure."""
    return Settings(
        local_root=_folder("CNNVIZ_LOCAL_ROOT"),
        cache=_folder("CNNVIZ_CACHE") or Path(tempfile.gettempdir()) / "cnnviz-cache",
        models=_text("CNNVIZ_MODELS") == "1",
        runs=RunLimits(
            _figure("CNNVIZ_RUN_SIZE", RunLimits.size),
            memory_bytes(_text("CNNVIZ_RUN_MEMORY") or RunLimits.memory),
            _figure("CNNVIZ_RUN_MINUTES", RunLimits.minutes),
            _figure("CNNVIZ_RUN_DOWNLOAD", RunLimits.download),
            max(int(_figure("CNNVIZ_RUNS", RunLimits.turns)), 1),
        ),
        trainings=max(int(_figure("CNNVIZ_TRAININGS", 1)), 1),
    )


def _text(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _folder(variable: str) -> Path | None:
    text = _text(variable)
    return Path(text).expanduser() if text else None


def _figure(variable: str, otherwise: float) -> float:
    text = _text(variable)
    try:
        figure = float(text or otherwise)
    except ValueError:
        figure = -1.0
    if not isfinite(figure) or figure < 0:
        raise ProcessError(f"{variable} is {text!r:.40}: a number of at least 0 is expected in the server's settings")
    return figure
