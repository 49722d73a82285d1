"""Paths and uploads: one existing regular file, below the operator's folder where there is one."""

import io
import os
import stat
from pathlib import Path

import pytest

from cnnviz.errors import SceneError, UnsafeError
from cnnviz.formats import Limits
from cnnviz.paths import display_name, existing_file, resolve_below, save_upload
from cnnviz.scene import open_scene
from tests.factory import declared, ramp, raster, tiff

SPECIAL = [
    "/vsicurl/http://localhost/a.tif",
    "/vsizip/a.zip/a.tif",
    "/vsimem/a.tif",
    "\\vsis3\\bucket\\a.tif",
    "vrt://a.tif?bands=1",
    "GTIFF_DIR:1:a.tif",
    "MEM:::DATAPOINTER=1,PIXELS=1,LINES=1",
    "NETCDF:a.nc:red",
    "https://example.org/a.tif",
    "file:///etc/passwd",
    "zip+https://example.org/a.zip!a.tif",
    "a.tif\0.png",
    "a\nb.tif",
]


@pytest.mark.parametrize("text", SPECIAL)
def test_other_notations_are_refused(text, tmp_path):
    with pytest.raises(UnsafeError, match="is not the plain path of a file; addresses, archives and parts"):
        existing_file(text)
    with pytest.raises(UnsafeError, match="is not the plain path of a file"):
        resolve_below(tmp_path, text)
    with pytest.raises(UnsafeError, match="is not the plain path of a file"):
        open_scene(text)


def test_only_regular_files(tmp_path):
    with pytest.raises(SceneError, match=r"^gone\.tif was not found: check the path$"):
        existing_file(tmp_path / "gone.tif")
    with pytest.raises(SceneError, match="is not a file: expected a GeoTIFF"):
        existing_file(tmp_path)
    with pytest.raises(SceneError, match="received an empty path: give the name"):
        existing_file("")
    os.mkfifo(tmp_path / "pipe.tif")
    with pytest.raises(SceneError, match=r"pipe\.tif is not a file"):
        existing_file(tmp_path / "pipe.tif")


@pytest.fixture
def house(tmp_path):
    """An operator's folder, with a secret beside it."""
    (tmp_path / "root" / "deep").mkdir(parents=True)
    (tmp_path / "root" / "deep" / "a.tif").write_bytes(b"x")
    (tmp_path / "root2").mkdir()
    (tmp_path / "root2" / "secret.tif").write_bytes(b"x")
    return tmp_path / "root"


def test_paths_below_the_folder(house, monkeypatch):
    inside = (house / "deep" / "a.tif").resolve()
    assert resolve_below(house, "deep/a.tif") == inside
    assert resolve_below(house, f"  {inside}  ") == inside
    assert resolve_below(house, "deep/../deep/a.tif") == inside
    (house / "link.tif").symlink_to(inside)
    assert resolve_below(house, "link.tif") == inside
    monkeypatch.setenv("HOME", str(house))
    assert resolve_below(house, "~/deep/a.tif") == inside


@pytest.mark.parametrize(
    "text",
    ["../root2/secret.tif", "../root2/gone.tif", "/etc/passwd", "/", "..", "~", "~root/a", "~nobody-of-that-name/a"],
)
def test_what_lies_outside_is_refused_in_the_same_words(house, text, monkeypatch):
    monkeypatch.setenv("HOME", str(house.parent))
    with pytest.raises(UnsafeError, match="lies outside the folder that may be opened: move or copy it") as got:
        resolve_below(house, text)
    assert str(house.parent) not in str(got.value)


def test_links_that_leave_the_folder_are_refused(house):
    (house / "link.tif").symlink_to(house.parent / "root2" / "secret.tif")
    (house / "door").symlink_to(house.parent / "root2")
    for text in ("link.tif", "door/secret.tif"):
        with pytest.raises(UnsafeError, match="lies outside the folder"):
            resolve_below(house, text)


def test_names_below_the_folder_that_do_not_exist(house):
    with pytest.raises(SceneError, match=r"^gone\.tif was not found"):
        resolve_below(house, "deep/gone.tif")
    (house / "loop").symlink_to(house / "loop")
    with pytest.raises(SceneError, match=r"loop (is not a path that can be followed|was not found)"):
        resolve_below(house, "loop")
    with pytest.raises(SceneError, match=r"^a\.tif was not found: the home folder that ~ stands for"):
        existing_file("~nobody-of-that-name/a.tif")


def test_a_path_without_a_name_is_called_the_path(house):
    for text, sentence in (("/", "the path lies outside"), ("\0", "the path is not the plain path of a file")):
        with pytest.raises(UnsafeError, match=f"^{sentence}"):
            resolve_below(house, text)


def test_uploads_get_a_random_name_and_the_ending_of_their_content(tmp_path):
    data = raster(tmp_path / "a.tif", ramp(20, 30)).read_bytes()
    first = save_upload(data, "../../etc/évil.png", tmp_path)
    second = save_upload(io.BytesIO(data), "same.png", tmp_path)
    assert first.parent == second.parent == tmp_path
    assert first.suffix == ".tif"
    assert len({first.name, second.name, "a.tif"}) == 3
    assert first.read_bytes() == second.read_bytes() == data
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert open_scene(first, name="évil.png").name == "évil.png"


def test_a_stream_is_read_from_its_start(tmp_path):
    stream = io.BytesIO(raster(tmp_path / "a.tif", ramp(20, 30)).read_bytes())
    stream.seek(0, io.SEEK_END)
    assert open_scene(save_upload(stream, "a.tif", tmp_path)).shape == (20, 30, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<VRTDataset/>", r"^scene\.tif is not a GeoTIFF"),
        (b"", r"^scene\.tif is not a GeoTIFF"),
        (tiff(declared(10**9, 8)), r"^scene\.tif declares 1,000,000,000 × 8 pixels"),
        (b"II*\0\x08\0\0\0", r"^scene\.tif has a damaged GeoTIFF header"),
        (b"II*\0" + b"\0" * 2000, r"^scene\.tif is larger than 0 MB"),
    ],
)
def test_a_refused_upload_leaves_nothing_behind(data, message, tmp_path):
    with pytest.raises(SceneError, match=message):
        save_upload(data, "scene.tif", tmp_path, limits=Limits(upload=1000))
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_the_disk_refuses(tmp_path):
    with pytest.raises(SceneError, match=r"^a\.png could not be stored: No such file or directory"):
        save_upload(b"\x89PNG\r\n\x1a\n", "a.png", tmp_path / "gone")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: real("/dev/full", os.O_WRONLY))
    with pytest.raises(SceneError, match=r"^a\.png could not be stored: No space left on device$"):
        save_upload(b"\x89PNG\r\n\x1a\n" + b"\0" * 10**6, "a.png", tmp_path)


def test_names_fit_to_be_shown():
    assert display_name("/a/b/c.tif") == "c.tif"
    assert display_name("a\x1b[31m\u202e.tif") == "a[31m.tif"
    assert display_name("x" * 300 + ".tif").endswith("…xxxx.tif")
    assert len(display_name("x" * 300)) <= 80
    assert display_name("") == ""
