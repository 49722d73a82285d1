"""Classes and labels of scenes: their names, colours, and which raster says what a scene truly is."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from cnnviz.errors import DataError
from cnnviz.samples import open_labels, open_sample
from cnnviz.scene import open_scene
from cnnviz.ui import classes, labels
from cnnviz.ui.labels import Labels, labels_of, names_in, read_names


def test_classes_keep_their_colours_and_names_are_only_text():
    assert classes.colours(("Water", "Forest"))[0] == "#2665b0"
    assert len(set(classes.colours(tuple("abcdefgh")))) == 8
    assert "<script>" not in classes.legend(("<script>", "b"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("1 Water, 4 Forest", {1: "Water", 4: "Forest"}),
        ("1=Open water; 12: 2nd growth", {1: "Open water", 12: "2nd growth"}),
        ("Water\nForest", {1: "Water", 2: "Forest"}),
    ],
)
def test_names_are_read_with_their_values_or_in_order(text, found):
    assert read_names(text) == found


@pytest.mark.parametrize(
    "text", ["1 Water, 1 Sea", "1 Water, 2 Water", "0 Nothing", "300 Far", "1 Water, Forest", "x" * 61]
)
def test_names_that_do_not_fit_are_refused(text):
    with pytest.raises(DataError, match="expected one name for each value"):
        read_names(text)


def test_names_are_taken_from_a_raster_s_own_tags(tmp_path):
    assert names_in(open_labels())[1] == "Water"
    path = tmp_path / "cover.tif"
    profile = {"driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile, crs="EPSG:32633", transform=Affine(10, 0, 0, 0, -10, 0)) as file:
        file.write(np.ones((1, 4, 4), np.uint8))
        file.update_tags(CNNVIZ_CLASSES=json.dumps({"0": "Sea", "1": "Land"}), CLASS_9="Ice")
    assert names_in(open_scene(path)) == {0: "Sea", 1: "Land", 9: "Ice"}


def test_the_sample_has_labels_and_other_scenes_those_that_were_given(monkeypatch, tmp_path):
    monkeypatch.setattr(labels.st, "session_state", {})
    ours = labels_of(open_sample("sentinel2"))
    assert ours.synthetic
    assert ours.values(("Forest", "Nowhere", "Water")) == {1: 2, 2: 0}
    photo = open_sample("flower")
    assert labels_of(photo) is None
    given = Labels(tmp_path / "labels.tif", {7: "Petal"})
    labels.keep_labels(photo, given)
    assert labels_of(photo) is given
    assert given.values(("Petal", "class 3")) == {3: 1, 7: 0}
    labels.keep_labels(open_sample("sentinel2"), given)  # what a visitor gives comes first
    assert labels_of(open_sample("sentinel2")) is given
