"""Frames that are nearly right: every real one, with any part of it exchanged for something else or taken out."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.realtime.tests.conversation import Conversation
from directive_trio_realtime import ChannelOptions, Machine, PostgresChanges
from directive_trio_realtime._frames import Version
from directive_trio_realtime._outputs import Gap, Problem

EVERYTHING = ChannelOptions(presence=True, broadcast_ack=True, postgres_changes=[PostgresChanges(table="todos")])
METAS = {"k": {"metas": [{"phx_ref": "a", "n": 1}]}}
DATA = {"type": "UPDATE", "schema": "public", "table": "todos", "record": {"id": 1}, "old_record": {}, "errors": None}
ENTRY = {"id": 1, "event": "*", "schema": "public", "table": "todos"}
# topic, event, payload, and of what the ref and the join_ref are: of the join, of a push, of the heartbeat.
FRAMES: list[tuple[str, str, Any, str | None, str | None]] = [
    ("realtime:room", "broadcast", {"type": "broadcast", "event": "e", "payload": {}, "meta": {"id": "x"}}, None, None),
    ("realtime:room", "presence_state", METAS, None, "join"),
    ("realtime:room", "presence_diff", {"joins": METAS, "leaves": METAS}, None, None),
    ("realtime:room", "postgres_changes", {"ids": [1], "data": DATA}, None, None),
    ("realtime:room", "system", {"extension": "postgres_changes", "status": "ok", "message": "m"}, None, "join"),
    ("realtime:room", "phx_reply", {"status": "ok", "response": {"postgres_changes": [ENTRY]}}, "join", "join"),
    ("realtime:room", "phx_reply", {"status": "error", "response": {"reason": "no"}}, "push", "join"),
    ("realtime:room", "phx_error", {"reason": "channel_crash"}, "join", "join"),
    ("realtime:room", "phx_close", {}, "join", "join"),
    ("phoenix", "phx_reply", {"status": "ok", "response": {}}, "heartbeat", None),
]
ANYTHING: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1.5, 10**400, "", "x" * 300, "it has expired", [], [[]], {}, {"a": []}, [{}]]
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all parts of a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inside for place in places_in(part, (*path, key)))]


@st.composite
def nearly_right(draw: st.DrawFn) -> tuple[tuple[str, str, Any, str | None, str | None], Any]:
    """A real frame, and what has become of its payload."""
    frame = draw(st.sampled_from(FRAMES))
    holder = {"payload": deepcopy(frame[2])}
    for _ in range(draw(st.integers(0, 3))):
        *way, last = draw(st.sampled_from(places_in(holder)[1:]))
        target: Any = holder
        for key in way:
            target = target[key]
        if isinstance(target, dict) and len(way) and draw(st.booleans()):
            del target[last]
        else:
            target[last] = deepcopy(draw(ANYTHING))
    return frame, holder["payload"]


@given(st.lists(nearly_right(), max_size=8), st.sampled_from(["1.0.0", "2.0.0"]), st.booleans())
def test_a_frame_that_is_nearly_right_is_a_problem_at_most(
    frames: list[tuple[tuple[str, str, Any, str | None, str | None], Any]], version: Version, is_live: bool
) -> None:
    """Nothing is raised, whenever it comes, and the machine knows how it goes on."""
    talk = Conversation(version=version)
    talk.join(EVERYTHING)
    talk.open()
    if is_live:
        talk.accept_join()
        talk.machine.broadcast("room", "e", {}, talk.now)
    for (topic, event, _, ref, join_ref), payload in frames:
        refs = {
            None: None,
            "join": talk.refs,
            "push": ([None] + [frame.ref for frame in talk.all_sent("broadcast")])[-1],
            "heartbeat": ([None] + [frame.ref for frame in talk.all_sent("heartbeat")])[-1],
        }
        talk.hear(topic, event, payload, refs[ref], refs[join_ref])
        talk.wait(1)
    assert talk.machine.next_deadline > talk.now


def test_a_number_that_no_decimal_can_hold_is_no_json() -> None:
    """The reader of numbers that the user chose refuses it in its own way."""
    machine = Machine(parse_float=Decimal)
    talk = Conversation()
    talk.machine = machine
    talk.in_room()
    machine.receive('[null,null,"realtime:room","broadcast",{"event":"e","payload":1e999999999999999999999}]', talk.now)
    assert (len(talk.all_told(Problem)), len(talk.all_told(Gap))) == (1, 1)


def test_what_is_said_of_presence_where_nobody_asked_is_not_kept() -> None:
    """A server may tell differences to all; the state that they would wait for never comes."""
    talk = Conversation().in_room()
    talk.hear("realtime:room", "presence_diff", 5)
    talk.hear("realtime:room", "presence_state", 5)
    assert not talk.all_told(Problem)
