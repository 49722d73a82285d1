"""A result that stays in parts, and the VRT that shows them as one: https://gdal.org/drivers/raster/vrt.html.

The VRT is plain XML, written here by hand: GDAL's own driver stays switched off (:mod:`cnnviz.gdal`), because files
that name other files are not opened by this product. Every GIS opens them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from affine import Affine

from cnnviz.blocks import Shape
from cnnviz.budget import TILE
from cnnviz.cog import decimations
from cnnviz.scratch import Labels, full_disk
from cnnviz.windows import Window


def tiles_folder(target: Path) -> Path:
    """Folder of the parts of ``target``, beside it.

    >>> tiles_folder(Path("maps/edges.vrt")).name
    'edges.tiles'
    """
    return target.with_suffix(".tiles")


def publish(target: Path, parts: Path, partial: Path, text: str) -> None:
    """Give the folder ``parts`` and the VRT ``text`` their names; the VRT comes last. Raises ProcessError."""
    folder = tiles_folder(target)
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        target.unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        parts.replace(folder)
        partial.replace(target)
    except OSError as error:
        raise full_disk(target, error) from None


def vrt(shape: Shape, labels: Labels, files: Mapping[Window, PurePosixPath]) -> str:
    """Text of a VRT whose pixels lie in ``files``, by their paths as seen from it.

    Smaller copies are those of the files, as far as every file has them.
    """
    rows, cols, maps = shape
    root = ElementTree.Element("VRTDataset", rasterXSize=str(cols), rasterYSize=str(rows))
    if labels.crs is not None:
        ElementTree.SubElement(root, "SRS", dataAxisToSRSAxisMapping="1,2").text = labels.crs.to_wkt()
    if labels.transform != Affine.identity():
        ElementTree.SubElement(root, "GeoTransform").text = ", ".join(map(repr, labels.transform.to_gdal()))
    known = ElementTree.SubElement(root, "Metadata")
    for key, value in labels.tags.items():
        ElementTree.SubElement(known, "MDI", key=key).text = value
    for number in range(1, maps + 1):
        band = ElementTree.SubElement(root, "VRTRasterBand", dataType="Float32", band=str(number))
        ElementTree.SubElement(band, "Description").text = labels.bands[number - 1]
        ElementTree.SubElement(band, "NoDataValue").text = "nan"
        for window, file in files.items():
            _add_source(band, number, window, file)
    factors = " ".join(map(str, decimations(shape)))
    if factors:
        ElementTree.SubElement(root, "OverviewList", resampling="average").text = factors
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _add_source(band: ElementTree.Element, number: int, window: Window, file: PurePosixPath) -> None:
    row, col, high, wide = map(str, window)
    source = ElementTree.SubElement(band, "SimpleSource")
    ElementTree.SubElement(source, "SourceFilename", relativeToVRT="1").text = str(file)
    ElementTree.SubElement(source, "SourceBand").text = str(number)
    ElementTree.SubElement(
        source,
        "SourceProperties",
        RasterXSize=wide,
        RasterYSize=high,
        DataType="Float32",
        BlockXSize=str(TILE),
        BlockYSize=str(TILE),
    )
    ElementTree.SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=wide, ySize=high)
    ElementTree.SubElement(source, "DstRect", xOff=col, yOff=row, xSize=wide, ySize=high)
