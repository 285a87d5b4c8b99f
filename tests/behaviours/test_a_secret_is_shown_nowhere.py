"""F1, O1, O2: what is tagged `secret` or `pii` is in no text, observation or picture that the product makes."""

import json
import logging
from collections.abc import Callable

import cattrs
import pytest
import trio
from attrs import define, frozen

from directive_trio import HIDDEN, Context, Module, any_of, derivation, fact, not_, one_of, open_system
from directive_trio.errors import FactValueError, SettleTimeoutError
from directive_trio.observe import DerivationCompute, FactChange, Observation
from directive_trio.plugins.devtools import DevtoolsTrace
from directive_trio.plugins.logging import LoggingPlugin


@define
class Facts:
    token: str = fact("", tags=["secret"])
    mail: str = fact("", tags=["web", "pii"])
    plain: str = ""

    @derivation(tags=["secret"])
    def header(self) -> str:
        return f"Bearer {self.token}"


@frozen
class Work: ...


def working(seen: list[Facts]) -> Module[Facts]:
    module = Module("m", Facts)

    @module.constraint
    def must_work(facts: Facts) -> Work | None:
        return Work() if facts.header != "Bearer " and facts.mail else None

    @module.resolver(Work)
    async def work(requirement: Work, ctx: Context[Facts]) -> None:
        seen.append(ctx.snapshot())
        await trio.sleep(10)

    return module


async def test_in_no_text_of_a_whole_system(autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Observations, `inspect`, `explain`, `graph`, plugins, errors, views and snapshots; a plain fact is."""
    caplog.set_level(logging.DEBUG)
    log: list[Observation] = []
    snapshots: list[Facts] = []
    texts: list[str] = []
    module, trace = working(snapshots), DevtoolsTrace()
    async with open_system(module, plugins=[trace, LoggingPlugin()], debug=True) as system:
        system.observe(log.append)
        system[module].token, system[module].mail, system[module].plain = "hunter2", "ada@hunter2", "open"
        with pytest.raises(SettleTimeoutError) as unsettled:
            await system.settle(timeout=1)
        with pytest.raises(FactValueError) as refused:
            system[module].token = ["hunter2"]  # type: ignore[assignment]  # what it is about
        texts += [str(unsettled.value), str(refused.value), str(system.graph()), repr(system[module])]
        targets = ("m::token", "m::mail", "m::header", "m::plain", "m::must_work", "m::work", Work(), system.name)
        texts += [str(system.explain(target)) for target in targets]
        picture = system.inspect()
        texts += [repr(picture), json.dumps(cattrs.unstructure(picture))]
        assert (system[module].token, system[module].mail) == ("hunter2", "ada@hunter2")
    texts += [repr(log), repr(snapshots), trace.text(), *trace.json_lines(), caplog.text]
    assert snapshots[0].token == "hunter2"  # the program has it all the same
    assert [text for text in texts if "hunter2" in text] == []
    assert "open" in repr(log)


async def test_an_observation_has_a_mark_in_its_place(autojump_clock: trio.abc.Clock) -> None:
    """So whoever keeps observations keeps no secret; who may know it reads the fact."""
    log: list[Observation] = []
    module = working([])
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].token = "hunter2"
        system[module].plain = "open"
        assert system[module].header == "Bearer hunter2"
        await system.settle()
        assert system.inspect().facts == {"m::token": HIDDEN, "m::mail": HIDDEN, "m::plain": "open"}
        assert [one.value for one in system.inspect().derivations] == [HIDDEN]
    changes = {seen.id: (seen.previous, seen.value) for seen in log if isinstance(seen, FactChange)}
    assert changes == {"m::token": (HIDDEN, HIDDEN), "m::plain": ("", "open")}
    assert {seen.value for seen in log if isinstance(seen, DerivationCompute)} == {HIDDEN}
    assert (repr(HIDDEN), str(HIDDEN), f"{HIDDEN}") == ("hidden", "hidden", "hidden")


async def test_those_who_ask_for_it_by_name_get_it(autojump_clock: trio.abc.Clock) -> None:
    """Watchers, `changes`, predicates and `read` are the program."""
    heard: list[tuple[str, str]] = []
    told: Callable[[str, str], None] = lambda new, old: heard.append((new, old))
    module = working([])
    async with open_system(module) as system:
        system.watch(lambda view: view[module].token, told)
        system[module].token = "hunter2"
        await system.settle()
        assert system.read("m::token") == "hunter2"
    assert heard == [("hunter2", "")]


async def test_what_a_secret_is_compared_with_is_hidden_too(autojump_clock: trio.abc.Clock) -> None:
    """That the constraint is active would tell the value; the words of the condition stay, and so do plain values."""
    module = Module("m", Facts)
    secret = any_of("hunter2", not_("hunter2"))
    condition = {"token": "hunter2", "header": one_of("Bearer hunter2"), "mail": secret, "plain": "open"}

    @module.constraint(when=condition)
    def must_work(facts: Facts) -> Work:
        return Work()

    async with open_system(module, initial={"m": {"token": "hunter2", "plain": "open"}}) as system:
        await system.settle()
        told = str(system.explain("m::must_work"))
    assert "must_work is active" in told
    assert (
        "asked only when token == hidden and header one_of(hidden) and mail any_of(hidden) and plain == 'open'" in told
    )
    assert "hunter2" not in told
