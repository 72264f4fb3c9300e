"""GuardStore against a real Redis: each script does all or nothing, once, for the one run that may, within limits."""

import asyncio
import itertools
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis import Redis

from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.guarding import GuardMemory, LatchKind
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.state.agreement import Kept, same_account
from arbitrage.state.guard_scripts import FIELDS
from arbitrage.state.guard_store import GuardDamaged, GuardStore, Verdict
from arbitrage.state.guard_wiring import EXACT, LossLimits
from arbitrage.state.keys import RedisAddress, StateKeys
from arbitrage.state.link import StateLink
from liveguard.losses import LossBook
from tests.clocks import NOON
from tests.guard_builders import NEXT_DAY, a_finish, a_latch, a_report, a_start, an_account

LIMITS = LossLimits(daily_units=1_000, total_units=5_000)
WRITES = int(os.environ.get("ARBITRAGE_GUARD_WRITES", "150"))
"""By each of ten writers at once; the full drill is 10,000."""


class Books:
    """A guard's account in Redis, whoever writes it, and a plain client to look behind it."""

    def __init__(self, address: RedisAddress, namespace: str) -> None:
        self.keys = StateKeys(namespace)
        self.redis: Redis = Redis(host=address.host, port=address.port, socket_timeout=2, protocol=2)
        self._address = address
        self._links: list[StateLink] = []

    def store(self, epoch: str = "", fence: int = 0) -> GuardStore:
        """Another run's hold on the account."""
        self._links.append(StateLink(self._address, self.keys))
        store = GuardStore(self._links[-1], self.keys)
        store.epoch, store.fence = epoch, fence
        return store

    async def begun(self, memory: GuardMemory | None = None) -> GuardStore:
        store = self.store()
        answer = await store.begin(Kept("abc123", 1, memory or an_account(0, today=0, total=0, recent=(), reserved={})))
        assert answer.verdict is Verdict.OK
        return store

    def everything(self) -> dict[str, Any]:
        hashes: dict[str, Any] = {key: self.redis.hgetall(key) for key in self._guard_keys("hash")}
        results: dict[str, Any] = {
            key: self.redis.zrange(key, 0, -1, withscores=True) for key in self._guard_keys("zset")
        }
        return {**hashes, **results, "other": [*self._guard_keys("string")]}

    def _guard_keys(self, kind: str) -> list[str]:
        return [key.decode() for key in self.redis.scan_iter(f"{self.keys.guard}*", _type=kind)]

    async def close(self) -> None:
        for link in self._links:
            await link.close()
        self.redis.close()


@pytest.fixture
async def books(redis_address: RedisAddress, namespace: str) -> AsyncIterator[Books]:
    books = Books(redis_address, namespace)
    yield books
    await books.close()


async def kept(store: GuardStore) -> Kept:
    read = await store.read()
    assert read is not None
    return read


async def test_what_is_written_is_read_back(books: Books) -> None:
    memory = an_account(7, a_latch(LatchKind.IMPLAUSIBLE_EDGE, "BTC"), a_latch())
    store = await books.begun(memory)

    assert await kept(store) == Kept("abc123", 1, memory)
    assert {books.redis.ttl(key) for key in books.redis.scan_iter(f"{books.keys.guard}*")} == {-1}
    assert (await store.begin(Kept("other", 1, memory))).verdict is Verdict.FOREIGN


async def test_nothing_at_all_is_not_zero(books: Books) -> None:
    store = books.store("abc123", 1)

    assert await store.read() is None
    assert (await store.claim("abc123")).verdict is Verdict.EMPTIED
    assert (await store.check(0)).verdict is Verdict.EMPTIED
    assert (await store.reserve(a_start(1), LIMITS)).verdict is Verdict.EMPTIED
    assert (await store.settle(a_finish(1))).verdict is Verdict.EMPTIED
    assert (await store.keep(a_report(1))).verdict is Verdict.EMPTIED
    assert not books.redis.keys(f"{books.keys.guard}*")


async def test_a_days_story_comes_out_as_the_guards_own_arithmetic_has_it(books: Books) -> None:
    store = await books.begun(an_account(7))
    book = LossBook(an_account(7).losses)
    later = Instant(NOON + NS_PER_S)

    verdicts = [
        (await store.reserve(a_start(8, "p-10", 70), LIMITS, follows=7)).verdict,
        (await store.settle(a_finish(9, "p-9", -41, at=later), follows=8)).verdict,
        (await store.settle(a_finish(12, "p-10", 12, NEXT_DAY, at=later), follows=9)).verdict,
        (await store.keep(a_report(13, a_latch(), day=NEXT_DAY, total_from_zero=True), follows=12)).verdict,
        (await store.settle(a_finish(14, "nobody", day=NEXT_DAY), follows=13)).verdict,
    ]
    book.reserve("p-10", 70)
    book.settle("p-9", -41, later)
    book.roll(NEXT_DAY)
    book.settle("p-10", 12, later)
    book.clear_total()

    assert verdicts == [Verdict.OK] * 4 + [Verdict.UNKNOWN]
    assert same_account(
        (await kept(store)).memory, GuardMemory(sequence=14, losses=book.memory(), latches=(a_latch(),))
    )


