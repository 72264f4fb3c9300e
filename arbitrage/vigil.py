"""The vigil: tells the guard what goes on around the plans: clocks, silence, troubles, days, commands. Pure.

It judges nothing itself: each finding becomes a trip, a latch, or the reason why nothing new may be started.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, assert_never

from arbitrage.books.market import Market
from arbitrage.desk import SMALLEST_PLAN_KRW
from arbitrage.domain.events import (
    AlertUnanswered,
    BookRejected,
    BootChecked,
    ClockSample,
    ClockStepped,
    Command,
    IntentLogFailed,
    KeyEndsSoon,
    LatchFound,
    LeaseHeld,
    OperatorCommand,
    OrderBlocked,
    PrivateDown,
    PrivateUp,
    RecoveryEnded,
    StateDown,
    StateForeign,
    StateRestored,
    StateUp,
    VenueDown,
    VenueTrouble,
)
from arbitrage.domain.guarding import KEY_EXPIRY, GuardAct, LatchKind, Trip
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, from_ms, to_ms
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import won
from arbitrage.domain.plans import PlanEnd, TwoLegPlan
from arbitrage.flight_deck import FlightDeck
from arbitrage.ledger.trading_day import TradingDay
from liveguard.losses import DAY_NS, worst_case
from liveguard.safety import SafetyModule
from liveguard.watches import VenueWatch

CLOCK_CHECKED_NS: Final = 600 * NS_PER_S
"""How long one comparison with a venue's clock is good for; it is made each minute."""

UNKNOWN_FOR: Final = Nanos(60 * NS_PER_S)
"""An order whose fate is not known for so long means that the position is not known (the design's section 7)."""

_FEES: Final = Decimal("0.002")  # of the smallest plan; the usual taker fees of both venues and of the conversion

Surroundings = (
    VenueDown
    | BookRejected
    | VenueTrouble
    | ClockSample
    | ClockStepped
    | StateUp
    | StateDown
    | StateForeign
    | StateRestored
    | IntentLogFailed
    | LatchFound
    | LeaseHeld
    | OrderBlocked
    | OperatorCommand
    | PrivateUp
    | PrivateDown
    | BootChecked
    | RecoveryEnded
    | AlertUnanswered
    | KeyEndsSoon
)
"""The events that are about what surrounds the plans."""


