"""What happens: log in with an old session, see it refused, log in anew, come to rest."""

import logging
from pathlib import Path

import httpx
import trio
from attrs import define, frozen
from rich.console import Console

from demo.market import HEARD
from demo.modules import Chain, make_chain
from demo.modules.api import accepted
from demo.modules.auth import LogIn
from demo.modules.live import REFRESHES, Follow, LiveFacts
from demo.outcome import Exit, judge
from demo.progress import Progress
from demo.report import (
    print_failure,
    print_system,
    print_text,
    print_verdict,
    print_widgets,
    write_files,
)
from demo.screen import Screen, open_screen
from demo.server import BREAKABLE, STORED_TOKEN
from demo.server_process import Server, open_server
from demo.widgets import Widget
from directive_trio import System, open_system
from directive_trio.plugins.devtools import DevtoolsTrace

LOGIN_TIMEOUT = 2.0
"""Seconds the server may take to open a session."""

LIVE_TIMEOUT = 6.0
"""Seconds the prices may take to move, connection lost and found again."""

SETTLE_TIMEOUT = 7.0
"""Seconds each half of the story may take to come to rest."""


@frozen
class Options:
    """What the command line asks for."""

    broken: str = ""
    out: Path = Path("build/demo")
    plain: bool = False
    port: int = 0

    @property
    def server_arguments(self) -> list[str]:
        """Arguments of the server process. It cannot kill itself: the story does that."""
        faults = ["--break", self.broken] if self.broken in BREAKABLE else []
        return ["--port", str(self.port), *faults]


async def run_story(options: Options, console: Console) -> Exit:
    """Start the server, run the chain against it, stop the server.

    Raises:
        ServerStartError: The server did not come up.
        SettleTimeoutError: The chain did not come to rest.
        Both in exception groups, as everything that leaves a nursery.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=options.out / "demo.log", level=logging.INFO, force=True)
    log = options.out / "server.log"
    async with (
        open_server(*options.server_arguments, log=log) as server,
        httpx.AsyncClient(base_url=server.url, timeout=None, trust_env=False) as client,
    ):
        print_text(console, f"the server answers at {server.url} (process {server.pid})")
        feed: str = accepted(await client.get("/api/feed"))["url"]
        return await Story(options, console, server, client, make_chain(client, feed)).run()


@define
class Story:
    """One run of the chain against a server that answers."""

    options: Options
    console: Console
    server: Server
    client: httpx.AsyncClient
    chain: Chain

    async def run(self) -> Exit:
        """Let the chain come to rest, and report what has become of it."""
        trace = DevtoolsTrace()
        async with open_system(*self.chain.modules, name="demo", plugins=[trace]) as system:
            progress = await self.watch_it_settle(system)
            return await self.report(system, progress, trace)

    async def watch_it_settle(self, system: System) -> Progress:
        """Show the observations while the chain runs; answer what they came to."""
        async with open_screen(self.console, plain=self.options.plain) as screen:
            stop_observing = system.observe(screen.observe)
            async with trio.open_nursery() as nursery:
                if self.options.broken == "server":
                    nursery.start_soon(self.kill_server, system)
                await self.log_in(system, screen)
                await self.watch_it_live(system, screen)
                nursery.cancel_scope.cancel()
            stop_observing()
            return screen.progress

    async def log_in(self, system: System, screen: Screen) -> None:
        """Log in with the stored session and, if the server refuses it, with a new one.

        Nobody tells the chain where to resume. The event changes two facts, and what
        follows from them follows.
        """
        system.dispatch(LogIn(STORED_TOKEN))
        await system.settle(SETTLE_TIMEOUT)
        if system[self.chain.auth].status == "expired":
            screen.say("auth::status is 'expired': open a new session, dispatch LogIn again")
            system.dispatch(LogIn(await self.new_token()))
            await system.settle(SETTLE_TIMEOUT)

    async def watch_it_live(self, system: System, screen: Screen) -> None:
        """Once everything is there, wait until it has been kept up to date for a while."""
        if self.is_complete(system):
            screen.say("the dashboard is complete: from here on, prices move and a timer reminds")
            system.dispatch(Follow())
            with trio.move_on_after(LIVE_TIMEOUT):
                await system.wait_until(lambda view: is_live(view[self.chain.live]))
            await system.settle(SETTLE_TIMEOUT)

    async def new_token(self) -> str:
        """Open a session on the server, as a user with a password would."""
        with trio.fail_after(LOGIN_TIMEOUT):
            response = await self.client.post("/api/auth/login")
        token: str = accepted(response)["token"]
        return token

    async def kill_server(self, system: System) -> None:
        """Kill the server as soon as the permissions are in: in the middle of the chain."""
        permissions = self.chain.permissions
        await system.wait_until(lambda view: view[permissions].loaded)
        await self.server.kill()

    async def report(self, system: System, progress: Progress, trace: DevtoolsTrace) -> Exit:
        """Print and write what the system says about itself, the verdict last."""
        print_widgets(self.console, self.arrived_widgets(system))
        print_system(self.console, system, trace)
        for path in write_files(self.options.out, system, trace):
            print_text(self.console, f"wrote {path}")
        for step in progress.failed:
            print_failure(self.console, system, step)
        status = await self.server.exit_status() if progress.failed else None
        verdict = judge(
            progress.failed,
            is_complete=self.is_complete(system),
            is_live=is_live(system[self.chain.live]),
            server_ended=status is not None,
        )
        print_verdict(self.console, verdict, progress, status)
        return verdict

    def arrived_widgets(self, system: System) -> list[Widget]:
        """The widgets that have arrived, in the order of the chain."""
        facts = [system[module] for module in self.chain.widgets.values()]
        return [each.widget for each in facts if each.widget is not None]

    def is_complete(self, system: System) -> bool:
        """Tell whether all that the dashboard offers has arrived, and the notifications too."""
        dashboard, notifications = system[self.chain.dashboard], system[self.chain.notifications]
        arrived = [name for name, module in self.chain.widgets.items() if system[module].widget is not None]
        return dashboard.loaded and notifications.loaded and set(dashboard.offered) == set(arrived)


def is_live(facts: LiveFacts) -> bool:
    """Tell whether the prices have moved, the gap in between is closed, and the reminders have come."""
    return facts.moves == HEARD and facts.gaps > 0 and facts.is_current and facts.refreshes == REFRESHES
