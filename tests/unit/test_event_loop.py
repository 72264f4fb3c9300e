"""The daemon's event loop: it may spin, it collects its garbage when nobody waits, and its tasks do end."""

import asyncio
import gc

import pytest

from arbitrage.event_loop import cancel_until_ended, collect_garbage, keep_spinning, loop_factory
from arbitrage.virtual_loop import run


def turns_in(seconds: float, *, spins: bool) -> int:
    """Count how often a loop looks at its sockets while nothing happens."""

    async def main() -> int:
        loop, turns, is_over = asyncio.get_running_loop(), 0, False

        def look() -> None:
            nonlocal turns
            turns += 1
            if not is_over and spins:
                loop.call_soon(look)

        if spins:
            keep_spinning(loop)
        look()
        await asyncio.sleep(seconds)
        is_over = True
        return turns

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main())


def test_a_loop_that_spins_goes_on_with_timers_and_never_waits_for_them() -> None:
    assert turns_in(0.02, spins=True) > 100
    assert turns_in(0.02, spins=False) == 1


async def test_garbage_is_left_alone_in_between_and_collected_as_usual_afterwards() -> None:
    collecting = asyncio.create_task(collect_garbage())
    await asyncio.sleep(0)
    in_between = gc.isenabled()
    collecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await collecting

    assert (in_between, gc.isenabled()) == (False, True)


async def looks_that_miss_one_cancellation(ended: list[str]) -> None:
    """Look again and again, as who asks Redis does; one cancellation comes just as an answer is there, and is lost."""
    try:
        await asyncio.sleep(3_600)
    except asyncio.CancelledError:
        ended.append("missed")
    try:
        await asyncio.sleep(3_600)
    finally:
        ended.append("ended")


def test_a_stop_does_not_hang_on_a_task_that_misses_its_cancellation() -> None:
    ended: list[str] = []

    async def story() -> float:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(looks_that_miss_one_cancellation(ended)), asyncio.create_task(asyncio.sleep(0))]
        await asyncio.sleep(0)
        began = loop.time()
        await cancel_until_ended(tasks)
        return loop.time() - began

    took_s = run(story(), 1)

    assert ended == ["missed", "ended"]
    assert took_s < 3


def test_a_task_that_fails_at_its_end_is_not_complained_of_later() -> None:
    async def fails() -> None:
        try:
            await asyncio.sleep(3_600)
        finally:
            raise OSError("gone")

    async def story() -> None:
        tasks = [asyncio.create_task(fails())]
        await asyncio.sleep(1)
        await cancel_until_ended(tasks)
        tasks.clear()
        gc.collect()  # that is when asyncio complains, and the loop raises it in the end

    run(story(), 1)
