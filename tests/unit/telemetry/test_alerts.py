"""Who is called, when, and what happens while nobody answers."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from arbitrage.domain.alerts import Alert, Severity
from arbitrage.domain.guarding import GuardAct, LatchKind, Trip
from arbitrage.state.keys import Command, StateKeys
from arbitrage.telemetry.alert_rules import ViewRules, of_entry
from tests.alert_builders import Office, a_finding, an_alert, an_entry, seconds, seen, told_of

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
KEYS = StateKeys("arbitrage:live:test")


def written(rows: list[Command], key: str = KEYS.alerts) -> dict[str, Alert]:
    return {
        str(row[2]): msgspec.json.decode(row[3], type=Alert)  # type: ignore[arg-type]
        for row in rows
        if row[:2] == ("HSET", key)
    }


# --- what is found


@pytest.mark.parametrize(
    ("act", "name", "severity", "kind"),
    [
        (GuardAct.TRIPPED, Trip.NAKED_LEG, Severity.CRITICAL, "naked_leg"),
        (GuardAct.TRIPPED, Trip.UNKNOWN_ORDER, Severity.CRITICAL, "unknown_order"),
        (GuardAct.TRIPPED, Trip.STALE_DATA, Severity.WARNING, "stale_data"),
        (GuardAct.TRIPPED, Trip.ALERT_UNANSWERED, Severity.WARNING, "alert_unanswered"),
        (GuardAct.LATCHED, LatchKind.DAILY_LOSS, Severity.CRITICAL, "daily_loss"),
        (GuardAct.LATCHED, "implausible_edge:XRP", Severity.WARNING, "implausible_edge"),
        (GuardAct.LATCHED, LatchKind.OPERATOR, Severity.WARNING, "operator"),
        (GuardAct.CLEARED, Trip.NAKED_LEG, Severity.INFO, "cleared"),
        (GuardAct.UNLATCHED, LatchKind.DAILY_LOSS, Severity.INFO, "cleared"),
        (GuardAct.SEEN, "key_expiry", Severity.WARNING, "key_expiry"),
    ],
)
def test_evidence_becomes_an_alert(act: GuardAct, name: str, severity: Severity, kind: str) -> None:
    (finding,) = of_entry(an_entry(act, str(name)))

    assert (finding.severity, finding.kind) == (severity, kind)
    assert "because" in finding.text


@pytest.mark.parametrize("act", [GuardAct.REFUSED, GuardAct.LOWERED, GuardAct.DAY_ROLLED, GuardAct.ACKNOWLEDGED])
def test_what_needs_nobody_calls_nobody(act: GuardAct) -> None:
    assert list(of_entry(an_entry(act, "x"))) == []


def kinds_after(*views: tuple[float, dict[str, object]], but: str = "") -> list[tuple[str, str]]:
    rules = ViewRules()
    findings = [finding for at, fields in views for finding in rules.look(seen(seconds(at), **fields))]
    return [(finding.kind, finding.severity.value) for finding in findings if finding.kind != but]


def test_a_trading_state_is_told_once_it_has_lasted() -> None:
    reducing, active = {"trading_state": "REDUCING"}, {"trading_state": "ACTIVE"}

    told = kinds_after(
        (0, reducing), (5, active), (6, reducing), (7, active), (8, reducing), (12, reducing), (13, active)
    )
    assert told == [("trading_state", "info"), ("trading_state", "warning"), ("trading_state", "info")]


def test_a_halted_state_is_told_at_once() -> None:
    assert kinds_after((0, {"trading_state": "HALTED"})) == [("trading_state", "critical")]


def test_a_start_that_leads_nowhere_is_told_after_a_minute() -> None:
    stuck = {"trading_state": "REDUCING"}

    assert kinds_after((0, stuck), (59, stuck), (60, stuck), (61, stuck)) == [("trading_state", "warning")]


def test_a_venue_is_lost_after_a_minute_and_its_return_is_told() -> None:
    here = seen().venues
    gone = here | {"upbit": replace(here["upbit"], connected=False, reason="closed by the peer")}
    away, back = {"venues": gone}, {"venues": here}

    told = kinds_after((0, away), (59, away), (60, away), (61, away), (62, back), (63, away), but="trading_state")
    assert told == [("venue_lost", "warning"), ("venue_lost", "info")]


def test_funds_that_nothing_explains_and_a_deaf_stream_are_told() -> None:
    odd = {"unexplained": (("upbit", "BTC", Decimal("-0.1")),), "private_streams": {"upbit": "down", "binance": ""}}

    told = kinds_after((0, odd), (1, odd), (15, odd), (16, {"private_streams": {"upbit": ""}}), but="trading_state")
    assert told == [
        ("reconcile_mismatch", "warning"),
        ("private_stream", "warning"),
        ("private_stream", "info"),
        ("reconcile_mismatch", "info"),
    ]


# --- what is said


def test_what_is_critical_is_said_at_once_with_what_to_do() -> None:
    office = Office().find(a_finding(text="p-1: open\nfor 4 s"))

    (message,) = office.post.sent
    assert message.title == "[live test] CRITICAL: naked_leg"
    assert message.body.splitlines() == [
        "11-22 12:00:00 KST p-1: open\\x0afor 4 s",
        "what to do: docs/runbook.md#naked-leg",
        'answer: arbitrage ack 7-1 --reason "..."',
    ]


def test_the_same_within_a_minute_is_one_message_with_a_count() -> None:
    office = Office()
    for second in range(50):
        office.find(a_finding("stale_data", Severity.WARNING, seconds(second))).after(1)
    office.after(10)

    assert office.titles == ["warning: stale_data", "warning: stale_data (49 times)"]


def test_another_critical_one_of_the_same_kind_is_not_held_back() -> None:
    office = Office().find(a_finding(subject="a"), a_finding(subject="b"), a_finding(subject="a"))

    assert office.titles == ["CRITICAL: naked_leg"] * 2


def test_a_flood_is_ten_messages_a_minute_and_nothing_critical_is_lost_in_it() -> None:
    office = Office()
    for number in range(500):
        office.find(a_finding(f"kind{number}", Severity.WARNING), a_finding(f"bad{number}"))

    said = [title for title in office.titles if title.startswith("warning")]
    assert (len(said), len(office.titles) - len(said)) == (10, 500)


def test_what_had_no_room_is_said_when_there_is_room() -> None:
    office = Office().find(*(a_finding(f"kind{number}", Severity.WARNING) for number in range(15)))
    for _ in range(3):
        office.after(60)

    assert sorted(office.titles) == sorted(f"warning: kind{number}" for number in range(15))


@pytest.mark.parametrize(("least", "said"), [(Severity.INFO, 3), (Severity.WARNING, 2), (Severity.CRITICAL, 1)])
def test_only_what_is_severe_enough_is_sent(least: Severity, said: int) -> None:
    office = Office(least=least).find(*(a_finding(severity.value, severity) for severity in Severity))

    assert len(office.titles) == said


async def test_what_waits_is_said_at_the_end() -> None:
    office = Office().find(a_finding("stale_data", Severity.WARNING), a_finding("stale_data", Severity.WARNING))
    await office.desk.close()

    assert office.titles == ["warning: stale_data"] * 2
    assert office.post.is_closed


# --- what is kept


def test_alerts_are_kept_for_pages_until_somebody_has_seen_them() -> None:
    office = Office().find(a_finding(), a_finding(), a_finding("stale_data", Severity.WARNING)).after(1)
    first = written(office.desk.rows(KEYS, anew=True))
    office.acknowledge("7-1")
    second = written(office.desk.rows(KEYS, anew=False))

    assert {alert.id: (alert.kind, alert.count, alert.sent) for alert in first.values()} == {
        "7-1": ("naked_leg", 2, True),
        "7-2": ("stale_data", 1, True),
    }
    assert [(alert.id, alert.acked_by, alert.is_open) for alert in second.values()] == [("7-1", "mina@desk", False)]
    assert office.desk.rows(KEYS, anew=False) == []


def test_an_alert_that_no_target_took_says_so_and_so_does_the_target() -> None:
    office = Office()
    office.post.works = False
    rows = office.find(a_finding()).after(1).desk.rows(KEYS, anew=False)

    targets = [row for row in rows if row[1] == KEYS.alert_targets]
    assert not written(rows)["7-1"].sent
    assert b"could not be reached" in bytes(targets[0][3])  # type: ignore[arg-type]


def test_what_is_old_goes_and_what_is_critical_stays() -> None:
    office = Office().find(
        a_finding(), a_finding("a", Severity.WARNING), a_finding("b", Severity.INFO), a_finding("c", Severity.WARNING)
    )
    office.desk.rows(KEYS, anew=True)
    office.acknowledge("7-4").after(3_601)
    gone = {row[2] for row in office.desk.rows(KEYS, anew=False) if row[0] == "HDEL"}
    office.after(23 * 3_600)
    later = {row[2] for row in office.desk.rows(KEYS, anew=False) if row[0] == "HDEL"}

    assert gone == {"7-3", "7-4"}
    assert later == {"7-2"}


def test_too_many_alerts_are_bounded() -> None:
    office = (
        Office().find(*(a_finding(f"kind{number}", Severity.WARNING) for number in range(1_000)), a_finding()).after(1)
    )

    kept = written(office.desk.rows(KEYS, anew=True))
    assert len(kept) == 200
    assert any(alert.kind == "naked_leg" for alert in kept.values())


# --- what waits for an answer


def test_who_does_not_answer_within_a_minute_lets_nothing_new_start() -> None:
    office = Office().find(a_finding()).after(59)
    before = list(office.unanswered)
    at_sixty = list(office.after(1).unanswered)
    office.after(1)

    assert before == []
    assert office.unanswered == at_sixty
    assert "7-1 (naked_leg)" in office.unanswered[0]


def test_an_answer_ends_the_wait() -> None:
    office = Office().find(a_finding()).after(61).acknowledge().after(1)

    assert len(office.unanswered) == 2
    assert office.unanswered[-1] == ""


def test_an_answer_in_time_says_nothing() -> None:
    assert Office().find(a_finding()).after(30).acknowledge("7-1").after(60).unanswered == []


def test_the_answer_to_one_is_not_the_answer_to_another() -> None:
    office = Office().find(a_finding(), a_finding("unknown_order")).acknowledge("7-1").after(61)

    assert len(office.unanswered) == 1
    assert "7-2" in office.unanswered[0]


def test_after_an_answer_the_same_asks_again() -> None:
    office = Office().find(a_finding()).acknowledge().find(a_finding(at=seconds(5))).after(66)

    assert "7-2 (naked_leg)" in office.unanswered[0]


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFO])
def test_only_what_is_critical_waits_for_an_answer(severity: Severity) -> None:
    assert Office().find(a_finding(severity=severity)).after(120).unanswered == []


def test_where_no_answer_is_asked_for_nobody_has_to_give_one() -> None:
    assert Office(needs_answer=False).find(a_finding()).after(120).unanswered == []


def test_a_restart_does_not_count_as_an_answer() -> None:
    office = Office(past=(an_alert("6-3", seconds(-120)),)).after(1)

    assert "6-3 (naked_leg)" in office.unanswered[0]
    assert "6-3" in written(office.desk.rows(KEYS, anew=True))


def test_a_new_run_never_uses_an_id_again() -> None:
    office = Office(past=(an_alert("6-1"),)).find(a_finding("other"))

    assert set(written(office.desk.rows(KEYS, anew=True))) == {"6-1", "7-1"}


def test_evidence_and_views_become_messages() -> None:
    office = Office().see(seen(trading_state="HALTED", why_not="foreign state"))
    office.desk.publish(told_of(an_entry(GuardAct.TRIPPED, Trip.NAKED_LEG)))

    assert office.titles == ["CRITICAL: trading_state", "CRITICAL: naked_leg"]
    assert office.desk.open_count(Severity.CRITICAL) == 2


# --- what to do

OTHER_KINDS = (
    "venue_lost", "private_stream", "reconcile_mismatch", "trading_state", "key_expiry", "silent_daemon",
    "lease_lost", "engine_failed", "started", "stopped", "cleared",
)  # fmt: skip


@pytest.mark.parametrize("kind", [*Trip, *LatchKind, *OTHER_KINDS])
def test_every_kind_of_alert_has_its_entry_in_the_runbook(kind: str) -> None:
    headings = [line.lower() for line in RUNBOOK.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]

    assert f"## {kind.replace('_', ' ')}" in headings
