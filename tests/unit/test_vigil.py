"""The vigil: what goes on around the plans becomes a trip, a latch, or the reason why nothing new may start."""

from decimal import Decimal

import pytest

from arbitrage.books.market import Market
from arbitrage.domain.events import (
    AlertUnanswered,
    BookRejected,
    ClockSample,
    ClockStepped,
    Command,
    IntentLogFailed,
    KeyEndsSoon,
    LeaseHeld,
    OperatorCommand,
    OrderBlocked,
    StateDown,
    StateForeign,
    StateRestored,
    StateUp,
    VenueDown,
    VenueTrouble,
    VenueUp,
)
from arbitrage.domain.guarding import GuardMemory, LatchKind, LossMemory, TradingState, Trip
from arbitrage.domain.instants import Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Outcome
from arbitrage.vigil import CLOCK_CHECKED_NS, Surroundings, Vigil
from tests import builders as make
from tests.safety_builders import LIMITS, a_latch, end_of, guard, lost, plan

RICH = Decimal(10**9)
DAY_MS = 24 * 3_600_000


class Watch:
    """A vigil over a calm market, its guard, and the evidence that it leaves."""

    def __init__(self, past: GuardMemory | None = None, *told: Surroundings) -> None:
        self.safety = guard(past=past)
        self.market = Market()
        self.vigil = Vigil(self.safety, self.market, "Asia/Seoul")
        for event in told or (StateUp(make.NOON), ClockSample(make.NOON, Venue.BINANCE, Nanos(0))):
            self.vigil.note(event)

    def tick(self, ms: float = 0, capital: Decimal | None = RICH) -> "Watch":
        self.vigil.tick(make.after_ms(ms), capital)
        return self

    def sampled_tick(self, ms: float) -> "Watch":
        self.vigil.note(ClockSample(make.after_ms(ms), Venue.BINANCE, Nanos(0)))
        return self.tick(ms)

    @property
    def trips(self) -> dict[str, str]:
        return {trip.value: tripped.why for trip, tripped in self.safety.keeper.breaker.active.items()}

    @property
    def latches(self) -> list[str]:
        return [latch.name for latch in self.safety.keeper.latches]

    def told(self) -> list[tuple[str, str, str, str]]:
        report = self.safety.keeper.report(make.NOON)
        return [(e.act.value, e.name, e.who, e.why) for e in report.entries] if report else []


@pytest.mark.parametrize(
    ("told", "unavailable"),
    [
        ([StateDown(make.NOON, "nobody answers")], "nobody answers"),
        ([StateUp(make.NOON)], "the clock has not been held against a venue's yet"),
        ([ClockSample(make.NOON, Venue.UPBIT, Nanos(0))], "the state store has not answered yet"),
        ([StateUp(make.NOON), ClockSample(make.NOON, Venue.UPBIT, Nanos(0))], ""),
        ([StateUp(make.NOON), ClockSample(make.NOON, Venue.UPBIT, Nanos(0)), StateDown(make.NOON, "gone")], "gone"),
    ],
)
def test_until_state_and_clock_are_known_nothing_new_starts(told: list[Surroundings], unavailable: str) -> None:
    assert Watch(None, *told).safety.unavailable == unavailable


def test_a_vigil_that_was_told_nothing_says_so() -> None:
    safety = guard()
    Vigil(safety, Market(), "Asia/Seoul")

    assert safety.unavailable == "the state store has not answered yet"


def test_a_loss_needs_a_capital_to_be_held_against() -> None:
    watch = Watch(lost(1))
    before = watch.safety.unavailable
    watch.tick(capital=None)
    still = watch.safety.unavailable
    watch.tick()
    watch.tick(capital=None)  # what was known stays known

    assert before == still == "what we own has no price yet, and the day has a loss to hold against it"
    assert watch.safety.unavailable == ""


