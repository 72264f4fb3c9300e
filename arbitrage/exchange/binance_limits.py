"""Binance's allowances, and what its replies say of them. It waits for nothing and sends nothing.

Figures: exchangeInfo's rateLimits (2026-11); headers and blocks: rest-api, "IP Limits" and "Unfilled order count".
"""

import re
from collections.abc import Mapping
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.wire.http_reply import HttpReply
from arbitrage.wire.limiter import Allowance, Limiter

WEIGHT: Final = "weight"
ORDERS_10S: Final = "orders_10s"
ORDERS_DAY: Final = "orders_day"

ALLOWANCES: Final[Mapping[str, Allowance]] = {
    WEIGHT: Allowance(limit=6_000, window=Nanos(60 * NS_PER_S), kept=2_000),
    # the venue counts orders that have not traded; here each one counts, which is on the safe side
    ORDERS_10S: Allowance(limit=100, window=Nanos(10 * NS_PER_S), kept=40),
    ORDERS_DAY: Allowance(limit=200_000, window=Nanos(86_400 * NS_PER_S), kept=5_000),
}

_COUNTS: Final = {
    "x-mbx-used-weight-1m": WEIGHT,
    "x-mbx-order-count-10s": ORDERS_10S,
    "x-mbx-order-count-1d": ORDERS_DAY,
}
WANTED_HEADERS: Final = frozenset({*_COUNTS, "retry-after"})
"""The reply headers that the connections have to keep for this."""

# where Retry-After is missing; a ban lasts two minutes or more
_USUAL_BLOCK_S: Final = {429: 10, 418: 120}
_LONGEST_BLOCK_S: Final = 3 * 86_400
_TOO_MANY_ORDERS: Final = b"-1015"
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def learn_limits(limiter: Limiter, reply: HttpReply, at: Instant) -> None:
    """Take over what a reply says was used, and for how long to be silent.

    Too many orders (-1015) block further ones, and not the questions and cancels that lower a risk.
    """
    for header, text in reply.headers.items():
        used = _number(text) if header in _COUNTS else None
        if used is not None:
            limiter.learn_used(_COUNTS[header], used, at)
    if reply.status not in _USUAL_BLOCK_S:
        return
    told_s = _number(reply.headers.get("retry-after"))
    wait_s = _USUAL_BLOCK_S[reply.status] if told_s is None else min(told_s, _LONGEST_BLOCK_S)
    until = Instant(at + wait_s * NS_PER_S)
    if _TOO_MANY_ORDERS in reply.body[:200]:
        limiter.block(until, ORDERS_10S)
    else:
        limiter.block(until)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
