"""The checks before the first order, one by one: each asks, and says in lines what is wrong. They mend nothing."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from arbitrage.domain.events import ClockSample
from arbitrage.domain.instants import from_ms, to_ms
from arbitrage.live_shell.account_terms import AccountTerms
from arbitrage.live_shell.boot_checks import Check
from arbitrage.live_shell.links import VenueLink
from arbitrage.live_shell.past_orders import PastOrders
from arbitrage.ports import Clock

_MOST_NAMED: Final = 3


def server_check(verify: Callable[[], Awaitable[Sequence[str]]]) -> Check:
    """Check that Redis keeps what it is given; `verify` says what speaks against it."""

    async def check() -> Sequence[str]:
        return [f"Redis: {problem}" for problem in await verify()]

    return check


def key_check(link: VenueLink) -> Check:
    """Check what our key may do at a venue."""

    async def check() -> Sequence[str]:
        return [f"{link.venue}: {problem}" for problem in await link.key_problems()]

    return check


def stream_check(link: VenueLink) -> Check:
    """Check that the private stream tells us what happens."""

    async def check() -> Sequence[str]:
        return [] if link.stream.is_up else [f"{link.venue}: the private stream is not up"]

    return check


def balances_check(link: VenueLink) -> Check:
    """Check that balances can be read, and that there is something to trade with."""

    async def check() -> Sequence[str]:
        held = await link.balances()
        return [] if any(balance.total > 0 for balance in held.values()) else [f"{link.venue}: the account is empty"]

    return check


def clock_check(measure: Callable[[], Awaitable[ClockSample]], limit_ms: Callable[[], int]) -> Check:
    """Check that our clock and the venue's agree."""

    async def check() -> Sequence[str]:
        sample = await measure()
        if abs(sample.skew) <= from_ms(limit_ms()):
            return []
        return [f"our clock is {to_ms(sample.skew):+,.0f} ms off {sample.venue}'s (limit {limit_ms()} ms): set it"]

    return check


def virgin_check(links: Sequence[VenueLink], terms: AccountTerms, clock: Clock, is_virgin: Callable[[], bool]) -> Check:
    """Check, for a state without any past, that the venues know of no orders of ours either.

    If they do, it is the state that was lost, and with it perhaps a leg.
    """
    past = PastOrders(links, clock)

    async def check() -> Sequence[str]:
        if not is_virgin():
            return ()
        if terms.universe is None:
            return ("the instruments are not known yet",)
        ours = await past.ours(terms.universe)
        return [_lost(ours)] if ours else []

    return check


def _lost(ours: Sequence[str]) -> str:
    named = ", ".join(ours[:_MOST_NAMED])
    return (
        f"nothing is known of the past, but the venues show {len(ours)} orders of ours within 48 h ({named}): bring "
        "the state back, or check both accounts and begin anew with `arbitrage init-state --reason TEXT`"
    )
