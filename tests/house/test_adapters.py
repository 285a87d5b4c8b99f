"""The adapters: each has the same shape, keeps the rules of the house, and stands on the public surface alone."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.project import ROOT, place, python_files, tree_of
from tests.house.test_files import too_long
from tests.house.test_names import empty_names_in, milliseconds_in
from tests.house.test_tests import real_waits_in, silent_tests_in

ADAPTERS = sorted(path.parent for path in ROOT.glob("adapters/*/pyproject.toml"))


def name_of(adapter: Path) -> str:
    """The folder's: how a test is told from the next."""
    return adapter.name


def inner_names_in(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and module of every import from the core, or from another adapter, that a user could not write."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            below = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                first, *rest = f"{below}{alias.name}".split(".")
                ours = first.startswith("directive_trio") and first != package
                if ours and any(part.startswith("_") for part in rest):
                    yield node.lineno, f"{below}{alias.name}"


def at_real_sockets(path: Path) -> bool:
    """Whether a test file says that it needs the real clock: the mock clock jumps ahead while sockets are busy."""
    return "socket" in path.stem


@pytest.mark.parametrize("adapter", ADAPTERS, ids=name_of)
def test_every_adapter_has_the_same_shape(adapter: Path) -> None:
    """Knowing one is knowing all."""
    package = adapter / "src" / f"directive_trio_{adapter.name}"
    wanted = [adapter / "README.md", adapter / "LICENSE", package / "__init__.py", package / "py.typed"]
    assert not [place(path) for path in wanted if not path.is_file()]
    assert python_files(adapter / "tests")
    project = tomllib.loads((adapter / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == f"directive-trio-{adapter.name}"
    assert "directive-trio>=0.1,<0.2" in project["dependencies"]
    assert "test" in project["optional-dependencies"]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=name_of)
def test_an_adapter_uses_what_any_user_can(adapter: Path) -> None:
    """No room of the core, and none of another adapter."""
    inner = [
        f"{place(path, line)} {name}"
        for path in python_files(adapter / "src")
        for line, name in inner_names_in(tree_of(path), f"directive_trio_{adapter.name}")
    ]
    assert not inner, "\n".join(inner)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=name_of)
def test_the_files_of_an_adapter_keep_the_rules_of_the_house(adapter: Path) -> None:
    """They say what they are, are short, and name things as the core does."""
    for path in python_files(adapter / "src"):
        tree = tree_of(path)
        assert ast.get_docstring(tree), f"{place(path)} has no docstring"
        assert not too_long(path), place(path)
        assert not empty_names_in(tree) | milliseconds_in(tree), place(path)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=name_of)
def test_the_tests_of_an_adapter_keep_the_rules_for_tests(adapter: Path) -> None:
    """Each says its behaviour; only those that name sockets run on the real clock."""
    for path in python_files(adapter / "tests"):
        assert not [place(path, line) for line, _ in silent_tests_in(tree_of(path))]
        if not at_real_sockets(path):
            assert not [f"{place(path, line)} {advice}" for line, advice in real_waits_in(tree_of(path))]


@pytest.mark.parametrize(
    "code",
    [
        "from directive_trio._store import x",
        "import directive_trio._store",
        "from directive_trio import _store",
        "from directive_trio_other._x import y",
    ],
)
def test_an_import_from_inside_is_found(code: str) -> None:
    """Whichever way it is written."""
    assert [line for line, _ in inner_names_in(ast.parse(code), "directive_trio_own")] == [1]


def test_an_import_from_the_surface_is_left_alone() -> None:
    """And so are the adapter's own files."""
    code = "from directive_trio.abc import Source\nimport trio\nfrom directive_trio_own._x import y"
    assert not list(inner_names_in(ast.parse(code), "directive_trio_own"))
