"""Data sets: digits, MNIST's files, folders and zips, chips of a scene; and everything that is wrong with them."""

import gzip
import hashlib
import http.server
import struct
import threading
import zipfile

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from sklearn.datasets import load_digits

from cnnviz import chip_files, chip_scene
from cnnviz.chip_files import read_folder, read_zip
from cnnviz.chip_scene import Cut, from_scene
from cnnviz.datasets import Download, download_mnist, folders, open_dataset
from cnnviz.errors import DataError
from cnnviz.idx import find_mnist, read_idx
from cnnviz.samples import LABEL_CLASSES, open_labels, open_sample
from cnnviz.scene import open_scene
from tests.factory import raster, tiff


def idx(array):
    array = np.asarray(array, np.uint8)
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def pictures(folder, *, classes=("Forest", "River"), count=3, side=16, seed=0):
    rng = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(folder / name / f"{number}.png")
    return folder


def test_digits_are_scikit_learns_enlarged():
    chips, expected = open_dataset("digits"), load_digits()
    np.testing.assert_array_equal(chips.labels, expected.target)
    cells = chips.images[..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
    assert np.corrcoef(cells.ravel(), expected.images.ravel())[0, 1] > 0.97
    assert (chips.images.min(), chips.images.max()) == (0, 1)


def test_chips_of_the_synthetic_scene_have_all_classes_and_the_scenes_pixels():
    chips, scene, labels = open_dataset("scene"), open_sample("sentinel2"), open_labels()
    assert (chips.shape, chips.synthetic, len(chips.classes)) == ((16, 16, 13), True, len(LABEL_CLASSES))
    pixels, cover = scene.read().array, labels.read().array[..., 0]
    for number in np.random.default_rng(0).integers(len(chips), size=20):
        row, col = chips.places[number]
        np.testing.assert_allclose(chips.images[number], pixels[row : row + 16, col : col + 16] / 10_000, rtol=1e-6)
        middle = LABEL_CLASSES[int(cover[row + 8, col + 8]) - 1].title
        assert chips.classes[chips.labels[number]] == middle
        assert (cover[row : row + 16, col : col + 16] == cover[row + 8, col + 8]).mean() >= 0.2


def test_limits_keep_every_class():
    chips = open_dataset("scene", limit=400)
    assert len(chips) <= 410
    assert min(chips.counts) >= 1


def test_unknown_names_are_said_with_what_is_known():
    with pytest.raises(DataError, match=r"no data set 'nonsense'; expected one of digits, .*mnist"):
        open_dataset("nonsense")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_mnist_is_read_from_idx_files(tmp_path, pack):
    images, labels = np.arange(2 * 28 * 28).reshape(2, 28, 28) % 256, [7, 3]
    ending = "" if pack is bytes else ".gz"
    (tmp_path / f"t10k-images-idx3-ubyte{ending}").write_bytes(pack(idx(images)))
    (tmp_path / f"t10k-labels-idx1-ubyte{ending}").write_bytes(pack(idx(labels)))
    found = find_mnist(tmp_path, "test")
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_array_equal(found[1], labels)
    assert find_mnist(tmp_path, "train") is None


def test_mnist_is_framed_from_the_operators_folder(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.uint8)
    (tmp_path / "mnist").mkdir()
    np.savez(tmp_path / "mnist" / "mnist.npz", x_train=images, y_train=np.arange(20) % 10)
    monkeypatch.setenv("CNNVIZ_DATA", str(tmp_path))
    chips = open_dataset("mnist")
    np.testing.assert_allclose(chips.images[:, 2:30, 2:30, 0] * 255, images, rtol=1e-6)
    assert (chips.shape, chips.images[:, :2].max()) == ((32, 32, 1), 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no IDX file"),
        (b"PK\3\4" + bytes(40), "no IDX file"),
        (idx(np.zeros((2, 3)))[:-1], "does not hold the 6 values"),
        (idx(np.zeros((2, 3))) + b"!", "does not hold the 6 values"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2), "declares"),
        (gzip.compress(idx(np.zeros(99)))[:-20], "cannot be read"),
    ],
)
def test_broken_idx_files_are_said(tmp_path, content, message):
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "labels")


