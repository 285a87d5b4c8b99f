"""The rules for tests: no waiting on the wall clock, and each says which behaviour it shows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.project import TESTS, is_test, place, python_files, tree_of

CLOCKS = frozenset({"autojump_clock", "mock_clock"})
BENCHMARKS = TESTS / "benchmarks"  # they measure real time: that is what they are for


def files_of_tests() -> list[Path]:
    """Every file of the tests but the benchmarks."""
    return [path for path in python_files(TESTS) if not path.is_relative_to(BENCHMARKS)]


def real_waits_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where a test would wait on the wall clock, and what to do instead."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from real_wait_of(node)
        elif isinstance(node, ast.AsyncFunctionDef) and is_test(node):
            arguments = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
            if not arguments & CLOCKS:
                yield node.lineno, f"{node.name} must take autojump_clock or mock_clock"
        elif isinstance(node, ast.ImportFrom) and "time.sleep" in imported_names(node):
            yield node.lineno, "time.sleep waits for real"


def imported_names(node: ast.ImportFrom) -> set[str]:
    """``from time import sleep`` → time.sleep."""
    return {f"{node.module}.{alias.name}" for alias in node.names}


def real_wait_of(call: ast.Call) -> Iterator[tuple[int, str]]:
    """The same for one call."""
    called = ast.unparse(call.func)
    if called == "time.sleep":
        yield call.lineno, "time.sleep waits for real"
    elif called == "trio.run" and not any(keyword.arg == "clock" for keyword in call.keywords):
        yield call.lineno, "trio.run must be given clock=trio.testing.MockClock(...)"


def silent_tests_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Tests that do not say which behaviour they show."""
    for node in ast.walk(tree):
        if is_test(node) and ast.get_docstring(node) is None:
            yield node.lineno, node.name


def test_no_test_waits_on_the_wall_clock() -> None:
    """Time in tests is trio's mock clock: an hour passes at once, and always in the same order."""
    waits = [
        f"{place(path, line)} {advice}" for path in files_of_tests() for line, advice in real_waits_in(tree_of(path))
    ]
    assert not waits, "\n".join(waits)


def test_every_test_says_which_behaviour_it_shows() -> None:
    """One line under the name."""
    silent = [
        f"{place(path, line)} {name}" for path in files_of_tests() for line, name in silent_tests_in(tree_of(path))
    ]
    assert not silent, "no docstring:\n" + "\n".join(silent)


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(1)",
        "from time import monotonic, sleep",
        "trio.run(main)",
        "async def test_it(system): ...",
    ],
)
def test_a_wait_for_real_is_found(code: str) -> None:
    """Each way to the wall clock."""
    assert [line for line, _ in real_waits_in(ast.parse(code))] == [1]


@pytest.mark.parametrize(
    "code",
    [
        "trio.run(main, clock=MockClock())",
        "async def test_it(autojump_clock): await trio.sleep(1)",
        "async def test_it(*, mock_clock): ...",
        "async def helping(): ...",
        "from time import monotonic",
    ],
)
def test_what_runs_on_the_mock_clock_is_left_alone(code: str) -> None:
    """Sleeping there takes no time."""
    assert not list(real_waits_in(ast.parse(code)))


def test_a_silent_test_is_found() -> None:
    """Only tests must speak."""
    tree = ast.parse("def test_a(): ...\ndef test_b():\n    '''Says.'''\ndef c(): ...")
    assert list(silent_tests_in(tree)) == [(1, "test_a")]
