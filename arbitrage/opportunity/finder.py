"""From two believable books and an fx to the draft of a plan, or to why there is none. It approves nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.books.book import Book
from arbitrage.domain.book_views import Level
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Pair, Venue
from arbitrage.domain.money import decimal_from_float, floor_to, plain
from arbitrage.domain.plans import Direction, FxQuote, Leg, TwoLegPlan
from arbitrage.domain.verdicts import Refusal, RefusalCode
from arbitrage.opportunity.edge import BPS, Fees, Fx, buy_upbit_edge, edge, sell_upbit_edge, vwap
from arbitrage.opportunity.legs import broken_minimum, limit_price, quantities
from arbitrage.opportunity.sizing import Caps, Ladder, largest_clearing

_WON_CENTS: Final = Decimal("0.01")
_SELL_UPBIT: Final = Direction.SELL_UPBIT  # looked up once: an enum takes 0.1 µs for it


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """The plain numbers that shape a plan: `max_notional_krw` is won, the others are fractions."""

    min_edge: float
    max_room: float
    max_notional_krw: float
    max_depth_share: float


@dataclass(slots=True)
class Free:
    """What can still be spent: base on the selling side, the quote currency on the buying side, KRW of notional."""

    base: Decimal
    quote: Decimal
    notional_krw: float


class PairFinder:
    """Looks for plans of one pair. Everything that does not change between frames is worked out once, here."""

    def __init__(self, pair: Pair, rules: PlanRules) -> None:
        upbit, binance = pair.upbit, pair.binance
        self.pair = pair
        self.fees = Fees(float(upbit.taker_fee), float(binance.taker_fee))
        self._kept = self.fees.kept
        self._most_base = min(upbit.max_quantity, binance.max_quantity * (1 - binance.taker_fee))
        self._least_krw, self._least_usdt = float(upbit.min_notional), float(binance.min_notional)
        self._most_krw, self._most_usdt = float(upbit.max_notional), float(binance.max_notional)
        self.take_rules(rules)

    def take_rules(self, rules: PlanRules) -> None:
        """Work by these rules from now on."""
        self.rules = rules
        self.ratio_needed = (1.0 + rules.min_edge) / self._kept

    def touch_edge(self, direction: Direction, upbit: Book, binance: Book, fx: Fx) -> float:
        """Return the edge at the touch of both books: the best that any size can have."""
        sells, buys = self.touch_edges(upbit, binance, fx)
        return sells if direction is _SELL_UPBIT else buys

    def touch_edges(self, upbit: Book, binance: Book, fx: Fx) -> tuple[float, float]:
        """Return both directions' edges at the touch, in the order of Direction. It is asked for with every frame."""
        kept = self._kept
        return edge(kept, upbit.bid, binance.ask * fx.ask), edge(kept, binance.bid * fx.bid, upbit.ask)

    def draft(
        self, direction: Direction, books: tuple[Book, Book], fx: Fx, free: Free, at: Instant, plan_id: str = ""
    ) -> TwoLegPlan | Refusal:
        """Make the largest plan that clears, on both lots and ticks, within what is free; or say why there is none.

        `books` are Upbit's and Binance's. The plan carries `plan_id`, but only an approved one uses it up.
        """
        caps = self._caps(direction, fx, free)
        dry = self._dry(direction, books, fx, caps)
        if dry is not None:
            return dry
        taken = _Taken.of(direction, books, fx)
        into, out_of = taken.ladders(self.fees)
        deepest = min(into.depth(), out_of.depth()) * self.rules.max_depth_share
        caps = Caps(min(caps.base, deepest), caps.buy_krw, caps.notional_krw)
        # A deepest level that no tick can reach (an old order off today's grid) is left out, and the rest tried again.
        while taken.upbit and taken.binance:
            plan = self._on_levels(taken, caps, plan_id, at)
            if not isinstance(plan, _Unreachable):
                return plan
            taken = taken.cut(plan.venue, plan.depth)
        return Refusal(RefusalCode.NO_DEPTH, "no level that clears is on a tick", "")

    def _caps(self, direction: Direction, fx: Fx, free: Free) -> Caps:
        widest = 1.0 + self.rules.max_room
        most_krw = min(self.rules.max_notional_krw, free.notional_krw, self._most_krw, self._most_usdt * fx.bid)
        most_base = float(min(free.base, self._most_base))
        if direction is _SELL_UPBIT:
            spend = float(free.quote) * fx.ask * (1.0 - self.fees.binance) / widest
            return Caps(most_base, spend, most_krw)
        spend = float(free.quote) / (widest * (1.0 + self.fees.upbit))
        return Caps(most_base, spend, most_krw / widest)

    def _dry(self, direction: Direction, books: tuple[Book, Book], fx: Fx, caps: Caps) -> Refusal | None:
        least, has_krw = max(self._least_krw, self._least_usdt * fx.ask), caps.base * books[0].bid
        if has_krw >= least and caps.buy_krw >= least:
            return None
        sells, buys = self.pair.upbit, self.pair.binance
        if direction is Direction.BUY_UPBIT:
            sells, buys = buys, sells
        if has_krw < least:
            return _dry_side(sells, self.pair.base, has_krw, least)
        return _dry_side(buys, buys.quote, caps.buy_krw, least)

    def _on_levels(
        self, taken: "_Taken", caps: Caps, plan_id: str, at: Instant
    ) -> "TwoLegPlan | Refusal | _Unreachable":
        direction, fx = taken.direction, taken.fx
        sells_upbit = direction is _SELL_UPBIT
        base = largest_clearing(*taken.ladders(self.fees), self.ratio_needed, caps, buys_on_upbit=not sells_upbit)
        amounts = quantities(direction, self.pair, decimal_from_float(base))
        if not min(amounts) > 0:
            return Refusal(RefusalCode.BELOW_MINIMUM, f"{base:.8f} {self.pair.base}", plain(self.pair.binance.lot))
        walk = (float(amounts[0]), taken.upbit, taken.binance, self.fees, fx)
        net_edge = sell_upbit_edge(*walk) if sells_upbit else buy_upbit_edge(*walk)
        if net_edge is None:
            return Refusal(RefusalCode.NO_DEPTH, f"{base:.8f} {self.pair.base}", "")
        upbit, binance = _walked(taken.upbit, amounts[0]), _walked(taken.binance, amounts[1])
        room = self._room(direction, upbit[-1][0], binance[-1][0], fx)
        first = _leg(direction, self.pair.upbit, amounts[0], upbit, room)
        if not isinstance(first, Leg):
            return first
        second = _leg(direction, self.pair.binance, amounts[1], binance, room)
        if not isinstance(second, Leg):
            return second
        return self._plan(taken, (first, second), net_edge, plan_id, at)

    def _room(self, direction: Direction, upbit: float, binance: float, fx: Fx) -> Decimal:
        """Return by what fraction each limit may leave its deepest level: both together keep the minimum edge.

        With R = (1 + edge of the deepest levels) / (1 + minimum edge), both prices may worsen by (R - 1) / (R + 1): a
        little less than half of what the edge is above the minimum.
        """
        if direction is _SELL_UPBIT:
            marginal = edge(self._kept, upbit, binance * fx.ask)
        else:
            marginal = edge(self._kept, binance * fx.bid, upbit)
        ratio = (1.0 + marginal) / (1.0 + self.rules.min_edge)
        return decimal_from_float(max(0.0, min((ratio - 1.0) / (ratio + 1.0), self.rules.max_room)))

    def _plan(self, taken: "_Taken", legs: tuple[Leg, Leg], net_edge: float, plan_id: str, at: Instant) -> TwoLegPlan:
        (upbit, binance), fx = legs, taken.fx
        dearest = max(upbit.limit_price, decimal_from_float(upbit.vwap))
        # what the edge is a fraction of: the cost side, fee and fx included
        cost = _cost_krw(taken.direction, upbit, binance, self.fees, fx)
        return TwoLegPlan(
            plan_id=plan_id,
            base=self.pair.base,
            direction=taken.direction,
            decided_at=at,
            upbit=upbit,
            binance=binance,
            fx=FxQuote(decimal_from_float(fx.bid), decimal_from_float(fx.ask), at),
            base_quantity=upbit.quantity,
            notional_krw=floor_to(upbit.quantity * dearest, _WON_CENTS),
            net_edge_bps=net_edge * BPS,
            expected_krw=floor_to(decimal_from_float(cost * net_edge), _WON_CENTS),
        )


