"""The current scene and the window on it: one for the whole visit, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from affine import Affine

from cnnviz.facts import crs_name
from cnnviz.geometry import ReceptiveField
from cnnviz.render import ColourScale, Palette, StretchRule, limits
from cnnviz.scene import Patch, Scene, Window
from cnnviz.sensors import Calibration, Offset, calibrate
from cnnviz.statistics import BandStatistics, band_statistics

#: Longest side of a picture of a whole raster, in pixels.
OVERVIEW_SIDE = 1024
# Arrays are shared between visitors who look at the same window, so they are frozen; few and short-lived, so that a
# small host keeps its memory.
_ENTRIES = 6
# A quarter of a million pixels give percentiles of all bands to a fraction of a per cent, at once.
_STATISTICS_SIDE = 512
_SECONDS = 600
_UNIT_LENGTH = 24


@dataclass(frozen=True)
class View:
    """A scene and a window on it, with cached doors to its numbers."""

    scene: Scene
    window: Window
    whole: Scene | None = None  #: where to read the whole raster from, reduced; None while that is being made

    def patch(self, bands: Sequence[str]) -> Patch:
        """The window at full resolution: float32 ``(rows, cols, len(bands))``, nodata is NaN."""
        return _read(self.scene, self.window, tuple(bands))

    def statistics(self) -> tuple[BandStatistics, ...]:
        """Statistics of every band over the whole raster; over the window while there is no overview."""
        return _statistics(self.whole) if self.whole else _window_statistics(self.scene, self.window)

    def band_statistics(self, band: str) -> BandStatistics:
        """Statistics of one band."""
        return self.statistics()[self.scene.band_index(band)]

    @property
    def basis(self) -> str:
        """What the statistics were taken from."""
        return "of the whole raster" if self.whole else "of this window, until the overview is ready"

    def grey(self, band: str) -> ColourScale:
        """The grey scale of a band: 2–98 % of the whole raster."""
        low, high = limits(self.band_statistics(band), StretchRule.PERCENTILE)
        return ColourScale(Palette.GREY, low, high, f"{StretchRule.PERCENTILE} {self.basis}")

    def calibration(self, choice: str = Offset.AUTO) -> Calibration:
        """How this scene's digital numbers become reflectance."""
        first = self.scene.facts[0]
        sample = _sample(self.whole) if self.whole else self.patch(self.scene.band_names).array
        return calibrate(choice, tags=self.scene.tags, scaling=(first.scale, first.offset), sample=sample)

    @property
    def metres(self) -> tuple[float, float] | None:
        """Ground sampling distance in metres, ``(rows, cols)``; None where the file does not say."""
        return self.scene.pixel_size

    @property
    def unit(self) -> str:
        """What the file's own numbers are in: the unit of its bands, digital numbers, or "" where nobody says."""
        units = {band.unit for band in self.scene.facts}
        if len(units) == 1 and units != {""}:
            return f"in {units.pop()[:_UNIT_LENGTH]}"
        return "digital number" if self.scene.dtype.startswith(("int", "uint")) else ""

    @property
    def on_ground(self) -> bool:
        """Whether pixels have a place on the ground."""
        return self.scene.pixel_size is not None

    @property
    def crs(self) -> str:
        """The reference system's short name, for read-outs of coordinates."""
        return crs_name(self.scene.crs) or ""

    @property
    def transform(self) -> Affine:
        """Transform of the window's pixels."""
        return ReceptiveField(offset=(self.window.row, self.window.col)).place(self.scene.transform)

    def default_bands(self) -> tuple[str, str, str]:
        """Bands for a picture in colour: the sensor's true colour, else the first three, else one for all."""
        names = self.scene.band_names
        sensor = self.scene.naming.sensor
        for shown in sensor.composites.values() if sensor else ():
            if set(shown.bands) <= set(names):
                return shown.bands
        return (names[0], names[1], names[2]) if len(names) >= 3 else (names[0],) * 3

    def default_band(self) -> str:
        """The near infrared where the scene has it (its edges are the clearest), else the first band."""
        names, sensor = self.scene.band_names, self.scene.naming.sensor
        infrared = sensor.composites.get("colour_infrared") if sensor else None
        return infrared.bands[0] if infrared and infrared.bands[0] in names else names[0]


def same_scene(scene: Scene) -> object:
    """What makes two scenes equal for a cache: the file, its age and size, how it is read, and its bands' names."""
    return (scene.key, scene.damaged, scene.band_names)


@st.cache_resource(max_entries=_ENTRIES, ttl=_SECONDS, show_spinner=False, hash_funcs={Scene: same_scene})
def _read(scene: Scene, window: Window, bands: tuple[str, ...]) -> Patch:
    patch = scene.read(window, bands=list(bands))
    patch.array.flags.writeable = False
    return patch


@st.cache_resource(max_entries=_ENTRIES, ttl=_SECONDS, show_spinner=False, hash_funcs={Scene: same_scene})
def _sample(scene: Scene) -> np.ndarray:
    """A small picture of all bands, to judge the offset of digital numbers by."""
    return scene.read(max_size=128).array


@st.cache_resource(max_entries=32, ttl=_SECONDS, show_spinner=False, hash_funcs={Scene: same_scene})
def _statistics(scene: Scene) -> tuple[BandStatistics, ...]:
    return scene.statistics(max_size=_STATISTICS_SIDE)


@st.cache_resource(max_entries=8, ttl=_SECONDS, show_spinner=False, hash_funcs={Scene: same_scene})
def _window_statistics(scene: Scene, window: Window) -> tuple[BandStatistics, ...]:
    patch = scene.read(window)
    return tuple(band_statistics(patch.array[..., i], name) for i, name in enumerate(patch.band_names))
