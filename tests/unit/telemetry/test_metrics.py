"""Metrics: what is known is told in base units, what is not known is not zero, and what may happen is there at 0."""

import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from arbitrage.domain.alerts import Severity, TargetLine
from arbitrage.domain.events import OrderReply, ReplyKind
from arbitrage.domain.guarding import GuardAct, GuardEntry, Latch, LatchKind, Trip
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Side
from arbitrage.domain.intents import Publish, ReportGuard, ReportPlanEnd, SubmitHedge
from arbitrage.domain.plans import Order, Outcome, Purpose
from arbitrage.domain.views import EngineView, FlightLine, FxLine, GuardView, LimitUse, RefusalLine, ScoreLine, TripLine
from arbitrage.state.health import StateHealth
from arbitrage.telemetry.metrics import ALL, Metrics
from arbitrage.telemetry.metrics_family import Kind, Picture
from arbitrage.telemetry.metrics_table import table
from liveguard.mode_gate import Mode
from tests.clocks import NOON
from tests.plan_builders import a_refusal, a_submission, a_view, an_end
from tests.state_desk import facts

ROOT = Path(__file__).parents[3]
LATER = Instant(NOON + 4 * NS_PER_S)


class Daemon:
    """The metrics of a daemon of which a test says what is so."""

    def __init__(self, **given: object) -> None:
        self.picture = Picture(at=LATER, facts=replace(facts("test"), layers=({"name": "LIVE_MODE", "passed": False},)))
        self.metrics = Metrics(lambda view: replace(self.picture, view=view, **given))  # type: ignore[arg-type]

    def shows(self, view: EngineView) -> "Daemon":
        self.metrics.publish(Publish(view))
        return self

    def value(self, name: str, **labels: str) -> float:
        """Return a sample by its name without the prefix; raises AssertionError if there is none."""
        value = self.metrics.registry.get_sample_value(f"arbitrage_{name}", labels)
        assert value is not None, f"there is no {name} {labels}"
        return value


def a_guard(**given: object) -> GuardView:
    return GuardView(**given)  # type: ignore[arg-type]


def a_hedge(at: Instant) -> SubmitHedge:
    opening = a_submission().orders[0]
    return SubmitHedge(replace(opening, client_id="p-1-2", purpose=Purpose.REDUCE, side=Side.BUY, decided_at=at))


def a_reply(order: Order, after_ms: int, kind: ReplyKind = ReplyKind.ACCEPTED) -> OrderReply:
    at = Instant(order.decided_at + after_ms * NS_PER_MS)
    return OrderReply(at, order.client_id, order.venue, kind, None)


def a_report(act: GuardAct, name: str) -> ReportGuard:
    entry = GuardEntry(at=NOON, act=act, name=name, who="guard", why="a test")
    return ReportGuard(NOON, 1, "2026-11-22", (entry,), ())


def test_every_metric_is_there_as_it_is_described() -> None:
    busy = Daemon(key_expiries={"upbit": LATER}).shows(
        replace(a_view(), guard=a_guard(uses=(LimitUse(name="dust_cap", used=None, limit=Decimal(1), share=None),)))
    )
    found = {
        family.name: (family.type, {name for sample in family.samples for name in sample.labels if name != "le"})
        for family in busy.metrics.registry.collect()
        if family.name.startswith("arbitrage_")
    }

    assert found == {f"arbitrage_{metric.name}": (metric.kind, set(metric.labels)) for metric in ALL}


def test_the_page_of_metrics_is_up_to_date() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == table(), (
        "run: python -m arbitrage.telemetry.metrics_table > docs/metrics.md"
    )


