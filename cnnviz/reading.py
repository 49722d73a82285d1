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
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from cnnviz.errors import SceneError
from cnnviz.formats import Format

_quiet_lock = threading.Lock()
FAILURES = (RasterioError, CPLE_BaseError, OSError, ValueError, MemoryError)
_EXACT_IN_FLOAT32 = {"uint8", "int8", "uint16", "int16", "float32"}


class Window(NamedTuple):
    """A rectangle of pixels: its first row and column, and its size."""

    row: int
    col: int
    rows: int
    cols: int

    def clipped(self, shape: Sequence[int]) -> "Window":
        """Return the part that lies inside an image of ``shape`` (rows, cols, …).

        Raises SceneError where nothing does.

        >>> Window(-2, 7, 5, 5).clipped((10, 10))
        Window(row=0, col=7, rows=3, cols=3)
        """
        top, left = max(self.row, 0), max(self.col, 0)
        bottom, right = min(self.row + self.rows, shape[0]), min(self.col + self.cols, shape[1])
        if top >= bottom or left >= right:
            raise SceneError(
                f"the window of {self.rows} × {self.cols} pixels at row {self.row}, column {self.col} lies "
                f"outside the image of {shape[0]:,} × {shape[1]:,} pixels: move it inside"
            )
        return Window(top, left, bottom - top, right - left)

    def fitted(self, max_size: int | None) -> tuple[int, int]:
        """Return (rows, cols) of a picture of this window with no side longer than ``max_size``.

        >>> Window(0, 0, 10980, 5490).fitted(1024), Window(0, 0, 30, 20).fitted(1024)
        ((1024, 512), (30, 20))
        """
        longest = max(self.rows, self.cols)
        if max_size is None or longest <= max_size:
            return self.rows, self.cols
        return max(1, round(self.rows * max_size / longest)), max(1, round(self.cols * max_size / longest))


@contextmanager
def quiet() -> Iterator[None]:
    """Silence rasterio's warning about pictures without a place on the ground: a photograph has none."""
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
                raise SceneError(
                    f"{self.name} cannot be opened as {self.format.label}; it is damaged: "
                    "fetch or export it again"
                ) from None
            with dataset:
                yield dataset


def finest_overview(factors: Sequence[int], wanted: float) -> int:
    """Return the coarsest of the decimation ``factors`` that still holds every ``wanted``-th pixel, else 1.

    >>> finest_overview((2, 4, 8, 16), 10.7), finest_overview((), 3)
    (8, 1)
    """
    return max((factor for factor in factors if factor <= wanted), default=1)


def decoded_samples(window: Window, size: tuple[int, int], factors: Sequence[int], bands: int) -> int:
    """Return about how many samples are decoded to read ``window`` at ``size`` (rows, cols).

    >>> decoded_samples(Window(0, 0, 10980, 10980), (1024, 1024), (2, 4, 8), 3)
    5653032
    """
    factor = finest_overview(factors, min(window.rows / size[0], window.cols / size[1]))
    return ceil(window.rows / factor) * ceil(window.cols / factor) * bands


def read_bands(
    source: Source, numbers: Sequence[int], window: Window, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Return float32 (rows, cols, bands): GDAL's ``numbers`` (from 1) in ``window``, resampled to ``size``.

    Numbers are averaged over the pixels that are valid (GDAL rounds the mean of integers to an integer);
    indices of a palette and complex numbers are picked. Raises SceneError naming the first band that fails.
    """
    try:
        with source.opened() as dataset:
            return _read(dataset, numbers, window, size)
    except FAILURES:
        failed = _first_failure(source, numbers, window, size)
    what = f"band {failed} of {source.name}" if failed else source.name
    raise SceneError(
        f"{what} cannot be read in the window of {window.rows} × {window.cols} pixels at row {window.row}, "
        f"column {window.col}; the file is damaged or incomplete: fetch it again, or look at another window"
    )


def _first_failure(
    source: Source, numbers: Sequence[int], window: Window, size: tuple[int, int]
) -> int | None:
    """Return the first band that cannot be read alone; each gets a fresh handle, for GDAL's errors linger."""
    for number in numbers:
        try:
            with source.opened() as dataset:
                _read(dataset, [number], window, size)
        except FAILURES:
            return number
    return None


def _read(dataset: Any, numbers: Sequence[int], window: Window, size: tuple[int, int]) -> NDArray[np.float32]:
    kinds = {dataset.dtypes[number - 1] for number in numbers}
    is_complex = any(kind.startswith("complex") for kind in kinds)
    plain = kinds <= _EXACT_IN_FLOAT32
    how = {
        "window": RasterioWindow(window.col, window.row, window.cols, window.rows),
        "out_shape": (len(numbers), *size),
        "resampling": Resampling.nearest if is_complex or is_palette(dataset) else Resampling.average,
    }
    values = dataset.read(list(numbers), out_dtype="float32" if plain else None, **how)
    hidden = _hidden(dataset, numbers, values, how)
    with np.errstate(over="ignore", invalid="ignore"):
        result = (np.abs(values) if is_complex else values).astype(np.float32, copy=False)
    result[~np.isfinite(result)] = np.nan
    for band, mask in hidden.items():
        result[band][mask] = np.nan
    return np.moveaxis(result, 0, -1)


def is_palette(dataset: Any) -> bool:
    """Tell whether the first band holds the indices of a colour table."""
    return bool(dataset.colorinterp) and dataset.colorinterp[0].name == "palette"


def _hidden(
    dataset: Any, numbers: Sequence[int], values: NDArray[Any], how: dict[str, Any]
) -> dict[int, NDArray[np.bool_]]:
    """Return, by place in ``numbers``, where GDAL's rules say that there is no data."""
    hidden: dict[int, NDArray[np.bool_]] = {}
    shared: NDArray[np.bool_] | None = None
    for place, number in enumerate(numbers):
        flags = dataset.mask_flag_enums[number - 1]
        if flags == [MaskFlags.nodata]:
            hidden[place] = values[place] == values.dtype.type(dataset.nodatavals[number - 1])
        elif MaskFlags.per_dataset in flags:
            if shared is None:
                shared = _mask(dataset, number, how)
            hidden[place] = shared
        elif MaskFlags.all_valid not in flags:
            hidden[place] = _mask(dataset, number, how)
    return hidden


def _mask(dataset: Any, number: int, how: dict[str, Any]) -> NDArray[np.bool_]:
    """Return where the mask of one band hides its pixels."""
    shape = how["out_shape"][1:]
    return np.asarray(
        dataset.read_masks(number, window=how["window"], out_shape=shape, resampling=how["resampling"]) == 0
    )
