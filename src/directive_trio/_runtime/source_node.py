"""One source in one system, and one attachment of it: from the task's begin to its end, attempts included."""

import math
from typing import TYPE_CHECKING, Any

import trio

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.secrecy import HIDDEN
from directive_trio._definitions.source import DeclaredSource, DropReason
from directive_trio._store.cell import holds_secret

if TYPE_CHECKING:
    from directive_trio._runtime.source_link import Link
    from directive_trio._runtime.timers import Timer
    from directive_trio._runtime.watchers import Watcher


class SourceNode:
    """One source in one system. What it counts stays over stop and start."""

    __slots__ = (
        "attachment",
        "definition",
        "disabled",
        "drops",
        "failures",
        "last_drop_at",
        "last_drop_reason",
        "last_error",
        "outcome",
        "published",
        "retry",
        "warned",
        "watcher",
    )

    def __init__(self, definition: DeclaredSource[Any]) -> None:
        self.definition = definition
        self.disabled = False
        self.attachment: Attachment | None = None
        """The latest one, while it goes on."""
        self.outcome = "new"
        """How the last attachment ended: completed, failed or cancelled."""
        self.failures = 0
        """How many attachments in a row have failed."""
        self.retry: Timer | None = None
        self.watcher: Watcher | None = None
        """Who follows the key."""
        self.published = 0
        self.drops: dict[DropReason, int] = {}
        self.last_drop_reason: DropReason | None = None
        self.last_drop_at: float | None = None
        self.last_error: str | None = None
        self.warned: set[DropReason] = set()

    @property
    def id(self) -> str:
        """The qualified name."""
        return self.definition.id

    @property
    def is_attached(self) -> bool:
        """Whether it has said so and has not ended."""
        return self.attachment is not None and self.attachment.link is not None and self.attachment.link.is_attached

    @property
    def begins(self) -> bool:
        """Whether its source has still to take its first step."""
        return self.attachment is not None and not self.attachment.began.is_set()

    @property
    def state(self) -> str:
        """Attached; waiting to be, or for its end; else how it has ended, or new."""
        if self.is_attached:
            return "attached"
        return "waiting" if self.attachment is not None or self.retry is not None else self.outcome

    def shown_key(self) -> Any:
        """Return the present key for whoever looks: hidden, if it is made of what is secret."""
        if self.attachment is None or self.attachment.key is None:
            return None
        read = () if self.watcher is None else self.watcher.inputs
        return HIDDEN if any(map(holds_secret, read)) else self.attachment.key

    def count_drop(self, reason: DropReason, moment: float, times: int = 1) -> None:
        """Count publishes that came to nothing."""
        self.drops[reason] = self.drops.get(reason, 0) + times
        self.last_drop_reason = reason
        self.last_drop_at = moment


class Attachment:
    """One task of a source: its scope, its shields, and the link of its present attempt."""

    __slots__ = (
        "attempt",
        "began",
        "ended",
        "hooks",
        "key",
        "link",
        "node",
        "reason",
        "scope",
        "shields",
        "since",
        "torn_down_by",
    )

    def __init__(self, node: SourceNode, key: Any, since: float) -> None:
        self.node = node
        self.key = key
        self.since = since
        self.attempt = 1
        self.link: Link | None = None
        self.scope = trio.CancelScope(shield=True)
        self.shields: dict[trio.CancelScope, None] = {}
        """The teardowns that go on."""
        self.torn_down_by = math.inf
        """When the shields of a source that was cancelled end: a moment, common to all of them."""
        self.hooks: list[Any] = []
        """What was given to ``link.on_evict``."""
        self.reason: CancelReason | None = None
        self.began = trio.Event()
        """Set when its source takes its first step, or never will."""
        self.ended = trio.Event()

    def cancel(self, reason: CancelReason) -> None:
        """Ask it to end; the first reason stays."""
        if self.reason is not None:
            return
        self.cut_off(reason)  # comes first: an abort callback might raise a KeyboardInterrupt
        if self.link is not None:
            self.link.close()
            self.link.drop_pending()
            self.link.signal.abort(reason)

    def cut_off(self, reason: CancelReason) -> None:
        """Cancel it and tell nobody, it neither."""
        self.reason = self.reason or reason
        self.scope.cancel(reason=self.reason.kind)