@pytest.mark.parametrize(
    ("loss_krw", "capital", "trips"),
    [(2_000, 100_000, []), (2_001, 100_000, ["loss_ratio"]), (1, 0, ["loss_ratio"]), (0, 0, [])],
)
def test_the_loss_of_the_day_is_held_against_the_capital(loss_krw: int, capital: int, trips: list[str]) -> None:
    watch = Watch(lost(loss_krw) if loss_krw else None).tick(capital=Decimal(capital))

    assert list(watch.trips) == trips


# --- the clock


@pytest.mark.parametrize(
    ("skew_ms", "why"),
    [
        (500, ""),
        (-500, ""),
        (501, "the clock is +501 ms off upbit's (limit 500 ms)"),
        (-501, "the clock is -501 ms off upbit's (limit 500 ms)"),
    ],
)
def test_a_clock_that_is_off_trips_at_its_limit(skew_ms: int, why: str) -> None:
    watch = Watch()
    watch.vigil.note(ClockSample(make.NOON, Venue.UPBIT, Nanos(skew_ms * 10**6)))

    assert watch.trips.get("clock", "") == why


def test_a_clock_that_was_set_is_not_trusted_until_it_is_held_against_a_venue_again() -> None:
    watch = Watch()
    watch.vigil.note(ClockStepped(make.NOON, Nanos(-(10**10))))
    watch.tick(59_000).tick(120_000)
    stepped = watch.trips
    watch.sampled_tick(121_000)
    cooling = watch.trips
    watch.sampled_tick(180_001)

    assert stepped == cooling == {"clock": "the clock was set and has not been held against a venue's since"}
    assert watch.trips == {}


def test_a_comparison_is_good_for_ten_minutes() -> None:
    watch = Watch().tick(CLOCK_CHECKED_NS / 10**6)
    good = dict(watch.trips)
    watch.tick(CLOCK_CHECKED_NS / 10**6 + 1)

    assert CLOCK_CHECKED_NS == 600 * 10**9
    assert (good, watch.trips) == ({}, {"clock": "the clock was held against a venue's 600 s ago"})


# --- silence and troubles


def test_a_silence_trips_and_clears_after_it_and_its_cool_down() -> None:
    watch = Watch()
    watch.market.adopt(make.universe())
    for venue in Venue:
        watch.market.note(VenueUp(make.NOON, venue))
    watch.tick(5_000)
    quiet = dict(watch.trips)
    watch.tick(5_001)
    silent = dict(watch.trips)
    for ms in range(6_000, 67_000, 1_000):
        for frame in (make.fx(at=make.after_ms(ms)), make.binance_book(1.0, 2.0, at=make.after_ms(ms))):
            watch.market.replace(frame)
        watch.tick(ms)

    assert (quiet, silent) == ({}, {"stale_data": "upbit has sent nothing for 5 s"})
    assert watch.trips == {}


def test_the_price_of_every_tick_is_kept_for_the_collar() -> None:
    watch = Watch()
    watch.market.adopt(make.universe())
    watch.market.note(VenueUp(make.NOON, Venue.UPBIT))
    for n, bid in enumerate((100.0, 110.0, 105.0)):
        watch.market.replace(make.upbit_book(bid, bid + 2, at=make.after_ms(n)))
        watch.tick(n)
    reference = watch.market.reference(Venue.UPBIT, "KRW-BTC")
    assert reference is not None

    assert (reference.low, reference.high) == (101.0, 111.0)


@pytest.mark.parametrize(
    "trouble",
    [
        VenueDown(make.NOON, Venue.UPBIT, "gone"),
        BookRejected(make.NOON, Venue.UPBIT, "KRW-BTC", "crossed"),
        VenueTrouble(make.NOON, Venue.UPBIT, "a time-out"),
    ],
)
def test_every_kind_of_trouble_counts(trouble: Surroundings) -> None:
    watch = Watch()
    for _ in range(19):
        watch.vigil.note(trouble)
    nineteen, counted = dict(watch.trips), watch.vigil.troubles(make.NOON)
    watch.vigil.note(trouble)

    assert (nineteen, counted) == ({}, 19)
    assert list(watch.trips) == ["venue_errors"]


