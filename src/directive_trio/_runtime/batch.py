"""Batches: runs of one resolver that are carried out by one call.

Each requirement is an ordinary run from the moment it is gathered: it has begun, it is outstanding, and it can be
cancelled alone. A batch is gathered until its window closes or it is full; then a task of its own calls the
resolver with those that are left. What the call answers is dealt out: who has failed and may be tried again stays
for the next attempt of the same batch, everybody else ends.

A run that is cancelled while it is only gathered, or waits for the next attempt, ends at once. One that is
cancelled while the call goes on ends with the call, since that still works for it; when it was the last, the call
itself is cancelled. The runs write as one: who looks at the world without one of them sees it without the batch,
and its markers are taken back when the last of them is cancelled.
"""

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import trio

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Batching, Resolver
from directive_trio._planning.run import ERROR, Run
from directive_trio._runtime.resolver_run import LiveRun, ResolverRuns, TimeLimit
from directive_trio._runtime.run_context import RunContext
from directive_trio._runtime.signal import RunSignal
from directive_trio._runtime.timers import Timer
from directive_trio._store.cell import Cell
from directive_trio.errors import BatchOutcomeError, ResolverTimeoutError


class BatchRun(Run):
    """What stands for all runs of a batch where one is asked for: it writes as the first of them."""

    __slots__ = ("items",)

    def __init__(self, first: Run) -> None:
        super().__init__(first.number, first.wanted, first.since)
        self.items: list[BatchItem] = []

    @property
    def live(self) -> bool:
        """Whether anybody in it goes on."""
        return any(item.run.live for item in self.items)


class BatchItem(LiveRun):
    """One run of a batch."""

    __slots__ = ("batch",)

    def __init__(self, run: Run, signal: RunSignal, batch: "Batch") -> None:
        super().__init__(run, signal)
        self.batch = batch

    def cancel(self, reason: CancelReason) -> None:
        self.batch.cancel_item(self, reason)


class Batch(LiveRun):
    """One batch: the scope and the signal of the call."""

    __slots__ = ("calling", "items", "resolver", "runs", "window")

    def __init__(self, runs: ResolverRuns, first: Run, resolver: Resolver[Any, Any], signal: RunSignal) -> None:
        shared = BatchRun(first)
        super().__init__(shared, signal)
        self.runs = runs
        self.resolver = resolver
        self.items = shared.items
        self.window: Timer | None = None
        """While it is gathered."""
        self.calling = False

    def cancel_item(self, item: BatchItem, reason: CancelReason) -> None:
        """A run has been cancelled: it ends at once, unless the call is at work for it."""
        ends = not self.calling
        if ends:
            self.items.remove(item)
        try:
            self._go_on_without(item, reason)
        finally:  # last: who is told of its end, or of the abort, might raise a KeyboardInterrupt
            if ends:
                self.runs.finish(item, None)

    def _go_on_without(self, item: BatchItem, reason: CancelReason) -> None:
        if self.run.live:
            item.run.taken_back = True  # what the call has written, it has written for the others too
            return
        self.run.reason = reason
        for one in self.items:
            one.run.taken_back = False  # but now it was in vain: whoever is judged first takes it back
        if self.window is None:
            self.cancel(reason)
        else:
            self.window.cancel()

    def unfinished(self) -> list[BatchItem]:
        """Return the runs that have no outcome."""
        return [item for item in self.items if item.run.outcome is None]

    def requirements(self) -> list[Record]:
        """Return what the call is to meet."""
        return [item.run.wanted.requirement for item in self.items]


class BatchContext(RunContext):
    """The context of one call: what it does, it does for all runs of the batch."""

    __slots__ = ("_batch",)

    def __init__(self, runs: ResolverRuns, batch: Batch) -> None:
        super().__init__(runs, batch.run, runs.store.modules[batch.resolver.module], batch.signal)
        self._batch = batch

    def requeue(self) -> None:
        for item in self._batch.items:
            item.run.requeued = True

    def dispatch(self, event: Record, /) -> None:
        self._mark()
        super().dispatch(event)

    def end(self, reason: CancelReason) -> None:
        for item in [item for item in self._batch.items if item.run.live]:
            self._runs.cancel_by_itself(item.run, reason)

    def _write(self, cell: Cell, value: Any) -> None:
        self._mark()
        super()._write(cell, value)

    def _mark(self) -> None:
        for item in self._batch.items:
            item.run.wrote = True


