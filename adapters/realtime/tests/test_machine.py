"""The machine: everything that the list of failures does not name."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.realtime.tests.conversation import Conversation, token_until
from directive_trio_realtime import ChannelOptions, Frame, Machine, Patience, PostgresChanges, ServerCodec, address
from directive_trio_realtime._connection import Stage
from directive_trio_realtime._options import Backoff
from directive_trio_realtime._outputs import (
    Broadcast,
    Dial,
    FetchToken,
    Gap,
    GivenUp,
    Joined,
    Left,
    Live,
    Lost,
    PostgresChange,
    Presences,
    Problem,
    Rejected,
)
from directive_trio_realtime._token import expiry_of
from directive_trio_realtime.errors import Cause, LimitError, NotJoinedError, ProtocolError, RefusedError

TODOS = PostgresChanges(table="todos")
WATCHING = ChannelOptions(postgres_changes=[TODOS])
ROW: dict[str, Any] = {
    "schema": "public",
    "table": "todos",
    "type": "INSERT",
    "record": {"id": 1},
    "commit_timestamp": "now",
}
QUIET = Patience(heartbeat=100_000)


# -- the connection ------------------------------------------------------------------------------------------


def test_the_address_names_key_and_version() -> None:
    """Whatever stood in the query stays."""
    assert address("ws://h/socket", "k k", "2.0.0") == "ws://h/socket?apikey=k+k&vsn=2.0.0"
    assert address("ws://h/socket?a=b", None, "1.0.0") == "ws://h/socket?a=b&vsn=1.0.0"
    for wrong in ("https://h/socket", "h/socket", "ws://"):
        with pytest.raises(ValueError, match="begins with ws"):
            address(wrong, None, "2.0.0")


@pytest.mark.parametrize(("status", "cause"), [(401, Cause.FATAL), (403, Cause.FATAL), (404, Cause.FATAL)])
def test_a_refusal_that_will_not_change_gives_up(status: int, cause: Cause) -> None:
    """Each channel is told; a later wish dials again."""
    talk = Conversation()
    talk.join()
    talk.machine.refused(status, '{"error":"API key is missing"}', talk.now)
    talk.machine.refused(status, "said twice", talk.now)
    (given_up,) = talk.all_told(GivenUp)
    assert given_up.error.cause is cause
    assert "API key is missing" in str(given_up.error)
    talk.join()
    assert len(talk.all_told(Dial)) == 2


@pytest.mark.parametrize(("status", "seconds"), [(429, 90.75), (500, 0.75)])
def test_a_refusal_that_may_change_is_tried_again(status: int, seconds: float) -> None:
    """After a long pause when it was too much."""
    talk = Conversation()
    talk.join()
    talk.machine.refused(status, "", talk.now)
    assert talk.machine.next_deadline - talk.now == seconds
    talk.wait(seconds)
    assert len(talk.all_told(Dial)) == 2


def test_what_no_longer_counts_changes_nothing() -> None:
    """Words about a socket that is not there."""
    talk = Conversation()
    talk.machine.opened(talk.now)
    talk.machine.lost("nothing", talk.now)
    talk.machine.failed("nothing", talk.now)
    talk.machine.receive("[]", talk.now)
    assert (talk.look(), talk.machine.stage) == ([], Stage.IDLE)


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """Empty, or longer than its length byte can say."""
    with pytest.raises(ValueError, match="1 to 246 bytes"):
        Conversation().join(name=name)


def test_what_cannot_be_said_is_refused_when_it_is_asked_for() -> None:
    """Not in the middle of a reconnect."""
    talk = Conversation()
    with pytest.raises(LimitError):
        talk.join(ChannelOptions(presence_key="\ud800"))
    talk.join(ChannelOptions(presence=True))
    with pytest.raises(LimitError):
        talk.machine.track("room", {"a": {1}}, talk.now)
    with pytest.raises(NotJoinedError, match="no channel 'other'"):
        talk.machine.broadcast("other", "e", {}, talk.now)


def test_presence_must_be_asked_for() -> None:
    """Or nobody would ever be told who is there."""
    talk = Conversation().in_room()
    with pytest.raises(ValueError, match="presence=True"):
        talk.machine.track("room", {}, talk.now)


def test_an_unused_connection_that_is_wanted_again_stays() -> None:
    """Between leaving one channel and joining the next, the socket is kept for a while."""
    talk = Conversation().in_room()
    talk.machine.leave("room", talk.now)
    talk.reply(talk.last("phx_leave"))
    talk.wait(3)
    talk.join(name="other")
    talk.wait(10)
    assert not talk.hung_up()
    assert len(talk.all_told(Dial)) == 1


def test_nobody_dials_for_nobody() -> None:
    """A channel left while the connection is away."""
    talk = Conversation(patience=Patience(idle=100)).in_room()
    talk.machine.lost("code 1006", talk.now)
    talk.machine.leave("room", talk.now)
    talk.wait(1000)
    assert talk.machine.stage is Stage.IDLE
    assert (len(talk.all_told(Dial)), talk.hung_up()) == (1, [])


def test_a_channel_left_with_the_connection_is_left() -> None:
    """The goodbye was on its way when the socket went."""
    talk = Conversation().in_room()
    talk.machine.leave("room", talk.now)
    talk.machine.lost("code 1006", talk.now)
    assert talk.all_told(Left) == [Left("room")]


@pytest.mark.parametrize(
    "received", ["{", '[null,null,"realtime:room","broadcast",5]', '[null,null,"realtime:room","phx_reply",5]']
)
def test_what_cannot_be_read_is_a_problem_and_a_gap_and_no_more(received: str) -> None:
    """The connection goes on; a channel that is live may have missed something."""
    talk = Conversation().in_room()
    talk.machine.receive(received, talk.now)
    (problem,), (gap,) = talk.all_told(Problem), talk.all_told(Gap)
    assert isinstance(problem.error, ProtocolError)
    assert gap.since == gap.until == talk.now
    assert not talk.hung_up()


def test_before_a_channel_is_live_there_is_no_gap() -> None:
    """There was nothing to miss."""
    talk = Conversation()
    talk.join()
    talk.open()
    talk.machine.receive("{", talk.now)
    talk.machine.lost("code 1006", talk.now)
    talk.reopen()
    talk.accept_join()
    assert (talk.all_told(Gap), talk.all_told(Lost)) == ([], [])


@pytest.mark.parametrize(
    ("topic", "event", "ref"),
    [("realtime:other", "broadcast", None), ("room", "broadcast", None), ("phoenix", "phx_reply", "77")],
)
def test_frames_for_nobody_are_dropped(topic: str, event: str, ref: str | None) -> None:
    """Another topic, a topic without its prefix, an answer to no heartbeat."""
    talk = Conversation().in_room()
    told = list(talk.told)
    talk.hear(topic, event, {"type": "broadcast", "event": "e", "payload": 1}, ref)
    assert talk.told == told


def test_a_slow_answer_to_a_heartbeat_is_waited_for() -> None:
    """No second beat is sent over one that is open."""
    talk = Conversation(patience=Patience(heartbeat=10, heartbeat_answer=35)).in_room()
    talk.wait(31)
    assert len(talk.all_sent("heartbeat")) == 1
    talk.reply(talk.last("heartbeat"))
    talk.wait(10)
    assert len(talk.all_sent("heartbeat")) == 2


# -- tokens --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "expiry"),
    [
        (token_until(5), 5.0),
        ("opaque", None),
        ("a.b.c", None),
        ("e30.W10.x", None),
        ("e30.e30.x", None),
        ("e30.eyJleHAiOnRydWV9.x", None),
        ("a.\u00e9.c", None),
    ],
)
def test_a_token_may_say_when_it_ends(token: str, expiry: float | None) -> None:
    """Or say nothing, or be no such token."""
    assert expiry_of(token) == expiry


def test_a_token_that_cannot_be_had_is_asked_for_again() -> None:
    """After a backoff, and told; so is one that is no text for a header."""
    talk = Conversation(token="")
    talk.join()
    talk.open()
    talk.machine.token_failed("the server of tokens is down", talk.now)
    talk.wait(1)
    talk.machine.token_fetched("\u00e9", talk.now)
    talk.wait(2)
    assert len(talk.all_told(FetchToken)) == 3
    talk.wait(10)
    assert len(talk.all_told(FetchToken)) == 3
    talk.wait(3)
    assert len(talk.all_told(FetchToken)) == 4
    assert len([problem for problem in talk.all_told(Problem) if problem.topic is None]) == 3
    assert not talk.all_sent("phx_join")


def test_a_refresh_that_fails_is_tried_again_and_the_channel_stays() -> None:
    """The old token holds for a while."""
    talk = Conversation(token="x", patience=QUIET)
    talk.token = token_until(talk.wall + 100 + 1000)
    talk.in_room()
    talk.token = None
    talk.wait(940)
    talk.machine.token_failed("down", talk.now)
    talk.token = token_until(talk.wall + 10_000)
    talk.wait(1)
    assert len(talk.all_sent("access_token")) == 1
    assert len(talk.all_sent("phx_join")) == 1


def test_a_token_for_nobody_is_kept() -> None:
    """It came while the channel waits for its backoff; a token that is the same is not sent again."""
    talk = Conversation(token="x").in_room()
    talk.machine.token_fetched("x", talk.now)
    talk.close_channel("phx_error")
    talk.machine.token_fetched("y", talk.now)
    talk.machine.token_failed("too late", talk.now)
    assert not talk.all_sent("access_token")
    talk.machine.leave("room", talk.now)
    talk.machine.ask_token(talk.now)
    assert len(talk.all_told(FetchToken)) == 1


def test_what_is_overdue_at_once_is_done_in_its_order() -> None:
    """A heartbeat that failed ends the connection; the refresh that was due after it is not for this one."""
    talk = Conversation(token="x")
    talk.token = token_until(talk.wall + 100 + 120)
    talk.in_room()
    talk.wait(26)
    talk.pause(1000)
    assert len(talk.all_told(FetchToken)) == 1
    assert talk.hung_up()


def test_what_is_overdue_in_a_channel_is_done_in_its_order() -> None:
    """One that never streamed is joined again, and then has nothing to track yet."""
    talk = Conversation(patience=QUIET)
    talk.join(ChannelOptions(presence=True, postgres_changes=[TODOS]))
    talk.open()
    talk.accept_join(streams=False)
    talk.wait(10)
    for number in range(6):
        talk.machine.track("room", {"n": number}, talk.now)
    talk.pause(1000)
    assert len(talk.all_sent("presence")) == 5
    talk.wait(1)
    talk.accept_join()
    assert len(talk.all_sent("presence")) == 6


# -- the channel ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Unauthorized: You do not have permissions to read from this Channel topic", Cause.FATAL),
        ("JwtSignatureError: Failed to validate JWT signature", Cause.FATAL),
        ("Fields `role` and `exp` are required in JWT", Cause.FATAL),
        ("TopicNameRequired: You must provide a topic name", Cause.FATAL),
        ("unmatched topic", Cause.FATAL),
    ],
)
def test_a_join_that_will_never_be_accepted_is_given_up(reason: str, cause: Cause) -> None:
    """The channel is gone, the connection stays for others."""
    talk = Conversation()
    talk.join()
    talk.open()
    talk.refuse_join(reason)
    (given_up,) = talk.all_told(GivenUp)
    assert isinstance(given_up.error, RefusedError)
    assert (given_up.topic, given_up.error.cause) == ("room", cause)
    talk.wait(4)
    assert len(talk.all_sent("phx_join")) == 1
    talk.join()
    assert len(talk.all_sent("phx_join")) == 2


@pytest.mark.parametrize("response", [{"reason": "RealtimeRestarting: soon"}, {"reason": 5}, "words", None])
def test_a_join_that_may_be_accepted_later_is_tried_again(response: object) -> None:
    """An unknown reason too, in whatever shape it comes."""
    talk = Conversation()
    talk.join()
    talk.open()
    talk.reply(talk.last("phx_join"), response, "error")
    talk.wait(1)
    talk.accept_join()
    assert talk.all_told(Live)


def test_a_lost_permission_is_the_end() -> None:
    """The server says so before it closes."""
    talk = Conversation().in_room()
    talk.system("system", "error", "You no longer have permission to read from this topic")
    talk.close_channel()
    assert len(talk.all_told(GivenUp)) == 1
    assert (talk.all_told(Lost)[0].topic, talk.all_told(Rejected)) == ("room", [])


def test_an_answer_that_comes_late_or_twice_is_no_news() -> None:
    """A second reply to the join, a reply to nothing, and one to the join of a channel being left."""
    talk = Conversation().in_room()
    talk.reply(talk.last("phx_join"), {"postgres_changes": []})
    talk.hear("realtime:room", "phx_reply", {"status": "ok", "response": {}}, "77", talk.refs)
    talk.hear("realtime:room", "phx_reply", {"status": "ok", "response": {}}, None, talk.refs)
    assert len(talk.all_told(Joined)) == 1


def test_a_channel_may_wait_for_replication() -> None:
    """Live is then both."""
    talk = Conversation()
    talk.join(ChannelOptions(replication_ready=True, postgres_changes=[TODOS]))
    assert not talk.all_sent("phx_join")
    talk.open()
    assert talk.last("phx_join").payload["config"]["broadcast"]["replication_ready"] is True
    talk.accept_join()
    assert not talk.all_told(Live)
    talk.system("system", "ok", "Server requested disconnect")
    assert not talk.all_told(Live)
    talk.system("system", "ok", "Replication connection established")
    assert talk.all_told(Live)


def test_a_stream_that_breaks_and_comes_back_leaves_a_gap() -> None:
    """The channel stays joined, and is not live meanwhile; the error is told each time."""
    talk = Conversation(patience=QUIET).in_room(WATCHING)
    talk.system("postgres_changes", "error", "the database is away")
    talk.wait(10)
    talk.system("postgres_changes", "error", "still away")
    talk.wait(10)
    talk.stream()
    (lost,), (gap,) = talk.all_told(Lost), talk.all_told(Gap)
    assert (lost.reason, gap.since, gap.until) == ("the database is away", 100.0, 120.0)
    assert len(talk.all_told(Problem)) == 2
    assert len(talk.all_sent("phx_join")) == 1


def test_a_stream_that_begins_anew_leaves_a_gap() -> None:
    """After a token refresh the server subscribes again: from the refresh on something may have been missed."""
    talk = Conversation(token="x", patience=QUIET).in_room(WATCHING)
    talk.stream()
    talk.wait(5)
    talk.machine.token_fetched("y", talk.now)
    talk.wait(3)
    talk.stream()
    assert [(gap.since, gap.until) for gap in talk.all_told(Gap)] == [(100.0, 100.0), (105.0, 108.0)]


def row(**instead: object) -> dict[str, object]:
    """A change with something in it that is not as it should be."""
    return {**ROW, **instead}


CHANGES: list[object] = [
    5,
    {"ids": 5, "data": ROW},
    {"ids": ["1"], "data": ROW},
    {"ids": [1], "data": 5},
    {"ids": [1], "data": row(type="TRUNCATE")},
    {"ids": [1], "data": row(type=["INSERT"])},
    {"ids": [1], "data": row(record=None)},
    {"ids": [1], "data": row(errors=["Error 413: Payload Too Large"])},
]


@pytest.mark.parametrize("payload", CHANGES)
def test_a_change_that_cannot_be_told_is_a_problem_and_a_gap(payload: object) -> None:
    """Mistyped, or too large for the server: half a row is no row."""
    talk = Conversation().in_room(WATCHING)
    talk.hear("realtime:room", "postgres_changes", payload)
    assert not talk.all_told(PostgresChange)
    assert (len(talk.all_told(Problem)), len(talk.all_told(Gap))) == (1, 1)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("system", 5),
        ("system", {"extension": "system", "status": "ok", "message": 5}),
        ("broadcast", {"type": "broadcast"}),
        ("broadcast", {"type": "broadcast", "event": "e", "meta": 5}),
        ("presence_state", 5),
        ("presence_state", {"k": 5}),
        ("presence_state", {"k": {"metas": [5]}}),
        ("presence_diff", 5),
        ("presence_diff", {"joins": 5}),
        ("presence_diff", {"leaves": {"k": {"metas": [{"phx_ref": []}]}}}),
    ],
)
def test_a_frame_of_the_wrong_shape_is_a_problem(event: str, payload: object) -> None:
    """And the channel is as it was."""
    talk = Conversation().in_room(ChannelOptions(presence=True))
    talk.hear("realtime:room", event, payload)
    (problem,) = talk.all_told(Problem)
    assert problem.topic == "room"
    assert talk.machine.broadcast("room", "e", {}, talk.now)


def test_a_join_answered_without_id_is_refused() -> None:
    """What would a change be told by?"""
    talk = Conversation()
    talk.join(WATCHING)
    talk.open()
    talk.reply(talk.last("phx_join"), {"postgres_changes": [TODOS.entry()]})
    (problem,) = talk.all_told(Problem)
    assert "no id" in str(problem.error)


def test_broadcasts_are_told_with_what_stands_beside_them() -> None:
    """Bytes, metadata, an id or none, and the events of a plain Phoenix channel."""
    talk = Conversation().in_room()
    talk.hear("realtime:room", "broadcast", {"type": "broadcast", "event": "b", "payload": b"\x00", "meta": {"id": 5}})
    talk.hear("realtime:room", "broadcast", {"type": "broadcast", "event": "n"})
    talk.hear("realtime:room", "shout", {"a": 1})
    assert talk.all_told(Broadcast) == [
        Broadcast("room", "b", b"\x00", {"id": 5}),
        Broadcast("room", "n", None, {}),
        Broadcast("room", "shout", {"a": 1}, {}),
    ]


def test_ids_of_messages_are_not_remembered_for_ever() -> None:
    """A thousand of them are enough for a replay."""
    talk = Conversation().in_room()
    for number in [*range(1001), 0, 1000]:
        message = {"type": "broadcast", "event": "e", "payload": number, "meta": {"id": f"m{number}"}}
        talk.hear("realtime:room", "broadcast", message)
    assert [told.payload for told in talk.all_told(Broadcast)] == [*range(1001), 0]


def test_a_track_that_is_refused_or_not_answered_is_told() -> None:
    """It is not awaited by anybody: a problem."""
    talk = Conversation().in_room(ChannelOptions(presence=True))
    talk.machine.track("room", {"n": 1}, talk.now)
    talk.reply(talk.last("presence"), {"reason": "Track message size exceeded"}, "error")
    talk.machine.track("room", {"n": 2}, talk.now)
    talk.wait(10)
    talk.machine.track("room", {"n": 3}, talk.now)
    talk.reply(talk.last("presence"))
    assert [str(problem.error) for problem in talk.all_told(Problem)] == [
        "track: Track message size exceeded",
        "no answer to track in time",
    ]
    presence = {"k": {"metas": [{"phx_ref": "1"}]}}
    talk.hear("realtime:room", "presence_state", presence)
    talk.hear("realtime:room", "presence_state", presence)
    talk.hear("realtime:room", "presence_diff", {"joins": presence, "leaves": {}})
    assert len(talk.all_told(Presences)) == 1


def test_options_that_make_no_sense_are_refused() -> None:
    """The server would log and ignore them."""
    for wrong in (
        lambda: ChannelOptions(replay_since=1.0),
        lambda: ChannelOptions(replay_limit=26),
        lambda: ChannelOptions(postgres_changes=[PostgresChanges(select=("a",))]),
        lambda: PostgresChanges(schema=""),
        lambda: Backoff(jitter=2),
        lambda: Patience(join=-1),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
            wrong()


def test_a_string_is_not_several_names() -> None:
    """Its letters are not meant."""
    with pytest.raises(TypeError, match="several names"):
        PostgresChanges(table="t", select="id")


def test_a_join_says_what_was_chosen() -> None:
    """In the server's words; times in its unit."""
    options = ChannelOptions(
        private=True,
        broadcast_self=True,
        replay_since=1.5,
        replay_limit=3,
        presence=True,
        presence_key="me",
        postgres_changes=[PostgresChanges(event="INSERT", table="t", filter="id=eq.1", select=("id",))],
    )
    talk = Conversation()
    talk.join(options)
    talk.open()
    assert talk.last("phx_join").payload == {
        "config": {
            "broadcast": {"ack": False, "self": True, "replay": {"since": 1500, "limit": 3}},
            "presence": {"enabled": True, "key": "me"},
            "postgres_changes": [
                {"event": "INSERT", "schema": "public", "table": "t", "filter": "id=eq.1", "select": ["id"]}
            ],
            "private": True,
        }
    }


