"""Section 1, 7: a system belongs to the thread of its trio run; ``debug=True`` checks it."""

import pytest
import trio

from directive_trio import open_system
from directive_trio.errors import UsageError
from tests.behaviours.worker import Ctx, Job, work_module


def done(job: Job, ctx: Ctx) -> None:
    """A resolver."""
    ctx.facts.done = job.name


async def test_a_write_from_another_thread_is_refused(autojump_clock: trio.abc.Clock) -> None:
    """It names the way to do it, and that way works."""
    module = work_module(done)
    async with open_system(module, debug=True) as system:

        def write_wrongly() -> None:
            system[module].wanted = "a"

        def write_rightly() -> None:
            trio.from_thread.run_sync(write_wrongly)

        with pytest.raises(UsageError, match=r"trio\.from_thread\.run_sync"):
            await trio.to_thread.run_sync(write_wrongly)
        await system.settle()
        assert system[module].done == ""
        await trio.to_thread.run_sync(write_rightly)
        await system.settle()
        assert system[module].done == "a"
