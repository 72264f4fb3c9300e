"""Many seeds, in several processes: each verdict in the order of the seeds, however many processes there are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

import structlog

from tests.simulation.judge import Verdict
from tests.simulation.rules import Rule
from tests.simulation.saga import play


def play_all(seeds: Sequence[int], without: Rule | None = None, jobs: int = 1) -> Iterator[Verdict]:
    """Play seeds, without a word in the log, and yield what came of each."""
    if jobs <= 1:
        with _quiet():
            yield from (play(seed, without) for seed in seeds)
        return
    with get_context("spawn").Pool(jobs, initializer=_be_quiet) as pool:
        yield from pool.imap(partial(play, without=without), seeds, chunksize=10)


@contextmanager
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    _be_quiet()
    try:
        yield
    finally:
        structlog.configure(**before)


def _be_quiet() -> None:
    structlog.configure(processors=[_drop])


def _drop(*_: object) -> str:
    raise structlog.DropEvent
