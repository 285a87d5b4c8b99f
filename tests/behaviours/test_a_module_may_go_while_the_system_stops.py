"""S1, R11: a module that is unregistered while the system stops is ended with it, and holds nothing up."""

import pytest
import trio
from attrs import define

from directive_trio import Module, SourceLink, System


@define
class Facts:
    value: int = 0


@pytest.mark.parametrize("who", ["program", "source", "cleanup"])
async def test_the_system_comes_to_its_end(who: str, autojump_clock: trio.abc.Clock) -> None:
    """Whoever asks for it: the program, a source that is torn down, the cleanup of an effect."""
    going, staying = Module("going", Facts), Module("staying", Facts)
    ended: list[str] = []

    @going.source
    async def wait(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("going")

    @staying.source
    async def linger(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                if who == "source":
                    system.unregister("going")
                await trio.sleep(0.1)

    going.effect(name="quiet")(lambda facts: None)
    if who == "cleanup":
        staying.effect(name="last")(lambda facts: lambda: system.unregister("going"))

    system: System = System(going, staying)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await trio.sleep(1)
        system.stop()
        if who == "program":
            system.unregister("going")
    assert (system.state, ended) == ("stopped", ["going"])
    assert [node.id for node in system.inspect().sources] == ["staying::linger"]