def test_a_name_ends_with_its_unit_and_only_what_rises_with_total() -> None:
    units = ("_seconds", "_ratio", "_krw", "_coins", "_amount", "_plans")
    counted = {metric.name for metric in ALL if metric.kind is Kind.COUNTER}

    assert all(metric.shown.endswith("_total") for metric in ALL if metric.kind is Kind.COUNTER)
    assert not [name for name in counted if name.endswith("_total")]
    assert all(metric.name.endswith(units) for metric in ALL if metric.kind is Kind.HISTOGRAM)
    assert not [metric.name for metric in ALL if any(word in metric.name for word in ("_ms", "_bps", "_pct", "_ns"))]


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("mode", {"mode": "shadow"}, 1),
        ("mode", {"mode": "live"}, 0),
        ("gate_layer_passed", {"layer": "LIVE_MODE"}, 0),
        ("trading_state", {"state": "ACTIVE"}, 1),
        ("trading_state", {"state": "HALTED"}, 0),
        ("accepting_plans", {}, 1),
        ("breaker_active", {}, 0),
        ("view_timestamp_seconds", {}, NOON / NS_PER_S),
        ("result_today_krw", {}, 2_123.4567),
        ("plans_in_flight", {}, 1),
        ("edge_ratio", {"base": "BTC", "direction": "sell_upbit"}, 4.2e-4),
        ("premium_ratio", {"base": "BTC", "rate": "fx"}, 0.008806),
        ("exposure_coins", {"base": "BTC"}, 1e-8),
        ("exposure_krw", {"base": "BTC"}, 1.20005),
        ("inventory_amount", {"venue": "upbit", "currency": "KRW"}, 9_000_000.5),
        ("inventory_amount", {"venue": "binance", "currency": "BTC"}, 0),
        ("portfolio_krw", {}, 20_001_234.5678),
        ("fx_krw", {"side": "ask"}, 1_400),
        ("fx_age_seconds", {}, 0.31),
        ("venue_up", {"venue": "binance"}, 1),
        ("clock_skew_seconds", {"venue": "upbit"}, -0.0031),
        ("frames_total", {"venue": "upbit"}, 4_800),
        ("frames_rejected_total", {"venue": "upbit"}, 2),
        ("book_age_seconds", {"venue": "upbit", "symbol": "KRW-BTC"}, 0.0525),
        ("book_good", {"venue": "upbit", "symbol": "KRW-BTC"}, 1),
        ("engine_events_total", {}, 123_456),
    ],
)
def test_a_view_is_shown_in_base_units(name: str, labels: dict[str, str], value: float) -> None:
    assert Daemon().shows(a_view()).value(name, **labels) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("edge_ratio", {"base": "BTC", "direction": "buy_upbit"}),
        ("premium_ratio", {"base": "BTC", "rate": "reference"}),
        ("runway_plans", {"base": "BTC", "direction": "sell_upbit"}),
        ("reference_rate_krw", {}),
        ("private_stream_up", {"venue": "upbit"}),
        ("heartbeat_timestamp_seconds", {}),
        ("state_up", {}),
        ("redis_round_trip_seconds", {}),
        ("lease_remaining_seconds", {}),
        ("api_key_expiry_timestamp_seconds", {"venue": "upbit"}),
        ("loss_limit_krw", {"window": "day"}),
    ],
)
def test_what_is_not_known_is_not_zero(name: str, labels: dict[str, str]) -> None:
    assert math.isnan(Daemon().shows(a_view()).value(name, **labels))


def test_before_the_first_view_the_engine_has_shown_nothing_since_1970() -> None:
    silent = Daemon(state=StateHealth(is_up=True, beat_at=NOON, round_trip_s=0.002))

    assert silent.value("view_timestamp_seconds") == 0
    assert silent.value("heartbeat_timestamp_seconds") == NOON / NS_PER_S
    assert silent.value("redis_round_trip_seconds") == 0.002
    assert silent.metrics.registry.get_sample_value("arbitrage_plans_in_flight") is None


@pytest.mark.parametrize(
    ("mode", "until", "left_s"),
    [
        (Mode.LIVE, Instant(LATER + 6 * NS_PER_S), 6.0),
        (Mode.LIVE, NOON, 0.0),
        (Mode.LIVE, Instant(0), 0.0),
        (Mode.SHADOW, Instant(0), math.nan),
    ],
)
def test_a_lease_is_counted_down_at_the_time_of_the_scrape(mode: Mode, until: Instant, left_s: float) -> None:
    daemon = Daemon(facts=replace(facts("test"), mode=mode)).shows(replace(a_view(), lease_until=until))

    assert daemon.value("lease_remaining_seconds") == pytest.approx(left_s, nan_ok=True)


def test_a_bank_makes_the_second_premium() -> None:
    view = replace(a_view(), fx=FxLine(bid=1_399.0, ask=1_401.0, age_ms=1.0, reference=1_380.0))
    daemon = Daemon().shows(view)

    assert daemon.value("premium_ratio", base="BTC", rate="reference") == pytest.approx(
        120_005_000 / (85_000 * 1_380) - 1, abs=1e-6
    )


def test_trips_and_latches_are_shown_by_kind_also_those_of_one_pair() -> None:
    latch = Latch(kind=LatchKind.IMPLAUSIBLE_EDGE, at=NOON, why="", who="guard", day="", scope="BTC")
    trip = TripLine(name=Trip.NAKED_LEG, since=NOON, why="")
    daemon = Daemon().shows(replace(a_view(), guard=a_guard(trips=(trip,), latches=(latch,))))

    assert daemon.value("breaker_active") == 1
    assert [daemon.value("trip_active", trip=trip) for trip in Trip] == [float(t is Trip.NAKED_LEG) for t in Trip]
    assert sum(daemon.value("latch_active", latch=kind) for kind in LatchKind) == 1
    assert daemon.value("latch_active", latch="implausible_edge") == 1


