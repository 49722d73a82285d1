"""What the README says works as it stands there."""

import doctest
import re
import shlex

import pytest

from cnnviz import cli
from cnnviz.ui.experiments.home import DOORS
from tests.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m cnnviz (.*?)(?:\s+#.*)?$", README, re.MULTILINE)


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


@pytest.mark.parametrize("picture", re.findall(r"!\[[^]]*\]\((docs/[^)]+)\)", README))
def test_pictures_are_there(picture):
    assert (ROOT / picture).is_file()


def test_every_page_is_named_and_has_a_door_on_home():
    pages = sorted((ROOT / "pages").glob("*.py"))
    assert [door.page for door in DOORS] == [f"pages/{path.name}" for path in pages]
    for door in DOORS:
        assert f"| {door.title} |" in README
