"""mutator-29: mutations used wrongly; each line is refused by both checkers."""

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


@define
class OtherFacts:
    title: str = ""


page = Module("page", PageFacts)


async def rename(mutation: Rename, ctx: Context[PageFacts]) -> None:
    ctx.facts.role = mutation.name


async def search(mutation: Search, ctx: Context[PageFacts]) -> None:
    ctx.facts.role = mutation.q


change = Mutator(page).on(Rename, rename).on(Search, search)

other_page = Module("other", OtherFacts)


async def rename_other(mutation: Rename, ctx: Context[OtherFacts]) -> None:
    ctx.facts.title = mutation.name


change(Unknown())  # E: arg-type / reportArgumentType
change(Rename)  # E: arg-type / reportArgumentType
change(Rename(5))  # E: arg-type / reportArgumentType
change(Rename())  # E: call-arg / reportCallIssue
change(Search(name="x"))  # E: call-arg / reportCallIssue
change.on(Rename, rename_other)  # E: arg-type / reportArgumentType
change.on(Rename, rename("x", 5))  # E: arg-type / reportArgumentType
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
