"""What a key may do, judged: it may trade, and move no money; it is bound to addresses, and lasts. Pure."""

from collections.abc import Iterator
from typing import Final

from arbitrage.domain.instants import NS_PER_S, Instant, Nanos
from arbitrage.exchange.key_rights import KeyRights
from arbitrage.exchange.upbit_account import KeyInfo

DAY: Final = Nanos(86_400 * NS_PER_S)

SHORTEST_LIFE: Final = Nanos(7 * DAY)
"""A key that ends sooner is not traded with: it would end while nobody looks (the issue's boot checks)."""

WARNED_LIFE: Final = Nanos(30 * DAY)
"""A key that ends sooner is warned of: making a new one takes a person, and on Upbit an address list."""

NEEDED: Final = frozenset({"view_account", "view_orders", "make_orders"})
"""What an Upbit key has to be able to do, in the venue's words."""


def upbit_problems(key: KeyInfo, now: Instant) -> Iterator[str]:
    """Yield what speaks against an Upbit key. What the venue does not tell of money speaks against it too."""
    if key.moves_money is None:
        yield "whether the key can withdraw cannot be told: give it the right to view nothing but orders and accounts"
    elif key.moves_money:
        yield "the key can move money out: make one without withdrawal and transfer rights"
    if key.permissions is not None and (missing := NEEDED - key.permissions):
        yield f"the key lacks {', '.join(sorted(missing))}"
    if key.allowed_ips is not None and not key.allowed_ips:
        yield "the key can be used from any address: bind it to this machine's"
    yield from _expiry(key.expires_at, now)


def binance_problems(key: KeyRights, now: Instant) -> Iterator[str]:
    """Yield what speaks against a Binance key."""
    if key.may_withdraw:
        yield "the key can withdraw: make one without that right"
    if key.may_transfer:
        yield "the key can transfer: make one without that right"
    if not (key.may_read and key.may_trade):
        yield "the key may not read and trade: allow reading and spot trading"
    if not key.is_address_bound:
        yield "the key can be used from any address: bind it to this machine's"
    if key.expires_at is not None:
        yield from _expiry(key.expires_at, now)


def ends_soon(expires_at: Instant | None, now: Instant) -> bool:
    """Tell whether a person should make a new key in the next weeks."""
    return expires_at is not None and expires_at - now < WARNED_LIFE


def _expiry(expires_at: Instant, now: Instant) -> Iterator[str]:
    left = expires_at - now
    if left <= 0:
        yield "the key has expired: make a new one"
    elif left < SHORTEST_LIFE:
        yield f"the key expires in {left / DAY:.1f} days: make a new one"
