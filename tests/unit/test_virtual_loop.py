"""Laws of virtual time: it does not wait, it is the same for the same seed, and nothing is left behind unseen."""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbitrage.domain.instants import NS_PER_S
from arbitrage.virtual_loop import START, LeftoverTasks, Stuck, VirtualClock, run

SEEDS = st.integers(0, 2**32)


class Story:
    """Workers with queues, locks, timeouts and cancellations, who write down what happens and when."""

    def __init__(self, seed: int) -> None:
        self.trace: list[str] = []
        self._chance = Random(seed)
        self._queue: asyncio.Queue[str] = asyncio.Queue(3)
        self._lock = asyncio.Lock()

    async def tell(self) -> None:
        """Let the workers work, and cancel those who would never stop."""
        consumers = {asyncio.create_task(self._consume(n)) for n in range(3)}
        async with asyncio.TaskGroup() as tasks:
            for n in range(4):
                tasks.create_task(self._produce(n))
        # a set: its order must not depend on where its members lie in memory
        for consumer in consumers:
            consumer.cancel()
            self._note(f"cancelled {consumer.get_name()}")
        await asyncio.wait(consumers)

    async def _produce(self, name: int) -> None:
        for n in range(5):
            await asyncio.sleep(self._chance.choice((0, 0.1, 0.1, 0.25)))
            await self._queue.put(f"{name} {n}")
            self._note(f"put {name} {n}")

    async def _consume(self, name: int) -> None:
        while True:
            item = await self._queue.get()
            async with self._lock:
                self._note(f"consumer {name} has {item}")
                await asyncio.sleep(0.05)
            try:
                async with asyncio.timeout(0.05):
                    await asyncio.sleep(self._chance.choice((0, 0.05, 0.1)))
            except TimeoutError:
                self._note(f"consumer {name} timed out")

    def _note(self, what: str) -> None:
        self.trace.append(f"{VirtualClock(asyncio.get_running_loop()).now()} {what}")


def digest(seed: int) -> str:
    story = Story(seed)
    run(story.tell(), seed)
    return hashlib.sha256("\n".join(story.trace).encode()).hexdigest()


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_the_same_seed_gives_the_same_story(seed):
    assert digest(seed) == digest(seed)


def test_and_so_it_does_in_another_process():
    seeds = range(20)
    program = f"from tests.unit.test_virtual_loop import digest; print(*map(digest, {seeds}))"
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": str(n)}, capture_output=True, text=True, check=True, timeout=60,
        ).stdout.split()
        for n in (1, 2)
    ]  # fmt: skip

    assert told[0] == told[1] == [digest(seed) for seed in seeds]


def test_seeds_try_different_orders_and_without_a_shuffle_it_is_asyncios_own():
    async def first_of(names: str) -> str:
        order: list[str] = []
        async with asyncio.TaskGroup() as tasks:
            for name in names:
                tasks.create_task(meet(name, order))
        return "".join(order)

    async def meet(name: str, order: list[str]) -> None:
        await asyncio.sleep(1)
        order.append(name)

    orders = {run(first_of("abc"), seed) for seed in range(100)}

    assert len(orders) == 6
    assert {run(first_of("abc"), seed, shuffle=False) for seed in range(10)} == {"abc"}


@given(delays=st.lists(st.integers(0, 10**6).map(lambda ms: ms / 1_000), min_size=1, max_size=20), seed=SEEDS)
def test_timers_fire_at_their_time_and_in_its_order(delays, seed):
    fired: list[tuple[float, float]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for delay in delays:
            loop.call_later(delay, lambda delay=delay: fired.append((delay, loop.time())))
        await asyncio.sleep(1_001)

    run(main(), seed)

    assert [delay for delay, _ in fired] == sorted(delays)
    assert all(at == pytest.approx(delay, abs=1e-8) for delay, at in fired)


def test_ten_thousand_sleeps_take_no_time():
    async def main() -> int:
        for _ in range(5_000):
            await asyncio.sleep(3_600 / 100)
        await asyncio.gather(*(asyncio.sleep(n % 97) for n in range(5_000)))
        return VirtualClock(asyncio.get_running_loop()).now()

    began_s = time.perf_counter()
    end = run(main(), 1)
    took_s = time.perf_counter() - began_s

    assert end == START + (5_000 * 36 + 96) * NS_PER_S
    assert took_s < 1


async def forgotten() -> None:
    await asyncio.sleep(60)


def test_what_is_left_behind_is_reported_by_name():
    async def main() -> None:
        keep.append(asyncio.create_task(forgotten(), name="the forgotten one"))

    keep: list[asyncio.Task[None]] = []
    with pytest.raises(LeftoverTasks, match="still running: the forgotten one"):
        run(main(), 1)

    assert keep[0].cancelled()


def test_what_a_callback_raises_ends_the_run():
    async def main() -> None:
        asyncio.get_running_loop().call_soon(int, "no number")
        await asyncio.sleep(1)

    with pytest.raises(ValueError, match="no number"):
        run(main(), 1)


def test_what_a_task_raises_unseen_ends_the_run():
    async def fail() -> None:
        raise KeyError("unseen")

    async def main() -> None:
        asyncio.get_running_loop().create_task(fail())
        await asyncio.sleep(1)

    with pytest.raises(KeyError, match="unseen"):
        run(main(), 1)


async def waits_for_nobody() -> None:
    await asyncio.get_running_loop().create_future()


async def spins() -> None:
    while True:  # noqa: ASYNC110 - that is the point
        await asyncio.sleep(0)


async def goes_on_for_ever() -> None:
    while True:  # noqa: ASYNC110 - that is the point
        await asyncio.sleep(3_600)


@pytest.mark.parametrize("endless", [waits_for_nobody, spins, goes_on_for_ever])
def test_what_never_ends_is_stuck(endless):
    with pytest.raises(Stuck):
        run(endless(), 1)


async def asks_a_thread() -> None:
    await asyncio.to_thread(print)


async def opens_a_socket() -> None:
    await asyncio.open_connection("localhost", 1)


@pytest.mark.parametrize("outside", [asks_a_thread, opens_a_socket])
def test_the_world_outside_is_refused(outside):
    with pytest.raises(RuntimeError):
        run(outside(), 1)


def test_its_result_and_its_error_come_back():
    async def answer() -> int:
        return 42

    async def fail() -> None:
        raise LookupError("mine")

    assert run(answer(), 1) == 42
    with pytest.raises(LookupError, match="mine"):
        run(fail(), 1)
