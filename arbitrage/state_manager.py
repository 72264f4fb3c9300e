"""StateManager: writes what happened to Redis, behind the orders and never in their way.

It decides nothing: it says when the state cannot be written, and the engine refuses. While Redis is away it keeps the
rows and tries again; nothing is written anywhere else instead.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Final

import structlog

from arbitrage.domain.errors import StateHeld, StateUnavailable
from arbitrage.domain.events import StateDown, StateUp
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.intents import Intent
from arbitrage.domain.remembered import Remembered
from arbitrage.ports import Clock, Emit
from arbitrage.state.from_afar import heard
from arbitrage.state.guard_keeper import GuardKeeper
from arbitrage.state.guard_wiring import ForeignPolicy, GuardWiring
from arbitrage.state.health import StateHealth
from arbitrage.state.keys import Command, RedisAddress, RunFacts, StateKeys
from arbitrage.state.link import StateLink, StateReplaced
from arbitrage.state.outbox import Outbox, RowSource
from arbitrage.state.reading import (
    FIRST_ROW,
    read_alerts,
    read_commands,
    read_heartbeat,
    read_last_command,
    read_old_order_days,
    read_open_plans,
    remember,
)
from arbitrage.state.rows import RowWriter
from arbitrage.state.server import server_problems

log = structlog.get_logger()

HOLDER_ALIVE_NS: Final = 5 * NS_PER_S
"""A heartbeat younger than this is that of a living daemon: it beats each second."""

PROBE_S: Final = 0.2
"""Pause between looks at Redis: so soon is a command heard there, and a hanging server noticed, with the time-out."""

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 2.0
DRAIN_S: Final = 2.0


class StateManager:
    """Keeps the state of one run in Redis: `open` once, then `run` as a task, `close` at the end.

    A batch of rows keeps its number until Redis has confirmed it, so a write whose answer was lost is repeated and
    still counted once. When the rows were emptied or replaced under us, they are begun anew: people and dashboards must
    see what is. Losses and latches are another matter: the `GuardKeeper` takes each numbered intent in before the rows
    of its batch are written, and `guard` says what happens where they are gone. Without `guard` nothing but Redis
    remembers them, which will do where no order is real.
    """

    def __init__(
        self,
        address: RedisAddress,
        facts: RunFacts,
        clock: Clock,
        emit: Emit,
        guard: GuardWiring | None = None,
        sources: Sequence[RowSource] = (),
    ) -> None:
        self._round_trip_s: float | None = None
        self.failure: StateHeld | None = None
        self._clock = clock
        self._emit = emit
        self._pid = facts.pid
        self._down_reason: str | None = None
        self._keys = StateKeys(facts.namespace)
        self._link = StateLink(address, self._keys)
        self._rows = RowWriter(self._keys, facts)
        self._wiring = guard or GuardWiring.without_log(facts.namespace)
        self._guard = GuardKeeper(self._link, self._wiring, clock, emit)
        self._outbox = Outbox(self._rows)
        self._sources = sources
        self._begins_anew = True
        self._batch: list[Command] = []
        self._number = 0
        self._work = asyncio.Event()
        self._claimed = False
        self._server_seen = False
        self._is_up: bool | None = None
        self._beat_at = Instant(0)
        self._day = ""
        self._seen = FIRST_ROW

    async def open(self) -> Remembered:
        """Claim the state, close what an earlier run left open, and return what is known of the past.

        Epoch and fence are those of the guard's account. Raises StateUnavailable if Redis does not answer or holds
        something that cannot be understood; may be called again.
        """
        self._batch = []  # of an earlier try; what it held is read again below
        await self._claim()
        await self._warn_of_server()
        guard = await self._guard.open()
        now = self._clock.now()
        self._outbox.due.append(self._rows.boot())
        plans = await read_open_plans(self._link, self._keys)
        # what is real goes on where it was left: its end is told by whoever recovers it
        unscored = plans if self._wiring.on_foreign is ForeignPolicy.HEAL else ()
        self._outbox.close_plans(unscored, now)
        settled = [plan for plan in plans if plan not in unscored and plan.plan_id not in guard.memory.losses.reserved]
        self._outbox.due += self._rows.forget_plans(settled, now)
        await self._write()
        past = await remember(self._link, self._keys, now, self._rows.day(now))
        alerts = await read_alerts(self._link, self._keys)
        log.info("state_opened", epoch=guard.epoch, fence=guard.fence, unscored_plans=len(unscored))
        return replace(past, epoch=guard.epoch, fence=guard.fence, guard=guard.memory, open_plans=plans, alerts=alerts)

    @property
    def health(self) -> StateHealth:
        """Return how the store does."""
        is_up = bool(self._is_up) and self._down_reason is None
        return StateHealth(is_up=is_up, beat_at=self._beat_at, round_trip_s=self._round_trip_s if is_up else None)

    @property
    def is_behind(self) -> bool:
        """Tell whether something that was told is not written yet."""
        return bool(self._batch or self._outbox or self._guard.told)

    async def verify_server(self) -> list[str]:
        """Return what speaks against trusting this Redis with real losses, a line each; Live refuses it then."""
        return await server_problems(self._link)

    def publish(self, intent: Intent) -> None:
        """Take an intent over to be written. Never blocks, never raises; of views only the newest is kept."""
        self._outbox.put(intent)
        self._work.set()

    async def run(self) -> None:
        """Write until cancelled; tell the engine when that stops being possible, and when it is again.

        Returns, with `failure` set, once another daemon has taken the state over.
        """
        wait_s = FIRST_WAIT_S
        while True:
            _heed_cancellation()
            try:
                await self._turn()
            except StateHeld as held:
                self.failure = held
                self._say_down(held)
                return
            except StateUnavailable as error:
                self._say_down(error)
                await asyncio.sleep(wait_s)
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)
            else:
                self._say_up()
                wait_s = FIRST_WAIT_S
                await self._wait_for_work()

    async def close(self) -> None:
        """Write what is left, within two seconds, and say in the state that this run stopped on purpose."""
        try:
            if self.failure is None:
                async with asyncio.timeout(DRAIN_S):
                    await self._drain()
        except (StateUnavailable, TimeoutError) as error:
            log.warning("state_not_drained", waiting=len(self._outbox), reason=str(error) or "too slow")
        finally:
            await self._link.close()

    async def _turn(self) -> None:
        if not self._claimed:
            await self._claim()
        if self._batch or self._outbox.entries:
            await self._write()
        await self._guard.look()
        now = self._clock.now()
        await self._listen(now)
        if now - self._beat_at >= NS_PER_S:
            await self._beat(now)
        self._collect()
        while self.is_behind:
            await self._write()

    async def _claim(self) -> None:
        await self._refuse_if_held()
        await self._link.claim()
        self._seen = await read_last_command(self._link, self._keys)
        self._outbox.due = [*self._rows.facts(), *self._rows.heartbeat(self._clock.now())]
        self._begins_anew = True
        self._claimed = True

    async def _refuse_if_held(self) -> None:
        """Raise StateHeld while the heart of another daemon beats in this state."""
        beat_at, pid = await read_heartbeat(self._link, self._keys)
        if pid != self._pid and abs(self._clock.now() - beat_at) < HOLDER_ALIVE_NS:
            raise StateHeld(f"another daemon uses the state {self._keys.namespace}: stop it, or set another APP_ENV")

    async def _warn_of_server(self) -> None:
        if self._wiring.on_foreign is not ForeignPolicy.HEAL or self._server_seen:
            return
        self._server_seen = True
        if problems := await self.verify_server():
            log.warning("state_server_unsafe", problems=problems, meaning="Live would refuse it")

    async def _listen(self, now: Instant) -> None:
        """Look for commands, which tells as well whether Redis answers, and how quickly."""
        asked = perf_counter()
        rows = await read_commands(self._link, self._keys, self._seen)
        self._round_trip_s = perf_counter() - asked
        for row in rows:
            if (asked_for := heard(row, now)) is not None:
                self._emit(asked_for)
            self._seen = row.row_id
        if rows:
            self._outbox.due.append(("SET", self._keys.commands_seen, self._seen))

    def _collect(self) -> None:
        """Take over what others have for Redis: only now that it answers, else it would pile up here."""
        for source in self._sources:
            self._outbox.due += source.rows(self._keys, anew=self._begins_anew)
        self._begins_anew = False

    async def _beat(self, now: Instant) -> None:
        if (day := self._rows.day(now)) != self._day:
            self._outbox.due += self._rows.forget_orders(await read_old_order_days(self._link, self._keys, day))
            self._day = day
        self._outbox.due += self._rows.heartbeat(now)
        self._beat_at = now

    async def _write(self) -> None:
        if not self._batch:
            self._outbox.due += [self._rows.state(self._clock.now(), what) for what in self._guard.told]
            self._guard.told.clear()
            self._batch = self._outbox.next_batch()
            self._number += 1
        await self._account_for_entries()
        try:
            await self._link.apply(self._number, self._batch)
        except StateReplaced:
            self._claimed = False
            log.error("state_emptied", namespace=self._keys.namespace, action="initialised again")
            raise
        self._batch = []

    async def _account_for_entries(self) -> None:
        """Have the guard's account take the batch's entries in; where that fails, the next try goes on from there."""
        entries = self._outbox.entries
        while entries:
            await self._guard.take(entries[0])
            entries.popleft()

    async def _drain(self) -> None:
        if not self._claimed:
            return
        self._collect()
        while self.is_behind:
            await self._write()
        self._outbox.due += self._rows.heartbeat(self._clock.now(), stopped=True)
        await self._write()

    async def _wait_for_work(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_S):
                await self._work.wait()
        self._work.clear()

    def _say_down(self, error: StateUnavailable) -> None:
        if self._down_reason != str(error):
            self._down_reason = str(error)
            log.error("state_down", reason=self._down_reason)
            self._emit(StateDown(self._clock.now(), self._down_reason))

    def _say_up(self) -> None:
        self._outbox.own_up(self._clock.now())
        if not self._is_up or self._down_reason is not None:
            self._is_up, self._down_reason = True, None
            log.info("state_up", redis_epoch=self._link.epoch, redis_fence=self._link.fence)
            self._emit(StateUp(self._clock.now()))


def _heed_cancellation() -> None:
    # what `event_loop.cancel_until_ended` says; a task group whose other task failed cancels only once
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
