"""Fetching data from a real HTTP API, on constraints and resolvers only.

A cache that many parts of a program use, with deduplication and invalidation; a search that is cancelled while
somebody types; polling while somebody looks; an edit that is shown at once and that the server refuses.

Run it::

    python -m examples.data_fetching
"""

import httpx
import trio
from attrs import define, field, frozen

from directive_trio import Context, Module, System, derivation, open_system
from examples.on_a_server import open_api, until_asked, what_was_asked

# -- a cache of articles -------------------------------------------------------------------------------


@frozen
class Article:
    """An article as the server told it."""

    title: str
    edition: int

    def __str__(self) -> str:
        return f"{self.title!r}, edition {self.edition}"


@define
class LibraryFacts:
    """Who wants which articles, those that are here, and edits the server has not confirmed."""

    page: int | None = None
    sidebar: tuple[int, ...] = ()
    articles: dict[int, Article] = field(factory=dict)
    changes: dict[int, int] = field(factory=dict)
    """How often an article is known to have changed on the server."""
    seen: dict[int, int] = field(factory=dict)
    """After how many of its changes an article was fetched."""
    edits: dict[int, str] = field(factory=dict)
    refusal: str = ""

    @derivation
    def titles(self) -> dict[int, str]:
        """What is shown: the server's titles, and over them the edits that are under way."""
        return {number: article.title for number, article in self.articles.items()} | self.edits

    def missing(self, numbers: tuple[int, ...]) -> "list[Fetch]":
        """Of these articles, those that are not here or not good any more."""
        changes = {number: self.changes.get(number, 0) for number in numbers}
        return [Fetch(number, after) for number, after in changes.items() if self.seen.get(number) != after]


@frozen
class Invalidate:
    """Event: an article has changed on the server."""

    number: int


@frozen
class Rename:
    """Event: the user gives an article another title."""

    number: int
    title: str


@frozen
class Fetch:
    """Requirement: the article is here, as it is after so many changes.

    One more change is another requirement: what is being fetched then is superseded, for it might be too old.
    """

    number: int
    after: int


@frozen
class Save:
    """Requirement: the server has decided on an edit."""

    number: int
    title: str


def library_module(client: httpx.AsyncClient) -> Module[LibraryFacts]:
    """Make the module that keeps articles."""
    library = Module("library", LibraryFacts)

    @library.on(Invalidate)
    def invalidate(facts: LibraryFacts, event: Invalidate) -> None:
        facts.changes = {**facts.changes, event.number: facts.changes.get(event.number, 0) + 1}

    @library.on(Rename)
    def rename(facts: LibraryFacts, event: Rename) -> None:
        facts.edits = {**facts.edits, event.number: event.title}

    # Two constraints that ask for the same article ask for the same run.
    @library.constraint
    def page_must_be_there(facts: LibraryFacts) -> list[Fetch]:
        return facts.missing(() if facts.page is None else (facts.page,))

    @library.constraint
    def sidebar_must_be_there(facts: LibraryFacts) -> list[Fetch]:
        return facts.missing(facts.sidebar)

    @library.resolver(Fetch, timeout=5)
    async def fetch(requirement: Fetch, ctx: Context[LibraryFacts]) -> None:
        response = await client.get(f"/api/articles/{requirement.number}")
        article = Article(**response.raise_for_status().json())
        ctx.facts.articles = {**ctx.facts.articles, requirement.number: article}
        ctx.facts.seen = {**ctx.facts.seen, requirement.number: requirement.after}

    @library.constraint
    def edits_must_be_saved(facts: LibraryFacts) -> list[Save]:
        return [Save(number, title) for number, title in facts.edits.items()]

    # Nothing is to be taken back by hand: without the edit, what the server says is shown again.
    @library.resolver(Save, timeout=5)
    async def save(requirement: Save, ctx: Context[LibraryFacts]) -> None:
        response = await client.put(f"/api/articles/{requirement.number}", json={"title": requirement.title})
        if response.is_success:
            article = Article(**response.json())
            ctx.facts.articles = {**ctx.facts.articles, requirement.number: article}
        ctx.facts.refusal = response.text if response.is_client_error else ""
        ctx.facts.edits = {number: title for number, title in ctx.facts.edits.items() if number != requirement.number}

    return library


# -- a search, cancelled while somebody types ----------------------------------------------------------


@define
class SearchFacts:
    """What is typed, and what was found for which words."""

    words: str = ""
    found: tuple[str, tuple[str, ...]] = ("", ())


