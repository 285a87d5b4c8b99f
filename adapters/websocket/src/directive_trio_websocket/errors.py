"""What can go wrong with a connection.

All but the last two are also what `source.error` observations carry: the source reports them and goes on.

```text
WebSocketError
├── ConnectError           no connection came about; the cause is `__cause__`
│   ├── ConnectTimeoutError   a stage of connecting took too long
│   └── RejectedError         the server answered, and the answer was no
├── ClosedError            the connection has ended; code and reason as the other side gave them
├── PongTimeoutError       the other side is silent: the connection was given up
├── InboundOverflowError   messages came faster than they were taken
├── MessageError           one message could not be decoded; it was dropped, the connection goes on
├── SendTimeoutError       a message could not be sent in time: the connection was given up
└── NotConnectedError      there is no connection to send through just now
```
"""

from typing import final

__all__ = [
    "ClosedError",
    "ConnectError",
    "ConnectTimeoutError",
    "InboundOverflowError",
    "MessageError",
    "NotConnectedError",
    "PongTimeoutError",
    "RejectedError",
    "SendTimeoutError",
    "WebSocketError",
]

ABNORMAL = 1006
"""The code of a connection to which nobody said goodbye."""
PREVIEW = 100
"""How many characters of a message an error shows."""
SENTENCE = 300
"""And how many of another error: it may repeat all that came."""


def described(error: BaseException) -> str:
    """Say what another error says, cut, and also if that cannot be printed."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001  # anybody's code
        said = "what it says cannot be printed"
    if len(said) > SENTENCE:
        said = f"{said[:SENTENCE]}…"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


class WebSocketError(Exception):
    """Whatever goes wrong with a connection."""


class ConnectError(WebSocketError):
    """No connection came about."""


@final
class ConnectTimeoutError(ConnectError):
    """A stage of connecting (``connect`` or ``handshake``) took longer than it may."""

    def __init__(self, stage: str, seconds: float) -> None:
        super().__init__(f"no {stage} within {seconds:g} s")
        self.stage = stage
        self.seconds = seconds


@final
class RejectedError(ConnectError):
    """The server refused the handshake, with an HTTP status."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        super().__init__(
            f"the server answered {status}: {body[:PREVIEW]!r}" if body else f"the server answered {status}"
        )
        self.status = status
        self.body = body


@final
class ClosedError(WebSocketError):
    """The connection has ended. Code 1006 means that nobody said goodbye."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}: {reason}" if reason else f"closed with {code}")
        self.code = code
        self.reason = reason


@final
class PongTimeoutError(WebSocketError):
    """The other side answered no ping and sent nothing else; the connection was given up."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no pong within {seconds:g} s")
        self.seconds = seconds


@final
class InboundOverflowError(WebSocketError):
    """Messages came faster than they were taken: *dropped* of them are gone, or the connection is."""

    def __init__(self, size: int, dropped: int) -> None:
        what = f"{dropped} of the oldest were dropped" if dropped else "the connection was given up"
        super().__init__(f"more than {size} messages wait to be taken: {what}")
        self.size = size
        self.dropped = dropped


@final
class MessageError(WebSocketError):
    """A message that could not be decoded; `__cause__` says why. It was dropped, the connection goes on."""

    def __init__(self, message: str | bytes, error: Exception) -> None:
        shown = message[:PREVIEW]
        super().__init__(f"{described(error)} in a message of {len(message)} that begins {shown!r}")


@final
class SendTimeoutError(WebSocketError):
    """A message could not be sent in time; it may have arrived or not. The connection was given up."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not sent within {seconds:g} s")
        self.seconds = seconds


@final
class NotConnectedError(WebSocketError):
    """There is no connection just now. Nothing was sent."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"not connected to {url} just now; wait with connection.wait_connected(), or let the resolver retry"
        )
        self.url = url
