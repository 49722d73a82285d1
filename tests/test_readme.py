"""What the README says works as it stands there."""

import doctest
import re
import shlex
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from distributed import Client

from cnnviz import cli
from cnnviz.scene import open_scene
from cnnviz.ui.experiments.home import DOORS
from tests.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m cnnviz (.*?)(?:\s+#.*)?$", README, re.MULTILINE)
MANY = re.findall(r"^\.venv/bin/python -m ((?:dask|cnnviz) .*)$", README, re.MULTILINE)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A fresh folder to work in, with the data that come with the project."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("place")
def test_the_python_example_runs():
    results = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert results.attempted >= 7
    assert results.failed == 0


@pytest.mark.usefixtures("place")
def test_the_commands_run_as_typed(capsys):
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        assert cli.main(shlex.split(command)) == 0
    assert "13" in capsys.readouterr().out


def test_the_commands_for_many_machines_run_as_typed(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    typed = [line.replace("8786", port).replace(" many.", f" {tmp_path}/many.").split() for line in MANY]
    scheduler, workers, *runs = [[sys.executable, "-m", *words] for words in typed]
    with running(scheduler, tmp_path), running(workers, tmp_path):
        with Client(f"tcp://127.0.0.1:{port}", timeout=60, set_as_default=False) as watching:
            watching.wait_for_workers(2, timeout=60)
        for words in runs:
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
    for path in (tmp_path / "many.tif", tmp_path / "many.tiles" / "row000000_col000000.tif"):
        assert open_scene(path).band_names == ("B04", "B08")
    assert (tmp_path / "many.vrt").exists()


@contextmanager
def running(command, folder):
    """A server that is told to end with the block, and ends what it has started."""
    with (folder / "log.txt").open("a") as log:
        started = subprocess.Popen([*command], cwd=ROOT, stdout=log, stderr=log)
    try:
        yield
    finally:
        started.terminate()
        started.wait(timeout=60)


@pytest.mark.parametrize("picture", re.findall(r"!\[[^]]*\]\((docs/[^)]+)\)", README))
def test_pictures_are_there(picture):
    assert (ROOT / picture).is_file()


def test_every_page_is_named_and_has_a_door_on_home():
    pages = sorted((ROOT / "pages").glob("*.py"))
    assert [door.page for door in DOORS] == [f"pages/{path.name}" for path in pages]
    for door in DOORS:
        assert f"| {door.title} |" in README
