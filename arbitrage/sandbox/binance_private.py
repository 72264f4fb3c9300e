"""Binance's signed operations for both transports: limits, keys and signatures around the desk and the records.

Names are those of the websocket API's methods; weights those of the venue's rest-api page. No HTTP, no socket.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from arbitrage.domain.instants import NS_PER_MS
from arbitrage.ports import Clock
from arbitrage.sandbox.binance_desk import BinanceDesk
from arbitrage.sandbox.binance_errors import BinanceError
from arbitrage.sandbox.binance_gate import READING, TRADING, Credentials, Gate
from arbitrage.sandbox.binance_limits import OrderCounts, too_much_weight, weights
from arbitrage.sandbox.binance_params import Params
from arbitrage.sandbox.binance_records import BinanceRecords
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.keys import Keys
from arbitrage.sandbox.options import Manners

Given = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What carries a request out, what it weighs, and what the key must be allowed.

    `free` operations weigh nothing when they succeed: placing and cancelling (changelog of 2026-03-27). `counts` says
    that replies tell the account's order counts.
    """

    perform: Callable[[Params], Awaitable[Any]]
    weight: Callable[[Given], int]
    permission: str
    free: bool = False
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a request: a body with its status, the weight used so far, and order counts where they belong."""

    status: int
    body: Any
    weight_used: int
    retry_after_s: int = 0
    order_counts: list[dict[str, Any]] = field(default_factory=list)


class BinancePrivate:
    """One account's private side. REST and websocket share one, and with it ids, counts and weights."""

    def __init__(self, floor: Floor, keys: Keys, clock: Clock, manners: Manners) -> None:
        self.floor = floor
        self.clock = clock
        self.manners = manners
        self.weights = weights(manners)
        self.counts = OrderCounts(on=manners.limits)
        self.gate = Gate(floor, keys)
        self.desk = BinanceDesk(floor, clock, self.counts)
        records = BinanceRecords(floor, clock, self.gate, self.counts)
        self.operations = {**_trading(self.desk), **_reading(records)}

    async def serve(self, name: str, given: Given, credentials: Credentials) -> Answer:
        """Let a signed request in, carry it out, and say what it weighed. Never raises for what a client sent."""
        operation = self.operations[name]
        weight = operation.weight(given)
        address = credentials.address
        verdict = self.weights.ask(address, self.clock.now(), 0 if operation.free else weight)
        if not verdict.passes:
            return self.refused(too_much_weight(verdict, self.now_ms()), verdict.used)
        try:
            params = Params(given)
            self.gate.admit(credentials, params, operation.permission)
            body = await operation.perform(params)
        except BinanceError as e:
            if operation.free:
                verdict = self.weights.ask(address, self.clock.now(), weight)
            return self.refused(e, verdict.used)
        counts = self.counts.rows(self.clock.now()) if operation.counts else []
        return Answer(200, body, verdict.used, order_counts=counts)

    def refused(self, error: BinanceError, weight_used: int) -> Answer:
        """Turn a refusal into an answer."""
        return Answer(error.status, error.body, weight_used, error.retry_after_s)

    def now_ms(self) -> int:
        """Return the venue's time."""
        return self.floor.now() // NS_PER_MS


def _trading(desk: BinanceDesk) -> dict[str, Operation]:
    return {
        "order.place": Operation(perform=desk.place, weight=_always(1), permission=TRADING, free=True, counts=True),
        "order.test": Operation(
            perform=desk.test,
            weight=lambda given: 20 if given.get("computeCommissionRates") == "true" else 1,
            permission=TRADING,
        ),
        "order.cancel": Operation(perform=desk.cancel, weight=_always(1), permission=TRADING, free=True),
        "openOrders.cancelAll": Operation(perform=desk.cancel_all, weight=_always(1), permission=TRADING, free=True),
        "order.status": Operation(perform=desk.show, weight=_always(4), permission=READING),
    }


def _reading(records: BinanceRecords) -> dict[str, Operation]:
    weighed: dict[str, tuple[Callable[[Params], Awaitable[Any]], Callable[[Given], int]]] = {
        "openOrders.status": (records.open_orders, lambda given: 6 if "symbol" in given else 80),
        "allOrders": (records.all_orders, _always(20)),
        "myTrades": (records.trades, lambda given: 5 if "orderId" in given else 20),
        "account.status": (records.account, _always(20)),
        "account.commission": (records.commission, _always(20)),
        "account.rateLimits.orders": (records.order_counts, _always(40)),
        "account.apiRestrictions": (records.restrictions, _always(1)),
    }
    return {
        name: Operation(perform=perform, weight=weight, permission=READING)
        for name, (perform, weight) in weighed.items()
    }


def _always(weight: int) -> Callable[[Given], int]:
    return lambda _: weight
