"""What the operator of a server decides, read from environment variables; the README lists them."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The operator's settings; the defaults are those of a hosted server that trusts nobody."""

    local_root: Path | None  #: folder below which visitors may open files by path; None allows none
    cache: Path  #: folder for overviews of files that have none
    models: bool = False  #: whether visitors may upload Keras models


def settings() -> Settings:
    """Settings from ``CNNVIZ_LOCAL_ROOT``, ``CNNVIZ_CACHE`` and ``CNNVIZ_MODELS``; empty means not set."""
    return Settings(
        local_root=_folder("CNNVIZ_LOCAL_ROOT"),
        cache=_folder("CNNVIZ_CACHE") or Path(tempfile.gettempdir()) / "cnnviz-cache",
        models=os.environ.get("CNNVIZ_MODELS", "").strip() == "1",
    )


def _folder(variable: str) -> Path | None:
    text = os.environ.get(variable, "").strip()
    return Path(text).expanduser() if text else None