# -- anything at all -----------------------------------------------------------------------------------------

EVENTS = st.sampled_from(
    [
        "phx_reply",
        "phx_close",
        "phx_error",
        "system",
        "broadcast",
        "postgres_changes",
        "presence_state",
        "presence_diff",
    ]
)
SMALL_REFS = st.none() | st.integers(1, 6).map(str)
PAYLOADS = st.sampled_from(
    [
        *({}, 5, None, {"status": "ok", "response": {"postgres_changes": [{**TODOS.entry(), "id": 1}]}}),
        *({"status": "ok", "response": {}}, {"status": "error", "response": {"reason": "RealtimeRestarting: x"}}),
        {"status": "error", "response": {"reason": "Token has expired"}},
        {"extension": "postgres_changes", "status": "ok", "message": "Subscribed to PostgreSQL"},
        {"extension": "postgres_changes", "status": "error", "message": "x"},
        {"extension": "system", "status": "error", "message": "Token has expired 1 seconds ago"},
        {"ids": [1], "data": ROW},
        {"type": "broadcast", "event": "e", "payload": "x"},
        {"k": {"metas": [{"phx_ref": "1"}]}},
        {"joins": {"k": {"metas": [{"phx_ref": "1"}]}}, "leaves": {}},
    ]
)
FRAMES = st.tuples(st.just("frame"), EVENTS, PAYLOADS, SMALL_REFS, SMALL_REFS)
STEPS = st.one_of(
    FRAMES,
    FRAMES,
    st.tuples(st.just("wait"), st.sampled_from([0.0, 1.0, 10.0, 40.0, 5000.0])),
    st.tuples(
        st.sampled_from(["opened", "lost", "failed", "join", "leave", "track", "broadcast", "token", "no token"])
    ),
)


