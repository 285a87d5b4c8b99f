"""What can go wrong with a realtime connection, whose fault it is and what helps.

```text
RealtimeError
├── ProtocolError      the other side sent what is no frame of this protocol
├── LostError          the connection or the channel went down; it comes back by itself
├── RefusedError       the server said no; `cause` says what would help
├── PushError          one message was not accepted, or nobody answered
├── NotJoinedError     there is no channel to send it through just now
└── LimitError         what was asked for is more than the server takes
```
"""

from enum import Enum
from typing import final

__all__ = [
    "Cause",
    "LimitError",
    "LostError",
    "NotJoinedError",
    "ProtocolError",
    "PushError",
    "RealtimeError",
    "RefusedError",
]


@final
class Cause(Enum):
    """Why the server said no: that decides what is done next."""

    TRANSIENT = "transient"
    """It starts, is busy or crashed: try again after a while."""

    TOKEN = "token"
    """The access token has expired: try again with a fresh one."""

    RATE = "rate"
    """Too much in too short a time: try again after a long while."""

    FATAL = "fatal"
    """It will say no again: report it and stop."""


class RealtimeError(Exception):
    """Whatever goes wrong here."""


@final
class ProtocolError(RealtimeError):
    """The other side sent what is no frame of this protocol. The frame is dropped, the connection goes on."""


@final
class LostError(RealtimeError):
    """The connection or the channel went down; it comes back by itself."""


@final
class RefusedError(RealtimeError):
    """The server refused a connection or a channel, or ended it."""

    def __init__(self, message: str, cause: Cause) -> None:
        super().__init__(message)
        self.cause = cause


@final
class PushError(RealtimeError):
    """One message was not accepted, or nobody answered in time."""


@final
class NotJoinedError(RealtimeError):
    """There is no joined channel to send it through just now."""


@final
class LimitError(RealtimeError):
    """What was asked for is more than the server takes; nothing was sent."""
