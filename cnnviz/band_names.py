"""What the bands of a file are called: read from its descriptions, else guessed and called a guess, or edited.

A name is turned into a sensor's own only where it is certain: ``B04`` and ``Band 4 (Red)`` are Sentinel-2's red, but
``Band 4`` alone is a number that any program may have given.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cnnviz.errors import SceneError
from cnnviz.sensor_tables import SENSORS, Sensor

LAYOUTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sentinel2_l1c": tuple(band.name for band in SENSORS["sentinel2"].bands),
        "sentinel2_l2a": tuple(band.name for band in SENSORS["sentinel2"].bands if band.name != "B10"),
        "sentinel2_10m_20m": ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"),
        "sentinel2_10m": ("B02", "B03", "B04", "B08"),
        "eurosat": (*(f"B{n:02}" for n in range(1, 13)), "B8A"),
        "landsat7": ("B1", "B2", "B3", "B4", "B5", "B7"),
        "multispectral": ("blue", "green", "red", "nir", "swir1", "swir2"),
        "photo": ("R", "G", "B"),
        "photo_nir": ("red", "green", "blue", "nir"),
    }
)
"""Known orders of bands in a file. EuroSAT's 13-band chips have B8A last."""

_GUESSES = {  # (bands, 8-bit numbers) → layout, and what else it may be
    (13, False): ("sentinel2_l1c", "; EuroSAT's chips have B8A last"),
    (12, False): ("sentinel2_l2a", ""),
    (10, False): ("sentinel2_10m_20m", ""),
    (6, False): ("multispectral", ""),
    (6, True): ("landsat7", ""),
    (4, False): ("sentinel2_10m", "; red may as well come first"),
    (4, True): ("photo_nir", ""),
    (3, False): ("photo", ""),
    (3, True): ("photo", ""),
}

_BARE = {band.name for band in SENSORS["landsat7"].bands}
_NUMBERED = re.compile(r"(?:^|[\s_])(?:b|band)[\s_-]*(0?)(\d{1,2}|8a)(?![\da-z])", re.IGNORECASE)
_WAVELENGTH = re.compile(r"(\d{3,4}(?:\.\d+)?)\s*nm\b", re.IGNORECASE)
_WORDS = {
    "coastal": "aerosol",
    "aerosol": "aerosol",
    "blue": "blue",
    "green": "green",
    "red": "red",
    "near": "nir",
    "nir": "nir",
    "infrared": "nir",
    "swir": "swir",
    "swir1": "swir1",
    "swir2": "swir2",
    "r": "red",
    "g": "green",
    "b": "blue",
}
_COLOURS_OF = {
    "B01": "aerosol blue", "B02": "blue", "B03": "green", "B04": "red", "B05": "red", "B06": "red nir",
    "B07": "red nir", "B08": "nir", "B8A": "nir", "B11": "swir swir1", "B12": "swir swir2",
}  # fmt: skip
_LONGEST = 80  # letters of a name
_NEAR = 40.0  # nm between what a file says and the nominal centre


class NameSource(StrEnum):
    """Where the names come from."""

    FILE = "file"
    GUESS = "guess"
    EDITED = "edited"


@dataclass(frozen=True)
class BandNames:
    """One name for each band, in the file's order, and in a sentence where they come from."""

    names: tuple[str, ...]
    source: NameSource
    reason: str
    sensor: Sensor | None = None


def name_bands(
    count: int, *, descriptions: Sequence[str | None] = (), dtype: str = "", layout: str | None = None
) -> BandNames:
    """Name ``count`` bands: by a known ``layout``, else by the file's descriptions, else by a guess.

    Raises SceneError where the layout is unknown or has another number of bands.

    >>> name_bands(2, descriptions=("Band 4 (Red)", "b8a - 865 nm")).names
    ('B04', 'B8A')
    >>> name_bands(12, dtype="uint16").source
    <NameSource.GUESS: 'guess'>
    """
    if layout is not None:
        return _by_layout(count, layout)
    texts = [_readable(text or "") for text in descriptions]
    if not any(texts):
        return _guess(count, dtype)
    texts = (texts + [""] * count)[:count]
    for read in (_as_sentinel2, _as_colours):
        names = read(texts)
        if names:
            return BandNames(names, NameSource.FILE, "Named by the file.", sensor_of(names))
    names = _unique(text or f"band {number}" for number, text in enumerate(texts, 1))
    doubts = [f"; {texts.count('')} of {count} have no name there"] if "" in texts else []
    doubts += ["; such numbers alone do not tell the sensor"] if set(names) <= _BARE else []
    return BandNames(names, NameSource.FILE, f"Named by the file{''.join(doubts)}.", sensor_of(names))


def edit_names(names: Sequence[str], count: int) -> BandNames:
    """Take the user's own names for ``count`` bands. Raises SceneError unless one for each, all different.

    >>> edit_names(["B04", "B08"], 2).sensor.title
    'Sentinel-2 MSI'
    """
    given = tuple(_readable(name) for name in names)
    twice = sorted({name for name in given if given.count(name) > 1})
    if len(given) != count or twice or not all(given):
        fault = f"{twice[0]!r} stands twice" if twice and twice[0] else f"got {len(given)} names: {', '.join(given)}"
        raise SceneError(f"{fault}; expected {count} different names, one for each band: add, remove or change names")
    canonical = _as_sentinel2(given) or given
    return BandNames(canonical, NameSource.EDITED, "Named by you.", sensor_of(canonical))