async def test_results_are_kept_for_48_hours(books: Books) -> None:
    store = await books.begun(an_account(7))

    await store.settle(a_finish(8, "p-9", -1, NEXT_DAY, at=Instant(NOON + (48 * 3600 - 3) * NS_PER_S)))

    assert [units for _, units in (await kept(store)).memory.losses.recent] == [-40, -1]


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_call_whose_answer_was_lost_is_repeated_and_counts_once(books: Books, times: int) -> None:
    store = await books.begun()
    verdicts = [
        [(await store.reserve(a_start(1), LIMITS, follows=0)).verdict for _ in range(times)],
        [(await store.settle(a_finish(2), follows=1)).verdict for _ in range(times)],
        [(await store.keep(a_report(3, a_latch()), follows=2)).verdict for _ in range(times)],
    ]

    assert verdicts == [[Verdict.OK] + [Verdict.AGAIN] * (times - 1)] * 3
    assert (await kept(store)).memory == an_account(
        3, a_latch(), today=-40, total=-40, recent=((int(NOON), -40),), reserved={}
    )


async def test_many_repeats_in_disorder_leave_what_each_entry_once_would(books: Books) -> None:
    store = await books.begun()
    chance, expected = random.Random(3), 0
    sequence = itertools.count(1)
    for number in range(WRITES):
        result = chance.randint(-9, 9)
        expected += result
        start, end = a_start(next(sequence), f"p-{number}", 1), a_finish(next(sequence), f"p-{number}", result)
        for entry in (start, start, end, start, end)[: chance.randint(3, 5)]:
            await store.take(entry, LossLimits(EXACT - 1, EXACT - 1))

    assert (await kept(store)).memory.losses.total_units == expected
    assert (await kept(store)).memory.losses.reserved == {}


@pytest.mark.parametrize(
    ("case", "memory", "cost", "verdict"),
    [
        ("just fits the day", an_account(today=-900, total=0, reserved={}), 100, Verdict.OK),
        ("one unit too many", an_account(today=-900, total=0, reserved={}), 101, Verdict.DENIED),
        ("with what is in flight", an_account(today=-900, total=0), 41, Verdict.DENIED),
        ("just fits with it", an_account(today=-900, total=0), 40, Verdict.OK),
        ("a gain is no room", an_account(today=900, total=900, reserved={}), 1_001, Verdict.DENIED),
        ("just fits the total", an_account(today=0, total=-4_900, reserved={}), 100, Verdict.OK),
        ("beyond the total", an_account(today=0, total=-4_900, reserved={}), 101, Verdict.DENIED),
        ("a latch holds", an_account(7, a_latch(), today=0, total=0), 1, Verdict.HALTED),
        ("a latch of one pair", an_account(7, a_latch(scope="BTC"), today=0, total=0), 1, Verdict.OK),
        ("yesterday", an_account(day=NEXT_DAY, today=0, total=0), 1, Verdict.DAY_BACK),
        ("a new day begins from zero", an_account(day="2026-11-21", today=-1_000, total=0), 40, Verdict.OK),
        ("a new day, but in flight", an_account(day="2026-11-21", today=0, total=0), 941, Verdict.DENIED),
    ],
)
async def test_a_plan_is_held_against_both_limits(
    books: Books, case: str, memory: GuardMemory, cost: int, verdict: Verdict
) -> None:
    store = await books.begun(memory)
    before = books.everything()

    answer = await store.reserve(a_start(8, cost=cost), LIMITS, follows=7)

    assert answer.verdict is verdict
    assert (books.everything() == before) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("case", "epoch", "fence", "follows", "verdict"),
    [
        ("ours", "abc123", 1, 7, Verdict.OK),
        ("another epoch", "zzz", 1, 7, Verdict.FOREIGN),
        ("a later run has it", "abc123", 0, 7, Verdict.FENCED),
        ("an earlier run has it", "abc123", 2, 7, Verdict.BEHIND),
        ("it held more", "abc123", 1, 9, Verdict.BEHIND),
        ("it holds an entry that is not ours", "abc123", 1, 6, Verdict.FOREIGN),
    ],
)
async def test_only_the_run_that_may_writes_and_only_on_its_own_last_entry(
    books: Books, case: str, epoch: str, fence: int, follows: int, verdict: Verdict
) -> None:
    await books.begun(an_account(7))
    store = books.store(epoch, fence)
    before = books.everything()
    verdicts = {(await store.check(follows)).verdict}
    for entry in (a_start(10, cost=1), a_finish(11, "p-9"), a_report(12)):
        verdicts.add((await store.take(entry, LIMITS, follows)).verdict)
        if verdict is Verdict.OK:
            follows = entry.sequence

    assert verdicts == {verdict}
    assert (books.everything() == before) is (verdict is not Verdict.OK)


