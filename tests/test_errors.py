"""Errors: sentences made from data, and a tree in which each can be caught as what it is."""

import pickle

import pytest

from directive_trio import CancelReason, errors
from directive_trio.errors import DirectiveError, DirectiveInternalError

SENTENCES: list[tuple[BaseException, str]] = [
    (errors.DuplicateNameError("event", "m::E"), "event 'm::E' is defined twice; give one of them another name"),
    (errors.UnknownNameError("fact", "x"), "there is no fact 'x'"),
    (errors.UnknownFactError("fact", "x", "y"), "there is no fact 'x'; did you mean 'y'?"),
    (
        errors.DependencyCycleError("derivation", ("a", "b", "a")),
        "derivations form a ring: a -> b -> a; a derivation cannot need itself",
    ),
    (errors.DependencyCycleError("constraint", ("a", "a")), "constraints form a ring: a -> a; remove one `after`"),
    (errors.LifecycleError("settle", "new"), "cannot settle while the system is new"),
    (
        errors.LifecycleError("settle", "running", "not from inside"),
        "cannot settle while the system is running; not from inside",
    ),
    (errors.ReadOnlyFactError("m::x", "because"), "cannot write 'm::x': because"),
    (errors.FactValueError("m::x", "int", "'1'"), "fact 'm::x' expects int, got '1'; the old value stays"),
    (errors.EventPayloadError("E", "x", "missing"), "payload of 'E', field 'x': missing; nothing was written"),
    (errors.AbortedError(CancelReason("removed")), "aborted: removed"),
    (errors.ResolverTimeoutError("m::do", 2.5, 3), "resolver 'm::do' timed out after 2.5 s in attempt 3"),
    (errors.ConstraintTimeoutError("m::c", 5), "constraint 'm::c' gave no answer within 5 s"),
    (
        errors.ConvergenceError(("m::a", "m::b"), 50, "passes"),
        "no rest after 50 passes in a row: m::a -> m::b; 'm::a' is paused until a change from outside",
    ),
    (errors.SettleTimeoutError(5, (), (), False), "not settled after 5 s"),
    (
        errors.SettleTimeoutError(5, ("run 1",), ("Job()",), True),
        "not settled after 5 s\n  held up by run 1\n  a pass is due\n  unmet: Job()",
    ),
    (
        errors.WaitTimeoutError("<lambda>", 1, ("run 1",), ("Job()",)),
        "<lambda> does not hold after 1 s\n  outstanding: run 1\n  unmet: Job()",
    ),
]


@pytest.mark.parametrize(("error", "sentence"), SENTENCES, ids=lambda value: type(value).__name__)
def test_the_sentence_is_made_from_the_fields(error: BaseException, sentence: str) -> None:
    """What happened, to which name, what to do."""
    assert str(error) == sentence


@pytest.mark.parametrize("error", [error for error, _ in SENTENCES], ids=lambda value: type(value).__name__)
def test_they_can_be_pickled(error: BaseException) -> None:
    """From a worker process, say."""
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert (type(twin), str(twin)) == (type(error), str(error))


@pytest.mark.parametrize(
    "error",
    [
        errors.UnhashableRequirementError("Job"),
        errors.UnhashableRequirementError("Job", "m::do"),
        errors.ConstraintAnswerError("True"),
        errors.TransactionError("a pass"),
    ],
    ids=str,
)
def test_the_usual_mistakes_say_what_to_do(error: DirectiveError) -> None:
    """In the sentence itself."""
    assert any(
        advice in str(error)
        for advice in ("give its resolver key=", "give resolver 'm::do' key=", "or None", "do not await")
    )


def test_each_can_be_caught_as_what_python_calls_it() -> None:
    """Attribute, value, type, timeout."""
    assert issubclass(errors.UnknownFactError, AttributeError)
    assert issubclass(errors.ReadOnlyFactError, AttributeError)
    assert issubclass(errors.FactValueError, ValueError)
    assert issubclass(errors.EventPayloadError, ValueError)
    assert issubclass(errors.ConstraintAnswerError, TypeError)
    for kind in ("ResolverTimeoutError", "ConstraintTimeoutError", "SettleTimeoutError", "WaitTimeoutError"):
        assert issubclass(getattr(errors, kind), TimeoutError)


def test_all_have_one_base_but_our_own_bugs() -> None:
    """So that ``except DirectiveError`` cannot hide one of those."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, DirectiveError) is (kind is not DirectiveInternalError)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Each class of the module is drawn in it."""
    assert errors.__doc__ is not None
    drawn = {
        line.split()[1] for line in errors.__doc__.splitlines() if line.strip().startswith(("*", "x ", "+ ", "- "))
    }
    assert drawn == set(errors.__all__)


def test_an_error_prints_its_fields_and_one_without_fields_its_words() -> None:
    """As attrs and Python print them."""
    assert repr(errors.DuplicateNameError("fact", "a::b")) == "DuplicateNameError(kind='fact', name='a::b')"
    assert repr(errors.SchemaError("no default")) == "SchemaError('no default')"
