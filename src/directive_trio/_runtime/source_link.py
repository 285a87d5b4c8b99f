"""The link of a source: publishing, and what else a source may ask of the engine.

``publish`` is the way of every message, so its common case is short: the event is dispatched, one counter goes up.
Whatever is out of the ordinary (a name instead of an event, the first publish, a link that is closed, a handler
that raises) takes the long way. A link that coalesces keeps the last event of each class until the next pass
begins; the others are counted when that pass takes them.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any

import trio

from directive_trio._definitions.record import Record
from directive_trio._definitions.source import DropReason
from directive_trio._definitions.threads import WRONG_THREAD
from directive_trio._observation.observations import SourceAttach, SourceDrop, SourcePublish
from directive_trio._runtime.signal import SourceSignal
from directive_trio._runtime.source_node import Attachment
from directive_trio.errors import UsageError

if TYPE_CHECKING:
    from directive_trio._runtime.sources import Sources


class Link:
    """What one attempt of a source is given. Keeps the promises of `SourceLink`."""

    __slots__ = (
        "_attachment",
        "_dispatch",
        "_kinds",
        "_node",
        "_observers",
        "_sources",
        "_superseded",
        "_thread",
        "_token",
        "is_attached",
        "is_open",
        "pending",
        "signal",
    )

    def __init__(self, sources: "Sources", attachment: Attachment) -> None:
        self._sources = sources
        self._observers = sources.observers
        self._dispatch = sources.events.dispatch
        self._kinds = sources.events.handlers
        self._attachment = attachment
        node = self._node = attachment.node
        self.is_open = True
        self._thread = get_ident()
        self._token = trio.lowlevel.current_trio_token()
        self._superseded = 0
        """How many publishes were coalesced since they were last counted."""
        self.is_attached = False
        self.pending: dict[type, Any] | None = None if node.definition.coalesce == "none" else {}
        self.signal = SourceSignal(sources.boundary, node.id)

    # -- publishing -------------------------------------------------------------------------------

    def publish(self, event: Record | str, payload: Mapping[str, object] | None = None, /) -> None:
        kind = type(event)
        if get_ident() != self._thread:
            self._hand_over(self._refuse_thread, event)
        elif not self.is_open or not self.is_attached or kind not in self._kinds:
            self._publish_the_long_way(event, payload)
        elif self.pending is not None:
            if kind in self.pending:
                self._supersede(self.pending.pop(kind))
            elif not self._keeps(event):
                return
            self.pending[kind] = event
        else:
            self.dispatch(event)

    def dispatch(self, event: Any) -> None:
        """Run the handlers of an event and count it; nothing they raise goes on from here."""
        try:
            self._dispatch(event)
        except Exception as error:  # noqa: BLE001  # the user's handlers
            self._fail(event, error)
            return
        self._node.published += 1
        if self._observers.listening:
            self._observers.tell(SourcePublish, self._node.id, event)

    def _publish_the_long_way(self, event: Record | str, payload: Mapping[str, object] | None) -> None:
        if not self.is_open:
            self.drop(self._sources.why_closed(), event)
            return
        self.attached()
        if isinstance(event, str):
            self._publish_named(event, payload)
        elif type(event) in self._kinds:
            self.publish(event)
        else:
            self.drop("unknown_event", event)

    def _publish_named(self, name: str, payload: Mapping[str, object] | None) -> None:
        sources = self._sources
        kind = sources.events.named_in(name, self._node.definition.module)
        if kind is None:
            self.drop("unknown_event", name)
            return
        try:
            event = sources.structure(kind, name, payload)
        except Exception as error:  # noqa: BLE001  # what comes from outside, and hooks of the user
            self.drop("bad_payload", name, error)
            return
        self.publish(event)

    def _keeps(self, event: Any) -> bool:
        """Say whether an event, the first of its class, is kept for the next pass; else it is dropped."""
        if self._observers.telling:  # an observer that could make passes would never come to rest
            self.drop("refused", event)
            return False
        self._sources.keep(self)
        return True

    def _supersede(self, event: Any) -> None:
        self._superseded += 1
        if self._observers.listening:
            self._observers.tell(SourceDrop, self._node.id, event, "coalesced", None)

    def _fail(self, event: Any, error: Exception) -> None:
        if self._sources.refuses(event):
            self.drop("refused", event, error)
        else:
            self.drop("handler_error", event, error)
            self._sources.handler_failed(event, error)

    def drop(self, reason: DropReason, event: Any, error: Exception | None = None) -> None:
        """Count and tell that a publish came to nothing."""
        self._node.count_drop(reason, self._observers.clock())
        self._sources.warn_once(self._node, reason, event, error)
        if self._observers.listening:
            self._observers.tell(SourceDrop, self._node.id, event, reason, error)

    def _refuse_thread(self, event: Any) -> None:
        """It was published from another thread: say so where that can be counted and told."""
        if not self.is_open:
            self.drop(self._sources.why_closed(), event)
            return
        error = UsageError(f"{self._node.id!r} published from another thread: {WRONG_THREAD}")
        self.drop("refused", event, error)
        self.report_error(error)

    def _hand_over(self, function: Callable[[Any], object], argument: Any) -> None:
        """Call something in the thread of the system, if that still runs."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(function, argument)

    def take_pending(self) -> list[Any]:
        """Hand over what was kept, in the order of the last publishes, and count what was coalesced."""
        if not self.pending:
            return []
        events = list(self.pending.values())
        self.pending.clear()
        self.count_superseded()
        return events

    def count_superseded(self) -> None:
        """Add what was coalesced lately to the counts of the source."""
        if self._superseded:
            self._node.count_drop("coalesced", self._observers.clock(), self._superseded)
            self._superseded = 0

    # -- ending -----------------------------------------------------------------------------------

    def dispatch_pending(self) -> None:
        """What was kept for the next pass comes before the end: its source has ended by itself."""
        self._sources.pending.pop(self, None)
        for event in self.take_pending():
            self.dispatch(event)

    def close(self) -> None:
        """Publish nothing any more."""
        self.is_open = False

    def drop_pending(self) -> None:
        """What was kept for the next pass is not dispatched, because its source is taken away."""
        self._sources.pending.pop(self, None)
        for event in self.take_pending():
            self.drop(self._sources.why_closed(), event)

    # -- what else a source may say ---------------------------------------------------------------

    @property
    def key(self) -> Hashable:
        key: Hashable = self._attachment.key
        return key

    def attached(self) -> None:
        if not self.is_attached and self._attachment.link is self:
            self.is_attached = True
            if self._observers.listening:
                self._observers.tell(SourceAttach, self._node.id, self._node.shown_key())

    def report_error(self, error: BaseException, /) -> None:
        if get_ident() != self._thread:
            self._hand_over(self.report_error, error)
        elif self._attachment.link is self:
            self._sources.reported(self._attachment, error)

    def on_evict(self, callback: Callable[[], Awaitable[object] | object], /) -> None:
        if self.is_open:
            self._attachment.hooks.append(callback)

    @contextmanager
    def teardown(self) -> Iterator[None]:
        shields = self._attachment.shields
        shield = trio.CancelScope(shield=True, deadline=self._sources.teardown_deadline(self._attachment))
        shields[shield] = None
        try:
            with shield:
                yield
        except BaseException:
            if shield.cancel_called:  # it was cut off, and has failed for that
                self._sources.cut(self._node)
            raise
        finally:
            del shields[shield]
        if shield.cancelled_caught:
            self._sources.cut(self._node)

    async def caught_up(self) -> None:
        await self._sources.wait_for_pass()
