"""The order of constraints: ``after`` first, then priority, then declaration. Static, made once.

Kahn's algorithm with a heap: of the constraints whose predecessors are all placed, the one with the highest
priority comes next, of equals the one declared first.
"""

import heapq
from collections.abc import Mapping, Sequence

from directive_trio.errors import DependencyCycleError


def rank(names: Sequence[str], priorities: Mapping[str, int], after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the rank of each name; *names* are in the order of declaration.

    Raises:
        DependencyCycleError: ``after`` forms a ring.
    """
    declared = {name: at for at, name in enumerate(names)}
    missing = {name: len(after[name]) for name in names}
    followers: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        for predecessor in after[name]:
            followers[predecessor].append(name)
    ready = [(-priorities[name], declared[name], name) for name in names if not missing[name]]
    heapq.heapify(ready)
    ranks: dict[str, int] = {}
    while ready:
        name = heapq.heappop(ready)[2]
        ranks[name] = len(ranks)
        for follower in followers[name]:
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, (-priorities[follower], declared[follower], follower))
    if len(ranks) < len(names):
        raise DependencyCycleError("constraint", _ring({name for name in names if name not in ranks}, after))
    return ranks


def _ring(unplaced: set[str], after: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Walk backwards through unplaced names until one comes again; each has an unplaced predecessor."""
    path = [min(unplaced)]
    while True:
        step = next(name for name in after[path[-1]] if name in unplaced)
        if step in path:
            return (*path[path.index(step) :], step)
        path.append(step)
