"""The desk: from a moved book to a reviewed plan, and from reports to its end. Pure; the engine tells it what moved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from arbitrage.books.book import Book
from arbitrage.books.market import Market
from arbitrage.domain.book_views import Health
from arbitrage.domain.events import LegReport
from arbitrage.domain.instants import Instant, Nanos, from_ms
from arbitrage.domain.instruments import Pair, Side, Universe, Venue
from arbitrage.domain.intents import Intent, ReportRefusal, SubmitPlan
from arbitrage.domain.money import decimal_from_float
from arbitrage.domain.plans import Direction, Outcome, PlanEnd, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.verdicts import Approved, Refusal, RefusalCode
from arbitrage.execution.numbering import PlanNumbers, opening_orders
from arbitrage.execution.tracker import PlanTracker
from arbitrage.ledger.closing import close_plan
from arbitrage.ledger.inventory import Balances, Inventory
from arbitrage.ledger.virtual import VirtualCapital
from arbitrage.opportunity.edge import BPS, Fx
from arbitrage.opportunity.finder import Free, PairFinder, PlanRules
from arbitrage.opportunity.refusal_log import RefusalLog
from liveguard.risk_limits import RiskLimits
from liveguard.safety import Facts, SafetyModule

_NOTHING: Final[tuple[Intent, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskConfig:
    """What the desk is told once.

    `virtual_capital_krw` is what each side owns at first where no real balances are given; None where they are.
    """

    limits: RiskLimits
    virtual_capital_krw: Decimal | None


class Desk:
    """Looks for plans, has them reviewed, keeps what is spoken for, and follows plans to their end."""

    def __init__(self, config: DeskConfig, market: Market, remembered: Remembered) -> None:
        limits = config.limits
        self._market = market
        self._virtual = config.virtual_capital_krw
        self._rules = PlanRules(
            min_edge=float(limits.min_spread_pct) / 100,
            max_room=float(limits.max_slippage_pct) / 100,
            max_notional_krw=float(limits.max_position_size),
        )
        self._max_book_age = from_ms(limits.max_book_age_ms)
        self._max_fx_age = from_ms(limits.max_fx_age_ms)
        self._max_edge = float(limits.max_edge_pct) / 100
        self._safety = SafetyModule(limits, remembered.trade_instants)
        self._numbers = PlanNumbers(remembered.epoch, remembered.fence)
        self._by_symbol: dict[tuple[Venue, str], tuple[PairFinder, ...]] = {}
        self._unfunded: set[str] = set()
        self.finders: dict[str, PairFinder] = {}
        self.tracker = PlanTracker()
        self.inventory = Inventory(remembered.inventory)
        self.refusals = RefusalLog()
        self.best: dict[tuple[str, Direction], float] = {k: v / BPS for k, v in remembered.best_edges.items()}
        self.positions: dict[str, Decimal] = dict(remembered.positions)
        self.unavailable = "the state store has not answered yet"

    def adopt(self, universe: Universe) -> None:
        """Trade exactly the universe's pairs from now on. Plans in flight go on as they were decided."""
        self.finders = {pair.base: PairFinder(pair, self._rules) for pair in universe.pairs}
        everyone = tuple(self.finders.values())
        self._by_symbol = {(Venue.UPBIT, universe.fx.symbol): everyone}
        for finder in everyone:
            self._by_symbol[Venue.UPBIT, finder.pair.upbit.symbol] = (finder,)
            self._by_symbol[Venue.BINANCE, finder.pair.binance.symbol] = (finder,)
        self._unfunded = set(self.finders)

    def give(self, balances: Balances) -> None:
        """Replace the inventory, or start over with nothing known, to be funded anew where capital is virtual."""
        if balances:
            self.inventory.replace(balances)
        else:
            self.inventory.start_over()
        self._unfunded = set(self.finders)

    def look(self, venue: Venue, symbol: str, at: Instant) -> tuple[Intent, ...]:
        """Look at every pair that a moved book belongs to."""
        rate = self._market.fx_rate()
        if rate is None:
            return _NOTHING
        fx = Fx(*rate)
        intents: list[Intent] = []
        for finder in self._by_symbol.get((venue, symbol), ()):
            books = self.books(finder.pair)
            if books[0].condition is Health.GOOD and books[1].condition is Health.GOOD:
                intents.extend(self._look_at(finder, books, fx, at))
        return tuple(intents)

    def learn(self, report: LegReport) -> PlanEnd | None:
        """Take the end of a leg; return the end of its plan once both are known."""
        ended = self.tracker.learn(report)
        if ended is None:
            return None
        plan, pair = ended.plan, ended.pair
        end = close_plan(plan, pair, ended.reports, self._market.touches(pair), report.at)
        if end.outcome is Outcome.UNSCORED:
            for leg in plan.legs:
                self.inventory.release(plan.plan_id, leg.venue)
            return end
        for leg in plan.legs:
            self.inventory.settle(plan.plan_id, leg, pair.on(leg.venue), ended.reports[leg.venue].fill)
        self.positions[plan.base] = self.positions.get(plan.base, Decimal(0)) + end.residual_base
        return end

    def books(self, pair: Pair) -> tuple[Book, Book]:
        """Return a pair's books, Upbit's first."""
        book = self._market.book
        return book(Venue.UPBIT, pair.upbit.symbol), book(Venue.BINANCE, pair.binance.symbol)

    def _look_at(self, finder: PairFinder, books: tuple[Book, Book], fx: Fx, at: Instant) -> Iterable[Intent]:
        base = finder.pair.base
        edges = {direction: finder.touch_edge(direction, *books, fx) for direction in Direction}
        if base in self._unfunded and self._is_sane(finder.pair, edges, at):
            self._fund(finder.pair, books, fx)
        for direction, edge in edges.items():
            if edge > self.best.get((base, direction), -1.0) and self._is_sane(finder.pair, edges, at):
                self.best[base, direction] = edge
            # a frame may turn out bad when it is walked, which empties its book
            if edge >= self._rules.min_edge and all(book.walkable() for book in books):
                yield from self._consider(finder, direction, edge, fx, at)

    def _consider(
        self, finder: PairFinder, direction: Direction, touch_edge: float, fx: Fx, at: Instant
    ) -> Iterable[Intent]:
        pair, books = finder.pair, self.books(finder.pair)
        held_up = self._not_armed(pair.base, books)
        if held_up is not None:
            return self._refuse(pair.base, direction, touch_edge * BPS, (held_up,), at)
        draft = finder.draft(direction, books, fx, self._free(pair, direction), at)
        if isinstance(draft, Refusal):
            return self._refuse(pair.base, direction, touch_edge * BPS, (draft,), at)
        plan = replace(draft, plan_id=self._numbers.next_plan_id())
        verdict = self._safety.review(plan, self._facts(pair, at), at)
        if isinstance(verdict, Approved):
            return (self._start(verdict, pair),)
        return self._refuse(pair.base, direction, plan.net_edge_bps, verdict.refusals, at)

    def _start(self, approved: Approved[TwoLegPlan], pair: Pair) -> Intent:
        plan = approved.what
        self._numbers.use()
        self._safety.note_started(plan.decided_at)
        self.tracker.open(plan, pair)
        for leg in plan.legs:
            self.inventory.reserve(plan.plan_id, leg, pair.on(leg.venue))
        return SubmitPlan(approved, opening_orders(plan))

    def _refuse(
        self, base: str, direction: Direction, bps: float, refusals: tuple[Refusal, ...], at: Instant
    ) -> Iterable[Intent]:
        told = self.refusals.count(refusals, at)
        return (ReportRefusal(at, base, direction, bps, told),) if told else _NOTHING

    def _not_armed(self, base: str, books: tuple[Book, Book]) -> Refusal | None:
        flying = self.tracker.in_flight(base)
        if flying is not None:
            return Refusal(RefusalCode.PLAN_IN_FLIGHT, flying.plan_id, "one per pair")
        ended = self.tracker.last_end(base)
        if all(book.updated_at > ended for book in books):
            return None
        return Refusal(RefusalCode.NOT_REARMED, "a book is from before the last end", "both younger")

    def _facts(self, pair: Pair, at: Instant) -> Facts:
        upbit, binance = self.books(pair)
        return Facts(
            upbit_age=Nanos(at - upbit.updated_at),
            binance_age=Nanos(at - binance.updated_at),
            fx_age=Nanos(at - self._market.fx.updated_at),
            plans_in_flight=len(self.tracker),
            unavailable=self.unavailable,
            halted="; ".join(f"{i.venue} {i.symbol}: {i.halted}" for i in (pair.upbit, pair.binance) if i.halted),
        )

    def _free(self, pair: Pair, direction: Direction) -> Free:
        sells, buys = pair.upbit, pair.binance
        if direction.side(Venue.UPBIT) is Side.BUY:
            sells, buys = buys, sells
        free = self.inventory.free
        return Free(free(sells.venue, sells.base), free(buys.venue, buys.quote))

    def _fund(self, pair: Pair, books: tuple[Book, Book], fx: Fx) -> None:
        self._unfunded.discard(pair.base)
        if self._virtual is not None:
            prices = {venue: decimal_from_float(book.ask) for venue, book in zip(Venue, books, strict=True)}
            capital = VirtualCapital(self._virtual, len(self.finders))
            capital.fund(self.inventory, pair, prices, decimal_from_float(fx.ask))

    def _is_sane(self, pair: Pair, edges: Mapping[Direction, float], at: Instant) -> bool:
        """Say whether prices are fresh and near enough to each other to be remembered or to buy virtual coins at."""
        fresh = all(book.health(at, self._max_book_age) is Health.GOOD for book in self.books(pair))
        near = all(-self._max_edge <= edge <= self._max_edge for edge in edges.values())
        return fresh and near and self._market.fx.health(at, self._max_fx_age) is Health.GOOD
