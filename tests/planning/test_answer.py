"""What counts as an answer of a constraint."""

import pytest
from attrs import frozen

from directive_trio._planning.answer import NOTHING, Question, as_demand
from directive_trio.errors import ConstraintAnswerError


@frozen
class Job:
    number: int = 0


def test_one_several_or_none() -> None:
    """All three become a tuple."""
    assert as_demand(None) == NOTHING
    assert as_demand(Job()) == (Job(),)
    assert as_demand(Job(number) for number in (1, 2)) == (Job(1), Job(2))


@pytest.mark.parametrize("answer", [True, "job", 1, [Job(), "job"], Job])
def test_anything_else_is_refused(answer: object) -> None:
    """A bool above all."""
    with pytest.raises(ConstraintAnswerError):
        as_demand(answer)


def test_a_condition_is_read_up_to_its_first_miss() -> None:
    """What is read in addition is read in any case, and the function only called where the condition holds."""
    read: list[str] = []
    values = {"a": 1, "b": 2, "c": 3}

    def look(name: str) -> int:
        read.append(name)
        return values[name]

    question = Question((("a", 1), ("b", 0), ("c", 3)), ("extra",))
    values["extra"] = 0
    assert question.ask(Job, 7, look) == NOTHING
    assert read == ["extra", "a", "b"]
    values["b"] = 0
    assert question.ask(Job, 7, look) == (Job(7),)
