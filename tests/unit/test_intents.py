"""The intent log's stories: what was noted is known after a restart, exactly, and nothing else is."""

import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from arbitrage.domain.errors import StateHeld
from arbitrage.domain.guarding import GuardMemory, LossMemory
from arbitrage.domain.intents import ReportPlanEnd
from arbitrage.intents import Boot, IntentLog, LogDamaged, MemoryIntents, is_being_written, read_log, unclean_ends
from arbitrage.intents.log import ENTRIES_KEPT, ROTATE_BYTES
from arbitrage.intents.rows import Chain, HeadRow, row_of
from liveguard.losses import LossBook
from tests.intent_builders import (
    COST,
    NAMESPACE,
    TODAY,
    a_boot,
    a_latch,
    ended,
    guarded,
    opened,
    planned,
    seconds,
    write_day,
)
from tests.plan_builders import a_plan, a_submission


@pytest.fixture
def path(tmp_path):
    return tmp_path / "intents.log"


def test_no_file_and_an_empty_file_say_nothing(path):
    assert read_log(path) is None

    path.touch()

    assert read_log(path) is None


def test_what_was_noted_is_known_after_a_restart(path):
    with opened(path) as log:
        log.note(planned(1, "won"))
        log.note(planned(2, "open", cost=7))
        log.note(ended(5, "won", result=-30_000, at=seconds(1)))
        log.note(guarded(6, a_latch()))

    with opened(path) as log:
        known = log.logged

    assert (known.namespace, known.epoch, known.sequence, known.torn) == (NAMESPACE, "abc123", 6, 0)
    assert known.latches == (a_latch(),)
    assert known.losses == LossMemory(
        day=TODAY,
        day_units=-30_000,
        total_units=-30_000,
        recent=((seconds(1), -30_000),),
        reserved={"open": 7},
    )
    assert known.memory == GuardMemory(sequence=6, losses=known.losses, latches=known.latches)


def test_a_plan_without_an_end_is_given_back_with_both_orders(path):
    with opened(path) as log:
        log.note(planned(1, "open"))

    (row,) = read_log(path).open_plans

    assert row.read_plan() == a_plan("open")
    assert row.read_orders() == a_submission("open").orders


def test_replay_counts_like_the_guard_itself(path):
    book = LossBook(LossMemory(day=TODAY))
    with opened(path) as log:
        for number in range(1, 40):
            log.note(planned(2 * number, f"p-{number}", cost=number))
            book.reserve(f"p-{number}", number)
            if number % 3:
                log.note(ended(2 * number + 1, f"p-{number}", result=(-1) ** number * number, at=seconds(number)))
                book.settle(f"p-{number}", (-1) ** number * number, seconds(number))

    assert read_log(path).losses == book.memory()


def test_a_day_roll_in_the_middle_of_a_plan_books_its_result_to_the_new_day(path):
    with opened(path) as log:
        log.note(planned(1, "early"))
        log.note(ended(2, "early", result=-5))
        log.note(planned(3, "late"))
        log.note(guarded(4, day="2026-11-23"))
        log.note(ended(5, "late", result=-9, day="2026-11-23"))

    losses = read_log(path).losses

    assert (losses.day, losses.day_units, losses.total_units) == ("2026-11-23", -9, -14)


def test_a_day_that_goes_back_forgives_nothing(path):
    with opened(path) as log:
        log.note(planned(1))
        log.note(ended(2, result=-5))
        log.note(guarded(3, day="2026-11-21"))

    assert read_log(path).losses.day_units == -5


def test_the_total_starts_anew_when_a_person_said_so(path):
    with opened(path) as log:
        log.note(planned(1))
        log.note(ended(2, result=-5))
        log.note(guarded(3, total_from_zero=True))

    losses = read_log(path).losses

    assert (losses.day_units, losses.total_units) == (-5, 0)


def test_results_stay_for_48_hours(path):
    hour = 3_600
    with opened(path) as log:
        for number, hours in enumerate((0, 30, 60)):
            log.note(planned(2 * number + 1, f"p-{number}"))
            log.note(ended(2 * number + 2, f"p-{number}", at=seconds(hours * hour)))

    assert [at for at, _ in read_log(path).losses.recent] == [seconds(30 * hour), seconds(60 * hour)]


def test_the_losses_of_any_earlier_entry_are_known(path):
    with opened(path) as log:
        log.note(planned(10))
        log.note(ended(20, result=-5))

    known = read_log(path)

    assert known.losses_at(10).reserved == {"p-1": COST}
    assert known.losses_at(15) == known.losses_at(10)
    assert known.losses_at(20) == known.losses
    assert known.losses_at(21) is None
    assert [row.sequence for row in known.rows_after(10)] == [20]


def test_nothing_is_known_of_what_was_before_the_head(path):
    with opened(path) as log:
        log.rebase(NAMESPACE, "abc123", GuardMemory(sequence=30))

    assert read_log(path).losses_at(29) is None


