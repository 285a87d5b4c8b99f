"""The command: ``python -m demo [--break PART] [--out DIR] [--plain]``."""

import argparse
import signal
import sys
from pathlib import Path

import httpx
import trio
from rich.console import Console

from demo.exception_groups import first_error
from demo.modules.api import ApiError
from demo.outcome import MEANINGS, Exit
from demo.report import print_text
from demo.server import BREAKABLE
from demo.server_process import ServerStartError
from demo.story import Options, run_story
from directive_trio.errors import SettleTimeoutError

PLAIN_WIDTH = 120
"""Width of the output when no terminal says how wide it is."""


def main() -> int:
    """Run the demo; answer its exit code."""
    # A shell that starts a program in the background may have it ignore Ctrl-C; this one never does.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = read_options()
    console = make_console(plain=options.plain)
    verdict = Exit.INCOMPLETE
    try:
        verdict = trio.run(run_story, options, console)
    except* KeyboardInterrupt:
        verdict = Exit.INTERRUPTED
        print_text(console, "interrupted: everything is cancelled, and the server is stopped")
    except* ServerStartError as group:
        verdict = Exit.SERVER_NOT_STARTED
        print_text(console, f"{MEANINGS[verdict]}: {first_error(group)}")
    except* (ApiError, httpx.HTTPError, trio.TooSlowError) as group:
        verdict = Exit.STEP_FAILED
        print_text(console, f"the server opens no session: {first_error(group)!r}")
    except* SettleTimeoutError as group:
        print_text(console, f"{MEANINGS[verdict]}: {first_error(group)}")
    return verdict


def read_options() -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="A chain of async steps against a real HTTP API, with real faults.",
        epilog="exit codes:\n" + "\n".join(f"  {code.value:>3}  {text}" for code, text in MEANINGS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = [*BREAKABLE, "server"]
    parser.add_argument("--break", dest="broken", choices=parts, default="", help="let PART fail for good")
    parser.add_argument("--out", type=Path, default=Options().out, help="folder for the files it writes")
    parser.add_argument("--plain", action="store_true", help="print lines instead of a live table")
    parser.add_argument("--port", type=int, default=0, help="port of the server; 0, the default: a free one")
    arguments = parser.parse_args()
    is_plain = arguments.plain or not sys.stdout.isatty()
    return Options(arguments.broken, arguments.out, is_plain, arguments.port)


def make_console(*, plain: bool) -> Console:
    """Make the console: in colour and as wide as the terminal, or plain text of a fixed width."""
    if plain:
        return Console(width=PLAIN_WIDTH, color_system=None, force_terminal=False, highlight=False)
    return Console(highlight=False)


if __name__ == "__main__":
    sys.exit(main())
