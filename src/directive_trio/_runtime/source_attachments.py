"""Attachments at work: the task of a source, its attempts, the object that it claims, and its end.

One goes on until its source returns, its policy gives up, or it is cancelled. What follows from its error is for
`Sources` to say.
"""

import random
from typing import TYPE_CHECKING

import trio

from directive_trio._definitions.policies import Retry
from directive_trio._definitions.source import FunctionSource, Source, SourcePhase
from directive_trio._observation.observations import SourceDetach
from directive_trio._runtime.callback_source import CallbackSource
from directive_trio._runtime.source_link import Link
from directive_trio._runtime.source_node import Attachment
from directive_trio.errors import UsageError

if TYPE_CHECKING:
    from directive_trio._runtime.sources import Sources


class SourceAttachments:
    """Carries out the attachments of the sources of one system."""

    def __init__(self, sources: "Sources") -> None:
        self._sources = sources
        self._observers = sources.observers
        self._boundary = sources.boundary

    async def run(self, attachment: Attachment, before: Attachment | None, turn: Attachment | None) -> None:
        """The task of a source. It begins when *before*, its own last one, has ended, and after *turn*."""
        failure: Exception | None = None
        outcome = "failed"
        try:
            before = before or self._ending_elsewhere(attachment.node.definition.source)
            if before is not None:
                with trio.CancelScope(shield=True):
                    await before.ended.wait()
            with attachment.scope:
                if turn is not None:
                    await turn.began.wait()
                await trio.lowlevel.checkpoint_if_cancelled()
                failure = await self._attempts(attachment)
            if failure is None:
                outcome = "completed"
        except Exception as error:  # noqa: BLE001  # what a cancelled source raised while it cleaned up
            throw_if_asked(self._sources.react(attachment.node, "cleanup", error), error)
        finally:
            self._end(attachment, outcome if attachment.reason is None else "cancelled")
        if failure is not None:
            throw_if_asked(self._sources.recover(attachment, failure), failure)

    def _ending_elsewhere(self, source: Source) -> Attachment | None:
        """Return who still serves a source object for a module that was removed: it is free when that has ended."""
        serving = source._serving
        if isinstance(serving, Attachment) and serving in self._sources.under_way and serving.reason is not None:
            return serving
        return None

    async def _attempts(self, attachment: Attachment) -> Exception | None:
        """Run the source until it returns, its policy gives up, or it is cancelled; return its last error."""
        while True:
            if self._sources.stopped:  # its turn to be cancelled comes
                await trio.sleep_forever()
            failed = await self._attempt(attachment)
            if failed is None or attachment.reason is not None:
                return None
            delay = self._next_delay(attachment, failed)
            if delay is None:
                return failed
            self._boundary.report("source", attachment.node.id, failed)
            self._detach(attachment, "failed")
            await trio.sleep(delay)
            attachment.attempt += 1

    async def _attempt(self, attachment: Attachment) -> Exception | None:
        """Run it once; return what it raised, unless it was cancelled."""
        source = attachment.node.definition.source
        attachment.link = Link(self._sources, attachment)
        attachment.began.set()
        phase: SourcePhase = "attach"
        try:
            self._claim(source, attachment)
            phase = "runtime"
            await source.run(attachment.link)
        except Exception as error:
            if attachment.reason is not None:
                raise
            if phase == "runtime" and isinstance(source, CallbackSource):
                phase = source.phase
            self._sources.tell_error(attachment.node, phase, error)
            return error
        return None

    def _next_delay(self, attachment: Attachment, failed: Exception) -> float | None:
        """Return the wait before the next attempt; None when there is none."""
        node, retry = attachment.node, attachment.node.definition.retry
        if self._boundary.tries_again("source", node.id, retry, failed, attachment.attempt):
            return delay_after(retry, attachment.attempt)
        return None

    def _end(self, attachment: Attachment, outcome: str) -> None:
        """The task of a source is over, however that came."""
        node = attachment.node
        node.outcome = outcome
        if node.attachment is attachment:
            node.attachment = None
        del self._sources.under_way[attachment]
        self._release(node.definition.source, attachment)
        attachment.began.set()
        try:
            self._detach(attachment, outcome)
        finally:
            attachment.ended.set()

    def _detach(self, attachment: Attachment, outcome: str) -> None:
        """The link of an attempt is no longer one."""
        link, attachment.link = attachment.link, None
        attachment.hooks.clear()  # they were the attempt's
        if link is None:
            return
        try:
            link.dispatch_pending()
        finally:  # a handler might raise a KeyboardInterrupt
            link.close()
            if link.is_attached and self._observers.listening:
                self._observers.tell(SourceDetach, attachment.node.id, outcome, attachment.reason)

    def _claim(self, source: Source, attachment: Attachment) -> None:
        """Take a source object for this attachment.

        Raises:
            UsageError: It serves another one.
        """
        if isinstance(source, FunctionSource):
            return
        if source._serving not in (None, attachment):
            raise UsageError(f"the object of source {attachment.node.id!r} serves a running system; give each its own")
        object.__setattr__(source, "_serving", attachment)  # also where it is frozen

    def _release(self, source: Source, attachment: Attachment) -> None:
        if source._serving is attachment:
            object.__setattr__(source, "_serving", None)


def delay_after(retry: Retry, attempt: int) -> float:
    """Return the wait in seconds after an attempt, its jitter taken off."""
    return retry.delay(attempt, random.random())  # jitter, no secret


def throw_if_asked(strategy: str, error: Exception) -> None:
    """Raise an error for which the strategy *throw* was chosen."""
    if strategy == "throw":
        raise error
