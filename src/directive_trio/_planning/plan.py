"""The plan: what one pass decided. The runtime carries it out, in this order."""

from directive_trio._planning.constraint_node import AsyncConstraintNode
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import Wanted


class Plan:
    """What to cancel, to start, to ask and to schedule.

    ``evaluate``: async constraints to ask (anew); ``abandon``: those whose answer nobody waits for any more.
    ``schedule``: requirements to retry later, with the wait in seconds; ``unschedule``: not any more.
    ``throw``: an error that the error boundary wants to leave the system.
    """

    __slots__ = ("abandon", "cancel", "evaluate", "schedule", "start", "throw", "unschedule")

    def __init__(self) -> None:
        self.cancel: list[Run] = []
        self.abandon: list[AsyncConstraintNode] = []
        self.unschedule: list[Wanted] = []
        self.start: list[Run] = []
        self.evaluate: dict[AsyncConstraintNode, None] = {}
        self.schedule: list[tuple[Wanted, float]] = []
        self.throw: list[Exception] = []

    def is_empty(self) -> bool:
        """Say whether there is nothing to do."""
        return not (
            self.start or self.cancel or self.abandon or self.unschedule or self.evaluate or self.schedule or self.throw
        )