class Batches:
    """The batches that are gathered now, one for each resolver."""

    def __init__(self, runs: ResolverRuns) -> None:
        self._runs = runs
        self._gathering: dict[str, Batch] = {}

    def gather(self, run: Run, resolver: Resolver[Any, Any], batching: Batching) -> LiveRun:
        """Put a run into the batch that is gathered, or begin one."""
        runs = self._runs
        batch = self._gathering.get(resolver.id)
        if batch is None or not batch.items:  # all it had may have been cancelled
            batch = self._gathering[resolver.id] = Batch(runs, run, resolver, runs.signal(resolver))
            closes = trio.current_time() + batching.window
            batch.window = runs.timers.call_at(closes, partial(self._call, batch))
        item = BatchItem(run, runs.signal(resolver), batch)
        batch.items.append(item)
        return item

    def call_if_full(self, item: LiveRun, batching: Batching) -> None:
        """Call for the batch of a run at once if nobody more fits in."""
        assert isinstance(item, BatchItem)
        if batching.max_size is not None and len(item.batch.items) >= batching.max_size:
            self._call(item.batch)

    def _call(self, batch: Batch) -> None:
        assert batch.window is not None  # it is still gathered
        batch.window.cancel()
        batch.window = None
        del self._gathering[batch.resolver.id]
        runs = [item.run for item in batch.items]
        self._runs.planner.requirements.writers.share(runs)
        batch.run.number = batch.run.writer = runs[0].number
        _bind(batch.run, runs)
        self._runs.tasks.start_own(self._run, batch, name=f"{batch.resolver.id} batch of run {batch.run.number}")

    # -- the task ---------------------------------------------------------------------------------

    async def _run(self, batch: Batch) -> None:
        with self._runs.tasks:
            thrown: Exception | None = None
            try:
                with batch.scope:
                    if batch.items:  # else all were cancelled before its first step: the user's code never begins
                        thrown = await self._attempts(batch)
            except BaseException:
                for item in batch.unfinished():
                    self._runs.crashed(item)
                raise
            for item in batch.unfinished():  # they were cancelled while the call was at work for them
                self._runs.finish(item, None)
            self._runs.tell_rejected(batch.run, batch.resolver.id)
            if thrown is not None:
                raise thrown

    async def _attempts(self, batch: Batch) -> Exception | None:
        """Call until nobody is left to be tried again; return an error that the boundary wants to be thrown."""
        while True:
            delay, thrown = self._deal(batch, await self._attempt(batch))
            if thrown is not None:
                for item in batch.items:
                    item.run.reason = CancelReason("stopped")  # with the system
            if delay is None or thrown is not None:
                return thrown
            await trio.sleep(delay)
            batch.signal = self._runs.signal(batch.resolver)
            batch.run.attempt += 1
            for item in batch.items:
                item.run.attempt += 1

    async def _attempt(self, batch: Batch) -> Sequence[Exception | None]:
        """Call once; return an outcome for each."""
        resolver, failure = batch.resolver, None
        outcomes: Sequence[Exception | None] = ()
        batch.calling = True
        try:
            if resolver.timeout is None:
                outcomes = await self._outcomes(batch)
            else:
                with TimeLimit(batch, self._runs.timers, resolver.timeout):
                    outcomes = await self._outcomes(batch)
        except Exception as error:  # noqa: BLE001  # whatever the user's resolver raises
            failure = error
        if batch.timed_out and batch.run.live:
            assert resolver.timeout is not None  # only a timeout times out
            timeout = ResolverTimeoutError(resolver.id, resolver.timeout, batch.run.attempt)
            timeout.__cause__ = failure
            failure, batch.timed_out = timeout, False
        batch.calling = False
        return outcomes if failure is None else [failure] * len(batch.items)

    async def _outcomes(self, batch: Batch) -> Sequence[Exception | None]:
        asked = batch.requirements()
        answer: Any = await batch.resolver.function(asked, BatchContext(self._runs, batch))
        if answer is None:
            return [None] * len(batch.items)
        if not isinstance(answer, Sequence) or isinstance(answer, str):
            raise BatchOutcomeError(batch.resolver.id, len(batch.items), spelt(answer))
        if len(answer) != len(batch.items):
            raise BatchOutcomeError(batch.resolver.id, len(batch.items), f"{len(answer)} outcomes")
        for outcome in answer:
            if outcome is not None and not isinstance(outcome, Exception):
                raise BatchOutcomeError(batch.resolver.id, len(batch.items), f"{spelt(outcome)} among them")
        return answer

    def _deal(self, batch: Batch, outcomes: Sequence[Exception | None]) -> tuple[float | None, Exception | None]:
        """Give each run its outcome and keep those to be tried again; return after what wait, and what to throw."""
        chance = random.random()  # one for all: they are tried again together
        again: dict[BatchItem, float] = {}
        thrown: Exception | None = None
        for item, outcome in list(zip(batch.items, outcomes, strict=True)):
            if item.run.outcome is not None:
                continue  # what the error of one before it set in motion has cancelled it
            delay = self._runs.next_delay(item.run, batch.resolver, outcome, chance)
            if delay is not None:
                again[item] = delay
                continue
            self._runs.finish(item, outcome)
            if item.run.outcome is ERROR and item.run.strategy == "throw":
                thrown = thrown or item.run.error
        batch.items[:] = [item for item in again if item.run.live]
        return max((again[item] for item in batch.items), default=None), thrown


def _bind(shared: Run, runs: Sequence[Run]) -> None:
    """Runs of one constraint own as one; runs of several own nothing, since nobody could say whose write it is."""
    owners = {None if run.ownership is None else run.ownership.constraint for run in runs}
    if len(owners) == 1:
        shared.ownership = runs[0].ownership
    else:
        for run in runs:
            run.ownership = None
