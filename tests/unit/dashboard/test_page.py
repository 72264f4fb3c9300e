"""The page as text: what is known is shown with its unit, what is not is a dash, what others wrote is escaped."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.alert_wiring import the_end
from arbitrage.dashboard.models import AlertRow, LogLine, Point, Status
from arbitrage.dashboard.page import charts, figures, glance, words
from arbitrage.dashboard.page.korean_names import KOREAN_NAMES
from arbitrage.dashboard.page.markup import Markup, el
from arbitrage.dashboard.page.pieces import CARDS, pieces_of
from arbitrage.dashboard.page.words import LANGUAGES, Words, chosen
from arbitrage.dashboard.reader import Picture
from arbitrage.dashboard.rows import closed_plan, open_plan, refusal
from arbitrage.dashboard.sessions import Visitor
from arbitrage.dashboard.tokens import Role
from arbitrage.domain.guarding import KEY_EXPIRY, LatchKind, Trip
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.verdicts import RefusalCode
from arbitrage.domain.views import EngineView, RefusalLine
from arbitrage.state.keys import RunFacts
from arbitrage.status.limits import UNITS
from arbitrage.status.shape import shape
from arbitrage.telemetry.alert_rules import MISMATCH
from tests.clocks import NOON
from tests.daemon_views import guarded, peaceful
from tests.plan_builders import a_plan, a_refusal, an_end

ENGLISH, KOREAN = (Words(language) for language in LANGUAGES)
OPERATOR = Visitor(Role.CONTROL, "mina", "127.0.0.1")
READER = Visitor(Role.READ, "read", "127.0.0.1")
AT = datetime(2026, 11, 22, 3, tzinfo=UTC)
ERROR = RuntimeError("gone")
HOSTILE = '<img src=x onerror="alert(1)">'


def a_status(view: EngineView | None, now: Instant = NOON, mode: str = "shadow") -> Status:
    facts = RunFacts(mode=mode, app_env="local", version="1", started_at=NOON, pid=1)
    beat = {b"at": str(NOON).encode(), b"pid": b"1", b"stopped": b"false"}
    return Status.model_validate(shape(facts, beat, view, now))


def a_picture(view: EngineView | None = None, **more: object) -> Picture:
    status = a_status(view or peaceful(NOON))
    return Picture(at=NOON, reachable=True, problem="", namespace="n", status=status, **more)  # type: ignore[arg-type]


def an_alert(**more: object) -> AlertRow:
    usual = {
        "id": "1-1", "at": AT, "last_at": AT, "severity": "critical", "kind": "naked_leg", "text": "a leg is alone",
        "runbook": "docs/runbook.md#naked-leg", "count": 1, "acked_by": "", "acked_at": None, "sent": True,
    }  # fmt: skip
    return AlertRow.model_validate(usual | more)


def read(html: str) -> str:
    """What can be read of it."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


# --- markup and figures


@given(st.text())
def test_whatever_text_is_put_in_comes_out_as_that_text_and_as_no_tag(text):
    shown = el("p", text, title=text)

    assert shown.count("<") == shown.count(">") == 2
    assert shown.count('"') == 2


def test_only_what_is_markup_already_is_left_as_it_is():
    assert el("p", el("b", "<i>"), Markup("<br>"), None) == "<p><b>&lt;i&gt;</b><br></p>"


@pytest.mark.parametrize(
    ("shown", "reads"),
    [
        (figures.krw(Decimal("-1234567.8"), signed=True), "−1,234,568 KRW"),
        (figures.krw(Decimal("0.3"), signed=True), "0 KRW"),
        (figures.krw(None), "–"),
        (figures.bps(14.25), "+14.2 bps"),
        (figures.bps(float("nan")), "–"),
        (figures.bps(float("inf")), "–"),
        (figures.percent(-0.004), "0.00 %"),
        (figures.ms(52.5), "52 ms"),
        (figures.ms(12_345), "12 s"),
        (figures.seconds(0.3), "0 s"),
        (figures.seconds(600), "10 min"),
        (figures.seconds(90_000), "25 h"),
        (figures.amount(Decimal("0.00001234"), "BTC"), "0.00001234 BTC"),
        (figures.amount(118_405_000.0), "118,405,000"),
        (figures.amount(2.1051), "2.1051"),
        (figures.amount(None, "KRW"), "–"),
    ],
)
def test_figures_are_written_as_people_read_them(shown, reads):
    assert read(shown) == reads