# --- state, log, lease, blocked orders


@pytest.mark.parametrize("kind", [LatchKind.FOREIGN_STATE, LatchKind.EMPTIED_STATE])
def test_a_state_that_is_not_ours_latches_and_coming_back_does_not_clear_it(kind: LatchKind) -> None:
    watch = Watch()
    watch.vigil.note(StateForeign(make.NOON, kind, "another epoch"))
    watch.vigil.note(StateRestored(make.NOON))
    watch.vigil.note(StateUp(make.NOON))

    assert watch.latches == [kind.value]
    assert watch.told() == [("latched", kind.value, "guard", "another epoch")]


def test_a_log_that_cannot_be_written_trips() -> None:
    watch = Watch()
    watch.vigil.note(IntentLogFailed(make.NOON, "", "No space left on device"))

    assert watch.trips == {"intent_log": "No space left on device"}


def test_the_lease_is_what_was_told_last() -> None:
    watch = Watch()
    for until in (5, 3):
        watch.vigil.note(LeaseHeld(make.NOON, Instant(until)))

    assert watch.safety.lease_until == 3


def test_a_blocked_order_leaves_evidence_and_stops_nothing() -> None:
    watch = Watch()
    watch.vigil.note(OrderBlocked(make.NOON, "arb-1-u-1", "1", Venue.UPBIT, "no_lease: no lease"))

    assert watch.told() == [("refused", "arb-1-u-1", "guard", "no_lease: no lease")]
    assert (watch.trips, watch.latches) == ({}, [])


# --- commands


def command(what: Command, **more: object) -> OperatorCommand:
    given = {"at": make.after_ms(10), "who": "mina@desk", "why": "odd prices", "given_at": make.after_ms(9), **more}
    return OperatorCommand(command=what, **given)  # type: ignore[arg-type]  # a builder takes any field


def test_a_person_halts_and_resumes_with_a_reason() -> None:
    watch = Watch()
    watch.vigil.note(command(Command.HALT))
    halted = watch.latches
    watch.vigil.note(command(Command.RESUME, at=make.after_ms(20), given_at=make.after_ms(20), why="looked"))

    assert (halted, watch.latches) == (["operator"], [])
    assert watch.told() == [
        ("latched", "operator", "mina@desk", "odd prices"),
        ("unlatched", "operator", "mina@desk", "looked"),
    ]


def test_a_person_resumes_one_latch_of_two() -> None:
    past = GuardMemory(latches=(a_latch(LatchKind.OPERATOR), a_latch(LatchKind.RESTARTS)))
    watch = Watch(past)
    watch.vigil.note(command(Command.RESUME, latch="restarts"))

    assert watch.latches == ["operator"]


def test_a_person_lowers_a_limit_and_is_told_where_it_is_no_lower() -> None:
    watch = Watch()
    watch.vigil.note(command(Command.LOWER, limit="max_daily_loss", value=Decimal(50_000)))
    watch.vigil.note(command(Command.LOWER, limit="max_daily_loss", value=Decimal(60_000)))

    assert watch.safety.limits.max_daily_loss == 50_000
    assert watch.told() == [
        ("lowered", "max_daily_loss", "mina@desk", "to 50000: odd prices"),
        (
            "refused",
            "max_daily_loss",
            "mina@desk",
            "max_daily_loss is 50000: while running it can only be made stricter",
        ),
    ]


def test_a_limit_lowered_below_the_loss_latches_with_the_next_tick() -> None:
    watch = Watch(lost(60_000)).tick()
    before = watch.latches
    watch.vigil.note(command(Command.LOWER, limit="max_daily_loss", value=Decimal(50_000)))
    watch.tick(1_000)

    assert (before, watch.latches) == ([], ["daily_loss"])


# --- losses and days


