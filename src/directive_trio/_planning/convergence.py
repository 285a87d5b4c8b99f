"""Guards that can fire: a resolver that goes round in circles.

A *row* counts the dispatches of one resolver for the same requirement, or the same few in turn. It is broken
by a change from outside, by settlement, by an explicit requeue, and by a second in which the limit was not
reached: polling is legal, and so is a drain of any number of distinct requirements.
"""

from directive_trio._planning.identity import Identity

SMALL_SET = 8
"""How many requirements may take turns in one row."""
PATIENCE = 1.0
"""Seconds on the trio clock after which a row that did not reach the limit begins anew."""


class Row:
    """The row of one resolver. ``epoch`` is that of its beginning; another one has broken it."""

    __slots__ = ("count", "epoch", "keys", "since")

    def __init__(self) -> None:
        self.keys: dict[Identity, None] = {}
        self.count = 0
        self.epoch = -1
        self.since = 0.0

    def dispatch(self, key: Identity, epoch: int, now: float, limit: int) -> bool:
        """Count one dispatch; False when it would be one more than *limit* in a row."""
        broken = epoch != self.epoch or now - self.since >= PATIENCE
        if broken or (len(self.keys) >= SMALL_SET and key not in self.keys):
            self.keys = {}
            self.count = 0
            self.epoch = epoch
            self.since = now
        self.keys[key] = None
        if self.count >= limit:
            return False
        self.count += 1
        return True

    def reset(self) -> None:
        """Break the row."""
        self.epoch = -1
