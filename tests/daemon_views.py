"""Views of a daemon in trouble and in peace, so that a test of what is shown names only what it is about."""

from dataclasses import replace
from decimal import Decimal

from arbitrage.domain.guarding import Latch, LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.domain.views import EngineView, GuardView, LimitUse, TripLine
from tests.clocks import NOON
from tests.plan_builders import a_view


def peaceful(at: Instant) -> EngineView:
    """A view of a daemon that trades, with its limits."""
    uses = (
        LimitUse(name="max_daily_loss", used=Decimal(5_000), limit=Decimal(100_000), share=0.05),
        LimitUse(name="min_spread_pct", used=None, limit=Decimal("0.1"), share=None),
    )
    return replace(a_view(at), guard=GuardView(uses=uses))


def guarded(at: Instant, state: str = "REDUCING") -> EngineView:
    """A view with a trip, two latches, and most of the day's loss used up."""
    return replace(
        a_view(at, accepting=False),
        trading_state=state,
        guard=GuardView(
            trips=(TripLine(name="venue_errors", since=NOON, why="binance: 20 troubles within a minute"),),
            latches=(
                Latch(kind=LatchKind.DAILY_LOSS, at=NOON, why="82,000 of 100,000 KRW", who="guard", day="2026-11-22"),
                Latch(kind=LatchKind.REPEATED_EXECUTION, at=NOON, why="31", who="guard", day="2026-11-22", scope="XRP"),
            ),
            lost_today=820_000_000,
            lost_24h=830_000_000,
            lost_in_all=840_000_000,
            in_flight=25_000_001,
            uses=(
                LimitUse(name="max_daily_loss", used=Decimal("85500.0001"), limit=Decimal(100_000), share=0.855),
                LimitUse(name="max_position_size", used=None, limit=Decimal(1_000_000), share=None),
            ),
        ),
    )
