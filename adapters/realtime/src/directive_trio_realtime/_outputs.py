"""What the machine wants done, and what it tells: one class for each.

The first four are for whoever drives the machine; the others are for the user of a channel, named by its topic.
"""

from collections.abc import Mapping
from typing import Any, final

from attrs import frozen

from directive_trio_realtime._options import PostgresChanges
from directive_trio_realtime._presence import PresenceChange
from directive_trio_realtime.errors import RealtimeError

# -- to be done ------------------------------------------------------------------------------------------


@final
@frozen
class Dial:
    """Open a WebSocket, then call `opened`, `refused` or `failed`."""


@final
@frozen
class HangUp:
    """Close the WebSocket (or give up dialling) and forget it; nothing more is expected from it."""

    code: int
    reason: str
    abort: bool = False
    """It is dead: do not wait for a goodbye."""


@final
@frozen
class Send:
    """Send this in one piece, in this order."""

    content: str | bytes


@final
@frozen
class FetchToken:
    """Ask for an access token, then call `token_fetched` or `token_failed`."""


# -- to be told ------------------------------------------------------------------------------------------


@final
@frozen
class Joined:
    """The server has taken us into the channel: broadcasts and presence work from here on."""

    topic: str


@final
@frozen
class Live:
    """Everything asked for is streaming. What was read from the database before this moment may be stale."""

    topic: str


@final
@frozen
class Lost:
    """The channel, which was live, is not. It comes back by itself."""

    topic: str
    reason: str
    since: float
    """From when on something may have been missed."""


@final
@frozen
class Gap:
    """Between these two moments something may have been missed, and it will not be told again: read anew."""

    topic: str
    reason: str
    since: float
    until: float


@final
@frozen
class Broadcast:
    """A message of another client, or of the database."""

    topic: str
    event: str
    payload: Any
    """What JSON can say, or bytes."""
    meta: Mapping[str, Any]


@final
@frozen
class PostgresChange:
    """A row was inserted, updated or deleted."""

    topic: str
    wishes: tuple[PostgresChanges, ...]
    """Which of the channel's postgres changes it fits."""
    type: str
    schema: str
    table: str
    record: Mapping[str, Any]
    """The new row; empty for a DELETE."""
    old_record: Mapping[str, Any]
    """What the replica identity keeps: of a DELETE and an UPDATE the primary key, or the whole old row."""
    commit_timestamp: str


@final
@frozen
class Presences:
    """Who is there has changed."""

    topic: str
    change: PresenceChange


@final
@frozen
class Accepted:
    """The server has acknowledged the push with this ref."""

    topic: str
    ref: str


@final
@frozen
class Rejected:
    """The push with this ref was not accepted, or nobody will ever know."""

    topic: str
    ref: str
    error: RealtimeError


@final
@frozen
class Problem:
    """Something went wrong that is being dealt with. No topic: it concerns the connection."""

    topic: str | None
    error: RealtimeError


@final
@frozen
class GivenUp:
    """The channel is over: trying again would not help."""

    topic: str
    error: RealtimeError


@final
@frozen
class Left:
    """The channel is over because it was left."""

    topic: str


Output = (
    Dial | HangUp | Send | FetchToken | Joined | Live | Lost | Gap | Broadcast | PostgresChange | Presences | Accepted
    | Rejected | Problem | GivenUp | Left
)  # fmt: skip
