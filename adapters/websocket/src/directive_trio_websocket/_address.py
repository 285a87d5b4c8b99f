"""The address in a URL, and a stream to it."""

import re
import ssl
from urllib.parse import urlsplit

import trio
from attrs import frozen

from directive_trio.errors import DefinitionError

PORTS = {"ws": 80, "wss": 443}
CREDENTIALS = re.compile("//.*@", re.DOTALL)
VISIBLE = re.compile("[!-~]*")
"""The characters of a request line; implementations differ in what they make of others."""


@frozen
class Address:
    """Where to connect to, and what to ask for there."""

    url: str
    secure: bool
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """The host as a request names it: with the port, if it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["wss" if self.secure else "ws"] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for people: without the query, where many services want a key."""
        return _shown(self.url)


def address_of(url: object) -> Address:
    """Read a URL.

    Raises:
        DefinitionError: It is no URL of a WebSocket, or holds a password. Secrets are not shown.
    """
    if not isinstance(url, str):
        raise DefinitionError(f"{url!r} is no URL of a WebSocket; write ws://host/path or wss://host/path")
    shown = _shown(url)
    if not VISIBLE.fullmatch(url):
        raise DefinitionError(
            f"{shown!r} holds characters that cannot be sent; "
            "write others as %.. in the path, as xn--... in the name of the host"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DefinitionError(f"{shown!r}: {error}") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise DefinitionError(f"{shown!r} is no URL of a WebSocket; write ws://host/path or wss://host/path")
    if parts.username is not None:
        raise DefinitionError(f"the URL of {parts.hostname} holds credentials; give them as headers= or token=")
    if port == 0:
        raise DefinitionError(f"{shown!r}: Port out of range 1-65535")
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise DefinitionError(f"{parts.hostname} can be no name of a host") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(url, parts.scheme == "wss", parts.hostname, port or PORTS[parts.scheme], target)


def _shown(url: str) -> str:
    return CREDENTIALS.sub("//...@", url).partition("?")[0]


async def open_stream(address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
    """Connect, with TLS if the address asks for it.

    Raises:
        OSError: Nobody is there, or the name is unknown.
        trio.BrokenResourceError: TLS could not be agreed upon.
    """
    stream = await trio.open_tcp_stream(address.host, address.port)
    if not address.secure:
        return stream
    tls = trio.SSLStream(
        stream,
        context or ssl.create_default_context(),
        server_hostname=address.host,
        https_compatible=True,  # many servers hang up without the goodbye of TLS; WebSocket has its own
    )
    try:
        await tls.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return tls
