"""A/B testing: who sees what is computed, who has seen what is tracked once, and what nobody sees is not loaded.

Run it::

    python -m examples.ab_testing
"""

import hashlib
from collections import Counter

import httpx
import trio
from attrs import asdict, define, frozen

from directive_trio import Context, Module, Retry, derivation, open_system
from examples.on_a_server import open_api, what_was_asked

# -- who sees what -------------------------------------------------------------------------------------


@frozen
class Experiment:
    """Variants with their shares of a hundred, and the group it is for; empty for everybody."""

    name: str
    variants: tuple[tuple[str, int], ...]
    group: str = ""

    def variant_for(self, user: str) -> str:
        """Return the same variant for the same user, wherever and whenever it is asked."""
        digest = hashlib.sha256(f"{self.name}/{user}".encode()).digest()
        place = int.from_bytes(digest[:8]) % sum(share for _, share in self.variants)
        for variant, share in self.variants:
            place -= share
            if place < 0:
                return variant
        raise AssertionError("the place is below the sum of the shares")


@frozen
class Exposure:
    """Somebody has really seen a variant."""

    user: str
    experiment: str
    variant: str


@define
class ExperimentFacts:
    """The user, the experiments that go on, and what the user has seen."""

    user: str = ""
    groups: frozenset[str] = frozenset()
    experiments: tuple[Experiment, ...] | None = None
    seen: frozenset[str] = frozenset()
    tracked: frozenset[Exposure] = frozenset()

    @derivation
    def variants(self) -> dict[str, str]:
        """The variant of each experiment that this user takes part in."""
        open_to = (one for one in self.experiments or () if not one.group or one.group in self.groups)
        return {experiment.name: experiment.variant_for(self.user) for experiment in open_to}

    @derivation
    def exposures(self) -> tuple[Exposure, ...]:
        """What there is to track: only what was seen, and only where the user takes part."""
        seen = sorted(self.seen & self.variants.keys())
        return tuple(Exposure(self.user, experiment, self.variants[experiment]) for experiment in seen)


@frozen
class Shown:
    """Event: something of an experiment is on the screen."""

    experiment: str


@frozen
class LoadExperiments:
    """Requirement: the experiments are known."""


@frozen
class Track:
    """Requirement: the server knows of an exposure."""

    exposure: Exposure


def experiment_module(client: httpx.AsyncClient) -> Module[ExperimentFacts]:
    """Make the module that knows who sees what."""
    module = Module("experiments", ExperimentFacts)

    @module.on(Shown)
    def note(facts: ExperimentFacts, event: Shown) -> None:
        facts.seen |= {event.experiment}

    @module.constraint
    def experiments_must_be_known(facts: ExperimentFacts) -> LoadExperiments | None:
        return LoadExperiments() if facts.user and facts.experiments is None else None

    @module.resolver(LoadExperiments, timeout=5)
    async def load(_: LoadExperiments, ctx: Context[ExperimentFacts]) -> None:
        found = (await client.get("/api/experiments")).raise_for_status().json()
        ctx.facts.experiments = tuple(
            Experiment(one["name"], tuple(one["variants"].items()), one["group"]) for one in found
        )

    @module.constraint
    def exposures_must_be_tracked(facts: ExperimentFacts) -> list[Track]:
        return [Track(exposure) for exposure in facts.exposures if exposure not in facts.tracked]

    # All exposures of a moment go with one request; if it is refused, it is made again.
    @module.batch_resolver(Track, window=0.05, retry=Retry(attempts=3, initial_delay=0.1), timeout=5)
    async def track(requirements: list[Track], ctx: Context[ExperimentFacts]) -> None:
        exposures = [requirement.exposure for requirement in requirements]
        (await client.post("/api/exposures", json=[asdict(one) for one in exposures])).raise_for_status()
        ctx.facts.tracked |= {*exposures}

    return module


# -- what only some of them need -----------------------------------------------------------------------


@define
class CheckoutFacts:
    """What the new checkout needs."""

    cards: tuple[str, ...] | None = None


@frozen
class LoadCards:
    """Requirement: the cards are here."""


def checkout_module(client: httpx.AsyncClient, experiments: Module[ExperimentFacts]) -> Module[CheckoutFacts]:
    """Make the module that is there only for those who see the new checkout."""
    checkout = Module("checkout", CheckoutFacts)

    @checkout.constraint
    def cards_must_be_there(facts: CheckoutFacts) -> LoadCards | None:
        is_on = experiments.of(facts).variants.get("checkout") == "one click"
        return LoadCards() if is_on and facts.cards is None else None

    @checkout.resolver(LoadCards, timeout=5)
    async def load(_: LoadCards, ctx: Context[CheckoutFacts]) -> None:
        ctx.facts.cards = tuple((await client.get("/api/one-click")).raise_for_status().json()["cards"])

    return checkout


# -- the story -----------------------------------------------------------------------------------------


async def main() -> None:
    """Two users, one of them twice; then how the shares come out."""
    async with open_api() as client:
        for user, groups in (("dan", frozenset({"beta"})), ("ben", frozenset[str]()), ("dan", frozenset({"beta"}))):
            await visit(client, user, groups)
        for line in await what_was_asked(client, "refused", "dan", "ben"):
            print(f"the server noted: {line}")
    banner = Experiment("banner", (("blue", 80), ("green", 20)))
    shares = Counter(banner.variant_for(f"user {number}") for number in range(10_000))
    print(f"of 10000 users: {dict(sorted(shares.items()))}")


async def visit(client: httpx.AsyncClient, user: str, groups: frozenset[str]) -> None:
    """Let somebody look at the shop."""
    experiments = experiment_module(client)
    checkout = checkout_module(client, experiments)
    async with open_system(experiments, checkout) as system:
        with system.transaction():
            system[experiments].user = user
            system[experiments].groups = groups
        await system.settle()
        print(f"{user} takes part in {system[experiments].variants}")
        print(f"{user} has for the new checkout: {system[checkout].cards or 'nothing, it was not loaded'}")
        for _ in range(3):
            system.dispatch(Shown("banner"))
            system.dispatch(Shown("assistant"))  # not everybody takes part
        await system.settle()
        print(f"tracked of {user}: {sorted(exposure.experiment for exposure in system[experiments].tracked)}")


if __name__ == "__main__":
    trio.run(main)
