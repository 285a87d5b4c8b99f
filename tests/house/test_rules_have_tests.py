"""Every rule the library promises to keep is named by a test that shows it."""

import ast
import re
from collections.abc import Iterable

from tests.house.project import TESTS, is_test, python_files, tree_of
from tests.house.rules import COMING, REQUIRED

ID = re.compile(r"\b[FRSO]\d{1,2}\b")


def ids_named_in(trees: Iterable[ast.Module]) -> set[str]:
    """The ids in the docstrings of test files and of the tests in them."""
    named: set[str] = set()
    for tree in trees:
        for node in (tree, *filter(is_test, ast.walk(tree))):
            named.update(ID.findall(ast.get_docstring(node) or ""))
    return named


def test_every_required_rule_is_named_by_a_behaviour_test() -> None:
    """A promise without a test is a wish."""
    behaviours = TESTS / "behaviours"
    named = ids_named_in(map(tree_of, python_files(behaviours)))
    missing = [rule for rule in REQUIRED if rule not in named]
    assert not missing, f"no test under tests/behaviours names {', '.join(missing)}"


def test_the_list_of_rules_is_complete_and_has_each_once() -> None:
    """F1–F7, R1–R16, S1–S7, O1–O7, each either required or coming."""
    counts = {"F": 7, "R": 16, "S": 7, "O": 7}
    every = [f"{letter}{number + 1}" for letter in counts for number in range(counts[letter])]
    assert sorted([*REQUIRED, *COMING]) == sorted(every)


def test_only_the_docstrings_of_files_and_tests_name_a_rule() -> None:
    """A comment, a longer word, or the docstring of a fixture names nothing."""
    tree = ast.parse(
        '"""R1 and F2."""\n'
        "# R3\n"
        "def test_one():\n"
        '    """R10: but neither R100 nor XR4."""\n'
        "def fixture():\n"
        '    """O1"""\n'
    )
    assert ids_named_in([tree]) == {"R1", "F2", "R10"}