def test_a_time_is_seouls_with_its_date_where_that_is_another_and_utc_beside_it():
    today, before = figures.moment(AT, AT), figures.moment(AT - timedelta(days=1), AT)

    assert read(today) == "12:00:00"
    assert 'title="2026-11-22 03:00:00 UTC"' in today
    assert read(before) == "11-21 12:00"
    assert figures.moment(None, AT) == "–"


# --- words


def test_every_word_is_there_in_both_languages_and_differs_by_more_than_case():
    for key, pair in words._WORDS.items():
        assert all(pair), key
        assert re.search("[가-힣]", "".join(pair)), key


def test_every_name_that_the_daemon_uses_is_known_in_korean():
    alerts = {KEY_EXPIRY, MISMATCH, "trading_state", "venue_lost", "private_stream", "cleared"}
    ends = {
        the_end(lost, failed, asked=True, at=NOON).kind for lost, failed in ((None, None), (ERROR, None), (None, ERROR))
    }
    names = {*UNITS, *RefusalCode, *Trip, *LatchKind, *alerts, *ends, "started"}

    assert sorted(name for name in names if name not in KOREAN_NAMES) == []
    assert KOREAN.of("repeated_execution:XRP") == "반복 실행 XRP"
    assert ENGLISH.of("repeated_execution:XRP") == "repeated execution XRP"
    assert KOREAN.of("something_new") == "something new"


