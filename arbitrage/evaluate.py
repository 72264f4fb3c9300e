"""`arbitrage evaluate`: two books, an fx and limits from a file, through the daemon's own engine. It sends nothing."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from arbitrage.books.market import PLAUSIBLE_FX
from arbitrage.domain.book_views import ListedDepth
from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.events import (
    BookSnapshot,
    ClockSample,
    Event,
    InventoryGiven,
    StateUp,
    Tick,
    UniverseChanged,
    VenueUp,
)
from arbitrage.domain.instants import NS_PER_MS, Instant, Nanos
from arbitrage.domain.instruments import Instrument, Pair, TickTable, Universe, Venue
from arbitrage.domain.intents import Publish, ReportRefusal, SubmitPlan
from arbitrage.domain.money import plain
from arbitrage.domain.plans import Leg, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.engine import Engine, EngineConfig
from arbitrage.market_data.instruments_upbit import KRW_TICKS
from liveguard.risk_limits import MOST, RiskLimits

_DECISION: Final = Instant(1_000_000_000_000 * NS_PER_MS)
"""The instant of the decision. A file has no clock; only the ages in it count."""


_NO_PAST: Final = Remembered(epoch="evaluate", fence=0)
# one plan on its own: what was lost before, or is in flight beside it, bounds it only where the file says so
_NOTHING_LOST: Final[dict[str, Decimal | int]] = {
    name: Decimal(MOST[name]) for name in ("max_daily_loss", "max_total_loss", "max_naked_notional")
}
_MANY: Final = Decimal(10**15)
_SATOSHI: Final = Decimal("0.00000001")
_LIMITS: Final = {f.name: f.type for f in fields(RiskLimits)}


class BookInput(msgspec.Struct, forbid_unknown_fields=True):
    """A book: [price, quantity] levels, best first, and how many ms ago it came."""

    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    age_ms: float = 0.0


class UpbitInput(BookInput, forbid_unknown_fields=True):
    """Upbit's KRW book. Ticks are the KRW market's own."""

    fee_pct: Decimal = Decimal("0.05")
    min_notional_krw: Decimal = Decimal(5_000)


class BinanceInput(BookInput, forbid_unknown_fields=True):
    """Binance's USDT book, with its filters."""

    fee_pct: Decimal = Decimal("0.10")
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00001")
    min_notional_usdt: Decimal = Decimal(5)


class FxInput(msgspec.Struct, forbid_unknown_fields=True):
    """KRW per USDT, executable, and how many ms ago it came."""

    bid: float
    ask: float
    age_ms: float = 0.0


