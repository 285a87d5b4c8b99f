"""R12: what `throw` lets through, and an interrupt (R10), leaves the nursery alone, whoever waits meanwhile."""

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, open_system


@define
class WorkFacts:
    wrong: bool = False


@frozen
class Work: ...


def work_module(error: BaseException, place: str) -> Module[WorkFacts]:
    """Work that takes long and cleans up long, and something beside it that raises once all is wrong."""
    work = Module("work", WorkFacts)

    @work.constraint
    def must_work(facts: WorkFacts) -> Work:
        return Work()

    @work.resolver(Work)
    async def do(requirement: Work, ctx: Context[WorkFacts]) -> None:
        try:
            await trio.sleep(100)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)

    def fail(facts: WorkFacts) -> None:
        if facts.wrong:
            raise error

    async def fail_later(facts: WorkFacts) -> None:
        await trio.sleep(1)
        fail(facts)

    if place == "constraint":
        work.constraint(name="fail")(fail)
    else:
        work.effect(name="fail")(fail if place == "effect" else fail_later)
    return work


@pytest.mark.parametrize("place", ["constraint", "effect", "async effect"])
@pytest.mark.parametrize("error", [OSError("wrong"), KeyboardInterrupt()])
async def test_it_stands_alone(error: BaseException, place: str, autojump_clock: trio.abc.Clock) -> None:
    """No `LifecycleError` of the task that waits for rest comes beside it."""
    work = work_module(error, place)

    async def run() -> None:
        async with open_system(work, errors=ErrorBoundary(constraint="throw", effect="throw")) as system:
            await trio.sleep(2)
            system[work].wrong = True
            await system.settle(timeout=None)

    with pytest.raises(BaseExceptionGroup) as caught:
        await run()
    assert caught.value.exceptions == (error,)
