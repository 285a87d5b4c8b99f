"""Files tell one story: none is long, and each begins by saying what it is."""

import ast
from pathlib import Path

from tests.house.project import PACKAGE, place, python_files, tree_of

MOST_LINES = 500


def too_long(path: Path, most: int = MOST_LINES) -> bool:
    """Whether a file has more lines than it may."""
    return len(path.read_text(encoding="utf-8").splitlines()) > most


def test_no_source_file_is_longer_than_500_lines() -> None:
    """A longer file tells two stories: split it."""
    long = [place(path) for path in python_files(PACKAGE) if too_long(path)]
    assert not long, f"longer than {MOST_LINES} lines: {', '.join(long)}"


def test_every_source_file_says_what_it_is() -> None:
    """The first line of a module's docstring is its entry in the map of the rooms."""
    silent = [place(path) for path in python_files(PACKAGE) if not ast.get_docstring(tree_of(path))]
    assert not silent, f"no docstring: {', '.join(silent)}"


def test_a_line_too_many_is_seen(tmp_path: Path) -> None:
    """The cap is the last length allowed."""
    path = tmp_path / "long.py"
    path.write_text("pass\n" * 4)
    assert not too_long(path, most=4)
    assert too_long(path, most=3)
