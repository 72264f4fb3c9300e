"""Plans, facts, limits and states of the guard as hypothesis draws them: mostly right, with a thing or two wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import inf, nan
from typing import Any

from hypothesis import strategies as st

from arbitrage.domain.book_views import Reference
from arbitrage.domain.guarding import GuardMemory, LatchKind, LossMemory, Trip
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import TwoLegPlan
from liveguard.facts import Facts
from liveguard.losses import DAY_NS
from liveguard.risk_limits import CAUTIOUS, MOST, RiskLimits
from liveguard.safety import SafetyModule
from tests import builders as make
from tests.safety_builders import CALM, guard, plan

PLAN = plan()
HOUR_NS = 3_600 * NS_PER_S

Strategies = Mapping[str, st.SearchStrategy[Any]]

WILD = [nan, inf, -inf, 0.0, -0.0, -1.0, 5e-324, 1e-9, 1.7e308]
WILD_EXACT = [Decimal(text) for text in ("NaN", "sNaN", "Infinity", "-Infinity", "0", "-0", "-1", "1e-400", "1e400")]


def around(value: float) -> st.SearchStrategy[float]:
    """Numbers near a value, far off it, and no numbers at all."""
    near = [value * part for part in (0.5, 0.9, 0.94, 0.97, 0.98, 0.99, 1.0, 1.005, 1.01, 1.02, 1.06, 2.0)]
    return st.one_of(st.sampled_from(near), st.floats(value * 0.98, value * 1.02), st.sampled_from(WILD), st.floats())


def around_exact(value: Decimal) -> st.SearchStrategy[Decimal]:
    """The same as exact numbers."""
    near = [value * Decimal(part) for part in ("0.5", "0.97", "0.99", "1", "1.0001", "1.01", "1.1", "3")]
    return st.one_of(st.sampled_from(near), st.sampled_from(WILD_EXACT), st.decimals())


@st.composite
def some_of(draw: st.DrawFn, fields: Strategies, most: int, least: int = 0) -> dict[str, Any]:
    """A few of the fields, drawn."""
    names = draw(st.lists(st.sampled_from(sorted(fields)), min_size=least, max_size=most, unique=True))
    return {name: draw(fields[name]) for name in names}


def references(mid: float) -> st.SearchStrategy[Reference | None]:
    """A reference of which some is known, some is not, and some is no number."""
    figures = dict.fromkeys(("mid", "elsewhere", "low", "high"), st.one_of(st.none(), around(mid)))
    calm = Reference(mid, mid, mid, mid)
    return st.one_of(st.none(), some_of(figures, 4).map(lambda drawn: replace(calm, **drawn)))


AGES = st.one_of(st.integers(0, 200).map(lambda ms: ms * 10**6), st.integers(-(10**12), 10**12)).map(Nanos)
UNITS = st.one_of(st.integers(-(10**9), 10**9), st.sampled_from([0, -(2**53), 2**53, -(10**9) - 1, -(10**9)]))
AGOS = st.sampled_from([0, NS_PER_S, HOUR_NS, HOUR_NS + 1, DAY_NS, DAY_NS + 1])
PAST = st.integers(0, DAY_NS).map(lambda ago: Instant(make.NOON - ago))
FACTORS = st.sampled_from([Decimal(text) for text in ("0.01", "0.1", "0.5", "1", "2", "10", "1000")])

FACTS: Strategies = {
    "upbit_age": AGES,
    "binance_age": AGES,
    "fx_age": AGES,
    "plans_in_flight": st.sampled_from([1, 2, 3, 4, 10**6]),
    "notional_in_flight_krw": st.sampled_from([Decimal(10**6), Decimal("2e6"), Decimal(10**12)]),
    "worst_case": st.sampled_from([1, 10**4, 225_000_000, 10**9, 2**53]),
    "halted": st.just("status is BREAK"),
    "upbit_depth": around(float(PLAN.upbit.quantity)),
    "binance_depth": around(float(PLAN.binance.quantity)),
    "upbit_reference": references(1.2e8),
    "binance_reference": references(85_000.0),
}
STATES: Strategies = {
    "starts": st.lists(AGOS, min_size=4, max_size=9),
    "alike": st.integers(1, 4),
    "trips": st.lists(st.sampled_from(Trip), min_size=1, max_size=2),
    "unavailable": st.just(True),
    "messages": st.fixed_dictionaries({venue: st.sampled_from([0, 1, 3, 50]) for venue in Venue}),
    "lease_ns": st.sampled_from([1, 10**12, 0, -1]),
    "latched": st.lists(st.tuples(st.sampled_from(LatchKind), st.sampled_from(["", "BTC", "ETH"])), max_size=2),
}
LOSSES: Strategies = {
    "day_units": UNITS,
    "total_units": UNITS,
    "recent": st.lists(st.tuples(PAST, UNITS), max_size=3).map(lambda drawn: tuple(sorted(drawn))),
    "reserved": st.dictionaries(st.sampled_from("ab"), st.integers(1, 10**9), max_size=2),
}


@st.composite
def limits(draw: st.DrawFn) -> RiskLimits:
    """The cautious profile, with some of it stricter or looser."""
    chosen: dict[str, Decimal | int] = {"max_trades_per_hour": 5, "max_trades_per_day": 8, "max_repeats_per_minute": 3}
    for name in draw(st.lists(st.sampled_from(sorted(CAUTIOUS)), max_size=3)):
        usual = CAUTIOUS[name]
        value = min(Decimal(usual) * draw(FACTORS), Decimal(MOST.get(name, 10**12)))
        chosen[name] = value if isinstance(usual, Decimal) else max(1, int(value))
    return RiskLimits.over_cautious(chosen)


def facts() -> st.SearchStrategy[Facts]:
    """A calm market, with some of it not so."""
    return some_of(FACTS, 2).map(lambda drawn: replace(CALM, **drawn))


@st.composite
def plans(draw: st.DrawFn) -> TwoLegPlan:
    """A plan within every limit, with some of it not so."""
    legs = {}
    for leg in PLAN.legs:
        figures = {name: around_exact(getattr(leg, name)) for name in ("quantity", "limit_price")}
        legs[leg.venue.value] = some_of(figures, 1).map(lambda drawn, leg=leg: replace(leg, **drawn))
    edges = st.one_of(around(10.0), around(500.0))
    figures = {**legs, "notional_krw": around_exact(PLAN.notional_krw), "net_edge_bps": edges}
    return replace(PLAN, **draw(some_of(figures, 2)))


@dataclass
class State:
    """What the guard has been through, told to it and to the oracle alike."""

    losses: LossMemory
    starts: list[int] = field(default_factory=list)
    alike: int = 0
    trips: list[Trip] = field(default_factory=list)
    unavailable: bool = False
    messages: dict[Venue, int] = field(default_factory=lambda: dict.fromkeys(Venue, 0))
    lease_ns: int = 1
    latched: list[tuple[LatchKind, str]] = field(default_factory=list)

    def guard(self, limits: RiskLimits) -> SafetyModule:
        """A guard that has been through all of it."""
        started = tuple(Instant(make.NOON - ago) for ago in self.starts)
        safety = guard(limits, past=GuardMemory(losses=self.losses), started=started)
        for kind, scope in self.latched:
            safety.keeper.latch(kind, make.NOON, "seen", scope=scope)
        for trip in self.trips:
            safety.keeper.strike(trip, make.NOON, "seen")
        for _ in range(self.alike):
            safety.pace.note(PLAN)
        for venue, count in self.messages.items():
            for _ in range(count):
                safety.note_message(venue, make.NOON)
        safety.unavailable = "away" if self.unavailable else ""
        safety.lease_until = Instant(make.NOON + self.lease_ns)
        return safety


@st.composite
def states(draw: st.DrawFn, least: int = 0) -> State:
    """A guard that has been through at least so many things, or a few more."""
    losses = LossMemory(day="2026-11-26", **draw(some_of(LOSSES, 2)))
    return State(losses, **draw(some_of(STATES, least + 2, least)))
