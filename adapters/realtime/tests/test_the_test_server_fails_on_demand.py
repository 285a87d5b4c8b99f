"""The test server: its sockets in memory, its faults, and its life as a process."""

import json
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)

from directive_trio_realtime import ClientCodec, Frame
from directive_trio_realtime._frames import USER_PUSH, Version, packed
from directive_trio_realtime.testing import RealtimeServer, open_server
from directive_trio_realtime.testing import __main__ as program
from directive_trio_realtime.testing._filters import passes

CONFIG = {
    "broadcast": {"ack": False, "self": True},
    "presence": {"enabled": True, "key": "me"},
    "postgres_changes": [{"event": "*", "schema": "public", "table": "todos", "filter": "id=lt.5"}],
}


class Visitor:
    """A client that says exactly what it is told."""

    def __init__(self, connection: WebSocketConnection, version: Version) -> None:
        self.connection = connection
        self.codec = ClientCodec(version)
        self.refs = 0

    async def say(self, event: str, payload: Any, topic: str = "realtime:room") -> None:
        self.refs += 1
        await self.connection.send_message(self.codec.encode(Frame(topic, event, payload, str(self.refs), "1")))

    async def hear(self) -> Frame:
        return self.codec.decode(await self.connection.get_message())

    async def hear_events(self, count: int) -> list[str]:
        return [(await self.hear()).event for _ in range(count)]

    async def join(self, config: Any = None) -> None:
        await self.say("phx_join", {"config": CONFIG if config is None else config})
        assert (await self.hear()).payload["status"] == "ok"


@asynccontextmanager
async def visit(server: RealtimeServer, version: Version = "2.0.0", query: str = "apikey=k") -> AsyncIterator[Visitor]:
    """A client of the server, over a stream in memory."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.attend, theirs)
        connection = await wrap_client_stream(
            nursery, cast("Any", ours), "test", f"/socket/websocket?{query}&vsn={version}"
        )
        yield Visitor(connection, version)
        nursery.cancel_scope.cancel()


@pytest.fixture
def server() -> RealtimeServer:
    """A server without a port."""
    return RealtimeServer()


async def test_changes_go_to_whoever_asked_for_them(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """By table, kind and filter; each says how many were told."""
    async with visit(server) as visitor:
        await visitor.join()
        assert await visitor.hear_events(2) == ["presence_state", "system"]
        assert server.change("todos", record={"id": 7}) == 0
        assert server.change("others", record={"id": 1}) == 0
        assert server.change("todos", "DELETE", old_record={"id": 1}) == 1
        assert server.change("todos", "UPDATE", record={"id": 2}, old_record={"id": 2}) == 1
        kinds = [(await visitor.hear()).payload["data"]["type"] for _ in range(2)]
        assert kinds == ["DELETE", "UPDATE"]


async def test_a_channel_can_be_ended_in_every_way(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """Closed, crashed, expired, and filled with whatever one likes."""
    async with visit(server) as visitor:
        for end, events in (
            (server.close, ["phx_close"]),
            (server.crash, ["phx_error"]),
            (server.expire, ["system", "phx_close"]),
        ):
            await visitor.join({})
            assert server.members("room") == 1
            end("room")
            assert await visitor.hear_events(len(events)) == events
            assert server.members("room") == 0
        await visitor.join({})
        server.send("room", "odd", {"a": 1})
        server.broadcast("room", "e", 1, number="m1")
        server.broadcast("room", "e", 1)
        server.stream("room")
        assert await visitor.hear_events(4) == ["odd", "broadcast", "broadcast", "system"]


async def test_joins_are_refused_on_demand_and_for_cause(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """The next ones with a reason of one's own; without a config always."""
    server.refuse_joins("RealtimeRestarting: soon", times=2)
    async with visit(server) as visitor:
        for config in (CONFIG, CONFIG, 5):
            await visitor.say("phx_join", {"config": config})
        reasons = [(await visitor.hear()).payload["response"]["reason"] for _ in range(3)]
        assert reasons == ["RealtimeRestarting: soon"] * 2 + ["InvalidJoinPayload: there is no config"]


