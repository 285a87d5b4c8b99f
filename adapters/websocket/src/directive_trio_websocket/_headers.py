"""What a request may carry, looked at before it is sent: an implementation that refuses it may show it, secrets too."""

import re
from collections.abc import Mapping

from directive_trio.errors import DefinitionError

NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
VALUE = re.compile(r"(?:[^\0-\x20\x7f](?:[^\0-\x08\x0a-\x1f\x7f]*[^\0-\x20\x7f])?)?")


def check_headers(headers: Mapping[str, object]) -> None:
    """Refuse what can be no header.

    Raises:
        DefinitionError: Names it, and does not show its value.
    """
    for name, value in headers.items():
        if not NAME.fullmatch(name):
            raise DefinitionError(f"{name!r} can be no name of a header")
        if not isinstance(value, str) or not VALUE.fullmatch(value):
            raise DefinitionError(f"headers[{name!r}] must be one line of text without spaces around it")


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
