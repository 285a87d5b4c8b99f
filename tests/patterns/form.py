"""A form with two kinds of edits, for the tests of the mutator."""

import trio
from attrs import define, field, frozen

from directive_trio import Context, Module
from directive_trio.observe import Observation, ResolverCancel
from directive_trio.patterns import Concurrency, Handler, Mutator, Pending


@frozen
class Submit:
    values: str = ""


@frozen
class Search:
    q: str = ""


@define
class FormFacts:
    values: str = ""
    results: str = ""
    log: tuple[str, ...] = ()
    items: list[str] = field(factory=list)
    pending_mutation: Pending[Submit | Search] | None = None


Ctx = Context[FormFacts]
Form = tuple[Module[FormFacts], Mutator[FormFacts, Submit | Search]]


def form(
    submit: Handler[Submit, FormFacts] | None = None,
    search: Handler[Search, FormFacts] | None = None,
    concurrency: Concurrency = "latest",
) -> Form:
    """A module ``form`` and its mutator; a handler that is not given notes what it got."""
    module = Module("form", FormFacts)
    mutator = Mutator(module, concurrency=concurrency)
    return module, mutator.on(Submit, submit or note_values).on(Search, search or note_query)


def note_values(mutation: Submit, ctx: Ctx) -> None:
    ctx.facts.log += (mutation.values,)


def note_query(mutation: Search, ctx: Ctx) -> None:
    ctx.facts.log += (mutation.q,)


async def ask(mutation: Search, ctx: Ctx) -> None:
    """Takes a second, as a server would."""
    await trio.sleep(1)
    ctx.facts.results = f"results of {mutation.q}"
    ctx.facts.log += (mutation.q,)


def cancels(log: list[Observation]) -> list[tuple[int, str]]:
    """The cancelled runs and why."""
    return [(seen.run, str(seen.reason)) for seen in log if isinstance(seen, ResolverCancel)]
