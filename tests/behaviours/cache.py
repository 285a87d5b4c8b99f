"""A cache that is filled by a batch resolver, for the tests of batches."""

from collections.abc import Sequence
from typing import Any

import trio
from attrs import define, frozen

from directive_trio import Context, Module
from directive_trio.observe import Observation


@define
class Cache:
    wanted: tuple[int, ...] = ()
    loaded: tuple[int, ...] = ()
    calls: tuple[tuple[int, ...], ...] = ()
    note: str = ""


@frozen
class Load:
    id: int


Ctx = Context[Cache]
Outcomes = Sequence[Exception | None] | None


def cache(do: Any, **options: Any) -> Module[Cache]:
    """Everything wanted must be loaded."""
    module = Module("cache", Cache)
    module.constraint(name="must_be_loaded")(
        lambda facts: [Load(key) for key in facts.wanted if key not in facts.loaded]
    )
    module.batch_resolver(Load, **options)(do)
    return module


async def load(requirements: list[Load], ctx: Ctx) -> None:
    """Takes a second."""
    ids = tuple(requirement.id for requirement in requirements)
    ctx.facts.calls += (ids,)
    await trio.sleep(1)
    ctx.facts.loaded += ids


def ends(log: list[Observation]) -> list[tuple[str, int, str]]:
    """The outcome of each run."""
    kinds = ("resolver.complete", "resolver.error", "resolver.cancel")
    return [(one.type, one.requirement.id, str(getattr(one, "reason", ""))) for one in log if one.type in kinds]  # type: ignore[attr-defined]  # all three have it
