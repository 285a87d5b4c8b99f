"""Where things are in the checkout, and the syntax trees the house tests read."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "directive_trio"
TESTS = ROOT / "tests"

TYPE_CHECKING_NAMES = frozenset({"TYPE_CHECKING", "typing.TYPE_CHECKING"})


def python_files(folder: Path) -> list[Path]:
    """All Python files below *folder*, in a fixed order."""
    return sorted(folder.rglob("*.py"))


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file; read once, so never change it."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, line: int | None = None) -> str:
    """A file (and a line in it) as a terminal shows it, from the top of the checkout."""
    shown = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
    return shown if line is None else f"{shown}:{line}"


def module_name(path: Path) -> str:
    """``directive_trio._store.view`` for the file that holds it."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def walk_at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under ``if TYPE_CHECKING:``."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) in TYPE_CHECKING_NAMES:
            for alternative in child.orelse:
                yield alternative
                yield from walk_at_run_time(alternative)
            continue
        yield child
        yield from walk_at_run_time(child)


def is_test(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    """A function that pytest runs."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, functions) and node.name.startswith("test_")
