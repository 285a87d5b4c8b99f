"""TLS between the feed and its server: a layer that has buffers and a goodbye of its own changes no promise."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.websocket.tests.memory_server import URL, Gap, MemoryServer, Price, feed_module, price
from directive_trio import ErrorBoundary, Module, System, open_system
from directive_trio_websocket import (
    Address,
    Connection,
    Transport,
    TrioWebsocketTransport,
    json_events,
    websocket_source,
)
from directive_trio_websocket.errors import NotConnectedError
from directive_trio_websocket.websockets import WebsocketsTransport

BOTH = pytest.mark.parametrize(
    "transport", [TrioWebsocketTransport(), WebsocketsTransport()], ids=["trio", "websockets"]
)


class SecureServer(MemoryServer):
    """A server that has a certificate."""

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__(nursery)
        authority = trustme.CA()
        self._server, self.client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
        authority.issue_cert("feed.test").configure_cert(self._server)
        authority.configure_trust(self.client)

    async def open_stream(self, address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
        stream = await super().open_stream(address, context)
        secure = trio.SSLStream(stream, context or self.client, server_hostname=address.host, https_compatible=True)
        await secure.do_handshake()
        return secure

    async def _serve(self, stream: trio.abc.Stream) -> None:
        await super()._serve(trio.SSLStream(stream, self._server, server_side=True, https_compatible=True))


@asynccontextmanager
async def open_secure_feed(
    transport: Transport, **options: Any
) -> AsyncIterator[tuple[SecureServer, System, Module[Any], Connection, list[str]]]:
    """Run a program that listens to a server with a certificate; answers its errors too."""
    async with trio.open_nursery() as nursery:
        server, errors = SecureServer(nursery), list[str]()
        feed = websocket_source(
            URL,
            decode=json_events([Price]),
            gap=Gap,
            open_stream=server.open_stream,
            transport=transport,
            chance=lambda: 0.0,
            **options,
        )
        module = feed_module(feed)
        async with open_system(
            module, errors=ErrorBoundary(on_error=lambda error, _: errors.append(str(error)))
        ) as system:
            yield server, system, module, feed.connection, errors
        nursery.cancel_scope.cancel()


@BOTH
@pytest.mark.parametrize("how", ["stop", "evict"])
@pytest.mark.parametrize("stuck", [False, True], ids=["free", "stuck"])
async def test_the_end_is_as_without_it(stuck: bool, how: str, transport: Transport, autojump_clock: MockClock) -> None:
    """A goodbye at once, or by its deadline where a frame is stuck; the stream is closed, and who sends hears of it."""
    async with open_secure_feed(transport, close_timeout=2) as (server, system, _, sender, errors):
        await server.accepted.receive()
        await wait_all_tasks_blocked()

        async def send() -> None:
            with pytest.raises(NotConnectedError):
                await sender.send("x")

        async with trio.open_nursery() as nursery:
            if stuck:
                server.near[0].hold()
                nursery.start_soon(send)
                nursery.start_soon(send)
                await wait_all_tasks_blocked()
            if how == "stop":
                await system.stop_async()
            else:
                assert (await system.evict(trio.current_time() + 5)).clean
            assert trio.current_time() == (2 if stuck else 0)
        assert server.near[0].is_closed
        assert errors == []


@BOTH
@pytest.mark.parametrize("silent", [False, True], ids=["broken", "silent"])
async def test_a_loss_is_as_without_it(silent: bool, transport: Transport, autojump_clock: MockClock) -> None:
    """Noticed at once or by the missing pong, reported, and followed by a gap."""
    async with open_secure_feed(transport, ping_interval=10, pong_timeout=4) as (server, system, module, _, errors):
        await (await server.accepted.receive()).send_message(price(1))
        await wait_all_tasks_blocked()
        if silent:
            server.far[0].hold()
        else:
            await trio.aclose_forcefully(server.far[0])
        await (await server.accepted.receive()).send_message(price(2))
        await wait_all_tasks_blocked()
        why = "no pong within 4 s" if silent else "closed with 1006"
        assert system[module].events == (Price(1), Gap(why, 0.5), Price(2))
        assert errors == [why]
        assert server.near[0].is_closed