@pytest.mark.parametrize(("loss_krw", "latches"), [(99_780, []), (99_781, ["daily_loss"]), (200_000, ["daily_loss"])])
def test_the_day_latches_once_not_even_the_smallest_plan_fits(loss_krw: int, latches: list[str]) -> None:
    """The smallest plan is worth 10,000 KRW, of which two collars and the fees may be lost: 220."""
    assert Watch(lost(loss_krw, in_all=False)).tick().latches == latches


@pytest.mark.parametrize(("loss_krw", "latches"), [(499_780, []), (499_781, ["total_loss"])])
def test_the_total_latches_likewise(loss_krw: int, latches: list[str]) -> None:
    assert Watch(lost(loss_krw, today=False, recently=False)).tick().latches == latches


def test_a_loss_latches_with_the_end_of_its_plan_and_not_only_with_the_next_tick() -> None:
    watch = Watch(lost(99_000)).tick()
    watch.safety.keeper.losses.reserve("p", 1)
    watch.safety.keeper.losses.settle("p", -10_000_000, make.NOON)
    watch.vigil.learn(end_of(plan(), -1_000, Outcome.ONE_LEG))

    assert watch.latches == ["daily_loss"]


def test_plans_that_fail_trip() -> None:
    watch = Watch().tick()
    for _ in range(5):
        watch.vigil.learn(end_of(plan(), -1, Outcome.ONE_LEG))

    assert list(watch.trips) == ["failed_plans"]


def test_without_a_loss_a_limit_below_the_smallest_plan_is_no_latch() -> None:
    watch = Watch()
    watch.safety.lower("max_daily_loss", Decimal(1))

    assert watch.tick().latches == []


@pytest.mark.parametrize(
    ("held", "ms", "day", "latches"),
    [
        ("", 0, "2026-11-26", []),  # the first of all
        ("2026-11-26", 0, "2026-11-26", []),
        ("2026-11-25", 0, "2026-11-26", []),
        ("2026-11-20", 0, "2026-11-26", []),  # the daemon was off for days
        ("2026-11-27", 0, "2026-11-27", ["day_step"]),  # never back
    ],
)
def test_at_the_start_any_later_day_may_begin(held: str, ms: int, day: str, latches: list[str]) -> None:
    watch = Watch(GuardMemory(losses=LossMemory(day=held))).tick(ms)

    assert (watch.safety.keeper.losses.day, watch.latches) == (day, latches)


def test_while_running_only_the_next_day_may_begin() -> None:
    watch = Watch(lost(1)).tick()
    watch.sampled_tick(DAY_MS)
    tomorrow = watch.safety.keeper.losses.day, watch.latches
    watch.sampled_tick(3 * DAY_MS)
    jumped = watch.safety.keeper.losses.day, watch.latches
    watch.vigil.note(command(Command.RESUME, at=make.after_ms(3 * DAY_MS), given_at=make.after_ms(3 * DAY_MS)))
    watch.sampled_tick(3 * DAY_MS + 1)

    assert tomorrow == ("2026-11-27", [])
    assert jumped == ("2026-11-27", ["day_step"])
    assert (watch.safety.keeper.losses.day, watch.latches) == ("2026-11-29", [])


def test_the_next_day_may_begin_once_and_not_again_because_of_the_start() -> None:
    watch = Watch(GuardMemory(losses=LossMemory(day="2026-11-20"))).tick()
    watch.sampled_tick(2 * DAY_MS)

    assert (watch.safety.keeper.losses.day, watch.latches) == ("2026-11-26", ["day_step"])


