"""Mutations: typed from the union in the fact to the payload in the callback."""

from typing import assert_type

from attrs import define, frozen

from directive_trio import Context, Module
from directive_trio.patterns import CancelEvent, Mutator, Pending, cancellable, optimistic


@frozen
class Rename:
    name: str


@frozen
class Search:
    q: str


@define
class PageFacts:
    role: str = ""
    pending_mutation: "Pending[Rename | Search] | None" = None


page = Module("page", PageFacts)


async def rename(mutation: Rename, ctx: Context[PageFacts]) -> None:
    ctx.facts.role = mutation.name


def rename_at_once(mutation: Rename, ctx: Context[PageFacts]) -> None:
    ctx.facts.role = mutation.name


async def search(mutation: Search, ctx: Context[PageFacts]) -> None:
    ctx.facts.role = mutation.q


def note(event: CancelEvent[Search, PageFacts]) -> None:
    event.facts.role = event.mutation.q


change = (
    Mutator(page, concurrency="queue")
    .on(Rename, rename_at_once)
    .on(Rename, optimistic(rename, "role"))
    .on(Search, cancellable(search, timeout=3, on_cancel=lambda event: event.mutation.q))
    .on(Search, optimistic(cancellable(search, supersede_on="never"), "role"))
    .on(Search, cancellable(optimistic(search, "role"), on_cancel=note))
)
assert_type(change, Mutator[PageFacts, Rename | Search])
change(Rename("x"))
change(Search("y"))


def how_it_stands(facts: PageFacts) -> str:
    pending = facts.pending_mutation
    if pending is None:
        return "idle"
    assert_type(pending.mutation, Rename | Search)
    return pending.error or pending.status
