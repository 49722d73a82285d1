"""Charts of the inspection page: spectra of pinned pixels, histograms of bands.

Written out in Vega-Lite: checking a chart against Altair's schema takes longer than a whole change of the picture may.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cnnviz.render import THIN, span, value_range
from cnnviz.statistics import BandStatistics
from cnnviz.ui.experiments.inspection import Setting
from cnnviz.ui.experiments.pins import Spectrum
from cnnviz.ui.view import View

Spec = dict[str, Any]

_FIGURES = {"locale": {"number": {"decimal": ".", "thousands": THIN, "grouping": [3], "currency": ["", ""]}}}
_FORMAT = ",.4~r"
_HEIGHT = 300
_FEW = 3  # bands whose histograms stand in one column
_BARS = 64


def spectra(view: View, given: Setting, pins: Sequence[Spectrum]) -> Spec | None:
    """One line per pin, over wavelength where it is known, else over the bands' names; None without a number."""
    lengths = wavelengths(view)
    rows = [
        {"band": name, "x": name if lengths is None else lengths[i], "value": value, "pixel": pin.label}
        for pin in pins
        for i, (name, value) in enumerate(zip(view.scene.band_names, given.numbers(pin.values).tolist(), strict=True))
        if np.isfinite(value)
    ]
    if not rows:
        return None
    encoding = {
        "x": _bands(view) if lengths is None else _nanometres(),
        "y": {"field": "value", "type": "quantitative", "title": given.axis, "axis": {"format": _FORMAT}},
        "color": {
            "field": "pixel",
            "type": "nominal",
            "scale": {"domain": [pin.label for pin in pins], "range": [pin.pin.colour for pin in pins]},
            "legend": None,
        },
        "tooltip": [{"field": name, "type": "nominal"} for name in ("pixel", "band")] + [_figure("value")],
    }
    return {
        "description": _in_words("Spectra", given, {pin.label: given.numbers(pin.values) for pin in pins}),
        "data": {"values": rows},
        "encoding": encoding,
        "layer": [{"mark": {"type": "line"}}, {"mark": {"type": "point", "filled": True, "size": 50}}],
        "height": _HEIGHT,
        "config": _FIGURES,
    }


def _in_words(title: str, given: Setting, numbers: dict[str, np.ndarray]) -> str:
    """What a chart shows, for those who cannot see it: the range of each of its parts."""
    return f"{title}, {given.axis}. " + "; ".join(f"{name}: {span(*value_range(numbers[name]))}" for name in numbers)


def wavelengths(view: View) -> list[float] | None:
    """Centre of each band in nm; None unless the sensor is known so well that all have a centre and a width."""
    sensor = view.scene.naming.sensor
    known = {band.name: band.wavelength for band in sensor.bands if band.width is not None} if sensor else {}
    found = [known.get(name) for name in view.scene.band_names]
    lengths = [length for length in found if length is not None]
    return lengths if len(lengths) == len(found) else None


def _nanometres() -> Spec:
    axis = {"format": ",d", "tickMinStep": 1}
    scale = {"zero": False, "nice": True}
    return {"field": "x", "type": "quantitative", "title": "Wavelength in nm", "scale": scale, "axis": axis}


def _bands(view: View) -> Spec:
    axis = {"labelAngle": 0, "labelOverlap": True, "labelLimit": 80}
    return {"field": "x", "type": "ordinal", "title": "Band", "sort": list(view.scene.band_names), "axis": axis}


def _figure(field: str) -> Spec:
    return {"field": field, "type": "quantitative", "format": _FORMAT}


def histograms(view: View, given: Setting, pins: Sequence[Spectrum]) -> Spec:
    """One panel per band, in columns that line up: bars, the range from 2 to 98 %, and the pins' numbers."""
    found = view.statistics()
    few = len(found) <= _FEW
    ranges = {each.name: _shown(given, each.percentile(2.0), each.percentile(98.0)) for each in found if each.valid}
    return {
        "description": _in_words("Histograms, from 2 to 98 %", given, ranges),
        "data": {"values": [row for each in found for row in _panel(each, given)] + _pinned(view, given, pins)},
        "facet": {"field": "band", "type": "nominal", "sort": list(view.scene.band_names), "title": None}
        | {"header": {"labelAnchor": "start", "labelPadding": 2}},
        "columns": 1 if few else 2,
        "spacing": {"row": 44, "column": 24},
        "bounds": "flush",
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
        "spec": {"width": 360 if few else 168, "height": 110 if few else 80, "layer": _LAYERS},
        "config": _FIGURES,
    }


_ACROSS = {
    "type": "quantitative",
    "title": None,
    "scale": {"zero": False, "nice": False},
    "axis": {"format": _FORMAT, "tickCount": 5, "labelFlush": True, "labelOverlap": "parity", "grid": False},
}
_LAYERS: list[Spec] = [
    {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "rect", "color": "#0B8C8C", "opacity": 0.18},
        "encoding": {"x": _ACROSS | {"field": "low"}, "x2": {"field": "high"}}
        | {"tooltip": [_figure("low") | {"title": "2 %"}, _figure("high") | {"title": "98 %"}]},
    },
    {
        "transform": [{"filter": "isValid(datum.pixels)"}],
        "mark": {"type": "bar", "binSpacing": 0, "color": "#7A8A88"},
        "encoding": {
            "x": _ACROSS | {"field": "from", "bin": "binned"},
            "x2": {"field": "to"},
            "y": {"field": "pixels", "type": "quantitative", "title": None, "axis": None},
            "tooltip": [_figure(name) for name in ("from", "to", "pixels")],
        },
    },
    {
        "transform": [{"filter": "isValid(datum.at)"}],
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"x": _ACROSS | {"field": "at"}, "color": {"field": "colour", "type": "nominal", "scale": None}}
        | {"tooltip": [{"field": "pixel", "type": "nominal"}, _figure("at") | {"title": "value"}]},
    },
]


def _panel(found: BandStatistics, given: Setting) -> Iterator[Spec]:
    """The bars of a band and its range, as the numbers are shown; nothing where no pixel holds any."""
    if found.valid:
        low, high = _shown(given, found.percentile(2.0), found.percentile(98.0)).tolist()
        yield {"band": found.name, "low": low, "high": high}
    for left, right, count in coarse(found.edges, found.counts):
        first, last = _shown(given, left, right).tolist()
        yield {"band": found.name, "from": first, "to": last, "pixels": count}


def _shown(given: Setting, *values: float) -> np.ndarray:
    """Exact numbers of the file as they are shown."""
    return np.array(values) if given.shown_as is None else given.shown_as.reflectance(np.array(values))


def _pinned(view: View, given: Setting, pins: Sequence[Spectrum]) -> list[Spec]:
    return [
        {"band": name, "at": value, "pixel": pin.label, "colour": pin.pin.colour}
        for pin in pins
        for name, value in zip(view.scene.band_names, given.numbers(pin.values).tolist(), strict=True)
        if np.isfinite(value)
    ]


def coarse(edges: tuple[float, ...], counts: tuple[int, ...], bins: int = _BARS) -> list[tuple[float, float, int]]:
    """Neighbouring bins joined until at most ``bins`` are left: (left edge, right edge, count)."""
    step = max(-(-len(counts) // bins), 1)
    starts = range(0, len(counts), step)
    return [(edges[i], edges[min(i + step, len(counts))], sum(counts[i : i + step])) for i in starts]
