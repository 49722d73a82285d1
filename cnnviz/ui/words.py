"""Words of a page: text from a file, a link or a visitor made safe to stand in it, and shares as figures."""

from __future__ import annotations

import re

# A file's name or a link could otherwise bring a picture of a foreign host, or a heading, into the page.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#!|~$&]|:(?=\S))")
# Addresses become links, and :names: emoji and icons, however they are escaped; but not across an empty element, which
# is neither seen nor copied.
_JOINTS = re.compile(r"(\\:(?=\S)|@|www(?=\.))", re.IGNORECASE)
_NOTHING = ":small[]"
_SHORT = 40  # characters


def plain(text: str) -> str:
    r"""Text that Markdown shows as it is.

    >>> plain("![a]: 1")
    '\\!\\[a\\]: 1'
    >>> plain("www.a.org")
    'www:small[].a.org'
    """
    return _JOINTS.sub(rf"\1{_NOTHING}", _MARKDOWN.sub(r"\\\1", text))


def short(text: str) -> str:
    r"""The beginning of what a visitor sent, as a sentence can hold it; :func:`plain` besides.

    >>> short("*" + 50 * "a")
    '\\*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'
    """
    return plain(text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…")


def percent(share: float, digits: int = 1) -> str:
    """A share as a figure with its unit.

    >>> percent(0.94708), percent(0.5, 0)
    ('94.7 %', '50 %')
    """
    return f"{100 * share:.{digits}f} %"
