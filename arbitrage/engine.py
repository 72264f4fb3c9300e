"""The engine: one event in, intents out. No clock, no I/O, no mode; what it does not know it does not trade on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from arbitrage.audit import Audit
from arbitrage.books.book import Book
from arbitrage.books.market import Market
from arbitrage.desk import Desk
from arbitrage.domain.book_views import Health
from arbitrage.domain.events import (
    BalancesSeen,
    BookRejected,
    BookSnapshot,
    ClockSample,
    Command,
    Event,
    FundsMoved,
    Inspected,
    IntentLogFailed,
    InventoryGiven,
    LegReport,
    OpenOrdersSeen,
    OperatorCommand,
    OrderBlocked,
    OrderReply,
    PlanAbandoned,
    PlanRecovered,
    ReferenceRate,
    ReplyKind,
    Tick,
    TouchUpdate,
    UniverseChanged,
    VenueDown,
    VenueUp,
    Wake,
)
from arbitrage.domain.guarding import TradingState
from arbitrage.domain.instants import Instant, Nanos, from_ms
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.domain.intents import Intent, Publish
from arbitrage.domain.money import KRW, USDT, decimal_from_float, floor_to
from arbitrage.domain.plans import Direction, Fill, LegEnd, PlanEnd, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.views import EdgeLine, EngineView, FlightLine, GuardView, TripLine
from arbitrage.ledger.closing import unscored
from arbitrage.ledger.score import DayScore
from arbitrage.ledger.trading_day import TradingDay
from arbitrage.opportunity.edge import BPS, Fx
from arbitrage.opportunity.finder import PairFinder
from arbitrage.vigil import Surroundings, Vigil
from liveguard.mode_gate import LivePermit
from liveguard.risk_limits import RiskLimits
from liveguard.safety import SafetyModule
from liveguard.uses import uses

_NOTHING: Final[tuple[Intent, ...]] = ()
_WAYS: Final = tuple(Direction)

_Rest = (
    VenueUp
    | ReferenceRate
    | UniverseChanged
    | InventoryGiven
    | BalancesSeen
    | FundsMoved
    | OpenOrdersSeen
    | PlanRecovered
    | PlanAbandoned
    | Surroundings
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """What the engine is told once.

    `virtual_capital_krw` is what each side owns at first where no real balances are given; None where they are.
    Without a `permit` no order ever passes the last gate.
    """

    limits: RiskLimits
    trading_day_tz: str
    virtual_capital_krw: Decimal | None
    permit: LivePermit | None = None


class Engine:
    """Keeps the picture of both venues, lets the desk look at what moved, and shows the state of things."""

    def __init__(self, config: EngineConfig, remembered: Remembered) -> None:
        self.market = Market()
        self.safety = SafetyModule(
            config.limits, self.market, remembered.guard, remembered.trade_instants, config.permit
        )
        self._vigil = Vigil(self.safety, self.market, config.trading_day_tz)
        self._desk = Desk(self.safety, self.market, remembered, config.virtual_capital_krw)
        self._deck = self._desk.deck
        known = [venue for venue in Venue if remembered.inventory.get(venue)]
        self._audit = Audit(self.safety, self._deck, self._desk.inventory, known)
        self._waiting: list[PlanRecovered] = []
        self._day = TradingDay(config.trading_day_tz)
        held = remembered.score
        self._score = DayScore(held.day, held.outcomes, held.result_units) if held else DayScore("")
        self._universe: Universe | None = None
        self._events = 0

    def handle(self, event: Event) -> tuple[Intent, ...]:
        """Take one event; return what the shell must do about it, in order."""
        self._events += 1
        intents = self._take(event)
        if self._deck.ended:
            intents = (*intents, *self._book_ended())
        if not self.safety.keeper.has_news:
            return intents
        report = self.safety.keeper.report(event.at)
        if report is None:
            return intents
        # whoever halts wants to see it at once
        if isinstance(event, Tick):
            return *intents, report
        return *intents, report, Publish(self._view(event.at, self._edges(event.at), self._portfolio_krw()))

    def rehearse(self, frame: BookSnapshot | TouchUpdate, at: Instant) -> TwoLegPlan | None:
        """Decide on a plan for a frame that is never sent, so that deciding stays at hand; see `Desk.rehearse`."""
        return self._desk.rehearse(frame.venue, frame.symbol, at)

    def _take(self, event: Event) -> tuple[Intent, ...]:
        match event:
            case BookSnapshot():
                return self._desk.look(event.venue, event.symbol, event.at) if self.market.replace(event) else _NOTHING
            case TouchUpdate():
                return self._desk.look(event.venue, event.symbol, event.at) if self.market.lay_over(event) else _NOTHING
            case OrderReply() | LegReport() | Inspected() | OrderBlocked():
                return self._learn(event)
            case Wake():
                return self._deck.advance(event.at)
            case Tick():
                return self._tick(event.at)
            case _:
                return self._note(event)

    def _note(self, event: _Rest) -> tuple[Intent, ...]:
        match event:
            case VenueUp() | ReferenceRate():
                self.market.note(event)
            case UniverseChanged():
                return self._adopt(event)
            case InventoryGiven():
                self._desk.give(event.balances)
            case BalancesSeen() | FundsMoved() | OpenOrdersSeen():
                return self._audited(event)
            case PlanRecovered() | PlanAbandoned():
                return self._left_behind(event)
            case _:
                self._surrounded_by(event)
        return _NOTHING

    def _surrounded_by(self, event: Surroundings) -> None:
        if isinstance(event, VenueDown | BookRejected | ClockSample):
            self.market.note(event)
        self._vigil.note(event)
        match event:
            case IntentLogFailed() if event.plan_id:
                self._desk.withdraw(event.plan_id)
            case OperatorCommand():
                self._obey(event)
            case _:
                pass

    def _obey(self, event: OperatorCommand) -> None:
        match event.command:
            case Command.LOWER:
                self._desk.take_limits()
            case Command.FLATTEN:
                self._deck.is_flattening = True
            case Command.RESUME if not event.latch:
                self._deck.is_flattening = False
            case Command.ACCEPT:
                self._audit.accept(event)
            case _:
                pass

    def _adopt(self, event: UniverseChanged) -> tuple[Intent, ...]:
        self._universe = event.universe
        self.market.adopt(event.universe)
        self._desk.adopt(event.universe)
        self._audit.adopt(event.universe)
        waiting, self._waiting = self._waiting, []
        return tuple(intent for each in waiting for intent in self._recover(each, event.at))

    def _audited(self, event: BalancesSeen | FundsMoved | OpenOrdersSeen) -> tuple[Intent, ...]:
        match event:
            case BalancesSeen():
                self._audit.balances(event)
            case FundsMoved():
                self._audit.funds(event)
            case OpenOrdersSeen():
                return tuple(self._audit.open_orders(event))
        return _NOTHING

    def _left_behind(self, event: PlanRecovered | PlanAbandoned) -> tuple[Intent, ...]:
        if isinstance(event, PlanAbandoned):
            return (self._book(unscored(event.plan, event.at)),)
        self._vigil.recover()
        return tuple(self._recover(event, event.at))

    def _recover(self, event: PlanRecovered, at: Instant) -> Iterator[Intent]:
        pairs = {pair.base: pair for pair in self._universe.pairs} if self._universe else {}
        if event.plan.base in pairs:
            yield from self._deck.recover(event, pairs[event.plan.base], at)
        else:
            self._waiting.append(event)
            self._deck.awaited.update(order.client_id for order in event.orders)

    def _learn(self, event: OrderReply | LegReport | Inspected | OrderBlocked) -> tuple[Intent, ...]:
        match event:
            case OrderReply():
                return self._heard(event)
            case Inspected():
                order = self._deck.order(event.client_id)
                return self._deck.inspected(event, order is not None and self._audit.agrees(order))
            case OrderBlocked():
                self._vigil.note(event)
                return self._heard(_said(event, ReplyKind.REFUSED, None))
            case LegReport() if event.end is LegEnd.UNSEEN:
                return self._deck.lose(event.client_id, event.at)
            case LegReport():
                return self._heard(_said(event, ReplyKind.ENDED, event.fill))

    def _heard(self, reply: OrderReply) -> tuple[Intent, ...]:
        if self._deck.knows(reply.client_id):
            return self._deck.learn(reply)
        self._audit.stray(reply)
        return _NOTHING

    def _book_ended(self) -> Iterator[Intent]:
        ended, self._deck.ended = self._deck.ended, []
        return map(self._book, ended)

    def _book(self, end: PlanEnd) -> Intent:
        report = replace(self.safety.settle(end), owned=self._desk.inventory.traded(end.plan.base))
        self._vigil.learn(report.end)
        self._roll_day(report.end.at)
        self._score.add(report.end)
        return report

    def _tick(self, at: Instant) -> tuple[Intent, ...]:
        self._roll_day(at)
        self.market.count(at)
        going_on = self._deck.advance(at)
        self._deck.forget_old(at)
        self._vigil.watch(self._deck, at)
        self._vigil.wait_for([left.plan for left in self._waiting], self._audit.compared, at)
        self._vigil.weigh(self._desk.dust_krw(), at)
        edges = self._edges(at)  # first, because it walks every book: what is found bad there is not reckoned with
        worth = self._portfolio_krw()
        self._vigil.tick(at, worth)
        return (*going_on, Publish(self._view(at, edges, worth)))

    def _roll_day(self, at: Instant) -> None:
        day = self._day.of(at)
        if day <= self._score.day:  # a report may be older than the tick that began the day
            return
        if self._score.day:
            self._desk.forget_best()
        self._score = DayScore(day)

    # --- what is shown

    def _view(self, at: Instant, edges: tuple[EdgeLine, ...], worth_krw: Decimal | None) -> EngineView:
        desk, universe, limits = self._desk, self._universe, self.safety.limits
        state = self.safety.state
        why_not = self.safety.why_not() or self._why_blind(edges)
        return EngineView(
            at=at,
            accepting=not why_not,
            why_not=why_not,
            trading_state=(TradingState.REDUCING if why_not and state is TradingState.ACTIVE else state).value,
            guard=self._guard_view(at),
            venues=self.market.lines(at, from_ms(limits.max_book_age_ms)),
            fx=self.market.fx_line(at),
            edges=edges,
            left_out=universe.left_out if universe else (),
            notices=tuple(_notices(universe)) if universe else (),
            plans_open=len(desk.deck),
            flights=(*desk.deck.lines(), *map(_waiting_line, self._waiting)),
            runway=desk.runway(),
            unexplained=self._audit.unexplained(),
            private_streams=self._vigil.private_streams(),
            unknown_orders=len(desk.deck.unknown()),
            lease_until=self.safety.lease_until,
            score_today=self._score.line(),
            refusals=desk.refusals.lines(),
            inventory=desk.inventory.shown(),
            positions=dict(desk.deck.dust),
            portfolio_krw=worth_krw,
            events=self._events,
        )

    def _guard_view(self, at: Instant) -> GuardView:
        keeper, deck = self.safety.keeper, self._deck
        seen = {
            "max_position_count": Decimal(len(deck)),
            "max_naked_notional": deck.notional_krw(),
            "max_venue_errors": Decimal(self._vigil.troubles(at)),
        }
        return GuardView(
            trips=tuple(TripLine(name=trip, since=t.since, why=t.why) for trip, t in keeper.breaker.active.items()),
            latches=tuple(keeper.latches),
            lost_today=keeper.losses.lost_today,
            lost_24h=keeper.losses.lost_24h,
            lost_in_all=keeper.losses.lost_in_all,
            in_flight=keeper.losses.in_flight,
            uses=uses(self.safety, at, seen),
        )

    def _why_blind(self, edges: tuple[EdgeLine, ...]) -> str:
        if self._universe is None:
            return "the instruments are not known yet"
        if not self._universe.pairs:
            return "no wanted pair is traded on both venues"
        return "" if any(line.bps is not None for line in edges) else "no pair has two good books and an fx"

    def _edges(self, at: Instant) -> tuple[EdgeLine, ...]:
        best, rate, limits = self._desk.best, self.market.fx_rate(), self.safety.limits
        is_fresh = self.market.fx.health(at, from_ms(limits.max_fx_age_ms)) is Health.GOOD
        fx, max_age = Fx(*rate) if rate is not None and is_fresh else None, from_ms(limits.max_book_age_ms)
        lines = []
        for finder in self._desk.finders.values():
            base, books = finder.pair.base, self._desk.books(finder.pair)
            for direction, bps in zip(_WAYS, _edges_now(finder, books, fx, at, max_age), strict=True):
                most = best.get((base, direction))
                lines.append(
                    EdgeLine(
                        base=base,
                        direction=direction.value,
                        bps=bps,
                        best_today_bps=None if most is None else most * BPS,
                    )
                )
        return tuple(lines)

    def _portfolio_krw(self) -> Decimal | None:
        """Value what we own of the traded currencies at the bids; None while it is not known, or has no price."""
        rate, knows = self.market.fx_rate(), self._desk.inventory.knows
        if rate is None or not (knows(Venue.UPBIT, KRW) and knows(Venue.BINANCE, USDT)):
            return None
        per_usdt = {Venue.UPBIT: Decimal(1), Venue.BINANCE: decimal_from_float(rate[0])}
        owned = self._desk.inventory.shown()
        if not any(owned.values()):  # nobody has said yet what we own, which is not the same as nothing
            return None
        total = Decimal(0)
        for finder in self._desk.finders.values():
            held = [(venue, owned[venue.value].get(finder.pair.base)) for venue in per_usdt]
            touches = self.market.touches(finder.pair) if any(coins for _, coins in held) else {}
            for venue, coins in held:
                if coins and venue not in touches:
                    return None
                total += coins * per_usdt[venue] * decimal_from_float(touches[venue][0]) if coins else 0
        for venue, cash in ((Venue.UPBIT, KRW), (Venue.BINANCE, USDT)):
            total += owned[venue.value].get(cash, Decimal(0)) * per_usdt[venue]
        return floor_to(total, Decimal("0.01"))


def _edges_now(
    finder: PairFinder, books: tuple[Book, Book], fx: Fx | None, at: Instant, max_age: Nanos
) -> tuple[float | None, float | None]:
    """Return both directions' edges in bps, in the order of Direction; none while a price cannot be believed."""
    upbit, binance = books
    # every book is walked once a second, so that nothing bad is shown as good
    believed = upbit.walkable() and upbit.health(at, max_age) is Health.GOOD
    believed = binance.walkable() and binance.health(at, max_age) is Health.GOOD and believed
    if fx is None or not believed:
        return None, None
    sells, buys = finder.touch_edges(upbit, binance, fx)
    return sells * BPS, buys * BPS


def _waiting_line(left: PlanRecovered) -> FlightLine:
    return FlightLine(
        plan_id=left.plan.plan_id,
        base=left.plan.base,
        direction=left.plan.direction.value,
        since=left.plan.decided_at,
        exposure=Decimal(0),
        waits_for="its pair is not traded any more: what it left open is not known",
    )


def _said(event: LegReport | OrderBlocked, kind: ReplyKind, fill: Fill | None) -> OrderReply:
    return OrderReply(event.at, event.client_id, event.venue, kind, fill)


def _notices(universe: Universe) -> Iterator[tuple[str, str]]:
    for instrument in (universe.fx, *(i for pair in universe.pairs for i in (pair.upbit, pair.binance))):
        if instrument.halted:
            yield instrument.symbol, f"not traded: {instrument.halted}"
        elif instrument.held_back:
            yield instrument.symbol, f"opens nothing new: {instrument.held_back}"
        elif instrument.warnings:
            yield instrument.symbol, f"the venue warns: {', '.join(instrument.warnings)}"
