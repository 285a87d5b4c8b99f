"""Optimistic edits: show the result at once, and take it back if it does not come true.

Taken back is only what is still the handler's own: a value that somebody else wrote meanwhile stays. That is a
compare-and-swap, with the run that wrote the fact last as what is compared.
"""

from copy import deepcopy
from typing import Any, TypeVar

from attrs import frozen

from directive_trio import Context, Record
from directive_trio.errors import UncopyableFactError, UsageError
from directive_trio.lowlevel import landing, wrote_last
from directive_trio.patterns._wrapping import Handler, Wrapper, call, check_handler

K = TypeVar("K", bound=Record)
F = TypeVar("F")


@frozen
class Saved:
    """One fact before the edit: the object itself, and a copy that no mutation in place can reach."""

    original: Any
    copy: Any


class Optimistic(Wrapper[K, F]):
    """See `optimistic`."""

    def __init__(self, handler: Handler[K, F], facts: tuple[str, ...]) -> None:
        super().__init__(handler)
        self.facts = facts

    async def run(self, mutation: K, ctx: Context[F], sequence: int) -> None:
        facts = landing(ctx)  # refused here where there is no run, before anything is written
        saved = {name: _save(ctx, name) for name in self.facts}
        remove = ctx.signal.on_abort(lambda _: _restore(ctx, facts, saved))
        try:
            await call(self.handler, mutation, ctx, sequence)
        except BaseException as error:
            try:
                _restore(ctx, facts, saved)  # again where it was cancelled: for what it did while it cleaned up
            except Exception as refused:  # noqa: BLE001  # the user's validator or copy; why it failed matters more
                error.add_note(f"and this could not be taken back: {refused}")
            raise
        finally:
            remove()


def _save(ctx: Context[Any], name: str) -> Saved:
    value = getattr(ctx.facts, name)
    try:
        return Saved(value, deepcopy(value))
    except Exception as error:
        raise UncopyableFactError(name) from error


def _restore(ctx: Context[Any], facts: Any, saved: dict[str, Saved]) -> None:
    """Take back whatever can be; if something cannot, say so when the rest has returned."""
    refused: list[Exception] = []
    for name, before in saved.items():
        now = getattr(facts, name)
        if _differs(now, before.copy) if now is before.original else wrote_last(ctx, name):
            try:
                setattr(facts, name, deepcopy(before.copy))
            except Exception as error:  # noqa: BLE001  # the user's validator or copy
                refused.append(error)
            saved[name] = Saved(getattr(facts, name), before.copy)
    if refused:
        raise refused[0]


def _differs(now: Any, before: Any) -> bool:
    """Say whether a value was mutated in place. One that cannot be compared counts as different, as in a write."""
    try:
        return bool(now != before)
    except Exception:  # noqa: BLE001  # the user's ``==``
        return True


def optimistic(handler: Handler[K, F], /, *facts: str) -> Handler[K, F]:
    """Return *handler* made to take back what it wrote to *facts* when it raises or is cancelled.

    Each of them returns to a copy of its value from before, unless somebody else has written it meanwhile. On a
    cancellation that happens at once, before whatever comes next starts.

    Args:
        handler: The handler, or another wrapper round one.
        facts: Names of facts of its module.

    Raises:
        DefinitionError: *handler* is no function.
        UsageError: No fact is named.
        UncopyableFactError: When the handler is called: a value cannot be copied. Nothing was written.
    """
    check_handler(handler)
    if not facts or not all(isinstance(name, str) for name in facts):
        raise UsageError("optimistic() takes the names of the facts to take back")
    return Optimistic(handler, facts)
