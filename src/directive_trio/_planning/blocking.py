"""Who is pending, and who is blocked by it: the ``after`` rule as counters.

A constraint is *pending* while one before it is (it is blocked), while a requirement of its own is pending,
while its answer is outstanding, and, once it was found due while blocked, until it has been asked: otherwise
each link of a long chain would release the whole rest and block it again. Only a change of ``pending`` goes
on to the followers, so the cost follows the change.
"""

from collections.abc import Container

from directive_trio._planning.agenda import Agenda
from directive_trio._planning.constraint_node import UNBLOCKED, ConstraintNode
from directive_trio._planning.wanted import Wanted


def update_pending(node: ConstraintNode, agenda: Agenda) -> None:
    """Compare a constraint's ``pending`` with what is true now, and tell its followers, theirs, and so on."""
    pending = (node.open > 0 or node.held > 0 or node.waiting > 0 or node.outstanding) and not node.disabled
    if pending is not node.pending:
        node.pending = pending
        if node.followers:
            _tell_followers(node, agenda)


def _tell_followers(node: ConstraintNode, agenda: Agenda) -> None:
    changed = [node]
    while changed:
        node = changed.pop()
        step = 1 if node.pending else -1
        for follower in node.followers:
            waiting = follower.waiting = follower.waiting + step
            if not waiting:
                release(follower, agenda)
            pending = (
                waiting > 0 or follower.held > 0 or follower.open > 0 or follower.outstanding
            ) and not follower.disabled
            if pending is not follower.pending:
                follower.pending = pending
                changed.append(follower)


def blocked_by(node: ConstraintNode, those: Container[ConstraintNode]) -> bool:
    """Say whether one of *those* is what blocks a constraint: pending, and before it or before what blocks it."""
    seen: set[ConstraintNode] = set()
    suspects = [node]
    while suspects:
        for predecessor in suspects.pop().predecessors:
            if predecessor.pending and predecessor not in seen:
                if predecessor in those:
                    return True
                seen.add(predecessor)
                suspects.append(predecessor)
    return False


def release(node: ConstraintNode, agenda: Agenda) -> None:
    """Put on the agenda what waited for *node* to be unblocked and answered."""
    if node.held:
        node.held = UNBLOCKED
        agenda.push(node)
    if node in agenda.delayed and not node.outstanding:
        for item in agenda.delayed.pop(node):
            if isinstance(item, Wanted):
                agenda.push_decision(item)
            else:
                agenda.push_question(item)
