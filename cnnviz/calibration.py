"""From digital numbers to reflectance: ``(DN + offset) / scale``, with the reason for the offset.

Sentinel-2 products of processing baseline 04.00 and later carry an offset of −1000, also reprocessed ones of earlier
scenes: the sensing date decides nothing, and some catalogues have added it already. So the file's own words decide,
then its numbers, and whatever is judged from numbers is called a guess.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnviz.errors import SceneError

_SCALE = 10000.0
_OFFSET = -1000.0
_FIRST_BASELINE = 4.0
_ENOUGH = 64  # valid pixels below which a percentile says nothing
_FLOOR = 950.0  # noise over the darkest water goes a little below the offset


class Offset(StrEnum):
    """What the user may choose."""

    AUTO = "auto"
    NONE = "0"
    MINUS_1000 = "-1000"


class CalibrationSource(StrEnum):
    """Where the offset comes from."""

    FILE = "file"
    GUESS = "guess"
    USER = "user"


@dataclass(frozen=True)
class Calibration:
    """Reflectance is ``(DN + offset) / scale``; ``reason`` is a sentence that says why."""

    scale: float
    offset: float
    reason: str
    source: CalibrationSource

    def reflectance(self, numbers: NDArray[np.floating]) -> NDArray[np.floating]:
        """Reflectance of ``numbers`` of any shape, such as the ends of a range; here 0 is a number like any other.

        >>> calibrate("-1000").reflectance(np.array([0.0, 6000.0])).tolist()
        [-0.1, 0.5]
        """
        return (numbers + self.offset) / self.scale


def calibrate(
    choice: str = Offset.AUTO,
    *,
    tags: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    scaling: tuple[float, float] = (1.0, 0.0),
    sample: ArrayLike | None = None,
) -> Calibration:
    """Decide how digital numbers become reflectance.

    ``tags`` and ``scaling`` (GDAL's scale and offset of a band) are the file's own words; ``sample`` holds digital
    numbers of any shape with bands last, best with a dark band among them, NaN or 0 where there are none. Raises
    SceneError for an unknown choice or a tag that is no number.

    >>> calibrate(tags={"PROCESSING_BASELINE": "05.09"}).offset
    -1000.0
    >>> calibrate("0").reason
    'Offset 0, as chosen.'
    """
    if choice not in tuple(Offset):
        raise SceneError(f"the offset is {choice!r}; expected one of {', '.join(sorted(Offset))}")
    words = {key.upper(): value for key, value in dict(tags).items()}
    scale = _number(words, ("BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE")) or _SCALE
    if choice != Offset.AUTO:
        return Calibration(scale, float(choice), f"Offset {_text(choice)}, as chosen.", CalibrationSource.USER)
    return _from_scaling(scaling) or _from_tags(words, scale) or _from_numbers(sample, scale)


def to_reflectance(numbers: ArrayLike, calibration: Calibration) -> NDArray[np.float32]:
    """Return reflectance, float32 of the same shape; NaN where the digital number is 0 (no data) or NaN.

    >>> to_reflectance([0, 1000, 6000], calibrate("-1000")).tolist()
    [nan, 0.0, 0.5]
    """
    values = np.asarray(numbers, np.float32)
    reflectance = (values + np.float32(calibration.offset)) / np.float32(calibration.scale)
    if calibration.scale == 1:
        return reflectance
    return np.where(values == 0, np.float32(np.nan), reflectance)


def _from_scaling(scaling: tuple[float, float]) -> Calibration | None:
    gain, constant = scaling
    if (gain, constant) == (1.0, 0.0) or not gain:
        return None
    reason = f"The file's bands say reflectance = DN × {_text(gain)} + {_text(constant)}."
    return Calibration(
        round(1 / gain, 6), round(constant / gain, 6), reason.replace("+ −", "− "), CalibrationSource.FILE
    )


def _from_tags(words: Mapping[str, str], scale: float) -> Calibration | None:
    applied = next((key for key in words if key.endswith("BOA_OFFSET_APPLIED")), "")
    if applied and words[applied].strip().lower() in ("true", "yes", "1"):
        return Calibration(
            scale, 0.0, f"The file says that its offset was applied ({applied.lower()}).", CalibrationSource.FILE
        )
    for key in sorted(words):
        if key.startswith(("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")):
            offset = _number(words, (key,)) or 0.0
            return Calibration(scale, offset, f"The file says {key} = {_text(offset)}.", CalibrationSource.FILE)
    baseline = _number(words, ("PROCESSING_BASELINE", "S2:PROCESSING_BASELINE"))
    if baseline is None:
        return None
    late = baseline >= _FIRST_BASELINE
    reason = f"Processing baseline {baseline:05.2f}: {'04.00 and later have' if late else 'before 04.00 there was'} "
    reason += "an offset of −1000." if late else "no offset."
    return Calibration(scale, _OFFSET if late else 0.0, reason, CalibrationSource.FILE)


def _from_numbers(sample: ArrayLike | None, scale: float) -> Calibration:
    def guess(reason: str, offset: float = 0.0, scale: float = scale) -> Calibration:
        return Calibration(scale, offset, f"A guess: {reason}.", CalibrationSource.GUESS)

    if sample is None:
        return guess("the file says nothing about an offset, so none is taken")
    low, high = _darkest(np.asarray(sample, np.float32))
    if low is None or high is None:
        return guess("too few pixels to judge, so no offset is taken")
    if high <= 2:
        return guess("numbers up to 2 are reflectance already", scale=1.0)
    if low >= _FLOOR:
        return guess(f"the darkest 1 % lie at {low:.0f}, hardly any below 1000, as with an offset of −1000", _OFFSET)
    return guess(f"the darkest 1 % lie at {low:.0f}, below 1000, so there is no offset of −1000")


def _darkest(sample: NDArray[np.float32]) -> tuple[float | None, float | None]:
    """First percentile of the darkest band and 99th of the brightest, of pixels with data."""
    bands = sample.reshape(-1, sample.shape[-1]) if sample.ndim == 3 else sample.reshape(-1, 1)
    valid = [column[np.isfinite(column) & (column != 0)] for column in bands.T]
    enough = [np.percentile(column, (1, 99)) for column in valid if column.size >= _ENOUGH]
    if not enough:
        return None, None
    return float(min(low for low, _ in enough)), float(max(high for _, high in enough))


def _number(words: Mapping[str, str], keys: Iterable[str]) -> float | None:
    for key in keys:
        if key in words:
            text = words[key].strip().removeprefix("N")
            try:
                value = float(text)
            except ValueError:
                raise SceneError(f"the tag {key} is {words[key]!r}; expected a number: choose the offset") from None
            return value / 100 if text.isdigit() and len(text) == 4 and "BASELINE" in key else value
    return None


def _text(value: str | float) -> str:
    """A figure as a sentence holds it, in full: 2.75e-05 as 0.0000275."""
    return np.format_float_positional(float(value), trim="-").replace("-", "−")
