"""The daemon's event loop: which one, whether it ever sleeps, when garbage is collected, how tasks are ended.

For a process of its own.
"""

import asyncio
import gc
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final

FREEZE_AFTER_S: Final = (2, 60, 600)
"""When what is there is taken to stay, and not looked through again: a whole collection takes 120 ms before, and then
microseconds. More often would keep for ever what was only passing by.
"""

WHOLE_EVERY_S: Final = 60
YOUNG: Final = 1
"""The generation up to which is collected in between."""

ASKED_AGAIN_S: Final = 2.0
"""After so long a task that was cancelled is cancelled again; what one does at its end takes much less."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return how to make uvloop's event loop, which takes half as long as Python's own for a frame; None without it."""
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def keep_spinning(loop: asyncio.AbstractEventLoop) -> None:
    """Never let the loop sleep from now on: it looks at its sockets again and again, and takes a whole core for that.

    With a callback that is always due a loop does not wait for its sockets. To be woken up takes longer than everything
    else between a frame and its orders.
    """
    loop.call_soon(keep_spinning, loop)


async def collect_garbage() -> None:
    """Collect garbage once a second until cancelled, instead of whenever it piles up: that is in the middle of a burst.

    Nearly all goes without the collector, which only has to find cycles.
    """
    gc.disable()
    try:
        for second in count(1):
            await asyncio.sleep(1.0)
            if second in FREEZE_AFTER_S:
                gc.collect()
                gc.freeze()
            else:
                gc.collect(YOUNG if second % WHOLE_EVERY_S else 2)
    finally:
        gc.enable()
        gc.unfreeze()


async def cancel_until_ended(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancel tasks until each has ended, whatever it ended with: who wants to know asks the task.

    Once is not enough before Python 3.12: `asyncio.wait_for`, by which redis-py sends each command, swallows a
    cancellation that comes just when what it waits for is done (CPython issue 86296).
    """
    ending = tuple(tasks)
    left = {task for task in ending if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ASKED_AGAIN_S)
    await asyncio.gather(*ending, return_exceptions=True)  # else each failure is complained of as never looked at
