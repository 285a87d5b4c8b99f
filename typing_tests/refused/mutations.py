"""Mutations used wrongly; each line is refused by both checkers."""

from attrs import define, frozen

from directive_trio import Context, Module
from directive_trio.patterns import Mutator, Pending, cancellable, optimistic


@frozen
class Rename:
    name: str


@frozen
class Search:
    q: str


@frozen
class Unknown: ...


@define
class PageFacts:
    role: str = ""
    pending_mutation: "Pending[Rename | Search] | None" = None


page = Module("page", PageFacts)


async def rename(mutation: Rename, ctx: Context[PageFacts]) -> None:
    ctx.facts.role = mutation.name


async def search(mutation: Search, ctx: Context[PageFacts]) -> None:
    ctx.facts.role = mutation.q


change = Mutator(page).on(Rename, rename).on(Search, search)

change(Unknown())  # E: arg-type / reportArgumentType
change(Rename)  # E: arg-type / reportArgumentType
change.on(Rename, search)  # E: arg-type / reportArgumentType
change.on(Rename, optimistic(search, "role"))  # E: arg-type / reportArgumentType
Mutator(page, concurrency="many")  # E: arg-type / reportArgumentType
cancellable(search, supersede_on="all")  # E: arg-type / reportArgumentType
cancellable(search, timeout="3")  # E: arg-type / reportArgumentType
cancellable(search, on_cancel=lambda event: event.mutation.qq)  # E: attr-defined / reportAttributeAccessIssue
optimistic(search, 5)  # E: arg-type / reportArgumentType


def how_it_stands(facts: PageFacts) -> str:
    if facts.pending_mutation is None:
        return "idle"
    return facts.pending_mutation.eror  # E: attr-defined, no-any-return / reportAttributeAccessIssue
