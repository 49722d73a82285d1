"""What the bands of a sensor are, and what is usually made of them: composites and spectral indices.

Sources: the Sentinel-2 User Handbook and MSI technical guide (ESA), the Landsat 7 Data Users Handbook (USGS), and for
the indices Rouse 1974 (NDVI), Gitelson 1996 (GNDVI), Huete 1988 and 2002 (SAVI, EVI), McFeeters 1996 (NDWI), Xu 2006
(MNDWI), Hall 1995 (NDSI), Gao 1996 (NDMI), Zha 2003 (NDBI), Key and Benson 2006 (NBR), Rikimaru 2002 (BSI).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.errors import GeometryError


@dataclass(frozen=True)
class Band:
    """A spectral band: centre and width in nm, ground sampling distance in metres; None where unknown."""

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
    """A ratio of two sums of bands: ``gain · (above · (bands, 1)) / (below · (bands, 1))``.

    ``above`` and ``below`` hold one factor for each band and the constant at the end. Where the constant is not 0
    the value depends on the unit, so reflectance is needed.
    """

    name: str
    title: str
    bands: tuple[str, ...]
    above: tuple[float, ...]
    below: tuple[float, ...]
    about: str
    gain: float = 1.0

    @property
    def needs_reflectance(self) -> bool:
        """True where digital numbers give another value than reflectance, even with offset 0."""
        return bool(self.above[-1] or self.below[-1])

    @property
    def formula(self) -> str:
        """The index as a line of text."""
        above, below = (_sum_text(factors, self.bands) for factors in (self.above, self.below))
        return f"{'' if self.gain == 1 else f'{self.gain:g} · '}({above}) / ({below})"

    def compute(self, *arrays: ArrayLike) -> NDArray[np.float32]:
        """Return the index of arrays of equal shape, one for each of ``bands``: float32, NaN where it is undefined.

        Undefined is a denominator of 0, or NaN in any band. Raises GeometryError where the arrays do not fit.

        >>> ndvi = SENSORS["sentinel2"].indices["NDVI"]
        >>> ndvi.formula
        '(B08 − B04) / (B08 + B04)'
        >>> ndvi.compute([3000, 0], [1000, 0]).tolist()
        [0.5, nan]
        """
        planes = [np.asarray(array, np.float32) for array in arrays]
        shapes = {plane.shape for plane in planes}
        if len(planes) != len(self.bands) or len(shapes) > 1:
            raise GeometryError(
                f"{self.name} got {len(planes)} arrays of shapes {sorted(shapes)}; "
                f"expected {len(self.bands)} of one shape: {', '.join(self.bands)}"
            )
        above, below = _weighted(self.above, planes), _weighted(self.below, planes)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = np.divide(above, below) * np.float32(self.gain)
        return np.where(below == 0, np.float32(np.nan), values)


def _weighted(factors: tuple[float, ...], planes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    total = np.full(planes[0].shape, factors[-1], np.float32)
    for factor, plane in zip(factors, planes, strict=False):
        total += np.float32(factor) * plane
    return total


def _sum_text(factors: tuple[float, ...], bands: tuple[str, ...]) -> str:
    text = ""
    for factor, band in zip(factors, (*bands, ""), strict=True):
        if factor:
            size = f"{abs(factor):g}"
            term = size if not band else band if size == "1" else f"{size} · {band}"
            text += f" {'−' if factor < 0 else '+'} {term}"
    return text.removeprefix(" + ")


@dataclass(frozen=True)
class Sensor:
    """A family of images: its bands in natural order, the usual composites and indices.

    ``scale`` divides digital numbers to give reflectance; None where the numbers are no reflectance.
    """

    name: str
    title: str
    bands: tuple[Band, ...]
    presets: tuple[Composite, ...]
    ratios: tuple[Index, ...] = ()
    scale: float | None = None

    @cached_property
    def composites(self) -> Mapping[str, Composite]:
        """The composites by name."""
        return {preset.name: preset for preset in self.presets}

    @cached_property
    def indices(self) -> Mapping[str, Index]:
        """The indices by name."""
        return {ratio.name: ratio for ratio in self.ratios}

    def band(self, name: str) -> Band | None:
        """Return the band of that name, None where the sensor has none."""
        return next((band for band in self.bands if band.name == name), None)


_PRESETS = (
    ("true_colour", "True colour", "red green blue", "what an eye would see"),
    ("colour_infrared", "Colour infrared", "nir red green", "plants shine red"),
    ("swir", "Shortwave infrared", "swir2 narrow red", "smoke is clear, burns and dry soil stand out"),
    ("agriculture", "Agriculture", "swir1 nir blue", "vigorous crops are bright green"),
    ("geology", "Geology", "swir2 swir1 blue", "rocks and soils differ"),
    ("atmosphere", "Atmospheric penetration", "swir2 swir1 narrow", "little haze, sharp land and water"),
)

_RATIOS: tuple[tuple[str, str, str, tuple[float, ...], tuple[float, ...], float, str], ...] = (
    ("NDVI", "vegetation", "nir red", (1, -1, 0), (1, 1, 0), 1, "high where leaves are green and dense"),
    ("GNDVI", "green vegetation", "nir green", (1, -1, 0), (1, 1, 0), 1, "follows chlorophyll in dense crops"),
    (
        "EVI",
        "enhanced vegetation",
        "nir red blue",
        (1, -1, 0, 0),
        (1, 6, -7.5, 1),
        2.5,
        "does not saturate in dense forest; corrected for haze",
    ),
    ("SAVI", "soil-adjusted vegetation", "nir red", (1, -1, 0), (1, 1, 0.5), 1.5, "less soil where plants are thin"),
    ("NDWI", "water (McFeeters)", "green nir", (1, -1, 0), (1, 1, 0), 1, "positive over open water"),
    ("MNDWI", "modified water", "green swir1", (1, -1, 0), (1, 1, 0), 1, "water, without the towns"),
    ("NDSI", "snow", "green swir1", (1, -1, 0), (1, 1, 0), 1, "snow is bright in green and dark at 1.6 µm"),
    ("NDMI", "moisture (Gao)", "nir swir1", (1, -1, 0), (1, 1, 0), 1, "water in leaves"),
    ("NDBI", "built-up", "swir1 nir", (1, -1, 0), (1, 1, 0), 1, "towns and bare soil"),
    ("NBR", "burn ratio", "nir swir2", (1, -1, 0), (1, 1, 0), 1, "falls where a fire went through"),
    ("BSI", "bare soil", "swir1 red nir blue", (1, 1, -1, -1, 0), (1, 1, 1, 1, 0), 1, "high on bare soil"),
)


def _presets(roles: Mapping[str, str]) -> tuple[Composite, ...]:
    made = []
    for name, title, wanted, about in _PRESETS:
        red, green, blue = (roles[role] for role in wanted.split())
        made.append(Composite(name, title, (red, green, blue), about))
    return tuple(made)


def _ratios(roles: Mapping[str, str]) -> tuple[Index, ...]:
    return tuple(
        Index(name, title, tuple(roles[role] for role in wanted.split()), above, below, about, gain)
        for name, title, wanted, above, below, gain, about in _RATIOS
    )


_ROLES = ("blue", "green", "red", "nir", "narrow", "swir1", "swir2")
_MSI = dict(zip(_ROLES, ("B02", "B03", "B04", "B08", "B8A", "B11", "B12"), strict=True))
_ETM = dict(zip(_ROLES, ("B1", "B2", "B3", "B4", "B4", "B5", "B7"), strict=True))
_COLOURS = dict(zip(_ROLES, ("blue", "green", "red", "nir", "nir", "swir1", "swir2"), strict=True))

_SENTINEL2 = Sensor(
    name="sentinel2",
    title="Sentinel-2 MSI",
    bands=(
        Band("B01", "Coastal aerosol", 443, 20, 60),
        Band("B02", "Blue", 490, 65, 10),
        Band("B03", "Green", 560, 35, 10),
        Band("B04", "Red", 665, 30, 10),
        Band("B05", "Red edge 1", 705, 15, 20),
        Band("B06", "Red edge 2", 740, 15, 20),
        Band("B07", "Red edge 3", 783, 20, 20),
        Band("B08", "Near infrared", 842, 115, 10),
        Band("B8A", "Narrow near infrared", 865, 20, 20),
        Band("B09", "Water vapour", 945, 20, 60),
        Band("B10", "Cirrus", 1375, 30, 60),
        Band("B11", "Shortwave infrared 1", 1610, 90, 20),
        Band("B12", "Shortwave infrared 2", 2190, 180, 20),
    ),
    presets=_presets(_MSI),
    ratios=_ratios(_MSI),
    scale=10000.0,
)

_LANDSAT7 = Sensor(
    name="landsat7",
    title="Landsat 7 ETM+",
    bands=(
        Band("B1", "Blue", 485, 70, 30),
        Band("B2", "Green", 560, 80, 30),
        Band("B3", "Red", 660, 60, 30),
        Band("B4", "Near infrared", 835, 130, 30),
        Band("B5", "Shortwave infrared 1", 1650, 200, 30),
        Band("B6", "Thermal", 11450, 2100, 60),
        Band("B7", "Shortwave infrared 2", 2220, 260, 30),
        Band("B8", "Panchromatic", 710, 380, 15),
    ),
    presets=_presets(_ETM),
    ratios=_ratios(_ETM),
)

_MULTISPECTRAL = Sensor(
    name="multispectral",
    title="Bands named by colour",
    bands=(
        Band("blue", "Blue", 490),
        Band("green", "Green", 560),
        Band("red", "Red", 660),
        Band("nir", "Near infrared", 840),
        Band("swir1", "Shortwave infrared 1", 1610),
        Band("swir2", "Shortwave infrared 2", 2200),
    ),
    presets=_presets(_COLOURS),
    ratios=_ratios(_COLOURS),
)

_PHOTO = Sensor(
    name="photo",
    title="Photograph",
    bands=(Band("R", "Red", 610), Band("G", "Green", 540), Band("B", "Blue", 465)),
    presets=(Composite("true_colour", "True colour", ("R", "G", "B"), "what an eye would see"),),
)

SENSORS: Mapping[str, Sensor] = MappingProxyType(
    {sensor.name: sensor for sensor in (_SENTINEL2, _LANDSAT7, _MULTISPECTRAL, _PHOTO)}
)
"""Every known sensor by name."""
