"""A lamp with a slow bulb, for the tests of the test tools."""

import trio
from attrs import define, frozen

from directive_trio import Context, Module, Retry


@define
class LampFacts:
    wanted: bool = False
    lit: bool = False


@frozen
class SwitchOn:
    brightness: int = 1


def lamp_module(name: str = "lamp", retry: Retry = Retry(), timeout: float | None = None) -> Module[LampFacts]:
    """A lamp that is to be lit when it is wanted."""
    lamp = Module(name, LampFacts)

    @lamp.constraint
    def must_be_lit(facts: LampFacts) -> SwitchOn | None:
        return SwitchOn() if facts.wanted and not facts.lit else None

    @lamp.resolver(SwitchOn, retry=retry, timeout=timeout)
    async def switch_on(requirement: SwitchOn, ctx: Context[LampFacts]) -> None:
        await trio.sleep(1)
        ctx.facts.lit = True

    return lamp
