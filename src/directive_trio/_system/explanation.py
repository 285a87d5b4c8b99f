"""``explain()``: why it is so, or why not. A tree of sentences, made from what the engine knows."""

from typing import Any, final

from attrs import frozen

from directive_trio._definitions.callables import name_of
from directive_trio._definitions.checks import check_instance
from directive_trio._definitions.condition import Match, describe
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.names import nearest, qualify, split
from directive_trio._definitions.printing import shown, spelt
from directive_trio._definitions.record import is_record
from directive_trio._definitions.resolver import Resolver
from directive_trio._definitions.secrecy import HIDDEN
from directive_trio._definitions.source import DeclaredSource
from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.dismissal import ResolverSwitches
from directive_trio._planning.run import Outcome, Run
from directive_trio._planning.wanted import Link, Status, Wanted
from directive_trio._runtime.effects import EffectNode
from directive_trio._runtime.events import Events
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._runtime.source_node import SourceNode
from directive_trio._store.cell import ENGINE, Cell, holds_secret
from directive_trio._store.graph import STALE
from directive_trio._store.switches import Switch
from directive_trio._store.worlds import real_of
from directive_trio._system.names import Names
from directive_trio.errors import UnknownNameError, UsageError

INPUTS = 10
"""How many inputs an explanation shows."""
WIDTH = 50
"""How many characters of a value it shows."""


@final
@frozen
class Explanation:
    """One sentence, and the sentences it rests on. ``str()`` prints the tree."""

    text: str
    because: "tuple[Explanation, ...]" = ()

    def __str__(self) -> str:
        return "\n".join(self._lines(""))

    def _lines(self, indent: str) -> list[str]:
        lines = [self.text]
        for at, reason in enumerate(self.because):
            last = at == len(self.because) - 1
            first, *rest = reason._lines(indent)
            lines.append(("└─ " if last else "├─ ") + first)
            lines += [("   " if last else "│  ") + line for line in rest]
        return lines