async def test_presence_is_told_to_those_who_asked(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """Come, changed, gone; the same twice is nothing; whoever vanishes has left."""
    async with visit(server) as visitor, visit(server) as other:
        await visitor.join()
        await visitor.hear_events(2)
        await other.join({"broadcast": {"self": True}})
        for payload in ({"n": 1}, {"n": 1}, {"n": 2}):
            await visitor.say("presence", {"event": "track", "payload": payload})
        await visitor.say("presence", {"event": "untrack"})
        await visitor.say("presence", {"event": "untrack"})
        frames = [await visitor.hear() for _ in range(9)]
        told = [frame.payload for frame in frames if frame.event == "presence_diff"]
        assert [(len(one["joins"]), len(one["leaves"])) for one in told] == [(1, 0), (1, 1), (0, 1), (0, 0)]
        await other.say("presence", {"event": "track", "payload": {"n": 3}})
        joined = await visitor.hear()
        await other.connection.aclose()
        left = await visitor.hear()
        assert joined.payload["joins"] == left.payload["leaves"]
        async with visit(server) as third:
            await visitor.say("presence", {"event": "track", "payload": {"n": 4}})
            await visitor.hear_events(2)
            await third.join()
            assert [meta["n"] for meta in (await third.hear()).payload["me"]["metas"]] == [4]


async def test_a_binary_broadcast_goes_out_as_it_came_in(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """JSON to everybody, bytes to those who speak version 2; what is in kind 0 as it is."""
    async with visit(server) as sender, visit(server, "1.0.0") as old, visit(server) as new:
        for visitor in (sender, old, new):
            await visitor.join({"broadcast": {"self": False}})
        for encoding, content in ((0, b"\x00"), (1, b'{"a":1}')):
            await sender.connection.send_message(
                packed(USER_PUSH, ["1", "5", "realtime:room", "e", ""], content, encoding)
            )
        await sender.say("broadcast", b"plain")
        assert [(await new.hear()).payload for _ in range(3)] == [
            {"type": "broadcast", "event": "e", "payload": b"\x00"},
            {"type": "broadcast", "event": "e", "payload": {"a": 1}},
            b"plain",
        ]
        assert (await old.hear()).payload == {"type": "broadcast", "event": "e", "payload": {"a": 1}}


async def test_nonsense_in_a_frame_harms_nobody(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """The server reads what it can, as the real one does."""
    async with visit(server) as visitor:
        await visitor.join({"postgres_changes": [5, None], "presence": 5, "broadcast": []})
        await visitor.join({"postgres_changes": 5, "presence": {"enabled": True, "key": 5}})
        assert await visitor.hear_events(2) == ["phx_close", "presence_state"]
        await visitor.say("broadcast", 5)
        await visitor.say("presence", 5)
        await visitor.say("presence", {"event": "track", "payload": [1]})
        assert await visitor.hear_events(3) == ["phx_reply", "presence_diff", "phx_reply"]


async def test_what_needs_no_answer_gets_none(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """A token, and what nobody knows."""
    async with visit(server) as visitor:
        await visitor.join({})
        await visitor.say("access_token", {"access_token": "x"})
        await visitor.say("odd", {})
        await visitor.say("heartbeat", {}, topic="phoenix")
        assert (await visitor.hear()).topic == "phoenix"


@pytest.mark.parametrize(("word", "code"), [("disconnect", 1011), ("drain", 1012)])
async def test_connections_are_closed_on_demand(
    autojump_clock: MockClock, server: RealtimeServer, word: str, code: int
) -> None:
    """With the code that a real server was seen to use."""
    async with visit(server) as visitor:
        await visitor.join({})
        assert (server.connections, server.open_connections) == (1, 1)
        getattr(server, word)()
        with pytest.raises(ConnectionClosed) as caught:
            await visitor.hear()
        assert caught.value.reason is not None
        assert caught.value.reason.code == code
        await trio.lowlevel.checkpoint()
    assert (server.members("room"), server.open_connections) == (0, 0)


async def test_a_malformed_frame_ends_the_connection(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """As the recorded server did."""
    async with visit(server) as visitor:
        await visitor.connection.send_message("{not json")
        with pytest.raises(ConnectionClosed) as caught:
            await visitor.hear()
        assert caught.value.reason is not None
        assert caught.value.reason.code == 1011


async def test_a_killed_connection_says_no_goodbye(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """The peer sees it end."""
    async with visit(server) as visitor:
        await visitor.join({})
        server.kill()
        with pytest.raises(ConnectionClosed) as caught:
            await visitor.hear()
        assert caught.value.reason is not None
        assert caught.value.reason.code == 1006


@pytest.mark.parametrize("is_frozen", [True, False])
async def test_a_client_that_goes_before_its_handshake_leaves_nothing(
    autojump_clock: MockClock, server: RealtimeServer, is_frozen: bool
) -> None:
    """Whether the server would have answered or not."""
    if is_frozen:
        server.freeze()
    for said in (b"", b"GET /socket/websocket?apikey=k HTTP/1.1\r\nHost: test\r\n"):
        ours, theirs = memory_stream_pair()
        with trio.fail_after(1):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(server.attend, theirs)
                if said:
                    await ours.send_all(said)
                await ours.aclose()
    assert server.open_connections == 0


async def test_a_frozen_server_says_nothing(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """Not to those it knows, nor to those that come; thawed, it goes on from there."""
    async with visit(server) as visitor:
        await visitor.join({})
        server.freeze()
        server.send("room", "lost", {})
        with trio.move_on_after(10):
            async with visit(server):
                raise AssertionError("there must be no handshake")
        await visitor.say("heartbeat", {}, topic="phoenix")
        await trio.sleep(10)
        server.thaw()
        await visitor.say("heartbeat", {}, topic="phoenix")
        assert (await visitor.hear()).ref == "3"


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        ("", 401, {"error": "API key is missing"}),
        ("apikey=wrong", 401, {"error": "The token provided is not a valid JWT"}),
        ("apikey=right&vsn=9.9.9", 403, None),
    ],
)
async def test_a_handshake_is_refused_for_cause(
    autojump_clock: MockClock, query: str, status: int, body: object
) -> None:
    """With the status and the words of the real one."""
    with pytest.raises(ExceptionGroup) as caught:
        async with visit(RealtimeServer(apikey="right"), query=query):
            raise AssertionError("there must be no handshake")
    (refused,) = caught.value.exceptions
    assert isinstance(refused, ConnectionRejected)
    assert refused.status_code == status
    assert (json.loads(refused.body) if refused.body else None) == body


async def test_a_handshake_is_refused_on_demand(autojump_clock: MockClock, server: RealtimeServer) -> None:
    """Once, and the next one is welcome."""
    server.refuse_connections(429, "Too many connected users")
    with pytest.raises(ExceptionGroup) as caught:
        async with visit(server):
            raise AssertionError("there must be no handshake")
    (refused,) = caught.value.exceptions
    assert isinstance(refused, ConnectionRejected)
    assert (refused.status_code, refused.body) == (429, b'{"error": "Too many connected users"}')
    async with visit(server) as visitor:
        await visitor.join({})


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ("", True),
        ("id=eq.3", True),
        ("id=neq.3", False),
        ("id=lte.3,name=eq.x", True),
        ("id=gt.3", False),
        ("id=in.(1,2,3)", True),
        ("id=in.(1,2)", False),
        ("id=eq.x", False),
        ("id=like.3", False),
        ("other=eq.3", False),
    ],
)
def test_filters_are_kept(conditions: str, fits: bool) -> None:
    """Those that every version of the real server knows; others hold for no row."""
    assert passes(conditions, {"id": 3, "name": "x"}) is fits


def test_a_server_on_a_port_is_killed_with_a_reset() -> None:
    """Real sockets, and no port is left open."""

    async def main() -> str:
        with trio.fail_after(10):
            async with open_server(apikey="k") as server:
                parts = urlsplit(server.url)
                stream = await trio.open_tcp_stream(str(parts.hostname), int(parts.port or 0))
                async with stream, trio.open_nursery() as nursery:
                    connection = await wrap_client_stream(nursery, stream, "test", f"{parts.path}?apikey=k")
                    await connection.send_message('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}')
                    await connection.get_message()
                    server.kill()
                    with pytest.raises(ConnectionClosed):
                        await connection.get_message()
        return server.url

    parts = urlsplit(trio.run(main, clock=MockClock(rate=1.0)))
    with pytest.raises(OSError):  # noqa: PT011 - the system has its own words for it
        socket.create_connection((parts.hostname, parts.port))


def test_the_words_of_the_process_are_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As below, without the process: where the input ends, the server goes on."""
    reading, writing = os.pipe()
    os.write(writing, b'["members", "room"]\n["kill"]\nrest')
    os.close(writing)

    scope = trio.CancelScope()
    say = program.say
    lines = iter(range(3))

    def say_and_count(line: str) -> None:
        say(line)
        if next(lines) == 2:
            scope.cancel()

    async def main() -> None:
        with trio.fail_after(30), scope:
            await program.main([])

    monkeypatch.setattr(program, "say", say_and_count)
    with open(reading, encoding="utf-8") as given:  # noqa: PTH123 - it is a file descriptor
        monkeypatch.setattr(sys, "stdin", given)
        trio.run(main, clock=MockClock(rate=1.0))
    address, *answers = capsys.readouterr().out.splitlines()
    assert address.startswith("ws://127.0.0.1:")
    assert answers == ["ok 0", "ok"]
    monkeypatch.setattr(sys, "argv", ["testing", "--help"])
    monkeypatch.delitem(sys.modules, program.__name__)
    with pytest.raises(SystemExit):
        runpy.run_module("directive_trio_realtime.testing", run_name="__main__")


def test_an_order_is_obeyed_or_answered() -> None:
    """No word, no such word, no such arguments."""
    server = RealtimeServer()
    assert program.obey(server, '["refuse_joins", "x", {"times": 2}]') == "ok"
    assert program.obey(server, '["destroy"]').startswith("error: there is no word 'destroy'")
    assert program.obey(server, '["crash"]').startswith("error: ")
    assert program.obey(server, "no json").startswith("error: ")


def test_the_process_prints_its_address_and_obeys() -> None:
    """One line for each word; a word it does not know is named, and it goes on."""
    command = [sys.executable, "-m", "directive_trio_realtime.testing", "--apikey", "k"]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=paths, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ws://127.0.0.1:")
            said = ['["crash", "room"]', '["members", "room"]', '["refuse_joins", "x", {"times": 2}]']
            said += ['["destroy"]', '["crash"]', "no json"]
            process.stdin.write("\n".join(said) + "\n")
            process.stdin.flush()
            answers = [process.stdout.readline().strip() for _ in said]
        finally:
            process.kill()
    assert answers[:3] == ["ok", "ok 0", "ok"]
    assert [answer.split(":")[0] for answer in answers[3:]] == ["error"] * 3
