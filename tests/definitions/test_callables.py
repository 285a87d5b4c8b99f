"""What kind of callable the user gave, also behind partials and in objects."""

import functools
from typing import Any

import pytest

from directive_trio._definitions.callables import is_async, name_of


def plain(number: int = 0) -> int:
    return number


async def slow(number: int = 0) -> int:
    return number


class Plain:
    def __call__(self) -> int:
        return 0


class Slow:
    async def __call__(self) -> int:
        return 0


@pytest.mark.parametrize(
    "function", [slow, functools.partial(slow, 1), functools.partial(functools.partial(slow)), Slow()]
)
def test_what_gives_a_coroutine_is_async(function: Any) -> None:
    """Functions, partials of them, and objects whose call is one."""
    assert is_async(function)


@pytest.mark.parametrize("function", [plain, functools.partial(plain, 1), Plain(), Slow, len, 5])
def test_anything_else_is_not(function: Any) -> None:
    """A class is called to make an instance, whatever that can do."""
    assert not is_async(function)


@pytest.mark.parametrize(
    ("function", "name"),
    [(plain, "plain"), (functools.partial(functools.partial(slow)), "slow"), (Plain(), "Plain"), (Plain, "Plain")],
)
def test_the_name_is_the_functions_own(function: Any, name: str) -> None:
    """Behind a partial too; an object goes by its class."""
    assert name_of(function) == name
