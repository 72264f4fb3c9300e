"""One order's life: every move of the table, the questions, the cancel, and when it may be called absent."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.events import ReplyKind
from arbitrage.domain.instants import from_ms
from arbitrage.domain.instruments import Venue
from arbitrage.execution.order_track import ASK_AFTER, MISSES_NEEDED, MOVES, QUIET_NEEDED, OrderState, OrderTrack
from tests import builders as make
from tests.flight_builders import a_fill, an_order, said

S, R = OrderState, ReplyKind
ORDER = an_order()

# state: what follows upon ACCEPTED, ENDED, REFUSED, BUSY, UNKNOWN, MISSING
TABLE = {
    S.SENT: (S.OPEN, S.ENDED, S.REFUSED, S.REFUSED, S.UNKNOWN, S.UNKNOWN),
    S.OPEN: (S.OPEN, S.ENDED, S.OPEN, S.OPEN, S.OPEN, S.OPEN),
    S.UNKNOWN: (S.OPEN, S.ENDED, S.REFUSED, S.REFUSED, S.UNKNOWN, S.UNKNOWN),
    S.ENDED: (S.ENDED,) * 6,
    S.REFUSED: (S.OPEN, S.ENDED, S.REFUSED, S.REFUSED, S.REFUSED, S.REFUSED),
    S.ABSENT: (S.OPEN, S.ENDED, S.ABSENT, S.ABSENT, S.ABSENT, S.ABSENT),
}
CELLS = [(state, kind, after) for state, row in TABLE.items() for kind, after in zip(R, row, strict=True)]
words = st.lists(
    st.tuples(st.sampled_from(R), st.sampled_from([None, "0", "0.25", "0.5", "1"]), st.integers(0, 5_000)), max_size=30
)


def a_track(state: OrderState = S.SENT, venue: Venue = Venue.UPBIT) -> OrderTrack:
    return OrderTrack(an_order(venue=venue), make.NOON, state)


def missed(times: int, every_ms: float, venue: Venue = Venue.UPBIT) -> OrderTrack:
    """An order that was lost on its way, and that the venue did not know so often."""
    track = a_track(S.UNKNOWN, venue)
    for n in range(times):
        track.learn(said(track.order, R.MISSING, ms=n * every_ms))
    return track


@pytest.mark.parametrize(("state", "kind", "after"), CELLS)
def test_every_word_in_every_state_leads_where_the_table_says(
    state: OrderState, kind: ReplyKind, after: OrderState
) -> None:
    track = a_track(state)
    changed = track.learn(said(track.order, kind))

    assert track.state is after
    assert changed is (after is not state)


def test_every_state_that_is_not_over_has_a_way_out() -> None:
    assert all(S.ENDED in MOVES[state].values() for state in (S.SENT, S.OPEN, S.UNKNOWN))
    assert [state for state in S if a_track(state).is_resolved] == [S.ENDED, S.REFUSED, S.ABSENT]


@given(words)
def test_a_fill_never_falls_and_an_end_is_final(told: list[tuple[ReplyKind, str | None, int]]) -> None:
    track, fills, states, at = a_track(), [Decimal(0)], [S.SENT], 0
    for kind, part, wait in told:
        at += wait
        track.learn(said(track.order, kind, part, ms=at))
        fills.append(track.told.quantity if track.told else Decimal(0))
        states.append(track.state)

    assert fills == sorted(fills)
    assert fills[-1] == max([Decimal(0), *(ORDER.quantity * Decimal(part) for _, part, _ in told if part)])
    assert S.ABSENT not in states  # no word alone makes an order absent
    assert all(after is S.ENDED for before, after in pairwise(states) if before is S.ENDED)
    assert all(after in {S.OPEN, S.ENDED} for before, after in pairwise(states) if before is S.OPEN)


@given(st.permutations([(R.ACCEPTED, None), (R.ACCEPTED, "0.25"), (R.UNKNOWN, None), (R.ENDED, "1")]))
def test_reply_and_stream_event_may_come_in_any_order(told: list[tuple[ReplyKind, str | None]]) -> None:
    track = a_track()
    for kind, part in told:
        track.learn(said(track.order, kind, part))

    assert (track.state, track.fill) == (S.ENDED, a_fill(track.order))


def test_the_fee_that_comes_after_its_fill_is_taken_and_a_smaller_one_is_not() -> None:
    track, whole = a_track(), a_fill(ORDER)
    seen = []
    for fee in (Decimal(0), whole.fee, Decimal(1)):
        reply = replace(said(track.order, R.ACCEPTED), fill=replace(whole, fee=fee))
        track.learn(reply)
        seen.append(track.fill and track.fill.fee)

    assert seen == [0, whole.fee, whole.fee]


def test_what_an_earlier_plan_has_booked_is_not_counted_again() -> None:
    track = OrderTrack(ORDER, make.NOON, told=a_fill(ORDER, "0.75"), booked=a_fill(ORDER, "0.25"))

    assert track.fill == a_fill(ORDER, "0.5")


# --- questions


def asked_at(track: OrderTrack, until_ms: int, step_ms: int = 100) -> list[int]:
    return [ms for ms in range(0, until_ms + 1, step_ms) if track.asks(make.after_ms(ms))]


def test_an_order_that_says_nothing_is_asked_after_ever_more_rarely() -> None:
    assert asked_at(a_track(), 16_500) == [500, 700, 1_000, 1_500, 2_500, 4_500, 7_500, 10_500, 13_500, 16_500]


def test_an_order_of_an_earlier_run_is_asked_after_at_once() -> None:
    assert asked_at(a_track(S.UNKNOWN), 1_000) == [0, 200, 500, 1_000]


def test_questions_start_over_with_each_new_state_and_end_with_the_order() -> None:
    track = a_track()
    asked_at(track, 16_500)
    track.learn(said(track.order, R.ACCEPTED, ms=16_600))

    assert track.next_ask_at == make.after_ms(16_800)
    assert (track.asks(make.after_ms(16_800)), track.next_ask_at) == (True, make.after_ms(17_000))
    track.learn(said(track.order, R.ENDED, "1", ms=17_000))
    assert not track.asks(make.after_ms(60_000))


def test_the_same_word_again_does_not_start_the_questions_over() -> None:
    track = a_track(S.UNKNOWN)
    asked_at(track, 4_500)
    due = track.next_ask_at
    track.learn(said(track.order, R.UNKNOWN, ms=4_600))
    track.learn(said(track.order, R.MISSING, ms=4_700))

    assert track.next_ask_at == due
    assert ASK_AFTER[-1] == from_ms(3_000)


# --- cancel


@pytest.mark.parametrize(
    ("state", "ms", "wants"),
    [
        (S.OPEN, 1_999, False),
        (S.OPEN, 2_000, True),
        (S.SENT, 60_000, False),
        (S.UNKNOWN, 60_000, False),
        (S.ENDED, 60_000, False),
    ],
)
def test_only_what_is_proven_open_for_two_seconds_is_cancelled(state: OrderState, ms: int, wants: bool) -> None:
    assert a_track(state).wants_cancel(make.after_ms(ms)) is wants


def test_a_cancel_is_sent_again_while_the_order_stays_open() -> None:
    track = a_track(S.OPEN)

    assert [ms for ms in range(0, 7_000, 500) if track.wants_cancel(make.after_ms(ms))] == [2_000, 4_000, 6_000]


@pytest.mark.parametrize(
    ("state", "asked", "is_cancelled", "doubtful"),
    [
        (S.UNKNOWN, 0, False, True),
        (S.SENT, 4, False, False),
        (S.SENT, 5, False, True),
        (S.OPEN, 1, False, False),
        (S.OPEN, 1, True, True),
        (S.ENDED, 9, True, False),
        (S.ABSENT, 9, False, False),
    ],
)
def test_what_is_asked_after_or_cancelled_in_vain_is_as_good_as_not_known(
    state: OrderState, asked: int, is_cancelled: bool, doubtful: bool
) -> None:
    track = a_track(state)
    track.asked = asked
    track.cancelled_at = make.NOON if is_cancelled else track.cancelled_at

    assert track.is_doubtful is doubtful


# --- absent


@pytest.mark.parametrize("venue", list(Venue))
def test_the_first_miss_is_never_final(venue: Venue) -> None:
    track = missed(1, 0, venue)

    assert not track.seems_absent(make.after_ms(3_600_000))


@pytest.mark.parametrize(
    ("venue", "times", "seconds", "absent"),
    [
        (Venue.UPBIT, 5, 60, False),
        (Venue.UPBIT, 6, 14.999, False),
        (Venue.UPBIT, 6, 15, True),
        (Venue.BINANCE, 6, 11.999, False),
        (Venue.BINANCE, 6, 12, True),
        (Venue.BINANCE, 5, 12, False),
    ],
)
def test_an_order_seems_absent_after_six_misses_and_long_enough(
    venue: Venue, times: int, seconds: float, absent: bool
) -> None:
    assert missed(times, 100, venue).seems_absent(make.after_ms(seconds * 1_000)) is absent
    assert (MISSES_NEEDED, QUIET_NEEDED[Venue.UPBIT]) == (6, from_ms(15_000))


@pytest.mark.parametrize(("kind", "part"), [(R.ACCEPTED, None), (R.ENDED, "0"), (R.ACCEPTED, "0.5")])
def test_one_sight_of_it_undoes_every_miss(kind: ReplyKind, part: str | None) -> None:
    track = missed(6, 3_000)
    track.learn(said(track.order, kind, part, ms=16_000))

    assert not track.seems_absent(make.after_ms(3_600_000))


def test_what_came_after_all_is_no_longer_absent() -> None:
    track = missed(6, 3_000)
    track.declare_absent()
    track.learn(said(track.order, R.MISSING, ms=20_000))
    still = track.state
    track.learn(said(track.order, R.ENDED, "1", ms=30_000))

    assert (still, track.state, track.fill) == (S.ABSENT, S.ENDED, a_fill(track.order))
