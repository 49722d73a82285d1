"""Filters to start from, for the bands that a scene has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnnviz.ui.view import View

_BIAS = "b=?"


@dataclass(frozen=True)
class Example:
    """Filters as text, and the bands that they are meant for; ``bands`` empty stands for all that there are."""

    title: str
    bands: tuple[str, ...]
    text: str

    def fitted(self, view: View) -> tuple[tuple[str, ...], str]:
        """Bands and text for a scene; other bands take the places of those that it has not."""
        bands = self._bands(view)
        text = self.text if self.bands else " ".join([self.text] * len(bands))
        return bands, text.replace(_BIAS, _bias(view))

    def _bands(self, view: View) -> tuple[str, ...]:
        names = view.scene.band_names
        if not self.bands or set(self.bands) <= set(names):
            return self.bands or names
        return view.default_bands() if len(self.bands) == 3 else names[: len(self.bands)]

    def fits(self, view: View) -> bool:
        """Whether a scene has bands enough."""
        return len(view.scene.band_names) >= len(self.bands)


def _bias(view: View) -> str:
    """A bias that weak edges do not pass, by the kind of numbers that the scene is stored in."""
    if view.scene.dtype == "uint8":
        return "b=-100"
    sensor = view.scene.naming.sensor
    return "b=-1500" if sensor is not None and sensor.scale else "b=0"


def _same(*kernels: str) -> str:
    """One filter per kernel, which is the same on three bands."""
    return " | ".join(" ".join([kernel] * 3) for kernel in kernels)


_EIGHT = _same(
    "sobel_vertical", "-sobel_vertical", "sobel_horizontal", "-sobel_horizontal",
    "laplacian_4", "sharpen_3", "gaussian_3", "emboss",
)  # fmt: skip

EXAMPLES: Mapping[str, Example] = {
    "edges": Example(
        "Same kernel on all bands, then red turned round",
        ("B04", "B08", "B11"),
        "sobel_vertical sobel_vertical sobel_vertical b=? | -sobel_vertical sobel_vertical sobel_vertical b=?",
    ),
    "different": Example(
        "A kernel of its own for every band", ("B04", "B08", "B11"), "vertical_edges horizontal_edges laplacian_4"
    ),
    "arithmetic": Example("1 × 1: a difference and a sum of two bands", ("B08", "B04"), "1 -1 | 1 1"),
    "water": Example("Green less infrared, each smoothed", ("B03", "B08"), "gaussian_5 -gaussian_5"),
    "layer": Example("A layer of eight filters", ("B04", "B03", "B02"), _EIGHT),
    "all": Example("Spots in every band", (), "laplacian_4"),
}


def offered(view: View) -> dict[str, Example]:
    """Examples that the scene has bands enough for, by name; never none."""
    return {name: example for name, example in EXAMPLES.items() if example.fits(view)}
