"""directive-trio: a constraint-driven runtime for trio.

A program declares facts (its state), constraints (what must be true) and resolvers (how to make it true). The
engine watches the facts, finds the constraints that ask for something, runs the resolvers in a nursery,
cancels what is no longer wanted, and comes to rest: settled.
"""

from directive_trio._definitions.condition import Match, above, any_of, below, not_, one_of
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.context import Context, Signal
from directive_trio._definitions.derivation import Derivation, derivation
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.fact import fact
from directive_trio._definitions.module import Module
from directive_trio._definitions.policies import CancelReason, ErrorBoundary, Retry
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._definitions.secrecy import HIDDEN
from directive_trio._definitions.source import DeclaredSource, SourceLink
from directive_trio._runtime.callback_source import from_callback
from directive_trio._store.lenses import untracked
from directive_trio._system.eviction import EvictionReport
from directive_trio._system.explanation import Explanation
from directive_trio._system.graph import SystemGraph
from directive_trio._system.inspection import Inspection
from directive_trio._system.opening import open_system
from directive_trio._system.system import System
from directive_trio._system.view import SystemView

__all__ = [
    "HIDDEN",
    "CancelReason",
    "Constraint",
    "Context",
    "DeclaredSource",
    "Derivation",
    "Effect",
    "ErrorBoundary",
    "EvictionReport",
    "Explanation",
    "Inspection",
    "Match",
    "Module",
    "Record",
    "Resolver",
    "Retry",
    "Signal",
    "SourceLink",
    "System",
    "SystemGraph",
    "SystemView",
    "above",
    "any_of",
    "below",
    "derivation",
    "fact",
    "from_callback",
    "not_",
    "one_of",
    "open_system",
    "untracked",
]
