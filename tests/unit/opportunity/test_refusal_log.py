"""Every refusal is counted; each reason is told at most once a second, with how often it was given since."""

from collections import Counter, defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.verdicts import Refusal, RefusalCode
from arbitrage.opportunity.refusal_log import RefusalLog
from tests import builders as make

CODES = list(RefusalCode)[:4]


def refusals(*codes: RefusalCode) -> tuple[Refusal, ...]:
    return tuple(Refusal(code, "seen", "limit") for code in codes)


def test_only_the_reasons_that_are_due_are_told() -> None:
    log, (a, b, c, _) = RefusalLog(), CODES
    told = [
        log.count(refusals(*given), make.after_ms(ms))
        for ms, given in ((0, [a]), (100, [a, b]), (200, [a, c]), (1_000, [a, b]), (1_100, [a, b]))
    ]

    assert [[(r.code, times) for r, times in one] for one in told] == [
        [(a, 1)],
        [(b, 1)],
        [(c, 1)],
        [(a, 3)],
        [(b, 2)],
    ]


@given(st.lists(st.tuples(st.integers(0, 700), st.sets(st.sampled_from(CODES), min_size=1)), max_size=60))
def test_what_was_told_adds_up_and_never_comes_twice_in_a_second(
    given_refusals: list[tuple[int, set[RefusalCode]]],
) -> None:
    log, at = RefusalLog(), make.NOON
    counted: Counter[RefusalCode] = Counter()
    told: Counter[RefusalCode] = Counter()
    told_at: defaultdict[RefusalCode, list[Instant]] = defaultdict(list)
    for wait_ms, codes in given_refusals:
        at = Instant(at + wait_ms * NS_PER_MS)
        counted.update(codes)
        for refusal, times in log.count(refusals(*sorted(codes)), at):
            told[refusal.code] += times
            told_at[refusal.code].append(at)

    assert {line.code: line.count for line in log.lines()} == counted
    assert all(told[code] <= counted[code] for code in CODES)
    assert all(b - a >= 1_000 * NS_PER_MS for times in told_at.values() for a, b in pairwise(times))