class Vigil:
    """Keeps the guard informed. `market` is looked at once a second for silence."""

    def __init__(self, safety: SafetyModule, market: Market, trading_day_tz: str) -> None:
        self._safety = safety
        self._keeper = safety.keeper
        self._market = market
        self._day = TradingDay(trading_day_tz)
        self._venues = VenueWatch()
        self._state_problem = "the state store has not answered yet"
        self._sample: ClockSample | None = None
        self._stepped = False
        self._capital_krw: Decimal | None = None
        self._unknown = ""
        self._uncompared = False
        self._waits_since = Instant(0)
        self._recovering = self._all_told = False
        self._private: dict[Venue, str] = {}
        self._unchecked = ""
        self._ending: dict[Venue, Instant] = {}
        self._resumed_at = Instant(0)
        self._day_is_open = True  # whether any later day may begin: at the start, and after a person's resume
        self._tell()

    def note(self, event: Surroundings) -> None:
        """Take what happened around the plans."""
        match event:
            case VenueDown() | BookRejected():
                self._trouble(event.venue, event.at, event.reason)
            case VenueTrouble():
                self._trouble(event.venue, event.at, event.what)
            case ClockSample() | ClockStepped():
                self._clock(event)
            case StateUp() | StateDown() | StateForeign() | StateRestored():
                self._state(event)
            case IntentLogFailed() | LatchFound() | LeaseHeld() | OrderBlocked():
                self._sending(event)
            case OperatorCommand():
                self._obey(event)
            case _:
                self._readiness(event)
        self._tell()

    def learn(self, end: PlanEnd) -> None:
        """Take a plan's end, after its result was booked."""
        for trip, why in self._safety.plans.learn(end, self._safety.limits):
            self._keeper.strike(trip, end.at, why)
        self._judge_losses(end.at)
        self._tell()

    def tick(self, at: Instant, capital_krw: Decimal | None) -> None:
        """Look at everything that time alone can change. `capital_krw` is what all that we own is worth, if known."""
        self._capital_krw = self._capital_krw if capital_krw is None else capital_krw
        limits = self._safety.limits
        self._market.sample()
        silent = self._market.silent(at, from_ms(limits.max_book_age_ms), from_ms(limits.max_fx_age_ms))
        self._keeper.hold(Trip.STALE_DATA, at, silent)
        self._judge_clock(at)
        if self._safety.clock_is_trusted:
            # only a clock that is held against a venue's may make a loss older
            self._keeper.losses.forget_old(at)
            self._turn_day(self._day.of(at), at)
        self._judge_losses(at)
        self._keeper.clear_trips(at)
        self._tell()

    def watch(self, deck: FlightDeck, at: Instant) -> None:
        """Look at the plans in flight: for legs that stand alone, fates that are not known, plans that are stuck."""
        naked_for = Nanos(self._safety.limits.max_naked_s * NS_PER_S)
        naked = [f.plan.plan_id for f in deck.exposed() if not at - f.exposed_since <= naked_for]
        self._keeper.hold(Trip.NAKED_LEG, at, f"{', '.join(naked)}: open for too long" if naked else "")
        unknown = deck.unknown()
        late = [track for track in unknown if not at - track.unsure_since <= naked_for]
        named = ", ".join(track.order.client_id for track in late)
        self._keeper.hold(Trip.UNKNOWN_ORDER, at, f"{named}: what became of it is not known" if late else "")
        self._keeper.hold(Trip.NO_WAY_OUT, at, deck.stuck())
        for track in late:
            if not at - track.unsure_since <= UNKNOWN_FOR:
                why = f"what became of {track.order.client_id} is not known after {UNKNOWN_FOR // NS_PER_S} s"
                self._keeper.latch(LatchKind.UNEXPLAINED_EXPOSURE, at, why)
        self._unknown = f"what became of {unknown[0].order.client_id} is not known" if unknown else ""
        self._recovering = self._recovering and (not self._all_told or len(deck) > 0 or bool(deck.awaited))
        self._tell()

    def weigh(self, dust_krw: Mapping[str, Decimal], at: Instant) -> None:
        """Look at what plans left over: more than the cap of one asset is not dust any more."""
        cap = self._safety.limits.dust_cap
        heavy = [f"{krw:,.0f} KRW of {base}" for base, krw in dust_krw.items() if not krw <= cap]
        self._keeper.hold(Trip.DUST, at, f"{', '.join(heavy)} left over (cap {cap:,})" if heavy else "")

    def wait_for(self, plans: Sequence[TwoLegPlan], compared: Collection[Venue], at: Instant) -> None:
        """Look at what is not there yet: the instruments of recovered plans, and a first comparison of what we own."""
        self._uncompared = bool(self._private) and len(compared) < len(Venue)
        self._waits_since = (self._waits_since or at) if plans else Instant(0)
        if plans and not at - self._waits_since <= UNKNOWN_FOR:
            named = ", ".join(f"{plan.plan_id} of {plan.base}" for plan in plans)
            why = f"{named} was left in flight, and its pair is not traded any more"
            self._keeper.latch(LatchKind.UNEXPLAINED_EXPOSURE, at, why)

    def recover(self) -> None:
        """Hold new plans back until everything that an earlier run left behind is settled."""
        self._recovering, self._all_told = True, False
        self._tell()

    def private_streams(self) -> dict[str, str]:
        """Show each private stream: why it is down, "" if it is up."""
        return {venue.value: why for venue, why in self._private.items()}

    def troubles(self, at: Instant) -> int:
        """Return the larger number of troubles that a venue had in the last minute."""
        return self._venues.within_a_minute(at)

    # --- each finding

    def _trouble(self, venue: Venue, at: Instant, what: str) -> None:
        for trip, why in self._venues.learn(venue, at, what, self._safety.limits):
            self._keeper.strike(trip, at, why)

    def _clock(self, event: ClockSample | ClockStepped) -> None:
        if isinstance(event, ClockSample):
            self._sample, self._stepped = event, False
        else:
            self._stepped = True
        self._judge_clock(event.at)

    def _judge_clock(self, at: Instant) -> None:
        problem = self._clock_problem(at)
        self._safety.clock_is_trusted = not problem
        if self._sample is not None or self._stepped:
            self._keeper.hold(Trip.CLOCK, at, problem)

    def _clock_problem(self, at: Instant) -> str:
        sample, limit_ms = self._sample, self._safety.limits.max_clock_skew_ms
        if self._stepped:
            return "the clock was set and has not been held against a venue's since"
        if sample is None:
            return "the clock has not been held against a venue's yet"
        if not abs(sample.skew) <= from_ms(limit_ms):
            return f"the clock is {to_ms(sample.skew):+,.0f} ms off {sample.venue}'s (limit {limit_ms} ms)"
        if not at - sample.at <= CLOCK_CHECKED_NS:
            return f"the clock was held against a venue's {(at - sample.at) / NS_PER_S:.0f} s ago"
        return ""

    def _state(self, event: StateUp | StateDown | StateForeign | StateRestored) -> None:
        match event:
            case StateUp():
                self._state_problem = ""
            case StateDown():
                self._state_problem = event.reason
            case StateForeign():
                self._keeper.latch(event.kind, event.at, event.reason)
            case StateRestored():
                pass  # the latch was cleared by the person whose resume brought it back

    def _sending(self, event: IntentLogFailed | LatchFound | LeaseHeld | OrderBlocked) -> None:
        match event:
            case LatchFound():
                self._keeper.find(event.latch, event.at)
            case IntentLogFailed():
                self._keeper.strike(Trip.INTENT_LOG, event.at, event.reason)
            case LeaseHeld():
                self._safety.lease_until = event.until
            case OrderBlocked():
                self._keeper.note(GuardAct.REFUSED, event.client_id, event.at, event.reasons)

    def _readiness(
        self, event: PrivateUp | PrivateDown | BootChecked | RecoveryEnded | AlertUnanswered | KeyEndsSoon
    ) -> None:
        match event:
            case PrivateUp():
                self._private[event.venue] = ""
            case PrivateDown():
                self._private[event.venue] = f"{event.venue}'s private stream is down: {event.reason}"
            case BootChecked():
                self._checked(event)
            case RecoveryEnded():
                self._all_told = True
            case AlertUnanswered():
                self._keeper.hold(Trip.ALERT_UNANSWERED, event.at, event.which)
            case KeyEndsSoon():
                self._expiry(event)
            case _:
                assert_never(event)

    def _checked(self, event: BootChecked) -> None:
        problems = "; ".join(event.problems)
        if event.is_final and problems != self._safety.halted:
            for problem in event.problems or ("every check was passed",):
                self._keeper.note(GuardAct.REFUSED if problems else GuardAct.SEEN, "boot check", event.at, problem)
        self._unchecked, self._safety.halted = problems, problems if event.is_final else ""

    def _obey(self, event: OperatorCommand) -> None:
        match event.command:
            case Command.HALT if event.given_at < self._resumed_at:
                self._keeper.note(GuardAct.REFUSED, "halt", event.at, "it is older than the last resume", event.who)
            case Command.HALT:
                self._keeper.latch(LatchKind.OPERATOR, event.at, event.why, who=event.who)
            case Command.RESUME:
                self._resumed_at = max(self._resumed_at, event.given_at)
                self._keeper.resume(event.at, event.who, event.why, given_at=event.given_at, name=event.latch)
                self._day_is_open = True
            case Command.LOWER:
                self._lower(event)
            case Command.FLATTEN:
                self._keeper.latch(LatchKind.OPERATOR, event.at, f"flatten: {event.why}", who=event.who)
            case Command.ACCEPT:
                pass  # the audit's
            case Command.ACK:  # evidence; the alerts are kept by those who call people
                self._keeper.note(GuardAct.ACKNOWLEDGED, event.alert, event.at, event.why, event.who)

    def _expiry(self, event: KeyEndsSoon) -> None:
        if self._ending.get(event.venue) != event.expires_at:
            self._ending[event.venue] = event.expires_at
            left = (event.expires_at - event.at) / DAY_NS
            why = f"{event.venue}'s key ends in {left:.0f} days: make a new one"
            self._keeper.note(GuardAct.SEEN, KEY_EXPIRY, event.at, why)

    def _lower(self, event: OperatorCommand) -> None:
        try:
            self._safety.lower(event.limit, event.value)
        except ValueError as refused:
            self._keeper.note(GuardAct.REFUSED, event.limit, event.at, str(refused), event.who)
        else:
            self._keeper.note(GuardAct.LOWERED, event.limit, event.at, f"to {event.value}: {event.why}", event.who)

    def _turn_day(self, day: str, at: Instant) -> None:
        held = self._keeper.losses.day
        if day == held:
            self._day_is_open = False
            return
        if day < held:
            self._keeper.latch(
                LatchKind.DAY_STEP,
                at,
                f"the trading day went back from {held} to {day}: it stays until {held} has come",
            )
        elif self._day_is_open or _follows(held, day):
            self._keeper.begin_day(day, at)
            self._day_is_open = False
        else:
            self._keeper.latch(LatchKind.DAY_STEP, at, f"the trading day jumped from {held} to {day}")

    def _judge_losses(self, at: Instant) -> None:
        losses, limits = self._keeper.losses, self._safety.limits
        least = worst_case(SMALLEST_PLAN_KRW, limits.collar_pct, _FEES)
        for kind, lost, limit_krw in (
            (LatchKind.DAILY_LOSS, losses.lost_today, limits.max_daily_loss),
            (LatchKind.TOTAL_LOSS, losses.lost_in_all, limits.max_total_loss),
        ):
            if lost and not won(lost + least) <= limit_krw:
                self._keeper.latch(kind, at, f"lost {won(lost):,.0f} KRW of {limit_krw:,} KRW: no plan fits any more")
        self._keeper.hold(Trip.LOSS_RATIO, at, self._loss_ratio())

    def _loss_ratio(self) -> str:
        lost_krw, capital = won(self._keeper.losses.lost_today), self._capital_krw
        threshold = self._safety.limits.circuit_breaker_threshold
        if not lost_krw or capital is None or lost_krw <= threshold * capital:
            return ""
        return f"the day lost {lost_krw:,.0f} KRW of a capital of {capital:,.0f} KRW (limit {threshold:%})"

    def _tell(self) -> None:
        """Say why nothing new may be started whatever the plan, the first reason only."""
        unknown = "" if self._sample else "the clock has not been held against a venue's yet"
        if not unknown and self._keeper.losses.lost_today and self._capital_krw is None:
            unknown = "what we own has no price yet, and the day has a loss to hold against it"
        uncompared = "what the venues say that we own was not compared yet" if self._uncompared else ""
        recovering = "what an earlier run left behind is not settled yet" if self._recovering else ""
        private = next((why for why in self._private.values() if why), "")
        self._safety.unavailable = (
            self._state_problem or self._unchecked or recovering or self._unknown or private or unknown or uncompared
        )


def _follows(held: str, day: str) -> bool:
    return not held or date.fromisoformat(day).toordinal() - date.fromisoformat(held).toordinal() == 1
