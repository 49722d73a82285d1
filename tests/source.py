"""The project's own source as syntax trees, for tests that read it."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cnnviz"
PAGES = (ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")))


@cache
def tree(path):
    """Syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module_name(path):
    """``"convolve"`` or ``"ui.link"``: a file's name inside the package, which is ``""`` itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules():
    """Every file of the package by its name inside it."""
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path, *, inside_functions):
    """Full names that a file imports when it is loaded, or only when one of its functions runs; no type-only ones."""
    runs = {node for part in ast.walk(tree(path)) if isinstance(part, _FUNCTION) for node in ast.walk(part)}
    typed = {node for part in ast.walk(tree(path)) if _is_type_only(part) for node in ast.walk(part)}
    for node in ast.walk(tree(path)):
        if node not in typed and (node in runs) == inside_functions:
            yield from _imported(node)


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _is_type_only(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _imported(node):
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(path):
    """Every function and method of a file, nested ones too."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function):
    """How many lines a function's body takes, its docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0
