"""The value of a mutation fact: the line of mutations that are under way, or that have failed.

Everything there is to know about them stands in the fact, so a snapshot holds it and a restart takes it up
again. The functions below are the whole algebra of the line; the mutator only calls them.
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, TypeAlias, TypeVar, final

from attrs import evolve, frozen

M_co = TypeVar("M_co", covariant=True)

Status: TypeAlias = Literal["pending", "running", "failed"]

LONGEST_MESSAGE = 500
"""How many characters of an error are kept, the ellipsis included."""


@final
@frozen
class Pending(Generic[M_co]):
    """A mutation that is under way or has failed; and the others beside it.

    It shows the one whose turn it is; when none is under way, the one that failed last. ``error`` is plain
    text that may repeat what a user typed: escape it where it is shown.

    Args:
        mutation: What was asked for.
        status: ``pending`` until its handler begins, ``running``, ``failed``.
        error: Why it failed, at most 500 characters.
        sequence: Its number; later ones are greater.
        others: The rest of the line, as they came: waiting, running beside it (``parallel``), or failed.
    """

    mutation: M_co
    status: Status = "pending"
    error: str | None = None
    sequence: int = 0
    others: "tuple[Pending[Any], ...]" = ()


Line: TypeAlias = list[Pending[Any]]


def line_of(pending: Pending[Any] | None) -> Line:
    """Return all mutations of a fact's value."""
    if pending is None:
        return []
    return [evolve(pending, others=()) if pending.others else pending, *pending.others]


def fact_of(line: Iterable[Pending[Any]]) -> Pending[Any] | None:
    """Return the fact's value for a line: who is first under way shows, else who failed last."""
    members = [*line]
    if not members:
        return None
    shown = next((one for one in members if one.status != "failed"), None)
    if shown is None:
        shown = max(members, key=lambda one: one.sequence)
    if not members[1:]:
        return shown
    return evolve(shown, others=tuple(one for one in members if one is not shown))


def under_way(line: Line) -> Line:
    """Return the members that have not failed."""
    return [one for one in line if one.status != "failed"]


def replace(line: Line, sequence: int, change: Callable[[Pending[Any]], Pending[Any] | None]) -> Line:
    """Return the line with one member changed, or gone where *change* answers None."""
    changed = (change(one) if one.sequence == sequence else one for one in line)
    return [one for one in changed if one is not None]


def begin(one: Pending[Any]) -> Pending[Any]:
    """Its handler begins."""
    return evolve(one, status="running")


def back(one: Pending[Any]) -> Pending[Any]:
    """Its handler was stopped before its end: its turn comes again."""
    return evolve(one, status="pending")


def fail(message: str) -> Callable[[Pending[Any]], Pending[Any]]:
    """Return what makes a member a failed one."""
    return lambda one: evolve(one, status="failed", error=message)


def gone(_: Pending[Any]) -> None:
    """It is done, or given up."""


def message_of(error: BaseException) -> str:
    """Return what an error says, whatever its ``__str__`` does; the name of its class where it says nothing."""
    try:
        said = str.__str__(str(error))  # a subclass of str may have methods of its own
    except Exception:  # noqa: BLE001  # a hostile error is still an error
        said = ""
    said = said.strip() or vars(type)["__name__"].__get__(type(error))
    message = said if len(said) <= LONGEST_MESSAGE else said[: LONGEST_MESSAGE - 1] + "…"
    return message.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # what is no text cannot be stored
