"""UpbitAccount: questions about the account, off the order path: balances, lists of orders, the key. Reads only.

They wait for a connection that orders do not need, and leave orders their share of the rate limit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct

from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant, Nanos, after
from arbitrage.domain.instruments import Venue
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.listed_orders import ListedOrder
from arbitrage.exchange.outcomes import Question, upbit_outcome
from arbitrage.exchange.upbit_limits import DEFAULT, learn
from arbitrage.exchange.upbit_signing import Field, UpbitSigner, sent_query, signed_text
from arbitrage.exchange.upbit_words import (
    AccountRow,
    Chance,
    ChanceRow,
    OrderRow,
    balances,
    chance,
    decoded,
    instant,
    listed,
)
from arbitrage.ports import Clock
from arbitrage.wire.http import VenueFailed
from arbitrage.wire.http_address import RequestForm
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import OrderLines
from arbitrage.wire.quiet_log import one_line

R = TypeVar("R")
T = TypeVar("T")

ASK_S: Final = 5.0
OPEN_PAGE: Final = 100
CLOSED_PAGE: Final = 1_000
MOST_PAGES: Final = 50
"""Rows of a page at most (docs.upbit.com, list-open-orders, list-closed-orders), and pages that we would read."""

WINDOW: Final = Nanos(7 * 86_400 * NS_PER_S)
"""The closed list shows at most seven days at a time, by creation (docs.upbit.com, list-closed-orders)."""

MOVES_MONEY: Final = frozenset({"withdraw", "transfer"})

_VENUE: Final = Venue.UPBIT.value
_NOT_ALLOWED: Final = frozenset({401, 403, 404})
_Text = Annotated[str, Meta(max_length=256)]


class _KeyRow(Struct):
    access_key: _Text
    expire_at: _Text


class _WalletRow(Struct):
    currency: _Text
    wallet_state: _Text


class _PocketKey(Struct):
    access_key: _Text
    permissions: list[_Text]
    allowed_ips: list[_Text]


class _Pocket(Struct):
    keys: list[_PocketKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """What is known of the key. None is "the venue does not tell this key": `permissions`, whether it `moves_money`."""

    expires_at: Instant
    permissions: frozenset[str] | None
    allowed_ips: frozenset[str] | None
    moves_money: bool | None


class UpbitAccount:
    """One account. Every question raises VenueFailed where it has no answer that can be believed."""

    def __init__(self, lines: OrderLines, signer: UpbitSigner, clock: Clock, limiter: Limiter) -> None:
        self._lines = lines
        self._signer = signer
        self._clock = clock
        self._limiter = limiter

    async def balances(self) -> Mapping[str, Balance]:
        """Return what the account holds, by currency; what is not named is nothing."""
        return _read(balances, await self._get("/v1/accounts", list[AccountRow]))

    async def open_orders(self) -> Sequence[ListedOrder]:
        """Return every order that is not over, ours or not, reservations included."""
        found: dict[str, ListedOrder] = {}
        for page in range(1, MOST_PAGES + 1):
            fields = (("states[]", "wait"), ("states[]", "watch"), ("page", str(page)), ("limit", str(OPEN_PAGE)))
            rows = await self._get("/v1/orders/open", list[OrderRow], fields)
            found |= {row.uuid: _read(listed, row) for row in rows}
            if len(rows) < OPEN_PAGE:
                return tuple(found.values())
        raise VenueFailed(_VENUE, f"more than {MOST_PAGES * OPEN_PAGE} open orders")

    async def closed_orders(self, since: Instant) -> Sequence[ListedOrder]:
        """Return every order that is over and was created since then, oldest first."""
        found: dict[str, ListedOrder] = {}
        start, now = since, self._clock.now()
        for _ in range(MOST_PAGES):
            rows = await self._closed_from(start)
            found |= {row.order_id: row for row in rows}
            # a full page may have been cut: go on with its newest order
            start = rows[-1].created_at if len(rows) >= CLOSED_PAGE else after(start, WINDOW)
            if start > now:
                return tuple(found.values())
        raise VenueFailed(_VENUE, f"more closed orders than {MOST_PAGES} pages")

    async def chance(self, market: str) -> Chance:
        """Return what the account may do in a market."""
        return _read(chance, await self._get("/v1/orders/chance", ChanceRow, (("market", market),)))

    async def wallets(self) -> Mapping[str, frozenset[str]]:
        """Return the states that a currency's wallets are in, one for each of its networks, in the venue's words."""
        states: dict[str, frozenset[str]] = {}
        for row in await self._get("/v1/status/wallet", list[_WalletRow]):
            states[row.currency] = states.get(row.currency, frozenset()) | {row.wallet_state}
        return states

    async def key_info(self) -> KeyInfo:
        """Return what the venue tells of our key. What it may do, only a key that manages pockets may see."""
        rows = await self._get("/v1/api_keys", list[_KeyRow])
        expiries = [_read(instant, row.expire_at) for row in rows if row.access_key == self._signer.access_key]
        if not expiries:
            raise VenueFailed(_VENUE, "the key that signs is not among the account's keys")
        ours = await self._pocket_key()
        if ours is None:
            moves = await self._may_see_withdrawals()
            return KeyInfo(expires_at=min(expiries), permissions=None, allowed_ips=None, moves_money=moves)
        permissions = frozenset(ours.permissions)
        return KeyInfo(
            expires_at=min(expiries),
            permissions=permissions,
            allowed_ips=frozenset(ours.allowed_ips),
            moves_money=bool(permissions & MOVES_MONEY),
        )

    async def _pocket_key(self) -> _PocketKey | None:
        try:
            pockets = await self._get("/v1/pockets/api_keys", list[_Pocket])
        except VenueFailed as failure:
            if failure.status in _NOT_ALLOWED:
                return None
            raise
        ours = [key for pocket in pockets for key in pocket.keys if key.access_key == self._signer.access_key]
        return ours[0] if ours else None

    async def _may_see_withdrawals(self) -> bool | None:
        """Try a question about withdrawals. False if the key may not ask it, None if the reply proves nothing."""
        try:
            await self._get("/v1/withdraws/chance", dict[str, object], (("currency", "BTC"), ("net_type", "BTC")))
        except VenueFailed as failure:
            if failure.status == 403 and b'"out_of_scope"' in failure.body:
                return False
            if failure.status in _NOT_ALLOWED:
                return None
            raise
        return True

    async def _closed_from(self, start: Instant) -> Sequence[ListedOrder]:
        fields = (("start_time", str(start // NS_PER_MS)), ("limit", str(CLOSED_PAGE)), ("order_by", "asc"))
        return [_read(listed, row) for row in await self._get("/v1/orders/closed", list[OrderRow], fields)]

    async def _get(self, path: str, shape: type[T], fields: Sequence[Field] = ()) -> T:
        if not self._limiter.take(DEFAULT, self._clock.now()):
            raise VenueFailed(_VENUE, f"GET {path} not asked: our rate limit")
        header = f"Authorization: Bearer {self._signer.token(signed_text(fields))}"
        request = RequestForm(self._lines.address, "GET", path).write(sent_query(fields), header)
        reply = await self._lines.ask(request, ASK_S)
        learn(self._limiter, reply, self._clock.now(), DEFAULT)
        if reply.status != 200:
            reason = upbit_outcome(Question.ASK, reply.status, reply.body).reason
            raise VenueFailed(_VENUE, f"GET {path} answered {reason}", reply.status, reply.body)
        try:
            return decoded(reply.body, shape)
        except ValueError as e:
            raise VenueFailed(_VENUE, f"GET {path} answered {e}", reply.status) from e


def _read(reader: Callable[[R], T], row: R) -> T:
    try:
        return reader(row)
    except (ValueError, OverflowError) as e:
        raise VenueFailed(_VENUE, f"a reply that cannot be believed ({one_line(e)})") from e
