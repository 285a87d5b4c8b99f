"""The way out: what resolvers send through."""

from typing import final

import trio

from directive_trio_websocket._line import Line
from directive_trio_websocket.errors import ClosedError, NotConnectedError


@final
class Connection:
    """What a resolver sends through, whichever connection there is just now. Made with the source."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._line: Line | None = None
        self._news = trio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection just now."""
        return self._line is not None

    @property
    def subprotocol(self) -> str | None:
        """What was agreed upon; None without a connection, too."""
        return None if self._line is None else self._line.subprotocol

    async def send(self, message: str | bytes) -> None:
        """Send a message: text as a text frame, bytes as a binary one.

        Nothing is kept for later: what should be sent when there is a connection again is a requirement, and its
        resolver has a retry, or waits with `wait_connected`.

        Raises:
            TypeError: It is neither text nor bytes.
            ValueError: It is text that UTF-8 cannot say: half of a surrogate pair.
            NotConnectedError: There is no connection, and nothing was sent; or it ended while this was being sent, as
                ``__cause__`` says then, and nobody knows whether it arrived.
            SendTimeoutError: It took longer than ``send_timeout``; the connection was given up.

        Cancellation:
            A checkpoint. While others send, it can be cancelled; once its own frame has begun it is shielded, for at
            most ``send_timeout``.
        """
        check_message(message)
        line = self._line
        if line is None:
            raise NotConnectedError(self._url)
        try:
            await line.send(message)
        except ClosedError as closed:
            raise NotConnectedError(self._url) from closed

    async def wait_connected(self) -> None:
        """Wait until there is a connection.

        Cancellation:
            A checkpoint on every call. Cancelling it changes nothing.
        """
        await trio.lowlevel.checkpoint()
        while self._line is None:
            await self._news.wait()

    def opened(self, line: Line) -> None:
        """Send through this one from now on."""
        self._line = line
        self._news.set()

    def closed(self) -> None:
        """Send through none."""
        if self._line is not None:  # who waits for news waits for these
            self._line = None
            self._news = trio.Event()


def check_message(message: object) -> None:
    """Refuse what cannot be sent: implementations differ in what they do with it, and one of them hangs up.

    Raises:
        TypeError: It is neither text nor bytes.
        ValueError: It is text that UTF-8 cannot say.
    """
    if isinstance(message, str):
        if not message.isascii():
            message.encode()
    elif not isinstance(message, bytes):
        raise TypeError(f"a message is a str or bytes, not a {type(message).__name__}")