def sensor_of(names: Sequence[str]) -> Sensor | None:
    """Return the sensor that has all of these bands, None where there is none or more than one could be meant.

    >>> sensor_of(["R", "G", "B"]).name
    'photo'
    >>> sensor_of(["B4"]) is None
    True
    """
    return None if set(names) <= _BARE else _sensor_with(names)


def _sensor_with(names: Sequence[str]) -> Sensor | None:
    return next((s for s in SENSORS.values() if set(names) <= {band.name for band in s.bands}), None)


def _by_layout(count: int, layout: str) -> BandNames:
    names = LAYOUTS.get(layout)
    if names is None:
        raise SceneError(f"the band order {layout!r} is unknown; expected one of {', '.join(sorted(LAYOUTS))}")
    if len(names) != count:
        raise SceneError(f"the band order {layout!r} has {len(names)} bands, the file {count}: choose another order")
    return BandNames(names, NameSource.EDITED, f"The order called {layout}, as chosen.", _sensor_with(names))


def _guess(count: int, dtype: str) -> BandNames:
    layout, doubt = _GUESSES.get((count, dtype == "uint8"), ("", ""))
    kind = f"{count} band{'s' if count > 1 else ''}" + (f" of {dtype}" if dtype else "")
    if not layout:
        names = tuple(f"band {number}" for number in range(1, count + 1))
        reason = f"The file names no bands, and nothing is known by its {kind}: they are numbered."
        return BandNames(names, NameSource.GUESS, reason)
    names = LAYOUTS[layout]
    sensor = _sensor_with(names)
    title = sensor.title if sensor else layout
    reason = f"A guess: the file names no bands; {kind} are taken for {title} in the order {', '.join(names)}{doubt}."
    return BandNames(names, NameSource.GUESS, reason, sensor)


def _as_sentinel2(texts: Sequence[str]) -> tuple[str, ...] | None:
    """Return Sentinel-2's names where every text carries one, none contradicts and something confirms."""
    tokens = [_NUMBERED.search(text) for text in texts]
    if not all(tokens):
        return None
    names = tuple(_canonical(token[2]) for token in tokens if token)
    known = {band.name: band for band in SENSORS["sentinel2"].bands}
    if len(set(names)) < len(names) or not set(names) <= set(known):
        return None
    votes = [_vote(text, name, known[name].wavelength or 0) for text, name in zip(texts, names, strict=True)]
    padded = any(token and token[1] for token in tokens)
    telling = padded or bool({"B8A", "B12"} & set(names)) or set(names) == set(LAYOUTS["sentinel2_10m"])
    return names if min(votes) >= 0 and (telling or max(votes) > 0) else None


def _canonical(token: str) -> str:
    return "B8A" if token.lower() == "8a" else f"B{int(token):02}"


def _vote(text: str, name: str, centre: float) -> int:
    """1 where wavelength or colour in the text confirm the name, −1 where they contradict, 0 without either."""
    wavelength = _WAVELENGTH.search(text)
    if wavelength:
        return 1 if abs(float(wavelength[1]) - centre) <= _NEAR else -1
    colour = _colour(_NUMBERED.sub(" ", text))
    if not colour or name not in _COLOURS_OF:
        return 0
    return 1 if colour in _COLOURS_OF[name].split() else -1


def _colour(text: str) -> str:
    """Return the one colour that a text names: ``"Near Infrared"`` → ``"nir"``; empty where it names none."""
    words = re.findall(r"[a-z]+\d?", text.lower().replace("swir 1", "swir1").replace("swir 2", "swir2"))
    colours = {_WORDS[word] for word in words if word in _WORDS}
    if {"red", "edge"} <= set(words):
        return "red"
    return colours.pop() if len(colours) == 1 else ""


def _as_colours(texts: Sequence[str]) -> tuple[str, ...] | None:
    """Return names where every text is a colour and nothing else: R, G, B of a photo, or blue … swir2."""
    whole = [
        _colour(text) if re.fullmatch(r"[A-Za-z]+[ _]?\d?(?: infrared)?", text, re.IGNORECASE) else "" for text in texts
    ]
    if not all(whole) or len(set(whole)) < len(whole) or "edge" in " ".join(texts).lower():
        return None
    if set(whole) == {"red", "green", "blue"}:
        return tuple(colour[0].upper() for colour in whole)
    return tuple(whole) if set(whole) <= set(LAYOUTS["multispectral"]) else None


def _readable(text: str) -> str:
    """A text of a file as a name that can be shown and written down: in one line, and not endless."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    """Number the repeats: ``Gray, Gray`` → ``Gray, Gray (2)``."""
    taken: dict[str, int] = {}
    for name in names:
        free = name
        while free in taken:
            taken[name] += 1
            free = f"{name} ({taken[name]})"
        taken[free] = 1
    return tuple(taken)
