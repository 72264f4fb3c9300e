"""The desk: from a moved book to a reviewed plan. Pure; the engine tells it what moved, the flight deck takes over."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from arbitrage.books.book import Book
from arbitrage.books.market import Market
from arbitrage.domain.book_views import Health, Level
from arbitrage.domain.guarding import LatchKind
from arbitrage.domain.instants import Instant, Nanos, from_ms
from arbitrage.domain.instruments import Pair, Universe, Venue
from arbitrage.domain.intents import Intent, ReportRefusal, SubmitPlan
from arbitrage.domain.money import decimal_from_float, won
from arbitrage.domain.plans import Direction, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.verdicts import Approved, Refusal, RefusalCode
from arbitrage.execution.numbering import PlanNumbers, opening_orders
from arbitrage.flight_deck import FlightDeck
from arbitrage.ledger.inventory import Balances, Inventory
from arbitrage.ledger.virtual import VirtualCapital
from arbitrage.opportunity.edge import BPS, Fx
from arbitrage.opportunity.finder import Free, PairFinder, PlanRules
from arbitrage.opportunity.refusal_log import RefusalLog
from arbitrage.opportunity.watched import Watched
from liveguard.facts import Facts
from liveguard.losses import worst_case
from liveguard.safety import SafetyModule

_NOTHING: Final[tuple[Intent, ...]] = ()

_SELL_UPBIT: Final = Direction.SELL_UPBIT  # looked up once: an enum takes 0.1 µs for it
_BUY_UPBIT: Final = Direction.BUY_UPBIT
_WAYS: Final = tuple(Direction)
_GOOD: Final = Health.GOOD

REHEARSED: Final = "rehearsed"
"""The id of every plan that is only rehearsed."""

_PLENTY: Final = Free(Decimal(10**12), Decimal(10**15), math.inf)

SMALLEST_PLAN_KRW: Final = Decimal(10_000)
"""A plan below this is below both venues' minima (5,000 KRW, 5 USDT) after a price move: there is no smaller one."""


