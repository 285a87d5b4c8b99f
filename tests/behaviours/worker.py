"""A module with one job, for tests that are about its run and not about its constraint.

The job is wanted while ``wanted`` differs from ``done``; a resolver that sets ``done`` meets it.
"""

from collections.abc import Callable
from typing import Any

import trio
from attrs import define, frozen

from directive_trio import Context, Module
from directive_trio.observe import Observation


@define
class WorkFacts:
    wanted: str = ""
    done: str = ""
    note: str = ""
    count: int = 0


@frozen
class Job:
    name: str


Ctx = Context[WorkFacts]


def work_module(resolve: Callable[[Job, Ctx], Any], **options: Any) -> Module[WorkFacts]:
    """Make the module; *options* are those of its resolver."""
    work = Module("work", WorkFacts)

    @work.constraint
    def must_be_done(facts: WorkFacts) -> Job | None:
        return Job(facts.wanted) if facts.wanted != facts.done else None

    work.resolver(Job, name="do", **options)(resolve)
    return work


def types(log: list[Observation], *beginnings: str) -> list[str]:
    """Return the types of what was observed, only those with one of the beginnings."""
    return [seen.type for seen in log if seen.type.startswith(beginnings)]


def seen(log: list[Observation], kind: str) -> list[Any]:
    """Return the observations of one type."""
    return [observation for observation in log if observation.type == kind]


def all_tasks() -> set[trio.lowlevel.Task]:
    """Return every task of this trio run."""
    found: set[trio.lowlevel.Task] = set()
    pending = [trio.lowlevel.current_root_task()]
    while pending:
        task = pending.pop()
        if task is not None:
            found.add(task)
            pending += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found
