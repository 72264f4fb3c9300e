"""Work that goes on after its caller has given up: kept by an owner, ended with it."""

import asyncio
from collections.abc import Awaitable, Callable


class Late:
    """Tasks that begin after a while."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def after(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Do something after so many seconds."""

        async def wait_and_act() -> None:
            await asyncio.sleep(seconds)
            await act()

        task = asyncio.create_task(wait_and_act(), name="sandbox late execution")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop what has not been done yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
