"""Retry and the error boundary refuse what cannot be, when they are written."""

from typing import Any

import pytest

from directive_trio import CancelReason, ErrorBoundary, Retry
from directive_trio.errors import DefinitionError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attempts": 0}, "the first one counts too"),
        ({"backoff": "often"}, "expects one of none, linear, exponential"),
        ({"initial_delay": -1}, "not negative"),
        ({"max_delay": -1}, "not negative"),
        ({"jitter": 1.5}, "a share of the wait"),
        ({"jitter": -0.5}, "a share of the wait"),
    ],
)
def test_a_retry_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    """The error shows the value."""
    with pytest.raises(DefinitionError, match=message):
        Retry(**options)


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (Retry(), [0.1, 0.1, 0.1]),
        (Retry(backoff="linear", initial_delay=2), [2, 4, 6]),
        (Retry(backoff="exponential", initial_delay=1, max_delay=3), [1, 2, 3]),
        (Retry(backoff="linear", initial_delay=3, max_delay=3), [3, 3, 3]),
    ],
)
def test_the_waits_follow_the_backoff(retry: Retry, waits: list[float]) -> None:
    """After the first, second, third attempt; none longer than `max_delay`."""
    assert [retry.delay(attempt) for attempt in (1, 2, 3)] == waits


def test_jitter_takes_a_share_off() -> None:
    """Chance 0 takes nothing, chance 1 all of the share."""
    retry = Retry(initial_delay=10, jitter=0.5)
    assert [retry.delay(1, chance) for chance in (0, 0.5, 1)] == [10, 7.5, 5]


def test_a_very_late_attempt_still_has_a_wait() -> None:
    """Doubling ends before a float does."""
    assert Retry(backoff="exponential", max_delay=30).delay(10_000) == 30


@pytest.mark.parametrize(
    ("kind", "choice"),
    [
        ("resolver", "ignore"),
        ("constraint", "retry"),
        ("effect", "retry_later"),
        ("event", "disable"),
        ("derivation", 5),
    ],
)
def test_a_strategy_that_does_not_fit_its_kind_is_refused(kind: str, choice: Any) -> None:
    """Only what can be run again on its own can be retried."""
    options: dict[str, Any] = {kind: choice}
    with pytest.raises(DefinitionError, match=rf"ErrorBoundary\({kind}=\) expects skip, .*, got {choice!r}"):
        ErrorBoundary(**options)


def test_a_strategy_may_be_a_function() -> None:
    """What it answers is checked when it answers."""
    assert callable(ErrorBoundary(resolver=lambda error, definition: "skip").resolver)


def test_a_reason_prints_its_word() -> None:
    """With the seconds of a timeout."""
    assert [str(CancelReason("stopped")), str(CancelReason("timeout", 0.5))] == ["stopped", "timeout after 0.5 s"]
