"""What patterns and adapters are built on, below the level of everyday use.

Everyday code says what must be true and how to make it true; these say something about the run itself.
They take the `Context` that the engine gave to a resolver, and refuse one that a test made up.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import trio

from directive_trio._definitions.context import Context
from directive_trio._definitions.names import qualify
from directive_trio._definitions.policies import CancelReason
from directive_trio._observation.observations import Observation
from directive_trio._runtime.calls import CallContext
from directive_trio._runtime.run_context import RunContext
from directive_trio.errors import UsageError

__all__ = ["keep", "landing", "tell", "time_limit", "until", "wrote_last"]

_F = TypeVar("_F")


def landing(ctx: Context[_F], /) -> _F:
    """Return a writable view of the run's module whose writes are the engine's, not the run's.

    They land also when the run has been cancelled: for what must be said at the moment of a cancellation.

    Raises:
        UsageError: *ctx* is no context that the engine gave to a run.
    """
    facts: _F = _own(ctx).landing()
    return facts


def wrote_last(ctx: Context[Any], fact: str, /) -> bool:
    """Say whether the value that a fact of the run's module has now was written by the run, or by its events.

    Raises:
        UsageError: *ctx* is no context that the engine gave to a run.
        UnknownNameError: The module has no such fact.
    """
    return _own(ctx).wrote_last(fact)


def keep(ctx: Context[Any], fact: str, /) -> None:
    """Let what the run wrote last to a fact of its module stay, also when the run is cancelled.

    Otherwise a cancelled run that had made its own constraint false leaves none of the writes that did so.

    Raises:
        UsageError: *ctx* is no context that the engine gave to a run.
        UnknownNameError: The module has no such fact.
    """
    _own(ctx).keep(fact)


def until(ctx: Context[_F], over: Callable[[], CancelReason | None], /) -> Context[_F]:
    """Return the same context, made to end its run as soon as *over* says why.

    It is asked whenever the run reads ``facts`` or ``signal``, writes or dispatches, and after it has dispatched (in
    a transaction, at the next checkpoint). So an event may end a run at once, where the engine would only do so in
    the pass after it, or, if the run has sent the event itself, not at all.

    Raises:
        UsageError: *ctx* is no context that the engine gave to a run.
    """
    return _own(ctx).until(over)


@contextmanager
def time_limit(ctx: Context[Any], seconds: float, /) -> Iterator[None]:
    """Cancel the run with reason ``timeout`` if the block takes longer than so many seconds on the trio clock.

    Unlike a resolver's ``timeout``, which fails an attempt, this ends the run as *cancel*: its signal is
    aborted, then its scope is cancelled, and nothing it writes lands any more.

    Raises:
        UsageError: *ctx* is no context that the engine gave to a run.
    """
    own = _own(ctx)
    timer = own.call_at(trio.current_time() + seconds, lambda: own.end(CancelReason("timeout", seconds)))
    try:
        yield
    finally:
        timer.cancel()


def tell(view: object, kind: type[Observation], name: str, *fields: Any) -> None:
    """Give an observation to the observers of the system of *view*, the live view of an event handler.

    Args:
        view: What the event handler was given.
        kind: The class; ``seq`` and ``time`` are filled in. Nothing is built while nobody listens.
        name: What it is about, without its module: that is the view's.
        fields: The other fields.

    Raises:
        UsageError: *view* is a plain instance and stands in no system.
    """
    store = getattr(view, "_store", None)
    if store is None:
        raise UsageError(f"{type(view).__name__} is no live view; pass what the event handler was given")
    if store.observers.listening:
        module = next(place.module for place in store.modules.values() if place.live is view)
        store.observers.tell(kind, qualify(module, name), *fields)


def _own(ctx: object) -> RunContext:
    if isinstance(ctx, CallContext):
        raise UsageError("what is called out of band is no run, and this needs one; use system.require()")
    if not isinstance(ctx, RunContext):
        raise UsageError(f"{type(ctx).__name__} is no context of a run; pass the one that the engine gave")
    return ctx
