"""The seams between the core and the world, as protocols. No implementation lives here."""

from collections.abc import Callable, Sequence
from typing import Protocol

from arbitrage.books.book import Book
from arbitrage.domain.events import Event
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import Intent, Noted
from arbitrage.domain.plans import Order

Emit = Callable[[Event], None]
"""How an event enters the runner: `Runner.on_event`. Synchronous; never raises for what the event says."""


Later = Callable[[Callable[[], None]], object]
"""How to run something soon, but not now: `loop.call_soon` in a daemon, at once in a replay."""


Ready = Callable[[], bool]
"""Writes an order that was signed, at once. False: it was not written after all, and an event says why."""


class Clock(Protocol):
    """Where the shell gets the time that it stamps on events."""

    def now(self) -> Instant:
        """Return the present; never less than what it returned before."""
        ...


class BookReader(Protocol):
    """Someone who shows a book as it stands. It is the engine's own: look, and do not keep it."""

    def find(self, venue: Venue, symbol: str) -> Book | None:
        """Return the book of an instrument, or None if it is not watched."""
        ...


class Intents(Protocol):
    """The local intent log: what was decided is in it before it leaves this machine."""

    def note(self, intent: Noted) -> None:
        """Write an entry down, by one write. Raises OSError if it cannot be: then nothing may be sent."""
        ...


class Gateway(Protocol):
    """Where orders go. What becomes of one comes back later as events, never during a call; none of these waits."""

    def submit(self, *orders: Order) -> None:
        """Take orders that belong together: those of a plan, or one. Returns at once; raises only to end the run."""
        ...

    def ask(self, order: Order) -> None:
        """Ask what became of an order that was submitted."""
        ...

    def cancel(self, order: Order) -> None:
        """Ask that an order be taken back."""
        ...

    def inspect(self, order: Order) -> None:
        """Look for an order in its venue's lists, and at the balances there."""
        ...


class Observer(Protocol):
    """Someone who looks at each event after the engine has handled it, such as a gateway that follows the books."""

    def observe(self, event: Event) -> Sequence[Event]:
        """Look at an event; return what follows from it. Must be quick and must not keep book buffers."""
        ...


class Sink(Protocol):
    """Where intents are told after they were performed: journal, state, log, metrics. Never in the way of an order."""

    def publish(self, intent: Intent) -> None:
        """Take an intent over; must not block and must not raise."""
        ...


class Feed(Protocol):
    """A source of events with a task of its own."""

    async def run(self) -> None:
        """Feed events until cancelled."""
        ...
