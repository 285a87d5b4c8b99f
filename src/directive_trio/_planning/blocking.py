"""Who is pending, and who is blocked by it: the ``after`` rule as counters.

A constraint is *pending* while one before it is (it is blocked), while a requirement of its own is pending,
while its answer is outstanding, and, once it was found due while blocked, until it has been asked: otherwise
each link of a long chain would release the whole rest and block it again. Only a change of ``pending`` goes
on to the followers, so the cost follows the change.
"""

from directive_trio._planning.agenda import Agenda
from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.wanted import Wanted


def update_pending(node: ConstraintNode, agenda: Agenda) -> None:
    """Compare a constraint's ``pending`` with what is true now, and tell its followers, theirs, and so on."""
    pending = not node.disabled and bool(node.open or node.waiting or node.outstanding or node.held)
    if pending is not node.pending:
        node.pending = pending
        if node.followers:
            _tell_followers(node, agenda)


def _tell_followers(node: ConstraintNode, agenda: Agenda) -> None:
    changed = [node]
    while changed:
        node = changed.pop()
        for follower in node.followers:
            follower.waiting += 1 if node.pending else -1
            if not follower.waiting:
                release(follower, agenda)
            pending = not follower.disabled and bool(
                follower.open or follower.waiting or follower.outstanding or follower.held
            )
            if pending is not follower.pending:
                follower.pending = pending
                changed.append(follower)


def release(node: ConstraintNode, agenda: Agenda) -> None:
    """Put on the agenda what waited for *node* to be unblocked and answered."""
    node.told_blocked = False
    if node.held:
        agenda.push(node)
    if node.delayed and not node.outstanding:
        delayed, node.delayed = node.delayed, None
        for item in delayed:
            if isinstance(item, Wanted):
                agenda.push_decision(item)
            else:
                agenda.push_question(item)
