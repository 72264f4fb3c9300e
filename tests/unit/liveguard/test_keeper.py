"""The keeper: what changes gets a number and evidence, and only what may be cleared is cleared."""

from arbitrage.domain.guarding import GuardMemory, LatchKind, LossMemory, TradingState, Trip
from arbitrage.domain.intents import ReportGuard
from liveguard.keeper import Keeper
from tests.builders import NOON, after_ms
from tests.safety_builders import a_latch, lost


def keeper(past: GuardMemory | None = None) -> Keeper:
    return Keeper(past or GuardMemory(losses=LossMemory(day="2026-11-26")), 60)


def told(kept: Keeper) -> list[tuple[str, str, str, str]]:
    report = kept.report(NOON)
    return [(e.act.value, e.name, e.who, e.why) for e in report.entries] if report else []


def names(kept: Keeper) -> list[str]:
    return [latch.name for latch in kept.latches]


def test_nothing_changed_is_nothing_reported() -> None:
    kept = keeper()

    assert not kept.has_news
    assert kept.report(NOON) is None
    assert kept.state is TradingState.ACTIVE


def test_numbers_go_on_from_the_past_and_rise() -> None:
    kept = keeper(GuardMemory(sequence=41))
    kept.latch(LatchKind.OPERATOR, NOON, "odd", who="mina")
    first = kept.next_sequence()
    report = kept.report(NOON)

    assert first == 42
    assert isinstance(report, ReportGuard)
    assert (report.sequence, report.at, kept.has_news) == (43, NOON, False)


def test_a_latch_is_told_once_with_its_day_and_reason() -> None:
    kept = keeper()
    kept.latch(LatchKind.OPERATOR, NOON, "odd", who="mina")
    kept.latch(LatchKind.OPERATOR, after_ms(1), "odder", who="jun")
    (latch,) = kept.latches

    assert (latch.at, latch.why, latch.who, latch.day, latch.scope) == (NOON, "odd", "mina", "2026-11-26", "")
    assert told(kept) == [("latched", "operator", "mina", "odd")]
    assert kept.state is TradingState.REDUCING


def test_a_report_holds_every_latch_that_holds_now() -> None:
    kept = keeper(GuardMemory(latches=(a_latch(LatchKind.RESTARTS),)))
    kept.latch(LatchKind.IMPLAUSIBLE_EDGE, NOON, "600 bps", scope="BTC")
    report = kept.report(NOON)

    assert report is not None
    assert [latch.name for latch in report.latches] == ["restarts", "implausible_edge:BTC"]
    assert report.entries[0].who == "guard"


def test_trips_are_told_when_they_begin_and_when_they_end() -> None:
    kept = keeper()
    for ms in (0, 0.5, 1):
        kept.hold(Trip.CLOCK, after_ms(ms), "off")
    for _ in range(3):
        kept.strike(Trip.SLIPPAGE, NOON, "short")
    tripped = kept.state
    kept.hold(Trip.CLOCK, after_ms(2), "")
    kept.clear_trips(after_ms(60_000))
    only_clock = list(kept.breaker.active)
    kept.clear_trips(after_ms(60_001))

    assert (tripped, only_clock, kept.state) == (TradingState.REDUCING, [Trip.CLOCK], TradingState.ACTIVE)
    assert [entry[:2] for entry in told(kept)] == [
        ("tripped", "clock"),
        ("tripped", "slippage"),
        ("cleared", "slippage"),
        ("cleared", "clock"),
    ]


def test_a_trip_does_not_make_a_halt_milder() -> None:
    kept = keeper(GuardMemory(latches=(a_latch(LatchKind.FOREIGN_STATE),)))
    kept.strike(Trip.SLIPPAGE, NOON, "short")

    assert kept.state is TradingState.HALTED


def test_a_person_clears_everything_but_the_loss_of_the_day() -> None:
    kept = keeper(GuardMemory(latches=tuple(a_latch(kind) for kind in LatchKind)))
    kept.resume(after_ms(5), "mina", "looked at all of it", given_at=after_ms(4))

    assert names(kept) == ["daily_loss"]
    assert {entry[0] for entry in told(kept)} == {"unlatched"}


def test_a_person_clears_one_latch_by_name() -> None:
    held = (a_latch(LatchKind.OPERATOR), a_latch(LatchKind.IMPLAUSIBLE_EDGE, scope="BTC"))
    kept = keeper(GuardMemory(latches=held))
    kept.resume(after_ms(5), "mina", "prices are right", given_at=after_ms(4), name="implausible_edge:BTC")

    assert names(kept) == ["operator"]
    assert told(kept) == [("unlatched", "implausible_edge:BTC", "mina", "prices are right")]


def test_a_resume_clears_only_what_the_person_could_have_seen() -> None:
    held = (a_latch(LatchKind.OPERATOR, after_ms(10)), a_latch(LatchKind.RESTARTS, after_ms(11)))
    kept = keeper(GuardMemory(latches=held))
    kept.resume(after_ms(20), "mina", "seen", given_at=after_ms(10))

    assert names(kept) == ["restarts"]


def test_only_a_cleared_total_starts_the_total_anew_and_it_is_said_once() -> None:
    kept = keeper(GuardMemory(losses=lost(9).losses, latches=(a_latch(LatchKind.TOTAL_LOSS),)))
    kept.resume(NOON, "mina", "paid in", given_at=NOON)
    report, kept.latches = kept.report(NOON), kept.latches
    kept.latch(LatchKind.OPERATOR, NOON, "odd")
    later = kept.report(NOON)

    assert report is not None
    assert later is not None
    assert (report.total_from_zero, later.total_from_zero) == (True, False)
    assert (kept.losses.lost_in_all, kept.losses.lost_today) == (0, 90_000)


def test_another_latch_that_is_cleared_leaves_the_total_alone() -> None:
    kept = keeper(GuardMemory(losses=lost(9).losses, latches=(a_latch(LatchKind.OPERATOR),)))
    kept.resume(NOON, "mina", "seen", given_at=NOON)
    report = kept.report(NOON)

    assert report is not None
    assert not report.total_from_zero
    assert kept.losses.lost_in_all == 90_000


def test_a_new_day_clears_the_loss_of_the_day_and_nothing_else() -> None:
    held = tuple(a_latch(kind) for kind in LatchKind)
    kept = keeper(GuardMemory(losses=lost(9).losses, latches=held))
    kept.begin_day("2026-11-26", NOON)
    same_day = kept.losses.lost_today
    kept.begin_day("2026-11-27", NOON)

    assert (same_day, kept.losses.lost_today) == (90_000, 0)
    assert names(kept) == [kind.value for kind in LatchKind if kind is not LatchKind.DAILY_LOSS]
    assert told(kept) == [
        ("day_rolled", "2026-11-27", "guard", "after 2026-11-26"),
        ("unlatched", "daily_loss", "guard", "the trading day 2026-11-27 began"),
    ]
    assert kept.report(NOON) is None


def test_the_first_day_of_all_is_said_to_be() -> None:
    kept = keeper(GuardMemory())
    kept.begin_day("2026-11-26", NOON)
    report = kept.report(NOON)

    assert report is not None
    assert (report.day, report.entries[0].why) == ("2026-11-26", "the first")