def test_losses_are_in_won_and_beside_them_stands_what_may_be_lost() -> None:
    use = LimitUse(name="max_daily_loss", used=Decimal(40_000), limit=Decimal(50_000), share=0.8)
    guard = a_guard(lost_today=400_000_000, lost_24h=400_000_001, in_flight=5_000, uses=(use,))
    daemon = Daemon().shows(replace(a_view(), guard=guard))

    assert daemon.value("loss_krw", window="day") == 40_000
    assert daemon.value("loss_krw", window="24h") == 40_000.0001
    assert daemon.value("loss_krw", window="in_flight") == 0.5
    assert daemon.value("loss_limit_krw", window="day") == 50_000
    assert daemon.value("limit_used_ratio", limit="max_daily_loss") == 0.8


def test_a_target_that_cannot_be_reached_is_seen_by_somebody_else() -> None:
    targets = (TargetLine(name="phone", problem="timed out", waiting=2, lost=1), TargetLine(name="mail", sent=5))
    daemon = Daemon(targets=targets, open_alerts={"critical": 2})

    assert daemon.value("alert_targets") == 2
    assert daemon.value("alert_targets_failing") == 1
    assert daemon.value("alert_messages_waiting") == 2
    assert daemon.value("alert_messages_sent_total") == 5
    assert daemon.value("alert_messages_lost_total") == 1
    assert [daemon.value("alerts_open", severity=word) for word in Severity] == [2, 0, 0]


def test_the_oldest_plan_in_flight_has_an_age() -> None:
    flights = tuple(
        FlightLine(
            plan_id=str(ago), base="BTC", direction="sell_upbit", since=Instant(NOON - ago * NS_PER_S),
            exposure=Decimal(0), waits_for="",
        )
        for ago in (1, 9, 3)
    )  # fmt: skip

    assert Daemon().shows(a_view()).value("oldest_plan_seconds") == 0
    assert Daemon().shows(replace(a_view(), flights=flights)).value("oldest_plan_seconds") == 9


def test_a_coin_that_is_not_traded_makes_no_series() -> None:
    owned = {"upbit": {"KRW": Decimal(1), "SCAM": Decimal(10**9)}, "binance": {"USDT": Decimal(1)}}
    daemon = Daemon().shows(replace(a_view(), inventory=owned))

    assert "SCAM" not in {
        sample.labels.get("currency") for family in daemon.metrics.registry.collect() for sample in family.samples
    }


# --- what is counted


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("plans_ended_total", {"outcome": "one_leg"}),
        ("refusals_total", {"code": "daily_loss"}),
        ("orders_total", {"venue": "binance", "purpose": "reduce"}),
        ("order_replies_total", {"venue": "upbit", "kind": "refused"}),
        ("order_reply_seconds_count", {"venue": "upbit", "purpose": "open"}),
        ("guard_acts_total", {"act": "latched"}),
        ("trips_total", {"trip": "dust"}),
        ("venue_connections_total", {"venue": "upbit"}),
        ("time_to_neutral_seconds_count", {}),
    ],
)
def test_what_has_not_happened_yet_is_there_at_zero(name: str, labels: dict[str, str]) -> None:
    assert Daemon().value(name, **labels) == 0


def test_a_plan_is_counted_from_its_orders_to_its_result() -> None:
    daemon = Daemon()
    daemon.metrics.publish(a_submission())
    daemon.metrics.publish(ReportPlanEnd(replace(an_end(), neutral_after=Nanos(40 * NS_PER_MS))))
    daemon.metrics.publish(ReportPlanEnd(an_end(outcome=Outcome.ONE_LEG, result=-25_000)))

    assert daemon.value("plans_started_total") == 1
    assert daemon.value("orders_total", venue="upbit", purpose="open") == 1
    assert daemon.value("plans_ended_total", outcome="both") == 1
    assert daemon.value("plans_ended_total", outcome="one_leg") == 1
    assert daemon.value("plan_gain_krw_total") == 1_500
    assert daemon.value("plan_loss_krw_total") == 2.5
    assert daemon.value("time_to_neutral_seconds_bucket", le="0.05") == 1
    assert daemon.value("time_to_neutral_seconds_count") == 1


def test_a_shortfall_is_what_was_expected_less_what_came_of_it() -> None:
    daemon = Daemon()
    daemon.metrics.publish(ReportPlanEnd(an_end()))  # (1,704 - 1,500) of 1,200,005 KRW is 1.7 bps

    assert daemon.value("plan_shortfall_ratio_bucket", le="0.0001") == 0
    assert daemon.value("plan_shortfall_ratio_bucket", le="0.0002") == 1


def test_what_nobody_followed_has_no_result() -> None:
    daemon = Daemon()
    daemon.metrics.publish(ReportPlanEnd(an_end(outcome=Outcome.UNSCORED)))

    assert daemon.value("plans_ended_total", outcome="unscored") == 1
    assert daemon.value("plan_gain_krw_total") == 0
    assert daemon.value("plan_shortfall_ratio_count") == 0


