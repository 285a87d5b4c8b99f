"""What a message becomes, and what becomes of one that cannot be understood: reported, dropped, and on we go."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.websocket.tests.memory_server import Gap, Price, open_feed, price
from directive_trio_websocket import Decoded, json_events

DEEP = "[" * 100_000


async def test_json_is_structured_by_the_system_strictly(autojump_clock: MockClock) -> None:
    """What does not fit the class is a drop with a reason, not an error of the connection."""
    async with open_feed() as feed:
        connection = await feed.accept()
        for message in (price(1), '{"type": "Price", "cents": "2"}', '{"type": "Price", "euros": 2}', price(3)):
            await connection.send_message(message)
        await wait_all_tasks_blocked()
        assert feed.events == (Price(1), Price(3))
        (seen,) = feed.system.inspect().sources
        assert (seen.publish_count, seen.drop_count, seen.last_drop_reason) == (2, 2, "bad_payload")
        assert feed.errors == []


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("hello", "MessageError: JSONDecodeError: Expecting value: line 1 column 1 (char 0) in a message of 5 that "),
        (DEEP, "MessageError: RecursionError: "),
        (
            "[1, 2]",
            "MessageError: ValueError: no JSON object with a field 'type' in a message of 6 that begins '[1, 2]'",
        ),
        ('{"x": 1}', "MessageError: ValueError: no JSON object with a field 'type'"),
        ('{"type": "Nope"}', "MessageError: ValueError: 'Nope' is no event of this feed"),
        ('{"type": ["x"]}', "MessageError: TypeError: "),
        (b"\xff\xfe\x00\x01", "MessageError: JSONDecodeError: "),
    ],
    ids=["text", "deep", "list", "untagged", "unknown", "unhashable", "binary"],
)
async def test_a_message_that_cannot_be_decoded_is_reported_and_dropped(
    message: str | bytes, error: str, autojump_clock: MockClock
) -> None:
    """The connection goes on: the next one is heard."""
    async with open_feed() as feed:
        connection = await feed.accept()
        await connection.send_message(message)
        await connection.send_message(price(1))
        await wait_all_tasks_blocked()
        assert feed.events == (Price(1),)
        (reported,) = feed.errors
        assert reported.startswith(error)
        assert feed.server.attempts == [0]


@pytest.mark.parametrize("answer", [(), ("Price", {"cents": 1}, "more"), (Price(1), Price(2)), ({"cents": 1}, "Price")])
async def test_an_answer_of_decode_that_cannot_be_published_is_reported_and_dropped(
    answer: Any, autojump_clock: MockClock
) -> None:
    """It costs no more than the message."""
    answers = iter([answer, Price(1)])
    async with open_feed(decode=lambda _message: next(answers)) as feed:
        connection = await feed.accept()
        await connection.send_message("first")
        await connection.send_message("second")
        await wait_all_tasks_blocked()
        assert feed.events == (Price(1),)
        (reported,) = feed.errors
        assert reported.startswith("MessageError: ")
        assert feed.server.attempts == [0]


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnprintableError(), "UnprintableError: what it says cannot be printed in a message of 5 that begins 'hello'"),
        (ValueError("x" * 10_000), f"ValueError: {'x' * 300}… in a message of 5 that begins 'hello'"),
        (ValueError(), "ValueError in a message of 5 that begins 'hello'"),
    ],
    ids=["unprintable", "long", "silent"],
)
async def test_decode_may_raise_anything(error: Exception, told: str, autojump_clock: MockClock) -> None:
    """What it says is told in bounds, for it may repeat all that came; the connection goes on."""

    def decode(message: str | bytes) -> Decoded:
        if message == "hello":
            raise error
        return Price(1)

    async with open_feed(decode=decode) as feed:
        connection = await feed.accept()
        await connection.send_message("hello")
        await connection.send_message("price")
        await wait_all_tasks_blocked()
        assert feed.events == (Price(1),)
        assert feed.errors == [f"MessageError: {told}"]
        assert feed.server.attempts == [0]


async def test_an_ignored_tag_means_nothing(autojump_clock: MockClock) -> None:
    """Neither an event nor an error."""
    async with open_feed(decode=json_events([Price], tag="t", ignore=["Hello"])) as feed:
        connection = await feed.accept()
        await connection.send_message('{"t": "Hello"}')
        await connection.send_message('{"t": "Price", "cents": 4}')
        await wait_all_tasks_blocked()
        assert (feed.events, feed.errors) == ((Price(4),), [])


@pytest.mark.parametrize(
    ("decoded", "events"),
    [
        (Price(1), (Price(1),)),
        (("Price", {"cents": 2}), (Price(2),)),
        ([Price(1), Price(2)], (Price(1), Price(2))),
        ([("Price", {"cents": 1}), Price(2)], (Price(1), Price(2))),
        ([], ()),
        (None, ()),
    ],
    ids=["event", "named", "several", "several named", "none of many", "nothing"],
)
async def test_decode_answers_one_event_or_several_or_none(
    decoded: Decoded,
    events: tuple[Any, ...],
    autojump_clock: MockClock,
) -> None:
    """Events themselves, or the name of one with its fields."""

    def decode(message: str | bytes) -> Decoded:
        return decoded

    async with open_feed(decode=decode) as feed:
        await (await feed.accept()).send_message(b"x")
        await wait_all_tasks_blocked()
        assert feed.events == events


async def test_a_message_that_is_too_long_ends_the_connection_with_1009(autojump_clock: MockClock) -> None:
    """It is not even kept; the next connection begins with the gap."""
    async with open_feed(max_message_size=1000, gap=Gap) as feed:
        connection = await feed.accept()
        await connection.send_message("x" * 1001)
        await feed.accept()
        await wait_all_tasks_blocked()
        assert connection.closed is not None
        assert connection.closed.code == 1009
        (gap,) = feed.events
        assert isinstance(gap, Gap)
        assert gap.reason.startswith("closed with 1009")


async def test_frames_that_break_the_protocol_end_the_connection(autojump_clock: MockClock) -> None:
    """Random bytes are no frames."""
    async with open_feed(gap=Gap) as feed:
        await feed.accept()
        await feed.server.far[0].send_all(bytes(range(255, 0, -1)))
        await feed.accept()
        assert len(feed.errors) == 1
        assert feed.errors[0].startswith("ClosedError: closed with ")


async def test_a_stream_is_taken_in_groups(autojump_clock: MockClock) -> None:
    """One pass for many: when the buffer was filled in no time, what comes within a millisecond is taken together."""
    async with open_feed(buffer=10) as feed:
        connection = await feed.accept()
        for cents in range(15):
            await connection.send_message(price(cents))
        await wait_all_tasks_blocked()
        assert len(feed.events) == 10
        await trio.sleep(0.001)
        await wait_all_tasks_blocked()
        assert feed.events == tuple(Price(cents) for cents in range(15))
        passes = [told for told in feed.log if told.type == "reconcile.end" and told.time > 0]
        assert len(passes) == 1


async def test_a_stream_that_slows_down_is_none(autojump_clock: MockClock) -> None:
    """Then each message is taken as it comes again."""
    async with open_feed(buffer=3) as feed:
        connection = await feed.accept()
        for cents in range(3):
            await connection.send_message(price(cents))
        for cents in range(3, 7):
            await trio.sleep(1)
            await connection.send_message(price(cents))
        await wait_all_tasks_blocked()
        assert feed.events == tuple(Price(cents) for cents in range(7))


async def test_a_stream_that_breaks_off_loses_nothing_that_came(autojump_clock: MockClock) -> None:
    """A group that was being gathered is taken, and then comes the gap."""
    async with open_feed(buffer=4, gap=Gap) as feed:
        connection = await feed.accept()
        for cents in range(7):
            await connection.send_message(price(cents))
        await connection.aclose()
        await feed.accept()
        await wait_all_tasks_blocked()
        assert feed.events == (*(Price(cents) for cents in range(7)), Gap("closed with 1000", 0.5))
