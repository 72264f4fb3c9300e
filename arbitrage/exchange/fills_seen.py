"""What a venue's words have proven of each order so far: trades counted once, sums that never fall. Memory only.

Words may come twice, late, in any order, or not at all. A fill is given only where nothing of it is missing.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.domain.plans import Fill

KEPT_FOR: Final = Nanos(24 * 3_600 * NS_PER_S)
"""How long an order is remembered after its last word: as long as an id is watched after a loss (design, section 6)."""

MOST_IDS: Final = 50_000
"""How many ids of orders and trades are remembered; the orders that were silent for longest go first."""

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One trade of an order, by the venue's id: base quantity, and its own fee."""

    trade_id: str
    quantity: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a venue says of an order at once: base and quote executed since its beginning, and what goes with it.

    `fee` is that of all of it, in quote; None where the venue tells the fees of single trades only.
    """

    quantity: Decimal
    funds: Decimal
    quote: str
    fee: Decimal | None = None
    trade: Trade | None = None
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How an order stands. `fill` is None while a trade of it has not been told."""

    fill: Fill | None
    is_over: bool


@dataclass(slots=True)
class _Record:
    told_at: Instant
    quantity: Decimal = _ZERO
    funds: Decimal = _ZERO
    fee: Decimal | None = None
    is_over: bool = False
    trades: set[str] = field(default_factory=set)
    traded: Decimal = _ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    shown: Standing | None = None


class FillsSeen:
    """The memory of one venue's orders, by the venue's own id."""

    def __init__(self, most_ids: int = MOST_IDS, kept_for: Nanos = KEPT_FOR) -> None:
        self._most_ids = most_ids
        self._kept_for = kept_for
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._ids = 0

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return self._ids

    def take(self, order_id: str, word: Word, at: Instant) -> Standing | None:
        """Learn a word of the venue; return how the order stands now, or None if that was known already."""
        record = self._record(order_id, at)
        if word.trade is not None and word.trade.trade_id not in record.trades:
            self._ids += 1
            _count(record, word.trade)
        record.quantity = max(record.quantity, word.quantity)
        record.funds = max(record.funds, word.funds)
        if word.fee is not None:
            record.fee = word.fee if record.fee is None else max(record.fee, word.fee)
        record.is_over = record.is_over or word.is_over
        standing = Standing(_fill(record, word.quote), record.is_over)
        is_news = standing != record.shown
        record.shown = standing
        self._forget(at)
        return standing if is_news else None

    def _record(self, order_id: str, at: Instant) -> _Record:
        record = self._records.get(order_id)
        if record is None:
            record = self._records[order_id] = _Record(at)
            self._ids += 1
        record.told_at = at
        self._records.move_to_end(order_id)
        return record

    def _forget(self, now: Instant) -> None:
        while self._records:
            order_id, oldest = next(iter(self._records.items()))
            if self._ids <= self._most_ids and now - oldest.told_at <= self._kept_for:
                return
            del self._records[order_id]
            self._ids -= 1 + len(oldest.trades)


def _count(record: _Record, trade: Trade) -> None:
    record.trades.add(trade.trade_id)
    record.traded += trade.quantity
    if trade.fee:
        record.fees[trade.fee_currency] = record.fees.get(trade.fee_currency, _ZERO) + trade.fee


def _fill(record: _Record, quote: str) -> Fill | None:
    """Return what the order came to. A fee in two currencies (BNB that ran out) is no fill that could be written."""
    quantity, funds = record.quantity, record.funds
    if record.fee is not None:
        return Fill(quantity=quantity, funds=funds, fee=record.fee, fee_currency=quote)
    if record.traded != quantity or len(record.fees) > 1:
        return None
    currency, fee = next(iter(record.fees.items()), (quote, _ZERO))
    return Fill(quantity=quantity, funds=funds, fee=fee, fee_currency=currency)
