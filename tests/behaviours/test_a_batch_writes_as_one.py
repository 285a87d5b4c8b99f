"""R14: the context is shared: what the call writes, it has written for all of its runs."""

import trio
from attrs import frozen

from directive_trio import Module, Retry, open_system
from directive_trio.observe import Observation
from tests.behaviours.cache import Cache, Ctx, Load, Outcomes, cache, ends


async def test_its_writes_are_those_of_all_its_runs(autojump_clock: trio.abc.Clock) -> None:
    """A batch that makes its own constraint false goes on: for each run it is self-satisfied."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        ctx.facts.loaded = tuple(requirement.id for requirement in requirements)  # at once
        await trio.sleep(1)
        ctx.facts.note = "at the end"

    log: list[Observation] = []
    module = cache(do, window=0)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await system.settle()
        assert system[module].note == "at the end"
        assert ends(log) == [("resolver.complete", 1, ""), ("resolver.complete", 2, "")]
        log.clear()
        system[module].loaded = ()
        await trio.sleep(0.5)
        system[module].wanted = ()  # would be false without its writes too
        await system.settle()
    assert ends(log) == [("resolver.cancel", 1, "removed"), ("resolver.cancel", 2, "removed")]


async def test_markers_return_when_the_last_is_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """Not before: what the call has written, it has written for the others too."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        ctx.facts.loaded = tuple(requirement.id for requirement in requirements)
        await trio.sleep(100)

    module = cache(do, window=0)
    for first, last in ((1, 2), (2, 1)) * 12:  # whether the call or the pass ends first is left to trio
        async with open_system(module) as system:
            system[module].wanted = (1, 2)
            await trio.sleep(0.5)
            system.cancel(Load(first))
            await trio.sleep(0.5)
            assert system[module].loaded == (1, 2)
            system.cancel(Load(last))
            await trio.sleep(0.5)
            assert system[module].loaded == ()


async def test_a_batch_is_one_writer_until_its_last_run_is_over(autojump_clock: trio.abc.Clock) -> None:
    """Also for what it first writes when the run after which it is named has been met and is gone."""

    async def do(requirements: list[Load], ctx: Ctx) -> Outcomes:
        if ctx.attempt == 1:
            ctx.facts.loaded = (1,)
            return [None, ValueError()]
        ctx.facts.note = "marker"
        await trio.sleep(100)
        return None

    module = Module("cache", Cache)
    module.constraint(name="must_be_loaded")(
        lambda facts: [] if facts.note else [Load(key) for key in facts.wanted if key not in facts.loaded]
    )
    module.batch_resolver(Load, window=0, retry=Retry(2, initial_delay=1))(do)
    async with open_system(module) as system:
        system[module].wanted = (1, 2)
        await trio.sleep(2)
        assert (system[module].loaded, system[module].note) == ((1,), "marker")
        system.cancel(Load(2))
        await trio.sleep(0.5)
        assert (system[module].loaded, system[module].note) == ((1,), "")


async def test_what_it_dispatches_is_its_own_too(autojump_clock: trio.abc.Clock) -> None:
    """As with any run; and it may be cancelled by itself, or asked for again."""

    @frozen
    class Loaded:
        ids: tuple[int, ...]

    rounds = 0

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            ctx.requeue()
        elif rounds == 2:
            ctx.cancel()
            await trio.sleep(10)
        else:
            ctx.dispatch(Loaded(tuple(requirement.id for requirement in requirements)))
            await trio.sleep(1)
            ctx.facts.note = "at the end"

    log: list[Observation] = []
    module = cache(do, window=0)
    module.on(Loaded)(lambda facts, event: setattr(facts, "loaded", event.ids))
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await system.settle()
        assert ends(log) == [
            *(("resolver.complete", key, "") for key in (1, 2)),
            *(("resolver.cancel", key, "cancelled") for key in (1, 2)),
        ]
        log.clear()
        system.require(Load(1))
        system.require(Load(2))
        await system.settle()
        assert system[module].note == "at the end"
    assert ends(log) == [("resolver.complete", 1, ""), ("resolver.complete", 2, "")]


async def test_a_batch_of_one_constraint_owns(autojump_clock: trio.abc.Clock) -> None:
    """owns-18: one of several constraints owns nothing: nobody could say whose write it is."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.note = "mine"
        ctx.facts.loaded += tuple(requirement.id for requirement in requirements)

    for mixed in (False, True):
        module = Module("cache", Cache)
        module.constraint(owns=["note"], name="a")(
            lambda facts: [Load(key) for key in facts.wanted if key < 10 and key not in facts.loaded]
        )
        module.constraint(name="b")(
            lambda facts: [Load(key) for key in facts.wanted if key >= 10 and key not in facts.loaded]
        )
        module.batch_resolver(Load, window=0)(do)
        async with open_system(module) as system:
            system[module].wanted = (1, 2, 10) if mixed else (1, 2)
            await trio.sleep(0.5)
            system[module].note = "theirs"
            await system.settle()
            assert system[module].note == ("mine" if mixed else "theirs")
