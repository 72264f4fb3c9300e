"""Many scenarios, each in a process beside this one. It reads no file, judges nothing and prints nothing.

A process that dies takes one scenario with it, never the batch: that scenario has failed, with the reason.
"""

import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from typing import Final

from arbitrage.paper.outcome import Check, Observed, Outcome
from arbitrage.paper.scenario import Scenario

_SPAWN: Final = get_context("spawn")  # a fork would take our threads' locks and the terminal's state along
_NOTHING: Final = Observed(
    trades=0, orders=0, hedges=0, outcomes={}, refusals={}, pnl_krw=Decimal(0), exposure={}, trips=frozenset(),
    latches=frozenset(), trading_state="", times_to_neutral_ms=(), unknown_orders=0, restarts=0, violations=(),
    updates=0, virtual_s=0.0, digest="",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A scenario to be played under a seed; with `pictured` the samples for pictures are brought along."""

    scenario: Scenario
    file: str
    seed: int
    pictured: bool = False


Play = Callable[[Job], Outcome]


def play_all(jobs: Sequence[Job], play: Play, processes: int) -> Generator[tuple[int, Outcome], None, None]:
    """Yield each job's place with its outcome, as they end. Closing it kills what still plays.

    `play` must be a function of a module, because another process has to find it.
    """
    waiting = deque(enumerate(jobs))
    workers: dict[Connection, _Worker] = {}
    try:
        while waiting or workers:
            while waiting and len(workers) < processes:
                worker = _Worker(play)
                workers[worker.pipe] = worker
                worker.give(*waiting.popleft())
            for pipe in wait(list(workers)):
                worker = workers[pipe]  # type: ignore[index]  # wait gives back what it was given
                ended = worker.take()
                if worker.is_usable and waiting:
                    worker.give(*waiting.popleft())
                else:
                    del workers[worker.pipe]
                    worker.end()
                yield ended
    finally:
        for worker in workers.values():
            worker.end()


def broken(job: Job, reason: str) -> Outcome:
    """Return the outcome of a scenario that did not get to its end: nothing seen, one failed check."""
    check = Check(name="comes to its end", wanted="no failure of the program", seen=reason, passed=False)
    return Outcome(name=job.scenario.name, file=job.file, seed=job.seed, observed=_NOTHING, checks=(check,))


class _Worker:
    """A process that plays one job after another."""

    def __init__(self, play: Play) -> None:
        self.pipe, theirs = _SPAWN.Pipe()
        self.is_usable = True
        self._process = _SPAWN.Process(target=_work, args=(theirs, play), daemon=True)
        # Ctrl-C goes to every process of a terminal; it is for us alone, and what is ignored here is so in the child
        with _deaf_to_interrupts():
            self._process.start()
        theirs.close()

    def give(self, place: int, job: Job) -> None:
        self._place, self._job = place, job
        with suppress(BrokenPipeError, ConnectionResetError):  # it died: `take` will find out
            self.pipe.send(job)

    def take(self) -> tuple[int, Outcome]:
        try:
            outcome = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.is_usable = False
            self._process.join()
            return self._place, broken(self._job, f"its process {_ended(self._process.exitcode)}")
        assert isinstance(outcome, Outcome)
        return self._place, outcome

    def end(self) -> None:
        self._process.kill()  # it holds nothing that would want to be put away
        self._process.join()
        self._process.close()
        self.pipe.close()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    held = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, held)


def _work(pipe: Connection, play: Play) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError):  # our parent is gone
        while True:
            job = pipe.recv()
            try:
                outcome = play(job)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this scenario's failure and not the batch's
                outcome = broken(job, _told(error))
            pipe.send(outcome)


def _end_with_parent() -> None:
    """End when the parent has: whoever ends it by a signal does not mean us to play on for nobody."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _told(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text} ({Path(where.filename).name}:{where.lineno})"


def _ended(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
