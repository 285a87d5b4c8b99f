"""How property tests search: two profiles for hypothesis, chosen with ``--hypothesis-profile``."""

from hypothesis import HealthCheck, Verbosity, settings

# For every run of `make test` and `make check`. Derandomised: the same commit always meets the same
# examples, so a gate that was green does not turn red by luck on a change that is not to blame; new
# examples are the business of "thorough". No deadline and no "too slow": both measure time on the wall
# clock, which says more about the machine than about the code.
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)

# For whoever looks for trouble: other examples each time, many more of them, failing ones remembered.
settings.register_profile(
    "thorough",
    max_examples=5_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    verbosity=Verbosity.normal,
)

settings.load_profile("ci")
