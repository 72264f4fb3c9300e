"""SafetyModule: the one place that approves a plan, and the last gate before an order leaves. It has no override.

`review` asks every check and changes nothing. `assert_live` stands inside the gateway that sends, so that no caller can
go around it. A REDUCE needs permit, lease and collar only: nothing else may strand a leg that has filled.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from arbitrage.domain.guarding import GuardMemory, TradingState
from arbitrage.domain.instants import Instant, to_ms
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import ReportPlanEnd
from arbitrage.domain.money import plain, won, won_units
from arbitrage.domain.plans import Order, PlanEnd, Purpose, TwoLegPlan
from arbitrage.domain.verdicts import Approved, Refusal, RefusalCode, Refused
from liveguard.checks import PlanChecks, as_float
from liveguard.facts import Facts, Prices
from liveguard.keeper import Keeper
from liveguard.messages import MessageBucket
from liveguard.mode_gate import LivePermit
from liveguard.pace import Pace
from liveguard.risk_limits import RiskLimits
from liveguard.watches import PlanWatch


class LiveSafetyError(RuntimeError):
    """An order may not leave; carries every reason. It never means that an order was sent."""

    def __init__(self, order: Order, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(f"{order.client_id} may not leave: {'; '.join(map(str, refusals))}")
        self.refusals = refusals


@dataclass(slots=True)
class _Sendable:
    """The orders of a plan in flight that have not passed the last gate yet."""

    base: str
    orders: list[Order]


class SafetyModule:
    """Judges plans and orders against limits, and keeps what that needs; `past` and `started` are of an earlier run.

    `unavailable` says why nothing new may be started whatever the plan ("" if it may): state store, clock, capital;
    `halted` that a check before the first order has failed. `clock_is_trusted` says that the clock was held against a
    venue's and was right. Without a `permit` nothing ever passes the last gate.
    """

    def __init__(
        self,
        limits: RiskLimits,
        prices: Prices,
        past: GuardMemory,
        started: tuple[Instant, ...] = (),
        permit: LivePermit | None = None,
    ) -> None:
        self.keeper = Keeper(past, limits.circuit_breaker_cooldown_s)
        self.pace = Pace(started)
        self.plans = PlanWatch()
        self.unavailable = "the guard has not been told of the state store yet"
        self.halted = ""
        self.clock_is_trusted = False
        self.permit = permit
        self.lease_until = Instant(0)
        self._prices = prices
        self._sendable: dict[str, _Sendable] = {}
        self.buckets = {venue: MessageBucket(limits.max_messages_per_s) for venue in Venue}
        self._set(limits)

    def _set(self, limits: RiskLimits) -> None:
        self.limits = limits
        self._checks = PlanChecks(limits)
        self._day_units = won_units(limits.max_daily_loss)
        self._total_units = won_units(limits.max_total_loss)
        self.keeper.breaker.set_cooldown(limits.circuit_breaker_cooldown_s)
        for bucket in self.buckets.values():
            bucket.allow(limits.max_messages_per_s)

    # --- judging

    def review(self, plan: TwoLegPlan, facts: Facts, now: Instant) -> Approved[TwoLegPlan] | Refused[TwoLegPlan]:
        """Ask every check, so that a refusal lists all of its reasons. Changes nothing."""
        refusals: list[Refusal] = []
        self._judge_plan(plan, facts, now, refusals)
        return Refused(plan, tuple(refusals)) if refusals else Approved(plan)

    def assert_live(self, order: Order, purpose: Purpose, at: Instant) -> None:
        """Let an order pass that may leave now. Raises LiveSafetyError with every reason.

        One that opens is judged once: one that is blocked is reported as never sent, so it must not leave later.

        `at` is read from the clock by the gateway, after signing and right before the bytes leave.
        """
        refusals: list[Refusal] = []
        self._judge_right_to_send(at, refusals)
        if purpose is Purpose.OPEN:
            self._judge_open(order, at, refusals)
        else:
            self._judge_reduce(order, refusals)
        if refusals:
            raise LiveSafetyError(order, tuple(refusals))
        if purpose is not Purpose.OPEN:
            self.note_message(order.venue, at)

    def note_message(self, venue: Venue, at: Instant) -> None:
        """Count an order message that is a way out: a cancel, an unwind. What opens is counted when its plan starts."""
        self.buckets[venue].take(at)

    def room(self) -> int:
        """Return how much a new plan may lose at the most, in won units, so that every loss limit holds."""
        losses = self.keeper.losses
        lost = max(losses.lost_today, losses.lost_24h) + losses.in_flight
        return min(self._day_units - lost, self._total_units - losses.lost_in_all - losses.in_flight)

    @property
    def state(self) -> TradingState:
        """Return what may leave now."""
        kept = TradingState.HALTED if self.halted else self.keeper.state
        return TradingState.REDUCING if kept is TradingState.ACTIVE and self.unavailable else kept

    def why_not(self) -> str:
        """Say in one line what keeps every new plan from being started; "" if nothing does."""
        if self.unavailable:
            return self.unavailable
        latches = (f"{latch.name}: {latch.why}" for latch in self.keeper.latches if not latch.scope)
        trips = (f"{trip}: {tripped.why}" for trip, tripped in self.keeper.breaker.active.items())
        return "; ".join((*latches, *trips))

    # --- being told

    def start(self, plan: TwoLegPlan, orders: tuple[Order, Order], facts: Facts) -> int:
        """Count an approved plan as started: its worst case is held from now on. Returns the change's number."""
        self.keeper.losses.reserve(plan.plan_id, facts.worst_case)
        self.pace.note(plan)
        self._sendable[plan.plan_id] = _Sendable(plan.base, list(orders))
        for order in orders:
            self.buckets[order.venue].take(plan.decided_at)
        return self.keeper.next_sequence()

    def withdraw(self, plan_id: str) -> None:
        """Take back a plan whose orders never left."""
        self.keeper.losses.release(plan_id)
        self._sendable.pop(plan_id, None)

    def settle(self, end: PlanEnd) -> ReportPlanEnd:
        """Book a plan's result; return what is to be written down of it.

        By a clock that is not trusted it is booked at the plan's decision, which was made by one that was: else the
        result would leave the last 24 hours too soon.
        """
        dated = end if self.clock_is_trusted else replace(end, at=end.plan.decided_at)
        self._sendable.pop(dated.plan.plan_id, None)
        self.keeper.losses.settle(dated.plan.plan_id, dated.result, dated.at)
        return ReportPlanEnd(dated, self.keeper.next_sequence(), self.keeper.losses.day)

    def lower(self, name: str, value: Decimal) -> None:
        """Make a limit stricter from now on. Raises ValueError if it would be looser, or makes no sense."""
        self._set(self.limits.lowered(name, value))

    # --- the checks

    def _judge_plan(self, plan: TwoLegPlan, facts: Facts, now: Instant, refusals: list[Refusal]) -> None:
        if facts.halted:
            refusals.append(Refusal(RefusalCode.INSTRUMENT_HALTED, facts.halted, ""))
        self._judge_state(plan.base, refusals)
        checks = self._checks
        checks.ages(facts, refusals)
        checks.sizes(plan, facts, refusals)
        checks.depth(plan, facts, refusals)
        checks.prices(plan, facts, refusals)
        self.pace.judge(plan, facts.plans_in_flight, self.limits, now, refusals)
        self._judge_losses(facts.worst_case, refusals)
        for venue, bucket in self.buckets.items():
            if not bucket.left_for_open(now) >= 1.0:
                refusals.append(self._too_many_messages(venue))

    def _judge_open(self, order: Order, at: Instant, refusals: list[Refusal]) -> None:
        sendable = self._sendable.get(order.plan_id)
        if sendable is None or order not in sendable.orders:
            refusals.append(Refusal(RefusalCode.NOT_REVIEWED, order.client_id, "an order of an approved plan, once"))
        else:
            sendable.orders.remove(order)
        self._judge_state(sendable.base if sendable else "", refusals)
        self._judge_losses(0, refusals)
        if not self.buckets[order.venue].left_for_open(at) >= 0.0:
            refusals.append(self._too_many_messages(order.venue))
        reference = self._prices.reference(order.venue, order.symbol)
        self._checks.collar.judge_open(as_float(order.limit_price), order.symbol, reference, refusals)

    def _judge_reduce(self, order: Order, refusals: list[Refusal]) -> None:
        reference = self._prices.reference(order.venue, order.symbol)
        self._checks.collar.judge_reduce(as_float(order.limit_price), order.symbol, reference, refusals)

    def _judge_right_to_send(self, at: Instant, refusals: list[Refusal]) -> None:
        if self.permit is None:
            refusals.append(Refusal(RefusalCode.NO_PERMIT, "live is not enabled", ""))
        if not at < self.lease_until:
            seen = f"the lease ended {to_ms(at - self.lease_until):,.0f} ms ago" if self.lease_until else "no lease"
            refusals.append(Refusal(RefusalCode.NO_LEASE, seen, ""))

    def _judge_state(self, base: str, refusals: list[Refusal]) -> None:
        if self.unavailable:
            refusals.append(Refusal(RefusalCode.STATE_UNAVAILABLE, self.unavailable, ""))
        if self.keeper.latches:
            for latch in self.keeper.latches.stopping(base):
                refusals.append(Refusal(RefusalCode.LATCHED, f"{latch.name}: {latch.why}", ""))
        for trip, tripped in self.keeper.breaker.active.items():
            refusals.append(Refusal(RefusalCode.BREAKER_ACTIVE, f"{trip}: {tripped.why}", ""))

    def _judge_losses(self, more: int, refusals: list[Refusal]) -> None:
        losses, limits = self.keeper.losses, self.limits
        at_risk = losses.in_flight + more
        if not losses.lost_today + at_risk <= self._day_units:
            refusals.append(_lost(RefusalCode.DAILY_LOSS, losses.lost_today, at_risk, limits.max_daily_loss))
        if not losses.lost_24h + at_risk <= self._day_units:
            refusals.append(_lost(RefusalCode.LOSS_24H, losses.lost_24h, at_risk, limits.max_daily_loss))
        if not losses.lost_in_all + at_risk <= self._total_units:
            refusals.append(_lost(RefusalCode.TOTAL_LOSS, losses.lost_in_all, at_risk, limits.max_total_loss))

    def _too_many_messages(self, venue: Venue) -> Refusal:
        limit = f"{self.limits.max_messages_per_s} a second, a third of it for ways out"
        return Refusal(RefusalCode.MESSAGE_RATE, f"{venue}: none left for a new plan", limit)


def _lost(code: RefusalCode, lost: int, at_risk: int, limit_krw: Decimal) -> Refusal:
    return Refusal(code, f"lost {won(lost):,.0f} KRW, at risk {won(at_risk):,.0f} KRW", f"{plain(limit_krw)} KRW")
