"""The API keys, examined: what each may do, and what its account holds. Only questions; nothing here can order.

The same questions and the same judgement as before Live's first order (`arbitrage/live_shell`).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from pydantic import SecretStr

from arbitrage.doctor.finding import Finding, Verdict
from arbitrage.doctor.venues import resolve
from arbitrage.domain.instants import Instant
from arbitrage.exchange.accounts import Balance
from arbitrage.exchange.binance_account import BinanceAccount
from arbitrage.exchange.binance_limits import ALLOWANCES, WANTED_HEADERS
from arbitrage.exchange.binance_requests import BinanceRequests
from arbitrage.exchange.keys import ApiKeys
from arbitrage.exchange.upbit import upbit_lines
from arbitrage.exchange.upbit_account import UpbitAccount
from arbitrage.exchange.upbit_limits import upbit_limiter
from arbitrage.exchange.upbit_signing import UpbitSigner
from arbitrage.live_shell.keys_checked import DAY, binance_problems, ends_soon, upbit_problems
from arbitrage.ports import Clock
from arbitrage.settings import Settings
from arbitrage.wire.http_address import HttpAddress
from arbitrage.wire.limiter import Limiter
from arbitrage.wire.order_line import LineHooks, OrderLines

KEY_FIX: Final = "make a key that may read and trade and nothing else, bound to this machine's address"
UNTOLD_FIX: Final = "does the venue answer (see above), is the key right, and is this machine's address on its list?"


async def upbit_key(settings: Settings, clock: Clock) -> list[Finding]:
    """Return what speaks against the Upbit key. Raises VenueUnreachable if the venue does not tell."""
    keys = _given(settings.upbit_api_key, settings.upbit_secret_key)
    if keys is None:
        return [_not_given("upbit key")]
    await resolve(settings.upbit_rest_url)
    lines = upbit_lines(settings.upbit_rest_url, clock, Random(clock.now()), lambda: None, lambda reason: None)
    account = UpbitAccount(lines, UpbitSigner(keys), clock, upbit_limiter())
    async with _connected(lines):
        key, held = await account.key_info(), await account.balances()
    now = clock.now()
    return list(_judged("upbit key", upbit_problems(key, now), _left(key.expires_at, now), held))


async def binance_key(settings: Settings, clock: Clock) -> list[Finding]:
    """Return what speaks against the Binance key. Raises VenueUnreachable if the venue does not tell."""
    keys = _given(settings.binance_api_key, settings.binance_secret_key)
    if keys is None:
        return [_not_given("binance key")]
    await resolve(settings.binance_rest_url)
    requests = BinanceRequests(HttpAddress.parse(settings.binance_rest_url), keys, clock)
    hooks = LineHooks(wanted=WANTED_HEADERS)
    lines = OrderLines("binance", settings.binance_rest_url, clock, Random(clock.now()), hooks)
    account = BinanceAccount(lines, requests, Limiter(ALLOWANCES), clock)
    async with _connected(lines):
        await account.measure_clock()  # what is asked afterwards is stamped by what it found
        key, held = await account.key_rights(), await account.balances()
    now = clock.now()
    return list(_judged("binance key", binance_problems(key, now), _left(key.expires_at, now), held))


@asynccontextmanager
async def _connected(lines: OrderLines) -> AsyncIterator[None]:
    running = asyncio.create_task(lines.run(), name="lines")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _given(access: SecretStr | None, secret: SecretStr | None) -> ApiKeys | None:
    return ApiKeys(access.get_secret_value(), secret.get_secret_value()) if access and secret else None


def _not_given(name: str) -> Finding:
    return Finding(name, Verdict.OK, "not given; only Live needs one")


def _judged(name: str, problems: Iterable[str], left: str, held: Mapping[str, Balance]) -> Iterator[Finding]:
    found = list(problems)
    yield from (Finding(name, Verdict.BAD, problem, KEY_FIX) for problem in found)
    if left:
        yield Finding(name, Verdict.WARN, left, "make a new one before that")
    if not any(balance.total > 0 for balance in held.values()):
        yield Finding(name, Verdict.WARN, "the account is empty", "Live needs KRW, USDT and coins to trade with")
    elif not found:
        yield Finding(name, Verdict.OK, "it may do what it should, and the account holds something")


def _left(expires_at: Instant | None, now: Instant) -> str:
    if expires_at is None or not ends_soon(expires_at, now):
        return ""
    return f"it expires in {(expires_at - now) / DAY:.1f} days"