def test_objects_in_npz_files_are_not_unpacked(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_test=np.array([{}], object), y_test=np.zeros(1))
    with pytest.raises(DataError, match="not MNIST as Keras stores it"):
        find_mnist(tmp_path, "test")


def test_a_damaged_npz_is_said(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (50, 28, 28), np.uint8)
    np.savez_compressed(tmp_path / "mnist.npz", x_test=values, y_test=np.zeros(50, np.uint8))
    content = bytearray((tmp_path / "mnist.npz").read_bytes())
    content[60:68] = b"\xff" * 8
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match="not MNIST as Keras stores it"):
        find_mnist(tmp_path, "test")


def test_real_mnist(real_data, monkeypatch):
    monkeypatch.setenv("CNNVIZ_DATA", str(real_data))
    chips = open_dataset("mnist_test", limit=500)
    assert (chips.shape, len(chips.classes)) == ((32, 32, 1), 10)
    assert chips.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_real_eurosat_chips(real_data, monkeypatch):
    monkeypatch.setenv("CNNVIZ_DATA", str(real_data))
    chips = open_dataset("eurosat_rgb", limit=50)
    assert (chips.shape, chips.counts) == ((64, 64, 3), (5,) * 10)
    with Image.open(sorted((real_data / "eurosat_rgb" / "AnnualCrop").glob("*.jpg"))[0]) as expected:
        difference = np.abs(chips.images[0] * 255 - np.asarray(expected))  # two decoders enlarge colours differently
        assert difference.mean() < 1 > difference.max() / 10


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    handler = lambda *args: _Files(*args, directory=tmp_path / "served")  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield tmp_path / "served", f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def test_mnist_is_fetched_once_and_checked(tmp_path, server):
    folder, url = server
    np.savez(folder / "mnist.npz", x_test=np.zeros((1, 28, 28), np.uint8), y_test=np.zeros(1, np.uint8))
    for name in ("cache", "empty"):
        (tmp_path / name).mkdir()
    digest = hashlib.sha256((folder / "mnist.npz").read_bytes()).hexdigest()
    found = download_mnist(Download(f"{url}/mnist.npz", digest), cache=tmp_path / "cache")
    assert found.read_bytes() == (folder / "mnist.npz").read_bytes()
    (folder / "mnist.npz").write_bytes(b"other")
    with pytest.raises(DataError, match="could not be fetched"):
        download_mnist(Download(f"{url}/mnist.npz", digest), cache=tmp_path / "empty")
    assert download_mnist(Download(f"{url}/mnist.npz", digest), cache=tmp_path / "cache") == found


def test_a_missing_download_is_said(tmp_path, server):
    with pytest.raises(DataError, match="start with CNNVIZ_DATA"):
        download_mnist(Download(f"{server[1]}/nothing.npz", "0" * 64), cache=tmp_path)


def test_folders_are_classes(tmp_path):
    chips = read_folder(pictures(tmp_path / "mine"))
    assert (chips.classes, chips.counts, chips.bands) == (("Forest", "River"), (3, 3), ("R", "G", "B"))
    with Image.open(tmp_path / "mine" / "River" / "1.png") as expected:
        np.testing.assert_allclose(chips.images[4] * 255, np.asarray(expected), rtol=1e-5)


