"""Modules that come and go: made from a few choices, so that what they bring to rest depends on nothing but facts.

Whatever asks for a requirement reads what meeting it writes, and every resolver does the same with one requirement:
so a system that has come to rest looks like one that is made anew from its modules and facts, whatever came before.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import trio
from attrs import define, frozen

from directive_trio import Context, Module, SourceLink, derivation

NAMES = ("a", "b", "c")
FAILS, IDLES = 3, 4
"""The values that cannot be reached: meeting them fails, or does nothing."""
LATE = 99
"""What is written by runs that nobody wants any more: no fact may ever have it."""


@define
class Plain:
    """What the others see of a module."""

    value: int = 0
    goal: int = 0
    copy: int = 0

    @derivation
    def total(self) -> int:
        return self.value + self.goal


SEEN = {name: Module(name, Plain) for name in NAMES}
"""To look at a module that may be there or not."""


@frozen
class Put:
    """A requirement: that fact of that module has the value."""

    home: str
    fact: str
    value: int


@frozen
class Write:
    """The event that does it."""

    home: str
    fact: str
    value: int


class BrokenError(Exception):
    """What a run fails with on purpose."""


@frozen
class Choices:
    """What a module is made of."""

    reaches: bool
    follows: Literal["", "freely", "after its own", "after the other", "after nobody"]
    later: float
    echoes: Literal["", "sync", "async"]
    meddles: bool
    serves: Literal["", "quick", "slow", "stubborn", "batch"]
    names: bool
    feeds: bool
    priority: int
    more: bool


@cache
def facts_class(before: str, more: bool) -> type[Any]:
    """Make the facts of a module that stands after another one."""

    @define
    class Facts(Plain):
        late: int = 0
        echo: int = 0

        @derivation
        def theirs(self) -> int:
            return SEEN[before].of(self).total

    @define
    class MoreFacts(Facts):
        extra: int = 7

    return MoreFacts if more else Facts


def guest(
    name: str, number: int, choices: Choices, alive: dict[str, int], cleaned_up: Callable[[], None]
) -> Module[Any]:
    """Make a module, which shows its number as a label; *alive* counts what goes on."""
    before = NAMES[NAMES.index(name) - 1]
    module: Module[Any] = Module(name, facts_class(before, choices.more))

    @module.constraint(label=str(number))
    def mark(_: Any) -> None: ...

    _add_constraints(module, name, None if name == NAMES[0] else before, choices)
    if choices.echoes:
        module.effect(name="echo")(_echo(alive, cleaned_up) if choices.echoes == "sync" else _late_echo)
    if choices.serves == "batch":
        module.batch_resolver(Put, window=0.1)(serve)
    elif choices.serves:
        module.resolver(Put, name="serve")(_serve(choices.serves, alive))
    if choices.feeds:
        module.source(name="feed")(_feed(alive))

    @module.on(Write)
    def write(facts: Any, event: Write) -> None:
        if event.home == name:
            setattr(facts, event.fact, event.value)

    return module


def _add_constraints(module: Module[Any], name: str, before: str | None, choices: Choices) -> None:
    if choices.reaches:

        @module.constraint(priority=choices.priority)
        def reach(facts: Any) -> Put | None:
            return Put(name, "value", facts.goal) if facts.value != facts.goal else None

    if choices.later:

        @module.constraint
        async def later(facts: Any) -> Put | None:
            value = facts.value
            await trio.sleep(choices.later)
            return Put(name, "late", value) if facts.late != value else None

    if before is None:
        return
    if choices.follows:
        after = {"after its own": ["reach"], "after the other": [f"{before}::reach"], "after nobody": ["x::y"]}
        names = [f"{before}.total"] if choices.names else []

        @module.constraint(after=after.get(choices.follows, []), reads=names)
        def follow(facts: Any) -> Put | None:
            theirs = SEEN[before].of(facts).value
            return Put(name, "copy", theirs) if facts.copy != theirs else None

    if choices.meddles:

        @module.constraint(when={"goal": 1})
        def meddle(facts: Any) -> Put | None:
            theirs = SEEN[before].of(facts)
            return Put(before, "value", theirs.goal) if theirs.value != theirs.goal else None


def _echo(alive: dict[str, int], cleaned_up: Callable[[], None]) -> Callable[[Any], Callable[[], None]]:
    def echo(facts: Any) -> Callable[[], None]:
        facts.echo = facts.value
        alive["echo"] += 1

        def clean_up() -> None:
            alive["echo"] -= 1
            cleaned_up()

        return clean_up

    return echo


async def _late_echo(facts: Any) -> None:
    value = facts.value
    await trio.sleep(0.25)
    facts.echo = value


def _do(requirement: Put, ctx: Context[Any]) -> None:
    if requirement.value == FAILS:
        raise BrokenError
    if requirement.value != IDLES:
        ctx.dispatch(Write(requirement.home, requirement.fact, requirement.value))


def _serve(how: str, alive: dict[str, int]) -> Callable[[Put, Context[Any]], Any]:
    async def serve(requirement: Put, ctx: Context[Any]) -> None:
        alive["run"] += 1
        try:
            await trio.sleep(0 if how == "quick" else 0.5)
            _do(requirement, ctx)
        finally:
            if how == "stubborn" and ctx.signal.aborted:
                with trio.CancelScope(shield=True):
                    await trio.sleep(0.75)
            if ctx.signal.aborted:
                ctx.facts.value = ctx.facts.copy = LATE
            alive["run"] -= 1

    return serve


async def serve(requirements: list[Put], ctx: Context[Any]) -> list[Exception | None]:
    await trio.sleep(0.25)
    outcomes: list[Exception | None] = []
    for requirement in requirements:
        try:
            _do(requirement, ctx)
            outcomes.append(None)
        except BrokenError as error:
            outcomes.append(error)
    return outcomes


def _feed(alive: dict[str, int]) -> Callable[[SourceLink], Any]:
    async def feed(link: SourceLink) -> None:
        alive["feed"] += 1
        try:
            link.attached()
            await trio.sleep_forever()
        finally:
            alive["feed"] -= 1

    return feed
