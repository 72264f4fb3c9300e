"""The message bucket: a rate, a burst, and a third of both that only ways out may use."""

import pytest

from arbitrage.domain.instants import Instant
from liveguard.messages import MessageBucket
from tests.builders import NOON, after_ms


def taken(bucket: MessageBucket, at: Instant, wanted: int) -> int:
    """Take what opens for as long as there is some."""
    count = 0
    while count < wanted and bucket.left_for_open(at) >= 1:
        bucket.take(at)
        count += 1
    return count


def test_a_third_is_kept_for_ways_out() -> None:
    bucket = MessageBucket(6)

    assert taken(bucket, NOON, 100) == 4
    assert bucket.left(NOON) == 2
    assert bucket.left_for_open(NOON) == 0


def test_it_refills_by_its_rate_up_to_a_second_s_worth() -> None:
    bucket = MessageBucket(6)
    taken(bucket, NOON, 100)

    assert bucket.left(after_ms(500)) == pytest.approx(5)
    assert bucket.left(after_ms(1_000)) == bucket.left(after_ms(60_000)) == 6


def test_a_way_out_may_overdraw_it_and_new_plans_wait_longer() -> None:
    bucket = MessageBucket(6)
    for _ in range(8):
        bucket.take(NOON)

    assert bucket.left(NOON) == -2
    assert bucket.left_for_open(after_ms(833)) < 1
    assert bucket.left_for_open(after_ms(834)) >= 1


def test_it_is_never_overdrawn_by_more_than_a_second() -> None:
    bucket = MessageBucket(6)
    for _ in range(1_000):
        bucket.take(NOON)

    assert bucket.left(NOON) == -6


def test_backward_time_refills_nothing_and_is_not_paid_twice() -> None:
    bucket = MessageBucket(6)
    taken(bucket, NOON, 4)
    bucket.take(after_ms(-5_000))
    back = bucket.left(after_ms(-5_000))

    assert back == bucket.left(NOON) == 1
    assert bucket.left(after_ms(500)) == pytest.approx(4)


def test_a_lowered_rate_holds_at_once() -> None:
    bucket = MessageBucket(6)
    bucket.allow(3)

    assert bucket.left(NOON) == 3
    assert taken(bucket, NOON, 100) == 2
    assert bucket.left(after_ms(1_000 / 3)) == pytest.approx(2)
