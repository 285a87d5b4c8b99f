"""Table 3.1: an option refuses what it cannot mean, at once; it is named with what it expects and what came."""

from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest
from attrs import define, field, frozen

from directive_trio import CancelReason, ErrorBoundary, Module, Retry, System, derivation, fact
from directive_trio.errors import DefinitionError


@define
class Facts:
    value: int = 0


@frozen
class Job: ...


def empty() -> Any:
    """A module of which the type checker believes everything."""
    return Module("m", Facts)


async def slow(*_: object) -> None: ...


def yielding(*_: object) -> Any:
    yield


async def streaming(*_: object) -> Any:
    yield


class Hostile:
    """Equal to nothing and printed by nobody."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __repr__(self) -> str:
        raise RuntimeError("repr")


def system(**options: Any) -> System:
    return System(Module("m", Facts), **options)


CALLS: list[tuple[str, Callable[[Any], object], tuple[object, ...]]] = [
    # numbers
    ("timeout=", lambda wrong: empty().constraint(timeout=wrong), (0, -1, nan, True, "5", None, [], Hostile())),
    ("priority=", lambda wrong: empty().constraint(priority=wrong), (1.5, True, nan, "1", None)),
    ("timeout=", lambda wrong: empty().resolver(Job, timeout=wrong), (0, -1, nan, True, "5", Hostile())),
    ("limit=", lambda wrong: empty().resolver(Job, limit=wrong), (0, -1, 1.5, True, nan, inf, "1")),
    ("Retry(attempts=)", Retry, (0, 1.5, True, nan, inf, "2", None)),
    ("Retry(initial_delay=)", lambda wrong: Retry(initial_delay=wrong), (-1, nan, True, "1", None)),
    ("Retry(max_delay=)", lambda wrong: Retry(max_delay=wrong), (-1, nan, True, "1", None)),
    ("Retry(jitter=)", lambda wrong: Retry(jitter=wrong), (-0.5, 1.5, nan, True, "1", None)),
    ("CancelReason(after=)", lambda wrong: CancelReason("timeout", wrong), ("5", nan, -1)),
    ("convergence_limit=", lambda wrong: system(convergence_limit=wrong), (0, 1.5, True, nan, "50", None)),
    ("teardown_grace=", lambda wrong: system(teardown_grace=wrong), (-1, nan, True, "5", None)),
    # functions
    ("a constraint", lambda wrong: empty().constraint(wrong), (5, "name", streaming)),
    ("a resolver", empty().resolver(Job), (5, None, yielding, streaming)),
    ("a resolver", lambda wrong: empty().with_resolver(Job, wrong), (5, None, yielding, streaming)),
    ("an effect", lambda wrong: empty().effect(wrong), (5, yielding, streaming)),
    ("event handler of Job", empty().on(Job), (5, None, slow, yielding, streaming)),
    ("init", lambda wrong: empty().init(wrong), (5, None, slow, yielding, streaming)),
    ("a derivation", derivation, (5, "name", slow, yielding, streaming)),
    ("derivation(eq=)", lambda wrong: derivation(eq=wrong)(len), (5, "no", None, slow)),
    ("key=", lambda wrong: empty().resolver(Job, key=wrong), (5, "name", slow, yielding)),
    ("on=", lambda wrong: empty().effect(on=wrong), (5, True, slow, yielding)),
    ("Retry(retry_if=)", lambda wrong: Retry(retry_if=wrong), (5, True, slow, yielding)),
    ("ErrorBoundary(on_error=)", lambda wrong: ErrorBoundary(on_error=wrong), (5, slow, yielding)),
    ("ErrorBoundary(on_recovery=)", lambda wrong: ErrorBoundary(on_recovery=wrong), (5, slow, yielding)),
    ("ErrorBoundary(resolver=)", lambda wrong: ErrorBoundary(resolver=wrong), (5, None, "x", [], Hostile(), slow)),
    ("ErrorBoundary(constraint=)", lambda wrong: ErrorBoundary(constraint=wrong), ("retry", slow, yielding)),
    ("ErrorBoundary(effect=)", lambda wrong: ErrorBoundary(effect=wrong), ("retry", slow, yielding)),
    ("ErrorBoundary(event=)", lambda wrong: ErrorBoundary(event=wrong), ("disable", slow, yielding)),
    ("ErrorBoundary(derivation=)", lambda wrong: ErrorBoundary(derivation=wrong), ("disable", slow, yielding)),
    ("fact(eq=)", lambda wrong: fact(0, eq=wrong), (5, None, slow)),
    ("fact(converter=)", lambda wrong: fact(0, converter=wrong), (5, "int", slow)),
    ("fact(validator=)", lambda wrong: fact(0, validator=wrong), (5, [5], "int", slow, [slow])),
    ("fact(factory=)", lambda wrong: fact(factory=wrong), (5, [], slow)),
    # everything else
    ("when=", lambda wrong: empty().constraint(when=wrong), (5, "value", ["value"], {5: 1})),
    ("after=", lambda wrong: empty().constraint(after=wrong), (5, [5])),
    ("reads=", lambda wrong: empty().constraint(reads=wrong), (5, [5])),
    ("constraint name", lambda wrong: empty().constraint(name=wrong)(print), (5, b"name")),
    ("label=", lambda wrong: empty().constraint(label=wrong), (5, None)),
    ("tags=", lambda wrong: empty().constraint(tags=wrong), (5, [5], Hostile(), [Hostile()])),
    ("retry=", lambda wrong: empty().resolver(Job, retry=wrong), (3, None, "exponential")),
    ("resolver name", lambda wrong: empty().resolver(Job, name=wrong)(print), (5, b"name")),
    ("requirement", lambda wrong: empty().resolver(wrong), (5, int, Job(), Hostile())),
    ("requirement", lambda wrong: empty().with_resolver(wrong, print), (5, int, Job())),
    ("event", lambda wrong: empty().on(wrong), (5, int, Job())),
    ("reads=", lambda wrong: empty().effect(reads=wrong), (5, [5])),
    ("effect name", lambda wrong: empty().effect(name=wrong)(print), (5, b"name")),
    ("Retry(backoff=)", lambda wrong: Retry(backoff=wrong), ("often", 5, None, [], Hostile())),
    ("ErrorBoundary(retry_later=)", lambda wrong: ErrorBoundary(retry_later=wrong), (3, None)),
    ("CancelReason(kind=)", CancelReason, ("bored", 5)),
    ("fact(label=)", lambda wrong: fact(0, label=wrong), (5, None)),
    ("derivation(label=)", lambda wrong: derivation(label=wrong)(len), (5, None)),
    ("module name", lambda wrong: Module(wrong, Facts), (5, None, Hostile())),
    ("label=", lambda wrong: Module("m", Facts, label=wrong), (5, None)),
    ("errors=", lambda wrong: system(errors=wrong), (5, "skip")),
    ("plugins=", lambda wrong: system(plugins=wrong), (5, "logging", [5])),
    ("initial=", lambda wrong: system(initial=wrong), (5, ["m"], {5: {}}, {"m": 5}, {"m": {5: 1}})),
    ("name=", lambda wrong: system(name=wrong), (5, None)),
    ("check_types=", lambda wrong: system(check_types=wrong), (5, "no", None)),
    ("debug=", lambda wrong: system(debug=wrong), (5, "yes", None)),
]


@pytest.mark.parametrize(
    ("option", "declare", "wrong"), [(option, declare, one) for option, declare, wrong in CALLS for one in wrong]
)
def test_what_an_option_cannot_mean(option: str, declare: Callable[[Any], object], wrong: Any) -> None:
    """The sentence begins with the option, then comes what it expects, then what was given."""
    with pytest.raises(DefinitionError) as caught:
        declare(wrong)
    message = str(caught.value)
    assert message.startswith(f"{option} expects ")
    assert ", got " in message


def test_the_sentence_in_full() -> None:
    """What it looks like to the one who reads it."""
    found: list[str] = []
    untyped: Any = ErrorBoundary
    calls: list[Callable[[], object]] = [
        lambda: empty().resolver(Job, limit=True),
        lambda: empty().resolver(Job, timeout=nan),
        lambda: empty().constraint(priority=1.5),
        lambda: Retry(1.5),  # type: ignore[arg-type]  # what it is about
        lambda: empty().resolver(Job, retry=3),
        lambda: empty().resolver(Job, key=slow),
        lambda: untyped(on_error=5),
        lambda: empty().constraint(when="value"),
        lambda: untyped(effect="retry"),
        lambda: system(errors=ErrorBoundary),
        lambda: empty().constraint(5),
    ]
    for declare in calls:
        with pytest.raises(DefinitionError) as caught:
            declare()
        found.append(str(caught.value))
    assert found == [
        "limit= expects a whole number, at least 1, got True",
        "timeout= expects a duration in seconds, greater than 0, got nan",
        "priority= expects a whole number, got 1.5",
        "Retry(attempts=) expects a whole number, at least 1 (the first one counts too), got 1.5",
        "retry= expects a Retry, got 3",
        "key= expects a sync function, got 'slow', which is async",
        "ErrorBoundary(on_error=) expects a sync function, got 5",
        "when= expects a mapping of names to values or matches, got 'value'",
        "ErrorBoundary(effect=) expects skip, disable, throw, or a sync function, got 'retry'",
        "errors= expects an ErrorBoundary, got the class ErrorBoundary",
        "a constraint expects a function, got 5",
    ]


def test_a_first_wait_longer_than_the_longest_one_is_refused() -> None:
    """No wait is cut silently: whoever asks for a long one says so for both."""
    with pytest.raises(DefinitionError) as caught:
        Retry(initial_delay=60)
    assert str(caught.value) == (
        "Retry(initial_delay=) expects at most max_delay, which is 30, got 60; give a longer max_delay"
    )
    assert Retry(initial_delay=60, max_delay=60).delay(1) == 60


def test_nothing_of_a_refused_declaration_is_left() -> None:
    """The same name is free, and the system has no such definition."""
    module = empty()
    calls: list[Callable[[], object]] = [
        lambda: module.constraint(name="rule", priority=1.5)(len),
        lambda: module.constraint(name="rule")(5),
        lambda: module.resolver(Job, name="rule")(5),
        lambda: module.effect(name="rule", on=5)(len),
        lambda: module.effect(name="rule")(5),
        lambda: module.on(Job)(5),
        lambda: module.init(5),
    ]
    for declare in calls:
        with pytest.raises(DefinitionError):
            declare()
    assert (module.constraints, module.resolvers, module.effects, module.handlers, module.inits) == ({}, {}, {}, {}, [])


def test_what_is_meant_is_taken() -> None:
    """Infinite durations, whole numbers of seconds, classes and objects as functions, a negative priority."""

    class Yes:
        def __call__(self, *_: object) -> Any:
            return "skip"

    @define
    class Wide:
        name: str = fact("", converter=str, validator=[Yes(), Yes()], eq=str.lower)
        plain: int = field(default=0)

    module = Module("m", Wide)
    module.constraint(timeout=inf, priority=-1, when={"plain": 1})(lambda facts: None)
    module.resolver(Job, key=str, limit=1, timeout=1, retry=Retry(initial_delay=0, max_delay=inf))(slow)
    module.effect(on=Yes())(lambda facts: None)
    System(
        module,
        errors=ErrorBoundary(resolver=Yes(), on_error=print),
        initial={"m": {"name": "x"}},
        teardown_grace=0,
        convergence_limit=1,
    )


def test_what_cannot_be_printed_is_refused_all_the_same() -> None:
    """Facts that are no class, and what is no module."""
    hostile: Any = Hostile()
    with pytest.raises(DefinitionError, match="a Hostile that cannot be printed"):
        Module("m", hostile)
    with pytest.raises(DefinitionError, match="a Hostile that cannot be printed"):
        System(hostile)
