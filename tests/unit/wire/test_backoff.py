from random import Random

from hypothesis import given
from hypothesis import strategies as st

from arbitrage.wire.backoff import Backoff


@given(seed=st.integers(), tries=st.integers(1, 60))
def test_every_wait_is_between_half_and_all_of_the_doubled_one(seed, tries):
    backoff = Backoff(Random(seed), first_s=0.2, longest_s=30.0)

    waits_s = [backoff.next_s() for _ in range(tries)]

    for place, wait_s in enumerate(waits_s):
        full_s = min(30.0, 0.2 * 2**place)
        assert full_s / 2 <= wait_s <= full_s


def test_it_starts_over_after_a_success():
    backoff = Backoff(Random(1), first_s=0.2, longest_s=30.0)
    for _ in range(10):
        backoff.next_s()

    backoff.reset()

    assert backoff.next_s() <= 0.2


def test_the_same_seed_waits_the_same():
    first, second = Backoff(Random(7)), Backoff(Random(7))

    assert [first.next_s() for _ in range(8)] == [second.next_s() for _ in range(8)]
