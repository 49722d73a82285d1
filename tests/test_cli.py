"""The command line: results, one line for what goes wrong, and examples that work as typed."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import disk_usage

import numpy as np
import pytest
import rasterio
from affine import Affine

from cnnviz import cli
from cnnviz.cli import main
from tests.factory import raster

ROOT = Path(__file__).parent.parent
SCENE = ROOT / "data" / "sentinel2.tif"


@pytest.fixture
def failed(capsys):
    """Run a command that must fail, and return its one line."""

    def run(*arguments):
        try:
            code = main([str(each) for each in arguments])
        except SystemExit as stop:
            code = stop.code
        out, line = capsys.readouterr()
        assert (code, out, line.count("\n")) == (2, "", 1)
        return line

    return run


def test_info_says_what_a_file_holds(capsys):
    assert main(["info", str(SCENE)]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["size"] == "512 rows × 512 columns × 13 bands"
    assert lines["CRS"] == "EPSG:32633"
    assert lines["overviews"] == "1:2 (256 × 256)"
    assert lines["reflectance"].startswith("(DN -1000) / 10000: The file says RADIO_ADD_OFFSET")


def test_info_as_json_holds_the_same(capsys):
    assert main(["info", str(SCENE), "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    with rasterio.open(SCENE) as dataset:
        assert known["transform"] == list(dataset.transform)[:6]
        assert known["bounds"] == list(dataset.bounds)
        assert known["band_names"] == list(dataset.descriptions)
        assert known["tags"] == dataset.tags()
    assert known["calibration"]["offset"] == -1000


def test_info_of_a_file_without_a_place_and_without_names(tmp_path, capsys):
    plain = raster(tmp_path / "plain.tif", np.zeros((3, 4, 2), np.uint8), crs=None, transform=None)
    assert main(["info", str(plain)]) == 0
    text = capsys.readouterr().out
    assert "band 1, band 2" in text
    assert "reflectance" not in text
    assert main(["info", str(plain), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calibration"] is None


def test_info_tells_what_is_unusual_and_measures_on_demand(tmp_path, capsys):
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    turned = Affine.translation(500_000, 4_000_000) @ Affine.rotation(20) @ Affine.scale(10, -10)
    odd = raster(tmp_path / "odd.tif", image, transform=turned, nodata=11, descriptions=("height",))
    assert main(["info", str(odd), "--statistics"]) == 0
    text = capsys.readouterr().out
    assert "note         the picture is rotated against the map" in text
    assert "statistics   band height, minimum 0.0, mean 5.0, std 3.16228, median 5.0, maximum 10.0, pixels 12" in text
    assert main(["info", str(odd), "--json", "--statistics"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert known["is_rotated"] is True
    assert known["statistics"][0] | {"std": 0} == {
        "band": "height", "minimum": 0, "mean": 5, "std": 0, "median": 5, "maximum": 10,
        "pixels": 12, "valid": 11, "sampled": False,
    }  # fmt: skip


def test_info_of_what_is_no_product_is_one_line(failed, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty holds no Sentinel-2 product and no files" in failed("info", tmp_path / "empty")
    (tmp_path / "no.zip").write_text("no zip")
    assert "no.zip cannot be unpacked" in failed("info", tmp_path / "no.zip")


def test_info_of_nothing_and_of_an_unknown_home_is_one_line(failed):
    assert "received an empty path: give the name of a file or folder" in failed("info", "")
    for name in ("x.tif", "x", "x.zip"):
        assert f"{name} was not found: the home folder that ~ stands for is not known" in failed(
            "info", f"~no one/{name}"
        )


def test_info_of_a_folder_stops_looking_where_there_are_too_many(failed, tmp_path):
    for number in range(1001):
        (tmp_path / "home" / f"{number % 7}" / f"{number}").mkdir(parents=True)
    assert "home holds more than 1,000 folders: give the one of the product" in failed("info", tmp_path / "home")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="/proc is a folder that nobody may read all of, on Linux")
@pytest.mark.parametrize("folder", ["/", "/proc"])
def test_info_passes_over_what_may_not_be_looked_at(failed, folder):
    assert re.search(r"(/|proc) holds (no Sentinel-2 product|more than 1,000 folders)", failed("info", folder))


def test_info_calls_this_folder_by_its_name(failed, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert "here holds no Sentinel-2 product" in failed("info", ".")


def test_info_of_a_real_band(real_data, capsys):
    path = next((real_data / "sentinel2_safe").rglob("*B04*.jp2"))
    assert main(["info", str(path)]) == 0
    assert "JPEG 2000" in capsys.readouterr().out


def test_what_cannot_be_opened_is_one_line(failed, tmp_path):
    assert failed("info", tmp_path / "no.tif") == "python -m cnnviz: no.tif was not found: check the path\n"
    (tmp_path / "text.tif").write_text("not a picture")
    assert "text.tif is not a GeoTIFF" in failed("info", tmp_path / "text.tif")


def test_what_cannot_be_understood_is_one_line(failed):
    assert failed().endswith("required: COMMAND; see python -m cnnviz --help\n")
    assert "invalid int value: 'many'; see python -m cnnviz sample --help" in failed(
        "sample", "a.tif", "--rows", "many"
    )
    assert "paint" in failed("paint")


def test_sample_writes_a_scene_and_its_labels(tmp_path, capsys):
    scene, labels = tmp_path / "s.tif", tmp_path / "l.tif"
    wish = ["sample", str(scene), "--rows", "30", "--cols", "40", "--seed", "3", "--labels", str(labels)]
    assert main(wish) == 0
    assert capsys.readouterr() == ("", "")
    with rasterio.open(scene) as dataset, rasterio.open(labels) as classes:
        assert (dataset.shape, dataset.count, dataset.tags()["SEED"]) == ((30, 40), 13, "3")
        assert classes.shape == (30, 40)


def test_sample_writes_geotiffs_alone(failed, tmp_path):
    assert "received the name 's.png': a printable one that ends with .tif" in failed("sample", tmp_path / "s.png")
    assert "received the name 'l': a printable one that" in failed(
        "sample", tmp_path / "s.tif", "--labels", tmp_path / "l"
    )
    assert list(tmp_path.iterdir()) == []


def test_sample_overwrites_only_when_told_to(failed, tmp_path):
    target = tmp_path / "s.tif"
    target.write_text("mine")
    assert "s.tif exists already: choose another name" in failed("sample", target, "--rows", 9, "--cols", 9)
    assert target.read_text() == "mine"
    assert main(["sample", str(target), "--rows", "9", "--cols", "9", "--overwrite"]) == 0
    assert target.stat().st_size > 1000


def test_a_scene_that_the_disk_cannot_hold_is_not_begun(failed, tmp_path, monkeypatch):
    usage = type(disk_usage(tmp_path))(100, 99, 400_000_000_000 - 1)
    monkeypatch.setattr("cnnviz.synthetic_file.disk_usage", lambda folder: usage)
    line = failed("sample", tmp_path / "s.tif", "--rows", 200_000, "--cols", 200_000)
    assert "the disk has 400,000 MB left: at least 400,000 MB are needed; free some space" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="/sys is a folder that nobody may write to, on Linux")
def test_a_folder_that_cannot_be_written_is_one_short_line(failed):
    line = failed("sample", "/sys/s.tif", "--rows", 9, "--cols", 9)
    assert re.fullmatch("python -m cnnviz: s.tif could not be written: [A-Z][ a-z-]+; free some space.*\n", line)


def test_names_are_printable(failed, tmp_path):
    assert r"received the name 'a\nb.tif': a printable one" in failed("sample", tmp_path / "a\nb.tif")
    assert list(tmp_path.iterdir()) == []


def test_impossible_sizes_are_one_line(failed, tmp_path):
    assert "the size is 0 × 512 pixels; expected" in failed("sample", tmp_path / "s.tif", "--rows", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_run_is_one_line(failed, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "write_sample", stopped)
    assert "stopped before it was done" in failed("sample", tmp_path / "s.tif")


def test_progress_is_shown_to_people_alone(capsys):
    cli._show_progress(0.5)
    cli._show_progress(1.0)
    assert capsys.readouterr().err == "\r  50%\r 100%\n"


@pytest.mark.parametrize("command", ["info", "sample"])
def test_the_example_in_the_help_works_as_typed(command, tmp_path, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    example = capsys.readouterr().out.split("example:\n")[1].strip()
    python, module, name, *rest = shlex.split(example)
    assert (python, module, name) == ("python", "-m", "cnnviz")
    (tmp_path / "data").symlink_to(ROOT / "data")
    small = [{"2048": "20", "3072": "30"}.get(word, word) for word in rest]
    done = subprocess.run(
        [sys.executable, "-m", "cnnviz", *small],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