async def test_a_plan_that_is_in_flight_cannot_start_again_under_another_number(books: Books) -> None:
    store = await books.begun(an_account(7))
    before = books.everything()

    assert (await store.reserve(a_start(8, "p-9", 1), LIMITS, follows=7)).verdict is Verdict.DAMAGED
    assert books.everything() == before


async def test_each_claim_raises_the_fence_and_shuts_the_earlier_run_out(books: Books) -> None:
    first = await books.begun(an_account(7))
    second, third = books.store(), books.store()

    answers = [await second.claim("abc123"), await third.claim("abc123", above=40), await second.claim("zzz")]

    assert [(answer.verdict, store.fence) for answer, store in zip(answers, (second, third), strict=False)] == [
        (Verdict.OK, 2),
        (Verdict.OK, 41),
    ]
    assert answers[2].verdict is Verdict.FOREIGN
    assert (await first.check(7)).verdict is Verdict.FENCED
    assert (await second.check(7)).verdict is Verdict.FENCED
    assert (await third.check(7)).verdict is Verdict.OK


DELETIONS: list[Callable[[Redis, StateKeys], object]] = [
    *((lambda redis, keys, name=name: redis.hdel(keys.guard, name)) for name in FIELDS),
    lambda redis, keys: redis.delete(keys.guard),
    lambda redis, keys: redis.delete(keys.guard_reserved),
    lambda redis, keys: redis.delete(keys.guard_results),
    lambda redis, keys: redis.delete(keys.guard_latches),
    lambda redis, keys: redis.hset(keys.guard, "reserved_units", "-60"),
    lambda redis, keys: redis.hset(keys.guard_reserved, "p-8", "1"),
    lambda redis, keys: redis.zadd(keys.guard_results, {"x:1": 1}),
    lambda redis, keys: redis.hset(keys.guard, "day_units", "NaN"),
    lambda redis, keys: redis.hset(keys.guard, "day_units", "-1e3"),
    lambda redis, keys: redis.hset(keys.guard, "day_units", "1.5"),
    lambda redis, keys: redis.hset(keys.guard, "day_units", "007"),
    lambda redis, keys: redis.hset(keys.guard, "total_units", str(2**53)),
    lambda redis, keys: redis.hset(keys.guard, "total_units", str(-(2**53))),
    lambda redis, keys: redis.hset(keys.guard, "total_units", str(2**53 + 1)),
    lambda redis, keys: redis.hset(keys.guard, "total_units", str(-(2**63))),
    lambda redis, keys: redis.hset(keys.guard, "total_units", str(2**63 - 1)),
    lambda redis, keys: redis.hset(keys.guard, "total_units", "9" * 400),
    lambda redis, keys: redis.hset(keys.guard, "stopped", ""),
]


@pytest.mark.parametrize("number", range(len(DELETIONS)))
async def test_a_lost_or_spoilt_key_or_field_is_seen_by_every_call_and_never_zero(books: Books, number: int) -> None:
    store = await books.begun(an_account(7, a_latch(scope="BTC")))
    DELETIONS[number](books.redis, books.keys)
    before = books.everything()

    verdicts = {
        (await books.store().claim("abc123")).verdict,
        (await store.check(7)).verdict,
        (await store.reserve(a_start(8, cost=1), LIMITS)).verdict,
        (await store.settle(a_finish(8, "p-9"))).verdict,
        (await store.keep(a_report(8))).verdict,
    }

    assert len(verdicts) == 1
    assert verdicts <= {Verdict.DAMAGED, Verdict.EMPTIED}
    assert books.everything() == before
    with pytest.raises(GuardDamaged, match=books.keys.guard):
        await store.read()


@pytest.mark.parametrize("units", ["61", "-60", "0", "sixty"])
async def test_a_spoilt_worst_case_books_nothing(books: Books, units: str) -> None:
    store = await books.begun(an_account(7))
    books.redis.hset(books.keys.guard_reserved, "p-9", units)
    before = books.everything()

    assert (await store.settle(a_finish(8, "p-9"))).verdict is Verdict.DAMAGED
    assert books.everything() == before
    with pytest.raises(GuardDamaged, match="reserved"):
        await store.read()


