"""Binance's trading and account operations on the sandbox's floor, whatever the transport. Knows no HTTP, no socket.

An operation takes parameters and returns the body of its reply, or raises BinanceError. It is carried out even if the
client does not wait for the reply.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from arbitrage.domain.instruments import Instrument, Side
from arbitrage.domain.money import floor_to
from arbitrage.exchange.venue_orders import (
    Change,
    OrderKind,
    OrderRequest,
    Rejection,
    Traded,
    VenueOrder,
    VenueState,
)
from arbitrage.ports import Clock
from arbitrage.sandbox import binance_order_bodies as bodies
from arbitrage.sandbox.binance_account_bodies import tested_commission_body
from arbitrage.sandbox.binance_errors import BinanceError, bad_symbol, neither, rejected, unknown_order
from arbitrage.sandbox.binance_filters import Situation, check_filters, refusal
from arbitrage.sandbox.binance_limits import OrderCounts
from arbitrage.sandbox.binance_order_bodies import generated_id
from arbitrage.sandbox.binance_order_form import read_order
from arbitrage.sandbox.binance_params import Params
from arbitrage.sandbox.floor import Floor

_RESTRICTIONS: Final = {"ONLY_NEW": False, "ONLY_PARTIALLY_FILLED": True}


class BinanceDesk:
    """Places, cancels and finds the orders of one account. `cancel_ids` tells each cancelled order's cancel id."""

    def __init__(self, floor: Floor, clock: Clock, counts: OrderCounts) -> None:
        self.floor = floor
        self.counts = counts
        self.cancel_ids: dict[int, str] = {}
        self._clock = clock
        self._by_client: dict[tuple[str, str], VenueOrder] = {}
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        floor.subscribe(self._learn)

    async def place(self, params: Params) -> dict[str, Any]:
        """Place an order and reply once it has been matched, as the venue does."""
        form = read_order(params)
        params.finish()
        request = self._checked(form.request)
        order = self._submit(request)
        await self._until(order, lambda: order.state is not VenueState.ACCEPTED)
        write = {"ACK": bodies.acknowledged, "RESULT": bodies.placed, "FULL": bodies.filled}
        return write[form.reply](order)

    async def test(self, params: Params) -> dict[str, Any]:
        """Check an order as `place` does, funds aside, and place nothing."""
        form = read_order(params)
        with_rates = params.flag("computeCommissionRates")
        params.finish()
        request = self._checked(form.request)
        rejection = self.floor.core.check(request)
        if rejection is not None:
            raise refusal(rejection)
        return tested_commission_body(self._instrument(request.symbol)) if with_rates else {}

    async def cancel(self, params: Params) -> dict[str, Any]:
        """Cancel one order; the reply is final."""
        self._instrument(symbol := params.symbol())
        order_id, client_id = params.long("orderId"), params.client_id("origClientOrderId")
        cancel_id = params.client_id("newClientOrderId")
        restriction = params.choice(
            "cancelRestrictions",
            _RESTRICTIONS,
            BinanceError(-1145, "cancelRestrictions has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED."),
        )
        params.finish()
        order = self._find(symbol, order_id, client_id)
        if order is None or order.is_over:
            raise unknown_order()
        if restriction is not None and restriction != (order.executed_quantity > 0):
            raise BinanceError(-2011, "Order was not canceled due to cancel restrictions.")
        return await self._cancel(order, cancel_id)

    async def cancel_all(self, params: Params) -> list[dict[str, Any]]:
        """Cancel every open order of a symbol."""
        self._instrument(symbol := params.symbol())
        params.finish()
        orders = self.floor.core.open_orders(symbol)
        if not orders:
            raise unknown_order()
        ends = await asyncio.gather(*(self._cancel_if_open(order) for order in orders))
        return [end for end in ends if end is not None]

    async def show(self, params: Params) -> dict[str, Any]:
        """Show one order, if it can be seen yet."""
        self._instrument(symbol := params.symbol())
        order_id, client_id = params.long("orderId"), params.client_id("origClientOrderId")
        params.finish()
        order = self._find(symbol, order_id, client_id)
        if order is None or not self.floor.is_visible(order):
            raise BinanceError(-2013, "Order does not exist.")
        return bodies.shown(order)

    def _checked(self, request: OrderRequest) -> OrderRequest:
        """Judge an order by everything but the core, and turn a sale for an amount of quote into one of base."""
        bid, ask = self.floor.best(request.symbol, Side.BUY), self.floor.best(request.symbol, Side.SELL)
        instrument = self._instrument(request.symbol)
        if self.floor.knobs.maintenance:
            raise BinanceError(1, "System is under maintenance.", 503)
        if instrument.halted:
            raise rejected("Market is closed.")
        if request.side is Side.SELL and request.funds is not None and bid is not None:
            quantity = floor_to(request.funds / bid, instrument.lot)
            request = replace(request, kind=OrderKind.MARKET, funds=None, quantity=quantity)
        check_filters(request, instrument, Situation(bid, ask, len(self.floor.core.open_orders(request.symbol))))
        before = self._by_client.get((request.symbol, request.client_id))
        if before is not None and not before.is_over:
            raise rejected("Duplicate order sent.")
        return request

    def _submit(self, request: OrderRequest) -> VenueOrder:
        if not request.client_id:
            request = replace(request, client_id=generated_id("order", len(self.floor.core.orders)))
        # counted first, because the order may trade, and so be given back, before we hear of it again
        self.counts.take(self._clock.now())
        order = self.floor.submit(request)
        if isinstance(order, Rejection):
            self.counts.give_back(self._clock.now())
            raise refusal(order)
        self._by_client[request.symbol, request.client_id] = order
        return order

    async def _cancel(self, order: VenueOrder, cancel_id: str | None) -> dict[str, Any]:
        self.cancel_ids[order.order_id] = cancel_id or generated_id("cancel", order.order_id)
        self.floor.cancel(order)
        await self._until(order, lambda: order.is_over)
        if order.state is not VenueState.CANCELED:
            raise unknown_order()
        return bodies.canceled(order, self.cancel_ids[order.order_id])

    async def _cancel_if_open(self, order: VenueOrder) -> dict[str, Any] | None:
        try:
            return await self._cancel(order, None)
        except BinanceError:
            # it traded in the meantime and has no cancel to show
            return None

    def _find(self, symbol: str, order_id: int | None, client_id: str | None) -> VenueOrder | None:
        if order_id is None and client_id is None:
            raise neither("origClientOrderId", "orderId")
        order = self._by_client.get((symbol, client_id or ""))
        if order_id is not None:
            order = self.floor.core.orders.get(order_id)
        if order is None or order.request.symbol != symbol:
            return None
        if client_id is not None and order.request.client_id != client_id:
            raise BinanceError(-2039, "Client order ID is not correct for this order ID.")
        return order

    def _instrument(self, symbol: str) -> Instrument:
        instrument = self.floor.core.instruments.get(symbol)
        if instrument is None:
            raise bad_symbol()
        return instrument

    async def _until(self, order: VenueOrder, is_so: Callable[[], bool]) -> None:
        while not is_so():
            changed = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(order.order_id, []).append(changed)
            await changed

    def _learn(self, change: Change) -> None:
        order = change.order
        if isinstance(change, Traded) and change.trade is order.trades[0]:
            self.counts.give_back(self._clock.now())
        for changed in self._waiting.pop(order.order_id, ()):
            if not changed.done():
                changed.set_result(None)
