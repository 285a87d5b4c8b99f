"""What a resolver is given besides its requirement: the context of its run, and the run's signal.

These are the promises; the runtime keeps them. They stand on this floor because a declaration names them.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record

F_co = TypeVar("F_co", covariant=True)


class Signal(Protocol):
    """AbortSignal semantics for the cancel scope of one run. The first reason stays."""

    @property
    def aborted(self) -> bool:
        """Whether the run was asked to end."""

    @property
    def reason(self) -> CancelReason | None:
        """Why, or None while it was not."""

    def raise_if_aborted(self) -> None:
        """Raise `AbortedError` once aborted. A resolver that is left with it ends as *cancel*."""

    async def wait(self) -> CancelReason:
        """Wait until aborted and return the reason. A checkpoint; cancelling it leaves no trace."""

    def on_abort(self, callback: Callable[[CancelReason], object], /) -> Callable[[], None]:
        """Call *callback* with the reason at the moment of abortion, at once if that has passed.

        Returns what takes the callback away again. A callback that raises is reported, never fatal.
        """


class Context(Protocol[F_co]):
    """The context of one attempt of a run. New for each attempt."""

    @property
    def facts(self) -> F_co:
        """The writable view of the module's facts. Writes are the run's own.

        Once the run is cancelled or has ended none lands; what is dropped is observed as ``resolver.write.rejected``.

        Raises:
            FactValueError: On a write: the fact's type or validators refuse the value.
            UnknownFactError: There is no such fact.
        """

    @property
    def signal(self) -> Signal:
        """The run's signal."""

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""

    @property
    def deps(self) -> Any:
        """What the system was given as ``deps``."""

    def snapshot(self) -> F_co:
        """Return a plain instance with the present values."""

    def requeue(self) -> None:
        """Ask for another run of the same requirement after this one, while a constraint wants it."""

    def dispatch(self, event: Record, /) -> None:
        """Dispatch an event; what its handlers write are the run's own writes.

        Once the run is cancelled or has ended it is not dispatched, and observed as ``resolver.write.rejected``.

        Raises:
            UnknownNameError: No module handles it.
            Exception: Whatever a handler raises; none of the event's writes remain.
        """

    def cancel(self) -> None:
        """End this run as *cancel*, at its next checkpoint. Harmless when it has ended or is cancelled already."""
