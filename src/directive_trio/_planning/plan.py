"""The plan: what one pass decided. The runtime carries it out, in this order."""

from attrs import define, field

from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import Wanted


@define(eq=False)
class Plan:
    """What to cancel, to start, to ask and to schedule.

    ``evaluate``: async constraints to ask (anew); ``abandon``: those whose answer nobody waits for any more.
    ``schedule``: requirements to retry later, with the wait in seconds; ``unschedule``: not any more.
    ``throw``: an error that the error boundary wants to leave the system.
    """

    cancel: list[Run] = field(factory=list)
    abandon: list[ConstraintNode] = field(factory=list)
    unschedule: list[Wanted] = field(factory=list)
    start: list[Run] = field(factory=list)
    evaluate: dict[ConstraintNode, None] = field(factory=dict)
    schedule: list[tuple[Wanted, float]] = field(factory=list)
    throw: list[Exception] = field(factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (
            self.start or self.cancel or self.abandon or self.unschedule or self.evaluate or self.schedule or self.throw
        )