@pytest.mark.parametrize(
    ("wanted", "accept", "language"),
    [
        ("", "", "en"), ("", "ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("", "de,fr;q=0.5", "en"), ("", "en-GB,ko", "en"),
        ("ko", "en", "ko"), ("xx", "ko", "ko"), ("", "," * 10_000 + "ko", "en"),
    ],
)  # fmt: skip
def test_the_language_is_what_was_picked_else_what_the_browser_asks_for(wanted, accept, language):
    assert chosen(wanted, accept) == language


# --- the state in a glance


@pytest.mark.parametrize(
    ("case", "view", "reachable", "state", "meaning"),
    [
        ("it trades", peaceful(NOON), True, "ACTIVE", "New plans are made"),
        ("it is held back", guarded(NOON), True, "REDUCING", "No new plans; what is open is still closed"),
        ("it does not know", guarded(NOON, "HALTED"), True, "HALTED", "No new plans; hedges wait for a person"),
        (
            "a state of another version",
            replace(peaceful(NOON), trading_state="DANCING"),
            True,
            "NOT RUNNING",
            "No new plans",
        ),
        ("Redis is gone", peaceful(NOON), False, "UNKNOWN", "nothing to show yet"),
    ],
)
def test_the_state_is_a_word_a_shape_and_a_colour(case, view, reachable, state, meaning):
    link = replace(a_picture(), reachable=reachable).link(NOON)
    shown = glance.headline(link, a_status(view), ENGLISH)

    assert f" {state} {meaning}" in read(shown)
    assert glance.SHAPES[state.replace(" ", "_")] in shown
    assert f"is-{state.lower().replace(' ', '_')}" in shown


def test_a_daemon_that_fell_silent_is_not_shown_as_trading():
    late = Instant(NOON + 60 * NS_PER_S)

    shown = glance.headline(a_picture().link(late), a_status(peaceful(NOON), late), ENGLISH)

    assert "NOT RUNNING" in shown
    assert "its last heartbeat was 60 s ago" in shown


def test_a_redis_that_is_gone_is_said_with_the_age_of_what_is_still_shown():
    picture = replace(a_picture(), reachable=False, problem="Redis at x: refused")

    shown = read(glance.banners(picture, picture.link(Instant(NOON + 90 * NS_PER_S)), ENGLISH))

    assert shown == "✕ Redis does not answer · Redis at x: refused · what you see is old: 90 s"


def test_alerts_that_wait_are_counted_where_nobody_can_miss_them():
    picture = a_picture(alerts=(an_alert(), an_alert(id="2"), an_alert(acked_at=AT), an_alert(severity="info")))

    shown = read(glance.banners(picture, picture.link(NOON), ENGLISH))

    assert shown == "■ 2 alerts wait for you · a leg is alone"


def test_the_loss_limit_is_a_bar_that_is_red_when_most_of_it_is_used():
    shown = glance.numbers(a_status(guarded(NOON)), ENGLISH)

    assert "width:85.5%" in shown
    assert 'class="bar is-high"' in shown
    assert "86 % of the daily loss limit used" in read(shown)


def test_premiums_come_from_good_books_only():
    view = peaceful(NOON)
    venue = view.venues["upbit"]
    stale = replace(venue, books=tuple(replace(book, health="stale") for book in venue.books))

    over_usdt, over_bank = glance.premiums(a_status(replace(view, fx=replace(view.fx, reference=1_380.0))))["BTC"]

    assert over_usdt == pytest.approx((120_005_000 / (85_000 * 1_399.5) - 1) * 100)
    assert over_bank == pytest.approx((120_005_000 / (85_000 * 1_380) - 1) * 100)
    assert glance.premiums(a_status(replace(view, venues={**view.venues, "upbit": stale}))) == {}


# --- all pieces


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("visitor", [OPERATOR, READER])
def test_a_page_of_which_nothing_is_known_has_every_card_and_no_zero(language, visitor):
    pieces = pieces_of(Picture(), NOON, visitor, Words(language))

    assert set(CARDS) <= set(pieces)
    assert "0" not in read(pieces["numbers"])


def test_what_a_plan_did_is_told_leg_by_leg():
    picture = a_picture(open_plans=(open_plan(a_plan("p-2")),), closed_plans=(closed_plan(an_end()),))

    shown = read(pieces_of(picture, NOON, READER, ENGLISH)["plans"])

    assert "upbit sell 0.01 @ 120,000,000 open binance buy 0.01002 @ 85,000 open" in shown
    assert "upbit sell 0.01 @ 120,000,000 filled binance buy 0.01002 @ 85,000 filled" in shown
    assert "● both legs +1,500 KRW" in shown


def test_the_score_has_its_rates_of_what_could_be_followed():
    shown = read(pieces_of(a_picture(), NOON, READER, ENGLISH)["score"])

    assert "Would-be result +2,123 KRW Plans ended 3 Both legs filled 67 % One leg only 0 %" in shown


def test_latches_say_who_why_and_what_clears_them():
    shown = read(pieces_of(a_picture(guarded(NOON)), NOON, READER, ENGLISH)["guard"])

    assert (
        "daily loss 82,000 of 100,000 KRW since 12:00:00 · by guard stops everything · cleared by the next trading day"
        in shown
    )
    assert "venue errors binance: 20 troubles within a minute" in shown


def test_only_who_may_control_is_given_a_button_and_only_for_what_asks_for_an_answer():
    alerts = (an_alert(), an_alert(id="2", severity="info"), an_alert(id="3", acked_at=AT, acked_by="mina"))
    for_operator, for_reader = (
        pieces_of(a_picture(alerts=alerts), NOON, visitor, ENGLISH)["alerts"] for visitor in (OPERATOR, READER)
    )

    assert re.findall('data-alert="([^"]*)"', for_operator) == ["1-1"]
    assert "<button" not in for_reader
    assert "seen by mina" in for_reader


def test_nothing_that_others_wrote_becomes_a_tag():
    view = replace(
        guarded(NOON),
        why_not=HOSTILE,
        left_out=((HOSTILE, HOSTILE),),
        refusals=(RefusalLine(code=HOSTILE, count=3),),
        runway={HOSTILE: {}},
        private_streams={"upbit": HOSTILE},
    )
    picture = a_picture(
        view,
        alerts=(an_alert(id=HOSTILE, severity=HOSTILE, kind=HOSTILE, text=HOSTILE, runbook=HOSTILE, acked_by=HOSTILE),),
        log=(LogLine(at=HOSTILE, level=HOSTILE, event=HOSTILE, text=HOSTILE),),
        refusals=(replace_model(refusal(a_refusal()), base=HOSTILE, direction=HOSTILE, reasons=[HOSTILE]),),
        closed_plans=(replace_model(closed_plan(an_end()), base=HOSTILE, outcome=HOSTILE, direction=HOSTILE),),
    )

    pieces = "".join(pieces_of(picture, NOON, OPERATOR, KOREAN).values())

    assert pieces.count("&lt;img src=x onerror=&quot;") > 12
    assert "<img" not in pieces


@pytest.mark.parametrize("written", ["gone \x1b[2J\r\n", "a\u202ekcilc", "x" * 1_000_000])
def test_what_does_not_print_and_what_has_no_end_does_not_reach_the_page(written):
    view = replace(guarded(NOON), why_not=written, left_out=((written, written),), private_streams={"upbit": written})
    row = an_alert(id=written, kind=written, text=written, runbook=written, acked_by=written)

    pieces = "".join(pieces_of(a_picture(view, alerts=(row,)), NOON, OPERATOR, ENGLISH).values())

    assert pieces.isprintable()
    assert len(pieces) < 100_000


def test_the_refusals_are_those_of_the_status_and_no_second_count():
    often, never = (RefusalLine(code=code, count=count) for code, count in (("fx_too_old", 4_711), ("clock", 0)))
    shown = [
        pieces_of(a_picture(replace(peaceful(NOON), refusals=lines)), NOON, READER, ENGLISH)["refusals"]
        for lines in ((often, never), (never,))
    ]

    assert "4,711" in shown[0]
    assert ENGLISH("no_refusals") in shown[1]


def replace_model(model, **changes):
    return model.model_copy(update=changes)


# --- charts


def a_point(second: int, bps: float | None, premium: float | None = None) -> Point:
    return Point(
        at=AT + timedelta(seconds=second),
        edges=[("BTC", "sell_upbit", bps), ("BTC", "buy_upbit", None)],
        fx=(1_399.0, 1_401.0),
        premium=None if premium is None else {"BTC": premium},
        reference=1_380.0,
        result_krw=0.0,
        exposure={},
        msgs={},
    )


def test_a_bucket_shows_its_highest_edge_and_one_without_any_is_a_gap():
    points = [a_point(0, 3.0), a_point(1, 9.126), a_point(2, None), a_point(15, None), a_point(30, -4.0)]

    sell, buy = charts.edge_chart(points, ["BTC"], 10.0, ENGLISH)["series"]

    assert [value for _, value in sell["data"]] == [9.13, None, -4.0]
    assert [value for _, value in buy["data"]] == [None, None, None]
    assert sell["data"][1][0] - sell["data"][0][0] == 15_000
    assert sell["markLine"]["data"] == [{"yAxis": 10.0}]
    assert (sell["lineStyle"]["type"], buy["lineStyle"]["type"]) == ("solid", "dashed")


def test_the_axis_of_a_chart_reads_seouls_time_wherever_the_browser_is():
    options = charts.edge_chart([a_point(0, 1.0)], ["BTC"], None, ENGLISH)

    shown = datetime.fromtimestamp(options["series"][0]["data"][0][0] / 1_000, UTC)
    assert options["useUTC"] is True
    assert (shown.hour, shown.minute) == (12, 0)


def test_the_premium_over_the_banks_rate_is_drawn_where_there_is_one():
    over_usdt, over_bank = charts.premium_chart([a_point(0, None, 1.0)], ["BTC"], ENGLISH)["series"]

    assert over_usdt["data"][0][1] == 1.0
    assert over_bank["data"][0][1] == pytest.approx((1.01 * 1_400 / 1_380 - 1) * 100, abs=0.01)


def test_charts_without_any_data_are_empty_charts():
    assert charts.edge_chart([], [], 10.0, KOREAN)["series"] == []
    assert charts.premium_chart([], ["BTC"], KOREAN)["series"][0]["data"] == []
