"""Sensors as tables: bands, composites, spectral indices, and how digital numbers become reflectance.

Sentinel-2: ESA, *Sentinel-2 Products Specification Document* (S2-PDGS-TAS-DI-PSD) and the band table of the
*Sentinel-2 User Handbook*; EuroSAT's order: Helber et al., IEEE JSTARS 12 (2019); indices as named at each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import SceneError

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Band:
    """One band: centre and width in nm, ground sampling distance in metres; None where unknown."""

    name: str
    title: str
    wavelength: float | None = None
    width: float | None = None
    gsd: float | None = None


@dataclass(frozen=True)
class Composite:
    """Three bands shown as red, green and blue."""

    name: str
    title: str
    bands: tuple[str, str, str]
    about: str


@dataclass(frozen=True)
class Index:
    """A spectral index; ``formula`` in words, ``compute`` on arrays."""

    name: str
    title: str
    bands: tuple[str, ...]
    formula: str
    needs_reflectance: bool
    function: Callable[..., tuple[Array, Array]]

    def compute(self, *arrays: Array) -> Array:
        """The index of arrays of one shape, float32, in the order of ``bands``; NaN where it divides by 0.

        >>> ndvi = SENSORS["sentinel2"].indices["NDVI"]
        >>> ndvi.compute(np.float32([0.4, 0]), np.float32([0.1, 0])).round(3).tolist()
        [0.6000000238418579, nan]
        """
        over, under = self.function(*(np.asarray(array, np.float32) for array in arrays))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(under == 0, np.float32(np.nan), over / under).astype(np.float32)


@dataclass(frozen=True)
class Sensor:
    """A sensor's bands in their natural order, and what can be made of them; ``scale`` is DN per unit reflectance."""

    name: str
    title: str
    bands: tuple[Band, ...]
    composites: Mapping[str, Composite]
    indices: Mapping[str, Index]
    scale: float | None = None

    def band(self, name: str) -> Band:
        """The band of that name. Raises SceneError."""
        for band in self.bands:
            if band.name == name:
                return band
        known = ", ".join(sorted(band.name for band in self.bands))
        raise SceneError(f"{self.title} has no band {name!r}; expected one of {known}")


def _difference(name: str, title: str, plus: str, minus: str) -> Index:
    """Normalised difference (plus − minus) / (plus + minus)."""
    formula = f"({plus} − {minus}) / ({plus} + {minus})"
    return Index(name, title, (plus, minus), formula, False, lambda a, b: (a - b, a + b))


_S2_BANDS = (
    Band("B01", "coastal aerosol", 443, 20, 60),
    Band("B02", "blue", 490, 65, 10),
    Band("B03", "green", 560, 35, 10),
    Band("B04", "red", 665, 30, 10),
    Band("B05", "red edge 1", 705, 15, 20),
    Band("B06", "red edge 2", 740, 15, 20),
    Band("B07", "red edge 3", 783, 20, 20),
    Band("B08", "near infrared", 842, 115, 10),
    Band("B8A", "narrow near infrared", 865, 20, 20),
    Band("B09", "water vapour", 945, 20, 60),
    Band("B10", "cirrus", 1375, 30, 60),
    Band("B11", "short-wave infrared 1", 1610, 90, 20),
    Band("B12", "short-wave infrared 2", 2190, 180, 20),
)

_S2_COMPOSITES = (
    Composite("true_colour", "True colour", ("B04", "B03", "B02"), "As the eye would see it."),
    Composite("colour_infrared", "Colour infrared", ("B08", "B04", "B03"), "Plants are red."),
    Composite("swir", "Short-wave infrared", ("B12", "B8A", "B04"), "Burns and bare ground stand out; smoke thins."),
    Composite("agriculture", "Agriculture", ("B11", "B08", "B02"), "Dense crops are bright green."),
    Composite("geology", "Geology", ("B12", "B11", "B02"), "Rocks and soils differ most."),
    Composite("atmosphere", "Atmospheric penetration", ("B12", "B11", "B8A"), "Haze hardly shows."),
)


def _bare_soil(swir: Array, red: Array, infrared: Array, blue: Array) -> tuple[Array, Array]:
    return (swir + red) - (infrared + blue), (swir + red) + (infrared + blue)


