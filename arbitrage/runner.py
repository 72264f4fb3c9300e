"""The one loop: an event, the engine's intents, the note of each, its performance; telling comes behind.

It decides nothing. What could not be noted is not sent.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from arbitrage.domain.events import Event, IntentLogFailed
from arbitrage.domain.instants import Instant
from arbitrage.domain.intents import (
    AskOrder,
    CancelOrder,
    InspectOrder,
    Intent,
    Noted,
    SubmitHedge,
    SubmitPlan,
    WakeAt,
)
from arbitrage.engine import Engine
from arbitrage.ports import Gateway, Intents, Later, Observer, Sink

Timer = Callable[[Instant], object]
"""How to have a `Wake` told when an instant has come; a tick, each second, does the same a little later."""

_ONLY_ASK: Final = (AskOrder, CancelOrder, InspectOrder, WakeAt)


class Runner:
    """Feeds events to the engine one at a time, in the order of their arrival, and performs what comes out.

    A live feed calls `on_event` straight from its socket callback, so both orders of a plan have left before the
    callback returns. Journal, state, log and metrics are told afterwards.
    """

    def __init__(
        self,
        engine: Engine,
        intents: Intents,
        gateway: Gateway,
        sinks: Sequence[Sink],
        observers: Sequence[Observer],
        later: Later,
    ) -> None:
        self.failure: Exception | None = None
        self.when_failed: Callable[[], None] = lambda: None
        self._timer: Timer = lambda at: None
        self._engine = engine
        self._intents = intents
        self._gateway = gateway
        self._sinks = sinks
        self._observers = observers
        self._later = later
        self._inbox: deque[Event] = deque()
        self._behind: deque[Intent] = deque()
        self._busy = False
        self._will_tell = False

    def wake_by(self, timer: Timer) -> None:
        """Use a timer; without one plans in flight go on at each tick only."""
        self._timer = timer

    def on_event(self, event: Event) -> None:
        """Take an event now, or after the one that is being handled: never in the middle of it."""
        if self.failure is not None:
            return
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inbox:
                self._handle(self._inbox.popleft())
        except Exception as broken:  # noqa: BLE001 - whatever broke, the picture is not to be traded on any more
            self.failure = broken
            self.when_failed()
        finally:
            self._busy = False
        if self._behind and not self._will_tell:
            self._will_tell = True
            self._later(self.tell)

    def tell(self) -> None:
        """Tell every sink of what was done since the last time."""
        self._will_tell = False
        while self._behind:
            intent = self._behind.popleft()
            for sink in self._sinks:
                sink.publish(intent)

    def _handle(self, event: Event) -> None:
        for intent in self._engine.handle(event):
            if self._is_noted(intent, event.at):
                self._perform(intent)
                if not isinstance(intent, _ONLY_ASK):
                    self._behind.append(intent)
        for observer in self._observers:
            self._inbox.extend(observer.observe(event))

    def _perform(self, intent: Intent) -> None:
        match intent:
            case SubmitPlan():
                self._gateway.submit(*intent.orders)
            case SubmitHedge():
                self._gateway.submit(intent.order)
            case AskOrder():
                self._gateway.ask(intent.order)
            case CancelOrder():
                self._gateway.cancel(intent.order)
            case InspectOrder():
                self._gateway.inspect(intent.order)
            case WakeAt():
                self._timer(intent.at)
            case _:
                pass

    def _is_noted(self, intent: Intent, at: Instant) -> bool:
        """Note an intent that must not be forgotten. False: it may not be performed, and the engine is told."""
        if not isinstance(intent, Noted):
            return True
        try:
            self._intents.note(intent)
        except OSError as failure:
            lost = intent.plan.plan_id if isinstance(intent, SubmitPlan) else ""
            self._inbox.append(IntentLogFailed(at, lost, failure.strerror or str(failure)))
            return not lost  # what has happened is told to the sinks all the same, and a way out is never blocked
        return True
