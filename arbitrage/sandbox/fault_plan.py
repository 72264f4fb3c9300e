"""When things go wrong: seeded rules that requests, private events and sockets are held against.

Pure: it says what strikes. Carrying it out is done elsewhere (`fault_requests`, `fault_sockets`, `virtual_venues`).
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Final

import msgspec

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.ports import Clock
from arbitrage.sandbox.faults import Fault, Kind, Target

MOST_RULES: Final = 1_000
"""More rules than any rehearsal needs; a client in a loop is told so."""


@dataclass(slots=True)
class Rule:
    """A fault that is watching: its number, its own chance, and what it has seen."""

    number: int
    fault: Fault
    since: Instant
    chance: Random
    seen: int = 0
    hits: int = 0

    def strikes(self) -> bool:
        """Look at one thing that fits; say whether it is struck."""
        fault = self.fault
        if fault.times is not None and self.hits >= fault.times:
            return False
        self.seen += 1
        if fault.probability is not None and not self.chance.random() < fault.probability:
            return False
        self.hits += 1
        return True

    def view(self) -> dict[str, Any]:
        """Return the rule for people."""
        return {"number": self.number, "seen": self.seen, "hits": self.hits, **msgspec.to_builtins(self.fault)}


class FaultPlan:
    """The rules in force, in the order in which they were added: the first that strikes is the one.

    The same seed, rules and sequence of requests give the same faults, because each rule has a chance of its own.
    """

    def __init__(self, seed: int, clock: Clock) -> None:
        self._seed = seed
        self._clock = clock
        self._rules: list[Rule] = []
        self._numbered = 0

    def add(self, *faults: Fault) -> list[Rule]:
        """Put rules in force: all, or none with a ValueError where there would be too many."""
        if len(self._rules) + len(faults) > MOST_RULES:
            raise ValueError(f"at most {MOST_RULES} faults; delete those that are there first")
        rules = [self._rule(fault) for fault in faults]
        self._rules += rules
        return rules

    def clear(self) -> int:
        """Take all rules away; return how many there were."""
        count = len(self._rules)
        self._rules.clear()
        return count

    def has(self, rule: Rule) -> bool:
        """Say whether a rule is still in force."""
        return rule in self._rules

    def rules(self) -> list[Rule]:
        """Return the rules, spent ones included."""
        return list(self._rules)

    def on_request(self, venue: Venue, endpoint: str, possible: Container[Kind]) -> Fault | None:
        """Say what befalls a request such as "POST /v1/orders", out of what is possible where it came in."""
        for rule in self._watching(Target.REQUEST, venue):
            fault = rule.fault
            if fault.kind in possible and fnmatchcase(endpoint, fault.endpoint) and rule.strikes():
                return fault
        return None

    def on_event(self, venue: Venue, frame: bytes | str) -> Fault | None:
        """Say what befalls a private event."""
        for rule in self._watching(Target.EVENT, venue):
            wanted = rule.fault.contains
            held = wanted in frame if isinstance(frame, str) else wanted.encode() in frame
            if held and rule.strikes():
                return rule.fault
        return None

    def _rule(self, fault: Fault) -> Rule:
        self._numbered += 1
        begins = Instant(self._clock.now() + round(fault.after_s * NS_PER_S))
        return Rule(self._numbered, fault, begins, Random(f"{self._seed}:fault {self._numbered}"))

    def _watching(self, target: Target, venue: Venue) -> Iterator[Rule]:
        now = self._clock.now()
        for rule in self._rules:
            fault = rule.fault
            if fault.target is target and fault.venue in (None, venue) and now >= rule.since:
                yield rule