@frozen
class Search:
    """Requirement: the server was asked for these words."""

    words: str


def search_module(client: httpx.AsyncClient) -> Module[SearchFacts]:
    """Make the module of the search field."""
    search = Module("search", SearchFacts)

    @search.constraint
    def must_be_searched(facts: SearchFacts) -> Search | None:
        about, _ = facts.found
        return Search(facts.words) if facts.words and facts.words != about else None

    @search.resolver(Search)
    async def ask(requirement: Search, ctx: Context[SearchFacts]) -> None:
        response = await client.get("/api/search", params={"words": requirement.words})
        ctx.facts.found = (requirement.words, tuple(response.raise_for_status().json()))

    return search


# -- news, polled while somebody looks -----------------------------------------------------------------


@define
class NewsFacts:
    """Whether somebody looks, and what there was to see."""

    watched: bool = False
    headlines: tuple[str, ...] = ()


@frozen
class Poll:
    """Requirement: the news are fresh. It is never met for long."""


def news_module(client: httpx.AsyncClient, interval: float) -> Module[NewsFacts]:
    """Make the module that asks for news every *interval* seconds."""
    news = Module("news", NewsFacts)

    @news.constraint(when={"watched": True})
    def must_be_fresh(_: NewsFacts) -> Poll:
        return Poll()

    @news.resolver(Poll)
    async def poll(_: Poll, ctx: Context[NewsFacts]) -> None:
        response = await client.get("/api/news")
        ctx.facts.headlines += (response.raise_for_status().json(),)
        await trio.sleep(interval)
        ctx.requeue()

    return news


# -- the story -----------------------------------------------------------------------------------------


async def main() -> None:
    """Tell it, with what the server was really asked."""
    async with open_api() as client:
        library, search, news = library_module(client), search_module(client), news_module(client, 0.4)
        async with open_system(library, search, news) as system:
            await show_cache(system, library, client)
            await show_cancellation(system, search, client)
            await show_polling(system, news, client)
            await show_optimistic_edit(system, library)


async def show_cache(system: System, library: Module[LibraryFacts], client: httpx.AsyncClient) -> None:
    """One article, wanted by two and wanted again; then it has changed."""
    facts = system[library]
    with system.transaction():
        facts.page = 1
        facts.sidebar = (1, 2)
    await system.settle()
    print(f"cache: the page shows {facts.articles[1]}")
    asked = await what_was_asked(client, "article 1")
    print(f"deduplication: the page and the sidebar want it, the server was asked {len(asked)} time")
    facts.page = None
    await system.settle()
    facts.page = 1
    await system.settle()
    asked = await what_was_asked(client, "article 1")
    print(f"cache: it is wanted again, the server was asked {len(asked)} time")
    system.dispatch(Invalidate(1))
    print(f"invalidation: {facts.articles[1]} stays on the page while it is fetched anew")
    await system.settle()
    print(f"invalidation: the page shows {facts.articles[1]}")


async def show_cancellation(system: System, search: Module[SearchFacts], client: httpx.AsyncClient) -> None:
    """Somebody types on as soon as the server has begun to search; it notices that nobody waits any more."""
    for words in ("t", "tr", "tri"):
        system[search].words = words
        await until_asked(client, f"search {words}")
    system[search].words = "trio"
    await system.settle()
    await until_asked(client, "hung up on tri")
    print(f"cancellation: the server says {await what_was_asked(client, 'hung up')}")
    print(f"cancellation: found {system[search].found}")


async def show_polling(system: System, news: Module[NewsFacts], client: httpx.AsyncClient) -> None:
    """Somebody looks for a while."""
    system[news].watched = True
    await system.wait_until(lambda view: len(view[news].headlines) == 3)
    system[news].watched = False
    await system.settle()
    print(f"polling: {system[news].headlines}, then nobody looked")
    print(f"polling: the server was asked {len(await what_was_asked(client, 'news'))} times")


async def show_optimistic_edit(system: System, library: Module[LibraryFacts]) -> None:
    """One that is refused, and one that is not."""
    facts = system[library]
    for title in ("Facts first", "Structured concurrency"):
        system.dispatch(Rename(1, title))
        print(f"optimistic edit: the page shows {facts.titles[1]!r} at once")
        await system.settle()
        print(f"optimistic edit: {facts.refusal or 'accepted'}; the page shows {facts.titles[1]!r}")


if __name__ == "__main__":
    trio.run(main)