@pytest.mark.parametrize(
    ("entry", "why"),
    [(planned(3), "comes after"), (planned(2), "comes after"), (planned(4, cost=0), "no worst case")],
)
def test_an_entry_that_no_reader_could_take_in_is_not_written(path, entry, why):
    with opened(path) as log:
        log.note(guarded(3))
        size = path.stat().st_size
        with pytest.raises(ValueError, match=why):
            log.note(entry)

        assert path.stat().st_size == size


def test_a_rehearsal_leaves_no_trace(path):
    with opened(path) as log:
        log.note(planned(1, "won"))
        before, plan = path.read_bytes(), a_submission("p-9")
        for _ in range(3):
            log.rehearse(plan.approved.what, plan.orders)
        beside = {file.name for file in path.parent.iterdir()}
        after = path.read_bytes()
        log.note(ended(2, "won", at=seconds(1)))

    assert after == before
    assert beside == {path.name}
    with opened(path) as log:
        assert (log.logged.sequence, log.logged.open_plans) == (2, ())


def test_a_rehearsal_that_cannot_be_written_is_left_out(path):
    plan, away = a_submission("p-9"), path.parent.with_name("away")
    with opened(path) as log:
        path.parent.rename(away)
        log.rehearse(plan.approved.what, plan.orders)
        away.rename(path.parent)
        log.note(planned(1, "won"))

    with opened(path) as log:
        assert log.logged.sequence == 1


def test_a_rehearsal_writes_into_no_file_but_its_own(path, tmp_path):
    plan = a_submission("p-9")
    with opened(path) as log:
        log.rehearse(plan.approved.what, plan.orders)
    others = [os.open(tmp_path / f"other-{n}", os.O_CREAT | os.O_RDWR) for n in range(4)]  # the numbers are given anew
    log.rehearse(plan.approved.what, plan.orders)
    sizes = [os.fstat(other).st_size for other in others]
    for other in others:
        os.close(other)

    assert sizes == [0, 0, 0, 0]


def test_a_new_log_takes_no_entry_before_it_has_a_head(path):
    log = IntentLog.open(path)
    with pytest.raises(OSError, match="no head"):
        log.note(planned(1))
    log.close()

    assert path.read_bytes() == b""


def test_two_processes_do_not_write_the_same_log(path):
    assert not is_being_written(path)

    with opened(path):
        with pytest.raises(StateHeld, match="another daemon writes"):
            IntentLog.open(path)

        assert is_being_written(path)

    assert not is_being_written(path)


def test_a_new_file_keeps_the_old_one_and_what_is_still_in_flight(path):
    with opened(path) as log:
        log.note_boot(a_boot())
        log.note(planned(1, "open"))
        log.note(planned(2, "done"))
        log.note(ended(3, "done"))
        log.note(planned(4, "not in the account any more"))
        log.rebase("arbitrage:shadow:other", "def456", GuardMemory(sequence=9, losses=LossMemory(reserved={"open": 4})))
        log.note(ended(10, "open"))

    known = read_log(path)

    assert (known.namespace, known.epoch, known.head.sequence) == ("arbitrage:shadow:other", "def456", 9)
    assert [row.plan_id for row in known.head.open_plans] == ["open"]
    assert known.open_plans == ()
    assert known.boots == (Boot(a_boot().at),)
    assert read_log(path.with_name("intents-4.log")).sequence == 4


def test_a_checkpoint_must_not_forget_what_this_run_noted(path):
    with opened(path) as log:
        log.note(planned(5))
        with pytest.raises(ValueError, match="would forget"):
            log.rebase(NAMESPACE, "abc123", GuardMemory(sequence=4))

    with opened(path) as log:
        log.rebase(NAMESPACE, "of an older Redis", GuardMemory(sequence=4))

    assert read_log(path).sequence == 4


def test_evidence_is_never_written_over(path):
    with opened(path) as log:
        for epoch in "abc":
            log.rebase(NAMESPACE, epoch, GuardMemory(sequence=5))

    kept = sorted(found.name for found in path.parent.iterdir())

    assert kept == ["intents-0.log", "intents-5.1.log", "intents-5.log", "intents.log"]


def test_a_large_log_is_begun_anew_at_boot_and_still_knows_its_last_entries(path):
    plans = 14_000
    write_day(path, plans)
    before = read_log(path)
    assert path.stat().st_size > ROTATE_BYTES

    with opened(path) as log:
        log.note(planned(2 * plans + 3, "next"))
    after = read_log(path)

    assert path.stat().st_size < ROTATE_BYTES / 4
    assert len(after.entries) == ENTRIES_KEPT + 1
    assert [row.plan_id for row in after.open_plans] == ["open", "next"]
    assert (after.latches, after.boots) == (before.latches, before.boots)
    assert after.losses_at(before.sequence) == before.losses
    assert after.losses_at(before.sequence - 1_000) == before.losses_at(before.sequence - 1_000)


