"""The rules of safety, held against what the venues hold in truth and every intent that was told. It mends nothing.

opened_while_stopped  a plan was sent although a latch, a trip of the breaker or HALTED had been told, or the process
                      knew of a lost state store, venue or private stream, or was being checked or ended
sent_twice            a venue was given one order id more than once, or one leg's first order under two ids
too_large             an opening order on Upbit came to more than max_position_size allows
off_grid              an order had a price off its tick or a quantity off its lot, by the rules that we had been told
below_minimum         an order was worth less than the venue's minimum
too_many_trades       more plans within an hour or a day than max_trades_per_hour and max_trades_per_day allow
too_many_at_once      two plans of one pair in flight at once, or more of all pairs than max_position_count
risked_too_much       a plan was sent although its worst case, with what was lost and at risk, exceeded a loss limit
edge_given_away       a plan's limits allow fills that leave less than min_spread_pct after all fees and the fx
off_its_level         a limit was off the deepest level that its leg takes by more than max_slippage_pct
lost_too_much         a trading day lost more than max_daily_loss and the worst case of what was in flight
exposure_differs      what the plans have left open is not, to the last unit, what both venues hold more or less
cash_differs          what the plans were booked as having brought is not, to the last unit, what the accounts gained
result_differs        a plan's result is not what its fills come to, at the fx of its decision
negative_balance      an account holds less than nothing
left_open             an order of ours still stands on a venue at the end
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from arbitrage.domain.events import (
    BootChecked,
    Event,
    PrivateDown,
    PrivateUp,
    StateDown,
    StateUp,
    VenueDown,
    VenueUp,
)
from arbitrage.domain.guarding import GuardAct, Latch
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Universe, Venue
from arbitrage.domain.intents import AdoptPlan, Intent, ReportGuard, ReportPlanEnd, SubmitHedge, SubmitPlan
from arbitrage.domain.money import plain
from arbitrage.domain.plans import Order, PlanEnd, TwoLegPlan
from arbitrage.domain.views import EngineView
from arbitrage.exchange.accounts import exactly
from arbitrage.execution.numbering import ORDER_PREFIX
from arbitrage.paper.balances import Balances
from arbitrage.paper.limit_rules import LimitRules
from arbitrage.paper.money_rules import QUOTES, edge_at_limits, flows, is_given_away, misbooked, widened
from arbitrage.paper.rules import Found, Rule
from arbitrage.paper.venue import PaperVenue
from arbitrage.paper.witness import exposure_in
from liveguard.risk_limits import RiskLimits

_HAIR: Final = Decimal("1.000001")
"""What a plan's size, which is reckoned in floats, may be off its exact worth."""