@pytest.mark.parametrize("wrapped", ["EuroSAT", "EuroSAT/2750", "a/b/c"])
def test_folders_that_wrap_those_of_the_classes_do_not_count(tmp_path, monkeypatch, wrapped):
    pictures(tmp_path / "mine" / wrapped)
    (tmp_path / "mine" / wrapped / "River" / "small").mkdir()
    (tmp_path / "mine" / wrapped / "River" / "small" / "1.png").write_bytes(png())  # no class: River holds images
    (tmp_path / "mine" / ".cache").mkdir()
    chips = read_folder(tmp_path / "mine")
    assert (chips.classes, chips.counts) == (("Forest", "River"), (3, 3))
    monkeypatch.setenv("CNNVIZ_DATA", str(tmp_path))
    (tmp_path / "scenes" / "one").mkdir(parents=True)
    (tmp_path / "scenes" / "one" / "1.png").write_bytes(png())
    assert list(folders()) == ["mine"]


def test_a_folder_and_a_zip_of_it_are_the_same_chips(tmp_path):
    pictures(tmp_path / "mine" / "inner")
    names = {str(each.relative_to(tmp_path)): each.read_bytes() for each in (tmp_path / "mine").rglob("*.png")}
    path, unpacked = zipped(tmp_path, names)
    folder, packed = read_folder(tmp_path / "mine"), read_zip(path, unpacked)
    assert folder.classes == packed.classes
    np.testing.assert_array_equal(folder.images, packed.images)
    np.testing.assert_array_equal(folder.labels, packed.labels)