@pytest.mark.parametrize("step_s", [-3_600, -60, -1, 1, 60, 3_600])
@pytest.mark.parametrize("before_midnight_s", [0.5, 59, 1_800])
def test_no_step_of_the_clock_takes_a_loss_out_of_both_the_day_and_the_last_24_hours(
    step_s: int, before_midnight_s: float
) -> None:
    """The clock is set and told to be; then it is held against a venue and found wrong; then it is set right."""
    now = 12 * 3_600_000 - before_midnight_s * 1_000
    watch = Watch(lost(50_000)).sampled_tick(now)
    stepped = make.after_ms(now + step_s * 1_000)
    watch.vigil.note(ClockStepped(stepped, Nanos(step_s * 10**9)))
    watch.vigil.tick(stepped, RICH)
    held = watch.safety.keeper.losses
    seen = [max(held.lost_today, held.lost_24h)]
    watch.vigil.note(ClockSample(stepped, Venue.BINANCE, Nanos(step_s * 10**9)))
    watch.vigil.tick(stepped, RICH)
    seen.append(max(held.lost_today, held.lost_24h))
    watch.sampled_tick(now + 1_000)
    seen.append(max(held.lost_today, held.lost_24h))

    assert seen == [500_000_000] * 3


def test_a_day_s_step_before_midnight_does_not_let_the_day_be_lost_twice() -> None:
    now = 12 * 3_600_000 - 500
    watch = Watch(lost(50_000)).sampled_tick(now)
    stepped = make.after_ms(now + DAY_MS)
    watch.vigil.note(ClockStepped(stepped, Nanos(DAY_MS * 10**6)))
    watch.vigil.tick(stepped, RICH)
    watch.sampled_tick(now + 1_000)

    assert watch.safety.keeper.losses.lost_24h == 500_000_000


def test_the_first_loss_of_a_day_needs_a_capital_at_once() -> None:
    watch = Watch().tick(capital=None)
    watch.safety.keeper.losses.reserve("p", 1)
    watch.safety.keeper.losses.settle("p", -1, make.NOON)
    watch.vigil.learn(end_of(plan(), -1, Outcome.ONE_LEG))

    assert watch.safety.unavailable.startswith("what we own has no price yet")


def test_results_of_more_than_a_day_ago_are_forgotten() -> None:
    watch = Watch(lost(50_000)).tick()
    watch.sampled_tick(DAY_MS)

    assert watch.safety.keeper.losses.lost_24h == 0
    assert LIMITS.max_daily_loss == 100_000


def test_trips_that_are_over_clear_with_a_tick() -> None:
    watch = Watch().tick()
    watch.safety.keeper.strike(Trip.SLIPPAGE, make.NOON, "short")
    watch.tick(59_999)
    early = list(watch.trips)
    watch.tick(60_000)

    assert (early, watch.trips) == (["slippage"], {})


def test_an_alert_that_nobody_answers_lets_nothing_new_start_until_it_is_answered() -> None:
    watch = Watch()
    watch.vigil.note(AlertUnanswered(make.after_ms(0), "7-1 (naked_leg)"))
    watch.sampled_tick(LIMITS.circuit_breaker_cooldown_s * 5_000)
    held, state = watch.trips, watch.safety.state
    watch.vigil.note(AlertUnanswered(make.after_ms(LIMITS.circuit_breaker_cooldown_s * 5_000), ""))
    watch.sampled_tick(LIMITS.circuit_breaker_cooldown_s * 6_000)

    assert (held, state) == ({"alert_unanswered": "7-1 (naked_leg)"}, TradingState.REDUCING)
    assert watch.trips == {}


def test_an_acknowledgement_is_evidence_with_who_and_why() -> None:
    watch, now = Watch(), make.after_ms(5)
    watch.vigil.note(
        OperatorCommand(at=now, command=Command.ACK, who="mina@desk", why="looking", given_at=now, alert="7-1")
    )

    assert watch.told() == [("acknowledged", "7-1", "mina@desk", "looking")]


def test_a_key_that_ends_soon_is_told_once() -> None:
    watch, in_12_days = Watch(), make.after_ms(12 * DAY_MS)
    for ms in (0, 1_000, 2_000):
        watch.vigil.note(KeyEndsSoon(make.after_ms(ms), Venue.UPBIT, in_12_days))

    assert watch.told() == [("seen", "key_expiry", "guard", "upbit's key ends in 12 days: make a new one")]
