"""What the devtools trace says about each kind of observation, in a few words."""

from collections.abc import Callable, Mapping
from typing import Any

from directive_trio.observe import (
    ConstraintBlocked,
    ConstraintError,
    ConstraintEvaluate,
    EffectError,
    ErrorRecovery,
    EventDispatch,
    EventError,
    FactMutated,
    MutationDropped,
    Observation,
    ObserverError,
    RequirementCanceled,
    RequirementCreated,
    RequirementUnsatisfied,
    ResolverCancel,
    ResolverComplete,
    ResolverError,
    ResolverRetry,
    ResolverStart,
    ResolverWriteRejected,
    SourceAttach,
    SourceDetach,
    SourceDrop,
    SourceError,
    SourcePublish,
    SystemDestroy,
    SystemInit,
    SystemSettled,
    SystemStart,
    SystemStop,
    WatcherError,
)
from directive_trio.plugins._preview import cut, fields_of, preview

SENTENCES: Mapping[type[Observation], Callable[[Any], str]] = {
    SystemInit: lambda _: "is made",
    SystemStart: lambda _: "starts",
    SystemStop: lambda _: "has stopped",
    SystemDestroy: lambda _: "is destroyed",
    SystemSettled: lambda _: "is settled: nothing is outstanding",
    EventDispatch: lambda seen: f"event {preview(seen.event)}{_sender(seen.run)}",
    EventError: lambda seen: f"event {preview(seen.event)} was undone: {error_text(seen.error)}",
    FactMutated: lambda seen: f"was mutated in place; {seen.hint}",
    MutationDropped: lambda seen: f"drops {preview(seen.event)}: a later one took its place",
    ConstraintBlocked: lambda seen: f"waits for {', '.join(seen.waiting_on)}",
    ConstraintEvaluate: lambda seen: f"asks for {'something' if seen.active else 'nothing'}",
    ConstraintError: lambda seen: f"raised {error_text(seen.error)}",
    RequirementCreated: lambda seen: f"requires {preview(seen.requirement)}{_taker(seen.resolver)}",
    RequirementUnsatisfied: lambda seen: f"is not satisfied by run {seen.run} of {preview(seen.requirement)}",
    RequirementCanceled: lambda seen: f"wants {preview(seen.requirement)} no more: {seen.reason}",
    ResolverStart: lambda seen: f"run {seen.run} starts: {preview(seen.requirement)}",
    ResolverRetry: lambda seen: (
        f"run {seen.run}, attempt {seen.attempt} failed, again in {seen.delay:.2f} s: {error_text(seen.error)}"
    ),
    ResolverComplete: lambda seen: f"run {seen.run} is complete after {seen.duration:.2f} s{_attempts(seen.attempt)}",
    ResolverError: lambda seen: (
        f"run {seen.run} failed after {seen.duration:.2f} s{_attempts(seen.attempt)}: {error_text(seen.error)}"
    ),
    ResolverCancel: lambda seen: (
        f"run {seen.run} was cancelled after {seen.duration:.2f} s{_attempts(seen.attempt)}: {seen.reason}"
        f"{_while_cleaning(seen.error)}"
    ),
    ResolverWriteRejected: lambda seen: f"run {seen.run}: {_rejected(seen)}",
    EffectError: lambda seen: f"raised in {seen.phase}: {error_text(seen.error)}",
    SourceAttach: lambda seen: "is attached" + ("" if seen.key is None else f", with key {preview(seen.key)}"),
    SourcePublish: lambda seen: f"has published {preview(seen.event)}",
    SourceDrop: lambda seen: f"dropped {preview(seen.event)}: {seen.reason}",
    SourceError: lambda seen: f"raised in {seen.phase}: {error_text(seen.error)}",
    SourceDetach: lambda seen: f"is detached: {seen.outcome if seen.reason is None else seen.reason}",
    WatcherError: lambda seen: f"raised {error_text(seen.error)}",
    ObserverError: lambda seen: f"raised {error_text(seen.error)}",
    ErrorRecovery: lambda seen: f"recovery: {seen.strategy}",
}


def sentence(observation: Observation, waited: float | None = None) -> str:
    """Say an observation in one line; *waited*: the seconds that end with it.

    A kind that has no sentence is said by its type and its fields.
    """
    speak = SENTENCES.get(type(observation))
    if speak is None:
        fields = fields_of(observation)
        fields.pop("id", None)
        return " ".join([observation.type, *(f"{name}={preview(value)}" for name, value in fields.items())])
    text = speak(observation)
    return text if waited is None else f"waited {waited:.2f} s, {text}"


def error_text(error: BaseException) -> str:
    """Say class and message of an error in one line."""
    message = cut(str(error))
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _sender(run: int) -> str:
    return f", sent by run {run}" if run else ""


def _taker(resolver: str | None) -> str:
    return "" if resolver else ", which no resolver takes"


def _rejected(seen: ResolverWriteRejected) -> str:
    if seen.kind == "summary":
        return f"{seen.dropped} more writes did not land: {seen.reason}"
    values = ""
    if seen.reason is not None and seen.reason.kind == "clobbered":
        values = f", it expected {preview(seen.expected)} and found {preview(seen.actual)}"
    return f"a write to {seen.fact} did not land: {seen.reason or 'it has ended'}{values}"


def _attempts(attempt: int) -> str:
    return f" in attempt {attempt}" if attempt > 1 else ""


def _while_cleaning(error: Exception | None) -> str:
    return "" if error is None else f"; while it cleaned up: {error_text(error)}"
