"""Outbox: what waits to be written, and the next batch of it. It keeps the order, and talks to nobody."""

from collections import deque
from typing import Final, Protocol

import structlog

from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import AdoptPlan, Intent, Publish, ReportGuard, ReportPlanEnd, ReportRefusal, SubmitPlan
from arbitrage.domain.plans import TwoLegPlan
from arbitrage.ledger.closing import unscored
from arbitrage.state.guard_store import Entry
from arbitrage.state.keys import Command, StateKeys
from arbitrage.state.rows import RowWriter

log = structlog.get_logger()

QUEUE_LIMIT: Final = 20_000
"""Rows kept while Redis is away; refusals, which only people read, may take half of it."""

INTENTS_PER_BATCH: Final = 200
"""Bounds how long one write may hold Redis: about 1,600 commands, some milliseconds."""


class RowSource(Protocol):
    """Someone who has rows of its own for Redis, such as the log. It is asked a few times a second."""

    def rows(self, keys: StateKeys, *, anew: bool) -> list[Command]:
        """Return what is new since the last time; all of it, if the rows in Redis are begun `anew`."""
        ...


class Outbox:
    """Intents on their way to Redis. `due` are commands that go first, `entries` the last batch's for the guard."""

    def __init__(self, rows: RowWriter) -> None:
        self.due: list[Command] = []
        self.entries: deque[Entry] = deque()
        self._rows = rows
        self._queue: deque[Intent] = deque()
        self._view: Publish | None = None
        self._lost = 0
        self._closed: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.due) + len(self.entries) + len(self._queue) + (self._view is not None)

    def put(self, intent: Intent) -> None:
        """Take an intent over; of views only the newest is kept, and what does not fit is counted."""
        limit = QUEUE_LIMIT // 2 if isinstance(intent, ReportRefusal) else QUEUE_LIMIT
        if isinstance(intent, Publish):
            self._view = intent
        elif len(self._queue) < limit:
            self._queue.append(intent)
        else:
            self._lost += 1

    def close_plans(self, plans: tuple[TwoLegPlan, ...], at: Instant) -> None:
        """Close the rows of plans that nobody followed to their end; an end that comes yet gets no second row."""
        self._closed = frozenset(plan.plan_id for plan in plans)
        for plan in plans:
            self.due += self._rows.rows(ReportPlanEnd(unscored(plan, at)))

    def next_batch(self) -> list[Command]:
        """Return the rows of what has waited longest, and leave its entries in `entries`."""
        batch, self.due = self.due, []
        for _ in range(min(len(self._queue), INTENTS_PER_BATCH)):
            batch += self._taken(self._queue.popleft())
        if self._view:
            batch += self._encoded(self._view)
            self._view = None
        return batch

    def own_up(self, at: Instant) -> None:
        """Write down how much could not be kept, if anything."""
        if self._lost:
            log.error("state_rows_lost", rows=self._lost)
            self.due.append(self._rows.lost(at, self._lost))
            self._lost = 0

    def _taken(self, intent: Intent) -> list[Command]:
        if isinstance(intent, SubmitPlan | AdoptPlan | ReportPlanEnd | ReportGuard) and intent.sequence:
            self.entries.append(intent)
        if isinstance(intent, ReportPlanEnd) and intent.end.plan.plan_id in self._closed:
            return []
        return self._encoded(intent)

    def _encoded(self, intent: Intent) -> list[Command]:
        try:
            return self._rows.rows(intent)
        except (TypeError, ValueError) as error:  # a text that is no UTF-8; one row must not stop the others
            log.error("row_not_written", intent=type(intent).__name__, reason=str(error))
            return []
