"""The chain: passes in a row that nothing but the pass before has caused, and who wrote in them."""

from collections import deque

from directive_trio._planning.wanted import Wanted
from directive_trio._runtime.effects import EffectNode
from directive_trio._runtime.watchers import Watcher
from directive_trio.errors import ConvergenceError

RING = 8
"""How many definitions the error about a ring of passes names at most."""

Author = EffectNode | Watcher | Wanted


class Chain:
    """Counts such passes; *limit* of them are allowed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._length = 0
        self._authors: deque[Author] = deque(maxlen=RING)

    def wrote(self, author: Author) -> None:
        """Note who has written in this pass."""
        self._authors.append(author)

    def too_long(self) -> bool:
        """Count one pass that nothing but the pass before has caused."""
        self._length += 1
        return self._length >= self.limit and bool(self._authors)

    def ring(self) -> tuple[Author, ConvergenceError]:
        """Return who wrote last, and the error that names everybody; begin anew."""
        offender = self._authors[-1]
        names = dict.fromkeys(map(_name, reversed(self._authors)))
        self._length = 0
        return offender, ConvergenceError(tuple(names), self.limit, "passes")

    def reset(self) -> None:
        """The chain is broken."""
        if self._authors:
            self._authors.clear()
        self._length = 0


def _name(author: Author) -> str:
    return (author.resolver_id or "") if isinstance(author, Wanted) else author.id
