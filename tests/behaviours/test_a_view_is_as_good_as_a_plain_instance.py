"""F3: a view passes for an instance of its facts class: isinstance, ==, match, attrs, copies, methods."""

import copy
import pickle
import subprocess
import sys
from typing import Any, ClassVar

import attrs
import pytest
import trio
from attrs import define, field, frozen

from directive_trio import Context, Module, System, derivation, fact, open_system
from directive_trio.errors import DerivationError, ReadOnlyFactError, UnknownFactError


@define
class LampFacts:
    unit: ClassVar[str] = "lm"
    wanted: bool = False
    level: int = field(default=1, alias="brightness", kw_only=True)
    notes: list[str] = fact(factory=list)
    code: str = field(default="1234", init=False, repr=lambda code: "****")
    hidden: int = field(default=0, repr=False)

    @derivation
    def bright(self) -> bool:
        return self.level > 5

    @property
    def dark(self) -> bool:
        return not self.wanted

    def describe(self, word: str) -> str:
        return f"{word} {self.level} {self.unit}"

    @classmethod
    def at(cls, level: int) -> "LampFacts":
        return cls(brightness=level)

    @staticmethod
    def watts(level: int) -> int:
        return level * 10


@define
class DimmerFacts(LampFacts):
    steps: int = 3

    @derivation
    def bright(self) -> bool:
        return super().bright and self.steps > 1

    def describe(self, word: str) -> str:
        return "dimmed " + super().describe(word)


@frozen
class Shine: ...


@frozen
class FrozenFacts:
    level: int = 1


def views_of(facts: type[Any]) -> list[Any]:
    """A live view, and one as pure functions get it."""
    module: Module[Any] = Module("m", facts)
    live = System(module)["m"]
    return [live, module.of(live)]


@pytest.fixture(params=[0, 1], ids=["live", "seen"])
def view(request: pytest.FixtureRequest) -> Any:
    """A view of a lamp, one kind after the other."""
    return views_of(LampFacts)[request.param]


def test_it_is_an_instance_of_its_class(view: Any) -> None:
    """F3: isinstance holds."""
    assert isinstance(view, LampFacts)
    assert not isinstance(view, DimmerFacts)


def test_it_compares_by_value(view: Any) -> None:
    """F3: view == plain and plain == view, view == view; another value or class is different."""
    assert view == LampFacts()
    assert LampFacts() == view
    assert view == copy.copy(view)
    assert view != LampFacts(wanted=True)
    assert LampFacts(wanted=True) != view
    assert view != DimmerFacts()
    assert view != 1


