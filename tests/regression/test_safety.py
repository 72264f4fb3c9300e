"""The guard's stories: each refusal, the last gate, what stays through restarts, and other bots' defects."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import product
from math import nan

import pytest

from arbitrage.domain.book_views import Reference
from arbitrage.domain.events import (
    ClockSample,
    ClockStepped,
    Command,
    IntentLogFailed,
    LeaseHeld,
    OperatorCommand,
    StateForeign,
    StateUp,
    Tick,
)
from arbitrage.domain.guarding import GuardMemory, LatchKind, LossMemory, TradingState, Trip
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, from_ms
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import won_units
from arbitrage.domain.plans import Order, Purpose, TwoLegPlan
from arbitrage.domain.verdicts import Approved, RefusalCode, Refused
from liveguard.facts import Facts
from liveguard.losses import DAY_NS
from liveguard.safety import LiveSafetyError, SafetyModule
from tests import builders as make
from tests.safety_builders import (
    CALM,
    LIMITS,
    CalmPrices,
    LiveStory,
    a_latch,
    end_of,
    guard,
    lost,
    open_plan,
    plan,
    premium,
    refused,
    way_out,
)

SECOND, HOUR = NS_PER_S, 3_600 * NS_PER_S
ROOMY = replace(LIMITS, max_trades_per_hour=10_000, max_trades_per_day=10_000, max_messages_per_s=10_000)


def codes(safety: SafetyModule, judged: TwoLegPlan | None = None, facts: Facts = CALM) -> list[str]:
    verdict = safety.review(judged or plan(), facts, make.NOON)
    return [refusal.code.value for refusal in verdict.refusals] if isinstance(verdict, Refused) else []


def told(safety: SafetyModule, at: Instant) -> list[tuple[str, str]]:
    entries = safety.keeper.report(at)
    return [(entry.act.value, entry.name) for entry in entries.entries] if entries else []


# --- review: each refusal by itself


def unavailable() -> SafetyModule:
    safety = guard()
    safety.unavailable = "redis is away"
    return safety


def tripped() -> SafetyModule:
    safety = guard()
    safety.keeper.strike(Trip.SLIPPAGE, make.NOON, "short")
    return safety


def repeated() -> SafetyModule:
    safety = guard(replace(ROOMY, max_repeats_per_minute=1))
    open_plan(safety)
    return safety


def talkative(venue: Venue) -> SafetyModule:
    safety = guard()
    for _ in range(4):
        safety.note_message(venue, make.NOON)
    return safety


FAR = Reference(1.0, 1.0, 1.0, 1.0)

ALONE: list[tuple[str, Callable[[], SafetyModule], TwoLegPlan, Facts]] = [
    ("state_unavailable", unavailable, plan(), CALM),
    ("instrument_halted", guard, plan(), replace(CALM, halted="status is BREAK")),
    ("plan_too_large", guard, plan("1000000.01"), CALM),
    ("book_too_old", guard, plan(), replace(CALM, upbit_age=from_ms(5_001), binance_age=from_ms(5_000))),
    ("fx_too_old", guard, plan(), replace(CALM, fx_age=from_ms(30_001))),
    ("books_too_far_apart", guard, plan(), replace(CALM, binance_age=from_ms(3_101))),
    ("edge_too_small", guard, plan(edge_bps=9.99), CALM),
    ("edge_implausible", guard, plan(edge_bps=500.01), CALM),
    ("too_many_trades_hour", lambda: guard(started=(make.NOON,) * 3), plan(), CALM),
    ("too_many_trades_day", lambda: guard(started=(make.after_ms(-3_700_000),) * 5), plan(), CALM),
    ("too_many_positions", guard, plan(), replace(CALM, plans_in_flight=3)),
    ("naked_notional", guard, plan(), replace(CALM, notional_in_flight_krw=Decimal("2000000.01"))),
    ("repeated_execution", repeated, plan(), CALM),
    ("depth_share", guard, plan(), replace(CALM, upbit_depth=0.001)),
    ("depth_share", guard, plan(), replace(CALM, binance_depth=0.001)),
    ("outside_collar", guard, plan(), replace(CALM, upbit_reference=None)),
    ("outside_collar", guard, plan(), replace(CALM, binance_reference=None)),
    ("latched", lambda: guard(past=GuardMemory(latches=(a_latch(LatchKind.OPERATOR),))), plan(), CALM),
    ("breaker_active", tripped, plan(), CALM),
    ("daily_loss", lambda: guard(past=lost(77_501, recently=False, in_all=False)), plan(), CALM),
    ("loss_24h", lambda: guard(past=lost(77_501, today=False, in_all=False)), plan(), CALM),
    ("total_loss", lambda: guard(past=lost(477_501, today=False, recently=False)), plan(), CALM),
    ("message_rate", lambda: talkative(Venue.UPBIT), plan(), CALM),
    ("message_rate", lambda: talkative(Venue.BINANCE), plan(), CALM),
]


@pytest.mark.parametrize(("code", "safety", "judged", "facts"), ALONE, ids=[case[0] for case in ALONE])
def test_each_refusal_can_be_the_only_one(
    code: str, safety: Callable[[], SafetyModule], judged: TwoLegPlan, facts: Facts
) -> None:
    assert codes(safety(), judged, facts) == [code]


def test_every_refusal_of_the_guard_is_among_them() -> None:
    of_the_finder = {"plan_in_flight", "not_rearmed", "inventory_dry", "below_minimum", "no_depth"}
    of_the_gate = {"no_permit", "no_lease", "not_reviewed"}

    assert {case[0] for case in ALONE} == {code.value for code in RefusalCode} - of_the_finder - of_the_gate


AT_THE_LIMIT: list[tuple[str, Callable[[], SafetyModule], Facts]] = [
    ("daily loss", lambda: guard(past=lost(77_500)), CALM),
    ("total loss", lambda: guard(past=lost(477_500, today=False, recently=False)), CALM),
    ("naked notional", guard, replace(CALM, notional_in_flight_krw=Decimal(2_000_000))),
    ("latch of another", lambda: guard(past=GuardMemory(latches=(a_latch(LatchKind.OPERATOR, scope="ETH"),))), CALM),
    (
        "depth",
        guard,
        replace(CALM, upbit_depth=float(plan().upbit.quantity), binance_depth=float(plan().binance.quantity)),
    ),
]


@pytest.mark.parametrize(("case", "safety", "facts"), AT_THE_LIMIT)
def test_at_its_limit_a_plan_passes(case: str, safety: Callable[[], SafetyModule], facts: Facts) -> None:
    assert codes(safety(), facts=facts) == []


def test_a_part_of_the_depth_can_be_the_limit() -> None:
    quantity = float(plan().upbit.quantity)
    safety = guard(replace(LIMITS, max_depth_pct=Decimal(20)))
    deep = replace(CALM, upbit_depth=quantity * 5, binance_depth=quantity * 6)

    assert codes(safety, facts=deep) == []
    assert codes(safety, facts=replace(deep, upbit_depth=quantity * 4.99)) == ["depth_share"]


@pytest.mark.parametrize("depth", [nan, 0.0, -1.0])
def test_a_depth_that_is_none_is_nothing_to_take_from(depth: float) -> None:
    assert codes(guard(), facts=replace(CALM, upbit_depth=depth, binance_depth=depth)) == ["depth_share"] * 2


@pytest.mark.parametrize("quantity", ["NaN", "sNaN", "Infinity", "0", "-0.001"])
def test_a_quantity_that_is_none_takes_no_share(quantity: str) -> None:
    judged = plan()
    for leg in ("upbit", "binance"):
        broken = replace(getattr(judged, leg), quantity=Decimal(quantity))
        assert codes(guard(), replace(judged, **{leg: broken})) == ["depth_share"]


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-Infinity", "0", "-1"])
def test_a_price_that_is_none_is_outside_every_collar(price: str) -> None:
    judged = plan()
    for leg in ("upbit", "binance"):
        broken = replace(getattr(judged, leg), limit_price=Decimal(price))
        assert set(codes(guard(), replace(judged, **{leg: broken}))) == {"outside_collar"}


def test_a_refusal_says_what_was_seen_and_what_the_limit_is() -> None:
    safety = guard(past=replace(lost(90_000), latches=(a_latch(LatchKind.OPERATOR),)))
    safety.keeper.strike(Trip.SLIPPAGE, make.NOON, "short")
    facts = replace(
        CALM,
        upbit_depth=0.001,
        binance_depth=0.25,
        notional_in_flight_krw=Decimal(2_500_000),
        upbit_age=from_ms(5_001),
        binance_age=Nanos(-1),
    )
    verdict = safety.review(replace(plan(), binance=replace(plan().binance, quantity=Decimal(1))), facts, make.NOON)
    assert isinstance(verdict, Refused)

    assert [str(refusal) for refusal in verdict.refusals] == [
        "latched: operator: seen",
        "breaker_active: slippage: short",
        "book_too_old: upbit book 5001 ms (limit 5000 ms)",
        "book_too_old: binance book -0 ms (limit 5000 ms)",
        "books_too_far_apart: apart 5001 ms (limit 3000 ms)",
        "naked_notional: 1,000,000 KRW beside 2,500,000 KRW in flight (limit 3000000 KRW)",
        f"depth_share: KRW-BTC {plan().upbit.quantity} of 0.001 (limit 100 %)",
        "depth_share: BTCUSDT 1 of 0.25 (limit 100 %)",
        "daily_loss: lost 90,000 KRW, at risk 22,500 KRW (limit 100000 KRW)",
        "loss_24h: lost 90,000 KRW, at risk 22,500 KRW (limit 100000 KRW)",
    ]


def test_what_keeps_every_plan_from_starting_is_said_in_one_line() -> None:
    safety = guard(past=GuardMemory(latches=(a_latch(LatchKind.OPERATOR), a_latch(LatchKind.OPERATOR, scope="ETH"))))
    safety.keeper.strike(Trip.SLIPPAGE, make.NOON, "short")
    both = safety.why_not()
    safety.unavailable = "redis is away"

    assert (both, safety.why_not(), guard().why_not()) == ("operator: seen; slippage: short", "redis is away", "")


def test_a_guard_that_was_told_nothing_lets_nothing_pass() -> None:
    fresh = SafetyModule(LIMITS, CalmPrices(), GuardMemory())

    assert codes(fresh) == ["state_unavailable"]
    assert fresh.state is TradingState.REDUCING
    assert refused(fresh, way_out()) == {RefusalCode.NO_PERMIT, RefusalCode.NO_LEASE}
    assert fresh.lease_until == 0


def test_a_halt_stays_a_halt_while_the_state_store_is_away() -> None:
    safety = guard(past=GuardMemory(latches=(a_latch(LatchKind.FOREIGN_STATE),)))
    safety.unavailable = "redis is away"

    assert (safety.state, guard().state) == (TradingState.HALTED, TradingState.ACTIVE)


# --- the last gate


def test_the_orders_of_an_approved_plan_pass_once_each() -> None:
    safety = guard()
    first, second = open_plan(safety)

    assert [refused(safety, order) for order in (first, second)] == [set(), set()]
    assert [refused(safety, order) for order in (first, second)] == [{RefusalCode.NOT_REVIEWED}] * 2


def test_the_error_names_the_order_and_every_reason() -> None:
    safety = guard(live=False)
    order, _ = open_plan(safety)
    safety.lease_until = Instant(0)
    with pytest.raises(LiveSafetyError) as blocked:
        safety.assert_live(order, Purpose.OPEN, make.NOON)

    assert isinstance(blocked.value, RuntimeError)
    assert str(blocked.value) == f"{order.client_id} may not leave: no_permit: live is not enabled; no_lease: no lease"


@pytest.mark.parametrize("purpose", Purpose)
def test_without_a_permit_nothing_leaves(purpose: Purpose) -> None:
    safety = guard(live=False)
    order = replace(open_plan(safety)[0], purpose=purpose)

    assert RefusalCode.NO_PERMIT in refused(safety, order)


@pytest.mark.parametrize(("ago_ns", "blocked"), [(-1, set()), (0, {RefusalCode.NO_LEASE}), (1, {RefusalCode.NO_LEASE})])
def test_a_lease_ends_to_the_nanosecond(ago_ns: int, blocked: set[RefusalCode]) -> None:
    for asked in (lambda safety: open_plan(safety)[0], lambda _: way_out()):
        safety = guard()
        order = asked(safety)
        safety.lease_until = Instant(make.NOON - ago_ns)

        assert refused(safety, order) == blocked


def test_a_lease_that_ended_says_when() -> None:
    safety = guard()
    safety.lease_until = make.after_ms(-2_500)
    with pytest.raises(LiveSafetyError, match="the lease ended 2,500 ms ago"):
        safety.assert_live(way_out(), Purpose.REDUCE, make.NOON)


def test_an_order_that_nobody_reviewed_does_not_leave() -> None:
    safety = guard()
    order, _ = open_plan(guard())

    assert refused(safety, order) == {RefusalCode.NOT_REVIEWED}


@pytest.mark.parametrize(
    "change",
    [
        {"limit_price": plan().upbit.limit_price + 1_000},
        {"quantity": plan().upbit.quantity + Decimal("0.00000001")},
        {"symbol": "KRW-ETH"},
        {"client_id": "arb-abc123-7-1-u-2"},
    ],
)
def test_an_order_that_was_changed_after_the_review_does_not_leave(change: dict[str, object]) -> None:
    safety = guard()
    order, _ = open_plan(safety)
    assert refused(safety, replace(order, **change)) == {RefusalCode.NOT_REVIEWED}  # type: ignore[arg-type]  # any field
    assert refused(safety, order) == set()


def test_an_order_that_was_blocked_never_leaves_later() -> None:
    """It was reported as never sent, and its plan may be over by then."""
    safety = guard()
    order, other = open_plan(safety)
    safety.unavailable = "redis is away"
    blocked = refused(safety, order)
    safety.unavailable = ""

    assert blocked == {RefusalCode.STATE_UNAVAILABLE}
    assert refused(safety, order) == {RefusalCode.NOT_REVIEWED}
    assert refused(safety, other) == set()


@pytest.mark.parametrize("over", ["settled", "withdrawn"])
def test_an_order_of_a_plan_that_is_over_does_not_leave(over: str) -> None:
    safety = guard()
    order, _ = open_plan(safety)
    if over == "settled":
        safety.settle(end_of(plan(), 100))
    else:
        safety.withdraw(order.plan_id)

    assert refused(safety, order) == {RefusalCode.NOT_REVIEWED}


def test_the_collar_is_asked_again_at_the_last_gate() -> None:
    prices = CalmPrices()
    safety = guard(prices=prices)
    upbit, binance = open_plan(safety)
    prices.known = {Venue.UPBIT: FAR, Venue.BINANCE: None}

    assert refused(safety, upbit) == refused(safety, binance) == {RefusalCode.OUTSIDE_COLLAR}


@pytest.mark.parametrize("kind", LatchKind)
def test_a_latch_that_came_after_the_review_blocks(kind: LatchKind) -> None:
    safety = guard()
    order, _ = open_plan(safety)
    safety.keeper.latch(kind, make.NOON, "seen")

    assert refused(safety, order) == {RefusalCode.LATCHED}


def test_a_latch_of_the_order_s_pair_blocks_and_of_another_does_not() -> None:
    safety = guard()
    upbit, binance = open_plan(safety)
    safety.keeper.latch(LatchKind.IMPLAUSIBLE_EDGE, make.NOON, "seen", scope="ETH")
    other = refused(safety, upbit)
    safety.keeper.latch(LatchKind.IMPLAUSIBLE_EDGE, make.NOON, "seen", scope="BTC")

    assert (other, refused(safety, binance)) == (set(), {RefusalCode.LATCHED})


@pytest.mark.parametrize("trip", Trip)
def test_a_trip_that_came_after_the_review_blocks(trip: Trip) -> None:
    safety = guard()
    order, _ = open_plan(safety)
    safety.keeper.strike(trip, make.NOON, "seen")

    assert refused(safety, order) == {RefusalCode.BREAKER_ACTIVE}


def test_a_loss_that_came_after_the_review_counts_with_what_is_in_flight() -> None:
    """The plan in flight may lose 22,500: beside 77,500 lost by another there is room for it, and for no unit more."""
    for units, blocked in ((775_000_000, set()), (775_000_001, {RefusalCode.DAILY_LOSS, RefusalCode.LOSS_24H})):
        safety = guard(ROOMY)
        order, _ = open_plan(safety)
        safety.keeper.losses.reserve("other", 1)
        safety.keeper.losses.settle("other", -units, make.NOON)

        assert refused(safety, order) == blocked


def test_the_total_loss_is_asked_at_the_last_gate() -> None:
    safety = guard(ROOMY, past=lost(477_500, today=False, recently=False))
    order, _ = open_plan(safety)
    safety.keeper.losses.reserve("other", 1)

    assert refused(safety, order) == {RefusalCode.TOTAL_LOSS}


def test_a_bucket_that_ways_out_have_emptied_blocks_what_opens() -> None:
    safety = guard()
    upbit, binance = open_plan(safety)
    for _ in range(4):
        safety.note_message(Venue.UPBIT, make.NOON)

    assert refused(safety, upbit) == {RefusalCode.MESSAGE_RATE}
    assert refused(safety, binance) == set()


def test_a_plan_that_was_let_start_has_its_messages() -> None:
    safety = guard(replace(ROOMY, max_messages_per_s=6, max_daily_loss=Decimal(10**9)))
    plans = [replace(plan(), plan_id=f"p-{n}") for n in range(4)]
    orders = [order for each in plans for order in open_plan(safety, each)]

    assert codes(safety) == ["message_rate", "message_rate"]
    assert [refused(safety, order) for order in orders] == [set()] * 8


# --- a way out passes in every state


def test_a_way_out_passes_whatever_else_there_is() -> None:
    seen = 0
    for kind, trip, away, loss, empty in product(
        [None, *LatchKind], [None, *Trip], ["", "redis is away"], [0, 10**9], [False, True]
    ):
        safety = guard(past=lost(loss))
        if kind is not None:
            safety.keeper.latch(kind, make.NOON, "seen")
            safety.keeper.latch(kind, make.NOON, "seen", scope="BTC")
        if trip is not None:
            safety.keeper.hold(trip, make.NOON, "seen")
        safety.unavailable = away
        for _ in range(100 if empty else 0):
            safety.note_message(Venue.BINANCE, make.NOON)
        seen += refused(safety, way_out()) == set()

    assert seen == (1 + len(LatchKind)) * (1 + len(Trip)) * 2 * 2 * 2


@pytest.mark.parametrize(
    ("order", "blocked"),
    [
        (way_out(limit_price=Decimal("82449.99")), {RefusalCode.OUTSIDE_COLLAR}),
        (way_out(limit_price=Decimal("82450")), set()),
        (way_out(limit_price=Decimal("NaN")), {RefusalCode.OUTSIDE_COLLAR}),
        (way_out(limit_price=Decimal("Infinity")), {RefusalCode.OUTSIDE_COLLAR}),
        (way_out(limit_price=Decimal(0)), {RefusalCode.OUTSIDE_COLLAR}),
    ],
)
def test_a_way_out_needs_its_collar(order: Order, blocked: set[RefusalCode]) -> None:
    assert refused(guard(), order) == blocked


def test_a_way_out_needs_no_other_venue_and_is_counted() -> None:
    prices = CalmPrices()
    prices.known = {Venue.UPBIT: None, Venue.BINANCE: Reference(85_000.0, None, None, None)}
    safety = guard(prices=prices)
    before = safety.buckets[Venue.BINANCE].left(make.NOON)

    assert refused(safety, way_out()) == set()
    assert safety.buckets[Venue.BINANCE].left(make.NOON) == before - 1


def test_a_way_out_that_was_blocked_is_not_counted() -> None:
    safety = guard(live=False)
    refused(safety, way_out())

    assert safety.buckets[Venue.BINANCE].left(make.NOON) == 6


# --- what stays


def restarted(story: LiveStory, at: Instant, **caps: object) -> LiveStory:
    """The next run on the same memory: what the guard of the last one held."""
    keeper = story.safety.keeper
    memory = GuardMemory(sequence=keeper.next_sequence(), losses=keeper.losses.memory(), latches=tuple(keeper.latches))
    again = LiveStory(past=make.remembered(guard=memory), **caps)
    again.tell(StateUp(at), ClockSample(at, Venue.BINANCE, Nanos(0)), LeaseHeld(at, Instant(at + HOUR)), Tick(at))
    return again


@pytest.mark.parametrize("kind", sorted(set(LatchKind) - {LatchKind.DAILY_LOSS}))
def test_thirty_days_and_five_restarts_do_not_clear_a_latch(kind: LatchKind) -> None:
    story = LiveStory()
    story.tell(Tick(make.NOON))
    story.safety.keeper.latch(kind, make.NOON, "seen")
    for day in range(1, 31):
        at = Instant(make.NOON + day * DAY_NS)
        story.tell(ClockSample(at, Venue.BINANCE, Nanos(0)), Tick(at))
        if day % 6 == 0:
            story = restarted(story, at)
        story.tell(*premium(80, at))

    assert [latch.name for latch in story.safety.keeper.latches] == [kind.value]
    assert story.safety.keeper.losses.day == "2026-12-26"
    assert story.sent == []


def test_the_loss_of_the_day_clears_with_the_next_trading_day_and_not_before() -> None:
    story = LiveStory(past=make.remembered(guard=lost(100_000)), max_daily_loss=Decimal(100_000))
    story.tell(*premium(0), Tick(make.NOON))
    held = {}
    for hours in (0, 11.99, 12):  # noon in Seoul and on to midnight
        at = make.after_ms(hours * 3_600_000)
        story.tell(ClockSample(at, Venue.BINANCE, Nanos(0)))
        story.tell(resume(at), Tick(at))
        held[hours] = [latch.name for latch in story.safety.keeper.latches]

    assert held == {0: ["daily_loss"], 11.99: ["daily_loss"], 12: []}
    assert story.safety.keeper.losses.lost_24h == 1_000_000_000


def resume(at: Instant, given_at: Instant | None = None, latch: str = "") -> OperatorCommand:
    return OperatorCommand(
        at=at,
        command=Command.RESUME,
        who="mina",
        why="seen",
        given_at=at if given_at is None else given_at,
        latch=latch,
    )


def test_the_total_loss_is_cleared_by_a_person_and_counts_anew() -> None:
    story = LiveStory(
        past=make.remembered(guard=lost(500_000, today=False, recently=False)), max_total_loss=Decimal(500_000)
    )
    story.tell(*premium(0), Tick(make.NOON))
    latched = [latch.name for latch in story.safety.keeper.latches]
    story.tell(resume(make.NOON))
    cleared = [latch.name for latch in story.safety.keeper.latches]
    story.tell(Tick(make.after_ms(1_000)), *premium(80, make.after_ms(1_000)))

    assert (latched, cleared) == (["total_loss"], [])
    assert story.safety.keeper.losses.lost_in_all == 0
    assert len(story.sent) == 2


def test_a_resume_from_before_the_latch_does_not_clear_it() -> None:
    story = LiveStory()
    story.tell(StateForeign(make.NOON, LatchKind.FOREIGN_STATE, "another epoch"))
    story.tell(resume(make.after_ms(1), given_at=make.after_ms(-1)))
    early = story.view().trading_state
    story.tell(resume(make.after_ms(2)))

    assert early == "HALTED"
    assert story.view().trading_state != "HALTED"
    assert [(e.act.value, e.name, e.who) for e in story.entries() if e.name == "foreign_state"] == [
        ("latched", "foreign_state", "guard"),
        ("unlatched", "foreign_state", "mina"),
    ]


# --- a well-known toy bot's defects


def test_a_nan_trade_is_refused_and_does_not_disable_the_limit() -> None:
    safety = guard(past=lost(90_000))

    assert "plan_too_large" in codes(safety, plan("NaN"))
    assert codes(safety) == ["daily_loss", "loss_24h"]
    with pytest.raises(ValueError, match="max_daily_loss = NaN"):
        replace(LIMITS, max_daily_loss=Decimal("NaN"))


def test_a_restart_does_not_forget_what_was_lost() -> None:
    story = LiveStory(max_daily_loss=Decimal(200_000))
    story.tell(*premium(0), Tick(make.NOON))
    story.tell(*premium(80))
    story.end_last(upbit="1", binance="0")
    before = story.safety.keeper.losses.lost_today
    again = restarted(story, make.after_ms(5_000), max_daily_loss=Decimal(200_000))

    assert before > 0
    assert again.safety.keeper.losses.lost_today == before
    assert again.safety.keeper.losses.lost_24h == before


def test_ten_seconds_back_do_not_clear_a_breaker() -> None:
    story = LiveStory()
    story.tell(*premium(0), Tick(make.NOON))
    story.safety.keeper.strike(Trip.SLIPPAGE, make.NOON, "short")
    for ms in (-10_000, -3_600_000, 59_999):
        story.tell(Tick(make.after_ms(ms)))

    assert Trip.SLIPPAGE in story.safety.keeper.breaker.active


def test_a_day_and_ten_seconds_later_the_hour_is_counted_right() -> None:
    later = Instant(make.NOON + DAY_NS + 10 * SECOND)
    safety = guard(started=(make.NOON, *(Instant(later - SECOND * n) for n in range(3))))
    verdict = safety.review(plan(), CALM, later)
    assert isinstance(verdict, Refused)

    assert [refusal.code.value for refusal in verdict.refusals] == ["too_many_trades_hour"]


def test_a_capital_of_nothing_trips_with_the_first_loss() -> None:
    nothing = {Venue.UPBIT: {"KRW": Decimal(0)}, Venue.BINANCE: {"USDT": Decimal(0)}}
    story = LiveStory(past=make.remembered(guard=lost(1), inventory=nothing))
    story.tell(make.fx(), Tick(make.NOON))

    assert "of a capital of 0 KRW" in story.safety.keeper.breaker.active[Trip.LOSS_RATIO].why


def test_without_a_known_capital_a_day_with_a_loss_starts_nothing() -> None:
    story = LiveStory(past=make.remembered(guard=lost(1)))
    story.tell(Tick(make.NOON), *premium(80))

    assert story.refusals() == {RefusalCode.STATE_UNAVAILABLE}


# --- runaways


def test_an_edge_too_good_to_be_true_latches_its_pair_and_no_other() -> None:
    story = LiveStory("BTC", "ETH")
    story.tell(*premium(700))
    story.tell(*premium(80, make.after_ms(100)))
    btc = list(story.sent)
    story.tell(*premium(80, make.after_ms(200), base="ETH"))

    assert btc == []
    assert [latch.name for latch in story.safety.keeper.latches] == ["implausible_edge:BTC"]
    assert [order.symbol for order in story.sent] == ["KRW-ETH", "ETHUSDT"]
    assert story.view().trading_state == "ACTIVE"


def test_repeats_latch_everything() -> None:
    story = LiveStory("BTC", "ETH", max_repeats_per_minute=3, max_position_size=Decimal(1_000_000))
    for n in range(6):
        story.tell(*premium(80, make.after_ms(n * 1_000)))
        if story.safety.keeper.losses.in_flight:
            story.end_last("1", "1", make.after_ms(n * 1_000 + 500))
    story.tell(*premium(80, make.after_ms(90_000), base="ETH"))

    assert len(story.plans()) == 3
    assert [latch.name for latch in story.safety.keeper.latches] == ["repeated_execution"]
    assert {order.symbol for order in story.sent} == {"KRW-BTC", "BTCUSDT"}
    assert RefusalCode.LATCHED in story.refusals()


def test_what_could_not_be_noted_is_taken_back_and_trips() -> None:
    story = LiveStory()
    story.tell(*premium(0), Tick(make.NOON))
    story.tell(*premium(80))
    plan_id = story.plans()[0].plan_id
    story.tell(IntentLogFailed(make.NOON, plan_id, "No space left on device"))

    assert story.safety.keeper.losses.in_flight == 0
    assert story.view().plans_open == 0
    assert list(story.safety.keeper.breaker.active) == [Trip.INTENT_LOG]


# --- the day


def test_before_and_after_midnight_cannot_lose_twice() -> None:
    past = make.remembered(guard=lost(99_900))
    story = LiveStory(past=past, max_daily_loss=Decimal(100_000), max_position_size=Decimal(1_000_000))
    story.tell(*premium(0), Tick(make.NOON))
    after_midnight = make.after_ms((12 * 60 + 1) * 60_000)
    story.tell(ClockSample(after_midnight, Venue.BINANCE, Nanos(0)), *premium(0, after_midnight), Tick(after_midnight))
    story.tell(LeaseHeld(after_midnight, Instant(after_midnight + HOUR)))
    calmed = make.after_ms((12 * 60 + 3) * 60_000)  # the trip of the silence in between is over
    story.tell(*premium(0, calmed), Tick(calmed), *premium(80, calmed))

    assert story.safety.keeper.losses.lost_today == 0
    assert story.refusals() == {RefusalCode.LOSS_24H}
    assert story.sent == []


def test_a_day_that_begins_in_the_middle_of_a_plan_keeps_its_reservation_and_books_its_result() -> None:
    story = LiveStory()
    before, after = make.after_ms(12 * 3_600_000 - 500), make.after_ms(12 * 3_600_000 + 500)
    story.tell(ClockSample(before, Venue.BINANCE, Nanos(0)), Tick(before), LeaseHeld(before, Instant(before + HOUR)))
    story.safety.keeper.breaker.active.clear()  # of the silence since noon
    story.tell(*premium(80, before))
    held = story.safety.keeper.losses.in_flight
    story.tell(*premium(160, after), Tick(after))
    over_midnight = story.safety.keeper.losses.in_flight
    end = story.end_last("1", "0", after)
    losses = story.safety.keeper.losses

    assert (held, losses.in_flight) == (over_midnight, 0)
    assert held > 0
    assert losses.day == "2026-11-27"
    assert losses.lost_today == losses.lost_24h == -end.result > 0


@pytest.mark.parametrize(
    ("stepped_ms", "latched"),
    [(-24 * 3_600_000, ["day_step"]), (3 * 24 * 3_600_000, ["day_step"]), (24 * 3_600_000, [])],
)
def test_a_day_that_jumps_or_goes_back_latches(stepped_ms: int, latched: list[str]) -> None:
    story = LiveStory(past=make.remembered(guard=lost(50_000)))
    story.tell(Tick(make.NOON))
    at = make.after_ms(stepped_ms)
    story.tell(ClockSample(at, Venue.BINANCE, Nanos(0)), Tick(at))

    assert [latch.name for latch in story.safety.keeper.latches] == latched


def test_while_the_clock_is_not_trusted_the_day_stands_still() -> None:
    story = LiveStory(past=make.remembered(guard=lost(50_000)))
    story.tell(Tick(make.NOON))
    tomorrow = make.after_ms(24 * 3_600_000)
    story.tell(ClockStepped(tomorrow, Nanos(DAY_NS)), Tick(tomorrow))
    stepped = story.safety.keeper.losses.day, story.safety.keeper.losses.lost_today
    story.tell(ClockSample(tomorrow, Venue.BINANCE, Nanos(DAY_NS)), Tick(tomorrow))
    off = story.safety.keeper.losses.day

    assert (stepped, off) == (("2026-11-26", 500_000_000), "2026-11-26")
    assert Trip.CLOCK in story.safety.keeper.breaker.active


# --- what is left


def test_a_plan_shrinks_to_the_room_that_is_left_and_below_the_smallest_the_guard_refuses() -> None:
    worth = {}
    for loss in (0, 99_000, 99_700, 99_790):
        past = make.remembered(guard=lost(loss, today=False, in_all=False))
        story = LiveStory(past=past, max_daily_loss=Decimal(100_000), max_position_size=Decimal(1_000_000))
        story.tell(*premium(0), Tick(make.NOON), *premium(80))
        worth[loss] = [int(judged.notional_krw) for judged in story.plans()]
        refusals = story.refusals()

    # two collars of one percent and 0.2 percent of fees: 2.2 percent of the notional may be lost
    assert 990_000 < worth[0][0] <= 1_000_000
    assert 44_000 < worth[99_000][0] <= 1_000 / 0.022
    assert 12_000 < worth[99_700][0] <= 300 / 0.022
    assert worth[99_790] == []
    assert refusals == {RefusalCode.LOSS_24H}


def test_a_plan_shrinks_to_what_may_stand_open() -> None:
    story = LiveStory("BTC", "ETH", max_naked_notional=Decimal(1_500_000), max_position_size=Decimal(1_000_000))
    story.tell(*premium(80))
    story.tell(*premium(80, base="ETH"))
    first, second = story.plans()

    assert first.notional_krw > 990_000
    assert 0 < second.notional_krw <= 1_500_000 - first.notional_krw


def lower(name: str, value: str) -> OperatorCommand:
    return OperatorCommand(
        at=make.NOON,
        command=Command.LOWER,
        who="mina",
        why="a quiet night",
        given_at=make.NOON,
        limit=name,
        value=Decimal(value),
    )


def test_a_lowered_limit_works_at_once() -> None:
    story = LiveStory(max_position_size=Decimal(1_000_000))
    story.tell(lower("max_position_size", "200000"), lower("max_daily_loss", "90000"), *premium(80))
    (entry, _) = [entry for entry in story.entries() if entry.act.value == "lowered"]

    assert 190_000 < story.plans()[0].notional_krw <= 200_000
    assert story.safety.limits.max_daily_loss == 90_000
    assert (entry.name, entry.who, entry.why) == ("max_position_size", "mina", "to 200000: a quiet night")


@pytest.mark.parametrize(
    ("name", "value"), [("max_position_size", "1000001"), ("max_daily_los", "1"), ("dust_cap", "NaN")]
)
def test_a_limit_is_never_raised_while_running_and_the_attempt_is_told(name: str, value: str) -> None:
    story = LiveStory(max_position_size=Decimal(1_000_000))
    before = story.safety.limits
    story.tell(lower(name, value))

    assert story.safety.limits is before
    assert [(e.act.value, e.name, e.who) for e in story.entries()] == [("refused", name, "mina")]


def test_lowering_reaches_every_part_of_the_guard() -> None:
    safety = guard()
    open_plan(safety)
    for name, value in (
        ("max_daily_loss", 40_000),
        ("max_total_loss", 40_000),
        ("max_messages_per_s", 1),
        ("max_fx_age_ms", 99),
    ):
        safety.lower(name, Decimal(value))
    safety.lower("circuit_breaker_cooldown_s", Decimal(120))
    safety.note_message(Venue.UPBIT, make.NOON)  # the one that is left
    safety.keeper.strike(Trip.SLIPPAGE, make.NOON, "short")
    safety.keeper.clear_trips(make.after_ms(119_999))

    assert set(codes(safety)) == {
        "fx_too_old", "daily_loss", "loss_24h", "total_loss", "message_rate", "breaker_active",
    }  # fmt: skip
    assert safety.room() == won_units(Decimal(40_000 - 22_500))


@pytest.mark.parametrize(
    ("past", "room"),
    [
        (GuardMemory(), 100_000),
        (lost(30_000, recently=False, in_all=False), 70_000),
        (lost(40_000, today=False, in_all=False), 60_000),
        (lost(490_000, today=False, recently=False), 10_000),
        (GuardMemory(losses=LossMemory(reserved={"a": 50_000_000})), 95_000),
        (GuardMemory(losses=LossMemory(total_units=-4_900_000_000, reserved={"a": 50_000_000})), 5_000),
    ],
)
def test_the_room_is_what_every_loss_limit_leaves(past: GuardMemory, room: int) -> None:
    assert guard(past=past).room() == room * 10_000


def test_a_restart_sees_the_worst_case_of_what_was_in_flight() -> None:
    safety = guard()
    open_plan(safety)
    memory = GuardMemory(losses=safety.keeper.losses.memory())

    assert guard(past=memory).keeper.losses.in_flight == 225_000_000


def test_orders_of_a_plan_from_before_a_restart_do_not_leave() -> None:
    safety = guard()
    order, _ = open_plan(safety)
    again = guard(past=GuardMemory(losses=safety.keeper.losses.memory()))

    assert refused(again, order) == {RefusalCode.NOT_REVIEWED}


def test_asking_the_gate_or_the_review_changes_no_loss() -> None:
    safety = guard()
    order, _ = open_plan(safety)
    before = safety.keeper.losses.memory()
    codes(safety)
    refused(safety, order)

    assert safety.keeper.losses.memory() == before
    assert isinstance(guard().review(plan(), CALM, make.NOON), Approved)


def test_every_change_of_the_account_has_its_own_number() -> None:
    safety = guard(ROOMY, past=GuardMemory(sequence=10))
    first = plan()
    verdict = safety.review(first, CALM, make.NOON)
    assert isinstance(verdict, Approved)
    numbers = [safety.start(first, open_orders(first), CALM), safety.settle(end_of(first, -5)).sequence]
    safety.keeper.latch(LatchKind.OPERATOR, make.NOON, "odd")
    told_of = safety.keeper.report(make.NOON)
    assert told_of is not None

    assert [*numbers, told_of.sequence] == [11, 12, 13]
    assert safety.keeper.losses.lost_today == 50_000


def open_orders(judged: TwoLegPlan) -> tuple[Order, Order]:
    safety = guard()
    return open_plan(safety, judged)
