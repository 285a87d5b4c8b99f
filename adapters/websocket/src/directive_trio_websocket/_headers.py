"""What a request may carry, looked at before it is sent: an implementation that refuses it may show it, secrets too."""

import re
from collections.abc import Mapping

from directive_trio.errors import DefinitionError

NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
VALUE = re.compile(r"(?:[^\0-\x20\x7f](?:[^\0-\x08\x0a-\x1f\x7f]*[^\0-\x20\x7f])?)?")
HANDSHAKE = re.compile(r"connection|host|upgrade|sec-websocket-.*", re.IGNORECASE)
"""What the implementation of the protocol sends by itself."""


def check_headers(headers: object, *, has_token: bool) -> None:
    """Refuse what can be no headers.

    Raises:
        DefinitionError: Names what is wrong, and shows no value.
    """
    if not isinstance(headers, Mapping):
        raise DefinitionError("headers= must be a mapping of names to values")
    for name, value in headers.items():
        if not is_token(name):
            raise DefinitionError(f"{name!r} can be no name of a header")
        if HANDSHAKE.fullmatch(name):
            raise DefinitionError(f"header {name!r} belongs to the handshake")
        if has_token and name.lower() == "authorization":
            raise DefinitionError("token= is sent as Authorization, and headers= has one too")
        if not isinstance(value, str) or not VALUE.fullmatch(value):
            raise DefinitionError(f"headers[{name!r}] must be one line of text without spaces around it")


def is_token(name: object) -> bool:
    """Say whether something can be the name of a header or of a subprotocol: what HTTP calls a token."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def token_of(answer: object) -> str:
    """Return what a token callback has answered, if it can be sent.

    Raises:
        TypeError: It is no text.
        ValueError: It cannot be sent; it is not shown.
    """
    if not isinstance(answer, str):
        raise TypeError(f"token() answered a {type(answer).__name__}, which is no text")
    if not answer or not VALUE.fullmatch(answer):
        raise ValueError("what token() answered must be one line of text without spaces around it")
    return answer
