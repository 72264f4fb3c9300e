"""A bench: one gateway behind the runner that it has in the daemon, and everything that was told of its orders.

What differs between gateways is below: where the market comes from, how time passes, whose account it is. The laws
are in the tests and ask none of that. What a gateway cannot be asked it declares, with the reason.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum, auto
from itertools import count, product
from typing import Any, Final, cast

from arbitrage.books.market import Market
from arbitrage.domain.events import (
    BookSnapshot,
    Event,
    LegReport,
    OrderBlocked,
    OrderReply,
    ReplyKind,
    UniverseChanged,
    VenueDown,
    VenueUp,
    Wake,
)
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Instrument, Side, Venue
from arbitrage.domain.intents import AskOrder, CancelOrder, Intent, SubmitHedge
from arbitrage.domain.plans import Fill, Order, Purpose
from arbitrage.engine import Engine
from arbitrage.exchange.liquidity import ExactLevel
from arbitrage.intents import MemoryIntents
from arbitrage.ports import Gateway, Observer
from arbitrage.runner import Runner

Word = LegReport | OrderReply | OrderBlocked
"""What is told of an order."""

Place = tuple[Venue, Side]

EVERYWHERE: Final[tuple[Place, ...]] = tuple(product(Venue, Side))
SYMBOLS: Final = {Venue.UPBIT: "KRW-BTC", Venue.BINANCE: "BTCUSDT"}
LITTLE: Final = Decimal("0.001")

MOST_QUESTIONS: Final = 100
"""How often an order is asked after before it counts as one that never ends."""

MISSES: Final = 6
"""So many in a row, and the engine counts an order as never sent; it also lets 12 to 15 s pass between them."""

NOTHING: Final = Fill(quantity=Decimal(0), funds=Decimal(0), fee=Decimal(0), fee_currency="")

_NEVER_WAS: Final = (ReplyKind.REFUSED, ReplyKind.BUSY)


class NotOffered(AssertionError):
    """A law asked a bench for what this kind of gateway does not have: it did not declare that it needs it."""


class Can(Enum):
    """What a law needs of a gateway and of what stands behind it."""

    TRADE = auto()
    MOVE_MARKET = auto()
    JUDGE_ORDERS = auto()
    CHECK_IDS = auto()
    SEND_ONCE = auto()
    BURN_IDS = auto()
    ANSWER = auto()
    KNOW_NO_ORDER = auto()
    CANCEL_LATE = auto()
    HOLD_ACCOUNT = auto()
    LOSE_VENUE = auto()


class Bench(ABC):
    """A gateway at work. `mark` begins the log line that each order leaves; "" where none is left."""

    places: Sequence[Place] = EVERYWHERE
    mark = ""

    def __init__(self) -> None:
        self.market = Market()
        self.heard: list[Event] = []
        self.heard_in_a_call: list[Event] = []
        self._wanted: list[Intent] = []
        self._numbers = count(1)
        self._allowed: set[str] = set()

    def wire(self, gateway: Gateway, observers: Sequence[Observer] = ()) -> None:
        """Put a gateway where it stands in the daemon: behind the runner, which has this bench for an engine."""
        self._gateway = _Watched(gateway)
        engine = cast(Engine, self)  # all that the runner needs of one is `handle`
        self.runner = Runner(engine, MemoryIntents(), self._gateway, (), observers, later=lambda tell: tell())

    def handle(self, event: Event) -> Sequence[Intent]:
        """Hear an event as the engine would, and want what the law wants."""
        self.heard.append(event)
        if self._gateway.is_called:
            self.heard_in_a_call.append(event)
        match event:
            case BookSnapshot():
                self.market.replace(event)
            case UniverseChanged():
                self.market.adopt(event.universe)
            case VenueUp() | VenueDown():
                self.market.note(event)
        wanted, self._wanted = self._wanted, []
        return wanted

    # --- what a law does

    def order(self, place: Place, **changes: object) -> Order:
        """Return an order for a little at the best price that it can take, or what the changes say."""
        venue, side = place
        number = next(self._numbers)
        made = Order(
            client_id=f"arb-law-1-{number}-{venue.value[0]}-1",
            plan_id=f"law-1-{number}",
            venue=venue,
            symbol=SYMBOLS[venue],
            side=side,
            quantity=LITTLE,
            limit_price=self.levels(place)[0][0],
            purpose=Purpose.OPEN,
            decided_at=self.now(),
            net_edge_bps=10.0,
        )
        return replace(made, **changes)  # type: ignore[arg-type]  # a builder takes any field

    def submit(self, *orders: Order) -> None:
        """Hand orders over, one right after the other; each is approved once."""
        for order in orders:
            if order.client_id not in self._allowed:
                self._allowed.add(order.client_id)
                self.allow(order)
        self.do(*map(SubmitHedge, orders))

    def do(self, *intents: Intent) -> None:
        """Have intents performed now."""
        self._wanted.extend(intents)
        self.tell(Wake(self.now()))

    def tell(self, event: Event) -> None:
        """Let an event come in. Fails the test if somebody raised on it."""
        self.runner.on_event(event)
        assert self.runner.failure is None, repr(self.runner.failure)

    async def settle(self, order: Order) -> Fill:
        """See an order to its end as the engine does: hear of it, ask again where that is no end. Return its fill."""
        await self.hear(order, 1)
        for _ in range(MOST_QUESTIONS):
            if ends := self.ends(order):
                return ends[0]
            heard = len(self.words(order))
            if [word for word in self.words(order)[-MISSES:] if _is_miss(word)][MISSES - 1 :]:
                return NOTHING
            self.do(self.press(order))
            await self.hear(order, heard + 1)
        raise AssertionError(f"{order.client_id} came to no end: {self.words(order)}")

    async def ask(self, order: Order) -> list[Word]:
        """Ask after an order once; return what is told upon it, if anything."""
        return await self._after(order, AskOrder(order))

    async def cancel(self, order: Order) -> list[Word]:
        """Ask for an order to be taken back; return what is told upon it, if anything."""
        return await self._after(order, CancelOrder(order))

    def words(self, order: Order) -> list[Word]:
        """Return all that was told of an order."""
        return [event for event in self.heard if isinstance(event, Word) and event.client_id == order.client_id]

    def ends(self, order: Order) -> list[Fill]:
        """Return what each end that was told of an order came to: one that never was came to nothing."""
        fills = (_end(word) for word in self.words(order))
        return [fill for fill in fills if fill is not None]

    def moved(self, venue: Venue) -> dict[str, Decimal]:
        """Return what the account at a venue has more, or less, than at the start, by currency."""
        owned = self.owned(venue)
        return {name: amount - self._at_first[venue].get(name, Decimal(0)) for name, amount in owned.items()}

    def remember(self) -> None:
        """Take the account as it is for the start."""
        self._at_first = {venue: self.owned(venue) for venue in Venue}

    async def _after(self, order: Order, intent: Intent) -> list[Word]:
        heard = len(self.words(order))
        self.do(intent)
        await self.hear(order, heard + 1)
        return self.words(order)[heard:]

    # --- what differs

    def allow(self, order: Order) -> None:  # noqa: B027 - most gateways ask for no approval
        """Approve an order, where somebody has to."""

    def press(self, order: Order) -> Intent:
        """Return what is done about an order of which no end is told."""
        return AskOrder(order)

    @abstractmethod
    def now(self) -> Instant:
        """Return the present."""

    @abstractmethod
    async def hear(self, order: Order, words: int) -> None:
        """Let time pass until so many words were told of an order, or for as long as one may take."""

    @abstractmethod
    async def rest(self) -> None:
        """Let time pass until nothing can come any more of what was asked so far."""

    def levels(self, place: Place) -> Sequence[ExactLevel]:
        """Return what an order can take, best first."""
        raise NotOffered

    def instrument(self, venue: Venue) -> Instrument:
        """Return the market's rules."""
        raise NotOffered

    def owned(self, venue: Venue) -> dict[str, Decimal]:
        """Return what the account holds, by currency."""
        raise NotOffered

    def open_orders(self, venue: Venue) -> int:
        """Return how many orders stand open, or hold money."""
        raise NotOffered

    def shift(self, venue: Venue, factor: Decimal) -> None:
        """Let all prices of a market be off by a factor."""
        raise NotOffered

    def halt(self, venue: Venue) -> None:
        """Stop trading in a market."""
        raise NotOffered

    def lose(self, venue: Venue) -> None:
        """Let a venue be out of order."""
        raise NotOffered


