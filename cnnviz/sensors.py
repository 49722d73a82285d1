"""What is known about sensors: their bands, how files name them, and how numbers become reflectance.

One door to three rooms: :mod:`cnnviz.sensor_tables` (bands, composites, indices), :mod:`cnnviz.band_names` (names from
descriptions, or a guess) and :mod:`cnnviz.calibration` (scale and offset).
"""

from cnnviz.band_names import LAYOUTS, BandNames, NameSource, edit_names, name_bands, sensor_of
from cnnviz.calibration import Calibration, CalibrationSource, Offset, calibrate, to_reflectance
from cnnviz.sensor_tables import SENSORS, Band, Composite, Index, Sensor

__all__ = [
    "LAYOUTS",
    "SENSORS",
    "Band",
    "BandNames",
    "Calibration",
    "CalibrationSource",
    "Composite",
    "Index",
    "NameSource",
    "Offset",
    "Sensor",
    "calibrate",
    "edit_names",
    "name_bands",
    "sensor_of",
    "to_reflectance",
]
