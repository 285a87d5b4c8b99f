"""The signal of a run: AbortSignal semantics beside a trio cancel scope.

Every attempt has one and few look at it, so an event and a table of callbacks are made when somebody needs them.
"""

from collections.abc import Callable
from typing import ClassVar

import trio

from directive_trio._definitions.checks import check_sync_function
from directive_trio._definitions.policies import CancelReason
from directive_trio._runtime.boundary import Boundary
from directive_trio.errors import AbortedError, UsageError


class RunSignal:
    """Aborted at most once; callbacks run at that moment, in the order in which they came."""

    __slots__ = ("_boundary", "_callbacks", "_event", "_owner", "_reason")

    kind: ClassVar[str] = "resolver"

    def __init__(self, boundary: Boundary, owner: str) -> None:
        self._boundary = boundary
        self._owner = owner
        self._reason: CancelReason | None = None
        self._callbacks: dict[object, Callable[[CancelReason], object]] | None = None
        self._event: trio.Event | None = None

    @property
    def aborted(self) -> bool:
        return self._reason is not None

    @property
    def reason(self) -> CancelReason | None:
        return self._reason

    def raise_if_aborted(self) -> None:
        if self._reason is not None:
            raise AbortedError(self._reason)

    async def wait(self) -> CancelReason:
        if self._event is None:
            self._event = trio.Event()
            if self._reason is not None:
                self._event.set()
        await self._event.wait()
        assert self._reason is not None  # the event is set after it
        return self._reason

    def on_abort(self, callback: Callable[[CancelReason], object], /) -> Callable[[], None]:
        check_sync_function("on_abort()", callback, UsageError)
        token = object()
        callbacks = self._callbacks = {} if self._callbacks is None else self._callbacks
        if self._reason is None:
            callbacks[token] = callback
        else:
            self._call(callback, self._reason)

        def remove() -> None:
            callbacks.pop(token, None)

        return remove

    def abort(self, reason: CancelReason) -> None:
        """Abort, if that has not happened."""
        if self._reason is not None:
            return
        self._reason = reason
        if self._event is not None:
            self._event.set()
        while self._callbacks:  # one by one: a callback may take away another
            self._call(self._callbacks.pop(next(iter(self._callbacks))), reason)

    def _call(self, callback: Callable[[CancelReason], object], reason: CancelReason) -> None:
        try:
            callback(reason)
        except Exception as error:  # noqa: BLE001  # the user's callback; the abort goes on
            self._boundary.report(self.kind, self._owner, error, observed=False)


class SourceSignal(RunSignal):
    """The same for a source."""

    __slots__ = ()

    kind = "source"


def is_abort(error: Exception) -> bool:
    """Say whether an error tells of nothing but an abort. A nursery hands it on in a group."""
    if isinstance(error, ExceptionGroup):
        return error.split(AbortedError)[1] is None
    return isinstance(error, AbortedError)