@dataclass(frozen=True)
class Stand:
    """A kind of gateway: how to put one on a bench, and what it cannot be asked, with the reason.

    `run` is the loop that a law runs on; `look` skips the test where something is missing on this machine.
    """

    name: str
    open: Callable[[], AbstractAsyncContextManager[Bench]]
    cannot: Mapping[Can, str] = field(default_factory=dict)
    run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run
    look: Callable[[], object] = lambda: None


class _Watched:
    """A gateway, with a mark while one of its calls lasts."""

    def __init__(self, gateway: Gateway) -> None:
        self.is_called = False
        self._gateway = gateway

    def submit(self, *orders: Order) -> None:
        with self._call():
            self._gateway.submit(*orders)

    def ask(self, order: Order) -> None:
        with self._call():
            self._gateway.ask(order)

    def cancel(self, order: Order) -> None:
        with self._call():
            self._gateway.cancel(order)

    def inspect(self, order: Order) -> None:
        with self._call():
            self._gateway.inspect(order)

    @contextmanager
    def _call(self) -> Iterator[None]:
        self.is_called = True
        try:
            yield
        finally:
            self.is_called = False


def _is_miss(word: Word) -> bool:
    return isinstance(word, OrderReply) and word.kind is ReplyKind.MISSING


def _end(word: Word) -> Fill | None:
    match word:
        case LegReport():
            return word.fill
        case OrderReply(kind=ReplyKind.ENDED):
            return word.fill
        case OrderReply() if word.kind not in _NEVER_WAS:
            return None
        case _:
            return NOTHING
