"""An order desk at Binance without a wire: tests hand out the replies, as text, and look at what was sent."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast
from urllib.parse import parse_qs

from arbitrage.domain.events import Event, OrderReply, VenueTrouble
from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.plans import Order, Purpose
from arbitrage.exchange.binance import BinanceOrders
from arbitrage.exchange.binance_limits import ALLOWANCES
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.exchange.keys import ApiKeys
from arbitrage.wire.http_address import HttpAddress
from arbitrage.wire.http_reply import HttpReply, LineFailure
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.line import Done
from arbitrage.wire.order_line import OrderLines
from tests.clocks import ManualClock

KEYS = ApiKeys("access-key", "secret-key")
ADDRESS = HttpAddress.parse("https://api.binance.com")


def an_order(**changes: Any) -> Order:
    """An order for 0.01 BTC at 65,000."""
    usual: dict[str, Any] = {
        "client_id": "arb-e-1-7-b-1",
        "plan_id": "e-1-7",
        "venue": Venue.BINANCE,
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "quantity": Decimal("0.01"),
        "limit_price": Decimal(65_000),
        "purpose": Purpose.OPEN,
        "decided_at": ManualClock().now(),
        "net_edge_bps": 12.0,
    }
    return Order(**(usual | changes))


def order_body(*fills: dict[str, Any], **changes: Any) -> bytes:
    """The reply to that order: by default it took half of what it wanted, and the rest expired."""
    usual = {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "clientOrderId": "arb-e-1-7-b-1",
        "price": "65000.00",
        "origQty": "0.01000000",
        "executedQty": "0.00500000",
        "cummulativeQuoteQty": "325.00000000",
        "status": "EXPIRED",
        "side": "BUY",
        "fills": fills or [a_fill()],
    }
    return json.dumps({name: value for name, value in (usual | changes).items() if value is not None}).encode()


def a_fill(**changes: Any) -> dict[str, Any]:
    """A fill in a reply to an order, with its fee in the coin that was bought."""
    usual = {"price": "65000", "qty": "0.005", "commission": "0.000005", "commissionAsset": "BTC", "tradeId": 56}
    return usual | changes


def a_trade(**changes: Any) -> dict[str, Any]:
    """The same trade in the list of trades."""
    usual = {"symbol": "BTCUSDT", "id": 56, "orderId": 28, "price": "65000", "qty": "0.005"}
    return usual | {"quoteQty": "325", "commission": "0.000005", "commissionAsset": "BTC"} | changes


def trades_body(*trades: dict[str, Any]) -> bytes:
    """A list of trades."""
    return json.dumps(trades or [a_trade()]).encode()


@dataclass
class Sent:
    """One request, taken apart."""

    method: str
    path: str
    params: dict[str, str]
    raw: bytes
    done: Done
    spare: int


@dataclass
class HandLines:
    """Connections in a test's hand: `idle` of them take a request, and replies come when the test says so."""

    idle: int = 4
    sent: list[Sent] = field(default_factory=list)

    def send(self, request: bytes, done: Done, timeout_s: float, *, spare: int = 0) -> bool:
        if self.idle <= spare:
            return False
        head, _, body = request.partition(b"\r\n\r\n")
        method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
        path, _, query = target.partition("?")
        params = {name: values[0] for name, values in parse_qs(query or body.decode()).items()}
        self.sent.append(Sent(method, path, params, request, done, spare))
        return True


class Desk:
    """The order entry, the venue's replies, and the events that came of it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.lines = HandLines()
        self.limiter = Limiter(ALLOWANCES)
        self.requests = BinanceRequests(ADDRESS, KEYS, self.clock)
        self.events: list[Event | OrderReply] = []
        lines = cast(OrderLines, self.lines)
        self.orders = BinanceOrders(lines, self.requests, self.limiter, self.clock, self.events.append)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Answer the newest request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.lines.sent[-1].done(HttpReply(status, named, body))

    def fail(self, failure: LineFailure) -> None:
        """Let the newest request go without a reply."""
        self.lines.sent[-1].done(failure)

    @property
    def replies(self) -> list[OrderReply]:
        return [event for event in self.events if isinstance(event, OrderReply)]

    @property
    def reply(self) -> OrderReply:
        """The one reply that was told."""
        (one,) = self.replies
        return one

    @property
    def troubles(self) -> list[str]:
        return [event.what for event in self.events if isinstance(event, VenueTrouble)]
