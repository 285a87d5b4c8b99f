"""Signals: a callback that raises is reported, by the name of whose signal it is."""

from typing import Any

import pytest

from directive_trio._definitions.policies import CancelReason, ErrorBoundary
from directive_trio._observation.observers import Observers
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.signal import RunSignal, SourceSignal


@pytest.mark.parametrize(("signal", "kind"), [(RunSignal, "resolver"), (SourceSignal, "source")])
def test_it_says_whose_it_is(signal: Any, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """A run's or a source's."""

    def broken(reason: CancelReason) -> None:
        raise OSError

    made = signal(Boundary(ErrorBoundary(), Observers()), "m::x")
    made.on_abort(broken)
    made.abort(CancelReason("stopped"))
    assert caplog.messages == [f"{kind} m::x: OSError()"]
