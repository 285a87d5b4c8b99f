"""Starts and stops with all three adapters: nothing is left, and what would be left is found. `make soak` does more."""

import socket
from itertools import count

import pytest

from directive_trio import Module
from tests.benchmarks import cycling


def test_systems_with_all_three_adapters_leave_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """No task, no socket, no file and no memory, here and at the servers; half of them are evicted."""
    assert cycling.run_cycles(600), capsys.readouterr().out


@pytest.mark.parametrize("kind", ["block", "file"])
def test_what_each_leaves_is_found(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A block for each system is enough, or one file for every hundredth."""
    kept: list[object] = []
    files: list[socket.socket] = []
    numbers = count()

    async def leave(module: Module[cycling.Heard], *, evicts: bool) -> list[str]:
        number = next(numbers)
        if kind == "block":
            kept.append(object())
        elif number % 100 == 0:
            files.append(socket.socket())
        return []

    monkeypatch.setattr(cycling, "cycle", leave)
    try:
        with pytest.raises(SystemExit, match="something is left"):
            cycling.main(["--cycles", "1000"])
    finally:
        for file in files:
            file.close()
    assert "1,000 systems" in capsys.readouterr().out