class SafetyRules:
    """A sink that finds what is broken; `broken` has a line for each, its rule's name first; `ends` are the plans'."""

    def __init__(self, limits: RiskLimits, universe: Universe) -> None:
        self.broken: list[str] = []
        self._limits = limits
        self._latches: tuple[Latch, ...] = ()
        self._trips: set[str] = set()
        self._stops: dict[str, Instant] = {}
        self._plans: set[str] = set()
        self._over_time = LimitRules(limits)
        self.ends: list[PlanEnd] = []
        self.learn(universe)

    def learn(self, universe: Universe) -> None:
        """Hold orders against these instruments from now on."""
        both = (instrument for pair in universe.pairs for instrument in (pair.upbit, pair.binance))
        self._instruments: dict[tuple[Venue, str], Instrument] = {(each.venue, each.symbol): each for each in both}

    def begin_run(self) -> None:
        """Forget what does not outlive the process: trips, and what it was told. Latches do."""
        self._trips.clear()
        self._stops.clear()

    def hear(self, event: Event) -> None:
        """Hear what the process is told: some of it forbids new plans from then on."""
        match event:
            case StateDown() | StateUp():
                self._stop("the state store", event.at, isinstance(event, StateDown))
            case VenueDown() | VenueUp():
                self._stop(event.venue.value, event.at, isinstance(event, VenueDown))
            case PrivateDown() | PrivateUp():
                self._stop(f"{event.venue}'s private stream", event.at, isinstance(event, PrivateDown))
            case BootChecked():
                self._stop("the checks", event.at, bool(event.problems))
            case _:
                pass

    def publish(self, intent: Intent) -> None:
        """Take an intent in (Sink)."""
        match intent:
            case SubmitPlan():
                self._judge_plan(intent)
            case SubmitHedge(order):
                self._judge_order(order)
            case AdoptPlan():
                self._over_time.adopt(intent)
            case ReportPlanEnd():
                self._judge_end(intent)
            case ReportGuard():
                self._learn(intent)
            case _:
                pass

    @exactly()
    def hold_against_truth(self, venues: Mapping[Venue, PaperVenue], start: Balances, view: EngineView | None) -> None:
        """Compare, at the end, what we believe with what the venues hold."""
        for venue, there in venues.items():
            for client_id, times in there.sent.items():
                self._find(times > 1, Rule.SENT_TWICE, f"{venue} was sent {client_id} {times} times")
            for order in there.floor.exchange.open_orders():
                self._find(True, Rule.LEFT_OPEN, f"{venue} {order.request.client_id}")
            for currency, held in there.floor.exchange.balances().items():
                short = held.free < 0 or held.locked < 0
                self._find(short, Rule.NEGATIVE_BALANCE, f"{venue}: {held.free} and {held.locked} {currency}")
        self._judge_booking(venues, start)
        if view is None:
            return
        in_doubt = {flight.base for flight in view.flights if f"{ORDER_PREFIX}-" in flight.waits_for}
        believed = exposure_in(view)
        for base in sorted({instrument.base for instrument in self._instruments.values()} - in_doubt):
            gained = sum((_gained(there, base, start) for there in venues.values()), Decimal(0))
            left = believed.get(base, Decimal(0))
            seen = f"{plain(gained)} {base} on the venues, {plain(left)} in the ledger"
            self._find(gained != left, Rule.EXPOSURE_DIFFERS, seen)

    def _stop(self, what: str, at: Instant, is_down: bool) -> None:
        if is_down:
            self._stops.setdefault(what, at)
        else:
            self._stops.pop(what, None)

    # --- each rule

    def _find(self, is_broken: bool, rule: Rule, seen: str) -> None:
        if is_broken:
            self.broken.append(f"{rule}: {seen}")

    def _note(self, found: Iterable[Found]) -> None:
        self.broken.extend(f"{rule}: {seen}" for rule, seen in found)

    def _judge_plan(self, sent: SubmitPlan) -> None:
        plan, limits = sent.plan, self._limits
        latched = [latch.name for latch in self._latches if latch.scope in {"", plan.base}]
        # what is told at one moment may have come in either order
        lost = [what for what, since in self._stops.items() if since < plan.decided_at]
        stops = [*latched, *sorted(self._trips), *lost]
        self._find(bool(stops), Rule.OPENED_WHILE_STOPPED, f"{plan.plan_id} in spite of {', '.join(stops)}")
        self._find(plan.plan_id in self._plans, Rule.SENT_TWICE, plan.plan_id)
        self._plans.add(plan.plan_id)
        worth = plan.upbit.quantity * Decimal(plan.upbit.vwap)
        most = limits.max_position_size
        self._find(worth > most * _HAIR, Rule.TOO_LARGE, f"{plan.plan_id}: {worth:,.0f} KRW (limit {most:,} KRW)")
        self._note(self._over_time.open(sent))
        self._judge_prices(plan)
        for order in sent.orders:
            self._judge_order(order)

    def _judge_prices(self, plan: TwoLegPlan) -> None:
        if any((leg.venue, leg.symbol) not in self._instruments for leg in plan.legs):
            return  # its orders are found off the grid
        least_pct, off = self._limits.min_spread_pct, widened(plan)
        seen = f"{plan.plan_id}: {edge_at_limits(plan, self._instruments):.4%} (limit {least_pct} %)"
        self._find(is_given_away(plan, self._instruments, least_pct), Rule.EDGE_GIVEN_AWAY, seen)
        most_pct = self._limits.max_slippage_pct
        self._find(off * 100 > most_pct, Rule.OFF_ITS_LEVEL, f"{plan.plan_id}: {off:.4%} (limit {most_pct} %)")

    def _judge_order(self, order: Order) -> None:
        instrument = self._instruments.get((order.venue, order.symbol))
        if instrument is None:
            self._find(True, Rule.OFF_GRID, f"{order.client_id}: no market {order.symbol}")
            return
        price, quantity = order.limit_price, order.quantity
        off = price % instrument.ticks.at(price) or quantity % instrument.lot
        seen = f"{order.client_id}: {plain(quantity)} at {plain(price)}"
        self._find(bool(off), Rule.OFF_GRID, seen)
        self._find(price * quantity < instrument.min_notional, Rule.BELOW_MINIMUM, seen)

    def _judge_end(self, report: ReportPlanEnd) -> None:
        self.ends.append(report.end)
        self._note(self._over_time.end(report))

    def _judge_booking(self, venues: Mapping[Venue, PaperVenue], start: Balances) -> None:
        for seen in misbooked(self.ends, self._instruments):
            self._find(True, Rule.RESULT_DIFFERS, seen)
        if not self._over_time.is_calm:  # what has filled of these is booked at their ends
            return
        for venue, booked in flows(self.ends).items():
            currency = QUOTES[venue]
            gained = _gained(venues[venue], currency, start)
            seen = f"{plain(gained)} {currency} gained on {venue}, {plain(booked)} booked"
            self._find(gained != booked, Rule.CASH_DIFFERS, seen)

    def _learn(self, report: ReportGuard) -> None:
        if report.total_from_zero:
            self._over_time.forget_total()
        self._latches = report.latches
        for entry in report.entries:
            if entry.act is GuardAct.TRIPPED:
                self._trips.add(entry.name)
            elif entry.act is GuardAct.CLEARED:
                self._trips.discard(entry.name)


def _gained(there: PaperVenue, base: str, start: Balances) -> Decimal:
    """Return what trading alone has changed of an asset on a venue."""
    began_with = max(start[there.venue].get(base, Decimal(0)), Decimal(0))
    return there.floor.owned().get(base, Decimal(0)) - began_with - there.floor.deposited[base]
