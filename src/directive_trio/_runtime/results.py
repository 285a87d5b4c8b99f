"""What a sync function of the user may return: nothing that waits to be awaited."""

from typing import NoReturn


def refuse_result(who: str, result: object, advice: str) -> NoReturn:
    """Refuse what a sync function returned; a coroutine in it is closed, so that nobody warns of it later.

    Raises:
        TypeError: Always.
    """
    getattr(result, "close", lambda: None)()
    raise TypeError(f"{who} returned {result!r}; {advice}")
