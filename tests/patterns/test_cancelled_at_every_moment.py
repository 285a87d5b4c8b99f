"""Patterns: whatever ends a mutation, and whenever it does, nothing is left standing that is not so."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from directive_trio import Module, System
from directive_trio.observe import Observation, ResolverCancel, ResolverComplete, ResolverError, ResolverStart
from directive_trio.patterns import CancelEvent, Concurrency, Handler, Mutator, cancellable, optimistic
from tests.patterns.form import Ctx, FormFacts, Search, Submit, form

TICK = 1 / 8
TICKS = 18
"""Of the life of one mutation: two steps of work with a write after each, then cleaning up, behind a shield."""

Handle = Handler[Search, FormFacts]
WRAPPERS: dict[str, Callable[[Handle, Callable[[CancelEvent[Search, FormFacts]], None]], Handle]] = {
    "plain": lambda handler, note: handler,
    "cancellable": lambda handler, note: cancellable(handler, timeout=2, on_cancel=note),
    "optimistic": lambda handler, note: optimistic(handler, "results"),
    "cancellable(optimistic)": lambda handler, note: cancellable(optimistic(handler, "results"), on_cancel=note),
    "optimistic(cancellable)": lambda handler, note: optimistic(cancellable(handler, on_cancel=note), "results"),
}
ENDS = ("cancel", "take away", "supersede", "switch off", "stop", "destroy", "evict", "leave")


class Story:
    """One mutation that is ended in one way at one moment."""

    def __init__(self, wrapper: str, concurrency: Concurrency) -> None:
        self.begun = self.cleaned_up = self.told = 0
        self.log: list[Observation] = []
        self.module: Module[FormFacts]
        self.change: Mutator[FormFacts, Submit | Search]
        self.module, self.change = form(search=WRAPPERS[wrapper](self.search, self.note), concurrency=concurrency)
        self.system = System(self.module, initial={"form": {"results": "old"}})
        self.system.observe(self.log.append)

    async def search(self, mutation: Search, ctx: Ctx) -> None:
        self.begun += 1
        try:
            for part in ("some", "all"):
                await trio.sleep(4 * TICK)
                ctx.facts.results = f"{part} of {mutation.q}"
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(4 * TICK)
            ctx.facts.values = f"cleaned up after {mutation.q}"
            self.cleaned_up += 1

    def note(self, event: CancelEvent[Search, FormFacts]) -> None:
        self.told += 1
        event.facts.log += (event.kind,)

    async def end(self, how: str, nursery: trio.Nursery) -> None:
        system = self.system
        if how == "cancel":
            system.cancel(self.change.requirement(1))  # type: ignore[call-arg]  # made at run time
        elif how == "take away":
            system[self.module].pending_mutation = None
        elif how == "supersede":
            system.dispatch(self.change(Search("b")))
        elif how == "switch off":
            system.disable("form::pending_mutation")
            await system.settle(timeout=20)
            self.check(how)
            system.enable("form::pending_mutation")
        elif how == "stop":
            await system.stop_async()
        elif how == "destroy":
            await system.destroy()
        elif how == "evict":
            assert (await system.evict()).clean
        else:
            nursery.cancel_scope.cancel()

    async def run(self, how: str, tick: int) -> None:
        async with trio.open_nursery() as nursery:
            self.system.start(nursery)
            self.system.dispatch(self.change(Search("a")))
            if tick:
                await trio.sleep(tick * TICK)
            await self.end(how, nursery)
            if how in {"cancel", "take away", "supersede", "switch off"}:
                await self.system.settle(timeout=20)
                assert self.system[self.module].pending_mutation is None
                await self.system.destroy()
        self.check(how)

    def check(self, how: str) -> None:
        facts: Any = self.system[self.module]
        line = facts.pending_mutation
        assert line is None or line.status == "pending"
        assert self.begun == self.cleaned_up
        started = [seen for seen in self.log if isinstance(seen, ResolverStart)]
        ended = [seen for seen in self.log if isinstance(seen, ResolverCancel | ResolverComplete | ResolverError)]
        assert sorted(seen.run for seen in ended) == [seen.run for seen in started]
        assert not [seen.type for seen in self.log if "error" in seen.type]
        self.check_values(how, facts, {seen.requirement.sequence for seen in ended if isinstance(seen, ResolverCancel)})

    def check_values(self, how: str, facts: FormFacts, cancelled: set[int]) -> None:
        assert facts.log == ("superseded",) * self.told
        assert self.told <= (how == "supersede")
        if 1 in cancelled and how not in {"supersede", "switch off"}:
            assert facts.values == ""


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("concurrency", ["latest", "queue", "parallel"])
def test_nothing_is_left_standing(
    wrapper: str, how: str, concurrency: Concurrency, caplog: pytest.LogCaptureFixture
) -> None:
    """At every tick of its life: each run has one end, no status lies, no error is made."""
    with caplog.at_level(logging.WARNING):
        for tick in range(TICKS):
            story = Story(wrapper, concurrency)
            trio.run(story.run, how, tick, clock=MockClock(autojump_threshold=0))
            results = story.system[story.module].results
            cancelled = any(isinstance(seen, ResolverCancel) for seen in story.log)
            if how == "switch off":
                assert results == "all of a"  # it had its turn again
            elif "optimistic" in wrapper and cancelled and how != "supersede":
                assert (tick, results) == (tick, "old")
            if how == "supersede" and ("cancellable" in wrapper or concurrency != "parallel"):
                assert results == "all of b"
    assert caplog.records == []