_S2_INDICES = (
    _difference("NDVI", "vegetation", "B08", "B04"),  # Rouse et al. (1974)
    _difference("GNDVI", "vegetation, green", "B08", "B03"),  # Gitelson et al. (1996)
    Index(  # Huete et al. (2002)
        "EVI",
        "dense vegetation",
        ("B08", "B04", "B02"),
        "2.5 (B08 − B04) / (B08 + 6 B04 − 7.5 B02 + 1)",
        True,
        lambda infrared, red, blue: (
            np.float32(2.5) * (infrared - red),
            infrared + 6 * red - np.float32(7.5) * blue + 1,
        ),
    ),
    Index(  # Huete (1988)
        "SAVI",
        "sparse vegetation",
        ("B08", "B04"),
        "1.5 (B08 − B04) / (B08 + B04 + 0.5)",
        True,
        lambda infrared, red: (np.float32(1.5) * (infrared - red), infrared + red + np.float32(0.5)),
    ),
    _difference("NDWI", "open water", "B03", "B08"),  # McFeeters (1996)
    _difference("MNDWI", "open water among buildings", "B03", "B11"),  # Xu (2006)
    _difference("NDSI", "snow", "B03", "B11"),  # Hall et al. (1995)
    _difference("NDMI", "moisture of plants", "B08", "B11"),  # Gao (1996)
    _difference("NDBI", "built-up land", "B11", "B08"),  # Zha et al. (2003)
    _difference("NBR", "burnt land", "B08", "B12"),  # Key and Benson (2006)
    Index(  # Rikimaru et al. (2002)
        "BSI",
        "bare soil",
        ("B11", "B04", "B08", "B02"),
        "((B11 + B04) − (B08 + B02)) / ((B11 + B04) + (B08 + B02))",
        False,
        _bare_soil,
    ),
)

_PHOTO = Sensor(
    "photo",
    "Colour photo",
    (Band("R", "red"), Band("G", "green"), Band("B", "blue")),
    MappingProxyType(
        {"true_colour": Composite("true_colour", "True colour", ("R", "G", "B"), "As the camera saw it.")}
    ),
    MappingProxyType({}),
)

SENSORS: Mapping[str, Sensor] = MappingProxyType(
    {
        "sentinel2": Sensor(
            "sentinel2",
            "Sentinel-2",
            _S2_BANDS,
            MappingProxyType({each.name: each for each in _S2_COMPOSITES}),
            MappingProxyType({each.name: each for each in _S2_INDICES}),
            scale=10_000.0,
        ),
        "photo": _PHOTO,
    }
)

_NATURAL = tuple(band.name for band in _S2_BANDS)
#: Band orders by number of bands: natural, and level 2A, which has no cirrus band.
_ORDERS = {13: _NATURAL, 12: tuple(name for name in _NATURAL if name != "B10")}
#: EuroSAT's files hold B8A last.
EUROSAT = (*(name for name in _NATURAL if name != "B8A"), "B8A")


class NameSource(StrEnum):
    """Where the names of bands come from."""

    FILE = "file"
    GUESS = "guess"
    EDITED = "edited"


@dataclass(frozen=True)
class BandNames:
    """One name per band, where they come from, why, and the sensor that knows them, if any."""

    names: tuple[str, ...]
    source: NameSource
    reason: str
    sensor: Sensor | None


_S2_NAME = re.compile(r"(?:^|[^a-z0-9])b(?:and)?[ _]?0?(\d{1,2}|8a)(?![a-z0-9])", re.IGNORECASE)
_COLOURS = {"red": "R", "green": "G", "blue": "B", "r": "R", "g": "G", "b": "B"}


def name_bands(count: int, *, descriptions: Sequence[str] = ()) -> BandNames:
    """Names for ``count`` bands, from the file's descriptions, else a guess that says so.

    >>> name_bands(2, descriptions=("b4 - 664.6 nm", "Band 8A")).names
    ('B04', 'B8A')
    >>> found = name_bands(13)
    >>> found.source.value, found.names[8]
    ('guess', 'B8A')
    """
    words = [text.strip() for text in descriptions]
    if len(words) == count and all(words) and len(set(words)) == count:
        return _from_file(words)
    if count in _ORDERS:
        level = "" if count == 13 else ", level 2A without B10"
        reason = f"The file names no bands; {count} bands are most often Sentinel-2 in natural order{level}. A guess."
        return BandNames(_ORDERS[count], NameSource.GUESS, reason, SENSORS["sentinel2"])
    if count == 3:
        reason = "The file names no bands; three are most often red, green and blue. A guess."
        return BandNames(("R", "G", "B"), NameSource.GUESS, reason, _PHOTO)
    names = tuple(f"band {i + 1}" for i in range(count))
    return BandNames(names, NameSource.GUESS, "The file names no bands, so they are numbered.", None)


