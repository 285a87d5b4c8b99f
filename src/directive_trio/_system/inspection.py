"""``inspect()``: one frozen picture of everything, JSON-ready through cattrs."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import final

from attrs import frozen

from directive_trio._definitions.picture import Picture
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.secrecy import HIDDEN
from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.dismissal import ResolverSwitches
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import Wanted
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._runtime.source_node import SourceNode
from directive_trio._store.graph import FAILED, STALE, DerivationNode


@frozen(eq=False, repr=False)
class DerivationState(Picture):
    """One derivation. ``state``: clean, stale, failed, or unread (never computed).

    ``value`` is the last one; None where it raised. A disabled one keeps it.
    """

    id: str
    state: str
    value: object
    error: str | None
    label: str
    disabled: bool


@frozen(eq=False, repr=False)
class ConstraintState(Picture):
    """One constraint. ``hits``: how often it asked for something. ``waiting_on``: pending ones it comes after."""

    id: str
    active: bool
    disabled: bool
    priority: int
    hits: int
    waiting_on: tuple[str, ...]
    outstanding: bool
    error: str | None
    label: str
    tags: tuple[str, ...]


@frozen(eq=False, repr=False)
class RequirementState(Picture):
    """One requirement that is wanted. ``producers``: all constraints that ask for it, ``system`` for require.

    ``state``: running; queued behind the limit of its resolver; or why it has no run.
    """

    requirement: str
    state: str
    resolver: str | None
    producers: tuple[str, ...]
    run: int | None
    failures: int


@frozen(eq=False, repr=False)
class RunState(Picture):
    """One run that goes on. ``since`` on the trio clock; ``cancelled``: the reason, while it cleans up."""

    number: int
    resolver: str
    requirement: str
    attempt: int
    since: float
    cancelled: str | None


@frozen(eq=False, repr=False)
class ResolverState(Picture):
    """One resolver, with the class it serves. ``running``: its runs that go on; ``queued``: those behind its limit."""

    id: str
    requirement: str
    disabled: bool
    running: int
    queued: int


@frozen(eq=False, repr=False)
class EffectState(Picture):
    """One effect. ``running``: its task goes on."""

    id: str
    disabled: bool
    running: bool


@frozen(eq=False, repr=False)
class SourceState(Picture):
    """One source. What it counts stays over stop and start.

    ``state``: attached; waiting (its task goes on, and it is not attached yet, or not any more); completed, failed
    or cancelled, as it ended; new. ``drops``: how many publishes came to nothing, by reason. ``last_error`` is cut
    to 256 characters.
    """

    id: str
    state: str
    attached: bool
    disabled: bool
    key: str | None
    publish_count: int
    drop_count: int
    drops: Mapping[str, int]
    last_drop_reason: str | None
    last_drop_at: float | None
    last_error: str | None


@frozen(eq=False, repr=False)
class RetryState(Picture):
    """One scheduled retry. ``due`` on the trio clock."""

    requirement: str
    resolver: str | None
    due: float


@frozen(eq=False, repr=False)
class ErrorState(Picture):
    """One of the last errors."""

    kind: str
    id: str
    error: str
    strategy: str
    time: float


@final
@frozen(eq=False, repr=False)
class Inspection(Picture):
    """Everything, at one moment. Values that are tagged ``pii`` or ``secret`` are `HIDDEN`."""

    state: str
    settled: bool
    passes: int
    facts: Mapping[str, object]
    derivations: tuple[DerivationState, ...]
    constraints: tuple[ConstraintState, ...]
    requirements: tuple[RequirementState, ...]
    runs: tuple[RunState, ...]
    resolvers: tuple[ResolverState, ...]
    effects: tuple[EffectState, ...]
    pending_retries: tuple[RetryState, ...]
    errors: tuple[ErrorState, ...]
    sources: tuple[SourceState, ...]
    attached_source_count: int


def inspect(state: str, loop: ReconcileLoop) -> Inspection:
    """Take the picture."""
    store, planner = loop.store, loop.planner
    facts: dict[str, object] = {}
    derivations: list[DerivationState] = []
    for place in store.modules.values():
        count = len(place.schema.facts)
        facts.update((cell.name, HIDDEN if cell.schema.secret else cell.value) for cell in place.nodes[:count])
        derivations += [_derivation(node, node in store.switches) for node in place.derivations]
    sources = tuple(_source(node) for node in loop.sources.nodes.values())
    return Inspection(
        state,
        loop.is_settled(),
        loop.passes,
        MappingProxyType(facts),
        tuple(derivations),
        tuple(
            _constraint(node, planner.error(node))
            for node in sorted(planner.nodes.values(), key=lambda node: node.rank)
        ),
        tuple(_requirement(wanted, loop) for wanted in planner.requirements.live.values()),
        tuple(_run(run) for run in loop.runs.live),
        _resolvers(loop),
        tuple(EffectState(node.id, node.disabled, node.task is not None) for node in loop.effects.nodes.values()),
        tuple(
            RetryState(spelt(wanted.requirement), wanted.resolver_id, timer.moment)
            for wanted, timer in loop.retries.scheduled.items()
        ),
        tuple(
            ErrorState(record.kind, record.id, spelt(record.error), record.strategy, record.time)
            for record in loop.boundary.errors
        ),
        sources,
        sum(source.attached for source in sources),
    )


def _derivation(node: DerivationNode, disabled: bool) -> DerivationState:
    state = {STALE: "stale", FAILED: "failed"}.get(node.state, "clean") if node.version else "unread"
    if node.error is not None:
        return DerivationState(node.name, state, None, spelt(node.error), node.definition.label, disabled)
    value = HIDDEN if node.definition.secret and node.version else node.value
    return DerivationState(node.name, state, value, None, node.definition.label, disabled)


def _constraint(node: ConstraintNode, error: Exception | None) -> ConstraintState:
    return ConstraintState(
        node.id,
        bool(node.answer),
        node.disabled,
        node.definition.priority,
        node.hits,
        node.waits_on(),
        node.outstanding,
        None if error is None else spelt(error),
        node.definition.label,
        node.definition.tags,
    )


def _source(node: SourceNode) -> SourceState:
    attachment = node.attachment
    if attachment is not None and attachment.link is not None:
        attachment.link.count_superseded()
    key = node.shown_key()
    return SourceState(
        node.id,
        node.state,
        node.is_attached,
        node.disabled,
        None if key is None else spelt(key),
        node.published,
        sum(node.drops.values()),
        MappingProxyType({str(reason): count for reason, count in node.drops.items()}),
        node.last_drop_reason,
        node.last_drop_at,
        node.last_error,
    )


def _requirement(wanted: Wanted, loop: ReconcileLoop) -> RequirementState:
    producers = [node.id for node in wanted.producers()]
    if wanted.required:
        producers.append("system")
    run = wanted.run
    return RequirementState(
        spelt(wanted.requirement),
        "queued" if run is not None and loop.runs.is_queued(run) else wanted.status.value,
        wanted.resolver_id,
        tuple(producers),
        None if run is None else run.number,
        wanted.failures,
    )


def _resolvers(loop: ReconcileLoop) -> tuple[ResolverState, ...]:
    running = Counter(run.wanted.resolver_id for run in loop.runs.live)
    return tuple(
        ResolverState(
            name,
            resolver.requirement.__name__,
            name in loop.planner.disabled_resolvers,
            running[name],
            len(loop.runs.queued.get(name, ())),
        )
        for name, resolver in ResolverSwitches(loop.planner).nodes.items()
    )


def _run(run: Run) -> RunState:
    return RunState(
        run.number,
        run.wanted.resolver_id or "",
        spelt(run.wanted.requirement),
        run.attempt,
        run.since,
        None if run.reason is None else str(run.reason),
    )
