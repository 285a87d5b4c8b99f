"""Tools for tests of programs that use directive-trio: on trio's mock clock, without waiting."""

from directive_trio.testing._recorder import Recorder
from directive_trio.testing._resolvers import ManualCall, ManualResolver, MockResolver
from directive_trio.testing._sources import check_source
from directive_trio.testing._system import open_test_system

__all__ = [
    "ManualCall",
    "ManualResolver",
    "MockResolver",
    "Recorder",
    "check_source",
    "open_test_system",
]