def _from_file(words: Sequence[str]) -> BandNames:
    for tidy, sensor in ((_sentinel_name, SENSORS["sentinel2"]), (_colour_name, _PHOTO)):
        found = [tidy(word) for word in words]
        names = tuple(name for name in found if name)
        if len(names) == len(words) and len(set(names)) == len(names):
            return BandNames(names, NameSource.FILE, "The file names its bands.", sensor)
    return BandNames(tuple(words), NameSource.FILE, "The file names its bands.", None)


def _sentinel_name(word: str) -> str:
    found = _S2_NAME.search(word)
    if not found:
        return ""
    name = "B8A" if found[1].upper() == "8A" else f"B{int(found[1]):02d}"
    return name if name in _NATURAL else ""


def _colour_name(word: str) -> str:
    return _COLOURS.get(word.lower(), "")


def edit_names(names: Sequence[str], count: int) -> BandNames:
    """Names that a user typed: one per band, none empty, none twice. Raises SceneError."""
    tidy = tuple(name.strip() for name in names)
    if len(tidy) != count:
        raise SceneError(f"received {len(tidy)} names for {count} bands: give one for each, apart by commas")
    if not all(tidy) or len(set(tidy)) != count:
        raise SceneError("received a name that is empty or stands twice: give every band a name of its own")
    named = _from_file(tidy)
    return BandNames(named.names, NameSource.EDITED, "You named the bands.", named.sensor)


class Offset(StrEnum):
    """What is added to a digital number before it is divided: found in the file, or said by the user."""

    AUTO = "auto"
    NONE = "0"
    MINUS_1000 = "-1000"


@dataclass(frozen=True)
class Calibration:
    """reflectance = (DN + offset) / scale, and why this offset."""

    scale: float
    offset: float
    reason: str

    def reflectance(self, numbers: Array) -> Array:
        """Reflectance of digital numbers, float32; it may exceed 1.

        >>> Calibration(10_000, -1000, "").reflectance(np.float32([1000, 5000])).tolist()
        [0.0, 0.4000000059604645]
        """
        return (np.asarray(numbers, np.float32) + np.float32(self.offset)) / np.float32(self.scale)


_OFFSET_TAGS = ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")
_BASELINE = re.compile(r"(\d{2})\.(\d{2})")


def calibrate(choice: Offset, tags: Mapping[str, str], darkest: float) -> Calibration:
    """Calibration of Sentinel-2 numbers; ``darkest`` is a low percentile of the darkest band's valid numbers.

    Automatic: a tag that states the offset; else the processing baseline (04.00 and later subtract 1000; the sensing
    date decides nothing); else a guess from the darkest numbers: with the offset hardly any lie below 1000.

    >>> calibrate(Offset.AUTO, {"PROCESSING_BASELINE": "05.09"}, 0).offset
    -1000.0
    """
    if choice is not Offset.AUTO:
        return Calibration(10_000.0, float(choice), "You chose this offset.")
    for tag in _OFFSET_TAGS:
        if tags.get(tag, "").lstrip("-").isdigit():
            return Calibration(10_000.0, float(tags[tag]), f"The file's tag {tag} says {tags[tag]}.")
    baseline = _BASELINE.search(tags.get("PROCESSING_BASELINE", ""))
    if baseline:
        late = (int(baseline[1]), int(baseline[2])) >= (4, 0)
        return Calibration(10_000.0, -1000.0 if late else 0.0, f"Processing baseline {baseline[0]}.")
    if darkest >= 900:
        reason = f"A guess: hardly any number is below {darkest:.0f}, as with an offset of −1000."
        return Calibration(10_000.0, -1000.0, reason)
    return Calibration(10_000.0, 0.0, f"A guess: numbers go down to {darkest:.0f}, too low for an offset of −1000.")
