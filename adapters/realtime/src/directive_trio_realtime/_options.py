"""What a user chooses: the channel to join, its postgres changes, the patience and the limits of a connection."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Literal, final

from attrs import Factory, field, frozen
from attrs.validators import ge, gt, in_, instance_of

ChangeKind = Literal["*", "INSERT", "UPDATE", "DELETE"]


def a_name(_instance: object, attribute: Any, value: object) -> None:
    """A validator: a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{attribute.name} is a name, not {value!r}")


def names(given: Iterable[str]) -> tuple[str, ...]:
    """A converter: several names; a bare string would be taken for its letters."""
    if isinstance(given, str):
        raise TypeError(f"several names are expected, not the string {given!r}: write ({given!r},)")
    return tuple(given)


def each_once(wishes: Iterable["PostgresChanges"]) -> tuple["PostgresChanges", ...]:
    """A converter: equal wishes get equal ids from the server, so one of them is enough."""
    return tuple(dict.fromkeys(wishes))


def a_share(_instance: object, attribute: Any, value: float) -> None:
    """A validator: no more than the whole."""
    if not 0 <= value <= 1:
        raise ValueError(f"{attribute.name} is a share of the wait, 0 to 1, not {value}")


def seconds(default: float) -> Any:
    """A field that holds a duration."""
    return field(default=default, validator=ge(0))


def count(default: float) -> Any:
    """A field that holds a number of things, or infinity for no limit."""
    return field(default=default, validator=gt(0))


@final
@frozen
class PostgresChanges:
    """Which changes of which rows a channel is told: the server filters them."""

    event: ChangeKind = field(default="*", validator=in_(("*", "INSERT", "UPDATE", "DELETE")))
    schema: str = field(default="public", validator=a_name)
    table: str = field(default="", validator=instance_of(str))
    """Empty: all tables of the schema."""
    filter: str = field(default="", validator=instance_of(str))
    """``"id=eq.3"``; a comma means and. A row that stops matching is not told."""
    select: tuple[str, ...] = field(default=(), converter=names)
    """The columns wanted; empty: all. Needs a table."""

    def entry(self) -> dict[str, Any]:
        """As the join says it: what is not chosen is left out, so that equal wishes are equal entries."""
        wishes = {"table": self.table, "filter": self.filter, "select": list(self.select)}
        return {"event": self.event, "schema": self.schema, **{key: wish for key, wish in wishes.items() if wish}}


@final
@frozen
class ChannelOptions:
    """What a channel is joined with, the same at every rejoin."""

    private: bool = field(default=False, validator=instance_of(bool))
    """The server asks its policies who may read and write."""
    broadcast_self: bool = field(default=False, validator=instance_of(bool))
    """Our own broadcasts come back to us."""
    broadcast_ack: bool = field(default=False, validator=instance_of(bool))
    """The server answers each broadcast."""
    replay_since: float | None = field(default=None)
    """A wall-clock moment: stored messages since then come first, again after a rejoin. Private channels only."""
    replay_limit: int = field(default=25, validator=in_(range(1, 26)))
    replication_ready: bool = field(default=False, validator=instance_of(bool))
    """Live only when the server has said that its replication connection stands."""
    presence: bool = field(default=False, validator=instance_of(bool))
    """Be told who is there, and be able to `track`."""
    presence_key: str = field(default="", validator=instance_of(str))
    """Under which key we are there. Empty: one of our own making that stays the same through rejoins."""
    postgres_changes: tuple[PostgresChanges, ...] = field(default=(), converter=each_once)

    def __attrs_post_init__(self) -> None:
        """What the server would log and ignore is refused here.

        Raises:
            ValueError: replay on a public channel, or columns of no table.
        """
        if self.replay_since is not None and not self.private:
            raise ValueError("replay_since works on private channels only: say private=True")
        if any(wish.select and not wish.table for wish in self.postgres_changes):
            raise ValueError("select needs a table")

    def join_payload(self, presence_key: str, token: str | None) -> dict[str, Any]:
        """The payload of ``phx_join``; always the whole of it, or a rejoin would lose half the channel."""
        broadcast: dict[str, Any] = {"ack": self.broadcast_ack, "self": self.broadcast_self}
        if self.replication_ready:
            broadcast["replication_ready"] = True
        if self.replay_since is not None:
            broadcast["replay"] = {"since": math.floor(self.replay_since * 1000), "limit": self.replay_limit}
        config = {
            "broadcast": broadcast,
            "presence": {"enabled": self.presence, "key": presence_key},
            "postgres_changes": [wish.entry() for wish in self.postgres_changes],
            "private": self.private,
        }
        return {"config": config} if token is None else {"config": config, "access_token": token}


@final
@frozen
class Backoff:
    """How long to wait before the next attempt: longer each time, and never all clients at once."""

    first: float = field(default=1.0, validator=gt(0))
    most: float = field(default=30.0, validator=gt(0))
    jitter: float = field(default=0.5, validator=a_share)
    """The share of the wait that is left to chance, 0 to 1."""

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """The wait after *attempt* failures in a row, counted from 0."""
        whole = min(self.most, self.first * 2.0 ** min(attempt, 60))
        return whole * (1 - self.jitter * random())


@final
@frozen
class Patience:
    """How long each thing may take, in seconds."""

    heartbeat: float = seconds(25.0)
    """How often the server is asked whether it is there. It wants to hear of us every 25 seconds at least."""
    heartbeat_answer: float = seconds(10.0)
    connect: float = seconds(10.0)
    """TCP, TLS and the handshake together."""
    token: float = seconds(10.0)
    join: float = seconds(10.0)
    """The server itself waits 5 seconds before it refuses."""
    live: float = seconds(30.0)
    """From the join to the stream of postgres changes."""
    answer: float = seconds(10.0)
    """To an acknowledged broadcast, or to a track."""
    send: float = seconds(10.0)
    """To the last byte of one message; a connection that is slower is given up."""
    leave: float = seconds(2.0)
    token_margin: float = seconds(60.0)
    """A token is refreshed this long before it ends."""
    cooldown: float = seconds(60.0)
    """The wait after the server said that it was too much."""
    stable: float = seconds(10.0)
    """What has held this long starts its backoff from the beginning when it breaks."""
    idle: float = seconds(5.0)
    """A connection without channels is closed after this."""
    backoff: Backoff = Factory(Backoff)


@final
@frozen
class Limits:
    """How much the server takes; the defaults are those of a server of one's own, plans may have smaller ones."""

    channels: float = count(100)
    payload: float = count(3_000_000)
    """Bytes of one broadcast."""
    messages_per_second: float = count(100)
    presence_calls: float = count(5)
    """In `presence_window` seconds; one more and the server closes the channel."""
    presence_window: float = seconds(30.0)
