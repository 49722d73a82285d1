"""What a page shows when a control, or a link, asks for something that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cnnviz.errors import CnnvizError
from cnnviz.ui import link

Good = TypeVar("Good")


def good_or_default(key: str, attempt: Callable[[], Good], default: Callable[[], Good]) -> Good:
    """Result of ``attempt``; else the last good one, and for a link that starts with a mistake the default."""
    try:
        return link.last_good(key, attempt)
    except CnnvizError as error:
        _explain(error, "the default")
        return default()


def otherwise(attempt: Callable[[], Good], instead: Good, shown: str) -> Good:
    """Result of ``attempt``; where it raises, say why, and that ``instead`` is shown, in the words ``shown``."""
    try:
        return attempt()
    except CnnvizError as error:
        _explain(error, shown)
        return instead


def _explain(error: CnnvizError, shown: str) -> None:
    link.complain(type(error)(f"{str(error).removesuffix('.')}. Shown is {shown}."))