def as_ref(value: object) -> str | None:
    """For the type checker."""
    return value if isinstance(value, str) else None


class Walk:
    """A machine to which anything may happen, in any order."""

    def __init__(self, *, asks: bool) -> None:
        self.machine = Machine(asks_for_tokens=asks, random=lambda: 0.5, wall_clock=lambda: 0.0)
        self.now, self.wanted = 0.0, False
        self.words = {
            "opened": self.machine.opened,
            "lost": lambda now: self.machine.lost("lost", now),
            "failed": lambda now: self.machine.failed("failed", now),
            "token": lambda now: self.machine.token_fetched(f"t{now}", now),
            "no token": lambda now: self.machine.token_failed("none", now),
            "join": self.join,
            "leave": self.leave,
            "track": self.track,
            "broadcast": self.broadcast,
        }

    def join(self, now: float) -> None:
        if not self.wanted:
            options = ChannelOptions(presence=True, postgres_changes=[TODOS], broadcast_ack=True)
            self.machine.join("room", options, now)
            self.wanted = True

    def leave(self, now: float) -> None:
        self.machine.leave("room", now)
        self.wanted = False

    def track(self, now: float) -> None:
        if self.wanted:
            self.machine.track("room", {"now": now}, now)

    def broadcast(self, now: float) -> None:
        with suppress(NotJoinedError):
            self.machine.broadcast("room", "e", {}, now)

    def step(self, step: tuple[object, ...]) -> None:
        match step:
            case ("frame", str(event), payload, ref, join_ref):
                frame = Frame("realtime:room", event, payload, as_ref(ref), as_ref(join_ref))
                self.machine.receive(ServerCodec().encode(frame), self.now)
            case ("wait", float(seconds)):
                self.now += seconds
            case (str(word),):
                self.words[word](self.now)
        self.machine.tick(self.now)
        if any(isinstance(output, GivenUp) for output in self.machine.take()):
            self.wanted = False


@given(st.lists(STEPS, max_size=40), st.booleans())
def test_whatever_happens_the_machine_knows_what_is_next(steps: list[tuple[object, ...]], asks: bool) -> None:
    """No step raises; while somebody wants the channel there is a deadline, and no deadline is in the past."""
    walk = Walk(asks=asks)
    for step in steps:
        walk.step(step)
        assert walk.machine.next_deadline > walk.now
        assert not walk.wanted or walk.machine.next_deadline < float("inf")
