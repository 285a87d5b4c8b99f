"""Nothing swallows a cancellation, an interrupt or an exit."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.project import PACKAGE, place, python_files, tree_of

# What must go on its way, by the last part of its name.
PASSES_THROUGH = frozenset({"BaseException", "Cancelled", "KeyboardInterrupt", "SystemExit"})


def caught_by(handler: ast.ExceptHandler) -> set[str]:
    """The last parts of the names a handler catches; a bare ``except:`` catches everything."""
    if handler.type is None:
        return {"BaseException"}
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(item).rpartition(".")[2] for item in caught}


def ends_by_raising_again(handler: ast.ExceptHandler) -> bool:
    """Whether the last thing a handler does is a bare ``raise``."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def is_suppressing(node: ast.AST) -> bool:
    """``contextlib.suppress(…)`` of something that must pass."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != "suppress":
        return False
    names = {ast.unparse(argument).rpartition(".")[2] for argument in node.args}
    return bool(names & PASSES_THROUGH)


def swallowing_lines(tree: ast.AST) -> Iterator[int]:
    """Where something is caught that must pass through, and does not go on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            if caught_by(node) & PASSES_THROUGH and not ends_by_raising_again(node):
                yield node.lineno
        elif is_suppressing(node):
            assert isinstance(node, ast.Call)
            yield node.lineno


def test_what_must_pass_through_is_always_raised_again() -> None:
    """Whoever catches a BaseException ends with a bare ``raise``."""
    lines = [place(path, line) for path in python_files(PACKAGE) for line in swallowing_lines(tree_of(path))]
    assert not lines, f"end the handler with a bare raise: {', '.join(lines)}"


@pytest.mark.parametrize(
    "handler",
    [
        "except BaseException: pass",
        "except: pass",
        "except (ValueError, trio.Cancelled) as error: raise error",
        "except* KeyboardInterrupt: raise OSError",
    ],
)
def test_a_handler_that_swallows_is_found(handler: str) -> None:
    """However it is spelt."""
    assert list(swallowing_lines(ast.parse(f"try: f()\n{handler}"))) == [2]


@pytest.mark.parametrize("handler", ["except Exception: pass", "except BaseException:\n  g()\n  raise"])
def test_a_handler_that_lets_pass_is_left_alone(handler: str) -> None:
    """Ordinary errors may end where they are caught."""
    assert not list(swallowing_lines(ast.parse(f"try: f()\n{handler}")))


def test_suppressing_is_swallowing() -> None:
    """``suppress`` is an ``except`` with ``pass``."""
    assert list(swallowing_lines(ast.parse("with contextlib.suppress(BaseException): f()"))) == [1]
    assert not list(swallowing_lines(ast.parse("with suppress(OSError): f()")))