@dataclass(frozen=True, slots=True)
class _Unreachable:
    venue: Venue
    depth: int


@dataclass(slots=True)
class _Taken:
    """The levels that a direction takes from on each venue, as quoted, and the fx at which they are compared."""

    direction: Direction
    upbit: Sequence[Level]
    binance: Sequence[Level]
    fx: Fx

    @classmethod
    def of(cls, direction: Direction, books: tuple[Book, Book], fx: Fx) -> "_Taken":
        upbit, binance = books
        if direction is _SELL_UPBIT:
            return cls(direction, upbit.bids(), binance.asks(), fx)
        return cls(direction, upbit.asks(), binance.bids(), fx)

    def ladders(self, fees: Fees) -> tuple[Ladder, Ladder]:
        """Return what is sold into and what is bought from."""
        if self.direction is _SELL_UPBIT:
            return Ladder(self.upbit), Ladder(self.binance, self.fx.ask, 1.0 - fees.binance)
        return Ladder(self.binance, self.fx.bid), Ladder(self.upbit)

    def cut(self, venue: Venue, depth: int) -> "_Taken":
        """Return the same with only so many levels left on one venue."""
        upbit = self.upbit[:depth] if venue is Venue.UPBIT else self.upbit
        binance = self.binance[:depth] if venue is Venue.BINANCE else self.binance
        return _Taken(self.direction, upbit, binance, self.fx)


