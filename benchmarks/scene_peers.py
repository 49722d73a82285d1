"""The same work by others, each in a process of its own: see :mod:`benchmarks.bench_scene`.

    python -m benchmarks.scene_peers PEER SCENE.tif WEIGHTS.npy OUTPUT.tif THREADS

``WEIGHTS.npy`` are float32 ``(3, 3, bands)``. Every peer sums the filtered bands to one float32 band and writes it as a
tiled, deflated GeoTIFF, without the smaller copies of a COG.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

LAYOUT = {"driver": "GTiff", "dtype": "float32", "count": 1, "tiled": True, "blockxsize": 512, "blockysize": 512}
DEFLATE = {"compress": "deflate", "predictor": 3, "zlevel": 1}
CHUNK = 1024  # px a side of what is read at one time: as fast as any other, in whole blocks


@contextmanager
def _output(scene: Path, target: Path, threads: int, how: dict[str, Any]) -> Iterator[Any]:
    with rasterio.open(scene) as source:
        place = {"height": source.height, "width": source.width, "crs": source.crs, "transform": source.transform}
    with rasterio.open(target, "w", num_threads=threads, **LAYOUT, **place, **how) as output:
        yield output


def _windows(rows: int, cols: int) -> Iterator[Window]:
    for row in range(0, rows, CHUNK):
        for col in range(0, cols, CHUNK):
            yield Window(col, row, min(CHUNK, cols - col), min(CHUNK, rows - row))


def read_and_write(scene: Path, pixels: Path, target: Path, threads: int, *, how: dict[str, Any] = DEFLATE) -> None:
    """What no program can do without: read every block of all bands, write ``pixels`` (.npy), compute nothing."""
    own = threading.local()

    def read(window: Window) -> None:
        if not hasattr(own, "dataset"):
            own.dataset = rasterio.open(scene)
            own.memory = np.empty((own.dataset.count, CHUNK, CHUNK), own.dataset.dtypes[0])
        own.dataset.read(window=window, out=own.memory[:, : window.height, : window.width])

    with rasterio.open(scene) as dataset:
        shape = dataset.shape
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, _windows(*shape)))
    values = np.load(pixels, mmap_mode="r")
    with _output(scene, target, threads, how) as output:
        for window in _windows(*shape):
            rows, cols = window.toslices()
            output.write(values[rows, cols], 1, window=window)


def read_and_write_plain(scene: Path, pixels: Path, target: Path, threads: int) -> None:
    """The same, but the file is not compressed."""
    read_and_write(scene, pixels, target, threads, how={})


def scipy_whole(scene: Path, weights: Path, target: Path, threads: int) -> None:
    """SciPy's correlation of whole bands, one after the other, summed."""
    from scipy.ndimage import correlate

    kernels = np.load(weights)
    with rasterio.open(scene, num_threads=threads) as dataset:
        total = np.zeros(dataset.shape, np.float32)
        for number in range(dataset.count):
            total += correlate(dataset.read(number + 1).astype(np.float32), kernels[..., number], mode="constant")
    with _output(scene, target, threads, DEFLATE) as output:
        output.write(total, 1)


def xarray_spatial(scene: Path, weights: Path, target: Path, threads: int) -> None:
    """``xrspatial.convolution.convolve_2d`` on a dask array per band, summed; chunks of 2,048 pixels a side."""
    import dask
    import dask.array
    import xarray
    from xrspatial.convolution import convolve_2d

    with rasterio.open(scene) as dataset:
        rows, cols = dataset.shape
    steps = tuple(tuple(min(2048, side - start) for start in range(0, side, 2048)) for side in (rows, cols))

    def read(block_info: Any = None, band: int = 0) -> np.ndarray:
        (top, bottom), (left, right) = block_info[None]["array-location"]
        with rasterio.open(scene) as dataset:
            return dataset.read(band, window=Window(left, top, right - left, bottom - top), out_dtype="float32")

    total = 0
    for band, kernel in enumerate(np.moveaxis(np.load(weights), -1, 0), 1):
        lazy = dask.array.map_blocks(read, chunks=steps, dtype="float32", meta=np.empty((0, 0), np.float32), band=band)
        total = total + convolve_2d(xarray.DataArray(lazy, dims=("y", "x")).data, kernel)
    with _output(scene, target, threads, DEFLATE) as output, dask.config.set(pool=ThreadPoolExecutor(threads)):
        dask.array.store(total.astype(np.float32), _Target(output), lock=True)


