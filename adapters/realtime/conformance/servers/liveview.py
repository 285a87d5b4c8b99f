"""``pyview-web``, a LiveView server for browsers: it speaks the channel protocol of Phoenix (version 2) by itself.

Arguments: the port and topics. Once it listens it prints the tokens with which these may be joined; then a line for
each visitor that comes or goes. It takes texts from its input, one a line, which it tells every visitor. Each needs a
topic of their own, as each page has.

A LiveView expects other payloads than a realtime server: the address of a page and a token for it at the join, and
an ``event`` where we broadcast. `Vocabulary` puts what we send into these words; frames, refs, replies, refusals
and heartbeats are the server's own.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import uvicorn
from pyview import LiveView, PyView
from pyview.csrf import generate_csrf_token
from pyview.live_socket import pub_sub_hub

EVERYBODY = "everybody"


def tell(line: str) -> None:
    """What happened, on a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Page:
    """The whole of what there is to see: one text."""

    def __init__(self, text: str) -> None:
        self.text_shown = text

    def tree(self) -> dict[str, Any]:
        return {"0": self.text_shown, "s": ["", ""]}

    def text(self, _socket: object = None) -> str:
        return self.text_shown


class RoomView(LiveView):
    """A visitor's view of the room."""

    async def mount(self, socket: Any, session: object) -> None:  # noqa: ARG002 - given by its name
        socket.context = {"text": ""}
        await socket.subscribe(EVERYBODY)
        tell("came")

    async def handle_event(self, event: str, payload: Any, socket: Any) -> None:
        await socket.broadcast(EVERYBODY, f"{event} {json.dumps(payload)}")

    async def handle_info(self, event: Any, socket: Any) -> None:
        socket.context = {"text": event.payload}

    async def disconnect(self, socket: object) -> None:  # noqa: ARG002 - given by its name
        tell("left")

    async def render(self, assigns: Any, _meta: object) -> Page:
        return Page(assigns["text"])


class Vocabulary:
    """An application around another: a LiveView's words in place of a realtime server's, in what comes in."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def translated() -> Any:
            message = await receive()
            if message["type"] == "websocket.receive" and message.get("text"):
                message = {**message, "text": json.dumps(in_its_words(json.loads(message["text"])))}
            return message

        await self.app(scope, translated if scope["type"] == "websocket" else receive, send)


def in_its_words(frame: list[Any]) -> list[Any]:
    """The same frame with the payload a LiveView expects."""
    *refs, topic, event, payload = frame
    if event == "phx_join":
        payload = {**payload, "url": "http://server/room", "params": {"_csrf_token": payload.get("access_token", "")}}
    elif event == "broadcast":
        event, payload = "event", {"type": "click", "event": payload["event"], "value": payload["payload"]}
    return [*refs, topic, event, payload]


async def read_lines() -> None:
    """Each line of the input is told to everybody."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        await pub_sub_hub.send_all_on_topic_async(EVERYBODY, line.rstrip("\n"))


async def serve(port: int, topics: Sequence[str]) -> None:
    """Serve until killed."""
    app = PyView()
    app.add_live_view("/room", RoomView)
    server = uvicorn.Server(uvicorn.Config(Vocabulary(app), port=port, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event for it
        await asyncio.sleep(0.01)
    tell(" ".join(map(generate_csrf_token, topics)))
    await asyncio.gather(serving, read_lines())


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2:]))
