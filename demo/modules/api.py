"""How all modules read an answer of the API: its JSON, or an error that says why there is none."""

from typing import Any

import httpx


class ApiError(Exception):
    """The server refused a request: its status, the path, and the reason the server gives."""

    def __init__(self, status: int, path: str, reason: str) -> None:
        super().__init__(f"{status} from {path}: {reason}")


def accepted(response: httpx.Response) -> Any:
    """Answer the JSON of a response.

    Raises:
        ApiError: The server refused the request.
    """
    if response.is_error:
        raise ApiError(response.status_code, response.url.path, response.text)
    return response.json()