def _leg(
    direction: Direction, instrument: Instrument, quantity: Decimal, levels: tuple[Level, ...], room: Decimal
) -> Leg | Refusal | _Unreachable:
    side = direction.side(instrument.venue)
    average = vwap(levels, float(quantity))
    if average is None:
        return Refusal(RefusalCode.NO_DEPTH, f"{instrument.symbol} {plain(quantity)}", "")
    price = limit_price(side, decimal_from_float(levels[-1][0]), room, instrument)
    if price is None:
        return _Unreachable(instrument.venue, len(levels) - 1)
    broken = broken_minimum(instrument, quantity, price)
    if broken is not None:
        return broken
    return Leg(
        venue=instrument.venue,
        symbol=instrument.symbol,
        side=side,
        quantity=quantity,
        limit_price=price,
        vwap=average,
        levels=levels,
    )


def _walked(levels: Sequence[Level], quantity: Decimal) -> tuple[Level, ...]:
    taken, reached, wanted = [], 0.0, float(quantity) * (1.0 - 1e-12)
    for level in levels:
        taken.append(level)
        reached += level[1]
        if reached >= wanted:
            break
    return tuple(taken)


def _cost_krw(direction: Direction, upbit: Leg, binance: Leg, fees: Fees, fx: Fx) -> float:
    if direction is _SELL_UPBIT:
        return float(binance.quantity) * binance.vwap * fx.ask * (1.0 + fees.upbit)
    return float(upbit.quantity) * upbit.vwap * (1.0 + fees.upbit)


def _dry_side(instrument: Instrument, currency: str, has_krw: float, least_krw: float) -> Refusal:
    return Refusal(
        RefusalCode.INVENTORY_DRY,
        f"{instrument.venue} has {currency} for {has_krw:,.0f} KRW",
        f"{least_krw:,.0f} KRW",
    )
