"""The recorder: observations as lists to compare with."""

from trio.testing import MockClock

from directive_trio import System, open_system
from directive_trio.observe import ResolverComplete, ResolverStart
from directive_trio.testing import Recorder
from tests.testing.lamp import SwitchOn, lamp_module


async def recorded(recorder: Recorder) -> None:
    """Light a lamp under the eyes of a recorder."""
    lamp = lamp_module()
    async with open_system(lamp, name="house", plugins=[recorder]) as system:
        system[lamp].wanted = True
        await system.settle()


async def test_a_recorder_hears_everything_from_the_making_on(autojump_clock: MockClock) -> None:
    """And to the end."""
    recorder = Recorder()
    await recorded(recorder)
    told = recorder.sequence()
    assert told[0] == ("system.init", "house")
    assert told[-1] == ("system.destroy", "house")
    assert [seen.seq for seen in recorder.observations] == sorted(seen.seq for seen in recorder.observations)


async def test_a_sequence_is_type_and_id(autojump_clock: MockClock) -> None:
    """Words stand for all types that begin with them; what is about no definition has its type alone."""
    recorder = Recorder()
    await recorded(recorder)
    assert recorder.sequence("resolver", "requirement.met", "reconcile.start") == [
        ("reconcile.start",),
        ("resolver.start", "lamp::switch_on"),
        ("resolver.complete", "lamp::switch_on"),
        ("reconcile.start",),
        ("requirement.met", "lamp::must_be_lit"),
    ]


async def test_a_word_stands_for_whole_words_only(autojump_clock: MockClock) -> None:
    """``res`` is not the beginning of ``resolver``."""
    recorder = Recorder()
    await recorded(recorder)
    assert recorder.sequence("res") == []


async def test_what_is_of_one_class_has_its_fields(autojump_clock: MockClock) -> None:
    """In the order in which it was observed."""
    recorder = Recorder()
    await recorded(recorder)
    (start,), (end,) = recorder.of_type(ResolverStart), recorder.of_type(ResolverComplete)
    assert (start.requirement, start.run) == (SwitchOn(), end.run)
    assert end.duration == 1


def test_a_recorder_can_begin_late_and_anew() -> None:
    """As an observer of a system that exists."""
    lamp = lamp_module()
    system = System(lamp)
    recorder = Recorder()
    system.observe(recorder.observe)
    assert system.read("lamp::lit") is False
    recorder.clear()
    assert recorder.observations == []
