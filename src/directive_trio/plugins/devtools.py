"""A trace to debug with: what waited for what, and how each run went, as text and as JSON lines."""

import json
from collections import deque
from typing import final

from attrs import evolve, frozen

from directive_trio.abc import Plugin
from directive_trio.errors import UsageError
from directive_trio.observe import (
    ConstraintBlocked,
    ConstraintError,
    ConstraintEvaluate,
    DerivationCompute,
    EffectRun,
    FactChange,
    Observation,
    ReconcileEnd,
    ReconcileStart,
    RequirementMet,
    ResolverCancel,
    ResolverComplete,
    ResolverError,
    ResolverRetry,
    ResolverStart,
    SystemStart,
    SystemUnsettled,
)
from directive_trio.plugins._chart import Span, Stretch, chart
from directive_trio.plugins._preview import fields_of, json_ready, preview
from directive_trio.plugins._sentences import sentence

__all__ = ["DevtoolsTrace", "TraceEntry"]

_FREQUENT = (DerivationCompute, EffectRun, ReconcileEnd, ReconcileStart, SystemUnsettled)
"""What is not kept: they would push everything else out of the ring."""

_UNSAID = (FactChange, RequirementMet)
"""What the JSON lines hold and the text leaves out: the runs tell it already."""


@final
@frozen
class TraceEntry:
    """One observation that was kept.

    ``waited``: for the answer of a constraint that was blocked, the seconds it was.
    """

    observation: Observation
    waited: float | None = None

    def to_json(self) -> dict[str, object]:
        """Return what `DevtoolsTrace.json_lines` writes: values are previews."""
        seen = self.observation
        record: dict[str, object] = {"seq": seen.seq, "time": seen.time, "type": seen.type}
        for name, value in fields_of(seen).items():
            record[name] = str(value) if name == "reason" else json_ready(value)
        return record if self.waited is None else {**record, "waited": self.waited}


