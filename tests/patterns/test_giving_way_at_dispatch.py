"""Patterns: who is superseded has nothing to say from the dispatch on, whoever is woken first or dispatched."""

from collections.abc import Awaitable, Callable
from typing import Literal

import pytest
import trio
from attrs import define, frozen

from directive_trio import CancelReason, Context, Module, System, open_system
from directive_trio.errors import UnknownNameError
from directive_trio.lowlevel import keep, until
from directive_trio.observe import Observation, ResolverCancel, ResolverComplete
from directive_trio.patterns import CancelEvent, Concurrency, Handler, cancellable, optimistic
from tests.patterns.form import Ctx, FormFacts, Search, Submit, form

MODES: tuple[Concurrency, ...] = ("latest", "queue", "parallel")
TRIES = 30
"""Whether the handler or the engine is woken first is left to trio: so many times that each is."""


def reasons(log: list[Observation]) -> list[str]:
    """Why runs were cancelled."""
    return [str(seen.reason) for seen in log if isinstance(seen, ResolverCancel)]


@pytest.mark.parametrize("concurrency", MODES)
@pytest.mark.parametrize("use", ["a kept view", "facts", "a requeue", "an event", "the signal", "an error"])
async def test_who_is_woken_beside_the_dispatch_writes_nothing_more(
    autojump_clock: trio.abc.Clock, concurrency: Concurrency, use: str
) -> None:
    """mutator-18: the next one aborts the one before, also if that goes on before the engine has had its pass."""
    gate = trio.Event()
    aborted: list[bool] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        kept = ctx.facts
        if mutation.q == "a":
            await gate.wait()
            if use == "an event":
                ctx.dispatch(change(Submit("from the old one")))
            if use == "the signal":
                aborted.append(ctx.signal.aborted)
            if use == "an error":
                raise ValueError("of the old one")
            if use == "a requeue":
                ctx.requeue()
        if use == "a kept view":
            kept.log += (mutation.q,)
        else:
            ctx.facts.log += (mutation.q,)

    module, change = form(search=cancellable(search), concurrency=concurrency)
    for _ in range(TRIES):
        gate = trio.Event()
        log: list[Observation] = []
        async with open_system(module) as system:
            system.observe(log.append)
            system.dispatch(change(Search("a")))
            await trio.sleep(1)
            gate.set()
            system.dispatch(change(Search("b")))
            await system.settle()
            assert system[module].log == ("b",)
            assert system[module].pending_mutation is None
        assert reasons(log) == ["superseded"]
    assert aborted == [True] * len(aborted)
    assert bool(aborted) is (use == "the signal")


async def test_who_is_taken_away_writes_nothing_more(autojump_clock: trio.abc.Clock) -> None:
    """The same where the program has emptied the fact."""
    gate = trio.Event()

    async def search(mutation: Search, ctx: Ctx) -> None:
        await gate.wait()
        ctx.facts.log += (mutation.q,)

    module, change = form(search=cancellable(search))
    for _ in range(TRIES):
        gate = trio.Event()
        log: list[Observation] = []
        async with open_system(module) as system:
            system.observe(log.append)
            system.dispatch(change(Search("a")))
            await trio.sleep(1)
            gate.set()
            system[module].pending_mutation = None
            await system.settle()
            assert system[module].log == ()
        assert reasons(log) == ["removed"]


# -- one that dispatches its own kind ------------------------------------------------------------------


def wrapped(search: Handler[Search, FormFacts], how: str, told: list[str]) -> Handler[Search, FormFacts]:
    """Each composition of the two wrappers."""

    def note(event: CancelEvent[Search, FormFacts]) -> None:
        told.append(f"{event.kind} {event.mutation.q}")

    if how == "cancellable":
        return cancellable(search, timeout=2, on_cancel=note)
    if how == "cancellable(optimistic)":
        return cancellable(optimistic(search, "results"), timeout=2, on_cancel=note)
    return optimistic(cancellable(search, timeout=2, on_cancel=note), "results")


