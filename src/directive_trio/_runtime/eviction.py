"""Eviction at work: what sources want to do before it, and what is cut off at its deadline.

Each hook is a task of the system with a shield of the engine, so one that hangs or raises is its own affair. They
take their first steps in the order of registration and then run together. Nothing here waits beyond the moment
that ``hasten`` was given last.
"""

import math
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import trio

from directive_trio._definitions.source import Source
from directive_trio._runtime.callback_source import CallbackSource
from directive_trio._runtime.source_node import SourceNode
from directive_trio._runtime.sources import Sources


class EvictionHooks:
    """The hooks of one eviction."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._deadline = math.inf
        self._shields: dict[trio.CancelScope, None] = {}
        self._under_way = 0
        self._over = trio.Event()

    def hasten(self, deadline: float) -> None:
        """End every shield of the engine at *deadline*, at the latest."""
        self._deadline = min(self._deadline, deadline)
        for shield in self._shields:
            shield.deadline = min(shield.deadline, self._deadline)
        self._sources.hasten(self._deadline)

    async def run(self, until: float) -> None:
        """Start all hooks, and wait for their end; from the moment *until* on they run by themselves."""
        await self._let_sources_begin(until)
        for node in list(self._sources.nodes.values()):
            for hook in _hooks_of(node):
                began = trio.Event()
                self._under_way += 1
                self._sources.tasks.start(self._run, node, hook, began, name=f"eviction of source {node.id}")
                await began.wait()
        if self._under_way:
            with trio.move_on_at(until):
                await self._over.wait()

    async def _let_sources_begin(self, until: float) -> None:
        """What was decided before the eviction takes place before it: a source whose key was just set has hooks."""
        with trio.move_on_at(until):
            await self._sources.wait_for_pass()
        nodes = self._sources.nodes
        turns = 2 * len(nodes)  # of the scheduler, which take no time: who waits for its own last end is not waited for
        while turns and any(node.begins for node in nodes.values()):
            turns -= 1
            await trio.lowlevel.checkpoint()

    async def _run(self, node: SourceNode, hook: Callable[[], Any], began: trio.Event) -> None:
        shield = trio.CancelScope(shield=True, deadline=self._deadline)
        self._shields[shield] = None
        failed = False
        try:
            with shield:
                began.set()
                outcome = hook()
                if isawaitable(outcome):
                    await outcome
        except Exception as error:  # noqa: BLE001  # the user's hook
            failed = True
            self._sources.hook_failed(node, error)
        finally:
            began.set()
            del self._shields[shield]
            self._under_way -= 1
            if not self._under_way:
                self._over.set()
        if shield.cancelled_caught or (failed and shield.cancel_called):
            self._sources.cut(node)


def _hooks_of(node: SourceNode) -> list[Callable[[], Any]]:
    """Return what a source that runs wants to do: what its object says, then what it gave to its link."""
    if node.attachment is None or node.attachment.link is None:
        return []
    source = node.definition.source
    if type(source).on_evict is Source.on_evict or (isinstance(source, CallbackSource) and source.evicting is None):
        return [*node.attachment.hooks]
    return [source.on_evict, *node.attachment.hooks]
