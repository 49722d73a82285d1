"""``python -m cnnviz run``: a result, an estimate, progress, and one line for everything that goes wrong."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio

from cnnviz.cli import main
from cnnviz.cli_run import EXAMPLE, Progress, read_recipe
from cnnviz.layers import Activation, Conv2D, Network
from cnnviz.scene import open_scene
from tests.cog import cog_faults
from tests.factory import ramp, raster
from tests.source import ROOT

NETWORK = Network([Conv2D("sobel_vertical", padding="same"), Activation("relu")], name="edges")


@pytest.fixture
def place(tmp_path):
    """Folder with a scene and a recipe."""
    raster(tmp_path / "scene.tif", ramp(300, 280, 2), tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    (tmp_path / "recipe.json").write_text(NETWORK.to_json())
    return tmp_path


def run(place, *options, recipe="recipe.json", scene="scene.tif", target="out.tif"):
    return main(["run", *(str(place / name) for name in (recipe, scene, target)), *options])


def test_a_run_writes_the_result_and_says_what_it_takes(place, capsys):
    assert run(place, "--memory", "90MB", "--workers", "2") == 0
    out, err = capsys.readouterr()
    first, last = out.splitlines()
    assert first.startswith("scene.tif → out.tif: about 0 s with 2 workers, up to 69 MB")
    assert last.startswith("wrote out.tif: 300 × 280 × 2, ")
    assert err == ""
    with rasterio.open(place / "out.tif") as dataset:
        found = np.moveaxis(dataset.read(), 0, -1)
    np.testing.assert_array_equal(found, NETWORK.apply(open_scene(place / "scene.tif").read().array))
    assert cog_faults(place / "out.tif") == []


def test_an_estimate_alone_writes_nothing(place, capsys):
    assert run(place, "--estimate") == 0
    assert "MB of disk on the way, about 0." in capsys.readouterr().out
    assert {path.name for path in place.iterdir()} == {"recipe.json", "scene.tif"}


def test_the_example_works_as_typed(tmp_path):
    command = [sys.executable, "-m", "cnnviz", *shlex.split(EXAMPLE)]
    command[command.index("edges.tif")] = str(tmp_path / "edges.tif")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with rasterio.open(tmp_path / "edges.tif") as dataset:
        assert dataset.descriptions == ("B04", "B08")


REFUSED = {
    "recipe is missing": ({"recipe": "no.json"}, [], "no.json cannot be read: No such file or directory"),
    "recipe is no recipe": ({"recipe": "scene.tif"}, [], "The recipe is not JSON that can be read"),
    "source is missing": ({"scene": "no.tif"}, [], "no.tif was not found"),
    "source is a recipe": ({"scene": "recipe.json"}, [], "recipe.json is not a GeoTIFF"),
    "folder is missing": ({"target": "no/out.tif"}, [], "no is no folder: choose one that exists"),
    "no name": ({"target": "x" * 300 + ".tif"}, [], "File name too long; check the path, and who may read and write"),
    "no input's name": ({"scene": "x" * 300 + ".tif"}, [], "File name too long; check the path"),
    "no line": ({"target": "a\nb.tif"}, [], r"received output 'a\nb.tif': a printable name"),
    "no GeoTIFF": ({"target": "out.png"}, [], "a printable name that ends with .tif is expected"),
    "is read": ({"target": "scene.tif"}, ["--overwrite"], "scene.tif is what is read"),
    "memory": ({}, ["--memory", "lots"], "received memory 'lots': a size such as 512MB"),
    "too little memory": ({}, ["--memory", "8MB"], "one window of scene.tif takes"),
    "workers": ({}, ["--workers", "0"], "received 0 workers"),
    "numbers": ({}, ["--like", "radiance"], "received like 'radiance': one of file, reflectance"),
    "offset of nothing": ({}, ["--offset", "0"], "received offset '0': it is for reflectance"),
    "no sensor": ({}, ["--like", "reflectance"], "scene.tif says neither its sensor nor a scale"),
    "bands": ({}, ["--bands", "B04,B99"], "scene.tif has no band B04, B99; it has band 1, band 2"),
}


@pytest.mark.parametrize(("names", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_goes_wrong_is_one_line(place, capsys, names, options, message):
    assert run(place, *options, **names) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert out == ""
    assert {path.name for path in place.iterdir()} == {"recipe.json", "scene.tif"}


def test_an_empty_name_is_no_folder(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    assert main(["run", "recipe.json", "scene.tif", ""]) == 2
    assert "received an empty name as output" in capsys.readouterr().err
    assert main(["run", ".", "scene.tif", "out.tif"]) == 2
    assert capsys.readouterr().err.startswith("python -m cnnviz: . is no file: expected a recipe")
    assert main(["run", "recipe.json", "", "out.tif"]) == 2
    assert "received an empty path: give the name of a file or folder" in capsys.readouterr().err
    assert main(["run", "recipe.json", "", "scene.tif", "out.tif"]) == 2
    assert "received an empty path" in capsys.readouterr().err
    assert main(["run", "recipe.json", "~no one/x.tif", "out.tif"]) == 2
    assert "x.tif was not found: the home folder that ~ stands for" in capsys.readouterr().err


def test_only_a_file_of_bounded_size_is_a_recipe(place, capsys):
    os.mkfifo(place / "pipe.json")
    with (place / "large.json").open("wb") as file:
        file.truncate(300_000_000)
    for name, message in (
        ("pipe.json", "is no file"),
        ("large.json", "has 300 MB: expected a recipe of at most 256 MB"),
    ):
        assert run(place, recipe=name) == 2
        assert f"{name} {message}" in capsys.readouterr().err
    if Path("/dev/zero").exists():
        assert main(["run", "/dev/zero", str(place / "scene.tif"), str(place / "out.tif")]) == 2
        assert "zero is no file" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="/sys is a folder that nobody may write to, on Linux")
def test_a_folder_that_cannot_be_written_is_one_line(place, capsys):
    assert main(["run", str(place / "recipe.json"), str(place / "scene.tif"), "/sys/out.tif"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.endswith("; choose a folder that can be written\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "unknown keys 'colour'"),
        ({"layers": [{"type": "conv2d", "weights": [[float("nan")]]}]}, "holds NaN; only finite numbers"),
        ({"bands": ["B99"]}, "scene.tif has no band B99; it has band 1, band 2"),
    ],
)
def test_recipes_that_do_not_fit_are_one_line(place, capsys, change, message):
    (place / "recipe.json").write_text(json.dumps(json.loads(NETWORK.to_json()) | change))
    assert run(place) == 2
    assert message in capsys.readouterr().err


def test_an_existing_file_is_replaced_on_demand_alone(place, capsys):
    (place / "out.tif").write_text("precious")
    assert run(place) == 2
    assert "out.tif exists: allow it to be replaced (--overwrite)" in capsys.readouterr().err
    assert (place / "out.tif").read_text() == "precious"
    assert run(place, "--overwrite") == 0
    assert cog_faults(place / "out.tif") == []


def test_damaged_blocks_are_told(place, capsys):
    content = bytearray((place / "scene.tif").read_bytes())
    with rasterio.open(place / "scene.tif") as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_2_1", "TIFF", bidx=1))
    content[offset : offset + 20] = bytes(20)
    (place / "scene.tif").write_bytes(content)
    assert run(place) == 2
    line = capsys.readouterr().err
    assert "cannot be read in the window of 64 × 64 pixels at row 64, column 128" in line
    assert "fetch it again, or let what cannot be read be nodata (--skip-bad-blocks)" in line
    assert run(place, "--skip-bad-blocks") == 0
    assert "nodata, for it cannot be read: band 1 of scene.tif, 64 × 64 pixels" in capsys.readouterr().out


SLOW = """
import sys, time
from cnnviz import cli, feed
compute = feed.Feed._compute
feed.Feed._compute = lambda *given: (time.sleep(0.2), compute(*given))
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("option", [[], ["--no-resume"]], ids=["resume", "no resume"])
def test_ctrl_c_is_one_line_and_leaves_no_half_file(place, option):
    names = [str(place / name) for name in ("recipe.json", "scene.tif", "out.tif")]
    command = [sys.executable, "-c", SLOW, "run", *names, "--memory", "72MB", *option]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = place / ".out.tif.run" / "journal"
    while not journal.exists() or len(journal.read_text().splitlines()) < 3:
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 2
    kept = "nothing is kept" if option else "the same command goes on from here"
    assert err == f"python -m cnnviz: stopped; {kept}\n"
    left = {"recipe.json", "scene.tif"} | (set() if option else {".out.tif.run"})
    assert {path.name for path in place.iterdir()} == left
    assert run(place) == 0
    assert {path.name for path in place.iterdir()} == {"recipe.json", "scene.tif", "out.tif"}


