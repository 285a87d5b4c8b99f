"""Runs: one requirement being resolved, all its attempts, as planning sees it."""

from enum import Enum
from typing import TYPE_CHECKING, Any

from directive_trio._definitions.policies import CancelReason, Strategy
from directive_trio._planning.ownership import Ownership
from directive_trio._store.cell import Cell
from directive_trio._store.worlds import World

if TYPE_CHECKING:
    from directive_trio._planning.wanted import Wanted


class Outcome(Enum):
    """How a run ended. There is exactly one outcome, and cancel wins over what comes after it."""

    COMPLETE = "complete"
    ERROR = "error"
    CANCEL = "cancel"


# As plain globals: reading a member off its enum takes five times as long.
COMPLETE, ERROR, CANCEL = Outcome


NO_CELLS: frozenset[Cell] = frozenset()


class Run:
    """One run. ``writer`` is the number under which it writes: its own, or for all runs of a batch the first one's.

    ``reason`` is set at the moment of cancellation, ``outcome`` when its task has ended.

    ``self_satisfied``: its own writes alone made its constraint false. ``marked``: that was so until others
    covered its markers. ``taken_back``: the markers it left were returned. ``wrote``: it has written at all.
    ``ownership``: the facts it owns, if any; such a run is not cancelled when nobody wants it any more.
    ``rejected`` counts its writes that did not land. ``world``: the world without its own writes, made when
    somebody first asks.
    """

    __slots__ = (
        "attempt",
        "cells",
        "error",
        "inputs",
        "marked",
        "number",
        "outcome",
        "ownership",
        "reason",
        "rejected",
        "requeued",
        "self_satisfied",
        "since",
        "strategy",
        "taken_back",
        "timed_out",
        "wanted",
        "world",
        "writer",
        "wrote",
    )

    def __init__(self, number: int, wanted: "Wanted", since: float) -> None:
        self.number = self.writer = number
        self.wanted = wanted
        self.inputs: list[tuple[Any, ...]] = []
        """What each of its producers had read when it was dispatched, or when it joined later."""
        self.since = since
        self.cells = NO_CELLS
        """What its constraints were seen to rest on in the worlds without something: there its markers are."""
        self.attempt = 1
        self.reason: CancelReason | None = None
        self.outcome: Outcome | None = None
        self.error: Exception | None = None
        self.strategy: Strategy = "skip"
        self.timed_out = False
        self.requeued = False
        self.self_satisfied = False
        self.marked = False
        self.taken_back = False
        self.wrote = False
        self.ownership: Ownership | None = None
        self.rejected = 0
        self.world: World | None = None

    @property
    def live(self) -> bool:
        """Whether it goes on: neither ended nor cancelled."""
        return self.outcome is None and self.reason is None

    def sees(self, cell: Cell) -> Any:
        """Return what the world without its own writes shows of a fact."""
        return cell.without((self.writer,))

    def close_world(self) -> None:
        """Forget the world without its writes."""
        if self.world is not None:
            self.world.close()
            self.world = None

    def __repr__(self) -> str:
        return f"<run {self.number} of {self.wanted.requirement!r}>"