class Desk:
    """Looks for plans, has them reviewed, and hands those that may start to the flight deck."""

    def __init__(
        self, safety: SafetyModule, market: Market, remembered: Remembered, virtual_capital_krw: Decimal | None
    ) -> None:
        """Take `virtual_capital_krw` as what each side owns at first; None where real balances are given."""
        self._market = market
        self._virtual = virtual_capital_krw
        self._safety = safety
        self._numbers = PlanNumbers(remembered.epoch, remembered.fence)
        self.inventory = Inventory(remembered.inventory)
        self.deck = FlightDeck(safety, market, self.inventory, self._numbers)
        self.deck.dust.update(remembered.positions)
        self._everyone: tuple[Watched, ...] = ()
        self._watched: dict[tuple[Venue, str], tuple[Watched, ...]] = {}
        self._unfunded: set[str] = set()
        self.finders: dict[str, PairFinder] = {}
        self.refusals = RefusalLog()
        self.best: dict[tuple[str, Direction], float] = {k: v / BPS for k, v in remembered.best_edges.items()}
        self.take_limits()

    def take_limits(self) -> None:
        """Work by the guard's limits as they are now, also for the pairs that are traded already."""
        limits = self._safety.limits
        self._rules = PlanRules(
            min_edge=float(limits.min_spread_pct) / 100,
            max_room=float(limits.max_slippage_pct) / 100,
            max_notional_krw=float(limits.max_position_size),
            max_depth_share=float(limits.max_depth_pct) / 100,
        )
        self._anything_pays = replace(self._rules, min_edge=-0.5)
        self._max_book_age = from_ms(limits.max_book_age_ms)
        self._max_fx_age = from_ms(limits.max_fx_age_ms)
        self._max_edge = float(limits.max_edge_pct) / 100
        for finder in self.finders.values():
            finder.take_rules(self._rules)
        self._expect(self._everyone)

    def adopt(self, universe: Universe) -> None:
        """Trade exactly the universe's pairs from now on. Plans in flight go on as they were decided."""
        self.finders = {pair.base: PairFinder(pair, self._rules) for pair in universe.pairs}
        self._everyone = tuple(Watched.of(finder, self.books(finder.pair)) for finder in self.finders.values())
        self._watched = {(Venue.UPBIT, universe.fx.symbol): self._everyone}
        for watched in self._everyone:
            pair = watched.finder.pair
            self._watched[Venue.UPBIT, pair.upbit.symbol] = (watched,)
            self._watched[Venue.BINANCE, pair.binance.symbol] = (watched,)
        self._unfunded = set(self.finders)
        self._expect(self._everyone)

    def give(self, balances: Balances) -> None:
        """Replace the inventory, or start over with nothing known, to be funded anew where capital is virtual."""
        if balances:
            self.inventory.replace(balances)
        else:
            self.inventory.start_over()
        self._unfunded = set(self.finders)
        self._expect(self._everyone)

    def forget_best(self) -> None:
        """Begin a trading day: the best edges of the one before are history."""
        self.best.clear()
        self._expect(self._everyone)

    def look(self, venue: Venue, symbol: str, at: Instant) -> tuple[Intent, ...]:
        """Look at every pair that a moved book belongs to."""
        rate = self._market.fx_rate()
        if rate is None:
            return _NOTHING
        fx, intents = Fx(*rate), _NOTHING
        for watched in self._watched.get((venue, symbol), ()):
            upbit, binance = watched.books
            if upbit.condition is _GOOD and binance.condition is _GOOD:
                edges = watched.finder.touch_edges(upbit, binance, fx)
                if edges[0] > watched.news[0] or edges[1] > watched.news[1]:
                    intents = (*intents, *self._look_at(watched, edges, fx, at))
        return intents

    def rehearse(self, venue: Venue, symbol: str, at: Instant) -> TwoLegPlan | None:
        """Work out and review a plan for a moved book as if it paid, and start nothing; None if that cannot be.

        No order of it can pass the last gate, because the guard has not started it. What it is good for: `Rehearsal`.
        """
        rate, moved = self._market.fx_rate(), self._watched.get((venue, symbol))
        if rate is None or not moved or not all(book.walkable() for book in moved[0].books):
            return None
        watched = moved[0]
        finder = PairFinder(watched.finder.pair, self._anything_pays)
        plan = finder.draft(_SELL_UPBIT, watched.books, Fx(*rate), _PLENTY, at, REHEARSED)
        if isinstance(plan, Refusal):
            return None
        self._free(watched, _SELL_UPBIT)
        self._safety.review(plan, self._facts(plan, watched, at), at)
        return plan

    def withdraw(self, plan_id: str) -> None:
        """Take back a plan whose orders never left: nothing was sent, so nothing is spoken for any more."""
        self._safety.withdraw(plan_id)
        self.deck.withdraw(plan_id)

    def dust_krw(self) -> dict[str, Decimal]:
        """Return what is left over of each asset that has a price, in KRW and without its sign."""
        rate = self._market.fx_rate()
        per_quote = {Venue.UPBIT: 1.0, Venue.BINANCE: rate[1] if rate else 0.0}
        found = {}
        for base, left in self.deck.dust.items():
            finder = self.finders.get(base)
            touches = self._market.touches(finder.pair) if finder else {}
            prices = [ask * per_quote[venue] for venue, (_, ask) in touches.items()]
            if left and prices:
                found[base] = abs(left) * decimal_from_float(max(prices))
        return found

    def runway(self) -> dict[str, dict[str, int]]:
        """Return how many more plans of the largest size both sides can pay for, by base and direction."""
        rate = self._market.fx_rate()
        if rate is None:
            return {}
        return {
            watched.finder.pair.base: {way.value: self._plans_left(watched, way, rate[1]) for way in Direction}
            for watched in self._everyone
            if all(book.condition is _GOOD for book in watched.books)
        }

    def _plans_left(self, watched: Watched, direction: Direction, krw_per_usdt: float) -> int:
        coins, cash = self._spendable(watched.finder.pair, direction)
        coins_krw = float(coins) * watched.books[0].bid
        cash_krw = float(cash) * (krw_per_usdt if direction is _SELL_UPBIT else 1.0)
        return max(0, int(min(coins_krw, cash_krw) // self._rules.max_notional_krw))

    def books(self, pair: Pair) -> tuple[Book, Book]:
        """Return a pair's books, Upbit's first."""
        book = self._market.book
        return book(Venue.UPBIT, pair.upbit.symbol), book(Venue.BINANCE, pair.binance.symbol)

    def _expect(self, pairs: Iterable[Watched]) -> None:
        """Work out which edges are news: the first, one that clears the minimum, and a better one than any today."""
        too_little = math.nextafter(self._rules.min_edge, -math.inf)
        for watched in pairs:
            base = watched.finder.pair.base
            sells, buys = (min(self.best.get((base, way), -1.0), too_little) for way in _WAYS)
            watched.news = (-math.inf, -math.inf) if base in self._unfunded else (sells, buys)

    def _look_at(self, watched: Watched, edges: tuple[float, float], fx: Fx, at: Instant) -> Iterable[Intent]:
        pair, (upbit, binance) = watched.finder.pair, watched.books
        base, best = pair.base, self.best
        if base in self._unfunded and self._is_sane(watched, edges, at):
            self._fund(pair, watched.books, fx)
            self._expect([watched])
        for direction, edge in zip(_WAYS, edges, strict=True):
            if edge > best.get((base, direction), -1.0) and self._is_sane(watched, edges, at):
                best[base, direction] = edge
                self._expect([watched])
            # a frame may turn out bad when it is walked, which empties its book
            if edge >= self._rules.min_edge and upbit.walkable() and binance.walkable():
                if edge > self._max_edge and self._is_fresh(watched, at):
                    yield from self._disbelieve(base, direction, edge, at)
                else:
                    yield from self._consider(watched, direction, edge, fx, at)

    def _consider(
        self, watched: Watched, direction: Direction, touch_edge: float, fx: Fx, at: Instant
    ) -> Iterable[Intent]:
        pair, books = watched.finder.pair, watched.books
        plan: TwoLegPlan | Refusal | None = self._not_armed(pair.base, books)
        if plan is None:
            free = self._free(watched, direction)
            plan = watched.finder.draft(direction, books, fx, free, at, self._numbers.next_plan_id())
        if isinstance(plan, Refusal):
            return self._refuse(pair.base, direction, touch_edge * BPS, (plan,), at)
        facts = self._facts(plan, watched, at)
        verdict = self._safety.review(plan, facts, at)
        if isinstance(verdict, Approved):
            return (self._start(verdict, pair, facts),)
        for refusal in verdict.refusals:
            if refusal.code is RefusalCode.REPEATED_EXECUTION:
                self._safety.keeper.latch(LatchKind.REPEATED_EXECUTION, at, refusal.seen)
        return self._refuse(pair.base, direction, plan.net_edge_bps, verdict.refusals, at)

    def _start(self, approved: Approved[TwoLegPlan], pair: Pair, facts: Facts) -> Intent:
        plan, orders = approved.what, opening_orders(approved.what)
        self._numbers.use()
        sequence = self._safety.start(plan, orders, facts)
        self.deck.open(plan, pair, orders, plan.decided_at)
        return SubmitPlan(approved, orders, facts.worst_case, sequence, self._safety.keeper.losses.day)

    def _disbelieve(self, base: str, direction: Direction, edge: float, at: Instant) -> Iterable[Intent]:
        """Stop a pair whose edge at the touch is too good to be true, until a person has looked at it."""
        limit = f"{self._max_edge * BPS:,.0f} bps"
        refusal = Refusal(RefusalCode.EDGE_IMPLAUSIBLE, f"{edge * BPS:,.0f} bps at the touch", limit)
        self._safety.keeper.latch(LatchKind.IMPLAUSIBLE_EDGE, at, f"{direction}: {refusal}", scope=base)
        return self._refuse(base, direction, edge * BPS, (refusal,), at)

    def _refuse(
        self, base: str, direction: Direction, bps: float, refusals: tuple[Refusal, ...], at: Instant
    ) -> Iterable[Intent]:
        told = self.refusals.count(refusals, at)
        return (ReportRefusal(at, base, direction, bps, told),) if told else _NOTHING

    def _not_armed(self, base: str, books: tuple[Book, Book]) -> Refusal | None:
        flying = self.deck.in_flight(base)
        if flying is not None:
            return Refusal(RefusalCode.PLAN_IN_FLIGHT, flying.plan_id, "one per pair")
        ended, (upbit, binance) = self.deck.last_end(base), books
        if upbit.updated_at > ended and binance.updated_at > ended:
            return None
        return Refusal(RefusalCode.NOT_REARMED, "a book is from before the last end", "both younger")

    def _facts(self, plan: TwoLegPlan, watched: Watched, at: Instant) -> Facts:
        pair, (upbit, binance) = watched.finder.pair, watched.books
        sells_upbit = plan.direction is _SELL_UPBIT
        reference = self._market.reference
        return Facts(
            upbit_age=Nanos(at - upbit.updated_at),
            binance_age=Nanos(at - binance.updated_at),
            fx_age=Nanos(at - self._market.fx.updated_at),
            plans_in_flight=len(self.deck),
            notional_in_flight_krw=self.deck.notional_krw(),
            worst_case=worst_case(plan.notional_krw, self._safety.limits.collar_pct, watched.fees),
            upbit_depth=_depth(upbit.bids() if sells_upbit else upbit.asks()),
            binance_depth=_depth(binance.asks() if sells_upbit else binance.bids()),
            upbit_reference=reference(pair.upbit.venue, pair.upbit.symbol),
            binance_reference=reference(pair.binance.venue, pair.binance.symbol),
            halted=watched.halted,
        )

    def _free(self, watched: Watched, direction: Direction) -> Free:
        return Free(*self._spendable(watched.finder.pair, direction), self._room_krw(watched.fees))

    def _spendable(self, pair: Pair, direction: Direction) -> tuple[Decimal, Decimal]:
        """Return the base that can be sold and what can be spent on buying it."""
        sells, buys = pair.upbit, pair.binance
        if direction is _BUY_UPBIT:
            sells, buys = buys, sells
        return self.inventory.free(sells.venue, sells.base), self.inventory.free(buys.venue, buys.quote)

    def _room_krw(self, fees: Decimal) -> float:
        """Return the largest notional that the guard's sums still have room for; what is too small for any plan is
        left to the guard to refuse, with its own reason.
        """
        limits = self._safety.limits
        risked = 2 * limits.collar_pct / 100 + fees
        room = min(won(self._safety.room()) / risked, limits.max_naked_notional - self.deck.notional_krw())
        return float(room) if room > SMALLEST_PLAN_KRW else math.inf

    def _fund(self, pair: Pair, books: tuple[Book, Book], fx: Fx) -> None:
        self._unfunded.discard(pair.base)
        if self._virtual is not None:
            prices = {venue: decimal_from_float(book.ask) for venue, book in zip(Venue, books, strict=True)}
            capital = VirtualCapital(self._virtual, len(self.finders))
            capital.fund(self.inventory, pair, prices, decimal_from_float(fx.ask))

    def _is_sane(self, watched: Watched, edges: tuple[float, float], at: Instant) -> bool:
        """Say whether prices are fresh and near enough to each other to be remembered or to buy virtual coins at."""
        near = all(-self._max_edge <= edge <= self._max_edge for edge in edges)
        return near and self._is_fresh(watched, at)

    def _is_fresh(self, watched: Watched, at: Instant) -> bool:
        fresh = all(book.health(at, self._max_book_age) is _GOOD for book in watched.books)
        return fresh and self._market.fx.health(at, self._max_fx_age) is _GOOD


def _depth(levels: Sequence[Level]) -> float:
    return sum([size for _, size in levels])
