"""Patterns: what is left to say of mutations: what is declared, what errors leave, hostile ones, and what tells why."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import pytest
import trio
from attrs import define, frozen
from typing_extensions import TypeAliasType

from directive_trio import CancelReason, Context, ErrorBoundary, Module, SourceLink, System, open_system
from directive_trio.errors import AbortedError, DefinitionError
from directive_trio.observe import Observation, ResolverCancel, ResolverComplete
from directive_trio.patterns import Concurrency, Mutator, Pending, cancellable, optimistic
from tests.patterns.form import Ctx, FormFacts, Search, Submit, form

MODES: tuple[Concurrency, ...] = ("latest", "queue", "parallel")


def test_one_declaration_brings_all_four() -> None:
    """mutator-1: the event by its name, the constraint and the resolver by the fact's, the requirement by its class."""
    module, change = form()
    system = System(module)
    system.dispatch("form::Mutate", {"kind": "Submit", "payload": {"values": "x"}})
    picture = system.inspect()
    assert [constraint.id for constraint in picture.constraints] == ["form::pending_mutation"]
    assert (change.event.__name__, change.requirement.__name__) == ("Mutate", "ProcessMutation")


async def test_a_failed_edit_leaves_what_it_wrote(autojump_clock: trio.abc.Clock) -> None:
    """mutator-34: nothing is taken back but what `optimistic` was told of."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        ctx.facts.values = mutation.values
        ctx.facts.results = mutation.values
        await trio.sleep(1)
        raise ValueError("refused")

    for handler, left in ((submit, ("new", "new")), (optimistic(submit, "values"), ("", "new"))):
        module, change = form(handler)
        async with open_system(module) as system:
            system.dispatch(change(Submit("new")))
            await system.settle()
            assert (system[module].values, system[module].results) == left


async def test_a_message_is_left_as_it_is(autojump_clock: trio.abc.Clock) -> None:
    """mutator-12: plain text that may repeat what a user typed; nobody makes it harmless but who shows it."""
    typed = "<img src=x onerror=alert(1)> & **bold** {braces} \x00"

    def submit(mutation: Submit, ctx: Ctx) -> None:
        raise ValueError(f"no {mutation.values}")

    module, change = form(submit)
    async with open_system(module) as system:
        system.dispatch(change(Submit(typed)))
        await system.settle()
        failed = system[module].pending_mutation
        assert failed is not None
        assert failed.error == f"no {typed}"


# -- hostile errors ------------------------------------------------------------------------------------


class Endless(str):
    """A text that would be read for ever."""

    __slots__ = ()

    def __iter__(self) -> Any:
        while True:
            yield "x"

    def __len__(self) -> int:
        raise RuntimeError

    def encode(self, *_: Any) -> bytes:
        raise RuntimeError


class EndlessError(Exception):
    def __str__(self) -> str:
        return Endless("endless")


class NoTextError(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]  # noqa: PLE0307  # the point of the test


class DeepError(Exception):
    def __str__(self) -> str:
        return str(self)


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]  # the point of the test
        raise RuntimeError


class NamelessError(Exception, metaclass=Nameless):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(EndlessError(), "endless", id="a text that never ends"),
        pytest.param(NoTextError(), "NoTextError", id="no text"),
        pytest.param(DeepError(), "DeepError", id="recursion"),
        pytest.param(NamelessError(), "NamelessError", id="a class that hides its name"),
        pytest.param(ValueError("x" * 10_000_000), "x" * 499 + "…", id="huge"),
        pytest.param(ValueError("bad \ud800 text"), "bad \N{REPLACEMENT CHARACTER} text", id="a lone surrogate"),
        pytest.param(ValueError("\ud83d\ude00"), "\N{GRINNING FACE}", id="a pair of surrogates"),
        pytest.param(ValueError("\ud800" * 600), "\N{REPLACEMENT CHARACTER}" * 499 + "…", id="only surrogates"),
    ],
)
async def test_no_error_is_too_hostile(autojump_clock: trio.abc.Clock, error: Exception, message: str) -> None:
    """mutator-11: each becomes a text of at most 500 characters that can be written down as UTF-8."""

    def submit(mutation: Submit, ctx: Ctx) -> None:
        raise error

    module, change = form(submit)
    async with open_system(module) as system:
        system.dispatch(change(Submit()))
        await system.settle()
        failed = system[module].pending_mutation
        assert failed is not None
        assert (failed.status, failed.error) == ("failed", message)
        assert type(failed.error) is str
        assert json.loads(json.dumps(failed.error, ensure_ascii=False).encode()) == message


@pytest.mark.parametrize("concurrency", MODES)
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_is_no_failed_edit(
    autojump_clock: trio.abc.Clock, concurrency: Concurrency, interrupt: type[BaseException]
) -> None:
    """It passes through, and the mutation has its turn again in another system."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(1)
        raise interrupt

    module, change = form(submit, concurrency=concurrency)
    system: System | None = None
    with pytest.RaisesGroup(interrupt, flatten_subgroups=True):
        async with open_system(module) as system:
            system.dispatch(change(Submit()))
            await trio.sleep(10)
    assert system is not None
    left = system[module].pending_mutation
    assert left is not None
    assert left.status == "pending"


