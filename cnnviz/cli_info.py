"""``python -m cnnviz info``: what a raster or a product says of itself."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cnnviz.description import Description
from cnnviz.errors import ProcessError
from cnnviz.paths import home_expanded
from cnnviz.products import as_reflectance, open_imagery
from cnnviz.scene import Scene, open_scene
from cnnviz.sensors import Calibration, calibrate
from cnnviz.sources import Imagery
from cnnviz.statistics import BandStatistics

ABOUT = "say what a raster file or a Sentinel-2 product holds"
EXAMPLE = "info data/sentinel2.tif --statistics"
_SHOWN = 500  # letters of a tag; JSON has them all
_SAMPLE = 256  # px a side, of a picture of the whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what ``info`` takes."""
    parser.add_argument(
        "file", metavar="FILE", help="a GeoTIFF, JPEG 2000, PNG or JPEG file, a SAFE folder or zip, a folder of bands"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument(
        "--statistics", action="store_true", help="also read pixels, at most 1024 a side: range, mean and missing ones"
    )


def info(given: argparse.Namespace) -> None:
    """Run the command. Raises CnnvizError."""
    path = home_expanded(given.file)
    if path.is_dir() or (path.suffix.lower() == ".zip" and path.is_file()):
        with TemporaryDirectory(prefix="cnnviz-") as folder:
            _show_product(open_imagery(path, folder=Path(folder)), given)
        return
    scene = open_scene(given.file, sidecars=True)
    calibration = _calibration(scene)
    measured = scene.statistics() if given.statistics else ()
    if given.json:
        _print_json(scene.describe().as_dict(), calibration, measured)
        return
    for title, text in _lines(scene.describe()):
        _print_line(title, text)
    _print_rest(calibration, measured)


def _show_product(imagery: Imagery, given: argparse.Namespace) -> None:
    """Print what several files hold together, and each of them."""
    calibration = _calibration_of(imagery)
    measured = [each for scene in _scenes(imagery) for each in scene.statistics()] if given.statistics else []
    if given.json:
        _print_json(_product_as_dict(imagery), calibration, measured)
        return
    for title, text in _product_lines(imagery):
        _print_line(title, text)
    _print_rest(calibration, measured)


def _scenes(imagery: Imagery) -> list[Scene]:
    return list(dict.fromkeys(each.scene for each in imagery.origins))


def _product_as_dict(imagery: Imagery) -> dict[str, Any]:
    rows, cols, count = imagery.shape
    return {
        "name": imagery.name,
        "rows": rows,
        "cols": cols,
        "band_count": count,
        "band_names": list(imagery.band_names),
        "crs": imagery.grid.describe().crs,
        "transform": list(imagery.transform)[:6],
        "bounds": list(imagery.grid.bounds),
        "pixel_size": imagery.grid.pixel_size,
        "nodata": imagery.grid.nodata if imagery.blank is None else imagery.blank,
        "tags": dict(imagery.tags),
        "grid": imagery.remarks.get("CNNVIZ_GRID"),
        "files": [scene.describe().as_dict() for scene in _scenes(imagery)],
    }


def _product_lines(imagery: Imagery) -> Iterator[tuple[str, str]]:
    rows, cols, count = imagery.shape
    grid = dict(_lines(imagery.grid.describe()))
    yield "name", imagery.name
    yield "size", f"{rows:,} rows × {cols:,} columns × {count:,} bands, on the grid of {imagery.grid.name}"
    yield "bands", ", ".join(imagery.band_names)
    for title in ("CRS", "pixel", "transform", "bounds", "centre"):
        if title in grid:
            yield title, grid[title]
    if imagery.blank is not None:
        yield "nodata", f"{imagery.blank:g}"
    for remark in imagery.remarks.values():
        yield "grid", remark
    for scene in _scenes(imagery):
        yield "file", scene.summary()
    for key, value in imagery.tags:
        yield "tag", f"{key} = {value}"


def _calibration_of(imagery: Imagery) -> Calibration | None:
    try:
        return as_reflectance(imagery).calibration
    except ProcessError:
        return None


def _calibration(scene: Scene) -> Calibration | None:
    """Return how the numbers become reflectance; None where the sensor has no such scale."""
    if scene.naming.sensor is None or scene.naming.sensor.scale is None:
        return None
    sample = scene.read(max_size=_SAMPLE).array if scene.has_fast_overview(_SAMPLE) else None
    return calibrate(tags=scene.tags, scaling=(scene.facts[0].scale, scene.facts[0].offset), sample=sample)


def _lines(found: Description) -> Iterator[tuple[str, str]]:
    """Yield a description as (title, text) pairs."""
    yield "name", found.name
    yield "format", f"{found.format}, {found.bytes_on_disk:,} bytes, {found.compression or 'no'} compression"
    yield "size", f"{found.rows:,} rows × {found.cols:,} columns × {found.band_count:,} bands"
    yield (
        "numbers",
        f"{found.dtype}, {found.bits} bits, {found.bytes_in_memory:,} bytes in memory, "
        f"{found.bytes_as_float32:,} as float32",
    )
    yield "bands", f"{', '.join(found.band_names)} ({found.names_reason.rstrip('.')})"
    yield "nodata", "none" if found.nodata is None else f"{found.nodata:g}"
    if found.mask not in ("", "nodata"):
        yield "hidden by", found.mask
    yield "CRS", found.crs or "none"
    if found.pixel_size:
        yield "pixel", " × ".join(f"{metres:.4g} m" for metres in found.pixel_size)
    yield "transform", ", ".join(f"{number:.10g}" for number in found.transform)
    yield "bounds", ", ".join(f"{number:.10g}" for number in found.bounds)
    if found.centre:
        yield "centre", "longitude {:.5f}, latitude {:.5f}".format(*found.centre)
    yield "blocks", f"{found.block[0]} × {found.block[1]}, interleaved by {found.interleave or 'pixel'}"
    smaller = (f"1:{factor} ({rows:,} × {cols:,})" for factor, rows, cols in found.overviews)
    yield "overviews", ", ".join(smaller) or "none"
    for note, is_so in _notes(found).items():
        if is_so:
            yield "note", note
    for key, value in found.tags:
        yield "tag", f"{key} = {value:.{_SHOWN}}{' …' * (len(value) > _SHOWN)}"


def _notes(found: Description) -> dict[str, bool]:
    return {
        "complex numbers are read as their magnitude": found.is_complex,
        "the numbers are places in a colour table": found.is_palette,
        "the picture is rotated against the map": found.is_rotated,
        "the first row lies in the south": found.is_south_up,
        f"{found.control_points} control points are not used: warp the scene first": found.control_points > 0,
    }


def _print_json(known: dict[str, Any], calibration: Calibration | None, measured: Sequence[BandStatistics]) -> None:
    known["calibration"] = asdict(calibration) if calibration else None
    if measured:
        known["statistics"] = [_measured(each) for each in measured]
    sys.stdout.write(json.dumps(known, indent=2, ensure_ascii=False) + "\n")


def _print_rest(calibration: Calibration | None, measured: Sequence[BandStatistics]) -> None:
    if calibration:
        _print_line("reflectance", f"(DN {calibration.offset:+g}) / {calibration.scale:g}: {calibration.reason}")
    for each in measured:
        _print_line("statistics", ", ".join(f"{key} {value}" for key, value in _measured(each).items()))


def _measured(found: BandStatistics) -> dict[str, Any]:
    """One band in figures, in JSON's types: null where nothing is valid."""
    figures = {
        "minimum": found.minimum,
        "mean": found.mean,
        "std": found.std,
        "median": found.percentile(50),
        "maximum": found.maximum,
    }
    known = {key: float(f"{value:.6g}") if found.valid else None for key, value in figures.items()}
    return {"band": found.name, **known, "pixels": found.count, "valid": found.valid, "sampled": found.sampled}


def _print_line(title: str, text: str) -> None:
    sys.stdout.write(f"{title:<12} {text}\n")
