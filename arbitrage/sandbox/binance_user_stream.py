"""Binance's user stream: who is subscribed on which connection, and what they are told of each change. No requests."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import count

import msgspec

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.exchange.venue_orders import Change
from arbitrage.sandbox.binance_desk import BinanceDesk
from arbitrage.sandbox.binance_errors import BinanceError
from arbitrage.sandbox.binance_user_events import Event, UserEvents, balance_event, plain_event, position_event
from arbitrage.sandbox.connection import Connection
from arbitrage.sandbox.floor import Floor


class UserStream:
    """One account's subscriptions. `send` puts a private event on a connection."""

    def __init__(self, floor: Floor, desk: BinanceDesk, send: Callable[[Connection, bytes | str], None]) -> None:
        self._floor = floor
        self._send = send
        self._events = UserEvents(desk.cancel_ids)
        self._numbers: dict[Connection, int] = {}
        self._next: dict[Connection, count[int]] = {}
        self._moved: dict[str, None] = {}
        floor.subscribe(self._learn)

    def join(self, connection: Connection) -> int:
        """Subscribe a connection and return the subscription's number. Raises BinanceError if it is subscribed."""
        if connection in self._numbers:
            raise BinanceError(-2035, "User Data Stream subscription already active.")
        self._numbers[connection] = next(self._next.setdefault(connection, count()))
        return self._numbers[connection]

    def unsubscribe(self, connection: Connection, number: int | None) -> None:
        """End a connection's subscription: that one, or whatever there is. Raises BinanceError if there is none."""
        if connection not in self._numbers or number not in (None, self._numbers[connection]):
            raise BinanceError(-2036, "User Data Stream subscription not active.")
        del self._numbers[connection]

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._numbers.pop(connection, None)
        self._next.pop(connection, None)

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Move money from or to the outside and tell of it. Raises ValueError below what is free."""
        self._floor.core.account.deposit(asset, amount)
        self._tell(balance_event(asset, amount, self._now_ms()))
        self._position_later(asset)

    def terminate(self) -> None:
        """End all subscriptions, and say so."""
        self._tell(plain_event("eventStreamTerminated", self._now_ms()))
        self._numbers.clear()

    def _learn(self, change: Change) -> None:
        request = change.order.request
        for event in self._events.of(change, self._now_ms()):
            self._tell(event)
        instrument = self._floor.core.instruments[request.symbol]
        self._position_later(instrument.base, instrument.quote)

    def _position_later(self, *assets: str) -> None:
        """Tell balances once for all changes of this moment, after them: they are those of its end anyway."""
        if not self._moved:
            asyncio.get_running_loop().call_soon(self._tell_position)
        self._moved |= dict.fromkeys(assets)

    def _tell_position(self) -> None:
        account = self._floor.core.account
        self._tell(position_event({asset: account.balance(asset) for asset in self._moved}, self._now_ms()))
        self._moved.clear()

    def _tell(self, event: Event) -> None:
        if not self._numbers:
            return
        written = msgspec.json.encode(event).decode()
        for connection, number in tuple(self._numbers.items()):
            self._send(connection, f'{{"subscriptionId":{number},"event":{written}}}')

    def _now_ms(self) -> int:
        return self._floor.now() // NS_PER_MS