def test_eurosats_band_order_is_known(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        raster(tmp_path / label / "1.tif", np.full((8, 8, 13), 5000, np.uint16))
    chips = read_folder(tmp_path)
    assert chips.bands[-1] == "B8A"
    assert chips.images[0, 0, 0, 0] == pytest.approx(0.5)


def broken(tmp_path, what):
    folder = pictures(tmp_path / "mine")
    changes = {
        "empty class": lambda: (folder / "Empty").mkdir(),
        "one class": lambda: [each.unlink() for each in (folder / "River").iterdir()] + [(folder / "River").rmdir()],
        "mixed sizes": lambda: Image.new("RGB", (9, 9)).save(folder / "River" / "odd.png"),
        "unreadable": lambda: (folder / "River" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing"),
        "disguised": lambda: (folder / "River" / "bad.tif").write_bytes(b"<VRTDataset/>"),
        "huge": lambda: (folder / "River" / "bad.tif").write_bytes(tiff({256: 10**6, 257: 10**6, 258: 8, 277: 3})),
    }
    changes[what]()
    return folder


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("empty class", "“Empty” holds no images"),
        ("one class", "holds 1 class folder; 2 to"),
        ("mixed sizes", r"River/odd.png has 9 × 9 × 3 of uint8, others have 16 × 16 × 3"),
        ("unreadable", "River/bad.png"),
        ("disguised", "River/bad.tif is not a GeoTIFF"),
        ("huge", "River/bad.tif declares"),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(tmp_path, what, message):
    with pytest.raises(DataError, match=message):
        read_folder(broken(tmp_path, what))


def test_pixels_without_data_are_named(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        raster(tmp_path / label / "1.tif", np.full((8, 8, 1), np.nan if label == "b" else 1, np.float32))
    with pytest.raises(DataError, match=r"b/1\.tif has pixels without data"):
        read_folder(tmp_path)


def zipped(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "chips.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "chips.zip", tmp_path / "unpacked"


def png(side=8):
    from io import BytesIO

    buffer = BytesIO()
    Image.new("RGB", (side, side), (1, 2, 3)).save(buffer, "PNG")
    return buffer.getvalue()


def test_zips_hold_class_folders_at_any_depth(tmp_path):
    names = ("EuroSAT/2750/Forest/1.png", "EuroSAT/2750/River/1.png", "__MACOSX/River/._1.png", "EuroSAT/readme.txt")
    path, folder = zipped(tmp_path, dict.fromkeys(names, png()))
    chips = read_zip(path, folder)
    assert (chips.classes, chips.counts) == (("Forest", "River"), (1, 1))


@pytest.mark.parametrize("name", ["../River/1.png", "/tmp/River/1.png", "a/../../River/1.png", "C:\\River\\1.png"])
def test_a_zip_with_a_path_that_leaves_it_writes_nothing(tmp_path, name):
    path, folder = zipped(tmp_path, {"Forest/1.png": png(), name: png()})
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="a path that leaves it"):
        read_zip(path, folder)
    assert set(tmp_path.rglob("*")) == before


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path, folder = zipped(tmp_path, {"a/1.png": png(), "b/1.png": bytes(chip_files._ONE_FILE + 1)})
    assert path.stat().st_size < 10**6
    with pytest.raises(DataError, match="would unpack to 20 MB"):
        read_zip(path, folder)
    assert list(folder.iterdir()) == []


def test_a_zip_that_lies_about_its_sizes_is_cut_off(tmp_path):
    path, folder = zipped(tmp_path, {"a/1.png": png(), "b/1.png": bytes(10**6)})
    content = path.read_bytes().replace(struct.pack("<I", 10**6), struct.pack("<I", 100))
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_zip(path, folder)
    assert sum(each.stat().st_size for each in folder.rglob("*.png")) < 10**5


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\3\4"])
def test_broken_zips_are_said(tmp_path, content):
    (tmp_path / "chips.zip").write_bytes(content)
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_zip(tmp_path / "chips.zip", tmp_path)


def test_an_empty_class_folder_in_a_zip_is_said(tmp_path):
    path, folder = zipped(tmp_path, {"E/Forest/1.png": png(), "E/River/1.png": png(), "E/Sea/": b"", "F/notes/": b""})
    with pytest.raises(DataError, match="“Sea” holds no images"):
        read_zip(path, folder)
    assert list(folder.iterdir()) == []


def test_an_encrypted_zip_is_said(tmp_path):
    path, folder = zipped(tmp_path, {"Forest/1.png": png(), "River/1.png": png()})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="is encrypted"):
        read_zip(path, folder)


def test_a_zip_without_classes_is_said(tmp_path):
    path, folder = zipped(tmp_path, {"1.png": png(), "notes/readme.txt": b"hello"})
    with pytest.raises(DataError, match="holds no folders of images"):
        read_zip(path, folder)


def test_chips_are_the_same_however_many_rows_are_read_at_once(monkeypatch):
    at_once = open_dataset("scene")
    monkeypatch.setattr(chip_scene, "_READ", 40 * 512 * 13 * 4)
    few_rows = open_dataset("scene")
    np.testing.assert_array_equal(at_once.images, few_rows.images)
    np.testing.assert_array_equal(at_once.places, few_rows.places)


def test_labels_must_lie_on_the_scenes_grid(tmp_path):
    scene = open_scene(raster(tmp_path / "scene.tif", np.ones((40, 40, 2), np.uint16)))
    moved = Affine.translation(10, 0) @ scene.transform
    for labels, problem in (
        (raster(tmp_path / "small.tif", np.ones((40, 20, 1), np.uint8)), "different places"),
        (raster(tmp_path / "moved.tif", np.ones((40, 40, 1), np.uint8), transform=moved), "different places"),
        (raster(tmp_path / "two.tif", np.ones((40, 40, 2), np.uint8)), "one of whole numbers"),
    ):
        with pytest.raises(DataError, match=problem):
            from_scene(scene, open_scene(labels))


def test_chips_without_data_and_without_label_are_left_out(tmp_path):
    pixels, cover = np.full((32, 32, 1), 5, np.uint16), np.ones((32, 32, 1), np.uint8)
    pixels[:8, :8], cover[:, 16:], cover[24:, :8] = 0, 2, 0
    scene = open_scene(raster(tmp_path / "scene.tif", pixels, nodata=0))
    chips = from_scene(scene, open_scene(raster(tmp_path / "labels.tif", cover)), cut=Cut(side=8, step=8))
    assert sorted(map(tuple, chips.places.tolist())) == [
        (row, col) for row in range(0, 32, 8) for col in range(0, 32, 8) if (row, col) not in ((0, 0), (24, 0))
    ]
    assert chips.classes == ("class 1", "class 2")
