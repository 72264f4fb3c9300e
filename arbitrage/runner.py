"""The one loop: an event, the engine's intents, their performance; telling comes behind. It decides nothing."""

from collections import deque
from collections.abc import Callable, Sequence

from arbitrage.domain.events import Event
from arbitrage.domain.intents import Intent, SubmitPlan
from arbitrage.engine import Engine
from arbitrage.ports import Gateway, Observer, Sink

Later = Callable[[Callable[[], None]], object]
"""How to run something soon, but not now: `loop.call_soon` in a daemon, at once in a replay."""


class Runner:
    """Feeds events to the engine one at a time, in the order of their arrival, and performs what comes out.

    A live feed calls `on_event` straight from its socket callback, so both orders of a plan have left before the
    callback returns. Journal, state, log and metrics are told afterwards.
    """

    def __init__(
        self,
        engine: Engine,
        gateway: Gateway,
        sinks: Sequence[Sink],
        observers: Sequence[Observer],
        later: Later,
    ) -> None:
        self.failure: Exception | None = None
        self.when_failed: Callable[[], None] = lambda: None
        self._engine = engine
        self._gateway = gateway
        self._sinks = sinks
        self._observers = observers
        self._later = later
        self._inbox: deque[Event] = deque()
        self._behind: deque[Intent] = deque()
        self._busy = False
        self._will_tell = False

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
            if isinstance(intent, SubmitPlan):
                for order in intent.orders:
                    self._gateway.submit(order)
            self._behind.append(intent)
        for observer in self._observers:
            self._inbox.extend(observer.observe(event))
