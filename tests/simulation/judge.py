"""The judge: what both venues own in truth against what the daemon believes, to the last unit. It mends nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.domain.instruments import Pair, Venue
from arbitrage.domain.views import EngineView
from arbitrage.exchange.accounts import exactly
from arbitrage.intents.replay import Replay
from tests.simulation.venue import SimulatedVenue

START: Final = {"KRW": Decimal(10**9), "USDT": Decimal(10**6), "BTC": Decimal(20), "ETH": Decimal(500)}
"""What each venue's account owns at first."""

_DUST: Final = Decimal("1.15")  # 1.1 minima are the hedge's own bound; the price has moved since
_FALSE_ALARMS: Final = frozenset({"unexplained_funds", "orphan_order", "repeated_execution", "restarts"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a seed. Without `problems` everything adds up."""

    seed: int
    problems: tuple[str, ...]
    plans: int
    crashes: int
    halts: int
    digest: str
    took_s: float


def problems(
    pairs: tuple[Pair, ...], venues: Mapping[Venue, SimulatedVenue], view: EngineView, account: Replay
) -> Iterator[str]:
    """Yield everything that does not add up."""
    yield from _in_flight(view, account)
    for pair in pairs:
        yield from _exposure(pair, venues, view)
    for venue, there in venues.items():
        yield from (f"twice: {venue} took {name} on {n} times" for name, n in there.taken.items() if n > 1)
        yield from _inventory(there, view)
    for latch in view.guard.latches:
        if latch.kind.value in _FALSE_ALARMS:
            yield f"a false alarm: {latch.name}: {latch.why}"


def _in_flight(view: EngineView, account: Replay) -> Iterator[str]:
    for flight in view.flights:
        yield f"{flight.plan_id} never ended: {flight.exposure} {flight.base}, {flight.waits_for}"
    for plan_id in account.open_plans:
        yield f"{plan_id} has no end in the log"
    for plan_id in account.losses.reserved:
        yield f"{plan_id} still holds its worst case"


@exactly()
def _exposure(pair: Pair, venues: Mapping[Venue, SimulatedVenue], view: EngineView) -> Iterator[str]:
    net = sum((there.truth()[pair.base] - START[pair.base] for there in venues.values()), Decimal(0))
    explained = view.positions.get(pair.base, Decimal(0))
    explained += sum((flight.exposure for flight in view.flights if flight.base == pair.base), Decimal(0))
    if net != explained:
        yield f"unexplained exposure: {net - explained} {pair.base} (venues {net}, ledger {explained})"
    bid = venues[Venue.UPBIT].best_bid(pair.upbit.symbol)
    if not abs(net) * bid <= _DUST * 1_000 + pair.upbit.min_notional * _DUST:
        yield f"left open: {net} {pair.base}"


def _inventory(there: SimulatedVenue, view: EngineView) -> Iterator[str]:
    believed = view.inventory.get(there.venue.value, {})
    for currency, owned in there.truth().items():
        if currency in believed and believed[currency] != owned:
            yield f"{there.venue} inventory: {currency} {believed[currency]}, in truth {owned}"
