"""Wrong uses of sources."""

from attrs import define, frozen

from directive_trio import Module, SourceLink, from_callback
from directive_trio.abc import Source


@define
class GameFacts:
    game_id: str | None = None


@frozen
class Scored:
    points: int


game = Module("game", GameFacts)


async def run(link: SourceLink) -> None:
    link.publish(Scored("1"))  # E: arg-type / reportArgumentType
    link.publish(3)  # E: call-overload / reportArgumentType, reportCallIssue
    link.publish(Scored(1), {"points": 1})  # E: call-overload / reportArgumentType
    link.report_error("lost")  # E: arg-type / reportArgumentType
    link.on_evict(3)  # E: arg-type / reportArgumentType
    await link.teardown()  # E: misc / reportGeneralTypeIssues
    link.key = 3  # E: misc / reportAttributeAccessIssue


def attach(link: SourceLink) -> None: ...


game.source(coalesce="all")(run)  # E: call-overload / reportArgumentType
game.source(key=lambda facts: facts.gameid)(run)  # E: attr-defined / reportAttributeAccessIssue
game.add_source(run, name="x")  # E: arg-type / reportArgumentType
game.add_source(from_callback(attach), name="x")  # E: arg-type / reportArgumentType
game.add_source(Source(), name="x")  # E: abstract / reportAbstractUsage