def test_it_is_as_hashable_as_an_instance(view: Any) -> None:
    """What compares by value and changes has no hash."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(view)
    for frozen_view in views_of(FrozenFacts):
        assert hash(frozen_view) == hash(FrozenFacts())


def test_it_is_printed_like_an_instance(view: Any) -> None:
    """Field options of attrs count: what is not to be shown is not shown."""
    assert repr(view) == repr(LampFacts()) == "LampFacts(wanted=False, level=1, notes=[], code=****)"


def test_its_own_repr_is_kept() -> None:
    """A facts class may print itself."""

    @define(repr=False)
    class Spoken:
        level: int = 1

        def __repr__(self) -> str:
            return f"level {self.level}"

    @define(repr=False)
    class Silent:
        level: int = 1

    assert [repr(view) for view in views_of(Spoken)] == ["level 1"] * 2
    assert [repr(view) for view in views_of(Silent)] == ["Silent(level=1)"] * 2


def test_it_can_be_matched(view: Any) -> None:
    """By keyword and by position."""
    match view:
        case LampFacts(True):
            found = "positional"
        case LampFacts(wanted=False, level=level):
            found = f"level {level}"
        case _:
            found = "nothing"
    assert found == "level 1"


def test_attrs_works_on_it(view: Any) -> None:
    """asdict, astuple and evolve: the last gives a plain instance."""
    assert attrs.asdict(view) == attrs.asdict(LampFacts())
    assert attrs.astuple(view) == attrs.astuple(LampFacts())
    other = attrs.evolve(view, wanted=True)
    assert type(other) is LampFacts
    assert other.wanted


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda view: pickle.loads(pickle.dumps(view))])  # noqa: S301
def test_a_copy_is_a_plain_instance(view: Any, copied: Any) -> None:
    """It has the values of the moment and stands in no system."""
    twin = copied(view)
    assert type(twin) is LampFacts
    assert twin == view
    assert (twin.notes is view.notes) is (copied is copy.copy)


def test_methods_properties_and_constants_work_on_it(view: Any) -> None:
    """A class method makes plain instances, as on the class."""
    assert view.describe("level") == "level 1 lm"
    assert view.dark
    assert view.watts(2) == 20
    made = view.at(7)
    assert type(made) is LampFacts
    assert made.bright


def test_derivations_and_methods_are_inherited_and_overridden() -> None:
    """`super` works in both, on a view as on an instance."""
    assert DimmerFacts(brightness=6).bright
    assert not DimmerFacts(brightness=6, steps=1).bright
    live, seen = views_of(DimmerFacts)
    live.level = 6
    assert live.bright
    assert seen.bright
    live.steps = 1
    assert not live.bright
    assert seen.describe("level") == "dimmed level 6 lm"
    assert LampFacts(brightness=6).bright


def test_super_works_in_a_derivation_alone() -> None:
    """Even where no method shares its class cell, which attrs mends when it makes a slotted class anew."""

    @define
    class Strict(LampFacts):
        @derivation
        def bright(self) -> bool:
            return super().bright and self.wanted

    assert Strict(wanted=True, brightness=6).bright
    for view in views_of(Strict):
        assert not view.bright


def test_an_overridden_derivation_is_gone() -> None:
    """What a subclass makes of the name is what counts."""

    @define
    class Fixed(LampFacts):
        bright = True

    for view in views_of(Fixed):
        assert view.bright is True


def test_an_unknown_attribute_names_the_nearest(view: Any) -> None:
    """F1: in every view what is written; a name like none gets no hint."""
    with pytest.raises(UnknownFactError, match="no fact or derivation of LampFacts 'brigth'; did you mean 'bright'"):
        view.brigth = True
    with pytest.raises(UnknownFactError) as caught:
        view.zzz = True
    assert str(caught.value) == "there is no fact or derivation of LampFacts 'zzz'"
    assert not hasattr(view, "zzz")
    assert not hasattr(view, "_zzz")


def test_reading_an_unknown_attribute_of_a_read_only_view_names_the_nearest() -> None:
    """F1: in a constraint, where the error is only logged, it says so itself."""
    _, seen = views_of(LampFacts)
    with pytest.raises(UnknownFactError, match="no fact or derivation of LampFacts 'wantd'; did you mean 'wanted'"):
        _ = seen.wantd


async def test_a_run_and_an_effect_that_read_an_unknown_attribute_hear_of_the_nearest(
    autojump_clock: trio.abc.Clock,
) -> None:
    """F1: in the view of whoever writes, too."""
    module = Module("lamp", LampFacts)
    heard: dict[str, str] = {}

    def misspell(who: str, view: Any) -> None:
        with pytest.raises(UnknownFactError) as caught:
            _ = view.wantd
        heard[who] = str(caught.value)

    @module.resolver(Shine)
    async def shine(requirement: Shine, ctx: Context[LampFacts]) -> None:
        misspell("run", ctx.facts)

    @module.effect
    def look(facts: LampFacts) -> None:
        misspell("effect", facts)

    async with open_system(module) as system:
        system.require(Shine())
        await system.settle()
    assert heard == dict.fromkeys(
        ["effect", "run"], "there is no fact or derivation of LampFacts 'wantd'; did you mean 'wanted'?"
    )


def test_a_derivation_that_reads_an_unknown_attribute_names_the_nearest() -> None:
    """F1: as the cause of its error; an AttributeError about anything else stays what it is."""

    @define
    class Misspelt(LampFacts):
        other: str = ""

        @derivation
        def shining(self) -> Any:
            untyped: Any = "" if self.other == "str" else self
            return untyped.wantd if self.other != "private" else untyped._wantd

    live, _ = views_of(Misspelt)
    with pytest.raises(DerivationError) as caught:
        _ = live.shining
    assert isinstance(caught.value.__cause__, UnknownFactError)
    assert "did you mean 'wanted'" in str(caught.value.__cause__)
    for other in ("str", "private"):
        live.other = other
        with pytest.raises(DerivationError) as caught:
            _ = live.shining
        assert type(caught.value.__cause__) is AttributeError


MISSPELT = """
from attrs import define
from directive_trio import Module, System

@define
class LampFacts:
    lit: bool = False

lamp = Module("lamp", LampFacts)
System(lamp)[lamp].lt
"""


def test_reading_one_of_a_live_view_is_pythons_own_error() -> None:
    """F1: it carries name and object, from which the interpreter makes the hint when nobody catches it."""
    live, _ = views_of(LampFacts)
    with pytest.raises(AttributeError) as caught:
        _ = live.wantd
    assert (caught.value.name, caught.value.obj) == ("wantd", live)
    ended = subprocess.run([sys.executable, "-c", MISSPELT], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr.endswith("'LampFactsLive' object has no attribute 'lt'. Did you mean: 'lit'?\n")


def test_a_fact_cannot_be_deleted_and_a_derivation_not_written() -> None:
    """The error says what to do instead."""
    for view in views_of(LampFacts):
        with pytest.raises(ReadOnlyFactError, match="write its default"):
            del view.wanted
        with pytest.raises(ReadOnlyFactError, match="it is a derivation"):
            view.bright = True


def test_frozen_facts_are_written_through_a_view_only() -> None:
    """The class forbids writing to its instances; the facts of a system change all the same."""
    live, seen = views_of(FrozenFacts)
    live.level = 2
    assert seen == FrozenFacts(2)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        copy.copy(live).level = 3


def test_a_derivation_of_a_plain_instance_just_computes() -> None:
    """Section 3: that is its unit test, and the handle is read on the class."""
    assert LampFacts(brightness=6).bright
    assert repr(LampFacts.bright) == "<derivation bright>"


def test_facts_may_have_any_public_name() -> None:
    """The words that views are made of are no trap."""
    names = ["property", "reads", "node", "nodes", "view", "lens", "facts_class", "name", "value", "type", "classes"]
    facts = define(type("Named", (), {"__annotations__": dict.fromkeys(names, int), **dict.fromkeys(names, 1)}))
    live, seen = views_of(facts)
    for name in names:
        setattr(live, name, 2)
        assert getattr(live, name) == getattr(seen, name) == 2
