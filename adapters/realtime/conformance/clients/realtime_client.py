"""``realtime``, the official Python client, as its documentation says to use it. Argument: the address.

It runs on asyncio, in an environment of its own, and speaks version 1 only.
"""

import asyncio
import json
import sys
from typing import Any

from realtime import AsyncRealtimeClient
from realtime.types import RealtimeAcknowledgementStatus

SAID = {"SUBSCRIBED": "joined", "CHANNEL_ERROR": "errored", "CLOSED": "closed", "TIMED_OUT": "late"}


def tell(*words: Any) -> None:
    """What was seen, on a line."""
    said = [word if isinstance(word, str) else json.dumps(word, separators=(",", ":")) for word in words]
    sys.stdout.write(" ".join(said) + "\n")
    sys.stdout.flush()


class Judge:
    """Does what it is told, a command a line."""

    def __init__(self, address: str) -> None:
        self.client = AsyncRealtimeClient(address.removesuffix("/websocket"), "key", initial_backoff=0.05)
        self.channel: Any = None

    async def join(self) -> None:
        presence = {"enabled": True, "key": "k1"}
        config = {"broadcast": {"ack": True, "self": True}, "presence": presence, "private": False}
        self.channel = self.client.channel("room1", {"config": config})
        self.channel.on_broadcast("e", lambda said: tell("broadcast", said["event"], said["payload"]))
        self.channel.on_presence_sync(self.present)
        self.channel.on_postgres_changes(
            "*",
            lambda change: tell("change", change["data"]["type"], change["data"]["record"]),
            table="todos",
            schema="public",
        )
        self.channel.on_system(lambda said: tell("system", said.status, said.message))
        await self.channel.subscribe(lambda status, _error: tell(SAID[str(status.value)]))

    def present(self) -> None:
        state = self.channel.presence_state()
        tell("present", " ".join(f"{key}:{'+'.join(str(meta['n']) for meta in metas)}" for key, metas in state.items()))

    async def broadcast(self, event: str, payload: Any) -> None:
        push = await self.channel.push("broadcast", {"type": "broadcast", "event": event, "payload": payload})
        push.receive(RealtimeAcknowledgementStatus.Ok, lambda *_: tell("acknowledged", "ok"))

    async def track(self, payload: dict[str, Any]) -> None:
        await self.channel.track(payload)
        tell("tracked", "ok")

    async def leave(self) -> None:
        await self.channel.unsubscribe()
        tell("left", "ok")

    async def quit(self) -> None:
        await self.client.close()
        sys.exit(0)


async def main() -> None:
    """Obey until told to quit."""
    judge = Judge(sys.argv[1])
    while line := await asyncio.to_thread(sys.stdin.readline):
        word, *given = json.loads(line)
        await getattr(judge, word)(*given)


asyncio.run(main())