def test_refusals_are_those_that_the_status_shows_whatever_was_told_of_them() -> None:
    daemon = Daemon().shows(replace(a_view(), refusals=(RefusalLine(code="fx_too_old", count=71),)))
    daemon.metrics.publish(a_refusal(times=7))

    assert daemon.value("refusals_total", code="fx_too_old") == 71
    assert daemon.value("refusals_total", code="daily_loss") == 0


def test_the_guards_acts_are_counted_and_trips_by_cause() -> None:
    daemon = Daemon()
    for act, name in ((GuardAct.TRIPPED, "clock"), (GuardAct.CLEARED, "clock"), (GuardAct.LATCHED, "daily_loss")):
        daemon.metrics.publish(a_report(act, name))

    assert daemon.value("guard_acts_total", act="tripped") == 1
    assert daemon.value("guard_acts_total", act="latched") == 1
    assert daemon.value("trips_total", trip="clock") == 1


def test_the_first_word_on_an_order_says_how_long_a_venue_takes() -> None:
    daemon, submission = Daemon(), a_submission()
    upbit, binance = submission.orders
    daemon.metrics.publish(submission)
    daemon.metrics.hear(a_reply(upbit, 18))
    daemon.metrics.hear(a_reply(upbit, 700, ReplyKind.ENDED))
    daemon.metrics.hear(a_reply(binance, 1_900, ReplyKind.UNKNOWN))
    daemon.metrics.hear(a_reply(binance, 4_000, ReplyKind.ENDED))

    assert daemon.value("order_reply_seconds_count", venue="upbit", purpose="open") == 1
    assert daemon.value("order_reply_seconds_sum", venue="upbit", purpose="open") == pytest.approx(0.018)
    assert daemon.value("order_reply_seconds_sum", venue="binance", purpose="open") == pytest.approx(4.0)
    assert daemon.value("order_replies_total", venue="upbit", kind="ended") == 1
    assert daemon.value("order_replies_total", venue="binance", kind="unknown") == 1


def test_a_hedge_is_an_order_that_reduces() -> None:
    daemon, hedge = Daemon(), a_hedge(LATER)
    daemon.metrics.publish(hedge)
    daemon.metrics.hear(a_reply(hedge.order, 30))

    assert daemon.value("orders_total", venue="upbit", purpose="reduce") == 1
    assert daemon.value("order_reply_seconds_sum", venue="upbit", purpose="reduce") == pytest.approx(0.03)


def test_a_word_after_its_plan_was_over_says_nothing_of_the_venues_speed() -> None:
    daemon, submission = Daemon(), a_submission()
    daemon.metrics.publish(submission)
    daemon.metrics.publish(ReportPlanEnd(an_end()))
    daemon.metrics.hear(a_reply(submission.orders[0], 90_000, ReplyKind.ENDED))

    assert daemon.value("order_reply_seconds_count", venue="upbit", purpose="open") == 0


def test_a_venue_that_comes_back_is_counted_once() -> None:
    first, second = a_view(), a_view(Instant(NOON + 60 * NS_PER_S))
    upbit = second.venues["upbit"]
    away = replace(second, venues={**second.venues, "upbit": replace(upbit, connected=False)})
    daemon = Daemon()
    for view in (first, replace(first, at=LATER), away, second, replace(second, at=Instant(second.at + NS_PER_S))):
        daemon.shows(view)

    assert daemon.value("venue_connections_total", venue="upbit") == 2


def test_an_edge_is_seen_once_a_second_however_often_it_is_shown() -> None:
    daemon = Daemon()
    for after_s in (0, 0.2, 0.9, 1, 2.5):
        daemon.shows(a_view(Instant(NOON + int(after_s * NS_PER_S))))

    assert daemon.value("edge_seen_ratio_count", base="BTC", direction="sell_upbit") == 3
    assert daemon.value("edge_seen_ratio_bucket", base="BTC", direction="sell_upbit", le="0.0005") == 3
    assert daemon.value("edge_seen_ratio_bucket", base="BTC", direction="sell_upbit", le="0.0") == 0


def test_an_edge_that_is_not_known_is_no_edge_of_zero() -> None:
    daemon = Daemon().shows(a_view())

    assert daemon.value("edge_seen_ratio_count", base="BTC", direction="buy_upbit") == 0


@pytest.mark.parametrize(
    "view",
    [
        a_view(),
        replace(a_view(), venues={}, edges=(), score_today=ScoreLine(day="", plans=0, outcomes={}, result_units=0)),
    ],
    ids=["usual", "empty"],
)
def test_a_scrape_survives_a_view_with_nothing_in_it(view: EngineView) -> None:
    assert len(list(Daemon().shows(view).metrics.registry.collect())) >= len(ALL)
