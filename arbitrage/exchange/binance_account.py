"""What a Binance account says of itself: orders, balances, fees, the key's rights; and the venue's clock. Reads only.

It decides nothing. Endpoints, weights and page sizes: binance-spot-api-docs, rest-api, "Account endpoints"; the key's
rights: the wallet documents, "Get API Key Permission".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from arbitrage.domain.events import ClockSample
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant, Nanos
from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import decimal_from_wire
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.binance_limits import WEIGHT, learn_limits
from arbitrage.exchange.binance_replies import listed_orders
from arbitrage.exchange.binance_requests import TIME, BinanceRequests
from arbitrage.exchange.key_rights import KeyRights
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.exchange.outcomes import NOT_DECODED, Question, binance_outcome
from arbitrage.ports import Clock
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.http_reply import HttpReply
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import OrderLines
from arbitrage.wire.quiet_log import describe

T = TypeVar("T")

TIMEOUT_S: Final = 10.0
PAGE: Final = 1_000
MOST_PAGES: Final = 100
"""More than any day of ours can fill: a list without end is not believed."""

LONGEST_LOOK: Final = Nanos(86_400 * NS_PER_S)
"""allOrders takes at most 24 hours between startTime and endTime."""

_ORDERS_PATH: Final = "/api/v3/allOrders"
_ACCOUNT_PATH: Final = "/api/v3/account"
_COMMISSION_PATH: Final = "/api/v3/account/commission"
_NO_TIME: Final = 10**15


class _Held(Struct):
    asset: str
    free: str
    locked: str


class _Account(Struct):
    balances: list[_Held]


class _Rates(Struct):
    taker: str
    buyer: str
    seller: str


class _Discount(Struct, rename="camel"):
    enabled_for_account: bool
    enabled_for_symbol: bool


class _Commission(Struct, rename="camel"):
    symbol: str
    standard_commission: _Rates
    special_commission: _Rates
    tax_commission: _Rates
    discount: _Discount


class _Restrictions(Struct, rename="camel"):
    """Every member without a default must be told: what is not said is not taken for a no."""

    ip_restrict: bool
    enable_reading: bool
    enable_spot_and_margin_trading: bool
    enable_withdrawals: bool
    enable_internal_transfer: bool
    permits_universal_transfer: bool
    trading_authority_expiration_time: int | None = None


class _Time(Struct, rename="camel"):
    server_time: int


@dataclass(frozen=True, slots=True)
class Commission:
    """What a taker pays, as a fraction of the notional, and whether fees are taken in BNB at a discount."""

    taker: Decimal
    is_paid_in_bnb: bool


class BinanceAccount:
    """One account's questions, which may wait for a connection. Each raises VenueFailed if it gets no good answer."""

    def __init__(self, lines: OrderLines, requests: BinanceRequests, limiter: Limiter, clock: Clock) -> None:
        self._lines = lines
        self._requests = requests
        self._limiter = limiter
        self._clock = clock

    async def open_orders(self) -> tuple[ListedOrder, ...]:
        """Return every open order of the account, whoever gave it."""
        return await self._orders("/api/v3/openOrders", {}, weight=80)

    async def orders_since(self, symbol: str, since: Instant) -> tuple[ListedOrder, ...]:
        """Return all orders of a symbol that were created since an instant, over or not, oldest first."""
        now = self._clock.now()
        start = Instant(min(since, now) // NS_PER_MS * NS_PER_MS)  # which is as exact as the venue is
        if now - start > LONGEST_LOOK:  # the newest page, whose orders may be of any age, mostly holds all of them
            newest = await self._orders(_ORDERS_PATH, {"symbol": symbol, "limit": str(PAGE)}, weight=20)
            if len(newest) < PAGE or min(order.created_at for order in newest) < start:
                return tuple(order for order in newest if order.created_at >= start)
        return await self._orders_between(symbol, start, now)

    async def _orders_between(self, symbol: str, start: Instant, now: Instant) -> tuple[ListedOrder, ...]:
        found: dict[str, ListedOrder] = {}
        for _ in range(MOST_PAGES):
            end = Instant(min(start + LONGEST_LOOK, now))
            times = {"startTime": str(start // NS_PER_MS), "endTime": str(end // NS_PER_MS)}
            params = {"symbol": symbol, **times, "limit": str(PAGE)}
            page = await self._orders(_ORDERS_PATH, params, weight=20)
            found |= {order.order_id: order for order in page}
            if len(page) < PAGE and end == now:
                return tuple(found.values())
            # orders of the same millisecond may be on both sides of a page's end: they are asked for again
            start = page[-1].created_at if len(page) >= PAGE else end
        raise self._unbelievable(_ORDERS_PATH, ValueError("it has no end"))

    async def balances(self) -> dict[str, Balance]:
        """Return what the account owns by currency; currencies of which there is nothing are left out."""
        account = await self._read(_ACCOUNT_PATH, {"omitZeroBalances": "true"}, _Account, weight=20)
        try:
            return {row.asset: Balance(_amount(row.free), _amount(row.locked)) for row in account.balances}
        except ValueError as failure:
            raise self._unbelievable(_ACCOUNT_PATH, failure) from failure

    async def commission(self, symbol: str) -> Commission:
        """Return what a taker pays on a symbol: the standard, special and tax rates of the worse side."""
        told = await self._read(_COMMISSION_PATH, {"symbol": symbol}, _Commission, weight=20)
        parts = (told.standard_commission, told.special_commission, told.tax_commission)
        try:
            taker = sum((_amount(p.taker) + max(_amount(p.buyer), _amount(p.seller)) for p in parts), Decimal(0))
        except ValueError as failure:
            raise self._unbelievable(_COMMISSION_PATH, failure) from failure
        return Commission(taker, told.discount.enabled_for_account and told.discount.enabled_for_symbol)

    async def key_rights(self) -> KeyRights:
        """Return what the key may do. Rights that the venue does not mention are a failure, not a no."""
        told = await self._read("/sapi/v1/account/apiRestrictions", {}, _Restrictions, weight=1)
        expires_ms = told.trading_authority_expiration_time
        return KeyRights(
            may_read=told.enable_reading,
            may_trade=told.enable_spot_and_margin_trading,
            may_withdraw=told.enable_withdrawals,
            may_transfer=told.enable_internal_transfer or told.permits_universal_transfer,
            is_address_bound=told.ip_restrict,
            expires_at=Instant(expires_ms * NS_PER_MS) if expires_ms and 0 < expires_ms < _NO_TIME else None,
        )

    async def measure_clock(self) -> ClockSample:
        """Return our clock minus the venue's at the middle of the way, and stamp requests with it from now on."""
        asked_at = self._clock.now()
        reply = await self._ask(self._requests.time(), TIME, weight=1)
        came_at = self._clock.now()
        venue_ms = self._decoded(TIME, reply, _Time).server_time
        if not 0 < venue_ms < _NO_TIME:
            raise self._unbelievable(TIME, ValueError("it is not a time"))
        skew = Nanos((asked_at + came_at) // 2 - venue_ms * NS_PER_MS)
        self._requests.skew = skew
        return ClockSample(came_at, Venue.BINANCE, skew)

    async def _orders(self, path: str, params: Mapping[str, str], weight: int) -> tuple[ListedOrder, ...]:
        reply = await self._ask(self._requests.read(path, params), path, weight)
        try:
            return listed_orders(reply.body)
        except ValueError as failure:
            raise self._unbelievable(path, failure) from failure

    async def _read(self, path: str, params: Mapping[str, str], shape: type[T], weight: int) -> T:
        return self._decoded(path, await self._ask(self._requests.read(path, params), path, weight), shape)

    async def _ask(self, request: bytes, path: str, weight: int) -> HttpReply:
        if not self._limiter.take(WEIGHT, self._clock.now(), cost=weight):
            raise VenueFailed(Venue.BINANCE.value, f"GET {path} not asked: no room under the venue's limit on requests")
        reply = await self._lines.ask(request, TIMEOUT_S)
        learn_limits(self._limiter, reply, self._clock.now())
        if reply.status != 200:
            # in the table's words, which repeat no key and no signature
            said = binance_outcome(Question.ASK, reply.status, reply.body).reason
            raise VenueFailed(Venue.BINANCE.value, f"GET {path} answered {said}", reply.status)
        return reply

    def _decoded(self, path: str, reply: HttpReply, shape: type[T]) -> T:
        try:
            return msgspec.json.decode(reply.body, type=shape)
        except NOT_DECODED as failure:
            raise self._unbelievable(path, failure) from failure

    def _unbelievable(self, path: str, why: Exception) -> VenueFailed:
        return VenueFailed(Venue.BINANCE.value, f"GET {path} answered what cannot be believed: {describe(why)}", 200)


def _amount(text: str) -> Decimal:
    value = decimal_from_wire(text)
    if not value >= 0:
        raise ValueError("an amount is below zero")
    return value
