"""Charts of shares and counts, in Vega-Lite's words: the one sequential scale from 0, and figures legible on it."""

from __future__ import annotations

from typing import Any

#: Above this share of the scale dark letters stand out more than light ones; either way the contrast is 4.3 or more.
_LIGHT_FROM = 0.45


def share_scale(top: float) -> dict[str, Any]:
    """Colour scale from 0 to ``top``: that of pictures of shares (:class:`cnnviz.render.Palette`)."""
    return {"scheme": "viridis", "domain": [0, top]}


def share_ink(value: str, top: float) -> dict[str, Any]:
    """Colour of letters on a cell that has the colour of ``value``, an expression such as ``datum.mean``."""
    return {"condition": {"test": f"{value} > {_LIGHT_FROM * top}", "value": "#111111"}, "value": "#ffffff"}
