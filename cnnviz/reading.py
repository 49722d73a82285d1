"""Pixels out of a file: one safe way to open it, one way to read it.

Every read opens the file anew, so that threads and sessions can share a scene. rasterio's ``(bands, rows,
cols)`` turns into ``(rows, cols, bands)`` here and nowhere else.

What becomes NaN: nodata, what the file's mask or alpha band hides, and ±inf, which no sum survives. Complex
numbers are read as their magnitude, 64-bit numbers are rounded to float32.
"""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from cnnviz.errors import DamagedError, SceneError
from cnnviz.formats import Format

_quiet_lock = threading.RLock()
FAILURES = (RasterioError, CPLE_BaseError, OSError, ValueError, MemoryError)
"""What rasterio raises over a damaged file."""

Area = tuple[float, float, float, float]
"""First row and column, rows and columns, in pixels of the file; fractions are allowed."""

_WHOLE = {"uint8", "int8", "uint16", "int16"}
_EXACT_IN_FLOAT32 = _WHOLE | {"float32"}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence rasterio's warning about pictures without a place on the ground: a photograph has none.

    For the opening of a file alone: other threads wait.
    """
    with _quiet_lock, warnings.catch_warnings():  # the warnings module is not made for threads
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@dataclass(frozen=True)
class Source:
    """A checked file, the one driver that may open it, and what messages call it.

    With ``sidecars`` the files beside it (``.ovr``, ``.msk``, ``.tfw``) count too.
    """

    path: Path
    format: Format
    name: str
    sidecars: bool = False

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Open the file; the value is rasterio's dataset. Raises SceneError."""
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="TRUE" if self.sidecars else "EMPTY_DIR"):
            try:
                with quiet():
                    dataset = rasterio.open(self.path, driver=self.format.value)
            except FAILURES:
                raise self.damaged() from None
            with dataset:
                yield dataset

    def damaged(self) -> SceneError:
        """Return the error that says so."""
        return SceneError(
            f"{self.name} cannot be opened as {self.format.label}; it is damaged: fetch or export it again"
        )


def read_bands(source: Source, numbers: Sequence[int], area: Area, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return float32 (rows, cols, bands): bands ``numbers`` (from 1) in ``area``, resampled to ``size``.

    Numbers are averaged over the pixels that are valid (GDAL rounds the mean of integers to an integer);
    indices of a palette and complex numbers are picked. Raises DamagedError naming the first band that fails.
    """
    try:
        with source.opened() as dataset:
            return read_pixels(dataset, numbers, area, size)
    except SceneError:
        raise
    except FAILURES:
        failed = _first_failure(source, numbers, area, size)
    raise unreadable(source.name, failed, area)


def unreadable(name: str, band: int | None, area: Area, *, instead: str = "look at another window") -> DamagedError:
    """Return the error that says which band (from 1, None for unknown) of ``name`` fails where, and what else helps."""
    what = f"band {band} of {name}" if band else name
    row, col, rows, cols = (round(value) for value in area)
    return DamagedError(
        f"{what} cannot be read in the window of {rows} × {cols} pixels at row {row}, column {col}; "
        f"the file is damaged or incomplete: fetch it again, or {instead}"
    )


def _first_failure(source: Source, numbers: Sequence[int], area: Area, size: tuple[int, int]) -> int | None:
    """Return the first band that cannot be read alone; each gets a fresh handle, for GDAL's errors linger."""
    for number in numbers:
        try:
            with source.opened() as dataset:
                read_pixels(dataset, [number], area, size)
        except FAILURES:
            return number
    return None


def read_pixels(
    dataset: Any,
    numbers: Sequence[int],
    area: Area,
    size: tuple[int, int],
    *,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return what :func:`read_bands` returns, from an open dataset; errors are GDAL's own (``FAILURES``).

    The pixels are put into ``out`` (bands, rows, cols) where it is given: fresh memory costs more than to fill it.
    """
    row, col, rows, cols = area
    traits = _traits(dataset)
    kinds = {traits.dtypes[number - 1] for number in numbers}
    is_complex = any(kind.startswith("complex") for kind in kinds)
    plain = kinds <= _EXACT_IN_FLOAT32
    how = {
        "window": Window(col, row, cols, rows),
        "resampling": Resampling.nearest if is_complex or traits.palette else Resampling.average,
    }
    result = np.empty((len(numbers), *size), np.float32) if out is None else out
    target = {"out": result} if plain else {"out_shape": result.shape}
    values = dataset.read(list(numbers), **target, **how)
    if not plain:
        hidden = dict(_hidden(dataset, numbers, values, how))
        with np.errstate(over="ignore", invalid="ignore"):
            result[:] = np.abs(values) if is_complex else values
    if not kinds <= _WHOLE:
        result[~np.isfinite(result)] = np.nan
    # One mask at a time where pixels lie in their place already: fresh memory for all costs more than the comparison.
    for band, mask in _hidden(dataset, numbers, values, how) if plain else hidden.items():
        if mask.any():
            result[band][mask] = np.nan
    return np.moveaxis(result, 0, -1)


class _Traits(NamedTuple):
    """What a dataset says about its bands; to ask GDAL at every read takes as long as to decode a small window."""

    dtypes: tuple[str, ...]
    flags: tuple[list[MaskFlags], ...]
    nodata: tuple[float | None, ...]
    palette: bool


_known: WeakKeyDictionary[Any, _Traits] = WeakKeyDictionary()


def _traits(dataset: Any) -> _Traits:
    found = _known.get(dataset)
    if found is None:
        flags = tuple(dataset.mask_flag_enums)
        found = _Traits(tuple(dataset.dtypes), flags, tuple(dataset.nodatavals), is_palette(dataset))
        if dataset.mode == "r":
            _known[dataset] = found
    return found


def is_palette(dataset: Any) -> bool:
    """Tell whether the first band holds the indices of a colour table."""
    return bool(dataset.colorinterp) and dataset.colorinterp[0].name == "palette"


def _hidden(
    dataset: Any, numbers: Sequence[int], values: NDArray[Any], how: dict[str, Any]
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield a place in ``numbers`` and where GDAL's rules say that there is no data."""
    shared: NDArray[np.bool_] | None = None
    traits = _traits(dataset)
    for place, number in enumerate(numbers):
        flags = traits.flags[number - 1]
        exact = values.dtype.kind == "f" or values.dtype.itemsize < 8  # rasterio gives nodata as a float
        if flags == [MaskFlags.nodata] and exact:
            yield place, values[place] == values.dtype.type(traits.nodata[number - 1])
        elif MaskFlags.per_dataset in flags:
            if shared is None:
                shared = _mask(dataset, number, values.shape[1:], how)
            yield place, shared
        elif MaskFlags.all_valid not in flags:
            yield place, _mask(dataset, number, values.shape[1:], how)


def _mask(dataset: Any, number: int, shape: tuple[int, ...], how: dict[str, Any]) -> NDArray[np.bool_]:
    """Return where the mask of one band hides its pixels."""
    return np.asarray(dataset.read_masks(number, out_shape=shape, **how) == 0)
