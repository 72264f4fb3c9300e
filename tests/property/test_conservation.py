"""Conservation: whatever an account does, to the last unit nothing is made and nothing is lost, by either fee rule."""

from collections import defaultdict
from dataclasses import replace
from decimal import ROUND_UP, Decimal
from itertools import product
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Side, TickTable
from arbitrage.exchange.accounts import exactly
from arbitrage.exchange.liquidity import ExactLevel
from arbitrage.exchange.matching import FeeRule, MatchingCore
from arbitrage.exchange.venue_orders import (
    Change,
    Ended,
    OrderKind,
    OrderRequest,
    Rejection,
    SelfTrade,
    TimeInForce,
    Traded,
    VenueOrder,
    VenueState,
)
from tests import builders as make

BASES = ("BTC", "ETH")
TICK = Decimal("0.001")
LOT = Decimal("0.00000001")
STEP = Decimal("0.00000001")
ALL = Decimal(1)

# Prices around one quote unit and quantities from a single lot up: there the roundings weigh the most.
prices = st.integers(1, 3_000).map(lambda ticks: ticks * TICK)
quantities = st.builds(lambda lots, size: lots * size * LOT, st.integers(1, 99), st.sampled_from([1, 10**4, 10**7]))
ladders = st.lists(st.tuples(st.integers(0, 40), quantities), max_size=3)
shares = st.sampled_from([ALL, ALL, Decimal("0.5"), Decimal("0.333"), Decimal(0)])


def form(symbol: str, side: Side, self_trade: SelfTrade, in_force: TimeInForce) -> OrderRequest:
    """An order without its numbers."""
    return OrderRequest(symbol=symbol, side=side, kind=OrderKind.LIMIT, self_trade=self_trade, time_in_force=in_force)


def by_quantity(order: OrderRequest, quantity: Decimal) -> OrderRequest:
    """The same as a market order, by base."""
    return replace(order, kind=OrderKind.MARKET, quantity=quantity)


def by_funds(order: OrderRequest, funds: Decimal) -> OrderRequest:
    """The same as a market buy, by quote."""
    return replace(order, kind=OrderKind.MARKET_FUNDS, side=Side.BUY, funds=funds)


# one draw for all that is not a number: the tests' time goes into draws
SYMBOLS = [f"KRW-{base}" for base in BASES]
forms = st.sampled_from([form(*each) for each in product(SYMBOLS, Side, SelfTrade, TimeInForce)])
at_once = st.sampled_from(
    [form(*each) for each in product(SYMBOLS, Side, SelfTrade, (TimeInForce.IOC, TimeInForce.FOK))]
)
limits = st.builds(
    lambda order, price, quantity: replace(order, price=price, quantity=quantity), forms, prices, quantities
)
requests = st.one_of(
    limits, limits, st.builds(by_quantity, at_once, quantities), st.builds(by_funds, at_once, quantities)
)

maybe_later = st.sampled_from([None, ALL, ALL, Decimal("0.5"), Decimal("0.333"), Decimal(0)])
picks = st.integers(0, 10**6)


