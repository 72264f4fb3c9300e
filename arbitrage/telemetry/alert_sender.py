"""Brings messages to people, each target on a thread of its own: who is slow or dead there holds nobody else up.

What cannot be brought is tried again for a while, and said: in the log, in Redis, in the status.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, Protocol

import structlog

from arbitrage.domain.alerts import Severity, TargetLine
from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.ports import Clock
from arbitrage.telemetry.alert_pace import Message
from arbitrage.wire.backoff import Backoff

log = structlog.get_logger()

WAITING: Final = 100
"""Messages that wait for one target; what is not critical and comes on top is dropped, and counted."""

MOST_WAITING: Final = 1_000
"""The same, of the critical ones: somewhere even they must end."""

GIVE_UP: Final = Nanos(900 * NS_PER_S)
"""What is not critical is not worth trying for longer."""

LONGEST_WAIT_S: Final = 30.0
STUCK: Final = Nanos(10 * NS_PER_S)
"""So long one try may take before it counts as a failure that is still going on."""


class Target(Protocol):
    """One place where people are told. `name` may be shown."""

    @property
    def name(self) -> str: ...

    def notify(self, message: Message) -> str:
        """Bring a message, however long it takes; return why that failed, "" if it did not. Called by a thread."""
        ...


class Courier:
    """Carries messages to one target, in order, on its own thread."""

    def __init__(self, target: Target, clock: Clock, rng: Random, delivered: Callable[[Message], None]) -> None:
        self._target = target
        self._clock = clock
        self._backoff = Backoff(rng, first_s=0.5, longest_s=LONGEST_WAIT_S)
        self._delivered = delivered
        self._waiting: deque[Message] = deque()
        self._changed = threading.Condition()
        self._is_over = False
        self._trying_since: Instant | None = None
        self._failing_since: Instant | None = None
        self._problem = ""
        self._sent = self._lost = 0
        self._thread = threading.Thread(target=self._carry, name=f"alerts-{target.name}", daemon=True)
        self._thread.start()

    def hand(self, message: Message) -> None:
        """Take a message over; never waits."""
        most = MOST_WAITING if message.severity is Severity.CRITICAL else WAITING
        with self._changed:
            if len(self._waiting) >= most:
                self._lost += 1
                return
            self._waiting.append(message)
            self._changed.notify()

    def line(self) -> TargetLine:
        """Return how the target does."""
        with self._changed:
            problem, since = self._problem, self._failing_since
            if not problem and self._trying_since and self._clock.now() - self._trying_since > STUCK:
                problem, since = "it does not answer", self._trying_since
            return TargetLine(
                name=self._target.name,
                problem=problem,
                since=since,
                waiting=len(self._waiting),
                sent=self._sent,
                lost=self._lost,
            )

    def end(self) -> None:
        """Try what waits once more, and end."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def join(self, wait_s: float) -> None:
        """Wait for the end, but not for longer."""
        self._thread.join(wait_s)

    def _carry(self) -> None:
        while (message := self._next()) is not None:
            problem = self._try(message)
            with self._changed:
                self._trying_since = None
                if not problem:
                    self._waiting.popleft()
                    self._sent += 1
                elif self._is_over or self._is_old_news(message):
                    self._waiting.popleft()
                    self._lost += 1
            self._note(problem)
            if not problem:
                self._delivered(message)

    def _is_old_news(self, message: Message) -> bool:
        return message.severity is not Severity.CRITICAL and self._clock.now() - message.at > GIVE_UP

    def _next(self) -> Message | None:
        """Wait for a message, and after a failure for a while longer."""
        with self._changed:
            if self._problem and not self._is_over:
                self._changed.wait_for(lambda: self._is_over, self._backoff.next_s())
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            if not self._waiting:
                return None
            self._trying_since = self._clock.now()
            return self._waiting[0]

    def _try(self, message: Message) -> str:
        try:
            return self._target.notify(message)
        except Exception as failure:  # noqa: BLE001 - whatever a library does there, the next message is tried again
            return type(failure).__name__  # its text may hold the address, and with it the token

    def _note(self, problem: str) -> None:
        if problem and not self._problem:
            self._failing_since = self._clock.now()
            log.error("alert_not_sent", target=self._target.name, problem=problem, action="tried again")
        elif self._problem and not problem:
            log.info("alert_target_answers", target=self._target.name)
            self._backoff.reset()
            self._failing_since = None
        self._problem = problem


class AlertSender:
    """Hands every message to every target."""

    def __init__(self, targets: Sequence[Target], clock: Clock, rng: Random) -> None:
        self._delivered: deque[Message] = deque(maxlen=MOST_WAITING)
        self._couriers = [Courier(target, clock, rng, self._delivered.append) for target in targets]

    def send(self, message: Message) -> None:
        """Take a message over; never waits."""
        for courier in self._couriers:
            courier.hand(message)

    def take_delivered(self) -> list[Message]:
        """Return the messages that a target has taken since the last time."""
        return [self._delivered.popleft() for _ in range(len(self._delivered))]

    def lines(self) -> tuple[TargetLine, ...]:
        """Return how each target does."""
        return tuple(courier.line() for courier in self._couriers)

    def close(self, wait_s: float) -> None:
        """Bring what waits, within `wait_s` for all targets, and end."""
        for courier in self._couriers:
            courier.end()
        for courier in self._couriers:
            courier.join(wait_s / len(self._couriers))
