"""The failures that users of other clients report, by the numbers of the list they were collected in.

Those that need a socket (a handshake that stalls, a server that dies) are tested with one as well. Two cannot occur:

- 15: a reply comes before the ref of its push is stored. The machine is sync: the ref is stored in the call that
  makes the frame, and nothing can be received inside it.
- 32: callbacks are lost with the connection. There are none: what happens is told as values, by topic.
"""

import itertools
from random import Random

import pytest

from adapters.realtime.tests.conversation import Conversation, token_until
from directive_trio_realtime import ChannelOptions, Limits, Machine, Patience, PostgresChanges
from directive_trio_realtime._frames import Version
from directive_trio_realtime._options import Backoff
from directive_trio_realtime._outputs import (
    Accepted,
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
from directive_trio_realtime.errors import Cause, LimitError, LostError, NotJoinedError, RefusedError

TODOS = PostgresChanges(table="todos")
WATCHING = ChannelOptions(postgres_changes=[TODOS])
BOTH: tuple[Version, ...] = ("1.0.0", "2.0.0")
ROW = {"schema": "public", "table": "todos", "type": "INSERT", "record": {"id": 1}, "commit_timestamp": "now"}

# -- silent death and reconnect ------------------------------------------------------------------------------


def test_01_a_half_open_connection_is_noticed() -> None:
    """The socket looks open and says nothing: the heartbeat's deadline ends it, and what was missed began earlier."""
    talk = Conversation().in_room()
    talk.wait(25 + 10)
    assert [goodbye.abort for goodbye in talk.hung_up()] == [True]
    assert talk.all_told(Lost) == [Lost("room", "connection lost: no answer to the heartbeat", 100.0)]
    talk.reopen()
    talk.accept_join()
    (gap,) = talk.all_told(Gap)
    assert (gap.since, gap.until) == (100.0, talk.now)


def test_01_a_join_that_is_never_answered_is_tried_again() -> None:
    """Nobody is parked in joining for ever."""
    talk = Conversation()
    talk.join()
    talk.open()
    talk.wait(11)
    assert len(talk.all_sent("phx_join")) == 2
    assert [str(problem.error) for problem in talk.all_told(Problem)] == ["no answer to the join of 'room' in time"]


def test_02_a_busy_connection_beats_too() -> None:
    """Traffic does not put off the heartbeat."""
    talk = Conversation().in_room()
    for _ in range(60):
        talk.wait(1)
        talk.hear("realtime:room", "broadcast", {"type": "broadcast", "event": "e", "payload": {}})
        for beat in talk.all_sent("heartbeat"):
            talk.reply(beat)
    assert len(talk.all_sent("heartbeat")) == 2
    assert not talk.hung_up()


def test_03_a_pending_heartbeat_dies_with_its_connection() -> None:
    """The new connection is not judged by a beat of the old one."""
    talk = Conversation().in_room()
    talk.wait(26)
    talk.machine.lost("code 1006", talk.now)
    talk.reopen()
    talk.wait(20)
    assert not talk.hung_up()
    talk.reply(talk.last("heartbeat"))  # a late answer to nobody
    assert len(talk.all_sent("heartbeat")) == 1


@pytest.mark.parametrize("reason", ["code 1000", "code 1001", "code 1006", "code 1011", "code 1012"])
def test_04_every_end_of_a_connection_is_followed_by_a_new_one(reason: str) -> None:
    """A clean close is no reason to stay away."""
    talk = Conversation().in_room()
    talk.machine.lost(reason, talk.now)
    talk.reopen()
    talk.accept_join()
    assert len(talk.all_told(Joined)) == 2


def test_05_a_server_that_hangs_up_at_once_is_not_called_in_a_loop() -> None:
    """A connection that did not last does not start the backoff anew."""
    talk = Conversation()
    talk.join()
    moments = []
    for _ in range(8):
        talk.open()
        moments.append(talk.now)
        talk.machine.lost("code 1006", talk.now)
        talk.wait(talk.machine.next_deadline - talk.now)
    waits = [after - before for before, after in itertools.pairwise(moments)]
    assert waits == [0.75, 1.5, 3.0, 6.0, 12.0, 22.5, 22.5]


def test_05_one_that_lasted_starts_anew() -> None:
    """After ten good seconds the next loss is the first."""
    talk = Conversation().in_room()
    for _ in range(3):
        talk.wait(20)
        talk.machine.lost("code 1006", talk.now)
        lost_at = talk.now
        talk.wait(talk.machine.next_deadline - talk.now)
        assert talk.now - lost_at == 0.75
        talk.open()
        talk.accept_join()


def test_06_nobody_gives_up() -> None:
    """A thousand refusals later it is still tried, and each failure is told."""
    talk = Conversation()
    talk.join()
    for _ in range(1000):
        assert isinstance(talk.told[-1], Dial)
        talk.machine.failed("connection refused", talk.now)
        talk.wait(talk.machine.next_deadline - talk.now)
    assert len(talk.all_told(Problem)) == 1000
    talk.open()
    talk.accept_join()
    assert talk.all_told(Live)


def test_07_every_push_has_a_deadline_of_its_own() -> None:
    """The second and third unanswered push end as the first did."""
    talk = Conversation().in_room(ChannelOptions(broadcast_ack=True))
    for _ in range(3):
        ref = talk.machine.broadcast("room", "e", {}, talk.now)
        talk.wait(10)
        rejected = talk.all_told(Rejected)[-1]
        assert (rejected.ref, str(rejected.error)) == (ref, "no answer to broadcast in time")
    assert len(talk.all_told(Rejected)) == 3


def test_08_a_handshake_that_stalls_is_given_up() -> None:
    """Dialling has a deadline; the next attempt follows."""
    talk = Conversation()
    talk.join()
    talk.wait(10)
    assert [goodbye.abort for goodbye in talk.hung_up()] == [True]
    talk.wait(1)
    assert len(talk.all_told(Dial)) == 2
    talk.machine.opened(talk.now)
    talk.machine.failed("a late word about the first", talk.now)
    assert talk.all_sent("phx_join")


def test_09_after_a_pause_what_is_overdue_is_done_once() -> None:
    """An hour of sleep is one heartbeat, not 144."""
    talk = Conversation().in_room()
    talk.pause(3600)
    assert len(talk.all_sent("heartbeat")) == 1
    talk.reply(talk.last("heartbeat"))
    assert not talk.hung_up()


# -- rejoin correctness --------------------------------------------------------------------------------------


def test_10_on_a_new_socket_channels_are_joined_and_none_is_left() -> None:
    """All of them come back, and nothing but joins is sent."""
    talk = Conversation()
    for name in ("a", "b"):
        talk.join(name=name)
    talk.open()
    talk.machine.lost("code 1006", talk.now)
    talk.sent.clear()
    talk.reopen()
    assert [(frame.event, frame.topic) for frame in talk.sent] == [
        ("phx_join", "realtime:a"),
        ("phx_join", "realtime:b"),
    ]


@pytest.mark.parametrize("version", BOTH)
def test_11_a_rejoin_says_all_that_the_first_join_said(version: Version) -> None:
    """Postgres changes, filters, presence key and all."""
    options = ChannelOptions(presence=True, postgres_changes=[PostgresChanges(table="t", filter="id=eq.1")])
    talk = Conversation(version=version).in_room(options)
    talk.close_channel("phx_error")
    talk.wait(1)
    first, second = talk.all_sent("phx_join")
    assert first.payload == second.payload
    assert first.payload["config"]["presence"]["key"]


@pytest.mark.parametrize("version", BOTH)
def test_12_a_stale_close_ends_nothing(version: Version) -> None:
    """The close of the join before this one, which in version 1 only its ref gives away."""
    talk = Conversation(version=version).in_room()
    first = talk.refs
    talk.close_channel("phx_error")
    talk.wait(1)
    talk.accept_join()
    for event in ("phx_close", "phx_error"):
        talk.hear("realtime:room", event, {}, first, first)
    talk.wait(20)
    assert len(talk.all_sent("phx_join")) == 2


def test_13_a_channel_is_joined_once() -> None:
    """Wanted before the socket opens, it is joined when it has, and asking twice is an error."""
    talk = Conversation()
    talk.join()
    with pytest.raises(ValueError, match="there already"):
        talk.join()
    assert len(talk.all_told(Dial)) == 1
    talk.open()
    talk.machine.opened(talk.now)
    assert len(talk.all_sent("phx_join")) == 1


@pytest.mark.parametrize("version", BOTH)
def test_14_leaving_and_joining_at_once_leaves_us_in(version: Version) -> None:
    """What the server says about the old join does not end the new one."""
    talk = Conversation(version=version).in_room()
    old = talk.refs
    talk.machine.leave("room", talk.now)
    talk.join()
    talk.reply(talk.last("phx_leave"))
    talk.hear("realtime:room", "phx_close", {}, old, old)
    talk.accept_join()
    talk.wait(20)
    assert (len(talk.all_told(Left)), len(talk.all_told(Joined)), len(talk.all_sent("phx_join"))) == (1, 2, 2)


@pytest.mark.parametrize(
    "answer", [[], [{"id": 1, "event": "*", "schema": "public", "table": "other"}], [{"event": "*"}], "no list", [5]]
)
def test_16_a_server_that_understood_something_else_is_left_and_joined_again(answer: object) -> None:
    """The ids would stand for other wishes."""
    talk = Conversation()
    talk.join(WATCHING)
    talk.open()
    talk.reply(talk.last("phx_join"), {"postgres_changes": answer})
    assert not talk.all_told(Joined)
    assert len(talk.all_sent("phx_leave")) == 1
    talk.wait(1)
    talk.accept_join()
    assert talk.all_told(Live)


def test_16_equal_wishes_are_asked_for_once_and_null_is_empty() -> None:
    """The server gives equal ids to equal entries, and writes what is missing as null or as nothing."""
    talk = Conversation()
    talk.join(ChannelOptions(postgres_changes=[TODOS, TODOS]))
    talk.open()
    entry = {"id": 1, "event": "*", "schema": "public", "table": "todos", "filter": None, "select": None}
    talk.reply(talk.last("phx_join"), {"postgres_changes": [entry]})
    assert talk.all_told(Joined)


def test_17_joined_is_told_when_the_server_has_answered() -> None:
    """Not when the join was sent."""
    talk = Conversation()
    talk.join()
    talk.open()
    assert not talk.all_told(Joined)
    with pytest.raises(NotJoinedError):
        talk.machine.broadcast("room", "e", {}, talk.now)
    talk.accept_join()
    assert talk.all_told(Joined)


# -- tokens --------------------------------------------------------------------------------------------------


def test_18_a_rejoin_asks_for_a_token_of_its_own() -> None:
    """Not the one of the first join."""
    talk = Conversation(token="first").in_room()
    talk.token = "second"
    talk.machine.lost("code 1006", talk.now)
    talk.reopen()
    assert [frame.payload["access_token"] for frame in talk.all_sent("phx_join")] == ["first", "second"]


def test_19_after_standby_the_expired_token_is_replaced() -> None:
    """The server refuses the old one; the next try comes at once, with a new one, and no loop follows."""
    talk = Conversation(token="old")
    talk.join()
    talk.open()
    talk.token = "new"
    talk.refuse_join("InvalidJWTToken: Token has expired 4000 seconds ago")
    assert [frame.payload["access_token"] for frame in talk.all_sent("phx_join")] == ["old", "new"]
    talk.refuse_join("InvalidJWTToken: Token has expired 4000 seconds ago")
    assert len(talk.all_sent("phx_join")) == 2
    talk.wait(2)
    assert len(talk.all_sent("phx_join")) == 3


@pytest.mark.parametrize("version", BOTH)
def test_20_a_token_that_expires_while_joined_brings_a_rejoin(version: Version) -> None:
    """The close that follows is not the end."""
    talk = Conversation(version=version, token="old").in_room()
    talk.token = "new"
    talk.system("system", "error", "Token has expired 3 seconds ago")
    talk.close_channel()
    assert talk.last("phx_join").payload["access_token"] == "new"
    talk.accept_join()
    (lost,), (gap,) = talk.all_told(Lost), talk.all_told(Gap)
    assert "expired" in lost.reason
    assert gap.reason == lost.reason


def test_20_without_a_way_to_a_fresh_token_it_is_given_up() -> None:
    """The key of the project has expired: nobody here can renew it."""
    talk = Conversation().in_room()
    talk.system("system", "error", "Token has expired 3 seconds ago")
    talk.close_channel()
    (given_up,) = talk.all_told(GivenUp)
    assert isinstance(given_up.error, RefusedError)
    assert given_up.error.cause is Cause.TOKEN


def test_21_nobody_joins_before_the_token_is_there() -> None:
    """Or rows would be hidden without an error."""
    talk = Conversation(token="")
    talk.join()
    talk.open()
    assert (talk.all_told(FetchToken), talk.all_sent("phx_join")) == ([FetchToken()], [])
    talk.machine.token_fetched("t", talk.now)
    assert talk.last("phx_join").payload["access_token"] == "t"


def test_22_a_token_is_refreshed_before_it_ends() -> None:
    """By its own word, on every channel, and a rejoin uses it."""
    talk = Conversation()
    talk.machine.asks_for_tokens = True
    talk.token = token_until(talk.wall + 100 + 3600, "one")
    talk.in_room()
    talk.token = token_until(talk.wall + 100 + 7200, "two")
    for _ in range(355):
        talk.wait(10)
        for beat in talk.all_sent("heartbeat")[-1:]:
            talk.reply(beat)
    assert [frame.payload for frame in talk.all_sent("access_token")] == [{"access_token": talk.token}]
    assert len(talk.all_told(FetchToken)) == 2


# -- lost or wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["phx_error", "phx_close"])
def test_23_every_loss_is_told_and_becomes_a_gap(event: str) -> None:
    """Nothing is told again by the server: the user is told from when to when."""
    talk = Conversation().in_room(WATCHING)
    talk.wait(5)
    talk.close_channel(event)
    talk.wait(2)
    talk.accept_join(streams=False)
    assert not talk.all_told(Gap)
    talk.wait(1)
    talk.stream()
    (lost,), (gap,) = talk.all_told(Lost), talk.all_told(Gap)
    assert (gap.reason, gap.since, gap.until) == (lost.reason, lost.since, talk.now)
    assert len(talk.all_told(Live)) == 2


def test_24_joined_is_not_live() -> None:
    """Postgres changes stream from the system message on."""
    talk = Conversation()
    talk.join(WATCHING)
    talk.open()
    talk.accept_join(streams=False)
    assert (len(talk.all_told(Joined)), talk.all_told(Live)) == (1, [])
    talk.stream()
    assert talk.all_told(Live)


def test_24_one_that_never_streams_is_joined_again() -> None:
    """Joined for ever and live never is no state to be in."""
    talk = Conversation(patience=Patience(heartbeat=1000))
    talk.join(WATCHING)
    talk.open()
    talk.accept_join(streams=False)
    talk.wait(31)
    assert len(talk.all_sent("phx_join")) == 2


def test_25_a_deleted_row_is_told_with_what_the_server_kept_of_it() -> None:
    """The primary key at least; there is no new row."""
    talk = Conversation().in_room(WATCHING)
    row = {**ROW, "type": "DELETE", "old_record": {"id": 3}, "record": None}
    talk.hear("realtime:room", "postgres_changes", {"ids": [1], "data": row})
    (change,) = talk.all_told(PostgresChange)
    assert (change.type, change.record, change.old_record) == ("DELETE", {}, {"id": 3})


def test_26_a_change_that_fits_two_wishes_is_one_change() -> None:
    """It names both; a wish of another kind, table or id is not among them."""
    inserts = PostgresChanges(event="INSERT", table="todos")
    deletes = PostgresChanges(event="DELETE", table="todos")
    others = PostgresChanges(table="others")
    talk = Conversation().in_room(ChannelOptions(postgres_changes=[TODOS, inserts, deletes, others]))
    talk.hear("realtime:room", "postgres_changes", {"ids": [1, 2, 2, 3, 4, 9], "data": ROW})
    talk.hear("realtime:room", "postgres_changes", {"ids": [9], "data": ROW})
    (change,) = talk.all_told(PostgresChange)
    assert change.wishes == (TODOS, inserts)


def test_26_a_stored_message_that_is_replayed_is_told_once() -> None:
    """The server names it by an id, and sends it again after a rejoin."""
    talk = Conversation().in_room(ChannelOptions(private=True, replay_since=5.0))
    message = {"type": "broadcast", "event": "e", "payload": 1, "meta": {"id": "m1", "replayed": True}}
    talk.hear("realtime:room", "broadcast", message)
    talk.close_channel("phx_error")
    talk.wait(1)
    talk.accept_join()
    talk.hear("realtime:room", "broadcast", message)
    assert len(talk.all_told(Broadcast)) == 1


def presence(talk: Conversation, event: str, payload: object) -> None:
    """A presence frame for the current join."""
    talk.hear("realtime:room", event, payload, None, talk.refs if event == "presence_state" else None)


def test_27_an_update_is_no_leaving() -> None:
    """One difference with an old and a new appearance of the same key."""
    talk = Conversation().in_room(ChannelOptions(presence=True))
    presence(talk, "presence_state", {"k": {"metas": [{"phx_ref": "1", "n": 1}]}})
    presence(
        talk,
        "presence_diff",
        {
            "joins": {"k": {"metas": [{"phx_ref": "2", "phx_ref_prev": "1", "n": 2}]}},
            "leaves": {"k": {"metas": [{"phx_ref": "1", "n": 1}]}},
        },
    )
    changes = [told.change for told in talk.all_told(Presences)]
    assert [(change.joined, change.left, change.updated) for change in changes] == [
        ({"k"}, set(), set()),
        (set(), set(), {"k"}),
    ]
    assert [meta["n"] for meta in changes[-1].present["k"]] == [2]


def test_27_we_are_tracked_again_after_a_rejoin() -> None:
    """The server forgets us with the connection; the key stays the same."""
    talk = Conversation().in_room(ChannelOptions(presence=True))
    talk.machine.track("room", {"n": 1}, talk.now)
    assert talk.last("presence").payload == {"type": "presence", "event": "track", "payload": {"n": 1}}
    talk.machine.lost("code 1006", talk.now)
    talk.machine.track("room", {"n": 2}, talk.now)
    talk.reopen()
    talk.accept_join()
    assert [frame.payload["payload"] for frame in talk.all_sent("presence")] == [{"n": 1}, {"n": 2}]


def test_27_a_difference_before_the_state_waits_for_it() -> None:
    """And a snapshot after a rejoin tells who has come and gone meanwhile."""
    talk = Conversation().in_room(ChannelOptions(presence=True))
    presence(talk, "presence_diff", {"joins": {"b": {"metas": [{"phx_ref": "2"}]}}, "leaves": {}})
    assert not talk.all_told(Presences)
    presence(talk, "presence_state", {"a": {"metas": [{"phx_ref": "1"}]}, "nobody": {"metas": []}})
    talk.close_channel("phx_error")
    talk.wait(1)
    talk.accept_join()
    presence(talk, "presence_state", {"b": {"metas": [{"phx_ref": "2"}]}, "c": {"metas": [{"phx_ref": "3"}]}})
    presence(talk, "presence_diff", {"joins": {}, "leaves": {"zzz": {"metas": [{"phx_ref": "9"}]}}})
    changes = [told.change for told in talk.all_told(Presences)]
    assert [(change.joined, change.left, change.updated) for change in changes] == [
        ({"a", "b"}, set(), set()),
        ({"c"}, {"a"}, set()),
    ]


def test_28_frames_for_an_old_join_are_dropped() -> None:
    """Those that name it; and all of them until the new join is answered."""
    talk = Conversation().in_room()
    old = talk.refs
    talk.close_channel("phx_error")
    talk.wait(1)
    message = {"type": "broadcast", "event": "e", "payload": 1}
    talk.hear("realtime:room", "broadcast", message)
    talk.accept_join()
    talk.hear("realtime:room", "broadcast", message, None, old)
    assert not talk.all_told(Broadcast)
    talk.hear("realtime:room", "broadcast", message, None, talk.refs)
    talk.hear("realtime:room", "broadcast", message)
    assert len(talk.all_told(Broadcast)) == 2


# -- leaks and teardown --------------------------------------------------------------------------------------


def test_29_a_channel_that_was_left_is_forgotten() -> None:
    """It does not come back with the next connection, others do, and an unused connection is closed."""
    talk = Conversation()
    talk.join(name="a")
    talk.join(name="b")
    talk.open()
    talk.machine.leave("a", talk.now)
    talk.reply(talk.last("phx_leave"))
    assert talk.all_told(Left) == [Left("a")]
    talk.machine.lost("code 1006", talk.now)
    talk.sent.clear()
    talk.reopen()
    assert [frame.topic for frame in talk.all_sent("phx_join")] == ["realtime:b"]
    talk.machine.leave("b", talk.now)
    talk.wait(2)
    assert talk.all_told(Left) == [Left("a"), Left("b")]
    talk.wait(5)
    assert [(goodbye.code, goodbye.abort) for goodbye in talk.hung_up()] == [(1000, False)]
    talk.wait(1000)
    assert len(talk.all_told(Dial)) == 2


def test_30_leaving_twice_or_nothing_does_no_harm() -> None:
    """The second word is not sent."""
    talk = Conversation().in_room()
    talk.machine.leave("room", talk.now)
    talk.machine.leave("room", talk.now)
    talk.close_channel()
    talk.machine.leave("room", talk.now)
    talk.machine.leave("other", talk.now)
    assert (len(talk.all_sent("phx_leave")), talk.all_told(Left)) == (1, [Left("room")])


@pytest.mark.parametrize("moment", ["dialling", "joining", "joined", "waiting", "leaving", "asking"])
def test_31_nothing_happens_after_the_end(moment: str) -> None:
    """Whatever was going on, no deadline is left and no frame is sent."""
    talk = Conversation(token="" if moment == "asking" else None)
    talk.join(ChannelOptions(broadcast_ack=True))
    if moment != "dialling":
        talk.open()
    if moment in {"joined", "leaving"}:
        talk.accept_join()
    if moment == "leaving":
        talk.machine.leave("room", talk.now)
    if moment == "waiting":
        talk.machine.lost("code 1006", talk.now)
    talk.machine.close(talk.now, 1001, "evicted")
    goodbyes = talk.hung_up()
    talk.told.clear()
    talk.sent.clear()
    assert [(goodbye.code, goodbye.reason) for goodbye in goodbyes] == [(1001, "evicted")] * (moment != "waiting")
    talk.machine.receive("[]", talk.now)
    talk.machine.token_fetched("late", talk.now)
    talk.wait(10_000)
    assert (talk.told, talk.sent, talk.machine.next_deadline) == ([], [], float("inf"))
    with pytest.raises(NotJoinedError):
        talk.join()


# -- limits --------------------------------------------------------------------------------------------------


def test_33_one_channel_too_many_is_refused_here() -> None:
    """So is a message too large or too many of them; nothing is sent."""
    talk = Conversation(limits=Limits(channels=1, payload=200, messages_per_second=2)).in_room()
    with pytest.raises(LimitError, match="at most 1 channels"):
        talk.join(name="b")
    with pytest.raises(LimitError, match="at most 200 bytes"):
        talk.machine.broadcast("room", "e", "x" * 200, talk.now)
    with pytest.raises(LimitError, match="JSON"):
        talk.machine.broadcast("room", "e", {1, 2}, talk.now)
    for _ in range(2):
        talk.machine.broadcast("room", "e", {}, talk.now)
    with pytest.raises(LimitError, match="2 messages a second"):
        talk.machine.broadcast("room", "e", {}, talk.now)
    talk.wait(1)
    talk.machine.broadcast("room", "e", {}, talk.now)
    assert len(talk.all_sent("broadcast")) == 3


def test_33_presence_is_told_as_often_as_the_server_allows_and_the_latest_counts() -> None:
    """Five calls in 30 seconds; the sixth would close the channel."""
    talk = Conversation(patience=Patience(heartbeat=1000)).in_room(ChannelOptions(presence=True))
    for number in range(20):
        talk.machine.track("room", {"n": number}, talk.now)
        for push in talk.all_sent("presence"):
            talk.reply(push)
    assert len(talk.all_sent("presence")) == 5
    talk.wait(29)
    assert len(talk.all_sent("presence")) == 5
    talk.wait(1)
    assert [frame.payload["payload"] for frame in talk.all_sent("presence")][5:] == [{"n": 19}]
    talk.machine.track("room", {"n": 19}, talk.now)
    assert len(talk.all_sent("presence")) == 6
    talk.machine.track("room", None, talk.now)
    assert talk.last("presence").payload["event"] == "untrack"


@pytest.mark.parametrize("reason", ["ChannelRateLimitReached: Too many channels", "ClientJoinRateLimitReached: x"])
def test_33_too_many_joins_are_followed_by_a_long_pause(reason: str) -> None:
    """Even on the next connection, for the server may have ended this one."""
    talk = Conversation(patience=Patience(heartbeat=1000, join=1000))
    talk.join()
    talk.open()
    talk.refuse_join(reason)
    talk.machine.lost("code 1000", talk.now)
    talk.reopen()
    talk.wait(55)
    assert len(talk.all_sent("phx_join")) == 1
    talk.wait(60)
    assert len(talk.all_sent("phx_join")) == 2


def test_33_a_presence_limit_closes_the_channel_for_a_while() -> None:
    """The text before the close says why."""
    talk = Conversation(patience=Patience(heartbeat=1000, join=1000)).in_room()
    talk.system("system", "error", "Client presence rate limit exceeded")
    talk.close_channel()
    talk.wait(59)
    assert len(talk.all_sent("phx_join")) == 1
    talk.wait(61)
    assert len(talk.all_sent("phx_join")) == 2


def test_34_clients_do_not_come_back_in_step() -> None:
    """A hundred that lose their connection at once spread over half of the wait."""
    moments = set()
    for seed in range(100):
        machine = Machine(random=Random(seed).random)
        machine.join("room", ChannelOptions(), 0.0)
        machine.opened(0.0)
        machine.lost("code 1012", 0.0)
        moments.add(machine.next_deadline)
    assert len(moments) == 100
    assert 0.5 <= min(moments) < 0.6
    assert 0.9 < max(moments) <= 1.0
    assert Backoff(jitter=0).delay(200, Random(0).random) == 30.0


def test_what_was_promised_and_not_answered_is_told_when_the_channel_goes_down() -> None:
    """Whoever waits for an acknowledgement hears that nobody will ever know."""
    talk = Conversation().in_room(ChannelOptions(broadcast_ack=True))
    first = talk.machine.broadcast("room", "e", {}, talk.now)
    talk.reply(talk.last("broadcast"))
    second = talk.machine.broadcast("room", "e", {}, talk.now)
    talk.reply(talk.last("broadcast"), {"reason": "payload_size_exceeded"}, "error")
    third = talk.machine.broadcast("room", "e", {}, talk.now)
    talk.machine.lost("code 1006", talk.now)
    assert talk.all_told(Accepted) == [Accepted("room", first)]
    rejected = talk.all_told(Rejected)
    assert [answer.ref for answer in rejected] == [second, third]
    assert "payload_size_exceeded" in str(rejected[0].error)
    assert isinstance(rejected[1].error, LostError)
