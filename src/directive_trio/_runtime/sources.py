"""Sources at work: attached at start, run again as their policy says, detached at stop.

A source is a task with a shielded cancel scope: only the engine cancels it, a cancellation from outside becomes an
ordered stop. Their first steps are taken in the order of registration, one a turn of the scheduler: trio would
shuffle them. At stop the last one is cancelled first, and the one before it when that has ended, or has had
``teardown_grace``: so a source may rely on those that were declared before it.

A key is followed by a watcher, which is judged in the pass, like any other.
"""

import logging
import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import trio
from attrs import frozen

from directive_trio._definitions.names import qualify
from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.printing import shown, spelt
from directive_trio._definitions.results import refuse_unrun
from directive_trio._definitions.source import DropReason, SourcePhase
from directive_trio._observation.observations import SourceError
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.events import Events
from directive_trio._runtime.source_attachments import SourceAttachments, delay_after, throw_if_asked
from directive_trio._runtime.source_link import Link
from directive_trio._runtime.source_node import Attachment, SourceNode
from directive_trio._runtime.tasks import Tasks
from directive_trio._runtime.timers import Timers
from directive_trio._runtime.watchers import Watchers
from directive_trio._store.store import Store
from directive_trio.errors import DirectiveError, TeardownTimeoutError, UsageError

logger = logging.getLogger("directive_trio")

AT_ONCE = 10
"""How many times in a row the strategy ``retry`` attaches a source again."""
MESSAGE = 256
"""How many characters of an error's message are kept: it may hold what the source was sent."""


@frozen(eq=False)
class FailedKey:
    """A key that could not be computed."""

    error: Exception


