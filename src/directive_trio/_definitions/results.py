"""What a sync function of the user may return: nothing that waits to be awaited or iterated over."""

import inspect
from types import AsyncGeneratorType, GeneratorType
from typing import NoReturn

from directive_trio._definitions.checks import Refusal
from directive_trio._definitions.printing import spelt
from directive_trio.errors import UsageError


def refuse_result(who: str, result: object, advice: str, error: Refusal = UsageError) -> NoReturn:
    """Refuse what a sync function returned; a coroutine is closed, so that nobody warns of it later.

    Raises:
        UsageError: Always; or *error*.
    """
    if inspect.iscoroutine(result):
        result.close()
    raise error(f"{who} returned {spelt(result)}; {advice}")


def refuse_unrun(who: str, result: object, error: Refusal = UsageError) -> None:
    """Refuse a result that says that nothing of the function has run yet: a coroutine, a generator.

    Raises:
        UsageError: It is one; or *error*.
    """
    if hasattr(result, "__await__") or isinstance(result, GeneratorType | AsyncGeneratorType):
        refuse_result(who, result, "it must be sync, so nothing of that was run", error)
