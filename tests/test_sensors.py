"""Band tables, composites, indices, names of bands, and scale and offset."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.errors import GeometryError, SceneError
from cnnviz.layers import Network, Pool2D
from cnnviz.scene import open_scene
from cnnviz.sensors import (
    LAYOUTS,
    SENSORS,
    CalibrationSource,
    NameSource,
    calibrate,
    edit_names,
    name_bands,
    sensor_of,
    to_reflectance,
)

MSI = SENSORS["sentinel2"]
NATURAL = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]

#: The indices as textbooks write them, over a dict of reflectances.
FORMULAS = {
    "NDVI": lambda b: (b["B08"] - b["B04"]) / (b["B08"] + b["B04"]),
    "GNDVI": lambda b: (b["B08"] - b["B03"]) / (b["B08"] + b["B03"]),
    "EVI": lambda b: 2.5 * (b["B08"] - b["B04"]) / (b["B08"] + 6 * b["B04"] - 7.5 * b["B02"] + 1),
    "SAVI": lambda b: 1.5 * (b["B08"] - b["B04"]) / (b["B08"] + b["B04"] + 0.5),
    "NDWI": lambda b: (b["B03"] - b["B08"]) / (b["B03"] + b["B08"]),
    "MNDWI": lambda b: (b["B03"] - b["B11"]) / (b["B03"] + b["B11"]),
    "NDSI": lambda b: (b["B03"] - b["B11"]) / (b["B03"] + b["B11"]),
    "NDMI": lambda b: (b["B08"] - b["B11"]) / (b["B08"] + b["B11"]),
    "NDBI": lambda b: (b["B11"] - b["B08"]) / (b["B11"] + b["B08"]),
    "NBR": lambda b: (b["B08"] - b["B12"]) / (b["B08"] + b["B12"]),
    "BSI": lambda b: ((b["B11"] + b["B04"]) - (b["B08"] + b["B02"])) / ((b["B11"] + b["B04"]) + (b["B08"] + b["B02"])),
}


def test_names_from_a_file_are_printable_short_and_different():
    texts = ("x" * 5000, "x" * 6000, "\u202eevil\nline\0", "\t", None)
    names = name_bands(5, descriptions=texts).names
    assert names == ("x" * 79 + "…", "x" * 79 + "… (2)", "evil line", "band 4", "band 5")
    assert Network([Pool2D(2)], bands=names).bands == names
    assert name_bands(1, descriptions=("\u202e",)).source is NameSource.GUESS
    assert edit_names(["x" * 300, "a\nb"], 2).names == ("x" * 79 + "…", "a b")
    with pytest.raises(SceneError, match="stands twice; expected 2 different names"):
        edit_names(["x" * 300, "x" * 301], 2)


def test_equal_names_are_numbered():
    names = name_bands(2048, descriptions=["a"] * 2048).names
    assert names[:2] + names[-1:] == ("a", "a (2)", "a (2048)")
    assert name_bands(3, descriptions=["a", "a (2)", "a"]).names == ("a", "a (2)", "a (3)")


def test_sentinel2_has_its_bands_in_natural_order_with_their_pixels():
    assert [band.name for band in MSI.bands] == NATURAL
    assert [band.gsd for band in MSI.bands] == [60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20]
    assert [band.wavelength for band in MSI.bands] == sorted(band.wavelength for band in MSI.bands)
    assert MSI.band("B8A").width == 20
    assert MSI.band("B13") is None


@pytest.mark.parametrize("sensor", SENSORS.values(), ids=SENSORS)
def test_composites_and_indices_use_bands_that_the_sensor_has(sensor):
    names = {band.name for band in sensor.bands}
    assert all(set(each.bands) <= names for each in (*sensor.presets, *sensor.ratios))
    assert next(iter(sensor.composites)) == "true_colour"


def test_composites_are_the_usual_ones():
    expected = {"true_colour": "4-3-2", "colour_infrared": "8-4-3", "swir": "12-8A-4", "agriculture": "11-8-2"}
    expected |= {"geology": "12-11-2", "atmosphere": "12-11-8A"}
    found = {name: "-".join(b[1:].lstrip("0") for b in each.bands) for name, each in MSI.composites.items()}
    assert found == expected


@pytest.mark.parametrize("name", FORMULAS)
def test_indices_are_what_the_textbooks_say(name):
    random = np.random.default_rng(3)
    reflectance = {band: random.uniform(0.01, 0.6, (7, 5)) for band in NATURAL}
    index = MSI.indices[name]
    found = index.compute(*(reflectance[band] for band in index.bands))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, FORMULAS[name](reflectance), rtol=1e-4, atol=1e-6)


def test_every_index_is_tested_and_only_evi_and_savi_need_reflectance():
    assert set(MSI.indices) == set(FORMULAS)
    assert {name for name, index in MSI.indices.items() if index.needs_reflectance} == {"EVI", "SAVI"}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_formula_in_words_computes_the_same(name):
    index = MSI.indices[name]
    values = dict(zip(index.bands, (0.4, 0.1, 0.25, 0.07), strict=False))
    text = index.formula.replace("−", "-").replace("·", "*")
    for band, value in values.items():
        text = text.replace(band, str(value))
    assert _value(text) == pytest.approx(float(index.compute(*values.values())), rel=1e-5)


def _value(text):
    """A reader of sums and products, so that no text is run as code."""
    import ast
    import operator

    acts = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}

    def walk(node):
        if isinstance(node, ast.BinOp):
            return acts[type(node.op)](walk(node.left), walk(node.right))
        return node.value

    return walk(ast.parse(text, mode="eval").body)


def test_an_index_is_nan_where_its_denominator_is_0_and_where_a_band_is_nan():
    ndvi = MSI.indices["NDVI"]
    found = ndvi.compute(np.array([0, 5, np.nan, 2], np.float32), np.array([0, -5, 1, 2], np.float32))
    assert np.isnan(found[:3]).all()
    assert found[3] == 0


def test_integers_do_not_wrap_in_an_index():
    assert MSI.indices["NDVI"].compute(np.uint16([100]), np.uint16([300]))[0] == pytest.approx(-0.5)


def test_an_index_refuses_arrays_that_do_not_fit():
    with pytest.raises(GeometryError, match=r"NDVI got 1 arrays .* expected 2 of one shape: B08, B04"):
        MSI.indices["NDVI"].compute([1])
    with pytest.raises(GeometryError, match="NDVI got 2 arrays"):
        MSI.indices["NDVI"].compute([1, 2], [1])


@pytest.mark.parametrize(
    ("descriptions", "names", "sensor"),
    [
        (NATURAL, NATURAL, "sentinel2"),
        (["B1", "B8A", "B12"], ["B01", "B8A", "B12"], "sentinel2"),
        (["b8a - 865 nm", "b08 - 833 nm"], ["B8A", "B08"], "sentinel2"),
        (["B4, central wavelength 665 nm"], ["B04"], "sentinel2"),
        (["Band 4 (Red)", "Band 8 (NIR)"], ["B04", "B08"], "sentinel2"),
        (["S2_B04", "S2_B03"], ["B04", "B03"], "sentinel2"),
        (["B11 (SWIR)", "B12 (SWIR)"], ["B11", "B12"], "sentinel2"),
        (["B2", "B3", "B4", "B8"], ["B02", "B03", "B04", "B08"], "sentinel2"),
        (["red", "green", "blue"], ["R", "G", "B"], "photo"),
        (["Red", "Green", "Blue", "Near Infrared"], ["red", "green", "blue", "nir"], "multispectral"),
        (["blue", "green", "red", "nir", "swir1", "swir2"], LAYOUTS["multispectral"], "multispectral"),
        (["B4"], ["B4"], None),
        (["B1", "B2", "B3", "B4", "B5", "B6", "B7"], ["B1", "B2", "B3", "B4", "B5", "B6", "B7"], None),
        (["Band 5 (NIR)", "Band 4 (Red)"], ["Band 5 (NIR)", "Band 4 (Red)"], None),
        (["Band 1", "Band 2"], ["Band 1", "Band 2"], None),
        (["B04 - 842 nm"], ["B04 - 842 nm"], None),
        (["B04", "B04"], ["B04", "B04 (2)"], None),
        (["elevation"], ["elevation"], None),
        (["grey", "", "grey"], ["grey", "band 2", "grey (2)"], None),
    ],
)
def test_descriptions_are_turned_into_names_where_that_is_certain(descriptions, names, sensor):
    found = name_bands(len(descriptions), descriptions=descriptions)
    assert list(found.names) == list(names)
    assert found.source == NameSource.FILE
    assert (found.sensor.name if found.sensor else None) == sensor


@pytest.mark.parametrize(
    ("count", "dtype", "layout"),
    [
        (13, "uint16", "sentinel2_l1c"),
        (12, "uint16", "sentinel2_l2a"),
        (4, "uint16", "sentinel2_10m"),
        (6, "uint8", "landsat7"),
        (3, "uint8", "photo"),
    ],
)
def test_names_by_the_count_alone_are_called_a_guess(count, dtype, layout):
    found = name_bands(count, dtype=dtype)
    assert found.names == LAYOUTS[layout]
    assert found.source == NameSource.GUESS
    assert found.reason.startswith("A guess")
    assert found.sensor is not None


def test_l2a_has_no_b10_and_eurosat_has_b8a_last():
    assert name_bands(12).names == tuple(name for name in NATURAL if name != "B10")
    eurosat = name_bands(13, layout="eurosat")
    assert eurosat.names[-4:] == ("B10", "B11", "B12", "B8A")
    assert sorted(eurosat.names) == sorted(NATURAL)
    assert "EuroSAT" in name_bands(13).reason


def test_what_nothing_is_known_about_is_numbered():
    found = name_bands(7)
    assert found.names[::6] == ("band 1", "band 7")
    assert (found.source, found.sensor) == (NameSource.GUESS, None)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=20))
def test_any_descriptions_give_one_different_name_for_each_band(descriptions):
    names = name_bands(len(descriptions), descriptions=descriptions).names
    assert len(names) == len(set(names)) == len(descriptions)
    assert all(names)


def test_more_or_fewer_descriptions_than_bands_do_no_harm():
    assert name_bands(2, descriptions=["elevation"]).names == ("elevation", "band 2")
    assert name_bands(1, descriptions=["elevation", "slope"]).names == ("elevation",)


def test_a_user_names_bands():
    found = edit_names([" B04 ", "b8a"], 2)
    assert (found.names, found.source, found.sensor) == (("B04", "B8A"), NameSource.EDITED, MSI)


@pytest.mark.parametrize(
    ("names", "fault"), [(["a"], "got 1 names: a"), (["a", "a"], "'a' stands twice"), (["a", ""], "got 2 names: a, ")]
)
def test_names_by_the_user_must_be_one_for_each_band(names, fault):
    with pytest.raises(SceneError, match=f"{fault}; expected 2 different names"):
        edit_names(names, 2)


def test_an_order_must_be_known_and_fit():
    with pytest.raises(SceneError, match=r"'spot' is unknown; expected one of eurosat, landsat7, .*"):
        name_bands(4, layout="spot")
    with pytest.raises(SceneError, match="'eurosat' has 13 bands, the file 12"):
        name_bands(12, layout="eurosat")


def test_no_names_have_no_sensor():
    assert sensor_of([]) is None


def test_names_are_hashable_and_travel_to_other_processes():
    found = name_bands(13)
    assert pickle.loads(pickle.dumps(found)) == found
    assert hash(found) == hash(name_bands(13))


@pytest.mark.parametrize(
    ("tags", "offset"),
    [
        ({"BOA_ADD_OFFSET": "-1000"}, -1000),
        ({"RADIO_ADD_OFFSET": "-1000", "PROCESSING_BASELINE": "02.09"}, -1000),
        ({"BOA_ADD_OFFSET_4": "0"}, 0),
        ({"PROCESSING_BASELINE": "04.00"}, -1000),
        ({"processing_baseline": "05.11"}, -1000),
        ({"S2:PROCESSING_BASELINE": "03.01"}, 0),
        ({"PROCESSING_BASELINE": "N0400"}, -1000),
        ({"PROCESSING_BASELINE": "N0214"}, 0),
        ({"EARTHSEARCH:BOA_OFFSET_APPLIED": "true", "PROCESSING_BASELINE": "05.00"}, 0),
    ],
)
def test_the_files_own_words_decide_the_offset(tags, offset):
    bright = np.full((20, 20, 3), 5000)
    found = calibrate(tags=tags, sample=bright)
    assert (found.offset, found.scale, found.source) == (offset, 10000, CalibrationSource.FILE)
    assert found.reason.endswith(".")


def test_the_sensing_date_decides_nothing():
    early = calibrate(tags={"SENSING_TIME": "2017-01-01", "PROCESSING_BASELINE": "05.00"})
    late = calibrate(tags={"SENSING_TIME": "2024-01-01", "PROCESSING_BASELINE": "02.00"})
    assert (early.offset, late.offset) == (-1000, 0)


def test_gdals_scale_and_offset_count_first():
    found = calibrate(tags={"PROCESSING_BASELINE": "02.00"}, scaling=(0.0001, -0.1))
    assert (found.scale, found.offset) == (10000, -1000)
    assert "DN × 0.0001 − 0.1" in found.reason


def test_figures_in_reasons_are_written_in_full_with_true_signs():
    assert "RADIO_ADD_OFFSET = −1000." in calibrate(tags={"RADIO_ADD_OFFSET": "-1000"}).reason
    assert "DN × 0.0000275 − 0.2." in calibrate(scaling=(2.75e-05, -0.2)).reason


def test_another_quantification_is_taken_from_the_tags():
    assert calibrate("0", tags={"QUANTIFICATION_VALUE": "5000"}).scale == 5000


@pytest.mark.parametrize(("floor", "offset"), [(1010, -1000), (120, 0)])
def test_without_words_the_dark_numbers_decide_and_it_is_called_a_guess(floor, offset):
    random = np.random.default_rng(1)
    sample = random.gamma(2, 400, (40, 40, 3)) + floor
    sample[:5] = 0
    sample[5:7] = np.nan
    found = calibrate(sample=sample)
    assert (found.offset, found.source) == (offset, CalibrationSource.GUESS)
    assert found.reason.startswith("A guess: the darkest 1 %")


def test_small_numbers_are_reflectance_already():
    found = calibrate(sample=np.linspace(0.01, 0.9, 400).reshape(20, 20))
    assert (found.scale, found.offset) == (1, 0)
    assert to_reflectance([0.5, 0.0], found).tolist() == [0.5, 0.0]


@pytest.mark.parametrize("sample", [None, np.zeros((9, 9, 2)), np.full((50, 50), np.nan)])
def test_without_anything_to_judge_by_no_offset_is_taken(sample):
    found = calibrate(sample=sample)
    assert (found.offset, found.source) == (0, CalibrationSource.GUESS)


@pytest.mark.parametrize("choice", ["0", "-1000"])
def test_the_users_choice_is_final(choice):
    found = calibrate(choice, tags={"BOA_ADD_OFFSET": "-500"})
    assert (found.offset, found.source) == (float(choice), CalibrationSource.USER)


def test_nonsense_is_refused():
    with pytest.raises(SceneError, match=r"the offset is '-1'; expected one of -1000, 0, auto"):
        calibrate("-1")
    with pytest.raises(SceneError, match=r"the tag BOA_ADD_OFFSET is 'many'; expected a number"):
        calibrate(tags={"BOA_ADD_OFFSET": "many"})


def test_reflectance_keeps_the_shape_may_exceed_1_and_has_nan_for_no_data():
    found = to_reflectance(np.uint16([[0, 1000], [13500, 1]]), calibrate("-1000"))
    np.testing.assert_allclose(found, [[math.nan, 0], [1.25, -0.0999]], rtol=1e-6)
    assert found.dtype == np.float32


def test_a_real_composite_is_named_by_its_colours(real_data):
    naming = open_scene(real_data / "misc" / "specrec_comp2010.tif").naming
    assert (naming.names, naming.sensor) == (LAYOUTS["multispectral"], SENSORS["multispectral"])