class _Explainer:
    """Explains things of one system."""

    def __init__(self, loop: ReconcileLoop) -> None:
        self.store = loop.store
        self.planner = loop.planner
        self.loop = loop

    # -- facts and derivations --------------------------------------------------------------------

    def input(self, node: Any) -> Explanation:
        node = real_of(node)
        module = split(node.name)[0]
        place = self.store.modules.get(module)
        if place is None:
            return Explanation(f"module {module} is not there")
        if node not in place.nodes:
            return Explanation(f"{node.name} is there no more: its module was replaced")
        return self.fact(node) if isinstance(node, Cell) else self.derivation(node, deep=False)

    def fact(self, cell: Cell) -> Explanation:
        label = f" ({cell.schema.label})" if cell.schema.label else ""
        value = shown(HIDDEN if cell.schema.secret else cell.value, WIDTH)
        return Explanation(f"fact {cell.name}{label} is {value}, {self.writer(cell)}")

    def writer(self, cell: Cell) -> str:
        if not cell.version:
            return "its default"
        if cell.writer > 0:
            return f"written last by run {cell.writer}"
        return "written last by an effect or watcher" if cell.writer == ENGINE else "written last by the program"

    def derivation(self, node: Any, *, deep: bool = True) -> Explanation:
        label = f" ({node.definition.label})" if node.definition.label else ""
        if not node.version:
            return Explanation(f"derivation {node.name}{label} was never read, so it was never computed")
        value = HIDDEN if node.definition.secret else node.value
        is_so = f"is {shown(value, WIDTH)}" if node.error is None else f"raises {spelt(node.error)}"
        text = f"derivation {node.name}{label} {is_so}"
        if node in self.store.switches:
            return Explanation(f"{text}; it is disabled, so this answer is kept")
        if node.state == STALE:
            text += ", stale until it is read"
        if not node.inputs:
            text += "; it read no fact, so it is never computed again"
        return Explanation(text, tuple(self.inputs(node)) if deep else ())

    def inputs(self, reader: Any) -> list[Explanation]:
        found = [self.input(node) for node in reader.inputs[:INPUTS] if not isinstance(node, Switch)]
        if len(reader.inputs) > INPUTS:
            found.append(Explanation(f"and {len(reader.inputs) - INPUTS} more inputs"))
        return found

    # -- constraints ------------------------------------------------------------------------------

    def constraint(self, node: ConstraintNode) -> Explanation:
        definition = node.definition
        label = f" ({definition.label})" if definition.label else ""
        because: list[Explanation] = []
        if definition.when:
            because.append(Explanation(f"asked only when {describe(_told(node))}"))
        because += self.inputs(node)
        because += [self.wanted(wanted) for wanted in [*node.answer, *self.planner.requirements.held.get(node, ())]]
        because += [self.ended(wanted) for wanted in self._ended(node)]
        return Explanation(f"constraint {node.id}{label} {self.standing(node)}", tuple(because))

    def standing(self, node: ConstraintNode) -> str:
        if node.disabled:
            return "is disabled"
        if node.waiting:
            return f"is blocked after {', '.join(node.waits_on())}"
        if node.outstanding:
            return "has an answer outstanding"
        error = self.planner.error(node)
        if error is not None:
            return f"is inactive: it raised {spelt(error)}"
        if node.answer:
            return f"is active: it asks for {', '.join(spelt(wanted.requirement) for wanted in node.answer)}"
        return "is inactive: it asks for nothing" if node.asked else "was not asked yet"

    def _ended(self, node: ConstraintNode) -> list[Wanted]:
        return [wanted for wanted in self.planner.requirements.last.values() if wanted.origin == node.id][-INPUTS:]

    # -- requirements -----------------------------------------------------------------------------

    def entry(self, wanted: Wanted) -> Explanation:
        if wanted.gone:
            return self.ended(wanted)
        because: list[Explanation] = []
        for node, link in wanted.links.items():
            if link is Link.ASKS:
                because.append(Explanation(f"asked for by constraint {node.id}", tuple(self.inputs(node))))
            elif link is Link.HOLDS:
                because.append(Explanation(f"constraint {node.id} would ask for it but for the run's own writes"))
            else:
                owning = wanted.run is not None and wanted.run.reason is None
                what = "run goes on, for it owns facts" if owning else "cancelled run still cleans up"
                because.append(Explanation(f"constraint {node.id} asks no more; the {what}"))
        if wanted.required:
            because.append(Explanation("required by the program"))
        shown = self.wanted(wanted)
        return Explanation(shown.text, (*shown.because, *because))

    def requirement(self, requirement: Any) -> Explanation:
        requirements = self.planner.requirements
        live = requirements.entries(requirement)
        ended = [wanted for wanted in requirements.last.values() if wanted.requirement == requirement]
        if live or ended:
            return self.entry((live or ended[-1:])[0])
        return Explanation(f"requirement {spelt(requirement)} is not wanted, and was not lately")

    def resolver(self, resolver: Resolver[Any, Any]) -> Explanation:
        if resolver.id in self.planner.disabled_resolvers:
            return Explanation(f"resolver {resolver.id} is disabled")
        requirements = self.planner.requirements
        known = [*requirements.live.values(), *requirements.last.values()]
        served = [self.wanted(wanted) for wanted in known if wanted.resolver_id == resolver.id][-INPUTS:]
        return Explanation(f"resolver {resolver.id} {'serves' if served else 'has served nothing yet'}", tuple(served))

    def wanted(self, wanted: Wanted) -> Explanation:
        run = wanted.run
        if run is not None:
            return Explanation(f"requirement {spelt(wanted.requirement)}: {self.run(run)}")
        because = [self.outcome(wanted.last_run)] if wanted.last_run is not None else []
        return Explanation(f"requirement {spelt(wanted.requirement)} is {self.status(wanted)}", tuple(because))

    def run(self, run: Run) -> str:
        resolver = run.wanted.resolver
        assert resolver is not None  # or there would be no run
        text = f"run {run.number} of {resolver.id}"
        if self.loop.runs.is_queued(run):
            return f"{text} is queued behind its limit of {resolver.limit}"
        state = "cleans up" if run.reason is not None else "is running"
        return f"{text} {state}, attempt {run.attempt}, since {self.since(run)}"

    def status(self, wanted: Wanted) -> str:
        if wanted.status is Status.RETRY and wanted in self.loop.retries.scheduled:
            wait = self.loop.retries.scheduled[wanted].moment - self.store.observers.clock()
            return f"failed; a retry is scheduled in {round(wait, 3):g} s"
        return {
            Status.NEW: "new",
            Status.UNDECIDED: "undecided: a producer is blocked or has an answer outstanding",
            Status.UNRESOLVED: f"unmet: no resolver takes it{self.disabled_for(wanted)}",
            Status.UNSATISFIED: "unsatisfied: its run completed and nothing it depends on has changed",
            Status.FAILED: "failed: it is dispatched again when an input changes",
            Status.CANCELLED: "cancelled: it is dispatched again when an input changes",
            Status.PAUSED: "paused: its resolver went round in circles; a change from outside ends that",
        }.get(wanted.status, wanted.status.value)

    def disabled_for(self, wanted: Wanted) -> str:
        resolvers = self.planner.disabled_resolvers.values()
        names = [resolver.id for resolver in resolvers if resolver.requirement is type(wanted.requirement)]
        return f", for {', '.join(names)} is disabled" if names else ""

    def ended(self, wanted: Wanted) -> Explanation:
        run = wanted.last_run
        met = run is not None and run.outcome is Outcome.COMPLETE
        because = () if run is None else (self.outcome(run),)
        return Explanation(f"requirement {spelt(wanted.requirement)} is {'met' if met else 'wanted no more'}", because)

    def since(self, run: Run) -> str:
        """Say how long ago a run began: on the trio clock, whose zero means nothing to people."""
        return f"{round(self.store.observers.clock() - run.since, 3):g} s"

    def outcome(self, run: Run) -> Explanation:
        reason = f", {run.reason}" if run.reason is not None else ""
        error = f": {spelt(run.error)}" if run.error is not None else ""
        outcome = run.outcome.value if run.outcome is not None else "going on"
        return Explanation(
            f"run {run.number} of {run.wanted.resolver_id}, begun {self.since(run)} ago, ended as {outcome}{reason} "
            f"in attempt {run.attempt}{error}"
        )

    # -- effects, sources, and the whole ----------------------------------------------------------

    def system(self) -> Explanation:
        because = [Explanation(f"held up by {holder}") for holder in self.loop.holders()]
        if self.loop.due:
            because.append(Explanation("a pass is due"))
        because += [Explanation(f"unmet: {unmet}") for unmet in self.planner.unmet()]
        return Explanation(
            f"system {self.loop.name} is {'' if self.loop.is_settled() else 'not '}settled", tuple(because)
        )

    def effect(self, node: EffectNode) -> Explanation:
        state = "is disabled" if node.disabled else "is paused" if node.paused else "is on"
        return Explanation(f"effect {node.id} {state}", tuple(self.inputs(node)))

    def source(self, node: SourceNode) -> Explanation:
        because = [Explanation(f"it has published {node.published} events")]
        because += [Explanation(f"dropped {count}: {reason}") for reason, count in node.drops.items()]
        if node.last_error is not None:
            because.append(Explanation(f"its last error: {node.last_error}"))
        if node.watcher is not None:
            because += self.inputs(node.watcher)
        return Explanation(f"source {node.id} {self.attached(node)}", tuple(because))

    def attached(self, node: SourceNode) -> str:
        if node.disabled:
            return "is disabled"
        attachment = node.attachment
        if attachment is None:
            if node.retry is not None:
                return f"failed; it is run again in {round(node.retry.moment - self.store.observers.clock(), 3):g} s"
            if node.watcher is not None and node.outcome != "completed" and node.watcher.value is None:
                return "is not attached: its key is None"
            return "was not attached yet" if node.outcome == "new" else f"has ended: {node.outcome}"
        key = "" if attachment.key is None else f", with key {spelt(node.shown_key())}"
        since = f"{round(self.store.observers.clock() - attachment.since, 3):g} s"
        if attachment.reason is not None:
            return f"is being detached: {attachment.reason}"
        return f"is {'attached' if node.is_attached else 'not attached yet'}, begun {since} ago{key}"