def test_a_damaged_log_is_left_as_it_is_until_a_person_decides(path):
    write_day(path, 3)
    damaged = path.read_bytes().replace(b'"result":-1', b'"result":+1')
    path.write_bytes(damaged)

    with opened(path) as log:
        reason = str(log.damage)
        with pytest.raises(OSError, match="new or damaged"):
            log.note(planned(100))

        assert path.read_bytes() == damaged

        log.rebase(NAMESPACE, "def456", GuardMemory(sequence=100))
        log.note(planned(101))

    assert "line 6" in reason
    assert "arbitrage resume" in reason
    assert read_log(path).sequence == 101
    assert path.with_name("intents-damaged.log").read_bytes() == damaged


@pytest.mark.parametrize("case", ["lost", "swapped", "doubled", "another log's"])
def test_a_line_in_the_wrong_place_is_seen(path, tmp_path, case):
    write_day(path, 5)
    write_day(other := tmp_path / "other.log", 6)
    lines, others = path.read_bytes().splitlines(keepends=True), other.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join(
            {
                "lost": [*lines[:4], *lines[5:]],
                "swapped": [*lines[:4], lines[5], lines[4], *lines[6:]],
                "doubled": [*lines[:5], *lines[4:]],
                "another log's": [*lines[:-1], others[-1]],
            }[case]
        )
    )

    with pytest.raises(LogDamaged, match="checksum"):
        read_log(path)


@pytest.mark.parametrize(
    ("case", "rows", "why"),
    [
        ("a number twice", [guarded(5), guarded(5)], "line 3: entry 5 comes after entry 5"),
        ("a plan twice", [planned(5), planned(6)], "line 3: cannot reserve"),
    ],
)
def test_whole_lines_that_contradict_each_other_are_damage(path, case, rows, why):
    chain = Chain()
    head = HeadRow(namespace=NAMESPACE, epoch="abc123", sequence=0, losses=LossMemory(), latches=())
    with path.open("wb") as file:
        for row in (head, *map(row_of, rows)):
            file.write(line := chain.line(row))
            chain.added(line)

    with pytest.raises(LogDamaged, match=why):
        read_log(path)


def test_a_log_of_another_version_is_not_guessed_at(path):
    head = HeadRow(version=2, namespace=NAMESPACE, epoch="e", sequence=0, losses=LossMemory(), latches=())
    path.write_bytes(Chain().line(head))

    with pytest.raises(LogDamaged, match="version 2"):
        read_log(path)


def test_a_log_that_may_not_be_read_is_damaged_and_not_absent(path):
    path.mkdir()

    with pytest.raises(LogDamaged, match="directory"):
        read_log(path)


def test_boots_and_clean_stops_are_known(path):
    with opened(path) as log:
        log.note_boot(a_boot(seconds(0)))
        log.note_boot(a_boot(seconds(60)))
        log.note_stop(seconds(90))
        log.note_boot(a_boot(seconds(120)))

    assert read_log(path).boots == (Boot(seconds(0)), Boot(seconds(60), seconds(90)), Boot(seconds(120)))


@pytest.mark.parametrize(
    ("case", "boots", "unclean"),
    [
        ("none", (), 0),
        ("all stopped on purpose", (Boot(seconds(0), seconds(1)), Boot(seconds(2), seconds(3))), 0),
        ("two crashed", (Boot(seconds(0)), Boot(seconds(2), seconds(3)), Boot(seconds(4))), 2),
        ("ten minutes ago is over", (Boot(seconds(-500)), Boot(seconds(-499.9))), 1),
        ("a clock that was set back undoes nothing", (Boot(seconds(5_000)),), 1),
    ],
)
def test_unclean_ends_are_counted_for_ten_minutes(case, boots, unclean):
    assert unclean_ends(boots, seconds(100)) == unclean


async def test_in_memory_the_face_is_the_same_and_nothing_lasts():
    intents = MemoryIntents()
    intents.note_boot(a_boot())
    intents.note(planned(1))
    noted = tuple(intents.noted)
    intents.rebase(NAMESPACE, "abc123", GuardMemory())
    intents.note_stop(seconds(1))
    intents.close()

    assert noted == (planned(1),)
    assert not intents.noted
    assert (intents.logged, intents.damage) == (None, None)


def test_what_plans_left_over_is_known_from_the_log(path: Path) -> None:
    with opened(path) as log:
        log.note(planned(1, "p-1"))
        log.note(left_over(2, "p-1", Decimal("0.00003")))
        log.note(planned(3, "p-2"))
        log.note(left_over(4, "p-2", Decimal("-0.00001")))
        log.rebase(NAMESPACE, "e1", GuardMemory(sequence=4))
    logged = read_log(path)

    assert logged is not None
    assert logged.dust == {"BTC": Decimal("0.00002")}


def left_over(sequence: int, plan_id: str, base: Decimal) -> ReportPlanEnd:
    told = ended(sequence, plan_id)
    return replace(told, end=replace(told.end, residual_base=base))