async def nothing_yet() -> AsyncIterator[int]:
    yield 1


class Unspeakable:
    """What a handler should not return, and what cannot be printed."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        pytest.param(lambda: (one for one in "abc"), "returned <generator object", id="generator"),
        pytest.param(nothing_yet, "returned <async_generator object", id="async generator"),
        pytest.param(lambda: 5, "returned 5; it is async, or returns nothing", id="number"),
        pytest.param(Unspeakable, "returned <Unspeakable>; it is async", id="unspeakable"),
        pytest.param(lambda: "x" * 10_000, "returned 'xxx", id="long"),
    ],
)
async def test_a_handler_of_which_nothing_has_run_has_failed(
    autojump_clock: trio.abc.Clock, returned: Callable[[], Any], shown: str
) -> None:
    """What it returns would be lost: a generator has not begun, a value is for nobody."""

    def submit(mutation: Submit, ctx: Ctx) -> Any:
        return returned()

    for handler in (submit, cancellable(optimistic(submit, "values"))):
        module, change = form(handler)
        async with open_system(module) as system:
            system.dispatch(change(Submit()))
            await system.settle()
            failed = system[module].pending_mutation
            assert failed is not None
            assert failed.status == "failed"
            assert shown in str(failed.error)
            assert len(str(failed.error)) < 300


async def test_an_on_cancel_that_waits_is_reported(autojump_clock: trio.abc.Clock) -> None:
    """It is called at one moment, and that is over when it would go on."""
    errors: list[str] = []

    async def note_later() -> None: ...

    async def search(mutation: Search, ctx: Ctx) -> None:
        await trio.sleep(10)

    module, change = form(search=cancellable(search, timeout=1, on_cancel=lambda event: note_later()))
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(str(error)))
    async with open_system(module, errors=boundary) as system:
        system.dispatch(change(Search()))
        await system.settle()
    (told,) = errors
    assert "it must be sync, so nothing of that was run" in told


# -- what comes from outside ---------------------------------------------------------------------------


async def test_a_source_that_publishes_nonsense_goes_on(autojump_clock: trio.abc.Clock) -> None:
    """mutator-31: what does not fit is dropped and counted, however long it is; what fits is handled."""
    module, _ = form()

    @module.source
    async def feed(link: SourceLink) -> None:
        link.publish("Mutate", {"kind": "Submit" * 1_000_000, "payload": {}})
        link.publish("Mutate", {"kind": "__init__", "payload": {}})
        link.publish("Mutate", {"kind": ["Submit"], "payload": {}})
        link.publish("Mutate", {"kind": "Submit", "payload": {"values": None}})
        link.publish("Mutate", {"kind": "Submit", "payload": {"values": "good"}})

    async with open_system(module) as system:
        await system.settle()
        (source,) = system.inspect().sources
        assert (source.drop_count, source.publish_count) == (4, 1)
        assert len(str(source.last_error)) < 300
        assert system[module].log == ("good",)


Edits = TypeAliasType("Edits", Submit | Search)


@define
class AliasedFacts:
    pending_mutation: Pending[Edits] | None = None


def test_an_alias_of_a_union_is_compared_too() -> None:
    """mutator-30: as ``type Edits = Submit | Search`` makes it."""
    module = Module("aliased", AliasedFacts)
    Mutator(module).on(Submit, lambda mutation, ctx: None)
    with pytest.raises(DefinitionError, match="may hold Search, which has no handler"):
        System(module)


# -- what stands in the fact by other means ------------------------------------------------------------


@frozen
class Unknown: ...


@pytest.mark.parametrize("concurrency", MODES)
async def test_what_has_no_handler_fails_cleanly(autojump_clock: trio.abc.Clock, concurrency: Concurrency) -> None:
    """mutator-32: also where the program itself has put it into the fact; the next one is not held up."""
    errors: list[Exception] = []
    module, change = form(search=cancellable(note), concurrency=concurrency)
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(module, errors=boundary) as system:
        stranger: Any = Pending(Unknown(), sequence=7)
        system[module].pending_mutation = stranger
        system.dispatch(change(Search("beside it")))
        await system.settle()
        left = system[module].pending_mutation
        if left is not None:
            assert (left.status, left.error) == (
                "failed",
                "no handler for mutation 'Unknown'; there are Submit, Search",
            )
        system.dispatch(change(Search("next")))
        await system.settle()
        assert system[module].pending_mutation is None
        assert system[module].log[-1] == "next"
    assert errors == []


def note(mutation: Search, ctx: Ctx) -> None:
    ctx.facts.log += (mutation.q,)


@pytest.mark.parametrize("concurrency", MODES)
@pytest.mark.parametrize("requeue", [False, True])
async def test_a_handler_may_write_the_next_one_into_the_fact(
    autojump_clock: trio.abc.Clock, concurrency: Concurrency, requeue: bool
) -> None:
    """mutator-17: as good as an event; a requeue changes nothing."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        ctx.facts.values = mutation.values
        ctx.facts.pending_mutation = Pending(Search("next"))
        if requeue:
            ctx.requeue()

    module, change = form(submit, concurrency=concurrency)
    async with open_system(module) as system:
        for round_ in range(3):
            system.dispatch(change(Submit(str(round_))))
            await system.settle()
        assert (system[module].values, system[module].log) == ("2", ("next",) * 3)
        assert system[module].pending_mutation is None