def test_progress_tells_the_time_that_is_left(capsys):
    times = iter([100.0, 130.0, 160.0])
    bar = Progress(clock=lambda: next(times))
    bar(0.25)
    bar(0.5)
    bar(1.0)
    bar.clear()
    shown = capsys.readouterr().err.split("\r")
    assert shown[1].strip() == "████████······················  25%"
    assert shown[2].strip() == "███████████████···············  50% 1 min 0 s left"
    assert shown[3].strip().endswith("100% 0 s left")
    assert shown[4].strip() == ""


def test_a_terminal_sees_both_stages_and_keeps_none(place):
    pty = pytest.importorskip("pty", reason="this system has no terminals of that kind")
    ours, theirs = pty.openpty()
    words = ("run", place / "recipe.json", place / "scene.tif", place / "out.tif")
    command = [sys.executable, "-m", "cnnviz", *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=theirs) as running:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    assert running.returncode == 0
    lines = [line.strip() for line in shown.split("\r")]
    assert any(re.fullmatch(r"[█·]{30} +\d+% computing(, .* left)?", line) for line in lines)
    assert any(re.fullmatch(r"[█·]{30} +\d+% writing the file(, .* left)?", line) for line in lines)
    assert lines[-1] == ""


def _read(terminal):
    """What comes next; a terminal whose other end is closed raises an error."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_progress_says_the_stage_and_judges_the_time_by_it_alone(capsys):
    times = iter([0.0, 100.0, 100.0, 101.0])
    bar = Progress(clock=lambda: next(times))
    bar.enter("computing")
    bar(0.0)
    bar(0.5)
    bar.enter("writing the file")
    bar(0.5)
    bar(0.75)
    shown = capsys.readouterr().err.split("\r")
    assert shown[2].split("  ")[-1].strip() == "50% computing, 1 min 40 s left"
    assert shown[3].strip().endswith(" 50% writing the file")
    assert shown[4].strip().endswith(" 75% writing the file, 1 s left")


def test_recipes_are_read_from_files(place):
    assert read_recipe(place / "recipe.json") == NETWORK
