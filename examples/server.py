"""The HTTP API of the examples: articles, a search, news, and experiments. A process of its own.

It remembers what it was asked, and tells (``/api/asked``): so an example can show what really went over the wire.
"""

import logging
from collections.abc import Awaitable, Callable

import trio
from attrs import Factory, define
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from demo.serving import client_hangs_up, serve

DELAY = 0.1
"""Seconds an answer takes."""

STALL = 30.0
"""Seconds a search for too short a word takes: longer than anybody waits."""

EXPERIMENTS = [
    {"name": "checkout", "variants": {"classic": 50, "one click": 50}, "group": ""},
    {"name": "banner", "variants": {"blue": 80, "green": 20}, "group": ""},
    {"name": "assistant", "variants": {"off": 50, "on": 50}, "group": "beta"},
]


@define
class Api:
    """The endpoints, and what they know."""

    titles: dict[int, str] = Factory(lambda: {1: "Trio by example", 2: "Facts first"})
    editions: dict[int, int] = Factory(dict)
    asked: list[str] = Factory(list)
    news: int = 0
    exposures_refused: bool = False
    noted: trio.Event = Factory(trio.Event)

    def note(self, line: str) -> None:
        """Remember what was asked, and wake whoever waits for it."""
        self.asked.append(line)
        self.noted.set()
        self.noted = trio.Event()

    async def health(self, _request: Request) -> Response:
        """Answer as soon as the server answers at all."""
        return JSONResponse({"well": True})

    async def what_was_asked(self, request: Request) -> Response:
        """Tell what was asked, in order, and who hung up; as soon as *until* is among it."""
        until = request.query_params.get("until")
        while until is not None and until not in self.asked:
            await self.noted.wait()
        return JSONResponse(self.asked)

    async def article(self, request: Request) -> Response:
        """Answer an article; each time it is read it is in a new edition."""
        number = request.path_params["number"]
        self.note(f"article {number}")
        self.editions[number] = self.editions.get(number, 0) + 1
        await trio.sleep(DELAY)
        return JSONResponse({"title": self.titles[number], "edition": self.editions[number]})

    async def rename(self, request: Request) -> Response:
        """Give an article another title, unless another article has it."""
        number, title = request.path_params["number"], (await request.json())["title"]
        self.note(f"rename {number} to {title}")
        await trio.sleep(DELAY)
        if any(title == known and number != other for other, known in self.titles.items()):
            return PlainTextResponse("another article has this title", 409)
        self.titles[number] = title
        return JSONResponse({"title": title, "edition": self.editions[number]})

    async def search(self, request: Request) -> Response:
        """Answer what is found; too short a word takes very long."""
        words = request.query_params["words"]
        self.note(f"search {words}")
        with trio.move_on_after(DELAY if len(words) > 3 else STALL) as in_time:
            await client_hangs_up(request)
        if not in_time.cancelled_caught:
            self.note(f"hung up on {words}")
        return JSONResponse([title for title in self.titles.values() if words.lower() in title.lower()])

    async def headline(self, _request: Request) -> Response:
        """Answer the latest headline: another one each time."""
        self.note("news")
        self.news += 1
        return JSONResponse(f"headline {self.news}")

    async def experiments(self, _request: Request) -> Response:
        """Answer the experiments that go on."""
        self.note("experiments")
        return JSONResponse(EXPERIMENTS)

    async def expose(self, request: Request) -> Response:
        """Note who has seen which variants; the first time this does not work."""
        seen = ", ".join("{user} saw {variant} of {experiment}".format(**one) for one in await request.json())
        if not self.exposures_refused:
            self.exposures_refused = True
            self.note(f"refused: {seen}")
            return PlainTextResponse("try again", 503)
        self.note(seen)
        return JSONResponse({})

    async def one_click(self, _request: Request) -> Response:
        """Answer what the new checkout needs."""
        self.note("one click")
        return JSONResponse({"cards": ["ending in 42"]})


def make_app() -> Starlette:
    """Make the application."""
    api = Api()
    endpoints: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/api/health": api.health,
        "/api/asked": api.what_was_asked,
        "/api/articles/{number:int}": api.article,
        "/api/search": api.search,
        "/api/news": api.headline,
        "/api/experiments": api.experiments,
        "/api/one-click": api.one_click,
    }
    routes = [Route(path, endpoint) for path, endpoint in endpoints.items()]
    routes.append(Route("/api/articles/{number:int}", api.rename, methods=["PUT"]))
    routes.append(Route("/api/exposures", api.expose, methods=["POST"]))
    return Starlette(routes=routes)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    trio.run(serve, make_app(), 0)