async def test_who_writes_the_fact_writes_over_the_line(autojump_clock: trio.abc.Clock) -> None:
    """Whoever waited there is gone; an event would have joined them."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(1)
        if mutation.values == "event":
            ctx.dispatch(change(Search("next")))
        else:
            ctx.facts.pending_mutation = Pending(Search("next"))

    module, change = form(submit, concurrency="queue")
    for how, left in (("event", ("waits", "next")), ("write", ("next",))):
        async with open_system(module) as system:
            system.dispatch(change(Submit(how)))
            system.dispatch(change(Search("waits")))
            await system.settle()
            assert system[module].log == left


async def test_a_line_of_an_earlier_program_comes_first(autojump_clock: trio.abc.Clock) -> None:
    """Numbers go on from those that stand in the fact, so that none is given twice."""
    module, change = form(concurrency="queue")
    old = Pending(Submit("a"), sequence=50, others=(Pending(Submit("b"), sequence=51),))
    async with open_system(module, initial={"form": {"pending_mutation": old}}) as system:
        events = [change(Submit("c")), change(Submit("d"))]
        for event in reversed(events):
            system.dispatch(event)
        line = system[module].pending_mutation
        assert line is not None
        numbers = [one.sequence for one in (line, *line.others)]
        assert numbers == sorted({*numbers})
        await system.settle()
        assert system[module].log == ("a", "b", "d", "c")


# -- what tells why ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["superseded", "timeout"])
async def test_a_handler_can_tell_why(autojump_clock: trio.abc.Clock, how: Literal["superseded", "timeout"]) -> None:
    """mutator-23, mutator-24: by its signal, and by the exception that the reason becomes."""
    told: list[tuple[CancelReason | None, CancelReason]] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        try:
            await trio.sleep(1 if mutation.q == "a" else 0)
        except trio.Cancelled:
            with pytest.raises(AbortedError) as caught:
                ctx.signal.raise_if_aborted()
            told.append((ctx.signal.reason, caught.value.reason))
            raise

    module, change = form(search=cancellable(search, timeout=0.75))
    async with open_system(module) as system:
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        if how == "superseded":
            system.dispatch(change(Search("b")))
        await system.settle()
    reason = CancelReason("superseded") if how == "superseded" else CancelReason("timeout", 0.75)
    assert told == [(reason, reason)]


@pytest.mark.parametrize("concurrency", ["latest", "queue"])
async def test_a_timeout_does_not_count_the_wait(
    autojump_clock: trio.abc.Clock, concurrency: Literal["latest", "queue"]
) -> None:
    """mutator-21: it begins with the handler, however long its turn has been in coming."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(10)

    async def search(mutation: Search, ctx: Ctx) -> None:
        await trio.sleep(2)
        ctx.facts.results = mutation.q

    module, change = form(submit, cancellable(search, timeout=3), concurrency)
    async with open_system(module) as system:
        system.dispatch(change(Submit()))
        await trio.sleep(1)
        system.dispatch(change(Search("in time")))
        await system.settle(timeout=20)
        assert trio.current_time() == pytest.approx(12)
        assert (system[module].results, system[module].pending_mutation) == ("in time", None)


