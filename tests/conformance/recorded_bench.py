"""The bench of Live against a recorded Upbit: what a person's order was answered in March 2026, held again over HTTP.

The recorded client gave its orders no id, ours always does: each answer has ours added, as the venue does for orders
that were given one. Nothing else of an answer is changed.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import yaml
from aiohttp import web

from arbitrage.domain.instruments import Side, Venue
from arbitrage.domain.intents import AskOrder, CancelOrder, Intent
from arbitrage.domain.plans import Order
from tests.conformance.bench import SYMBOLS, Can, Place, Stand
from tests.conformance.sandbox_bench import LiveBench, connected, upbit_sender
from tests.recordings import recordings

Answer = dict[str, Any]

_CONVERSATION: Final = "lifecycle_create_get_cancel"
_CLOSED: Final = "list_closed"
_SAME: Final = ("market", "side", "volume", "price", "ord_type")


class RecordedUpbit:
    """Answers an order, questions about it and its cancel as the real Upbit did.

    After the cancel a question is answered with the row of the same order in the recorded list of closed ones: the
    recording of the conversation itself ends with the cancel.
    """

    def __init__(self) -> None:
        placed, asked, cancelled = _interactions(_CONVERSATION)
        self.wanted: Answer = json.loads(placed["request"]["body"])
        self._answers = {"POST": placed["response"], "GET": asked["response"], "DELETE": cancelled["response"]}
        (listed,) = _interactions(_CLOSED)
        rows = json.loads(listed["response"]["body"]["string"])
        self._closed = next(row for row in rows if all(row[name] == self.wanted[name] for name in _SAME))
        self._ids: set[str] = set()
        self._is_over = False

    def app(self) -> web.Application:
        """Return what serves the recordings; it answers nothing else."""
        app = web.Application()
        app.router.add_post("/v1/orders", self._place)
        app.router.add_get("/v1/order", self._show)
        app.router.add_delete("/v1/order", self._cancel)
        return app

    async def _place(self, request: web.Request) -> web.Response:
        given = await request.json()
        assert {name: given[name] for name in _SAME} == {name: self.wanted[name] for name in _SAME}
        self._ids.add(given["identifier"])
        return self._answer("POST", given["identifier"])

    async def _show(self, request: web.Request) -> web.Response:
        return self._answer("GET", request.query["identifier"], self._closed if self._is_over else None)

    async def _cancel(self, request: web.Request) -> web.Response:
        self._is_over = True
        return self._answer("DELETE", request.query["identifier"])

    def _answer(self, method: str, identifier: str, instead: Answer | None = None) -> web.Response:
        assert identifier in self._ids
        recorded = self._answers[method]
        body = {**(instead or json.loads(recorded["body"]["string"])), "identifier": identifier}
        headers = {"Remaining-Req": recorded["headers"]["Remaining-Req"][0]}
        return web.json_response(body, status=recorded["status"]["code"], headers=headers)


class RecordedBench(LiveBench):
    """Live against the recorded venue. There is one order that it can be sent: the recorded one, which rested."""

    places = ((Venue.UPBIT, Side.BUY),)

    def __init__(self, venue: RecordedUpbit, url: str) -> None:
        self._price = Decimal(venue.wanted["price"])
        self._quantity = Decimal(venue.wanted["volume"])
        # far below the market of its day; the guard is shown a market around it
        super().__init__({SYMBOLS[Venue.UPBIT]: float(self._price)})
        self._is_cancelled = False
        sender, lines = upbit_sender(url, self.clock, self.emit)
        self.lines.append(lines)
        self.wire(self.gateway({Venue.UPBIT: sender}))

    def order(self, place: Place, **changes: object) -> Order:
        return super().order(place, limit_price=self._price, quantity=self._quantity, **changes)

    def levels(self, place: Place) -> list[tuple[Decimal, Decimal]]:
        return [(self._price, self._quantity)]

    def press(self, order: Order) -> Intent:
        """Ask for the end of what rests, and then after it."""
        asked, self._is_cancelled = self._is_cancelled, True
        return AskOrder(order) if asked else CancelOrder(order)


@asynccontextmanager
async def a_recorded_bench() -> AsyncIterator[RecordedBench]:
    """Put Live's gateway on a bench, with the recordings at the other end."""
    recorded = RecordedUpbit()
    runner = web.AppRunner(recorded.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        bench = RecordedBench(recorded, f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with connected(bench):
            yield bench
    finally:
        await runner.cleanup()


def _interactions(name: str) -> list[dict[str, Any]]:
    file = recordings() / "upbit" / "rest" / "orders" / f"{name}.yaml"
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]
    return found


RECORDED = Stand(
    "recorded",
    a_recorded_bench,
    {
        Can.TRADE: "no order of the recordings has filled",
        Can.MOVE_MARKET: "no market was recorded beside the orders",
        Can.JUDGE_ORDERS: "no refusal was recorded",
        Can.CHECK_IDS: "no refusal was recorded",
        Can.SEND_ONCE: "no id was recorded twice",
        Can.BURN_IDS: "no id was recorded twice",
        Can.KNOW_NO_ORDER: "nobody asked for an order that is not there",
        Can.CANCEL_LATE: "nobody cancelled what was over",
        Can.HOLD_ACCOUNT: "no balances were recorded beside the orders",
        Can.LOSE_VENUE: "it is one venue",
    },
    look=recordings,
)
