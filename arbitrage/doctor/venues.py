"""The venues, examined from outside: names, public questions, websockets, their clock. No key is used here."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from arbitrage.doctor.finding import Finding, Verdict
from arbitrage.domain.errors import VenueUnreachable
from arbitrage.domain.instants import from_ms, to_ms
from arbitrage.domain.instruments import Instrument, Venue
from arbitrage.market_data.binance_feed import streams_url
from arbitrage.market_data.instruments import FX_BASE, measure_binance_skew
from arbitrage.market_data.instruments_binance import binance_instruments
from arbitrage.market_data.instruments_upbit import upbit_instruments
from arbitrage.ports import Clock
from arbitrage.settings import Settings
from arbitrage.wire.http import JsonHttp
from arbitrage.wire.quiet_log import describe

NAME_S: Final = 2.0
ASK_S: Final = 4.0
"""Together below the limit of a check."""

VENUE_FIX: Final = "is there a way out to it (firewall, proxy, DNS), and is its address in the settings right?"

_PORTS: Final = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_FEE: Final = Decimal(0)


async def resolve(url: str) -> None:
    """Find out whether an address's host has an IP address. Raises VenueUnreachable.

    A resolver without a way out may hang for half a minute, and its thread with it: so it is one that nobody waits for.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
    loop, found = asyncio.get_running_loop(), asyncio.Event()
    problem: list[str] = []

    def ask() -> None:
        try:
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as failure:
            problem.append(failure.strerror or describe(failure))
        if not loop.is_closed():
            loop.call_soon_threadsafe(found.set)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        async with asyncio.timeout(NAME_S):
            await found.wait()
    except TimeoutError:
        raise VenueUnreachable(f"{host}: its name was not resolved within {NAME_S:g} s") from None
    if problem:
        raise VenueUnreachable(f"{host}: {problem[0]}")


async def upbit(settings: Settings) -> list[Finding]:
    """Return whether Upbit's REST answers, and trades what we want. Raises VenueUnreachable."""
    await resolve(settings.upbit_rest_url)
    began = time.perf_counter()
    async with JsonHttp(Venue.UPBIT, settings.upbit_rest_url, total_s=ASK_S) as http:
        found = await upbit_instruments((*settings.pairs, FX_BASE), http, _FEE)
    return [_answers("upbit", settings.upbit_rest_url, began), *_left_out("upbit", found)]


async def binance(settings: Settings, clock: Clock) -> list[Finding]:
    """Return whether Binance's REST answers, trades what we want, and has our time. Raises VenueUnreachable."""
    await resolve(settings.binance_rest_url)
    began = time.perf_counter()
    async with JsonHttp(Venue.BINANCE, settings.binance_rest_url, total_s=ASK_S) as http:
        found = await binance_instruments(settings.pairs, http, _FEE)
        reached = _answers("binance", settings.binance_rest_url, began)
        skew = (await measure_binance_skew(http, clock)).skew
    limit_ms = settings.risk_limits().max_clock_skew_ms
    is_right = abs(skew) <= from_ms(limit_ms)
    seen = f"{to_ms(skew):+,.0f} ms off binance's (limit {limit_ms} ms)"
    fix = "" if is_right else "set this machine's clock, and let NTP keep it"
    return [reached, *_left_out("binance", found), Finding("clock", _verdict(is_right), seen, fix)]


async def websocket(name: str, url: str) -> list[Finding]:
    """Return whether a websocket opens. Raises VenueUnreachable."""
    await resolve(url)
    began = time.perf_counter()
    try:
        async with (
            asyncio.timeout(ASK_S),
            aiohttp.ClientSession(trust_env=False) as session,
            session.ws_connect(url, max_msg_size=1 << 20),
        ):
            pass
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as failure:
        raise VenueUnreachable(f"{_host(url)}: no websocket ({describe(failure)})") from failure
    return [_answers(name, url, began)]


def websockets(settings: Settings, *, for_live: bool) -> Mapping[str, str]:
    """Return the websockets that the daemon will open, by what they are called here."""
    symbols = [f"{base}USDT" for base in settings.pairs]
    found = {
        "upbit stream": settings.upbit_ws_url,
        "binance stream": streams_url(settings.binance_ws_url.rstrip("/"), symbols),
    }
    return found | ({"binance orders": settings.binance_ws_api_url} if for_live else {})


async def reference_rate(url: str) -> list[Finding]:
    """Return whether the bank's rate can be had: nothing is traded on it, so nothing is bad about its absence."""
    try:
        await resolve(url)
    except VenueUnreachable as failure:
        fix = "set REFERENCE_RATE_URL=off if nobody needs it"
        return [Finding("reference rate", Verdict.WARN, str(failure), fix)]
    return [Finding("reference rate", Verdict.OK, f"{_host(url)} is known")]


def _answers(name: str, url: str, began: float) -> Finding:
    return Finding(name, Verdict.OK, f"{_host(url)} answers in {(time.perf_counter() - began) * 1_000:,.0f} ms")


def _left_out(name: str, found: Mapping[str, Instrument | str]) -> Iterator[Finding]:
    for base, instrument in found.items():
        if isinstance(instrument, str):
            yield Finding(name, Verdict.WARN, f"{base}: {instrument}", f"take {base} out of PAIRS")


def _verdict(is_good: bool) -> Verdict:
    return Verdict.OK if is_good else Verdict.BAD


def _host(url: str) -> str:
    return urlsplit(url).netloc
