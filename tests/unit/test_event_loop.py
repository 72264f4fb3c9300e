"""The daemon's event loop: it may spin, and it collects its garbage when nobody waits."""

import asyncio
import gc

import pytest

from arbitrage.event_loop import collect_garbage, keep_spinning, loop_factory


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