class EvaluationInput(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file; docs/evaluate.md explains each field."""

    base: str
    upbit: UpbitInput
    binance: BinanceInput
    fx: FxInput
    limits: dict[str, Decimal] = {}
    balances: dict[Venue, dict[str, Decimal]] | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The plan that would be made, or every reason against it, and the edges at the touch either way."""

    plan: TwoLegPlan | None
    refusals: tuple[ReportRefusal, ...]
    edges_bps: dict[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values: decimals as text, edges in bps."""
        return {
            "verdict": self.verdict,
            "plan": _plan_json(self.plan) if self.plan else None,
            "refusals": [
                {"direction": told.direction.value, "code": r.code.value, "seen": r.seen, "limit": r.limit}
                for told in self.refusals
                for r, _ in told.reasons
            ],
            "edges_bps": self.edges_bps,
        }

    @property
    def verdict(self) -> str:
        """Return plan, refused, or no_edge."""
        return "plan" if self.plan else "refused" if self.refusals else "no_edge"


def evaluate(given: EvaluationInput) -> Evaluation:
    """Put the books before the engine, oldest first, and return what it makes of them.

    Raises ValueError for numbers out of bounds and for a book that cannot be believed.
    """
    _check(given)
    named = {name: _limit(name, value) for name, value in given.limits.items()}
    limits = RiskLimits.over_cautious({**_NOTHING_LOST, **named})
    engine = Engine(EngineConfig(limits=limits, trading_day_tz="Asia/Seoul", virtual_capital_krw=None), _NO_PAST)
    pair = Pair(given.base, _upbit(given), _binance(given))
    fx = _upbit_instrument("USDT", Decimal(0), Decimal(5_000))
    start: list[Event] = [
        UniverseChanged(_DECISION, Universe((pair,), fx)),
        StateUp(_DECISION),
        ClockSample(_DECISION, Venue.BINANCE, Nanos(0)),
        InventoryGiven(_DECISION, _plenty(pair) if given.balances is None else given.balances),
        *(VenueUp(_DECISION, venue) for venue in Venue),
    ]
    intents = [intent for event in (*start, *_events(given, pair, fx)) for intent in engine.handle(event)]
    if engine.market.fx_rate() is None:
        raise ValueError(f"fx: must be from {PLAUSIBLE_FX[0]:g} to {PLAUSIBLE_FX[1]:g} KRW, the bid below the ask")
    for instrument in (pair.upbit, pair.binance):
        if not engine.market.book(instrument.venue, instrument.symbol).walkable():
            raise ValueError(f"{instrument.symbol}: the book is empty, crossed, out of order or holds no true number")
    plans = [intent.approved.what for intent in intents if isinstance(intent, SubmitPlan)]
    (published,) = (i for i in engine.handle(Tick(_DECISION)) if isinstance(i, Publish))
    return Evaluation(
        plans[0] if plans else None,
        tuple(intent for intent in intents if isinstance(intent, ReportRefusal)),
        {line.direction: line.bps for line in published.view.edges},
    )


def evaluate_file(path: Path) -> Evaluation:
    """Read a file and evaluate it. Raises ConfigurationError naming the file and the field that is wrong."""
    try:
        given = msgspec.json.decode(path.read_bytes(), type=EvaluationInput, strict=False)
        return evaluate(given)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def main(path: Path, as_json: bool) -> int:
    """Print the evaluation of a file; return 0 for a plan, 1 for none."""
    found = evaluate_file(path)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found.to_json()).decode() + "\n")
    else:
        sys.stdout.write("\n".join(_lines(found)) + "\n")
    return 0 if found.plan else 1


def _check(given: EvaluationInput) -> None:
    upbit, binance = given.upbit, given.binance
    numbers: list[tuple[str, Decimal, Decimal | int, int]] = [
        ("upbit.fee_pct", upbit.fee_pct, 0, 50),
        ("upbit.min_notional_krw", upbit.min_notional_krw, 0, 10**12),
        ("binance.fee_pct", binance.fee_pct, 0, 50),
        ("binance.tick", binance.tick, _SATOSHI, 10**9),
        ("binance.lot", binance.lot, _SATOSHI, 10**9),
        ("binance.min_notional_usdt", binance.min_notional_usdt, 0, 10**12),
        *((f"limits.{name}", value, 0, 10**15) for name, value in given.limits.items()),
        *(
            (f"balances.{venue}.{currency}", amount, 0, 10**15)
            for venue, amounts in (given.balances or {}).items()
            for currency, amount in amounts.items()
        ),
    ]
    for name, value, low, high in numbers:
        if not (value.is_finite() and low <= value <= high):
            raise ValueError(f"{name}: must be from {low} to {high}")


def _limit(name: str, value: Decimal) -> Decimal | int:
    if name not in _LIMITS:
        raise ValueError(f"limits.{name}: unknown; one of {', '.join(sorted(_LIMITS))}")
    if _LIMITS[name] is not int:
        return value
    if value % 1:
        raise ValueError(f"limits.{name}: must be a whole number")
    return int(value)


def _upbit_instrument(base: str, fee_pct: Decimal, minimum: Decimal) -> Instrument:
    return Instrument(
        venue=Venue.UPBIT,
        symbol=f"KRW-{base}",
        base=base,
        quote="KRW",
        ticks=KRW_TICKS,
        lot=_SATOSHI,
        min_quantity=_SATOSHI,
        max_quantity=_MANY,
        min_notional=minimum,
        max_notional=_MANY,
        taker_fee=fee_pct / 100,
    )


def _plenty(pair: Pair) -> dict[Venue, dict[str, Decimal]]:
    return {venue: {pair.base: _MANY, pair.on(venue).quote: _MANY} for venue in Venue}


def _upbit(given: EvaluationInput) -> Instrument:
    return _upbit_instrument(given.base, given.upbit.fee_pct, given.upbit.min_notional_krw)


def _binance(given: EvaluationInput) -> Instrument:
    rules = given.binance
    return Instrument(
        venue=Venue.BINANCE,
        symbol=f"{given.base}USDT",
        base=given.base,
        quote="USDT",
        ticks=TickTable.single(rules.tick),
        lot=rules.lot,
        min_quantity=rules.lot,
        max_quantity=_MANY,
        min_notional=rules.min_notional_usdt,
        max_notional=_MANY,
        taker_fee=rules.fee_pct / 100,
    )


def _events(given: EvaluationInput, pair: Pair, fx: Instrument) -> Sequence[Event]:
    rate = BookInput([(given.fx.bid, 1.0)], [(given.fx.ask, 1.0)], given.fx.age_ms)
    books = [(fx, rate), (pair.upbit, given.upbit), (pair.binance, given.binance)]
    newest = min(book.age_ms for _, book in books)
    if not 0 <= newest <= max(book.age_ms for _, book in books) < 1e9:
        raise ValueError("age_ms must be from 0 to 1e9")
    arrivals = [
        BookSnapshot(
            Instant(_DECISION - int((book.age_ms - newest) * NS_PER_MS)),
            instrument.venue,
            instrument.symbol,
            0,
            0,
            ListedDepth(book.bids, book.asks),
        )
        for instrument, book in books
    ]
    return sorted(arrivals, key=lambda event: event.at)


def _leg_json(leg: Leg) -> dict[str, str | float]:
    return {
        "venue": leg.venue.value,
        "symbol": leg.symbol,
        "side": leg.side.value,
        "quantity": plain(leg.quantity),
        "limit_price": plain(leg.limit_price),
        "vwap": leg.vwap,
    }


def _plan_json(plan: TwoLegPlan) -> dict[str, Any]:
    return {
        "base": plan.base,
        "direction": plan.direction.value,
        "legs": [_leg_json(leg) for leg in plan.legs],
        "base_quantity": plain(plan.base_quantity),
        "notional_krw": plain(plan.notional_krw),
        "net_edge_bps": plan.net_edge_bps,
        "expected_krw": plain(plan.expected_krw),
    }


def _lines(found: Evaluation) -> list[str]:
    edges = ", ".join(f"{name} {'-' if bps is None else f'{bps:+.2f}'} bps" for name, bps in found.edges_bps.items())
    lines = [f"edge at the touch, after every fee: {edges}"]
    if found.plan:
        plan = found.plan
        lines.append(
            f"plan: {plan.direction}, {plain(plan.base_quantity)} {plan.base}, worth {plan.notional_krw:,.0f} KRW, "
            f"edge {plan.net_edge_bps:.2f} bps, expected {plan.expected_krw:+,.0f} KRW"
        )
        for leg in plan.legs:
            lines.append(f"  {leg.venue}: {leg.side} {plain(leg.quantity)} {leg.symbol} at {plain(leg.limit_price)}")
    for told in found.refusals:
        lines.extend(f"refused: {told.direction}: {refusal}" for refusal, _ in told.reasons)
    if not found.plan and not found.refusals:
        lines.append("no plan: no edge reaches the minimum")
    return lines
