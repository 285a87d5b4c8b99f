"""O2: `graph` gives nodes and edges, with Mermaid and DOT text that stays valid whatever the names."""

import re
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, SystemGraph, derivation, open_system


@define
class Facts:
    number: int = 0

    @derivation
    def doubled(self) -> int:
        return self.number * 2

    @derivation
    def unread(self) -> int:
        return 0


@frozen
class Job: ...


@frozen
class Lost: ...


NASTY = 'say "hi" \\ #1\n[done] {x} -->'


@pytest.fixture
async def graph(autojump_clock: trio.abc.Clock) -> SystemGraph:
    """Of a system that has read what it reads."""
    module = Module("m", Facts)

    @module.constraint
    def first(facts: Facts) -> list[Any] | None:
        return [Job(), Lost()] if facts.doubled >= 0 else None

    @module.constraint(after=[first], name=NASTY)
    def second(facts: Facts) -> None: ...

    @module.effect
    def effect(facts: Facts) -> None:
        _ = facts.number

    @module.resolver(Job)
    async def do(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(1)

    async with open_system(module) as system:
        await trio.sleep(0.5)
        return system.graph()


async def test_its_nodes_and_edges(graph: SystemGraph, autojump_clock: trio.abc.Clock) -> None:
    """O2: everything that was declared, and what reads, requires, resolves what, or comes after it."""
    assert [(node.kind, node.id) for node in graph.nodes] == [
        ("fact", "m::number"),
        ("derivation", "m::doubled"),
        ("derivation", "m::unread"),
        ("constraint", "m::first"),
        ("constraint", f"m::{NASTY}"),
        ("effect", "m::effect"),
        ("requirement", "Job"),
        ("resolver", "m::do"),
        ("requirement", "Lost"),
    ]
    assert sorted((edge.source.id, edge.label, edge.target.id) for edge in graph.edges) == sorted(
        [
            ("m::number", "reads", "m::doubled"),
            ("m::doubled", "reads", "m::first"),
            ("m::number", "reads", "m::effect"),
            ("m::first", "after", f"m::{NASTY}"),
            ("m::first", "requires", "Job"),
            ("m::first", "requires", "Lost"),
            ("Job", "resolves", "m::do"),
        ]
    )


async def test_the_mermaid_text(graph: SystemGraph, autojump_clock: trio.abc.Clock) -> None:
    """O2: each line is a node with a quoted label, or an edge between nodes that are there."""
    header, *lines = graph.mermaid().splitlines()
    assert header == "flowchart LR"
    nodes = [line for line in lines if "|" not in line]
    edges = [line for line in lines if "|" in line]
    assert (len(nodes), len(edges)) == (len(graph.nodes), len(graph.edges))
    shape = r'    (n\d+)(\[\(|\(\[|\{\{|\[/|\[\[|>)"[^"]*"(\)\]|\]\)|\}\}|/\]|\]\]|\])'
    names = [re.fullmatch(shape, line) for line in nodes]
    assert all(names), nodes
    known = {match[1] for match in names if match}
    for line in edges:
        match = re.fullmatch(r"    (n\d+) -->\|(reads|after|requires|resolves)\| (n\d+)", line)
        assert match
        assert {match[1], match[3]} <= known
    assert 'm::say #quot;hi#quot; \\ #35;1 [done] {x} -->"' in graph.mermaid()


async def test_the_dot_text(graph: SystemGraph, autojump_clock: trio.abc.Clock) -> None:
    """O2: the same for Graphviz: quotes and backslashes in labels are escaped."""
    first, layout, *lines, last = graph.dot().splitlines()
    assert (first, layout, last) == ("digraph system {", "    rankdir=LR;", "}")
    quoted = r'"(?:[^"\\]|\\.)*"'
    node, edge = rf"    n\d+ \[label={quoted}, shape=\w+\];", rf"    n\d+ -> n\d+ \[label={quoted}\];"
    kinds = [bool(re.fullmatch(node, line)) - bool(re.fullmatch(edge, line)) for line in lines]
    assert kinds == [1] * len(graph.nodes) + [-1] * len(graph.edges)
    assert r'"m::say \"hi\" \\ #1 [done] {x} -->"' in graph.dot()


async def test_it_is_the_same_each_time(autojump_clock: trio.abc.Clock) -> None:
    """O2: so that it can be compared; what is gone is still drawn."""
    module = Module("m", Facts)

    @module.constraint
    def first(facts: Facts) -> Lost | None:
        return Lost() if facts.number else None

    async with open_system(module) as system:
        system[module].number = 1
        await system.wait_until(lambda view: bool(view[module].number))
        await trio.sleep(1)
        wanted = system.graph()
        system[module].number = 0
        await system.settle()
        assert system.graph() == wanted
        assert system.graph().mermaid() == wanted.mermaid()


async def test_what_has_read_a_module_that_goes_is_drawn_without_it(autojump_clock: trio.abc.Clock) -> None:
    """O2: before its readers are asked again, after it, and when it is back; `explain` says what is not there."""
    module, reader = Module("m", Facts), Module("reader", Facts)

    @reader.constraint
    def looks(facts: Facts) -> None:
        _ = module.of(facts).doubled

    def words() -> str:
        return str(system.explain("reader::looks"))

    async with open_system(module, reader) as system:
        await system.settle()
        system.replace(module)
        assert not system.graph().edges
        assert "m::doubled is there no more: its module was replaced" in words()
        await system.settle()
        assert {edge.target.id for edge in system.graph().edges} == {"m::doubled", "reader::looks"}
        system.unregister(module)
        for _ in range(2):
            assert not system.graph().edges
            assert "module m is not there" in words()
            await system.settle()
        system.register(module)
        await system.settle()
        assert {edge.target.id for edge in system.graph().edges} == {"m::doubled", "reader::looks"}
