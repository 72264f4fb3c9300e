"""A seeded asyncio loop on virtual time: no waiting, no real I/O, one order of events per seed. For tests and sagas.

Time jumps to the next timer. What is ready at the same moment runs in an order drawn from the seed, so that many seeds
try many interleavings and each can be played again. Threads, sockets and signals are refused: they have no order.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Coroutine
from itertools import count
from random import Random
from typing import Any, Final, NoReturn, TypeVar

from arbitrage.domain.instants import NS_PER_S, Instant

_Result = TypeVar("_Result")

START: Final = Instant(1_795_316_400 * NS_PER_S)
"""2026-11-22 12:00 in Seoul: where virtual time begins if nothing else is said."""

_RESOLUTION_S: Final = 1e-9
_LONGEST_S: Final = 7 * 86_400.0
_MOST_ROUNDS: Final = 100_000
"""Rounds of the loop at one moment of time: more is a task that spins."""


class Stuck(RuntimeError):
    """Nothing is ready and no timer is set, but the main coroutine has not ended; or it never comes to an end."""


class LeftoverTasks(RuntimeError):
    """Tasks were still there when the main coroutine had ended: somebody dropped them."""


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. `shuffle` False keeps asyncio's own order: first come, first served."""

    # asyncio's own: what runs next, and the heap of timers
    _ready: "deque[asyncio.Handle]"
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, seed: int, *, shuffle: bool = True, longest_s: float = _LONGEST_S) -> None:
        super().__init__()
        self.failures: list[BaseException] = []
        self._chance = Random(f"virtual loop {seed}")
        self._shuffles = shuffle
        self._longest_s = longest_s
        self._now_s = 0.0
        self._rounds = 0
        self._clock_resolution = _RESOLUTION_S
        self._selector = _Jump(self)
        self._task_numbers = count(1)
        self.set_task_factory(_numbered)
        self.set_exception_handler(_remember)

    def time(self) -> float:
        """Return the virtual time in seconds since the start."""
        return self._now_s

    def jump(self, seconds: float | None) -> None:
        """Go to the next timer, which is so many seconds away (0: something is ready). Raises Stuck."""
        if seconds is None:
            raise Stuck(f"nothing will ever happen after {self._now_s} s of virtual time")
        self._rounds += 1
        if seconds > 0:
            self._now_s = self._scheduled[0].when()
            self._rounds = 0
        if self._rounds > _MOST_ROUNDS or (seconds > 0 and self._now_s > self._longest_s):
            self._rounds = 0
            raise Stuck(f"no end in sight at {self._now_s} s of virtual time")

    def next_task_number(self) -> int:
        """Return the number of a new task: its hash, so that sets of tasks have the same order in every process."""
        return next(self._task_numbers)

    def call_soon_threadsafe(self, *_: object, **__: object) -> NoReturn:
        """Refuse: another thread has no place in the order of events."""
        raise RuntimeError("virtual time knows no threads")

    def run_in_executor(self, *_: object, **__: object) -> NoReturn:
        """Refuse likewise; looking up names and reading files blockingly end here."""
        raise RuntimeError("virtual time knows no threads")

    def _process_events(self, _: object) -> None:
        """Make ready what is due, and put what is ready into the seed's order (asyncio calls this once a round)."""
        due_s = self._now_s + self._clock_resolution
        while self._scheduled and self._scheduled[0].when() < due_s:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]  # asyncio's own mark, as its own loop sets it
            self._ready.append(handle)
        if self._shuffles and len(self._ready) > 1:
            ready = list(self._ready)
            self._chance.shuffle(ready)
            self._ready.clear()
            self._ready.extend(ready)

    def _write_to_self(self) -> None:
        """Do nothing: there is no selector to wake."""


class VirtualClock:
    """The present of a virtual loop, as a Clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: Instant = START) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> Instant:
        """Return the start plus the loop's virtual time."""
        return Instant(self._start + round(self._loop.time() * NS_PER_S))


def run(main: Coroutine[Any, Any, _Result], seed: int, *, shuffle: bool = True) -> _Result:
    """Run a coroutine to its end on a virtual loop of its own, and return its result.

    Raises LeftoverTasks if it leaves any behind, Stuck if it can never end, and what a callback or a forgotten task
    raised.
    """
    loop = VirtualLoop(seed, shuffle=shuffle)
    try:
        result = loop.run_until_complete(main)
        left = sorted(task.get_name() for task in asyncio.all_tasks(loop))
        _end_all(loop)
        if left:
            raise LeftoverTasks(f"still running: {', '.join(left)}")
        if loop.failures:
            raise loop.failures[0]
        return result
    finally:
        try:
            _end_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


class _Jump:
    """Stands where a selector stands: instead of waiting for I/O it lets time jump."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout_s: float | None) -> list[object]:
        self._loop.jump(timeout_s)
        return []

    def close(self) -> None:
        pass


class _NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number and not its address."""

    def __init__(self, coro: Coroutine[Any, Any, Any], *, loop: VirtualLoop, **given: Any) -> None:
        self._number = loop.next_task_number()
        super().__init__(coro, loop=loop, name=f"task {self._number}", **given)

    def __hash__(self) -> int:
        return self._number


def _numbered(loop: asyncio.AbstractEventLoop, coro: Any, **given: Any) -> "asyncio.Task[Any]":
    assert isinstance(loop, VirtualLoop)
    return _NumberedTask(coro, loop=loop, **given)


def _remember(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    assert isinstance(loop, VirtualLoop)
    loop.failures.append(context.get("exception") or RuntimeError(context["message"]))


def _end_all(loop: VirtualLoop) -> None:
    tasks = sorted(asyncio.all_tasks(loop), key=hash)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
