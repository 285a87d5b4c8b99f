"""F4: with ``debug=True`` a stored value that was changed in place is reported, with the way to write it."""

import logging
from typing import Any

import pytest
import trio
from attrs import define

from directive_trio import Module, fact, open_system
from directive_trio.errors import UsageError
from directive_trio.observe import FactMutated, Observation


class Uncopyable:
    def __deepcopy__(self, memo: object) -> "Uncopyable":
        raise TypeError("there is only one")


@define
class Facts:
    count: int = 0
    names: list[str] = fact(factory=list)
    ages: dict[str, int] = fact(factory=dict)
    words: set[str] = fact(factory=set)
    tray: bytearray = fact(factory=bytearray)
    only: Uncopyable = fact(factory=Uncopyable)


CASES: list[tuple[str, Any, str]] = [
    ("names", lambda facts: facts.names.append("ann"), "facts.names = [*facts.names, item]"),
    ("ages", lambda facts: facts.ages.update(ann=1), "facts.ages = {**facts.ages, key: value}"),
    ("words", lambda facts: facts.words.add("ann"), "facts.words = {*facts.words, item}"),
    ("tray", lambda facts: facts.tray.append(1), "facts.tray = a changed copy of facts.tray"),
]


@pytest.mark.parametrize(("name", "mutate", "way"), CASES)
async def test_it_is_reported_once_with_its_name_and_the_way_to_write_it(
    name: str, mutate: Any, way: str, caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock
) -> None:
    """F4: at the next pass, to the log and to observers."""
    module, log = Module("m", Facts), list[Observation]()
    async with open_system(module, debug=True) as system:
        system.observe(log.append)
        await system.settle()
        with caplog.at_level(logging.WARNING, "directive_trio"):
            mutate(system[module])
            for count in (1, 2):
                system[module].count = count
                await system.settle()
    hint = f"write a new value ({way}) or call system.touch('m::{name}')"
    assert caplog.messages == [f"fact m::{name} was mutated in place, which nothing can notice; {hint}"]
    assert [(seen.id, seen.hint) for seen in log if isinstance(seen, FactMutated)] == [(f"m::{name}", hint)]


@pytest.mark.parametrize("settles", [True, False])
async def test_it_is_reported_without_any_pass(
    settles: bool, caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock
) -> None:
    """F4: whoever mutates and wonders why nothing happens is told when they wait for it, at the latest at the end."""
    module = Module("m", Facts)
    async with open_system(module, debug=True) as system:
        await system.settle()
        system[module].names.append("ann")
        if settles:
            await system.settle()
            assert len(caplog.messages) == 1
    assert len(caplog.messages) == 1


async def test_it_is_reported_where_nobody_observes(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock
) -> None:
    """F4: the log is enough."""
    module = Module("m", Facts)
    async with open_system(module, debug=True) as system:
        system[module].names.append("ann")
        system[module].count = 1
        await system.settle()
    assert len(caplog.messages) == 1


async def test_a_new_value_and_an_untouched_one_are_in_order(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock
) -> None:
    """F4: written as it should be, nothing is reported; what cannot be copied cannot be checked."""
    module = Module("m", Facts)
    async with open_system(module, debug=True) as system:
        await system.settle()
        system[module].names = [*system[module].names, "ann"]
        await system.settle()
        system[module].count = 1
        await system.settle()
    assert not caplog.messages


async def test_it_is_off_by_default(caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock) -> None:
    """F4: looking costs what the facts are large."""
    module = Module("m", Facts)
    async with open_system(module) as system:
        system[module].names.append("ann")
        system[module].count = 1
        await system.settle()
    assert not caplog.messages


async def test_a_write_from_another_thread_is_refused(autojump_clock: trio.abc.Clock) -> None:
    """Section 1: a system belongs to the thread of its trio run; ``debug=True`` checks it."""
    module = Module("m", Facts)
    async with open_system(module, debug=True) as system:

        def write() -> None:
            system[module].count = 1

        with pytest.raises(UsageError, match=r"trio\.from_thread\.run_sync"):
            await trio.to_thread.run_sync(write)
        await trio.to_thread.run_sync(trio.from_thread.run_sync, write)
        assert system[module].count == 1
