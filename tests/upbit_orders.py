"""Orders for Upbit, and a desk that sends them: our own lines, signer and limiter, with what was told of each order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any

from arbitrage.clock import SystemClock
from arbitrage.domain.events import OrderReply, ReplyKind
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Order, Purpose
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.upbit import Patience, UpbitOrders, upbit_lines
from arbitrage.exchange.upbit_account import UpbitAccount
from arbitrage.exchange.upbit_limits import upbit_limiter
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.sandbox.keys import UPBIT_KEYS
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import LineLimits, OrderLines
from tests.clocks import NOON
from tests.upbit_venue import until
from tests.venue_fakes import eventually

BRISK = LineLimits(connections=3, first_backoff_s=0.01, longest_backoff_s=0.05)


def an_order(client_id: str = "arb-1", **changes: Any) -> Order:
    """Return an order to buy 0.001 BTC at 137,001,000 won or less, or what the changes say."""
    order = Order(
        client_id=client_id,
        plan_id="p-1",
        venue=Venue.UPBIT,
        symbol="KRW-BTC",
        side=Side.BUY,
        quantity=Decimal("0.001"),
        limit_price=Decimal(137_001_000),
        purpose=Purpose.OPEN,
        decided_at=NOON,
        net_edge_bps=20.0,
    )
    return replace(order, **changes)


@dataclass
class Desk:
    """Who trades at Upbit, and everything that was told."""

    lines: OrderLines
    orders: UpbitOrders
    account: UpbitAccount
    limiter: Limiter
    events: list[Any] = field(default_factory=list)

    def told(self, client_id: str = "arb-1") -> list[OrderReply]:
        return [event for event in self.events if isinstance(event, OrderReply) and event.client_id == client_id]

    async def answer(self, count: int = 1, client_id: str = "arb-1") -> OrderReply:
        """Return the newest word on an order, once there are as many."""
        await eventually(lambda: len(self.told(client_id)) >= count)
        return self.told(client_id)[-1]

    async def place(self, order: Order) -> OrderReply:
        """Send an order and return what was told of it."""
        seen = len(self.told(order.client_id))
        self.orders.send(order)
        return await self.answer(seen + 1, order.client_id)

    async def find(self, order: Order) -> OrderReply:
        """Ask once and return what was told."""
        seen = len(self.told(order.client_id))
        self.orders.ask(order)
        return await self.answer(seen + 1, order.client_id)

    async def settle(self, order: Order) -> Any:
        """Ask until the order is over."""
        return await until(lambda: self.find(order), lambda reply: reply.kind is ReplyKind.ENDED)


@asynccontextmanager
async def a_desk(
    url: str,
    keys: Any = UPBIT_KEYS,
    patience: Patience | None = None,
    limits: LineLimits = BRISK,
    signer: UpbitSigner | None = None,
) -> AsyncIterator[Desk]:
    """Trade at an address while the context lasts."""
    clock, limiter, events = SystemClock(), upbit_limiter(), []
    signer = signer or UpbitSigner(ApiKeys(keys.access, keys.secret))
    lines = upbit_lines(url, clock, Random(1), lambda: None, lambda reason: None, limits)
    orders = UpbitOrders(lines, signer, clock, events.append, limiter, patience)
    task = asyncio.create_task(lines.run())
    try:
        await eventually(lambda: lines.idle == limits.connections)
        yield Desk(lines, orders, UpbitAccount(lines, signer, clock, limiter), limiter, events)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