class Sources:
    """The sources of one system."""

    def __init__(
        self, store: Store, boundary: Boundary, timers: Timers, watchers: Watchers, wake: Callable[[], None]
    ) -> None:
        self.store = store
        self.observers = store.observers
        self.boundary = boundary
        self.timers = timers
        self.watchers = watchers
        self.wake = wake
        self.attachments = SourceAttachments(self)
        self.tasks: Tasks
        self.events: Events
        self.structure: Callable[[type, str, Mapping[str, object] | None], Any]
        self.grace = 0.0
        self.nodes: dict[str, SourceNode] = {}
        self.under_way: dict[Attachment, None] = {}
        """The attachments whose tasks go on, also those that end."""
        self.pending: dict[Link, None] = {}
        """Links that keep events for the next pass."""
        self.stopped = True
        """Whether nothing may be published any more; set as soon as somebody asks the system to stop."""
        self.destroyed = False
        self.evicted = False
        self.hung: set[str] = set()
        """Sources whose teardown or hook was cut off."""
        self._shields_end = math.inf
        """When every shield ends: the deadline of an eviction."""
        self._patience: trio.CancelScope | None = None
        self.pass_over: trio.Event | None = None
        """Set at the end of a pass, if somebody waits for that."""

    # -- life -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The system starts: attach, in the order of registration."""
        self.stopped = False
        turn: Attachment | None = None
        for node in self.nodes.values():
            node.failures = 0
            if not node.disabled:
                self._begin(node, turn)
                turn = node.attachment or turn

    def adopt(self, node: SourceNode) -> None:
        """Take one more source; it is attached at once, if the system runs."""
        self.nodes[node.id] = node
        if not self.stopped:
            self._begin(node)

    def remove(self, node: SourceNode) -> None:
        """A source is no longer one of the system's: detach it. What it must still do, the system waits for."""
        node.disabled = True
        self._forget(node)
        self._let_go(node, CancelReason("removed"))  # while the system stops too: its turn would never come
        del self.nodes[node.id]

    def _begin(self, node: SourceNode, turn: Attachment | None = None) -> None:
        """Attach a source, if its key says so; *turn*: whose first step comes before."""
        key = node.definition.key
        if key is None:
            self._attach(node, None, turn)
            return
        ask = self._asking(key, self.store.tracking.beside(node.definition.module))
        node.watcher = self.watchers.add(node.id, ask, lambda new, _: self._follow(node, new))
        self._follow(node, node.watcher.value, turn)

    def _asking(self, key: Callable[[Any], Hashable], view: Any) -> Callable[[], Any]:
        def ask() -> Any:
            try:
                answer = key(view)
                refuse_unrun("its key", answer)
            except Exception as error:  # noqa: BLE001  # the user's function, or a derivation it reads
                return FailedKey(error)
            return answer

        return ask

    def _follow(self, node: SourceNode, key: Any, turn: Attachment | None = None) -> None:
        """The key of a source is another one."""
        raised = isinstance(key, FailedKey)
        self._let_go(node, CancelReason("removed" if key is None or raised else "superseded"))
        if raised:
            self.react(node, "attach", key.error)
        elif key is not None:
            node.failures = 0
            self._attach(node, key, turn)

    def _attach(self, node: SourceNode, key: Any, turn: Attachment | None = None) -> None:
        before = node.attachment
        attachment = node.attachment = Attachment(node, key, self.observers.clock())
        self.under_way[attachment] = None
        self.tasks.start(self.attachments.run, attachment, before, turn, name=f"source {node.id}")

    def _let_go(self, node: SourceNode, reason: CancelReason) -> None:
        """Ask a source to end, and do not run it again."""
        self._unschedule(node)
        if node.attachment is not None:
            node.attachment.cancel(reason)

    def _unschedule(self, node: SourceNode) -> None:
        if node.retry is not None:
            node.retry.cancel()
            node.retry = None

    def _forget(self, node: SourceNode) -> None:
        if node.watcher is not None:
            self.watchers.remove(node.watcher)
            node.watcher = None

    def switch(self, node: SourceNode, on: bool) -> None:
        """Enable or disable a source."""
        if node.disabled is not on:
            return
        node.disabled = not on
        if self.stopped:
            return
        if on:
            node.failures = 0
            self._begin(node)
        else:
            self._forget(node)
            self._let_go(node, CancelReason("removed"))

    def ask_to_stop(self) -> None:
        """Take no publishes any more; the sources end when their turn comes."""
        self.stopped = True
        for node in self.nodes.values():
            if node.attachment is not None and node.attachment.link is not None:
                node.attachment.link.close()
            self._unschedule(node)
        for link in list(self.pending):
            link.drop_pending()
        self.pass_ended()

    async def detach_all(self, reason: CancelReason) -> None:
        """End all sources, the last one first."""
        for node in self.nodes.values():
            self._forget(node)
        try:
            for node in reversed([*self.nodes.values()]):  # what ends may unregister modules
                await self._detach_in_turn(node, reason)
        finally:  # an abort callback might raise a KeyboardInterrupt; nobody is left behind for that
            for node in self.nodes.values():
                if node.attachment is not None:
                    node.attachment.cut_off(reason)

    async def _detach_in_turn(self, node: SourceNode, reason: CancelReason) -> None:
        attachment = node.attachment
        self._let_go(node, reason)
        if attachment is not None:
            patience = 0 if self.evicted else self.grace
            with trio.move_on_after(patience) as self._patience:
                await attachment.ended.wait()

    # -- errors -----------------------------------------------------------------------------------

    def tell_error(self, node: SourceNode, phase: SourcePhase, error: Exception) -> None:
        """Say what a source raised, or reported."""
        message = node.last_error = shown(error, MESSAGE, _message)
        if self.observers.listening:
            self.observers.tell(SourceError, node.id, phase, error, message)

    def react(self, node: SourceNode, phase: SourcePhase, error: Exception) -> str:
        """Tell of an error after which nothing can be run again."""
        self.tell_error(node, phase, error)
        strategy = self.boundary.recover("source", node.id, error)
        if strategy == "disable":
            self.switch(node, False)
        return strategy

    def recover(self, attachment: Attachment, error: Exception) -> str:
        """A source has failed for good: what now?"""
        node = attachment.node
        node.failures += 1
        strategy = self.boundary.recover("source", node.id, error)
        if strategy == "disable":
            self.switch(node, False)
        elif self.stopped or node.disabled or node.attachment is not None or node.retry is not None:
            return strategy  # somebody has decided otherwise meanwhile
        elif strategy == "retry" and node.failures <= AT_ONCE:
            self._attach(node, attachment.key)
        elif strategy == "retry_later" and node.failures < self.boundary.policy.retry_later.attempts:
            wait = delay_after(self.boundary.policy.retry_later, node.failures)
            node.retry = self.timers.call_at(trio.current_time() + wait, lambda: self._retry(node, attachment.key))
        return strategy

    def _retry(self, node: SourceNode, key: Any) -> None:
        node.retry = None
        self._attach(node, key)

    def _throw(self, error: Exception) -> None:
        """Let an error leave the system, from where nothing may be raised."""
        self.tasks.start(_raise, error, name="error of a source")

    def reported(self, attachment: Attachment, error: object) -> None:
        """``link.report_error``."""
        if not isinstance(error, Exception):
            wrapped = UsageError(f"report_error was given {spelt(error)}, which is no exception to be reported")
            wrapped.__cause__ = error if isinstance(error, BaseException) else None
            error = wrapped
        phase: SourcePhase = "runtime" if attachment.reason is None else "cleanup"
        if self.react(attachment.node, phase, error) == "throw":
            self._throw(error)

    def handler_failed(self, event: Any, error: Exception) -> None:
        """A handler of a published event raised, and there is no caller to take that."""
        kind = type(event)
        handlers = self.events.handlers[kind]
        if self.boundary.recover("event", qualify(handlers[0][0], kind.__name__), error) == "throw":
            self._throw(error)

    def cut(self, node: SourceNode) -> None:
        """A teardown, or what a source does when it is evicted, took too long."""
        self.hung.add(node.id)
        self.react(node, "cleanup", TeardownTimeoutError(node.id))

    def hook_failed(self, node: SourceNode, error: Exception) -> None:
        """What a source does when it is evicted has failed."""
        throw_if_asked(self.react(node, "cleanup", error), error)

    def hasten(self, deadline: float) -> None:
        """The system is evicted: every shield ends at *deadline*, and none waits for its turn to be cancelled."""
        self.evicted = True
        self._shields_end = deadline
        for attachment in self.under_way:
            for shield in attachment.shields:
                shield.deadline = min(shield.deadline, deadline)
        if self._patience is not None:
            self._patience.deadline = trio.current_time()

    def teardown_deadline(self, attachment: Attachment) -> float:
        """Return when a shield that begins now has to end. All shields of a source that must end share one."""
        deadline = trio.current_time() + self.grace
        if attachment.reason is not None:
            deadline = attachment.torn_down_by = min(deadline, attachment.torn_down_by)
        return min(deadline, self._shields_end)

    # -- publishing -------------------------------------------------------------------------------

    def keep(self, link: Link) -> None:
        """A link has an event for the next pass."""
        self.pending[link] = None
        self.wake()

    def flush(self) -> None:
        """A pass begins: dispatch what was kept for it."""
        links, self.pending = self.pending, {}
        for link in links:
            for event in link.take_pending():
                if link.is_open:
                    link.dispatch(event)
                else:  # a handler has just ended the source, or the system
                    link.drop(self.why_closed(), event)

    def why_closed(self) -> DropReason:
        """Say why a publish comes too late."""
        if self.evicted and self.stopped:
            return "evicted"
        if self.destroyed:
            return "destroyed"
        return "stopped" if self.stopped else "detached"

    def refuses(self, event: Any) -> bool:
        """Say whether nothing may be dispatched here and now."""
        try:
            self.store.check_writable(type(event).__name__)
        except DirectiveError:
            return True
        return False

    def warn_once(self, node: SourceNode, reason: DropReason, event: Any, error: Exception | None) -> None:
        """Log what looks like a mistake, the first time."""
        if reason in ("unknown_event", "bad_payload") and reason not in node.warned:
            node.warned.add(reason)
            why = "nothing handles it" if error is None else str(error)
            logger.warning("source %s published %s, which is dropped: %s", node.id, shown(event, 100), why)

    # -- passes -----------------------------------------------------------------------------------

    def pass_ended(self) -> None:
        """The pass is over that somebody waits for, or there will be none."""
        if self.pass_over is not None:
            self.pass_over.set()
            self.pass_over = None

    async def wait_for_pass(self) -> None:
        """Wait until the pass that sees what was published is over; a checkpoint in every case."""
        over: trio.Event | None = None
        if (self.pending or self.store.due) and not self.stopped:
            over = self.pass_over = trio.Event() if self.pass_over is None else self.pass_over
        await trio.lowlevel.checkpoint()
        if over is not None and not over.is_set():
            await over.wait()


def _message(error: object) -> str:
    return str(error) or type(error).__name__


async def _raise(error: Exception) -> None:
    raise error
