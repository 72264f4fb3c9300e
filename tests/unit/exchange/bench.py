"""A matching core with money on it and round numbers, so that a test names only what it is about."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Side, TickTable, Venue
from arbitrage.domain.money import plain
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.matching import FeeRule, MatchingCore
from arbitrage.exchange.venue_orders import (
    Change,
    Ended,
    OrderKind,
    OrderRequest,
    Rejection,
    TimeInForce,
    Traded,
    VenueOrder,
)

Ladder = Sequence[tuple[str, str]]

BUY, SELL = Side.BUY, Side.SELL
ON_TOP, FROM_RECEIVED = FeeRule.ON_TOP, FeeRule.FROM_RECEIVED
LIMIT, MARKET, FUNDS = OrderKind.LIMIT, OrderKind.MARKET, OrderKind.MARKET_FUNDS
GTC, IOC, FOK, POST_ONLY = TimeInForce


def market(**changes: object) -> Instrument:
    """BTC in USD: a tick of 1, a lot of 0.1, 10 USD at the least, a fee of 0.1 %."""
    made = Instrument(
        venue=Venue.BINANCE,
        symbol="BTC-USD",
        base="BTC",
        quote="USD",
        ticks=TickTable.single(Decimal(1)),
        lot=Decimal("0.1"),
        min_quantity=Decimal("0.1"),
        max_quantity=Decimal(1_000),
        min_notional=Decimal(10),
        max_notional=Decimal(1_000_000),
        taker_fee=Decimal("0.001"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a builder takes any field


def wish(side: Side = BUY, kind: OrderKind = LIMIT, in_force: TimeInForce = GTC, **numbers: object) -> OrderRequest:
    """An order: by default one that buys 1 BTC at 100 USD until cancelled."""
    given: dict[str, object] = {"symbol": "BTC-USD", "side": side, "kind": kind, "time_in_force": in_force}
    if kind is LIMIT:
        given |= {"price": "100", "quantity": "1"}
    elif kind is MARKET:
        given |= {"quantity": "1"}
    else:
        given |= {"funds": "100"}
    given |= numbers
    for name in ("price", "quantity", "funds"):
        if isinstance(given.get(name), str):
            given[name] = Decimal(given[name])  # type: ignore[arg-type]  # it is a string
    return OrderRequest(**given)  # type: ignore[arg-type]  # a builder takes any field


class Bench:
    """A core with 1,000 USD and 10 BTC on its account."""

    def __init__(self, rule: FeeRule = ON_TOP, usd: str = "1000", btc: str = "10", **changes: object) -> None:
        self.core = MatchingCore([market(**changes)], rule)
        self.core.account.deposit("USD", Decimal(usd))
        self.core.account.deposit("BTC", Decimal(btc))
        self.at = 0

    def book(self, bids: Ladder = (), asks: Ladder = ()) -> list[Change]:
        """Lay the market's book."""
        return self.core.set_book("BTC-USD", _exact(bids), _exact(asks), self.now())

    def accept(self, request: OrderRequest) -> VenueOrder:
        """Have an order taken on that must not be rejected."""
        order = self.core.accept(request, self.now())
        assert isinstance(order, VenueOrder), order
        return order

    def place(self, request: OrderRequest, share: str = "1") -> tuple[VenueOrder, list[Change]]:
        """Have an order taken on and matched."""
        order = self.accept(request)
        return order, self.match(order, share)

    def match(self, order: VenueOrder, share: str = "1") -> list[Change]:
        """Match an accepted order."""
        return self.core.match(order, self.now(), Decimal(share))

    def rest(self, request: OrderRequest) -> VenueOrder:
        """Have an order taken on that comes to rest."""
        order, _ = self.place(request)
        assert order in self.core.open_orders()
        return order

    def reject(self, request: OrderRequest) -> Rejection:
        """Have an order refused."""
        answer = self.core.accept(request, self.now())
        assert isinstance(answer, Rejection), answer
        return answer

    def now(self) -> Instant:
        """Let a moment pass."""
        self.at += 1
        return Instant(self.at)

    @property
    def usd(self) -> Balance:
        return self.core.account.balance("USD")

    @property
    def btc(self) -> Balance:
        return self.core.account.balance("BTC")


def fills(changes: Sequence[Change]) -> list[tuple[str, str]]:
    """What was traded: (price, quantity)."""
    trades = [change.trade for change in changes if isinstance(change, Traded)]
    return [(plain(trade.price), plain(trade.quantity)) for trade in trades]


def ended(changes: Sequence[Change]) -> list[VenueOrder]:
    """The orders that ended, in order."""
    return [change.order for change in changes if isinstance(change, Ended)]


def held(free: str, locked: str) -> Balance:
    """A balance."""
    return Balance(Decimal(free), Decimal(locked))


def _exact(ladder: Ladder) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(price), Decimal(quantity)) for price, quantity in ladder]
