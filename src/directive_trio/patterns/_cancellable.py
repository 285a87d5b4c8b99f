"""Handlers that give way: to the next mutation of their kind, or to the clock.

The engine does the cancelling. When a mutator hears of a mutation that supersedes, it takes the earlier one out
of the fact, nothing asks for its requirement any more, and its run is cancelled in that pass, before the newer
one starts. Should the handler be woken between the event and that pass, or have dispatched the event itself, its
run ends as soon as it uses its context. Either way nothing it writes afterwards lands.
"""

from collections.abc import Callable
from contextlib import nullcontext
from inspect import iscoroutine, iscoroutinefunction
from typing import Generic, Literal, TypeVar, final

from attrs import frozen

from directive_trio import CancelReason, Context, Record
from directive_trio.errors import DefinitionError, UsageError
from directive_trio.lowlevel import landing, time_limit
from directive_trio.patterns._wrapping import Handler, Wrapper, call, check_handler, spelt

K = TypeVar("K", bound=Record)
F = TypeVar("F")


@final
@frozen
class CancelEvent(Generic[K, F]):
    """Why a handler gives way.

    ``facts`` is a writable view of the module whose writes land, though the handler's own do no more.
    """

    kind: Literal["superseded", "timeout"]
    mutation: K
    facts: F
    sequence: int


class Cancellable(Wrapper[K, F]):
    """See `cancellable`."""

    def __init__(
        self,
        handler: Handler[K, F],
        supersede_on: str,
        timeout: float | None,
        on_cancel: Callable[[CancelEvent[K, F]], object] | None,
    ) -> None:
        super().__init__(handler)
        self.supersedes = supersede_on == "self"
        self.timeout = timeout
        self.on_cancel = on_cancel

    async def run(self, mutation: K, ctx: Context[F], sequence: int) -> None:
        remove = ctx.signal.on_abort(lambda reason: self._aborted(reason, mutation, ctx, sequence))
        try:
            with nullcontext() if self.timeout is None else time_limit(ctx, self.timeout):
                await call(self.handler, mutation, ctx, sequence)
        finally:
            remove()

    def _aborted(self, reason: CancelReason, mutation: K, ctx: Context[F], sequence: int) -> None:
        if self.on_cancel is not None and (reason.kind == "superseded" or reason.kind == "timeout"):  # noqa: PLR1714
            result = self.on_cancel(CancelEvent(reason.kind, mutation, landing(ctx), sequence))
            if iscoroutine(result):
                result.close()
                raise UsageError(f"on_cancel returned {spelt(result)}; it must be sync, so nothing of that was run")


def cancellable(
    handler: Handler[K, F],
    /,
    *,
    supersede_on: Literal["self", "never"] = "self",
    timeout: float | None = None,
    on_cancel: Callable[[CancelEvent[K, F]], object] | None = None,
) -> Handler[K, F]:
    """Return *handler* made to give way: to the next mutation of its kind, at dispatch, and to the clock.

    Args:
        handler: The handler, or another wrapper round one.
        supersede_on: ``self``: a mutation for the same handler cancels the one under way, with reason
            ``superseded``, also if the handler dispatched it itself; ``never``: it waits for its turn.
        timeout: Seconds after which the handler is cancelled, with reason ``timeout``; its mutation has failed.
        on_cancel: Called at the moment of either, before the handler hears of it. What it raises is reported,
            never raised.

    Raises:
        DefinitionError: An option cannot be.
    """
    check_handler(handler)
    if supersede_on not in ("self", "never"):  # what cannot be hashed is refused too
        raise DefinitionError(f"supersede_on={spelt(supersede_on)} is neither 'self' nor 'never'")
    if timeout is not None and not _is_duration(timeout):
        raise DefinitionError(f"timeout={spelt(timeout)} is no duration in seconds, greater than 0")
    if on_cancel is not None and not _is_sync(on_cancel):
        raise DefinitionError(f"on_cancel={spelt(on_cancel)} is no sync function (event)")
    return Cancellable(handler, supersede_on, timeout, on_cancel)


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0  # NaN is not


def _is_sync(value: object) -> bool:
    return callable(value) and not iscoroutinefunction(value)
