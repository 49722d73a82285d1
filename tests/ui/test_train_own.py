"""A visitor's own images for the trainer: what is kept, and what is refused with which words."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cnnviz.chips import Chips
from cnnviz.errors import DataError
from cnnviz.samples import DATA
from cnnviz.ui.experiments import train_own


def zipped(*names):
    picture, packed = io.BytesIO(), io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)).save(picture, "PNG")
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, picture.getvalue())
    return packed.getvalue()


def page():
    from cnnviz.ui.experiments import train_own
    from cnnviz.ui.page import page as frame

    with frame("Own images", "Look") as view:
        train_own.show(view)
        for name, chips in train_own.own().items():
            train_own.st.write(f"{name}: {len(chips)} of {chips.shape}")


@pytest.fixture
def app():
    found = AppTest.from_function(page, default_timeout=30).run()
    assert not found.exception
    return found


def words(app):
    return " ".join(each.value for each in (*app.markdown, *app.error, *app.caption))


def uploader(app, label):
    return next(each for each in app.file_uploader if label in each.label)


def test_a_zip_becomes_a_data_set(app):
    uploader(app, "A zip").upload("mine.zip", zipped("Forest/1.png", "River/1.png"), "application/zip")
    app.run()
    assert "mine.zip: 2 of (32, 32, 3)" in words(app)
    assert app.session_state["data"] == "mine.zip"


def test_a_zip_that_leaves_its_place_gets_one_sentence(app):
    uploader(app, "A zip").upload("mine.zip", zipped("Forest/1.png", "../River/1.png"), "application/zip")
    app.run()
    assert "a path that leaves it" in app.error[0].value
    assert not app.session_state["_own_chips"]


def test_the_scene_with_labels_becomes_a_data_set(app):
    labels = (DATA / "sentinel2_labels.tif").read_bytes()
    uploader(app, "classes").upload("labels.tif", labels, "image/tiff")
    app.run()
    kept = app.session_state["_own_chips"]
    assert [chips.shape for chips in kept.values()] == [(16, 16, 13)]
    assert all(len(chips) <= train_own.MOST and chips.places is not None for chips in kept.values())
    assert next(iter(kept.values())).classes[:2] == ("Water", "Forest")  # as the file's tags say


def test_classes_are_called_as_the_visitor_says_and_the_labels_stay_with_the_scene(app):
    app.text_input(key="cut_names").set_value("1 Sea, 8 Cloud bank").run()
    labels = (DATA / "sentinel2_labels.tif").read_bytes()
    uploader(app, "classes").upload("labels.tif", labels, "image/tiff")
    app.run()
    (chips,) = app.session_state["_own_chips"].values()
    assert (chips.classes[0], chips.classes[1], chips.classes[-1]) == ("Sea", "Forest", "Cloud bank")
    (kept,) = app.session_state["_labels"].values()
    assert kept.path.read_bytes() == labels
    numbers = kept.values(chips.classes)
    assert sorted(numbers.values()) == list(range(len(chips.classes)))
    assert (numbers[1], numbers[2], numbers[8]) == (0, 1, len(chips.classes) - 1)


def test_names_that_cannot_be_read_get_one_sentence_and_leave_no_file(app):
    app.text_input(key="cut_names").set_value("1 Sea, 1 Lake").run()
    uploader(app, "classes").upload("labels.tif", (DATA / "sentinel2_labels.tif").read_bytes(), "image/tiff")
    app.run()
    assert "expected one name for each value" in app.error[0].value
    assert list(app.session_state["_visit"].folder.glob("*.tif")) == []


def test_folders_stay_below_the_operators(tmp_path):
    inside, outside = tmp_path / "root" / "chips" / "a", tmp_path / "other"
    inside.mkdir(parents=True)
    outside.mkdir()
    assert train_own.folder_below(tmp_path / "root", "chips") == inside.parent
    for text in ("../other", str(outside), "missing", "a\0b"):
        with pytest.raises(DataError, match="below the one that the operator allows"):
            train_own.folder_below(tmp_path / "root", text)
    (inside / "1.png").symlink_to(outside)
    with pytest.raises(DataError, match="links that lead out"):
        train_own.folder_below(tmp_path / "root", "chips")
    (inside / "1.png").unlink()
    deep = inside / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "1.png").symlink_to(outside)
    with pytest.raises(DataError, match="links that lead out"):
        train_own.folder_below(tmp_path / "root", "chips")


def test_no_folder_where_the_operator_allows_none():
    with pytest.raises(DataError, match="operator allows"):
        train_own.folder_below(None, "chips")


def test_the_oldest_makes_room(monkeypatch):
    state = {"_own_turn": 0}
    monkeypatch.setattr(train_own.st, "session_state", state)
    chips = Chips(np.zeros((2, 8, 8, 1)), [0, 1], ("a", "b"), ("ink",), "Two")
    for name in ("first", "second", "third"):
        train_own._keep(name, lambda: chips)
    assert list(state["_own_chips"]) == ["second", "third"]
