import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant, Nanos
from arbitrage.wire.limiter import Allowance, Limiter
from tests.clocks import NOON

SECOND = Nanos(NS_PER_S)


def at(seconds: float) -> Instant:
    return Instant(NOON + round(seconds * NS_PER_S))


def a_limiter(limit=4, kept=1, window=SECOND):
    return Limiter({"order": Allowance(limit, window, kept), "other": Allowance(9, SECOND, 0)})


def test_a_share_is_kept_for_what_is_urgent():
    limiter = a_limiter(limit=4, kept=1)
    asked = [limiter.take("order", NOON) for _ in range(4)]
    urgent = [limiter.take("order", NOON, is_urgent=True) for _ in range(2)]

    assert (asked, urgent) == ([True, True, True, False], [True, False])
    assert limiter.take("other", NOON)


def test_what_was_spent_comes_back_when_its_window_is_over():
    limiter = a_limiter(limit=2, kept=0)
    limiter.take("order", at(0))
    limiter.take("order", at(0.5))

    assert not limiter.take("order", at(0.9))
    assert limiter.take("order", at(1.1))
    assert not limiter.take("order", at(1.2))


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 3), st.booleans()), max_size=60),
    st.sampled_from([1, 7, 1_000, 86_400_000]),
)
def test_no_window_ever_holds_more_than_is_allowed(steps, window_ms):
    window = Nanos(window_ms * NS_PER_MS)
    limiter, now, taken = a_limiter(limit=5, kept=2, window=window), NOON, []
    for wait, cost, is_urgent in steps:
        now = Instant(now + wait * window // 100)
        if limiter.take("order", now, cost=cost, is_urgent=is_urgent):
            taken.append((now, cost, is_urgent))

    for end, _, is_urgent in taken:
        spent = sum(cost for when, cost, _ in taken if end - window < when <= end)
        assert spent <= 5, "more than the limit"
        assert is_urgent or spent <= 3 or any(when == end and urgent for when, _, urgent in taken)


def test_a_venue_that_says_that_less_is_left_is_believed():
    limiter = a_limiter(limit=4, kept=0)
    limiter.take("order", at(0))
    limiter.learn_left("order", 1, at(0.1))

    assert limiter.left("order", at(0.1)) == 1
    assert limiter.left("order", at(1.2)) == 4


def test_a_venue_that_says_that_more_is_left_is_not():
    limiter = a_limiter(limit=4, kept=0)
    for _ in range(3):
        limiter.take("order", at(0))
    limiter.learn_left("order", 4, at(0.1))  # it has not seen all of them yet

    assert limiter.left("order", at(0.1)) == 1


@pytest.mark.parametrize("used", [-1, 0, 10**12])
def test_nonsense_about_what_was_used_blocks_for_a_window_at_most(used):
    limiter = a_limiter(limit=4, kept=0)
    limiter.learn_used("order", used, at(0))
    limiter.learn_used("nothing of ours", used, at(0))

    assert limiter.left("order", at(1.1)) == 4


def test_a_block_stops_even_what_is_urgent_until_it_is_over():
    limiter = a_limiter()
    limiter.block(at(5), "order")
    limiter.block(at(3), "order")  # a shorter one does not end it

    assert not limiter.take("order", at(4.9), is_urgent=True)
    assert limiter.left("order", at(4.9)) == 0
    assert limiter.take("other", at(4.9))
    assert limiter.take("order", at(5))


def test_a_block_of_everything_stops_every_kind():
    limiter = a_limiter()
    limiter.block(at(5))

    assert not limiter.take("order", at(1))
    assert not limiter.take("other", at(1))
    assert limiter.blocked_until("other") == at(5)


def test_a_day_of_requests_takes_little_memory():
    limiter = a_limiter(limit=200_000, kept=0, window=Nanos(86_400 * NS_PER_S))
    for second in range(0, 90_000, 10):
        assert limiter.take("order", at(second))

    assert limiter.left("order", at(90_000)) < 200_000 - 8_640
    assert len(limiter._windows["order"]._parts) <= 67
