"""Builders with good defaults, so that a test names only what it is about."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from arbitrage.domain.book_views import Level, ListedDepth
from arbitrage.domain.events import BookSnapshot, ClockSample, StateUp, TouchUpdate, UniverseChanged, VenueUp
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Instrument, Pair, TickBand, TickTable, Universe, Venue
from arbitrage.domain.intents import Intent
from arbitrage.domain.remembered import Remembered
from arbitrage.engine import Engine, EngineConfig
from liveguard.risk_limits import RiskLimits

NOON = Instant(1_795_662_000 * NS_PER_S)
"""2026-11-26 03:00:00 UTC, which is noon in Seoul."""

KRW_TICKS = TickTable(
    tuple(
        TickBand(Decimal(start), Decimal(tick))
        for start, tick in (
            (1_000_000, "1000"),
            (500_000, "500"),
            (100_000, "100"),
            (50_000, "50"),
            (10_000, "10"),
            (5_000, "5"),
            (100, "1"),
            (10, "0.1"),
            (1, "0.01"),
            (0, "0.001"),
        )
    )
)


def after_ms(milliseconds: float) -> Instant:
    """The instant that lies so many ms after noon."""
    return Instant(NOON + int(milliseconds * NS_PER_MS))


def upbit(base: str = "BTC", **changes: object) -> Instrument:
    made = Instrument(
        venue=Venue.UPBIT,
        symbol=f"KRW-{base}",
        base=base,
        quote="KRW",
        ticks=KRW_TICKS,
        lot=Decimal("0.00000001"),
        min_quantity=Decimal("0.00000001"),
        max_quantity=Decimal(10**9),
        min_notional=Decimal(5_000),
        max_notional=Decimal(1_000_000_000),
        taker_fee=Decimal("0.0005"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a builder takes any field


def binance(base: str = "BTC", **changes: object) -> Instrument:
    made = Instrument(
        venue=Venue.BINANCE,
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        ticks=TickTable.single(Decimal("0.01")),
        lot=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(9_000),
        min_notional=Decimal(5),
        max_notional=Decimal(9_000_000),
        taker_fee=Decimal("0.001"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a builder takes any field


def pair(base: str = "BTC") -> Pair:
    return Pair(base, upbit(base), binance(base))


def universe(*bases: str) -> Universe:
    return Universe(tuple(pair(base) for base in bases or ("BTC",)), upbit("USDT"))


def limits(**changes: object) -> RiskLimits:
    generous: dict[str, Decimal | int] = {
        "max_position_size": Decimal(100_000_000),
        "max_naked_notional": Decimal(1_000_000_000),
        "max_daily_loss": Decimal(1_000_000_000),
        "max_total_loss": Decimal(1_000_000_000),
        "max_messages_per_s": 1_000,
        "max_repeats_per_minute": 1_000,
        "max_trades_per_hour": 1_000,
        "max_position_count": 10,
        **changes,  # type: ignore[dict-item]  # a builder takes any field
    }
    return RiskLimits.over_cautious(generous)


def snapshot(
    venue: Venue,
    symbol: str,
    bids: Sequence[Level],
    asks: Sequence[Level],
    at: Instant = NOON,
    sequence: int = 0,
) -> BookSnapshot:
    return BookSnapshot(at, venue, symbol, sequence, 0, ListedDepth(bids, asks))


def upbit_book(bid: float, ask: float, size: float = 1.0, base: str = "BTC", at: Instant = NOON) -> BookSnapshot:
    return snapshot(Venue.UPBIT, f"KRW-{base}", [(bid, size)], [(ask, size)], at)


def binance_book(
    bid: float, ask: float, size: float = 1.0, base: str = "BTC", at: Instant = NOON, sequence: int = 0
) -> BookSnapshot:
    return snapshot(Venue.BINANCE, f"{base}USDT", [(bid, size)], [(ask, size)], at, sequence)


def touch(bid: float, ask: float, sequence: int, at: Instant = NOON, size: float = 1.0) -> TouchUpdate:
    return TouchUpdate(at, Venue.BINANCE, "BTCUSDT", sequence, bid, size, ask, size)


def fx(bid: float = 1_400.0, ask: float = 1_401.0, at: Instant = NOON) -> BookSnapshot:
    return snapshot(Venue.UPBIT, "KRW-USDT", [(bid, 1e6)], [(ask, 1e6)], at)


def remembered(**changes: object) -> Remembered:
    return Remembered(**{"epoch": "abc123", "fence": 7, **changes})  # type: ignore[arg-type]  # any field


class Story:
    """An engine that is told events one after another, and everything it asked for."""

    def __init__(self, *bases: str, capital_krw: int = 1_000_000_000, past: Remembered | None = None, **caps: object):
        config = EngineConfig(
            limits=limits(**caps), trading_day_tz="Asia/Seoul", virtual_capital_krw=Decimal(capital_krw)
        )
        self.engine = Engine(config, past or remembered())
        self.intents: list[Intent] = []
        self.tell(
            UniverseChanged(NOON, universe(*bases)),
            StateUp(NOON),
            ClockSample(NOON, Venue.BINANCE, Nanos(0)),
            *(VenueUp(NOON, venue) for venue in Venue),
        )

    def tell(self, *events: object) -> tuple[Intent, ...]:
        """Tell events; return everything that they brought."""
        brought: list[Intent] = []
        for event in events:
            brought.extend(self.engine.handle(event))  # type: ignore[arg-type]  # a story may tell any event
        self.intents.extend(brought)
        return tuple(brought)

    def tell_books(self, premium_bps: float, at: Instant = NOON, base: str = "BTC") -> tuple[Intent, ...]:
        """Tell fx and both books with Upbit's bid this many bps above Binance's ask in KRW."""
        ask = 85_000.0
        bid = round(ask * 1_401.0 * (1 + premium_bps / 10_000) / 1_000) * 1_000.0
        return self.tell(
            fx(at=at),
            binance_book(ask - 0.01, ask, base=base, at=at),
            upbit_book(bid, bid + 1_000, base=base, at=at),
        )
