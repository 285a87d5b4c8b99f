"""Section 4: what is generated for a facts class lives as long as the class; one made by a function goes with it."""

import gc
import weakref
from typing import Any

from attrs import define

from directive_trio import Module, System


def test_a_facts_class_made_by_a_function_is_not_kept() -> None:
    """F2: views are generated once for a class, and nothing else remembers it."""

    def used() -> "weakref.ref[Any]":
        @define
        class Facts:
            count: int = 0

        module = Module("m", Facts)
        first, second = System(module), System(module)
        first[module].count = 1
        assert type(first[module]) is type(second[module])
        return weakref.ref(Facts)

    facts = used()
    gc.collect()
    assert facts() is None