@final
class DevtoolsTrace(Plugin):
    """Keeps the last observations: waits for ``after``, runs with their attempts, errors, cancellations, facts.

    It only keeps while the system runs; texts are made when they are asked for, at any time, also after
    the system has gone.

    Args:
        size: How many entries are kept; older ones are forgotten.

    Raises:
        UsageError: *size* is less than 1.

    Example:
        >>> import trio
        >>> from attrs import define, frozen
        >>> from trio.testing import MockClock
        >>> from directive_trio import Context, Module, open_system
        >>> from directive_trio.plugins.devtools import DevtoolsTrace
        >>> @define
        ... class TeaFacts:
        ...     hot: bool = False
        ...     drunk: bool = False
        >>> @frozen
        ... class Boil: ...
        >>> @frozen
        ... class Drink: ...
        >>> tea = Module("tea", TeaFacts)
        >>> @tea.constraint
        ... def must_be_hot(facts: TeaFacts) -> Boil | None:
        ...     return None if facts.hot else Boil()
        >>> @tea.constraint(after=[must_be_hot])
        ... def must_be_drunk(facts: TeaFacts) -> Drink | None:
        ...     return None if facts.drunk else Drink()
        >>> @tea.resolver(Boil)
        ... async def boil(requirement: Boil, ctx: Context[TeaFacts]) -> None:
        ...     await trio.sleep(3)
        ...     ctx.facts.hot = True
        >>> @tea.resolver(Drink)
        ... async def drink(requirement: Drink, ctx: Context[TeaFacts]) -> None:
        ...     await trio.sleep(1)
        ...     ctx.facts.drunk = True
        >>> trace = DevtoolsTrace()
        >>> async def main() -> None:
        ...     async with open_system(tea, plugins=[trace]) as system:
        ...         await system.settle()
        ...         print(trace.text())
        >>> trio.run(main, clock=MockClock(autojump_threshold=0))
         0.00 s  system              is made
         0.00 s  system              starts
         0.00 s  tea::must_be_hot    requires Boil()
         0.00 s  tea::must_be_drunk  waits for tea::must_be_hot
         0.00 s  tea::boil           run 1 starts: Boil()
         3.00 s  tea::boil           run 1 is complete after 3.00 s
         3.00 s  tea::must_be_drunk  requires Drink()
         3.00 s  tea::must_be_drunk  waited 3.00 s, asks for something
         3.00 s  tea::drink          run 2 starts: Drink()
         4.00 s  tea::drink          run 2 is complete after 1.00 s
         4.00 s  system              is settled: nothing is outstanding
        <BLANKLINE>
                            0.00 s                            4.00 s
        tea::must_be_drunk  ······························            waited for tea::must_be_hot
        tea::boil           ██████████████████████████████            run 1 complete, 3.00 s
        tea::drink                                        ██████████  run 2 complete, 1.00 s
    """

    def __init__(self, size: int = 1000) -> None:
        given: object = size
        if not isinstance(given, int) or isinstance(given, bool) or given < 1:
            raise UsageError(f"size= expects a whole number of entries, at least 1, got {preview(given)}")
        self._entries: deque[TraceEntry] = deque(maxlen=size)
        self._origin: float | None = None
        self._blocked: dict[str, ConstraintBlocked] = {}

    @property
    def entries(self) -> tuple[TraceEntry, ...]:
        """What is kept, oldest first."""
        return tuple(self._entries)

    def observe(self, observation: Observation, /) -> None:
        """Keep one observation, if it is of a kind that is kept."""
        match observation:
            case SystemStart() if self._origin is None:
                self._origin = observation.time
            case ConstraintBlocked():
                self._blocked[observation.id] = observation
            case ConstraintEvaluate() | ConstraintError():
                self._keep_answer(observation)
                return
        if not isinstance(observation, _FREQUENT):
            self._entries.append(TraceEntry(observation))

    def _keep_answer(self, answer: ConstraintEvaluate | ConstraintError) -> None:
        """Answers come often; kept are those that end a wait, and errors."""
        blocked = self._blocked.pop(answer.id, None)
        if blocked is not None:
            self._entries.append(TraceEntry(answer, answer.time - blocked.time))
        elif isinstance(answer, ConstraintError):
            self._entries.append(TraceEntry(answer))

    # -- as text ----------------------------------------------------------------------------------

    def text(self) -> str:
        """Return a line for each entry, then a chart of the waits (``·``) and the runs (``█``, backoff ``░``).

        Times are seconds since the system started. What began before the oldest entry is not in the chart.
        """
        told = [entry for entry in self._entries if not isinstance(entry.observation, _UNSAID)]
        names = [str(getattr(entry.observation, "id", "")) for entry in told]
        width = max(map(len, names), default=0)
        lines = [
            f"{self._since(entry):5.2f} s  {name:<{width}}  {sentence(entry.observation, entry.waited)}"
            for entry, name in zip(told, names, strict=True)
        ]
        drawn = chart(self._spans(), self._begun)
        return "\n".join([*lines, "", *drawn] if drawn else lines)

    @property
    def _begun(self) -> float:
        return self._origin or 0.0

    def _since(self, entry: TraceEntry) -> float:
        """Return the seconds since the start. Before it there is no clock, and what was seen counts as then."""
        return max(entry.observation.time - self._begun, 0.0)

    def _spans(self) -> list[Span]:
        """Return waits and runs, in the order in which they began. What still goes on ends with the trace."""
        spans: list[Span] = []
        going: dict[str | int, int] = {}
        for seen in (entry.observation for entry in self._entries):
            match seen:
                case ConstraintBlocked():
                    going[seen.id] = len(spans)
                    spans.append(Span(seen.id, seen.time, seen.time, "·", f"waits for {', '.join(seen.waiting_on)}"))
                case ResolverStart():
                    going[seen.run] = len(spans)
                    spans.append(_begin_run(seen))
                case ConstraintEvaluate() | ConstraintError() if seen.id in going:
                    at = going.pop(seen.id)
                    spans[at] = _end_wait(spans[at], seen)
                case ResolverRetry() if seen.run in going:
                    at = going[seen.run]
                    spans[at] = _begin_attempt(spans[at], seen)
                case ResolverCancel() | ResolverComplete() | ResolverError() if seen.run in going:
                    at = going.pop(seen.run)
                    spans[at] = _end_run(spans[at], seen)
        for at in going.values():
            spans[at] = _end(spans[at], self._entries[-1].observation.time)
        return spans

    # -- as JSON ----------------------------------------------------------------------------------

    def json_lines(self) -> str:
        """Return one JSON object per entry and line; values are as they print, shortened."""
        return "".join(json.dumps(entry.to_json(), ensure_ascii=False) + "\n" for entry in self._entries)


def _end_wait(span: Span, answer: Observation) -> Span:
    return _end(span, answer.time, span.note.replace("waits", "waited", 1))


def _begin_run(seen: ResolverStart) -> Span:
    first = Stretch(seen.time, seen.time, "█")
    return Span(seen.id, seen.time, seen.time, "░", f"run {seen.run} goes on", (first,))


def _begin_attempt(span: Span, seen: ResolverRetry) -> Span:
    *before, failed = span.inner
    start = seen.time + seen.delay
    return evolve(span, inner=(*before, evolve(failed, end=seen.time), Stretch(start, start, "█")))


def _end_run(span: Span, seen: ResolverCancel | ResolverComplete | ResolverError) -> Span:
    outcome = seen.type.rpartition(".")[2]
    attempts = f", {seen.attempt} attempts" if seen.attempt > 1 else ""
    return _end(span, seen.time, f"run {seen.run} {outcome}, {seen.duration:.2f} s{attempts}")


def _end(span: Span, time: float, note: str = "") -> Span:
    """End a span and the attempt in it; one that was still to come after a backoff does not come."""
    inner = tuple(evolve(part, end=max(part.end, time)) if part is span.inner[-1] else part for part in span.inner)
    return evolve(span, end=time, note=note or span.note, inner=tuple(part for part in inner if part.start <= time))
