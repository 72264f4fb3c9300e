"""The engine: one event in, intents out. No clock, no I/O, no mode; what it does not know it does not trade on."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arbitrage.books.market import Market
from arbitrage.desk import Desk
from arbitrage.domain.book_views import Health
from arbitrage.domain.events import (
    BookRejected,
    BookSnapshot,
    ClockSample,
    Command,
    Event,
    IntentLogFailed,
    InventoryGiven,
    LegReport,
    OperatorCommand,
    OrderBlocked,
    PlanAbandoned,
    ReferenceRate,
    Tick,
    TouchUpdate,
    UniverseChanged,
    VenueDown,
    VenueUp,
)
from arbitrage.domain.guarding import TradingState
from arbitrage.domain.instants import Instant, from_ms
from arbitrage.domain.instruments import Universe, Venue
from arbitrage.domain.intents import Intent, Publish
from arbitrage.domain.money import KRW, decimal_from_float, floor_to
from arbitrage.domain.plans import Direction, Fill, LegEnd, PlanEnd
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.views import EdgeLine, EngineView, GuardView, TripLine
from arbitrage.ledger.closing import unscored
from arbitrage.ledger.score import DayScore
from arbitrage.ledger.trading_day import TradingDay
from arbitrage.opportunity.edge import BPS, Fx
from arbitrage.vigil import Surroundings, Vigil
from liveguard.mode_gate import LivePermit
from liveguard.risk_limits import RiskLimits
from liveguard.safety import SafetyModule
from liveguard.uses import uses

_NOTHING: Final[tuple[Intent, ...]] = ()


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
        self._day = TradingDay(config.trading_day_tz)
        held = remembered.score
        self._score = DayScore(held.day, held.outcomes, held.result_units) if held else DayScore("")
        self._universe: Universe | None = None
        self._events = 0

    def handle(self, event: Event) -> tuple[Intent, ...]:
        """Take one event; return what the shell must do about it, in order."""
        self._events += 1
        intents = self._take(event)
        if not self.safety.keeper.has_news:
            return intents
        report = self.safety.keeper.report(event.at)
        if report is None:
            return intents
        # whoever halts wants to see it at once
        return (*intents, report) if isinstance(event, Tick) else (*intents, report, Publish(self._view(event.at)))

    def _take(self, event: Event) -> tuple[Intent, ...]:
        match event:
            case BookSnapshot():
                return self._desk.look(event.venue, event.symbol, event.at) if self.market.replace(event) else _NOTHING
            case TouchUpdate():
                return self._desk.look(event.venue, event.symbol, event.at) if self.market.lay_over(event) else _NOTHING
            case LegReport():
                return self._learn(event)
            case PlanAbandoned():
                return self._book(unscored(event.plan, event.at))
            case Tick():
                return self._tick(event.at)
            case _:
                return self._note(event)

    def _note(
        self, event: VenueUp | ReferenceRate | UniverseChanged | InventoryGiven | Surroundings
    ) -> tuple[Intent, ...]:
        match event:
            case VenueUp() | ReferenceRate():
                self.market.note(event)
            case UniverseChanged():
                self._universe = event.universe
                self.market.adopt(event.universe)
                self._desk.adopt(event.universe)
            case InventoryGiven():
                self._desk.give(event.balances)
            case _:
                return self._surrounded_by(event)
        return _NOTHING

    def _surrounded_by(self, event: Surroundings) -> tuple[Intent, ...]:
        if isinstance(event, VenueDown | BookRejected | ClockSample):
            self.market.note(event)
        self._vigil.note(event)
        match event:
            case IntentLogFailed() if event.plan_id:
                self._desk.withdraw(event.plan_id)
            case OperatorCommand() if event.command is Command.LOWER:
                self._desk.take_limits()
            case OrderBlocked():
                return self._learn(_never_sent(event))
            case _:
                pass
        return _NOTHING

    def _learn(self, report: LegReport) -> tuple[Intent, ...]:
        end = self._desk.learn(report)
        return _NOTHING if end is None else self._book(end)

    def _book(self, end: PlanEnd) -> tuple[Intent, ...]:
        report = self.safety.settle(end)
        self._vigil.learn(report.end)
        self._roll_day(report.end.at)
        self._score.add(report.end)
        return (report,)

    def _tick(self, at: Instant) -> tuple[Intent, ...]:
        self._roll_day(at)
        self.market.count(at)
        self._vigil.tick(at, self._portfolio_krw())
        return (Publish(self._view(at)),)

    def _roll_day(self, at: Instant) -> None:
        day = self._day.of(at)
        if day <= self._score.day:  # a report may be older than the tick that began the day
            return
        if self._score.day:
            self._desk.best.clear()
        self._score = DayScore(day)

    # --- what is shown

    def _view(self, at: Instant) -> EngineView:
        desk, universe, limits = self._desk, self._universe, self.safety.limits
        edges = self._edges(at)
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
            plans_open=len(desk.tracker),
            score_today=self._score.line(),
            refusals=desk.refusals.lines(),
            inventory=desk.inventory.shown(),
            positions=dict(desk.positions),
            portfolio_krw=self._portfolio_krw(),
            events=self._events,
        )

    def _guard_view(self, at: Instant) -> GuardView:
        keeper, tracker = self.safety.keeper, self._desk.tracker
        seen = {
            "max_position_count": Decimal(len(tracker)),
            "max_naked_notional": tracker.notional_krw(),
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
        best = self._desk.best
        return tuple(
            EdgeLine(
                base=base,
                direction=direction.value,
                bps=self._edge_now(base, direction, at),
                best_today_bps=best[base, direction] * BPS if (base, direction) in best else None,
            )
            for base in self._desk.finders
            for direction in Direction
        )

    def _edge_now(self, base: str, direction: Direction, at: Instant) -> float | None:
        finder, rate = self._desk.finders[base], self.market.fx_rate()
        books = self._desk.books(finder.pair)
        max_age = from_ms(self.safety.limits.max_book_age_ms)
        believed = all(book.walkable() and book.health(at, max_age) is Health.GOOD for book in books)
        max_fx_age = from_ms(self.safety.limits.max_fx_age_ms)
        if not believed or rate is None or self.market.fx.health(at, max_fx_age) is not Health.GOOD:
            return None
        return finder.touch_edge(direction, *books, Fx(*rate)) * BPS

    def _portfolio_krw(self) -> Decimal | None:
        """Value what we own of the traded currencies at the bids; None while one of them has no price."""
        rate = self.market.fx_rate()
        if rate is None:
            return None
        per_usdt = {Venue.UPBIT: Decimal(1), Venue.BINANCE: decimal_from_float(rate[0])}
        owned = self._desk.inventory.shown()
        if not any(owned.values()):  # nobody has said yet what we own, which is not the same as nothing
            return None
        total = Decimal(0)
        for finder in self._desk.finders.values():
            touches = self.market.touches(finder.pair)
            for venue in Venue:
                coins = owned[venue.value].get(finder.pair.base, Decimal(0))
                if coins and venue not in touches:
                    return None
                total += coins * per_usdt[venue] * decimal_from_float(touches[venue][0]) if coins else 0
        for venue, cash in ((Venue.UPBIT, "KRW"), (Venue.BINANCE, "USDT")):
            total += owned[venue.value].get(cash, Decimal(0)) * per_usdt[venue]
        return floor_to(total, Decimal("0.01"))


def _never_sent(blocked: OrderBlocked) -> LegReport:
    nothing = Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency=KRW)
    return LegReport(
        at=blocked.at,
        client_id=blocked.client_id,
        plan_id=blocked.plan_id,
        venue=blocked.venue,
        end=LegEnd.EMPTY,
        fill=nothing,
    )


def _notices(universe: Universe) -> Iterator[tuple[str, str]]:
    for instrument in (universe.fx, *(i for pair in universe.pairs for i in (pair.upbit, pair.binance))):
        if instrument.halted:
            yield instrument.symbol, f"not traded: {instrument.halted}"
        elif instrument.warnings:
            yield instrument.symbol, f"the venue warns: {', '.join(instrument.warnings)}"
