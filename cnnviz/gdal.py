"""GDAL with everything switched off that this product does not need.

GDAL sniffs content: a file called ``photo.tif`` may be a VRT that reads other files, an MRF that writes
them, or a list that fetches from the network. Six drivers stay: four that open what a visitor brings, one
that writes Cloud-Optimized GeoTIFF, one for memory. The others are named in ``GDAL_SKIP``, which GDAL reads
once, when the first raster is opened or written: importing this module before that is all that is needed. It
holds for the whole process; a program that wants GDAL's other formats too should read them in another one.

Every raster is opened with one named driver besides (:mod:`cnnviz.formats`): this is the second lock, not the
only one. Settings: https://gdal.org/user/configoptions.html and https://gdal.org/user/security.html.
"""

import os

# "Memory" is MEM for vectors until GDAL 3.10 and another name of MEM since: skipping it then crashes GDAL.
DRIVERS = ("COG", "GTiff", "JP2OpenJPEG", "JPEG", "MEM", "Memory", "PNG")

MAX_BANDS = 2048
"""More bands than any sensor has; GDAL makes an object of each before anything can be asked."""

# The other drivers of GDAL 3.10 as rasterio ships it, of GDAL's other builds, and of later versions so far.
_OTHERS = """
AAIGrid, ACE2, ADBC, ADRG, AeronavFAA, AIG, AirSAR, AIVector, AmigoCloud, ARCGEN, Arrow, AVCBin, AVCE00,
AVIF, BAG, BASISU, BIGGIF, BLX, BMP, BSB, BT, BYN, CAD, CALS, Carto, CEOS, COASP, COSAR, CPG, CSV, CSW,
CTable2, CTG, DAAS, DB2ODBC, DDS, DERIVED, DGN, DIMAP, DIPEx, DOQ1, DOQ2, DTED, DWG, DXF, ECRGTOC, ECW,
EDIGEO, EEDA, EEDAI, EHdr, EIR, ELAS, Elasticsearch, ENVI, ERS, ESAT, ESRI Shapefile, ESRIC, ESRIJSON,
EXR, FAST, FileGDB, FIT, FITS, FlatGeobuf, GDALG, GenBin, GeoJSON, GeoJSONSeq, Geomedia, GeoRaster,
GEORSS, GFF, GIF, GML, GMLAS, GMT, GNMDatabase, GNMFile, GPKG, GPSBabel, GPSTrackMaker, GPX,
GRASSASCIIGrid, GRIB, GS7BG, GSAG, GSBG, GSC, GTFS, GTI, GTX, GXF, HANA, HDF4, HDF4Image, HDF5,
HDF5Image, HEIF, HF2, HFA, HTTP, IDB, Idrisi, ILI, ILWIS, INTERLIS 1, INTERLIS 2, IRIS, ISCE, ISG,
ISIS2, ISIS3, JAXAPALSAR, JDEM, JML, JP2ECW, JP2KAK, JP2Lura, JP2MrSID, JPEGLS, JPEGXL, JPIPKAK, KEA,
KML, KMLSUPEROVERLAY, KRO, L1B, LAN, LCP, Leveller, LIBERTIFF, LIBKML, LOSLAS, LVBAG, MAP, MapInfo File,
MapML, MBTiles, MFF, MFF2, MiraMonRaster, MiraMonVector, MongoDBv3, MRF, MrSID, MSGN,
MSSQLSpatial, MVT, MySQL, NAS, NDF, netCDF, NGSGEOID, NGW, NITF, NOAA_B, NSIDCbin, NTv2, NWT_GRC,
NWT_GRD, OAPIF, OCI, ODBC, ODS, OGCAPI, OGR_GMT, OGR_PDS, OGR_VRT, OpenFileGDB, OSM, OZI, Parquet, PAux,
PCIDSK, PCRaster, PDF, PDS, PDS4, PGDUMP, PGeo, PLMOSAIC, PMTiles, PNM, PostGISRaster, PostgreSQL, PRF,
R, Rasterlite, RCM, RDB, RIK, RMF, ROI_PAC, RPFTOC, RRASTER, RS2, RST, S102, S104, S111, S57, SAFE,
SAGA, SAR_CEOS, SDE, SDTS, Selafin, SENTINEL2, SGI, SIGDEM, SNAP_TIFF, SNODAS, SOSI, SQLite, SRP,
SRTMHGT, STACIT, STACTA, SVG, SXF, Terragen, TGA, TIGER, TIL, TileDB, TopoJSON, TSX, UK .NTF, USGSDEM,
VDV, VFK, VICAR, VRT, Walk, WAsP, WCS, WEBP, WebP, WFS, WMS, WMTS, XLS, XLSX, XODR, XPM, XYZ, Zarr, ZMap
"""

_SETTINGS = {
    "GDAL_SKIP": ",".join(" ".join(name.split()) for name in _OTHERS.split(",")),
    "GDAL_DRIVER_PATH": "disable",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_MAX_BAND_COUNT": str(MAX_BANDS),
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",
    "PROJ_NETWORK": "OFF",
}


def foreign_drivers() -> tuple[str, ...]:
    """Return the drivers that are on and should not be: none, unless GDAL ran before this module came."""
    import rasterio

    with rasterio.Env() as env:
        return tuple(sorted(set(env.drivers()) - set(DRIVERS)))


os.environ.update(_SETTINGS)
# Megabytes. GDAL's own default is 5 % of the machine, which is nobody's budget.
os.environ.setdefault("GDAL_CACHEMAX", "64")
