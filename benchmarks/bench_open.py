"""Time and memory from a path to the first picture of a full Sentinel-2 tile: 10,980 × 10,980 pixels, 13 bands.

    python -m benchmarks.bench_open [--scene FILE] [--side 10980]

Unless a file is named, the tile is made in ``build/bench`` once, with overviews and as a second file without them.
With overviews, the first picture is the whole tile, reduced to 1,024 pixels a side. Without, it is a window of
1,024 × 1,024 pixels at true resolution; then the overview is made that the dashboard makes in the background. Each case
runs in a process of its own, and its memory is what it takes at most above what its imports took.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import rasterio.shutil

from benchmarks.measuring import AddedMemory, machine
from cnnviz import render
from cnnviz.overviews import make_overview
from cnnviz.scene import Scene, Window, open_scene

FOLDER = Path(__file__).parents[1] / "build" / "bench"
SIDE = 1024


def main() -> None:
    """Measure every case that the files allow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", type=Path, help="a GeoTIFF of your own instead of the synthetic tile")
    parser.add_argument("--side", type=int, default=10980, help="rows and columns of the synthetic tile")
    wanted = parser.parse_args()
    print(machine("rasterio", "numpy"))
    for file in [wanted.scene] if wanted.scene else _tiles(wanted.side):
        fast = open_scene(file).has_fast_overview(SIDE)
        for case in (whole_picture,) if fast else (window_picture, overview):
            # A fresh interpreter for each case: nothing is warm, and nobody else's memory is counted.
            with get_context("spawn").Pool(1) as pool:
                seconds, megabytes = pool.apply(_measure, (case, file))
            print(f"{file.name}, {case.__name__}: {seconds:.2f} s · {megabytes:.0f} MB added")


def whole_picture(file: Path) -> None:
    """Open a file and make a picture of the whole raster in three bands."""
    scene = open_scene(file)
    _picture(scene, Window(0, 0, *scene.shape[:2]))


def window_picture(file: Path) -> None:
    """Open a file and make a picture of its middle at true resolution, in three bands."""
    scene = open_scene(file)
    rows, cols = (min(side, SIDE) for side in scene.shape[:2])
    _picture(scene, Window((scene.shape[0] - rows) // 2, (scene.shape[1] - cols) // 2, rows, cols))


def overview(file: Path) -> None:
    """Make the overview of all bands that a file lacks."""
    with tempfile.TemporaryDirectory() as folder:
        make_overview(open_scene(file), folder)


def _picture(scene: Scene, window: Window) -> bytes:
    bands = [band for band in ("B04", "B03", "B02") if band in scene.band_names] or list(scene.band_names[:3])
    array = scene.read(window, bands=bands, max_size=SIDE).array
    limits = [render.percentile_limits(array[..., band]) for band in range(array.shape[2])]
    return render.png(render.composite(array, limits))


def _measure(case: Callable[[Path], None], file: Path) -> tuple[float, float]:
    with AddedMemory() as memory:
        start = time.perf_counter()
        case(file)
        seconds = time.perf_counter() - start
    return seconds, memory.megabytes


def _tiles(side: int) -> list[Path]:
    """The synthetic tile with overviews, and a copy without; both are kept."""
    tile, bare = FOLDER / f"tile-{side}.tif", FOLDER / f"tile-{side}-bare.tif"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not tile.exists():
        size = ["--rows", str(side), "--cols", str(side)]
        subprocess.run([sys.executable, "-m", "cnnviz", "sample", str(tile), *size], check=True)
    if not bare.exists():
        layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "bigtiff": "if_safer"}
        rasterio.shutil.copy(tile, bare, driver="GTiff", num_threads="all_cpus", **layout)
    return [tile, bare]


if __name__ == "__main__":
    main()
