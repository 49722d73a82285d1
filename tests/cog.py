"""Whether a file is laid out as a Cloud-Optimized GeoTIFF, by the rules of GDAL's own validator.

https://github.com/OSGeo/gdal/blob/master/swig/python/gdal-utils/osgeo_utils/samples/validate_cloud_optimized_geotiff.py
"""

import rasterio


def cog_faults(path):
    """What is wrong with the layout; an empty list for a valid file."""
    with rasterio.open(path) as dataset:
        tiled = dataset.profile["tiled"] or max(dataset.shape) <= 512
        overviews = len(dataset.overviews(1))
        directories = [int(dataset.get_tag_item("IFD_OFFSET", "TIFF", bidx=1))]
        data = [_first_block(dataset, None)]
        for level in range(overviews):
            directories.append(int(dataset.get_tag_item("IFD_OFFSET", "TIFF", bidx=1, ovr=level)))
            data.append(_first_block(dataset, level))
    head = path.read_bytes()[:4]
    wanted = 16 if head[2] == 43 else 8
    ghost = path.read_bytes()[wanted : wanted + 43].startswith(b"GDAL_STRUCTURAL_METADATA_SIZE=")
    return [
        fault
        for fault, wrong in {
            "large and not tiled": not tiled,
            "large without overviews": max(path_shape(path)) > 512 and not overviews,
            "first directory is not at the start": directories[0] != wanted and not ghost,
            "directories are not in order": directories != sorted(directories),
            "data before a directory": min(data) < max(directories),
            "pixels are not from the smallest overview to the whole": data != sorted(data, reverse=True),
        }.items()
        if wrong
    ]


def path_shape(path):
    with rasterio.open(path) as dataset:
        return dataset.shape


def _first_block(dataset, level):
    return int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, **({} if level is None else {"ovr": level})))
