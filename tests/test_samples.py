"""Samples that need no download: they are there, they are what they say, and they are files."""

import subprocess
import sys

import numpy as np
import pytest

from cnnviz import samples
from cnnviz.errors import SceneError
from cnnviz.samples import LABEL_CLASSES, SAMPLES, open_labels, open_sample
from cnnviz.sensors import SENSORS, NameSource


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_opens_and_can_be_read(name):
    scene = open_sample(name)
    assert scene.name == SAMPLES[name].title
    assert np.isfinite(scene.read(max_size=64).array).any()
    assert hash(scene) == hash(open_sample(name))


def test_the_synthetic_scene_comes_first_and_is_called_synthetic():
    assert next(iter(SAMPLES)) == "sentinel2"
    assert SAMPLES["sentinel2"].synthetic
    assert not any(SAMPLES[name].synthetic for name in ("elevation", "china", "flower"))


def test_the_synthetic_scene_is_placed_and_its_bands_are_named_by_the_file():
    scene = open_sample("sentinel2")
    assert scene.shape == (512, 512, 13)
    assert scene.pixel_size == pytest.approx((10, 10), rel=2e-3)
    assert (scene.naming.source, scene.naming.sensor) == (NameSource.FILE, SENSORS["sentinel2"])


def test_labels_lie_on_the_grid_of_the_scene_and_have_names_and_colours():
    labels, scene = open_labels(), open_sample("sentinel2")
    assert (labels.shape[:2], labels.transform, labels.crs) == (scene.shape[:2], scene.transform, scene.crs)
    found = np.unique(labels.read().array[..., 0])
    assert set(found[np.isfinite(found)]) == {each.value for each in LABEL_CLASSES}
    assert len({each.title for each in LABEL_CLASSES}) == len({each.colour for each in LABEL_CLASSES}) == 8


def test_the_elevation_model_is_the_real_one_in_its_real_place():
    scene = open_sample("elevation")
    heights = scene.read().array[..., 0]
    assert (scene.shape, heights.min(), heights.max()) == ((344, 403, 1), 236, 1076)
    assert scene.bounds == pytest.approx((-84.41375, 36.44625, -84.07791667, 36.73291667))
    assert scene.pixel_size == pytest.approx((92.5, 74.5), rel=0.01)  # 3 arc seconds at 36.6° N


@pytest.mark.parametrize(("name", "shape"), [("china", (427, 640, 3)), ("flower", (427, 640, 3))])
def test_the_photographs_are_opened_where_they_lie(name, shape):
    scene = open_sample(name)
    assert (scene.shape, scene.dtype, scene.crs) == (shape, "uint8", None)
    assert scene.path.name == f"{name}.jpg"
    assert scene.naming.sensor is SENSORS["photo"]


def test_the_tiny_grids_are_those_of_the_lecture():
    bright_dark = open_sample("bright_dark").read().array[..., 0]
    np.testing.assert_array_equal(bright_dark, [[12, 12, 12, 0, 0, 0]] * 5)
    digits = open_sample("random_grid")
    values = digits.read().array
    assert (digits.shape, digits.crs) == ((5, 5, 1), None)
    assert set(values.ravel()) <= set(range(10))
    assert len(np.unique(values)) > 3


def test_an_unknown_sample_is_refused():
    with pytest.raises(SceneError, match="there is no sample 'mars'; expected one of bright_dark, china, "):
        open_sample("mars")


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(samples.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SceneError, match="this sample comes with sklearn, which is not installed: pip install"):
        SAMPLES["china"].find()


def test_samples_load_no_heavy_library_and_clean_up_after_themselves():
    program = (
        "import sys; from cnnviz.samples import SAMPLES, open_sample\n"
        "paths = [open_sample(name).path for name in SAMPLES]\n"
        "print(*sorted({'sklearn', 'matplotlib', 'pandas', 'tensorflow'} & set(sys.modules)))\n"
        "print(paths[-1])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy, written = done.stdout.splitlines()
    assert heavy == ""
    assert written.endswith("bright_dark.tif")
    assert not samples.Path(written).exists()
