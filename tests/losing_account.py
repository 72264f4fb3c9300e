"""An account whose every plan loses all that it may, and its own ledger: in won by Decimal, by the true time.

It shares no arithmetic with the guard. What outlives a daemon is here; the daemons are in `drilled_daemon`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Fill, Order
from arbitrage.state.keys import RedisAddress
from liveguard.risk_limits import RiskLimits
from tests import builders as make
from tests.safety_builders import premium

if TYPE_CHECKING:
    from tests.drilled_daemon import Daemon

DAILY_KRW: Final = Decimal(33_000)
"""The limit: one plan of a million won and one of half a million lose it all."""

WORST: Final = Decimal("0.022")
"""What a plan may lose of its notional: one percent of collar on each leg, and 0.2 percent of fees."""

LIMITS: Final[RiskLimits] = make.limits(
    max_position_size=Decimal(1_000_000),
    max_daily_loss=DAILY_KRW,
    circuit_breaker_cooldown_s=1,
    max_failed_plans=1_000_000,
)
HELD_S: Final = 6
"""After this long a daemon that was killed does not count as alive any more."""

ON_TIME: Final = Nanos(0)
DAY_S: Final = 24 * 3_600
_SEOUL: Final = timedelta(hours=9)


@dataclass
class Loss:
    """What a plan took, from the moment its first order reached a venue; and when it was settled, if it was."""

    krw: Decimal
    sent_at: Instant
    ended_at: Instant | None = None


@dataclass
class Account:
    """What outlives every daemon: Redis, STATE_DIR, the true time, how far the clock is off, and what was lost."""

    server: RedisAddress
    folder: Path
    namespace: str
    app_env: str = "local"
    at: Instant = make.NOON
    clock_is_off: Nanos = ON_TIME
    losses: dict[str, Loss] = field(default_factory=dict)
    starts: int = 0
    daemon: "Daemon | None" = None

    def pass_time(self, seconds: float) -> None:
        self.at = Instant(self.at + round(seconds * NS_PER_S))

    def send(self, order: Order) -> None:
        """Take an order at its venue: the plan loses all that it may."""
        if order.venue is Venue.UPBIT:
            notional = order.quantity * _bid_krw()
            lost = (notional * WORST).quantize(Decimal("0.0001"), "ROUND_FLOOR")
            self.losses[order.plan_id] = Loss(lost, self.at)

    def lost(self) -> Decimal:
        """Return the sum of everything that was lost."""
        return sum((loss.krw for loss in self.losses.values()), Decimal(0))

    def lost_on_day(self, at: Instant) -> Decimal:
        """Return what plans lost that were settled on the trading day of an instant."""
        ended = [loss for loss in self.losses.values() if loss.ended_at is not None]
        return sum((loss.krw for loss in ended if _day(loss.ended_at) == _day(at)), Decimal(0))

    def most_lost(self) -> Decimal:
        """Return the largest sum lost in any trading day and in any 24 hours, by sending and by settling."""
        by_sending = [(loss.sent_at, loss.krw) for loss in self.losses.values()]
        by_settling = [(loss.ended_at or loss.sent_at, loss.krw) for loss in self.losses.values()]
        return max((most for rows in (by_sending, by_settling) for most in _sums(rows)), default=Decimal(0))

    @property
    def keeps(self) -> Path:
        """Return the folder that the account's intent log and latches are in."""
        return self.folder / "account"


def _sums(rows: list[tuple[Instant, Decimal]]) -> list[Decimal]:
    within_24h = [sum(krw for at, krw in rows if last - DAY_S * NS_PER_S < at <= last) for last, _ in rows]
    of_day = [sum(krw for at, krw in rows if _day(at) == _day(day)) for day, _ in rows]
    return [Decimal(most) for most in (*within_24h, *of_day)]


def _day(at: Instant | None) -> str:
    return (datetime.fromtimestamp((at or 0) / NS_PER_S, UTC) + _SEOUL).date().isoformat()


def _bid_krw() -> Decimal:
    return Decimal(repr(premium(80)[2].depth.bids()[0][0]))


def fills_of(upbit: Order, binance: Order, lost_krw: Decimal) -> tuple[Fill, Fill]:
    """Return fills after which the plan has lost exactly so much: the fee on Upbit makes up for what prices do not."""
    funds = upbit.quantity * upbit.limit_price
    paid_usdt = binance.quantity * binance.limit_price
    paid_krw = paid_usdt * Decimal(1_401) * Decimal("1.0005")
    in_coin = binance.quantity - upbit.quantity
    return (
        Fill(quantity=upbit.quantity, funds=funds, fee=funds - paid_krw + lost_krw, fee_currency="KRW"),
        Fill(quantity=binance.quantity, funds=paid_usdt, fee=in_coin, fee_currency="BTC"),
    )
