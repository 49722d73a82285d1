"""The measurable part of the house style; ruff and mypy hold the rest."""

import ast
import re
from statistics import median

import pytest

from tests.source import PACKAGE, PAGES, ROOT, body_lines, functions, modules, tree

PRODUCT = (
    *modules().values(),
    *PAGES,
    *sorted((ROOT / "data").glob("*.py")),
    *sorted((ROOT / "benchmarks").glob("*.py")),
)
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
BROWSER_FILES = sorted(path for path in (PACKAGE / "ui").rglob("*") if path.suffix in {".js", ".css", ".html"})

#: Public functions whose arguments are promised to callers outside.
PROMISED = {"conv2d", "conv_volume", "run_scene", "fit", "grid_search"}

#: What would run or unpack foreign code.
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib", "matplotlib.pyplot"}


def by_name(path):
    return str(path.relative_to(ROOT))


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def test_files_are_short():
    assert {by_name(path): lines(path) for path in PRODUCT if lines(path) > 400} == {}
    assert median(map(lines, PRODUCT)) <= 200


def test_functions_are_short():
    bodies = sorted(body_lines(function) for path in PRODUCT for function in functions(path))
    assert median(bodies) <= 12
    assert bodies[len(bodies) * 9 // 10] <= 30


@pytest.mark.parametrize("path", PRODUCT, ids=by_name)
def test_functions_take_few_arguments(path):
    counts = {function.name: _arguments(function) for function in functions(path) if function.name not in PROMISED}
    assert {name: count for name, count in counts.items() if count > 6} == {}


def _arguments(function):
    named = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in named)


def test_pages_are_thin():
    assert {by_name(path): lines(path) for path in PAGES if lines(path) > 60} == {}
    assert median(map(lines, PAGES)) <= 40


@pytest.mark.parametrize("path", PAGES, ids=by_name)
def test_pages_hold_no_functions_no_try_and_no_state(path):
    nodes = list(ast.walk(tree(path)))
    assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef | ast.Try)]
    assert not [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == "session_state"]


@pytest.mark.parametrize("path", PRODUCT, ids=by_name)
def test_nothing_foreign_is_run_or_unpacked(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            assert getattr(node.func, "id", "") not in FORBIDDEN_CALLS, ast.unparse(node)
            assert "allow_pickle=True" not in ast.unparse(node)
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & FORBIDDEN_MODULES
        if isinstance(node, ast.ImportFrom):
            assert node.module not in FORBIDDEN_MODULES
            assert not {f"{node.module}.{alias.name}" for alias in node.names} & FORBIDDEN_MODULES


@pytest.mark.parametrize("path", PRODUCT, ids=by_name)
def test_nothing_is_left_open_asserted_on_input_or_swallowed(path):
    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree(path)))
    assert not [ast.unparse(node) for node in nodes if isinstance(node, ast.Assert)]
    swallowed = [node for node in nodes if isinstance(node, ast.ExceptHandler) and isinstance(node.body[0], ast.Pass)]
    assert [ast.unparse(node) for node in swallowed] == []


@pytest.mark.parametrize("path", BROWSER_FILES, ids=by_name)
def test_components_reach_for_no_other_host(path):
    hosts = re.findall(r"(?:https?:)?//([\w-]+(?:\.[\w-]+)+)", path.read_text(encoding="utf-8"))
    assert set(hosts) <= {"www.w3.org"}


@pytest.mark.parametrize("path", TESTS, ids=by_name)
def test_every_test_asserts_something(path):
    tests = [function for function in functions(path) if function.name.startswith("test_")]
    assert [test.name for test in tests if not re.search(r"assert|raises|expect\(", ast.unparse(test))] == []
