"""Asking a constraint: its condition, its function, and what counts as an answer."""

from collections.abc import Callable, Iterable
from inspect import iscoroutine
from typing import Any

from directive_trio._definitions.condition import fits
from directive_trio._definitions.record import Record, is_record
from directive_trio.errors import ConstraintAnswerError

NOTHING: tuple[Record, ...] = ()


class Question:
    """What is asked of one constraint beside its function: the nodes of its condition, and those it also reads."""

    __slots__ = ("reads", "when")

    def __init__(self, when: tuple[tuple[Any, object], ...], reads: tuple[Any, ...]) -> None:
        self.when = when
        self.reads = reads

    def holds(self, read: Callable[[Any], Any]) -> bool:
        """Read what is tracked in addition, then say whether the condition holds, up to its first miss."""
        for node in self.reads:
            read(node)
        return all(fits(expected, read(node)) for node, expected in self.when)

    def ask(self, function: Callable[[Any], Any], view: Any, read: Callable[[Any], Any]) -> tuple[Record, ...]:
        """Ask a sync constraint."""
        return as_demand(function(view)) if self.holds(read) else NOTHING


PLAIN = Question((), ())
"""That of all constraints with nothing but a function."""


def as_demand(answer: object) -> tuple[Record, ...]:
    """Take an answer: one requirement, several, or None.

    Raises:
        ConstraintAnswerError: It is something else.
    """
    if answer is None:
        return NOTHING
    if hasattr(type(answer), "__attrs_attrs__") or is_record(answer):
        return (answer,)  # type: ignore[return-value]  # just checked
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        if iscoroutine(answer):
            answer.close()  # or Python would warn that nobody awaited it
        raise ConstraintAnswerError(repr(answer))
    demand = tuple(answer)
    for requirement in demand:
        if not is_record(requirement):
            raise ConstraintAnswerError(f"an iterable with {requirement!r} in it")
    return demand