class _Target:
    """A dataset as what dask stores to."""

    def __init__(self, output: Any) -> None:
        self._output = output

    def __setitem__(self, place: tuple[slice, slice], values: np.ndarray) -> None:
        rows, cols = place
        window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
        self._output.write(values, 1, window=window)


def gdal_vrt(scene: Path, weights: Path, target: Path, threads: int) -> None:
    """GDAL's own: a VRT with a kernel source per band, their sum as a derived band, and ``gdal_translate``."""
    with rasterio.open(scene) as dataset:
        rows, cols = dataset.shape
        place = ", ".join(map(str, dataset.transform.to_gdal()))
    sources = "".join(
        f"<KernelFilteredSource><SourceFilename>{scene.resolve()}</SourceFilename><SourceBand>{band}</SourceBand>"
        f'<SrcRect xOff="0" yOff="0" xSize="{cols}" ySize="{rows}"/>'
        f'<DstRect xOff="0" yOff="0" xSize="{cols}" ySize="{rows}"/>'
        f"<Kernel><Size>3</Size><Coefs>{' '.join(map(repr, kernel.ravel().tolist()))}</Coefs></Kernel>"
        "</KernelFilteredSource>"
        for band, kernel in enumerate(np.moveaxis(np.load(weights), -1, 0), 1)
    )
    vrt = target.with_suffix(".vrt")
    vrt.write_text(
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}"><GeoTransform>{place}</GeoTransform>'
        '<VRTRasterBand dataType="Float32" band="1" subClass="VRTDerivedRasterBand">'
        f"<PixelFunctionType>sum</PixelFunctionType><SourceTransferType>Float32</SourceTransferType>{sources}"
        "</VRTRasterBand></VRTDataset>"
    )
    layout = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=DEFLATE", "PREDICTOR=3", "ZLEVEL=1"]
    options = [word for each in [*layout, f"NUM_THREADS={threads}"] for word in ("-co", each)]
    subprocess.run(["gdal_translate", "-q", *options, str(vrt), str(target)], check=True)


def orfeo(scene: Path, weights: Path, target: Path, threads: int) -> None:
    """Orfeo Toolbox's BandMathX: a dot product of each band's neighbourhood with its kernel, summed."""
    context = target.with_suffix(".context")
    kernels = np.moveaxis(np.load(weights), -1, 0)
    texts = [" ; ".join(" , ".join(f"{value:.9g}" for value in row) for row in kernel) for kernel in kernels]
    context.write_text("".join(f"#M k{band} {{ {text} }}\n" for band, text in enumerate(texts, 1)))
    terms = [f"dotpr(k{band},im1b{band}N3x3)" for band in range(1, len(kernels) + 1)]
    written = f"{target}?&gdal:co:TILED=YES&gdal:co:COMPRESS=DEFLATE&gdal:co:PREDICTOR=3&gdal:co:ZLEVEL=1"
    command = ["otbcli_BandMathX", "-il", str(scene), "-incontext", str(context), "-exp", " + ".join(terms)]
    threaded = {**os.environ, "OTB_MAX_RAM_HINT": "512", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(threads)}
    subprocess.run([*command, "-out", written, "float"], check=True, env=threaded)


PEERS: dict[str, Callable[[Path, Path, Path, int], None]] = {
    work.__name__: work for work in (read_and_write, read_and_write_plain, scipy_whole, xarray_spatial, gdal_vrt, orfeo)
}

if __name__ == "__main__":
    name, *paths, count = sys.argv[1:]
    PEERS[name](*map(Path, paths), int(count))
