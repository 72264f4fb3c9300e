"""Upbit's private REST: accounts, orders, keys, wallets. It checks who asks and how often; what it says is elsewhere.

What the venue has and this has not: deposits and withdrawals, travel rule, `cancel_and_new`, reservation orders.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web

from arbitrage.exchange.venue_orders import VenueOrder
from arbitrage.ports import Clock
from arbitrage.sandbox.options import Manners
from arbitrage.sandbox.rate_limits import Limit, Verdict, limiter
from arbitrage.sandbox.upbit_private_bodies import (
    accounts_body,
    batch_body,
    chance_body,
    keys_body,
    order_body,
    pocket_keys_body,
    wallets_body,
)
from arbitrage.sandbox.upbit_private_errors import Refused
from arbitrage.sandbox.upbit_private_figures import as_accepted, as_asked, as_it_stands
from arbitrage.sandbox.upbit_private_key import KeyCheck
from arbitrage.sandbox.upbit_private_lists import closed_orders, in_order, open_orders, orders_to_cancel
from arbitrage.sandbox.upbit_private_orders import Register, rehearsal_uuid
from arbitrage.sandbox.upbit_private_params import Params, of_body, of_query

Reply = tuple[int, Any]
"""Status and body."""


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    limit: int
    window_s: int
    minute: int


# docs.upbit.com rate-limits, as of 2026-10-07; `min` as recorded: sixty times the limit
_DEFAULT: Final = _Group("default", 30, 1, 1_800)
_ORDER: Final = _Group("order", 12, 1, 720)
_ORDER_TEST: Final = _Group("order-test", 8, 1, 480)
_CANCEL_ALL: Final = _Group("order-cancel-all", 1, 2, 30)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    method: str
    path: str
    group: _Group
    permission: str
    answer: Callable[[Params], Reply]


class UpbitPrivateRest:
    """The exchange endpoints of one account."""

    def __init__(self, register: Register, key: KeyCheck, clock: Clock, manners: Manners) -> None:
        self._register = register
        self._floor = register.floor
        self._key = key
        self._clock = clock
        # all keys of a pocket share these, and there is one pocket with one key
        self._limits: dict[str, Limit] = {
            group.name: limiter(group.limit, group.window_s, first_block_s=1, on=manners.limits)
            for group in (_DEFAULT, _ORDER, _ORDER_TEST, _CANCEL_ALL)
        }

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes under a path prefix."""
        endpoints = (
            _Endpoint("GET", "/v1/accounts", _DEFAULT, "view_account", self._accounts),
            _Endpoint("GET", "/v1/orders/chance", _DEFAULT, "view_orders", self._chance),
            _Endpoint("POST", "/v1/orders", _ORDER, "make_orders", self._create),
            _Endpoint("POST", "/v1/orders/test", _ORDER_TEST, "make_orders", self._rehearse),
            _Endpoint("GET", "/v1/order", _DEFAULT, "view_orders", self._order),
            _Endpoint("GET", "/v1/orders/uuids", _DEFAULT, "view_orders", self._named),
            _Endpoint("GET", "/v1/orders/open", _DEFAULT, "view_orders", self._open),
            _Endpoint("GET", "/v1/orders/closed", _DEFAULT, "view_orders", self._closed),
            _Endpoint("DELETE", "/v1/order", _DEFAULT, "make_orders", self._cancel),
            _Endpoint("DELETE", "/v1/orders/uuids", _DEFAULT, "make_orders", self._cancel_named),
            _Endpoint("DELETE", "/v1/orders/open", _CANCEL_ALL, "make_orders", self._cancel_open),
            _Endpoint("GET", "/v1/api_keys", _DEFAULT, "", self._keys),
            # docs.upbit.com list-pocket-api-keys: only a key that manages pockets may see what keys may do
            _Endpoint("GET", "/v1/pockets/api_keys", _DEFAULT, "manage_pockets", self._pocket_keys),
            _Endpoint("GET", "/v1/status/wallet", _DEFAULT, "", self._wallets),
        )
        return [web.route(e.method, prefix + e.path, self._handler(e)) for e in endpoints]

    def _handler(self, endpoint: _Endpoint) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            headers: dict[str, str] = {}
            try:
                params = await _read(request)
                self._key.admit(request.headers.get("Authorization"), request.remote, params.signed)
                verdict = self._limits[endpoint.group.name].ask("", self._clock.now())
                headers["Remaining-Req"] = _remaining(endpoint.group, verdict)
                status, body = self._answer(endpoint, params, verdict)
            except Refused as e:
                status, body = e.status, e.body
            return _response(status, body, headers)

        return handle

    def _answer(self, endpoint: _Endpoint, params: Params, verdict: Verdict) -> Reply:
        if not verdict.passes:
            return verdict.status, Refused("too_many_requests").body
        self._key.demand(endpoint.permission)
        if not params.well_formed:
            raise Refused("invalid_parameter", "percent-encoding")
        if self._floor.knobs.maintenance and endpoint.permission == "make_orders":
            raise Refused("market_offline")
        return endpoint.answer(params)

    # --- orders

    def _create(self, params: Params) -> Reply:
        order = self._register.create(params)
        # a snapshot of before the match, whether or not that has happened already
        return 201, order_body((self._register.uuid(order), order.created_at), order.request, as_accepted(order))

    def _rehearse(self, params: Params) -> Reply:
        request, now = self._register.rehearse(params), self._floor.now()
        figures = as_asked(request, self._floor.core.instruments[request.symbol].taker_fee)
        return 201, order_body((rehearsal_uuid(now), now), request, figures)

    def _order(self, params: Params) -> Reply:
        order = self._register.find_visible(params.get("uuid"), params.get("identifier"))
        return 200, self._show(order, trades=True)

    def _named(self, params: Params) -> Reply:
        orders = self._register.find_all(params.many("uuids"), params.many("identifiers"), 100)
        return self._list(in_order(params, self._visible(orders)))

    def _open(self, params: Params) -> Reply:
        return self._list(open_orders(params, self._visible(self._floor.core.live_orders())))

    def _closed(self, params: Params) -> Reply:
        orders = self._visible(self._floor.core.orders.values())
        return self._list(closed_orders(params, orders, self._floor.now()))

    def _cancel(self, params: Params) -> Reply:
        order = self._register.find(params.get("uuid"), params.get("identifier"))
        if order.is_over:
            raise Refused("order_not_found")
        body = self._show(order)
        self._floor.cancel(order)
        return 200, body

    def _cancel_named(self, params: Params) -> Reply:
        return self._cancel_all(self._register.find_all(params.many("uuids"), params.many("identifiers"), 20))

    def _cancel_open(self, params: Params) -> Reply:
        return self._cancel_all(orders_to_cancel(params, self._floor.core.live_orders()))

    def _cancel_all(self, orders: list[VenueOrder]) -> Reply:
        alive = [order for order in orders if not order.is_over]
        over = [order for order in orders if order.is_over]
        for order in alive:
            self._floor.cancel(order)
        return 200, batch_body(self._register, alive, over)

    def _show(self, order: VenueOrder, *, funds: bool = False, trades: bool = False) -> dict[str, Any]:
        named = (self._register.uuid(order), order.created_at)
        return order_body(named, order.request, as_it_stands(order), funds=funds, trades=trades)

    def _list(self, orders: list[VenueOrder]) -> Reply:
        return 200, [self._show(order, funds=True) for order in orders]

    def _visible(self, orders: Iterable[VenueOrder]) -> list[VenueOrder]:
        return [order for order in orders if self._floor.is_visible(order)]

    # --- the account and its key

    def _accounts(self, _: Params) -> Reply:
        return 200, accounts_body(self._floor.core.account)

    def _chance(self, params: Params) -> Reply:
        market = params.need("market")
        instrument = self._floor.core.instruments.get(market)
        if instrument is None:
            raise Refused("notfoundmarket", market)
        return 200, chance_body(instrument, self._floor.knobs.halted.get(market, ""), self._floor.core.account)

    def _keys(self, _: Params) -> Reply:
        return 200, keys_body(self._key.keys.access, self._key.expires_at)

    def _pocket_keys(self, _: Params) -> Reply:
        key = self._key
        life = (key.created_at, key.expires_at)
        return 200, pocket_keys_body(key.keys.access, life, key.permissions, key.allowed_ips)

    def _wallets(self, _: Params) -> Reply:
        return 200, wallets_body(self._floor.core.instruments.values(), self._floor.knobs.wallets, self._floor.now())


async def _read(request: web.Request) -> Params:
    """Read what was signed: a POST's JSON body, else the query. Raises Refused."""
    if request.method != "POST":
        return of_query(request.raw_path.partition("?")[2])
    # docs.upbit.com rest-api-guide: forms are not taken since 2022-03-01
    if request.content_type != "application/json":
        raise Refused("invalid_parameter", "Content-Type")
    try:
        return of_body(await request.read())
    except web.HTTPRequestEntityTooLarge as e:
        raise Refused("payload_too_large") from e
    except (web.RequestPayloadError, ConnectionError) as e:  # nobody may be left to read the answer
        raise Refused("invalid_parameter", "HTTP") from e


def _remaining(group: _Group, verdict: Verdict) -> str:
    return f"group={group.name}; min={group.minute}; sec={verdict.left}"


def _response(status: int, body: Any, headers: dict[str, str]) -> web.Response:
    response = web.Response(status=status, body=msgspec.json.encode(body), headers=headers)
    response.headers["Content-Type"] = "application/json;charset=UTF-8"
    response.headers["Cache-Control"] = "no-cache, no-store, max-age=0, must-revalidate"
    return response
