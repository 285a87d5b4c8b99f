"""Who holds up settlement: a sentence for each, with what, which attempt, and since when."""

from directive_trio._definitions.printing import spelt
from directive_trio._planning.run import Run
from directive_trio._runtime.async_constraint import Asking, AsyncConstraints
from directive_trio._runtime.effects import Effects
from directive_trio._runtime.resolver_run import ResolverRuns
from directive_trio._runtime.retries import ScheduledRetries


def holders(
    runs: ResolverRuns, constraints: AsyncConstraints, effects: Effects, retries: ScheduledRetries, now: float
) -> list[str]:
    """Name everything that goes on or is scheduled."""
    found = [_run(run, now) for run in runs.live]
    for resolver, queue in runs.queued.items():
        found += [
            f"run {run.number} of {resolver} for {spelt(run.wanted.requirement)}, queued behind its limit, "
            f"since {now - run.since:g} s"
            for run in queue
        ]
    found += [_asking(asking, constraints, now) for asking in constraints.under_way]
    found += [
        f"async effect {node.id}, since {now - node.task.since:g} s"
        for node in effects.nodes.values()
        if node.task is not None
    ]
    found += [
        f"retry of {spelt(wanted.requirement)} by {wanted.resolver_id}, after attempt {wanted.failures}, "
        f"in {timer.moment - now:g} s"
        for wanted, timer in retries.scheduled.items()
    ]
    return found


def _run(run: Run, now: float) -> str:
    text = (
        f"run {run.number} of {run.wanted.resolver_id} for {spelt(run.wanted.requirement)}, attempt {run.attempt}, "
        f"since {now - run.since:g} s"
    )
    return text if run.reason is None else f"{text}, cancelled ({run.reason}) and not ended yet"


def _asking(asking: Asking, constraints: AsyncConstraints, now: float) -> str:
    wanted = constraints.asking.get(asking.node) is asking
    what = "no answer yet" if wanted else "not asked any more and not ended yet"
    return f"async constraint {asking.node.id}, {what}, since {now - asking.since:g} s"
