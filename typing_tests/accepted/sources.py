"""Sources: functions, objects, callbacks."""

from collections.abc import Callable
from typing import assert_type

import trio
from attrs import define, frozen

from directive_trio import DeclaredSource, Module, Retry, SourceLink, System, from_callback
from directive_trio.abc import Source


@define
class GameFacts:
    game_id: str | None = None
    score: int = 0


@frozen
class Scored:
    points: int


game = Module("game", GameFacts)


@game.source
async def plain(link: SourceLink) -> None:
    link.attached()
    link.publish(Scored(1))
    link.publish("Scored", {"points": 1})
    link.publish("game::Scored")
    link.report_error(OSError("lost"))
    link.on_evict(lambda: None)
    link.on_evict(trio.lowlevel.checkpoint)
    with link.teardown():
        await link.caught_up()
    print(link.key, link.signal.aborted)


@game.source(coalesce="last_write_wins", key=lambda facts: facts.game_id, retry=Retry(3), name="other")
async def keyed(link: SourceLink) -> None: ...


assert_type(plain, DeclaredSource[GameFacts])
assert_type(keyed, DeclaredSource[GameFacts])


class Adapter(Source):
    async def run(self, link: SourceLink, /) -> None: ...

    async def on_evict(self) -> None: ...


def attach(link: SourceLink) -> Callable[[], None]:
    return lambda: None


async def attach_slowly(link: SourceLink) -> Callable[[], object]:
    await trio.lowlevel.checkpoint()
    return trio.lowlevel.checkpoint


added = game.add_source(Adapter(), name="adapter", key=lambda facts: facts.game_id, coalesce="none")
game.add_source(from_callback(attach), name="callback")
game.add_source(from_callback(attach_slowly, on_evict=trio.lowlevel.checkpoint, coalesce="none"), name="slow")


def switch(system: System) -> None:
    system.disable(plain)
    system.enable(added)
    print(system.explain(added), system.inspect().attached_source_count)
    for source in system.inspect().sources:
        print(source.publish_count + source.drop_count, source.last_drop_reason)


async def leave(system: System) -> None:
    report = await system.evict(trio.current_time() + 5)
    assert_type(report.clean, bool)
    assert_type(report.hung, tuple[str, ...])
    await system.evict()
