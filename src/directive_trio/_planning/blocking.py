"""Who is pending, and who is blocked by it: the ``after`` rule as counters.

A constraint is *pending* while one before it is (it is blocked), while a requirement of its own is pending,
while its answer is outstanding, and, once it was found due while blocked, until it has been asked: otherwise
each link of a long chain would release the whole rest and block it again. Only a change of ``pending`` goes
on to the followers, so the cost follows the change.
"""

from directive_trio._planning.agenda import Agenda
from directive_trio._planning.constraint_node import ConstraintNode


def update_pending(node: ConstraintNode, agenda: Agenda) -> None:
    """Compare a constraint's ``pending`` with what is true now, and tell its followers, theirs, and so on."""
    suspects = [node]
    while suspects:
        suspect = suspects.pop()
        pending = not suspect.disabled and bool(suspect.waiting or suspect.open or suspect.outstanding or suspect.held)
        if pending is suspect.pending:
            continue
        suspect.pending = pending
        for follower in suspect.followers:
            follower.waiting += 1 if pending else -1
            if not follower.waiting:
                release(follower, agenda)
            suspects.append(follower)


def release(node: ConstraintNode, agenda: Agenda) -> None:
    """Put on the agenda what waited for *node* to be unblocked and answered."""
    node.told_blocked = False
    if node.held:
        agenda.push(node)
    if node.delayed and not node.outstanding:
        delayed, node.delayed = node.delayed, {}
        for item in delayed:
            agenda.push(item)