@pytest.mark.parametrize("key", ["guard", "guard_reserved", "guard_results", "guard_latches"])
async def test_a_key_of_another_kind_is_an_error_that_names_it(books: Books, key: str) -> None:
    store = await books.begun(an_account(7, a_latch(scope="BTC")))
    name = getattr(books.keys, key)
    books.redis.delete(name)
    books.redis.set(name, "something else")
    before = books.everything()

    for call in (
        store.check(7),
        store.reserve(a_start(8, cost=1), LIMITS),
        store.settle(a_finish(8, "p-9")),
        store.keep(a_report(8)),
    ):
        with pytest.raises(StateUnavailable, match=f"WRONGTYPE {name}"):
            await call
    with pytest.raises(StateUnavailable, match=name):
        await store.read()
    assert books.everything() == before


@pytest.mark.parametrize("cost", [0, -1, EXACT, 2**63, -(2**63)])
async def test_a_worst_case_that_is_none_is_refused(books: Books, cost: int) -> None:
    store = await books.begun(an_account(7))
    before = books.everything()

    with pytest.raises(StateUnavailable, match="not a worst case"):
        await store.reserve(a_start(8, cost=cost), LossLimits(EXACT - 1, EXACT - 1))
    assert books.everything() == before


@pytest.mark.parametrize(
    ("held", "result", "fits"),
    [
        (EXACT - 1, 0, True),
        (EXACT - 2, 1, True),
        (EXACT - 1, 1, False),
        (1 - EXACT, 0, True),
        (2 - EXACT, -1, True),
        (1 - EXACT, -1, False),
        (1 - EXACT, 2, True),
        (0, EXACT, False),
        (0, 2**63 - 1, False),
        (0, -(2**63), False),
    ],
)
async def test_a_sum_beyond_exact_numbers_is_refused_whole(books: Books, held: int, result: int, fits: bool) -> None:
    store = await books.begun(an_account(7, today=held, total=held))
    before = books.everything()
    failure = None
    try:
        await store.settle(a_finish(8, "p-9", result))
    except StateUnavailable as error:
        failure = str(error)

    assert (failure is None) is fits
    if fits:
        assert (await kept(store)).memory.losses.total_units == held + result
    else:
        assert "range of exact numbers" in str(failure)
        assert books.everything() == before


async def test_a_worst_case_near_the_edge_overflows_no_limit(books: Books) -> None:
    store = await books.begun(an_account(7, today=1 - EXACT, total=1 - EXACT, reserved={"p-9": EXACT - 1}))

    answer = await store.reserve(a_start(8, cost=EXACT - 1), LossLimits(EXACT - 1, EXACT - 1))

    assert answer.verdict is Verdict.DENIED


async def test_an_account_is_restored_over_whatever_is_there_but_not_over_a_later_run(books: Books) -> None:
    store = await books.begun(an_account(7))
    wanted = Kept("new", 9, an_account(12, a_latch()))
    answers = [await store.restore(wanted), await store.restore(wanted)]
    books.redis.hdel(books.keys.guard, "epoch", "total_units")
    answers.append(await store.restore(wanted))
    books.redis.delete(*books.redis.keys(f"{books.keys.guard}*"))
    answers.append(await store.restore(wanted))
    held = await kept(store)
    await books.store().claim("new")
    too_late = await store.restore(wanted)

    assert [answer.verdict for answer in answers] == [Verdict.OK] * 4
    assert held == wanted
    assert too_late.verdict is Verdict.FENCED


async def test_scripts_that_the_server_forgot_are_given_to_it_again(books: Books) -> None:
    store = await books.begun()
    books.redis.script_flush()

    assert (await store.reserve(a_start(1), LIMITS)).verdict is Verdict.OK


async def test_ten_writers_at_once_are_accepted_exactly_up_to_the_limit(books: Books) -> None:
    cost, limit = 7, 7 * WRITES * 4 + 5
    await books.begun()
    sequence = itertools.count(1)
    seen: Counter[Verdict] = Counter()

    async def write(number: int, fence: int) -> None:
        store = books.store("abc123", fence)
        for plan in range(WRITES):
            verdict = Verdict.AGAIN
            while verdict is Verdict.AGAIN:  # another writer's later number came first
                start = a_start(next(sequence), f"w{number}-{plan}", cost)
                verdict = (await store.reserve(start, LossLimits(limit, EXACT - 1))).verdict
            seen[verdict] += 1

    await asyncio.gather(*(write(number, 1) for number in range(10)), *(write(90 + number, 0) for number in range(2)))
    held = (await kept(books.store())).memory.losses.reserved

    assert seen == {Verdict.OK: limit // cost, Verdict.DENIED: 10 * WRITES - limit // cost, Verdict.FENCED: 2 * WRITES}
    assert (len(held), sum(held.values())) == (limit // cost, limit // cost * cost)
    assert not any(plan.startswith("w9") and plan[2] != "-" for plan in held)
