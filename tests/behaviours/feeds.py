"""A module that counts what sources publish, for tests that are about its sources."""

from typing import Any

import trio
from attrs import define, frozen

from directive_trio import Module, SourceLink, System
from directive_trio.observe import Observation


@define
class FeedFacts:
    total: int = 0
    last: int = 0
    online: bool = False
    room: str | None = None


@frozen
class Tick:
    value: int = 1


@frozen
class Connected: ...


@frozen
class Broken: ...


@frozen
class Unhandled: ...


class HandlerError(Exception):
    """What the handler of `Broken` raises."""


def feed_module(name: str = "feed") -> Module[FeedFacts]:
    """Make the module; its sources are the test's."""
    feed = Module(name, FeedFacts)

    @feed.on(Tick)
    def tick(facts: FeedFacts, event: Tick) -> None:
        facts.total += event.value
        facts.last = event.value

    @feed.on(Connected)
    def connected(facts: FeedFacts, event: Connected) -> None:
        facts.online = True

    @feed.on(Broken)
    def broken(facts: FeedFacts, event: Broken) -> None:
        facts.total = -1
        raise HandlerError

    return feed


class Line:
    """A source function that hands its link to the test and stays attached until it is cancelled."""

    def __init__(self) -> None:
        self.links: list[SourceLink] = []

    async def __call__(self, link: SourceLink) -> None:
        link.attached()
        self.links.append(link)
        await trio.sleep_forever()

    @property
    def link(self) -> SourceLink:
        """The latest one."""
        return self.links[-1]


def of_source(system: System, name: str = "feed::line") -> Any:
    """What ``inspect`` says of a source."""
    return next(source for source in system.inspect().sources if source.id == name)


def source_log(log: list[Observation], *types: str) -> list[tuple[Any, ...]]:
    """Type without ``source.``, id without module, and what tells one from another: event, phase, reason."""
    found = []
    for seen in log:
        if seen.type.startswith("source.") and (not types or seen.type in types):
            words = [seen.type.removeprefix("source."), getattr(seen, "id", "").split("::")[1]]
            words += [str(getattr(seen, name)) for name in ("phase", "outcome", "reason") if getattr(seen, name, None)]
            found.append(tuple(words))
    return found
