"""Redis and the intent log held against each other: whose account counts, and when nobody's does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.guarding import GuardMemory, LatchKind, LossMemory
from arbitrage.domain.instants import Instant
from arbitrage.state.agreement import (
    Accord,
    Checkpoint,
    Damaged,
    Kept,
    agree,
    same_account,
    same_losses,
    with_latch,
    worse_of,
)
from tests.clocks import NOON
from tests.guard_builders import DAY, NEXT_DAY, a_latch, an_account

OURS = "arbitrage:live:acct-1"


@dataclass(frozen=True)
class Log:
    """A log that also remembers how the losses once stood."""

    namespace: str = OURS
    epoch: str = "abc123"
    memory: GuardMemory = field(default_factory=an_account)
    before: Mapping[int, LossMemory] = field(default_factory=dict)

    def losses_at(self, sequence: int) -> LossMemory | None:
        return self.before.get(sequence)


def redis(memory: GuardMemory | None = None, epoch: str = "abc123", fence: int = 3) -> Kept:
    return Kept(epoch, fence, an_account() if memory is None else memory)


EARLIER = an_account(5, today=-100, total=-860, reserved={})
REWRITTEN = an_account(7, today=0)
NEWER = an_account(9, today=-200, total=-960)


@pytest.mark.parametrize(
    ("case", "logged", "kept", "accord"),
    [
        ("nothing anywhere", None, None, Accord.START_NEW),
        ("a log that was only begun", Log(memory=GuardMemory()), None, Accord.START_NEW),
        ("somebody else's log, only begun", Log("other", memory=GuardMemory()), None, Accord.START_NEW),
        ("both the same", Log(), redis(), Accord.GO_ON),
        ("Redis older, as the log once was", Log(before={5: EARLIER.losses}), redis(EARLIER), Accord.HEAL),
        ("Redis newer", Log(), redis(NEWER), Accord.LOG_BEHIND),
    ],
)
def test_one_story_goes_on(case: str, logged: Log | None, kept: Kept | None, accord: Accord) -> None:
    agreement = agree(logged, kept, OURS)

    assert agreement.accord is accord


@pytest.mark.parametrize(
    ("case", "logged", "kept", "kind"),
    [
        ("Redis emptied", Log(), None, LatchKind.EMPTIED_STATE),
        ("the log gone", None, redis(), LatchKind.EMPTIED_STATE),
        ("another epoch", Log(), redis(epoch="zzz"), LatchKind.FOREIGN_STATE),
        ("another epoch, and no losses", Log(), redis(GuardMemory(), epoch="zzz"), LatchKind.FOREIGN_STATE),
        ("another account's log", Log("other"), redis(), LatchKind.FOREIGN_STATE),
        ("another account's log, Redis empty", Log("other"), None, LatchKind.FOREIGN_STATE),
        ("the same entry, other losses", Log(), redis(REWRITTEN), LatchKind.FOREIGN_STATE),
        ("Redis older, and never so", Log(before={5: NEWER.losses}), redis(EARLIER), LatchKind.FOREIGN_STATE),
        ("Redis older than the log's first entry", Log(), redis(EARLIER), LatchKind.FOREIGN_STATE),
        ("the log damaged", Damaged("line 3"), redis(), LatchKind.FOREIGN_STATE),
        ("Redis damaged", Log(), Damaged("no day_units"), LatchKind.FOREIGN_STATE),
        ("Redis damaged, no log", None, Damaged("no day_units"), LatchKind.FOREIGN_STATE),
        ("both damaged", Damaged("line 3"), Damaged("no day_units"), LatchKind.FOREIGN_STATE),
    ],
)
def test_two_stories_stop(
    case: str, logged: Log | Damaged | None, kept: Kept | Damaged | None, kind: LatchKind
) -> None:
    agreement = agree(logged, kept, OURS)

    assert (agreement.accord, agreement.kind) == (Accord.STOP, kind)
    assert agreement.why
    assert "\n" not in agreement.why


def test_a_stop_sets_its_latch_once_and_keeps_the_first_reason() -> None:
    first = with_latch(agree(Log(), None, OURS), NOON)
    again = with_latch(agree(Log(memory=first), None, OURS), Instant(NOON + 1))

    assert [latch.kind for latch in first.latches] == [LatchKind.EMPTIED_STATE]
    assert again == first
    assert first.losses == an_account().losses


def test_the_worse_of_both_forgets_nothing() -> None:
    mine = an_account(7, a_latch(), today=-140, total=-900, reserved={"p-9": 60})
    other = an_account(8, a_latch(LatchKind.DAILY_LOSS), today=-150, total=-800, reserved={"p-9": 70, "p-8": 5})

    both = worse_of(mine, other)

    assert (both.sequence, both.losses.day_units, both.losses.total_units) == (8, -150, -900)
    assert both.losses.reserved == {"p-9": 70, "p-8": 5}
    assert both.losses.recent == mine.losses.recent
    assert {latch.kind for latch in both.latches} == {LatchKind.REPEATED_EXECUTION, LatchKind.DAILY_LOSS}


def test_of_two_days_the_later_one_counts() -> None:
    both = worse_of(an_account(day=DAY, today=-500), an_account(day=NEXT_DAY, today=-3))

    assert (both.losses.day, both.losses.day_units) == (NEXT_DAY, -3)


def test_an_old_result_that_one_side_has_trimmed_is_no_difference() -> None:
    long_ago = int(NOON) - 50 * 3_600 * 10**9
    whole = an_account(recent=((long_ago, -1), (int(NOON), -40)))
    trimmed = an_account(recent=((int(NOON) // 10**6 * 10**6, -40),))

    assert same_losses(whole.losses, trimmed.losses)
    assert not same_losses(whole.losses, an_account(recent=((int(NOON), -41),)).losses)
    assert not same_losses(whole.losses, an_account(recent=()).losses)


def test_a_rolled_back_redis_hands_out_no_fence_that_was_used() -> None:
    fence_of_the_lost_runs = 6
    healed = agree(Log(before={5: EARLIER.losses}), redis(EARLIER, fence=3), OURS)
    emptied = agree(Log(), None, OURS)

    assert healed.fence > fence_of_the_lost_runs  # the log's entry 7 was numbered above the fence of its run
    assert emptied.fence > fence_of_the_lost_runs


@pytest.mark.parametrize("kept", [redis(), Damaged("no day")])
def test_without_a_log_of_ours_a_new_epoch_is_due(kept: Kept | Damaged) -> None:
    assert agree(None, kept, OURS).epoch == ""
    assert agree(Log("other"), kept, OURS).epoch == ""
    assert agree(Damaged("line 3"), kept, OURS).epoch == ""


def test_a_log_begun_anew_knows_only_where_it_begins() -> None:
    begun = Checkpoint(OURS, "abc123", an_account(7))

    assert agree(begun, redis(), OURS).accord is Accord.GO_ON
    assert agree(begun, redis(EARLIER), OURS).accord is Accord.STOP


units = st.integers(-(10**12), 10**12)
results = st.lists(st.tuples(st.integers(0, 10**6), units), max_size=5).map(sorted).map(tuple)
accounts = st.builds(
    lambda sequence, day, today, total, recent, reserved: an_account(
        sequence, day=day, today=today, total=total, recent=recent, reserved=reserved
    ),
    st.integers(0, 100),
    st.sampled_from(["", DAY, NEXT_DAY]),
    units,
    units,
    results,
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 10**9)),
)


@given(accounts, accounts)
def test_the_worse_is_the_same_from_either_side_and_cannot_get_worse(mine: GuardMemory, other: GuardMemory) -> None:
    both = worse_of(mine, other)

    assert same_account(both, worse_of(other, mine))
    assert worse_of(both, mine) == both
    assert both.losses.day_units <= min(
        side.losses.day_units for side in (mine, other) if side.losses.day == both.losses.day
    )


@given(accounts)
def test_an_account_agrees_with_itself(account: GuardMemory) -> None:
    agreement = agree(Log(memory=account), redis(replace(account)), OURS)

    assert agreement.accord is Accord.GO_ON
    assert same_account(agreement.memory, account)
