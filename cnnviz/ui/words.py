"""Words that come from a file, a link or a visitor, made safe to stand in a page's text."""

from __future__ import annotations

import re

# A file's name or a link could otherwise bring a picture of a foreign host, or a heading, into the page.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#!|~$])")


def plain(text: str) -> str:
    r"""Text that Markdown shows as it is.

    >>> plain("![a](http://b)")
    '\\!\\[a\\](http://b)'
    """
    return _MARKDOWN.sub(r"\\\1", text)
