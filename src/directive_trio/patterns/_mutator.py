"""The mutator: asynchronous edits of several kinds, one fact that tells how they stand.

A mutator declares four things in a module: an event that puts a mutation into the fact's line, a constraint that
asks for whoever's turn it is, a requirement ``ProcessMutation(sequence)``, and a resolver that calls the handler
and takes the mutation out again. All state is in the fact, so what holds of facts holds of mutations: they are
in snapshots, they survive a stop, they can be watched.

The constraint goes on asking for a mutation that is running, so nothing but its end, or a mutation that
supersedes it, ends its run. One at a time is the resolver's ``limit``: who is cancelled has cleaned up before
the next one begins.
"""

from collections.abc import Callable
from typing import Any, Generic, Literal, Never, TypeAlias, cast, final, get_args

import trio.lowlevel
from typing_extensions import TypeVar

from directive_trio import CancelReason, Context, Module, Record
from directive_trio.errors import DefinitionError, UsageError
from directive_trio.lowlevel import keep, landing, tell, until
from directive_trio.observe import MutationDropped
from directive_trio.patterns import _pending as pending
from directive_trio.patterns._cancellable import Cancellable
from directive_trio.patterns._kinds import Kinds, requirement_class
from directive_trio.patterns._optimistic import Optimistic
from directive_trio.patterns._pending import Line
from directive_trio.patterns._wrapping import Handler, call, layers, spelt

F = TypeVar("F")
K = TypeVar("K", bound=Record)
M = TypeVar("M", default=Never)

Concurrency: TypeAlias = Literal["latest", "queue", "parallel"]
"""Who has a turn when several mutations are under way; see `Mutator`."""

DEFAULT_FACT = "pending_mutation"


