"""Names say what a thing is: no words that fit everything, and no milliseconds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.project import PACKAGE, SOURCE, place, python_files, tree_of

EMPTY_WORDS = frozenset({"manager", "helper", "util", "common", "misc", "data", "info", "handle", "process"})
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words_of(name: str) -> list[str]:
    """``RequirementSet``, ``requirement_set`` → requirement, set."""
    return [word.lower() for word in WORD.findall(name)]


def empty_words_in(name: str) -> set[str]:
    """The parts of a name that say nothing, their plurals too."""
    return {word for word in words_of(name) if word in EMPTY_WORDS or word.rstrip("s") in EMPTY_WORDS}


def names_defined_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of every class and function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name


def names_used_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything that carries a name: definitions, variables, arguments, attributes."""
    yield from names_defined_in(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield node.lineno, name


def milliseconds_in(tree: ast.AST) -> set[tuple[int, str]]:
    """Line and name of everything that is counted in milliseconds."""
    return {(line, name) for line, name in names_used_in(tree) if "ms" in words_of(name)}


def empty_names_in(tree: ast.AST) -> set[tuple[int, str]]:
    """Line and name of every class and function whose name says nothing."""
    return {(line, name) for line, name in names_defined_in(tree) if empty_words_in(name)}


def parts_below_source(path: Path) -> tuple[str, ...]:
    """The folders of a source file, and its own name."""
    return path.relative_to(SOURCE).with_suffix("").parts


def test_files_and_folders_have_names_that_say_something() -> None:
    """A file is named for the one thing it defines."""
    paths = python_files(PACKAGE)
    empty = [place(path) for path in paths if any(map(empty_words_in, parts_below_source(path)))]
    assert not empty, f"rename: {', '.join(empty)}"


def test_classes_and_functions_have_names_that_say_something() -> None:
    """None of the words that fit everything is part of a name."""
    empty = [
        f"{place(path, line)} {name}"
        for path in python_files(PACKAGE)
        for line, name in sorted(empty_names_in(tree_of(path)))
    ]
    assert not empty, f"rename: {', '.join(empty)}"


def test_nothing_is_counted_in_milliseconds() -> None:
    """All times are seconds."""
    found = [
        f"{place(path, line)} {name}"
        for path in python_files(PACKAGE)
        for line, name in sorted(milliseconds_in(tree_of(path)))
    ]
    assert not found, f"in seconds, please: {', '.join(found)}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("FactManager", {"manager"}),
        ("_handle_error", {"handle"}),
        ("string_utils", {"utils"}),
        ("HTTPData", {"data"}),
        ("database", set()),
        ("handler", set()),
        ("Information", set()),
    ],
)
def test_an_empty_word_is_found_as_a_whole_part_of_a_name(name: str, words: set[str]) -> None:
    """Only whole words count."""
    assert empty_words_in(name) == words


def test_milliseconds_are_found_wherever_a_name_can_stand() -> None:
    """Variable, attribute, argument, keyword, function."""
    tree = ast.parse(
        "delay_ms = 1\nit.wait_ms\ndef f(timeout_ms): ...\nf(delayMs=2)\ndef now_ms(): ...\nforms = items\n"
    )
    assert {line for line, _ in milliseconds_in(tree)} == {1, 2, 3, 4, 5}
