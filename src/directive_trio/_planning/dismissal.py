"""Letting go of what a module brought: its constraints ask no more, its resolvers serve nobody.

Who serves a requirement is part of which requirement it is. So where a resolver goes, its requirements go, and
whoever asked for them is asked again: for the same thing, served by somebody else, or by nobody so far.
"""

from collections.abc import Collection, Iterable
from typing import Any

from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._planning.adoption import adopt_resolvers
from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.identity import Identities, Nobodys
from directive_trio._planning.planner import Planner
from directive_trio._planning.wanted import LEFT, REMOVED, Wanted


class ResolverSwitches:
    """Resolvers off and on: off is as if they were not there."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    @property
    def nodes(self) -> dict[str, Resolver[Any, Any]]:
        """All resolvers, by id."""
        known = self._planner.requirements.resolvers.values()
        on = {resolver.id: resolver for resolvers in known for resolver in resolvers.values()}
        return {**on, **self._planner.disabled_resolvers}

    def switch(self, resolver: Resolver[Any, Any], on: bool) -> None:
        """Enable or disable a resolver."""
        planner, disabled = self._planner, self._planner.disabled_resolvers
        if on is not (resolver.id in disabled):
            return
        if on:
            del disabled[resolver.id]
            known = planner.requirements.resolvers[resolver.module]
            adopt_resolvers(planner, resolver.module, {**known, resolver.requirement: resolver})
        else:
            disabled[resolver.id] = resolver
            dismiss_resolvers(planner, [resolver])


def dismiss_constraints(planner: Planner, nodes: Iterable[ConstraintNode]) -> None:
    """Constraints go: they ask for nothing, and who came after them waits no more."""
    planner.look_around()
    for node in nodes:
        planner.dismiss(node)


def dismiss_resolvers(planner: Planner, resolvers: Collection[Resolver[Any, Any]]) -> None:
    """Resolvers go: their runs are cancelled, and what they served is asked for anew."""
    requirements = planner.requirements
    planner.look_around()
    ids = {resolver.id for resolver in resolvers}
    required: list[Record] = []
    for wanted in [wanted for wanted in requirements.live.values() if wanted.resolver_id in ids]:
        if wanted.required:
            wanted.required = wanted.again = False
            required.append(wanted.newest)
        _abandon(planner, wanted)
    for resolver in resolvers:
        del requirements.resolvers[resolver.module][resolver.requirement]
        requirements.forget_resolver(resolver.id)
    requirements.identity = Identities(requirements.resolvers).of
    for requirement in required:
        requirements.require(requirement)


def _abandon(planner: Planner, wanted: Wanted) -> None:
    requirements, run = planner.requirements, wanted.run
    if run is not None:
        for node in list(wanted.links):
            planner.judgement.find_markers(node, run)
    for node in [node for node, link in wanted.links.items() if link is not LEFT]:
        node.answer = tuple(other for other in node.answer if other is not wanted)
        requirements.leave(node, wanted, REMOVED)
        node.asked = False
        planner.agenda.push(node)
    if run is not None and run.live:
        planner.cancel_run(run, REMOVED)
    requirements.leaving[wanted] = REMOVED  # also where only the program has required it
    del requirements.live[wanted.key]
    wanted.key = Nobodys(*wanted.key.parts)  # a resolver of this name may come back while its run cleans up
    requirements.live[wanted.key] = wanted