def explain(target: Any, names: Names, loop: ReconcileLoop, events: Events) -> Explanation:
    """Explain a name, a handle, a requirement, or an id that observations print.

    Raises:
        UnknownNameError: It names nothing.
        UsageError: It is nothing that has a name.
    """
    explainer, store, planner = _Explainer(loop), loop.store, loop.planner
    if isinstance(target, Derivation):
        return explainer.derivation(names.node(target))
    if is_record(target) and not isinstance(target, Constraint | DeclaredSource | Effect | Resolver):
        return explainer.requirement(target)
    expected = "a name, a definition's handle or a requirement"
    check_instance("explain()", target, (str, Constraint, DeclaredSource, Effect, Resolver), expected, UsageError)
    kind: object = None if isinstance(target, str) else type(target)
    name = target if isinstance(target, str) else target.id
    qualified = qualify(*split(name))
    kinds: tuple[tuple[type, Any, Any], ...] = (
        (Constraint, planner.nodes, explainer.constraint),
        (Effect, loop.effects.nodes, explainer.effect),
        (DeclaredSource, loop.sources.nodes, explainer.source),
        (Resolver, ResolverSwitches(planner).nodes, explainer.resolver),
    )
    for declared, known, explained in kinds:
        if kind in (None, declared) and qualified in known:
            found: Explanation = explained(known[qualified])
            return found
    handlers = _handlers(events)
    if kind is None and qualified in handlers:
        return Explanation(f"event {qualified} is handled, as one change, by {', '.join(handlers[qualified])}")
    if kind is None and name == loop.name:
        return explainer.system()
    try:
        node = names.node(name)
    except UnknownNameError as error:
        nodes = [node.name for place in store.modules.values() for node in place.nodes]
        ids = [*(each for _, known, _ in kinds for each in known), *handlers, *nodes]
        what = "fact, derivation, constraint, resolver, effect, source or event"
        raise UnknownNameError(what, name, nearest(qualified, ids)) from error
    return explainer.fact(node) if isinstance(node, Cell) else explainer.derivation(node)


def _handlers(events: Events) -> dict[str, list[str]]:
    """Return the handlers of each event, by every id that the event goes by."""
    found: dict[str, list[str]] = {}
    for kind, handlers in events.handlers.items():
        functions = [qualify(module, name_of(function)) for module, function, _ in handlers]
        found.update((qualify(module, kind.__name__), functions) for module, _, _ in handlers)
    return found


def _told(node: ConstraintNode) -> dict[str, object]:
    """Return the condition of a constraint; what a secret is compared with is as secret."""
    sources = [real_of(source) for source, _ in node.question.when]
    asked = zip(node.definition.when.items(), sources, strict=True)
    return {name: _hidden(expected) if holds_secret(source) else expected for (name, expected), source in asked}


def _hidden(expected: object) -> object:
    return Match(expected.word, (HIDDEN,)) if isinstance(expected, Match) else HIDDEN
