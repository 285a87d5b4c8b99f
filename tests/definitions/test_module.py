"""Modules that are copies of others."""

import pytest
from attrs import define, frozen

from directive_trio import Context, Module
from directive_trio.errors import UnknownNameError


@define
class Facts:
    count: int = 0


@frozen
class Job: ...


@frozen
class Other: ...


def module_with_a_resolver() -> Module[Facts]:
    module = Module("m", Facts)

    @module.resolver(Job, timeout=5, name="do")
    async def resolve(requirement: Job, ctx: Context[Facts]) -> None: ...

    @module.on(Job)
    def take(facts: Facts, event: Job) -> None: ...

    @module.init
    def begin(facts: Facts) -> None: ...

    return module


def test_another_resolver_takes_the_place_of_one() -> None:
    """The copy has it, with the options of the other; the module keeps its own."""
    module = module_with_a_resolver()

    async def mock(requirement: Job, ctx: Context[Facts]) -> None: ...

    twin = module.with_resolver(Job, mock)
    assert (twin.resolvers["do"].function, twin.resolvers["do"].timeout) == (mock, 5)
    assert module.resolvers["do"].function is not mock
    assert twin.handlers == module.handlers
    assert twin.inits == module.inits


def test_a_sync_one_has_no_timeout() -> None:
    """It runs inline."""
    twin = module_with_a_resolver().with_resolver(Job, lambda requirement, ctx: None)
    assert (twin.resolvers["do"].is_async, twin.resolvers["do"].timeout) == (False, None)


def test_there_must_be_one_to_replace() -> None:
    """The nearest requirement is named."""

    @frozen
    class Jobs: ...

    for kind, hint in ((Jobs, "; did you mean 'Job'?"), (Other, "")):
        with pytest.raises(UnknownNameError) as caught:
            module_with_a_resolver().with_resolver(kind, lambda requirement, ctx: None)
        assert str(caught.value) == f"there is no resolver in module 'm' for {kind.__name__!r}{hint}"