@final
class Mutator(Generic[F, M]):
    """Edits of several kinds that take time: typed, one at a time, with one fact that tells how they stand.

    The facts class declares the fact: ``pending_mutation: Pending[Submit | Search] | None = None``. Calling the
    mutator with a mutation makes the event to dispatch. From outside it comes as ``("form::Mutate", {"kind":
    "Submit", "payload": {…}})``. A mutator on another fact is named after it: ``pending_upload`` gives the event
    ``MutateUpload`` and the requirement ``ProcessUpload``.

    A mutation is ``pending``, then ``running``; when it is done the fact is None. If its handler raises, it is
    ``failed`` with a message, until another one is dispatched. Its run is complete: a refused edit is a state of
    the program, not an error of the engine. One whose run is cancelled by ``system.cancel`` is given up; one
    whose system stops has its turn again after the next start.

    Args:
        module: Where it is declared; not sealed yet.
        fact: The fact that holds the line.
        concurrency: ``latest``: who runs goes on, and of those that arrive meanwhile only the last has a turn
            (the others are observed as ``mutation.dropped``); ``queue``: all have their turn, in order;
            ``parallel``: all run at once.

    Raises:
        DefinitionError: There is no such fact, the module is sealed, or the concurrency is unknown. When a
            system is made: a mutation of the fact's type has no handler, or the other way round.

    Example:
        >>> from attrs import define, frozen
        >>> from directive_trio import Context, Module
        >>> from directive_trio.patterns import Mutator, Pending
        >>> @frozen
        ... class Rename:
        ...     name: str
        >>> @define
        ... class PageFacts:
        ...     name: str = ""
        ...     pending_mutation: Pending[Rename] | None = None
        >>> page = Module("page", PageFacts)
        >>> async def rename(mutation: Rename, ctx: Context[PageFacts]) -> None:
        ...     ctx.facts.name = mutation.name
        >>> change = Mutator(page).on(Rename, rename)
        >>> change(Rename("home")).mutation
        Rename(name='home')
    """

    def __init__(
        self: "Mutator[F, Never]",
        module: Module[F],
        /,
        *,
        fact: str = DEFAULT_FACT,
        concurrency: Concurrency = "latest",
    ) -> None:
        if not isinstance(module, Module):
            raise DefinitionError(f"Mutator() expects a Module, got {spelt(module)}")
        if not isinstance(fact, str):
            raise DefinitionError(f"fact={spelt(fact)} is no name of a fact")
        if concurrency not in get_args(Concurrency):
            raise DefinitionError(f"concurrency={spelt(concurrency)} is none of {', '.join(get_args(Concurrency))}")
        self._module = module
        self._fact = fact
        self._concurrency = concurrency
        self._handlers: dict[type, Handler[Any, Any]] = {}
        subject = "Mutation" if fact == DEFAULT_FACT else fact.removeprefix("pending_").title().replace("_", "")
        self._kinds = Kinds("Mutate" if fact == DEFAULT_FACT else f"Mutate{subject}", self._handlers)
        self.event: type[Record] = self._kinds.event
        """The class of the event."""
        self.requirement: type[Record] = requirement_class(f"Process{subject}")
        """The class of the requirement."""
        self._declare(module, one_at_a_time=concurrency != "parallel")

    def _declare(self, module: Module[F], *, one_at_a_time: bool) -> None:
        if self._fact not in module.schema.facts:
            raise DefinitionError(
                f"{module.schema.facts_class.__name__} has no fact {self._fact!r}; declare "
                f"`{self._fact}: Pending[…] | None = None`"
            )
        module.init(lambda _: self._kinds.check(module.schema.facts_class, self._fact))
        module.on(self.event)(self._arrive)
        module.constraint(name=self._fact)(self._ask)
        module.resolver(self.requirement, name=self._fact, limit=1 if one_at_a_time else None)(self._take_turn)

    def __repr__(self) -> str:
        return f"<mutator {self._module.name}::{self._fact}>"

    def on(self, kind: type[K], handler: Handler[K, F], /) -> "Mutator[F, M | K]":
        """Say how mutations of a class are handled: ``(mutation, ctx)``, async or sync.

        A second handler for a class takes the place of the first. Returns the mutator itself, whose type now
        includes the class.

        Raises:
            DefinitionError: *kind* is no attrs class, another one has its name, *handler* is no function, an
                `optimistic` one names a fact that the module does not have, or a system exists already.
        """
        if self._module.sealed:
            raise DefinitionError(f"{self!r} is sealed: a system was made from its module; declare handlers before")
        self._kinds.check_new(kind, handler)
        for layer in layers(handler):
            unknown = set(layer.facts) - set(self._module.schema.facts) if isinstance(layer, Optimistic) else ()
            for name in sorted(unknown):
                raise DefinitionError(f"optimistic() on {kind.__name__}: the module has no fact {name!r}")
        self._handlers[kind] = handler
        return cast("Mutator[F, M | K]", self)

    def __call__(self, mutation: M, /) -> Record:
        """Return the event that asks for a mutation.

        Raises:
            UsageError: There is no handler for it.
        """
        return self.event(mutation)  # type: ignore[call-arg]  # made at run time

    # -- the four declarations --------------------------------------------------------------------

    def _arrive(self, facts: F, event: Any) -> None:
        handler = self._handlers[type(event.mutation)]
        line = self._line(facts)
        last = max((one.sequence for one in line), default=0)
        line = pending.under_way(line)
        if _gives_way(handler):
            line = self._drop(facts, line, lambda one: self._handlers.get(type(one.mutation)) is handler)
        if self._concurrency == "latest":
            line = self._drop(facts, line, lambda one: one.status == "pending")
        sequence = event.sequence
        if sequence <= last:  # somebody has kept the event, or the line is of an earlier program
            sequence = max(self._kinds.number(), last + 1)
        self._set(facts, [*line, pending.Pending(event.mutation, sequence=sequence)])

    def _ask(self, facts: F) -> Record | tuple[Record, ...] | None:
        shown = getattr(facts, self._fact)
        if shown is None or shown.status == "failed":
            return None
        turns = pending.under_way(self._line(facts)) if self._concurrency == "parallel" else [shown]
        return tuple(self.requirement(one.sequence) for one in turns)  # type: ignore[call-arg]  # made at run time

    async def _take_turn(self, requirement: Any, ctx: Context[F]) -> None:
        sequence: int = requirement.sequence
        facts = ctx.facts
        while (mutation := self._find(facts, sequence)) is None:  # taken out before the first step of its run
            await trio.lowlevel.checkpoint()  # the pass that is due cancels this run
        self._change(ctx.facts, sequence, pending.begin)
        ctx.signal.on_abort(lambda reason: self._aborted(ctx, sequence, reason))
        handler = self._handlers.get(type(mutation), self._refuse)
        if _gives_way(handler):
            ctx = until(ctx, lambda: self._over(facts, sequence))
        try:
            await call(handler, mutation, ctx, sequence)
        except Exception as error:  # noqa: BLE001  # whatever the user's handler raises: it is told in the fact
            self._change(ctx.facts, sequence, pending.fail(pending.message_of(error)))
        else:
            self._change(ctx.facts, sequence, pending.gone)

    def _refuse(self, mutation: Record, _: Context[F]) -> None:
        """Handle a mutation that has no handler: it came into the fact by other means than the event."""
        raise UsageError(self._kinds.no_handler(type(mutation).__name__))

    def _over(self, facts: F, sequence: int) -> CancelReason | None:
        """Say why a run is over whose mutation was taken out of the line; None while it stands there."""
        shown = getattr(facts, self._fact)
        if shown is None:
            return CancelReason("removed")
        stands = shown.sequence == sequence or self._find(facts, sequence) is not None
        return None if stands else CancelReason("superseded")

    def _aborted(self, ctx: Context[F], sequence: int, reason: CancelReason) -> None:
        """Leave nothing standing as ``running`` that is not, and what its handler dispatched where it is."""
        if reason.kind == "timeout":
            outcome: Callable[[Any], Any] = pending.fail(str(reason))
        else:
            outcome = pending.gone if reason.kind == "cancelled" else pending.back
        self._change(landing(ctx), sequence, outcome)
        keep(ctx, self._fact)

    # -- the line ---------------------------------------------------------------------------------

    def _line(self, facts: F) -> Line:
        return pending.line_of(getattr(facts, self._fact))

    def _find(self, facts: F, sequence: int) -> Record | None:
        return next((one.mutation for one in self._line(facts) if one.sequence == sequence), None)

    def _set(self, facts: F, line: Line) -> None:
        setattr(facts, self._fact, pending.fact_of(line))

    def _change(self, facts: F, sequence: int, change: Callable[[Any], Any]) -> None:
        line = self._line(facts)
        if any(one.sequence == sequence for one in line):
            self._set(facts, pending.replace(line, sequence, change))

    def _drop(self, facts: F, line: Line, gives_way: Callable[[Any], bool]) -> Line:
        """Return the line without those that give way; who has not begun will never be handled, and is told of."""
        for one in line:
            if gives_way(one) and one.status == "pending":
                requirement = self.requirement(one.sequence)  # type: ignore[call-arg]  # made at run time
                tell(facts, MutationDropped, self._fact, requirement, one.mutation)
        return [one for one in line if not gives_way(one)]


def _gives_way(handler: object) -> bool:
    return any(isinstance(layer, Cancellable) and layer.supersedes for layer in layers(handler))