@pytest.mark.parametrize("concurrency", MODES)
@pytest.mark.parametrize("how", ["cancellable", "cancellable(optimistic)", "optimistic(cancellable)"])
@pytest.mark.parametrize("then", ["nothing", "cancel", "stop", "another"])
async def test_who_dispatches_its_own_kind_is_superseded_by_it(
    autojump_clock: trio.abc.Clock, concurrency: Concurrency, how: str, then: str
) -> None:
    """At its next checkpoint at the latest; what it dispatched is not lost, whatever happens then."""
    told: list[str] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        ctx.facts.results = f"of {mutation.q}"
        if mutation.q == "a":
            ctx.dispatch(change(Search("b")))
            ctx.facts.log += ("does not land",)
        await trio.sleep(1)
        ctx.facts.log += (mutation.q,)

    module, change = form(search=wrapped(search, how, told), concurrency=concurrency)
    system = System(module, initial={"form": {"results": "old"}})
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        if then == "cancel":
            system.cancel(change.requirement(1))  # type: ignore[call-arg]  # made at run time; it is over already
        if then == "stop":
            await system.stop_async()
            system.start(nursery)
        if then == "another":
            system.dispatch(change(Submit("c")))
        await system.settle(timeout=10)
        assert sorted(system[module].log) == (["b", "c"] if then == "another" else ["b"])
        assert system[module].results == "of b"
        assert system[module].pending_mutation is None
        await system.destroy()
    assert told == ["superseded a"]


async def test_a_sync_handler_may_dispatch_its_own_kind(autojump_clock: trio.abc.Clock) -> None:
    """A cascade of one kind, each step superseding the one before; all steps run."""
    log: list[Observation] = []

    def search(mutation: Search, ctx: Ctx) -> None:
        steps.append(mutation.q)
        if len(mutation.q) < 5:
            ctx.dispatch(change(Search(mutation.q + "x")))

    steps: list[str] = []
    module, change = form(search=cancellable(search))
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Search("x")))
        await system.settle()
        assert system[module].pending_mutation is None
    assert steps == ["x", "xx", "xxx", "xxxx", "xxxxx"]
    assert reasons(log) == ["superseded"] * 4


async def test_it_is_superseded_at_once(autojump_clock: trio.abc.Clock) -> None:
    """Not when it next uses what it was given."""
    told: list[float] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        if mutation.q == "a":
            ctx.dispatch(change(Search("b")))
            await trio.sleep(5)

    module, change = form(search=cancellable(search, on_cancel=lambda _: told.append(trio.current_time())))
    async with open_system(module) as system:
        begun = trio.current_time()
        system.dispatch(change(Search("a")))
        await system.settle()
        assert (told, trio.current_time()) == ([begun], begun)


@pytest.mark.parametrize("then", ["nothing", "cancel"])
async def test_what_it_dispatched_in_a_transaction_supersedes_it(autojump_clock: trio.abc.Clock, then: str) -> None:
    """Not in the transaction, for all may yet be undone, but at the checkpoint after it, and nothing is lost."""
    log: list[Observation] = []
    told: list[float] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        if mutation.q == "a":
            with system.transaction():
                ctx.dispatch(change(Search("b")))
                assert not told
            if then == "cancel":
                system.cancel(change.requirement(1))  # type: ignore[call-arg]  # made at run time
            await trio.sleep(100)
        ctx.facts.log += (mutation.q,)

    module, change = form(search=cancellable(search, on_cancel=lambda _: told.append(trio.current_time())))
    async with open_system(module) as system:
        system.observe(log.append)
        begun = trio.current_time()
        system.dispatch(change(Search("a")))
        await system.settle(timeout=20)
        assert trio.current_time() == begun
        assert (system[module].log, system[module].pending_mutation) == (("b",), None)
    assert told == ([begun] if then == "nothing" else [])
    assert reasons(log) == ["superseded" if then == "nothing" else "cancelled"]


