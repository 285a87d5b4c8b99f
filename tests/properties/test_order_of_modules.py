"""R3: whatever modules have come and gone, constraints stand in the order of a system made of those that are left."""

from attrs import define, frozen
from hypothesis import event, given
from hypothesis import strategies as st

from directive_trio import Module, System
from directive_trio.errors import DependencyCycleError, DuplicateNameError, UnknownNameError

NAMES = ("a", "b", "c", "d")
RULES = tuple(f"{name}::{rule}" for name in NAMES for rule in ("one", "two"))


@define
class Facts:
    count: int = 0


@frozen
class Rules:
    """The constraints of a module: the priority of each, and whom it comes after."""

    one: tuple[int, tuple[str, ...]]
    two: tuple[int, tuple[str, ...]] | None


places = st.tuples(st.sampled_from([0, 0, 0, 1, -1]), st.lists(st.sampled_from(RULES), max_size=2).map(tuple))
steps = st.lists(
    st.tuples(
        st.sampled_from(["come", "come", "come", "go", "renew"]),
        st.sampled_from(NAMES),
        st.builds(Rules, places, st.one_of(st.none(), places)),
    ),
    min_size=4,
    max_size=16,
)


def made_of(name: str, rules: Rules) -> Module[Facts]:
    module = Module(name, Facts)
    for rule, place in (("one", rules.one), ("two", rules.two)):
        if place is not None:
            module.constraint(name=rule, priority=place[0], after=place[1])(lambda facts: None)
    return module


def shape(system: System) -> tuple[list[str], set[str]]:
    """The constraints in their order, and who comes after whom."""
    edges = {f"{edge.source.id} -> {edge.target.id}" for edge in system.graph().edges if edge.label == "after"}
    return [one.id for one in system.inspect().constraints], edges


@given(steps)
def test_the_order_is_that_of_a_fresh_system(program: list[tuple[str, str, Rules]]) -> None:
    """After each step, also after one that is refused."""
    system = System()
    there: dict[str, Module[Facts]] = {}
    for what, name, rules in program:
        module = made_of(name, rules)
        try:
            if what == "come":
                system.register(module)
            elif what == "go":
                system.unregister(name)
            else:
                system.replace(module)
        except (DependencyCycleError, DuplicateNameError, UnknownNameError) as error:
            event(f"{what} refused with {type(error).__name__}")
        else:
            event(f"{what} done")
            there.pop(name, None)
            if what != "go":
                there[name] = module
        assert shape(system) == shape(System(*there.values()))