async def test_who_observes_sees_who_was_superseded_and_who_completed(autojump_clock: trio.abc.Clock) -> None:
    """mutator-35: by requirement, in order, each with its reason."""

    async def search(mutation: Search, ctx: Ctx) -> None:
        await trio.sleep(1)

    log: list[Observation] = []
    module, change = form(search=cancellable(search))
    async with open_system(module) as system:
        system.observe(log.append)
        for words in "abc":
            system.dispatch(change(Search(words)))
            await trio.sleep(0.5)
        await system.settle()
    ends = [seen for seen in log if isinstance(seen, ResolverCancel | ResolverComplete)]
    assert [(seen.requirement.sequence, str(getattr(seen, "reason", "complete"))) for seen in ends] == [
        *((1, "superseded"), (2, "superseded"), (3, "complete"))
    ]


async def test_what_is_not_made_cancellable_is_not_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """mutator-19: not by its own kind, not by another that is."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.log += (mutation.values,)

    log: list[Observation] = []
    module, change = form(submit, cancellable(note), "queue")
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Submit("a")))
        await trio.sleep(0.5)
        system.dispatch(change(Submit("b")))
        system.dispatch(change(Search("c")))
        await system.settle()
        assert system[module].log == ("a", "b", "c")
    assert not [seen for seen in log if isinstance(seen, ResolverCancel)]


# -- two of them ---------------------------------------------------------------------------------------


@define
class TwoFacts:
    log: tuple[str, ...] = ()
    pending_mutation: Pending[Submit | Search] | None = None
    pending_upload: Pending[Search] | None = None


async def test_one_mutator_supersedes_nothing_of_the_other(autojump_clock: trio.abc.Clock) -> None:
    """mutator-15: the same class, handled by the same cancellable function, in two facts of one module."""

    async def search(mutation: Search, ctx: Context[TwoFacts]) -> None:
        await trio.sleep(1)
        ctx.facts.log += (mutation.q,)

    handler = cancellable(search)
    module = Module("two", TwoFacts)
    change = Mutator(module).on(Search, handler).on(Submit, lambda mutation, ctx: None)
    send = Mutator(module, fact="pending_upload").on(Search, handler)
    async with open_system(module) as system:
        system.dispatch(change(Search("one")))
        await trio.sleep(0.5)
        system.dispatch(send(Search("other")))
        await trio.sleep(0.1)
        system.dispatch(change(Submit("x")))
        await system.settle()
        assert system[module].log == ("one", "other")
        assert (system[module].pending_mutation, system[module].pending_upload) == (None, None)


# -- many of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", ["latest", "queue"])
@pytest.mark.parametrize("how", ["cancellable", "cancellable(optimistic)", "optimistic(cancellable)"])
async def test_a_thousand_letters(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture, concurrency: Concurrency, how: str
) -> None:
    """mutator-18: in bursts; who is superseded has cleaned up, which takes a while, before the next one writes."""
    begun = cleaned_up = overlaps = 0
    stood: set[Any] = set()

    async def search(mutation: Search, ctx: Ctx) -> None:
        nonlocal begun, cleaned_up, overlaps
        overlaps += begun != cleaned_up
        begun += 1
        ctx.facts.results = f"looking for {mutation.q}"
        try:
            await trio.sleep(0.3)
            ctx.facts.log += (mutation.q,)
            ctx.facts.results = mutation.q
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.004)
            cleaned_up += 1

    handler = {
        "cancellable": cancellable(search),
        "cancellable(optimistic)": cancellable(optimistic(search, "results")),
        "optimistic(cancellable)": optimistic(cancellable(search), "results"),
    }[how]
    log: list[Observation] = []
    module, change = form(search=handler, concurrency=concurrency)
    with caplog.at_level(logging.ERROR):
        async with open_system(module) as system:
            system.observe(log.append)
            system.watch(lambda view: view[module].pending_mutation, lambda new, _: stood.add(new and new.status))
            for burst in range(10):
                for letter in range(100):
                    system.dispatch(change(Search(f"{burst} {letter}")))
                    await trio.sleep((0, 0.002, 0.01)[letter % 3])
                await system.settle()
                assert (begun - cleaned_up, system.is_settled, system[module].results) == (0, True, f"{burst} 99")
            assert system[module].log == tuple(f"{burst} 99" for burst in range(10))
            assert system[module].pending_mutation is None
    assert stood == {None, "pending", "running"}
    assert (overlaps, cleaned_up > 100) == (0, True)
    assert {str(seen.reason) for seen in log if isinstance(seen, ResolverCancel)} == {"superseded"}
    assert sum(isinstance(seen, ResolverComplete) for seen in log) == 10
    assert caplog.records == []


async def test_a_thousand_of_both_kinds_in_a_queue(autojump_clock: trio.abc.Clock) -> None:
    """mutator-13: sync and async ones in turn, some of which fail: one at a time, in order, and no runaway is found."""
    at_once = 0
    done: list[str] = []
    errors: list[Exception] = []

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        await trio.sleep(0.001)
        at_once -= 1
        done.append(mutation.values)
        if mutation.values.endswith("0"):
            raise ValueError(mutation.values)

    def search(mutation: Search, ctx: Ctx) -> None:
        assert at_once == 0
        done.append(mutation.q)

    module, change = form(submit, search, "queue")
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(module, errors=boundary) as system:
        for number in range(1000):
            system.dispatch(change(Submit(str(number)) if number % 2 == 0 else Search(str(number))))
        await system.settle(timeout=60)
        left = system[module].pending_mutation
        assert left is not None
        assert {one.status for one in (left, *left.others)} == {"failed"}
        assert sorted(int(str(one.error)) for one in (left, *left.others)) == list(range(0, 1000, 10))
    assert done == [str(number) for number in range(1000)]
    assert errors == []


def test_facts_of_a_form_need_no_engine() -> None:
    """A plain instance shows how it stands, for whoever draws it."""
    facts = FormFacts(pending_mutation=Pending(Submit("x"), "failed", "no"))
    assert facts.pending_mutation is not None
    assert (facts.pending_mutation.status, facts.pending_mutation.error) == ("failed", "no")
