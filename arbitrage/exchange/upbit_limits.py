"""Upbit's rate limits: its groups, and what its replies say of them. It sends nothing and waits for nothing."""

import re
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos, after
from arbitrage.wire.http_reply import HttpReply
from arbitrage.wire.limiter import Allowance, Limiter

ORDER: Final = "order"
DEFAULT: Final = "default"

ALLOWANCES: Final = {
    ORDER: Allowance(limit=12, window=Nanos(NS_PER_S), kept=4),
    DEFAULT: Allowance(limit=30, window=Nanos(NS_PER_S), kept=20),
}
"""Requests a second of one pocket (docs.upbit.com, rate-limits, 2026-10-07), by the names in Remaining-Req.

Orders that reduce keep a third of ORDER; cancels and questions about an order two thirds of DEFAULT, away from lists.
"""

REMAINING: Final = "remaining-req"

_REMAINING: Final = re.compile(r"group=([a-z0-9_-]{1,40});.{0,60}?\bsec=([0-9]{1,6})", re.ASCII)
_LENGTH: Final = re.compile(r"([0-9]{1,6}) ?(초|분|sec|min)")
_UNIT_S: Final = {"초": 1, "sec": 1, "분": 60, "min": 60}

_PAUSE: Final = Nanos(NS_PER_S)
"""After a 429: its window is over by then."""

_SHORTEST_BAN: Final = Nanos(10 * NS_PER_S)
_LONGEST_BAN: Final = Nanos(86_400 * NS_PER_S)
"""A 418 says in words how long it lasts, in a form that is not documented. Bounds for what is believed of it."""


def upbit_limiter() -> Limiter:
    """Return a limiter with the venue's allowances."""
    return Limiter(ALLOWANCES)


def learn(limiter: Limiter, reply: HttpReply, at: Instant, group: str) -> None:
    """Take over what a reply to a request of a group says of the limits: what is left, a refusal, a ban."""
    remaining = reply.headers.get(REMAINING)
    if remaining is not None and (found := _REMAINING.match(remaining)):
        limiter.learn_left(found[1], int(found[2]), at)
    if reply.status == 429:
        limiter.block(after(at, _PAUSE), group)
    elif reply.status == 418:
        said = _LENGTH.search(reply.body[:1_000].decode(errors="replace"))
        ban = Nanos(int(said[1]) * _UNIT_S[said[2]] * NS_PER_S) if said else _SHORTEST_BAN
        limiter.block(after(at, min(max(ban, _SHORTEST_BAN), _LONGEST_BAN)))