async def test_what_is_undone_supersedes_nobody(autojump_clock: trio.abc.Clock) -> None:
    """A dispatch in a transaction that fails has not been."""
    log: list[Observation] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        with pytest.raises(ValueError, match="undone"), system.transaction():
            ctx.dispatch(change(Search("b")))
            ctx.facts.values = "undone"
            raise ValueError("undone")
        await trio.sleep(1)
        ctx.facts.log += (mutation.q,)

    module, change = form(search=cancellable(search))
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Search("a")))
        await system.settle()
        assert (system[module].log, system[module].values) == (("a",), "")
    assert reasons(log) == []
    assert any(isinstance(seen, ResolverComplete) for seen in log)


# -- below ---------------------------------------------------------------------------------------------


@define
class DoorFacts:
    state: Literal["open", "closing", "closed"] = "open"
    knocks: int = 0


@frozen
class Close: ...


def door(closing: Callable[[Close, Context[DoorFacts]], Awaitable[None]]) -> Module[DoorFacts]:
    """A door that must be closed while it is open; *closing* begins with the marker."""
    module = Module("door", DoorFacts)
    module.constraint(when={"state": "open"}, name="must_be_closed")(lambda facts: Close())

    @module.resolver(Close)
    async def close(requirement: Close, ctx: Context[DoorFacts]) -> None:
        await closing(requirement, ctx)

    return module


@pytest.mark.parametrize(("kept", "left"), [("state", "closing"), ("knocks", "open")])
async def test_what_is_kept_is_not_taken_back(
    autojump_clock: trio.abc.Clock, kept: Literal["state", "knocks"], left: str
) -> None:
    """A cancelled run that has made its own constraint false leaves the marker only if that is kept."""

    async def closing(requirement: Close, ctx: Context[DoorFacts]) -> None:
        ctx.facts.state = "closing"
        with pytest.raises(UnknownNameError, match="'stat'"):
            keep(ctx, "stat")
        keep(ctx, kept)
        await trio.sleep(10)

    module = door(closing)
    async with open_system(module) as system:
        await trio.sleep(1)
        system.cancel(Close())
        await trio.sleep(1)
        assert system[module].state == left


@frozen
class Knock: ...


async def test_only_who_wrote_it_can_keep_it(autojump_clock: trio.abc.Clock) -> None:
    """What another run has written is that run's, and is taken back with it."""

    async def closing(requirement: Close, ctx: Context[DoorFacts]) -> None:
        ctx.facts.state = "closing"
        await trio.sleep(10)

    module = door(closing)

    @module.resolver(Knock)
    async def knock(requirement: Knock, ctx: Context[DoorFacts]) -> None:
        keep(ctx, "state")

    async with open_system(module) as system:
        await trio.sleep(1)
        system.require(Knock())
        await trio.sleep(1)
        system.cancel(Close())
        await trio.sleep(1)
        assert system[module].state == "open"


async def test_a_run_ends_as_soon_as_it_is_over(autojump_clock: trio.abc.Clock) -> None:
    """`until` asks whenever the context is used, ends the run with the reason that is given, and asks no more."""
    asked = 0
    log: list[Observation] = []

    def over() -> CancelReason | None:
        nonlocal asked
        asked += 1
        return CancelReason("evicted") if asked > 2 else None

    async def closing(requirement: Close, ctx: Context[DoorFacts]) -> None:
        watchful = until(ctx, over)
        assert (watchful.attempt, asked) == (1, 0)
        watchful.facts.knocks += 1  # one look for the view, one for the write
        watchful.facts.knocks += 1  # over: does not land
        assert watchful.signal.reason == ctx.signal.reason == CancelReason("evicted")

    module = door(closing)
    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle()
        assert (system[module].knocks, asked) == (1, 3)
    assert reasons(log) == ["evicted"]
