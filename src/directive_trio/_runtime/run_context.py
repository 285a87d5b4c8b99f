"""The context of one attempt: the run's view, its signal, and what it may ask of the engine."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record
from directive_trio._definitions.secrecy import HIDDEN
from directive_trio._observation.observations import ResolverWriteRejected
from directive_trio._planning.run import Run
from directive_trio._runtime.signal import RunSignal
from directive_trio._runtime.timers import Timer
from directive_trio._store.cell import ENGINE, Cell
from directive_trio._store.lenses import Place, WriterLens
from directive_trio._store.snapshot import instance_of

if TYPE_CHECKING:
    from directive_trio._runtime.resolver_run import ResolverRuns

CLOBBERED = CancelReason("clobbered")
REJECTIONS_TOLD = 10
"""How many writes of a run that do not land are observed one by one; the rest is summed up at its end."""


class RunContext:
    """What a resolver gets beside its requirement. Keeps the promises of `Context`."""

    __slots__ = ("_facts", "_place", "_run", "_runs", "_signal", "attempt")

    def __init__(self, runs: "ResolverRuns", run: Run, place: Place, signal: RunSignal | None = None) -> None:
        self._runs = runs
        self._run = run
        self._place = place
        self._facts: Any = None
        self._signal = signal
        self.attempt = run.attempt

    @property
    def signal(self) -> RunSignal:
        if self._signal is None:
            self._signal = self._runs.signal_of(self._run)
        return self._signal

    @property
    def deps(self) -> Any:
        return self._runs.deps

    @property
    def facts(self) -> Any:
        if self._facts is None:
            place = self._place
            self._facts = place.classes.helpful(WriterLens(self._runs.store.lens, self._write), place.nodes)
        return self._facts

    def snapshot(self) -> Any:
        return instance_of(self._place)

    def requeue(self) -> None:
        self._run.requeued = True

    def dispatch(self, event: Record, /) -> None:
        run = self._run
        if not run.live:
            self._reject(type(event).__name__, run.reason)
            return
        run.wrote = True
        if run.ownership is not None:
            run.ownership.look()
        try:
            self._runs.dispatch(event, run.writer)
        finally:
            if run.ownership is not None:
                run.ownership.wrote(run.writer)

    def cancel(self) -> None:
        if self._run.live:  # later it is harmless everywhere
            self._runs.store.check_writable(self._run.wanted.resolver_id or "", "cancel")
        self.end(CancelReason("cancelled"))

    # -- what `lowlevel` offers -------------------------------------------------------------------

    def end(self, reason: CancelReason) -> None:
        """Cancel this run; harmless when it has ended."""
        if self._run.live:
            self._runs.cancel_by_itself(self._run, reason)

    def call_at(self, moment: float, callback: Callable[[], None]) -> Timer:
        """Call *callback* at a moment of the trio clock."""
        return self._runs.timers.call_at(moment, callback)

    def landing(self) -> Any:
        """Return a view that writes as the engine, whatever has become of the run."""
        return WriterLens(self._runs.store.lens, self._land).own(self._place.module)

    def _land(self, cell: Cell, value: Any) -> None:
        owned = self._run.ownership
        if owned is not None:
            owned.admits(cell)
        self._runs.store.write(cell, value, ENGINE)
        if owned is not None:
            owned.landed(cell)

    def wrote_last(self, fact: str) -> bool:
        """Say whether this run wrote a fact last."""
        return self._place.cell(fact).writer == self._run.writer

    def keep(self, fact: str) -> None:
        """Let the engine have what this run wrote to a fact: it is not taken back with the run."""
        cell = self._place.cell(fact)
        if cell.writer == self._run.writer:
            self._runs.store.change(cell, cell.value, ENGINE)

    def until(self, over: Callable[[], CancelReason | None]) -> "WatchfulContext":
        """Return the same context, which ends the run when *over* says why."""
        return WatchfulContext(self._runs, self._run, self._place, self.signal, over)

    # -- what does not land -----------------------------------------------------------------------

    def _write(self, cell: Cell, value: Any) -> None:
        run = self._run
        owned = run.ownership
        if run.reason is not None or run.outcome is not None:  # live no more
            self._reject(cell.name, run.reason)
        elif owned is None:
            self._runs.store.write_as(cell, value, run.writer)
            run.wrote = True
        elif owned.admits(cell):
            self._runs.store.write_as(cell, value, run.writer)
            run.wrote = True
            owned.wrote(run.writer)
        else:
            values = (HIDDEN, HIDDEN) if cell.schema.secret else (owned.expected(cell), cell.value)
            self._reject(cell.name, CLOBBERED, *values)
            self.signal.abort(CLOBBERED)

    def _reject(self, what: str, reason: CancelReason | None, expected: Any = None, actual: Any = None) -> None:
        """Drop what the run does; the first few times that is observed one by one."""
        run = self._run
        run.rejected += 1
        observers = self._runs.observers
        if observers.listening and run.rejected <= REJECTIONS_TOLD:
            resolver = run.wanted.resolver_id or ""
            fields = (resolver, run.wanted.requirement, run.number, "rejection", reason, what, expected, actual)
            observers.tell(ResolverWriteRejected, *fields)


class WatchfulContext(RunContext):
    """A context that asks, whenever the run uses it, whether the run is over, and ends it.

    The engine decides in passes. Between an event and the pass after it a run may go on for a step; this one
    then finds out by itself.
    """

    __slots__ = ("_over",)

    def __init__(
        self, runs: "ResolverRuns", run: Run, place: Place, signal: RunSignal, over: Callable[[], CancelReason | None]
    ) -> None:
        self._over = over
        super().__init__(runs, run, place, signal)

    @property
    def signal(self) -> RunSignal:
        self._look()
        return super().signal

    @property
    def facts(self) -> Any:
        self._look()
        return super().facts

    def dispatch(self, event: Record, /) -> None:
        self._look()
        super().dispatch(event)
        if self._runs.store.transaction is None:
            self._look()
        else:  # it spans no checkpoint: when the timers are called, it has ended, this way or that
            self.call_at(self._runs.observers.clock(), self._look)

    def _write(self, cell: Cell, value: Any) -> None:
        self._look()
        super()._write(cell, value)

    def _look(self) -> None:
        """What stands in an open transaction may yet be undone: nobody ends for it."""
        if self._run.live and self._runs.store.transaction is None:
            reason = self._over()
            if reason is not None:
                self.end(reason)