class Conservation(RuleBasedStateMachine):
    """An account on two markets that share a quote, driven at random. `actions` counts what was done in all."""

    fee_rule: ClassVar[FeeRule]
    actions: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.core = MatchingCore((self._instrument(base) for base in BASES), self.fee_rule)
        self.told: list[Change] = []
        self.books: dict[str, tuple[list[ExactLevel], list[ExactLevel]]] = {}
        self.at = 0
        self.dearest = Decimal(0)

    # --- what can happen

    @initialize(data=st.data())
    def open_doors(self, data: st.DataObject) -> None:
        for currency in ("KRW", *BASES):
            self.core.account.deposit(currency, data.draw(st.integers(10**9, 10**13)) * STEP)
        for base in BASES:
            self.set_book(base, data.draw(prices), data.draw(ladders), data.draw(ladders))

    @rule(request=requests, share=maybe_later)
    def place(self, request: OrderRequest, share: Decimal | None) -> None:
        self.dearest = max(self.dearest, request.price or Decimal(0))
        before, orders = self.core.account.balances(), len(self.core.orders)
        answer = self.core.accept(request, self._tick())
        if isinstance(answer, Rejection):
            assert (self.core.account.balances(), len(self.core.orders)) == (before, orders)
        elif share is not None:
            self._match(answer, share)

    @rule(ask=limits, bid=limits)
    def trade_with_oneself(self, ask: OrderRequest, bid: OrderRequest) -> None:
        until_cancelled = TimeInForce.GTC
        self.place(replace(ask, side=Side.SELL, time_in_force=until_cancelled), ALL)
        self.place(replace(bid, side=Side.BUY, symbol=ask.symbol, price=ask.price, time_in_force=until_cancelled), ALL)

    @rule(pick=picks, share=shares)
    def match_late(self, pick, share) -> None:
        waiting = [order for order in self.core.orders.values() if order.state is VenueState.ACCEPTED]
        if waiting:
            self._match(waiting[pick % len(waiting)], share)

    @rule(pick=picks)
    def cancel(self, pick) -> None:
        orders = list(self.core.orders.values())
        if orders:
            self.told += self.core.cancel(orders[pick % len(orders)], self._tick())

    @rule(base=st.sampled_from(BASES), middle=prices, bids=ladders, asks=ladders)
    def set_book(self, base, middle, bids, asks) -> None:
        below = [(middle - (1 + step) * TICK, quantity) for step, quantity in sorted(bids)]
        above = [(middle + (1 + step) * TICK, quantity) for step, quantity in sorted(asks)]
        self._lay(base, [level for level in below if level[0] > 0], above)

    @rule(base=st.sampled_from(BASES), factor=st.sampled_from([Decimal("0.68"), Decimal("1.5")]))
    def shock(self, base, factor) -> None:
        bids, asks = self.books[base]
        self._lay(base, *([(price * factor, there) for price, there in levels] for levels in (bids, asks)))

    @rule(currency=st.sampled_from(("KRW", *BASES)), amount=st.integers(-(10**10), 10**10))
    def move_money(self, currency, amount) -> None:
        exact = amount * STEP
        if self.core.account.balance(currency).free + exact >= 0:
            self.core.account.deposit(currency, exact)
        self._tick()

    @rule(
        base=st.sampled_from(BASES),
        lot=st.sampled_from([LOT, LOT * 7, LOT * 1_000]),
        fee=st.sampled_from([Decimal("0.0005"), Decimal("0.001"), Decimal("0.0025"), Decimal(0)]),
        halted=st.sampled_from(["", "", "", "BREAK"]),
    )
    def change_the_rules(self, base, lot, fee, halted) -> None:
        now = self.core.instruments[f"KRW-{base}"]
        self.core.instruments[now.symbol] = replace(now, lot=lot, min_quantity=lot, taker_fee=fee, halted=halted)
        self._tick()

    # --- what must hold

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        assert self.core.account.discrepancy() == {}
        assert all(held.free >= 0 and held.locked >= 0 for held in self.core.account.balances().values())

    @invariant()
    def what_is_locked_is_what_live_orders_hold(self) -> None:
        held: defaultdict[str, Decimal] = defaultdict(Decimal)
        with exactly():
            for order in self.core.orders.values():
                held[order.locked_currency] += order.locked
                assert order.locked == 0 or not order.is_over
        locked = {currency: balance.locked for currency, balance in self.core.account.balances().items()}

        assert {**dict.fromkeys(locked, Decimal(0)), **held} == locked

    @invariant()
    @exactly()
    def an_order_is_the_sum_of_its_trades(self) -> None:
        for order in self.core.orders.values():
            trades = order.trades

            assert order.executed_quantity == sum(trade.quantity for trade in trades)
            assert order.executed_funds == sum(trade.price * trade.quantity for trade in trades)
            assert order.fee == sum(trade.fee for trade in trades)
            assert order.left >= 0
            assert order.funds_left >= 0

    @invariant()
    @exactly()
    def a_fee_is_rounded_up_once(self) -> None:
        for order in self.core.orders.values():
            in_base = self.fee_rule is FeeRule.FROM_RECEIVED and order.request.side is Side.BUY
            exact = (order.executed_quantity if in_base else order.executed_funds) * order.instrument.taker_fee

            assert exact <= order.fee < exact + STEP

    @invariant()
    @exactly()
    def a_resting_order_holds_what_its_rest_can_cost(self) -> None:
        for order in self.core.open_orders():
            rest = order.left
            if order.request.side is Side.BUY:
                rest *= order.request.price
                if self.fee_rule is FeeRule.ON_TOP:
                    fee = (order.executed_funds + rest) * order.instrument.taker_fee
                    rest += fee.quantize(STEP, ROUND_UP) - order.fee

            assert order.locked == rest

    @invariant()
    def the_account_traded_what_its_orders_did(self) -> None:
        given: defaultdict[str, Decimal] = defaultdict(Decimal)
        fees: defaultdict[str, Decimal] = defaultdict(Decimal)
        with exactly():
            for order in self.core.orders.values():
                sign, market = order.request.side.sign, order.instrument
                given[market.quote] += sign * order.executed_funds
                given[market.base] -= sign * order.executed_quantity
                for trade in order.trades:
                    fees[trade.fee_currency] += trade.fee

            assert _but_zeros(given) == _but_zeros(self.core.account.traded)
            assert _but_zeros(fees) == _but_zeros(self.core.account.fees)

    @invariant()
    def no_order_breaks_its_word(self) -> None:
        for order in self.core.orders.values():
            limit, sign = order.request.price, order.request.side.sign
            match order.request.time_in_force:
                case TimeInForce.FOK:
                    assert not order.trades or self._has_all(order)
                case TimeInForce.POST_ONLY:
                    assert all(trade.is_maker for trade in order.trades)

            assert limit is None or all((trade.price - limit) * sign <= 0 for trade in order.trades)
            assert (order.state is VenueState.FILLED) <= self._has_all(order)

    @invariant()
    def every_change_was_told_once(self) -> None:
        trades = [change.trade for change in self.told if isinstance(change, Traded)]
        ends = [change.order.order_id for change in self.told if isinstance(change, Ended)]
        over = [order.order_id for order in self.core.orders.values() if order.is_over]

        assert [trade.trade_id for trade in trades] == list(range(1, len(trades) + 1))
        assert len(trades) == sum(len(order.trades) for order in self.core.orders.values())
        assert sorted(ends) == over

    # --- how it is done

    def _instrument(self, base: str) -> Instrument:
        return make.upbit(
            base, ticks=TickTable.single(TICK), lot=LOT, min_quantity=LOT, min_notional=STEP, taker_fee=Decimal("0.001")
        )

    def _tick(self) -> Instant:
        self.at += 1
        type(self).actions += 1
        return Instant(self.at)

    def _match(self, order: VenueOrder, share: Decimal) -> None:
        self.told += self.core.match(order, self._tick(), share)

    def _lay(self, base: str, bids: list[ExactLevel], asks: list[ExactLevel]) -> None:
        self.books[base] = (bids, asks)
        self.dearest = max(self.dearest, *(price for price, _ in asks), Decimal(0))
        self.told += self.core.set_book(f"KRW-{base}", bids, asks, self._tick())

    def _has_all(self, order: VenueOrder) -> bool:
        """Whether nothing more could be had: an order by funds may leave what buys no lot."""
        if order.request.kind is not OrderKind.MARKET_FUNDS:
            return order.left == 0
        return order.funds_left < self.dearest * order.instrument.lot


class OnTop(Conservation):
    """Upbit's way."""

    fee_rule = FeeRule.ON_TOP


class FromReceived(Conservation):
    """Binance's way."""

    fee_rule = FeeRule.FROM_RECEIVED


def _but_zeros(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    return {currency: amount for currency, amount in amounts.items() if amount}


often = settings(max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck))
OnTop.TestCase.settings = often
FromReceived.TestCase.settings = often
TestOnTop = OnTop.TestCase
TestFromReceived = FromReceived.TestCase
