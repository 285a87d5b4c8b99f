"""F1: annotations are resolved when the system is made; one that cannot be is reported once and not checked."""

import logging
from typing import TYPE_CHECKING

import pytest
from attrs import define

from directive_trio import Module, System
from directive_trio.errors import FactValueError

if TYPE_CHECKING:
    from decimal import Decimal


@define
class PriceFacts:
    price: "Decimal | None" = None
    count: "int" = 0
    later: "Later | None" = None


@define
class MoreFacts(PriceFacts):
    more: "list[Later] | None" = None


class Later: ...


def test_only_the_one_that_cannot_be_resolved_is_left_unchecked(caplog: pytest.LogCaptureFixture) -> None:
    """The report names the fact and says why; its neighbours are checked, forward references included."""
    module = Module("shop", PriceFacts)
    with caplog.at_level(logging.WARNING, "directive_trio"):
        facts = System(module)["shop"]
        System(module)
    assert caplog.messages == ["fact shop::price is not type-checked: NameError: name 'Decimal' is not defined"]
    facts.price = "free"
    with pytest.raises(FactValueError):
        facts.count = "two"
    with pytest.raises(FactValueError):
        facts.later = 1


def test_an_inherited_annotation_is_resolved_where_it_was_written(caplog: pytest.LogCaptureFixture) -> None:
    """Each field is read with the names of the class that declares it."""
    facts = System(Module("shop", MoreFacts))["shop"]
    assert len(caplog.messages) == 1
    facts.later = Later()
    with pytest.raises(FactValueError):
        facts.more = Later()


def test_nothing_is_reported_where_nothing_is_checked(caplog: pytest.LogCaptureFixture) -> None:
    """``check_types=False`` resolves no annotation."""
    System(Module("shop", PriceFacts), check_types=False)
    assert not caplog.messages
