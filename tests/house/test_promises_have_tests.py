"""What users of the original were promised is shown by a test, or the page for them says how it differs."""

import ast
import functools
import re
from collections.abc import Iterable

from tests.house.project import ROOT, TESTS, is_test, python_files, tree_of
from tests.house.promises import DIFFERENT, PROMISES

NAME = re.compile(r"\b(?:mutator|owns)-\d+\b")
SHOWN_IN = ("behaviours", "patterns", "plugins", "properties")
PAGE = ROOT / "docs" / "from-directive.md"


def promises_named_in(trees: Iterable[ast.Module]) -> set[str]:
    """The promises in the docstrings of tests, and of files that hold none: those are for the type checkers."""
    named: set[str] = set()
    for tree in trees:
        tests = [ast.get_docstring(node) for node in ast.walk(tree) if is_test(node)]
        for text in tests or [ast.get_docstring(tree)]:
            named.update(NAME.findall(text or ""))
    return named


@functools.cache
def named_by_tests() -> set[str]:
    """The promises that are named where behaviour is tested."""
    folders = [*(TESTS / folder for folder in SHOWN_IN), ROOT / "typing_tests"]
    return promises_named_in(tree_of(path) for folder in folders for path in python_files(folder))


def test_every_promise_has_a_test_or_a_line_on_the_page() -> None:
    """Whoever comes from the original finds what they had, or reads why not."""
    missing = [f"{name}: {text}" for name, text in PROMISES.items() if name not in named_by_tests() | DIFFERENT.keys()]
    assert not missing, "no test names, and no line explains:\n" + "\n".join(missing)


def test_every_difference_is_on_the_page() -> None:
    """In the words that are looked for."""
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    missing = [f"{name}: {words}" for name, words in DIFFERENT.items() if words not in page]
    assert not missing, f"{PAGE.name} does not say:\n" + "\n".join(missing)


def test_only_promises_are_named() -> None:
    """A misspelt one would stand for nothing."""
    assert not (named_by_tests() | DIFFERENT.keys()) - PROMISES.keys()


def test_only_the_docstrings_of_tests_name_a_promise() -> None:
    """Or that of a file without tests."""
    tests = ast.parse('"""mutator-1"""\n# owns-2\ndef test_a():\n    """owns-3, mutator-40: two."""')
    lines = ast.parse('"""mutator-1: for the checkers."""\nx = 1')
    assert promises_named_in([tests]) == {"owns-3", "mutator-40"}
    assert promises_named_in([lines]) == {"mutator-1"}
