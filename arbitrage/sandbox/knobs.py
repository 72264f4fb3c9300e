"""What a venue of the sandbox can be told to do differently while it runs: delays, outages, flags. Plain values."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True, kw_only=True)
class Knobs:
    """One venue's behaviour; changed by the control API and by fault scripts, read by the venue as it answers.

    match_after_s      seconds between taking an order on and matching it (Upbit answers before it matches)
    cancel_after_s     seconds between a cancel's answer and the cancel (Upbit's is asynchronous)
    visible_after_s    seconds during which a query by id does not find a new order
    fill_share         part of each level that an order can take (below 1: partial fills)
    clock_ahead_ms     how far the venue's clock is ahead of ours, in ms (negative: behind)
    maintenance        orders are answered with the venue's own words for maintenance
    halted             markets that take no orders, with the venue's status word
    warned             markets with the venue's warning flag
    wallets            wallet state by currency where it is not working ("paused", "withdraw_only", ...)
    price_shock        factor by which a market's prices are off, by symbol (0.68: 32 % down)
    tick               a tick that holds in place of the listed one, by symbol
    permissions        what the API key may do, in the venue's own words
    key_expires_in_s   seconds until the key expires, from the start; None: a year
    allowed_ips        addresses and networks (10.0.0.0/8) that may use the key; empty: any
    """

    match_after_s: float = 0.0
    cancel_after_s: float = 0.0
    visible_after_s: float = 0.0
    fill_share: Decimal = Decimal(1)
    clock_ahead_ms: int = 0
    maintenance: bool = False
    halted: dict[str, str] = field(default_factory=dict)
    warned: set[str] = field(default_factory=set)
    wallets: dict[str, str] = field(default_factory=dict)
    price_shock: dict[str, Decimal] = field(default_factory=dict)
    tick: dict[str, Decimal] = field(default_factory=dict)
    permissions: set[str] = field(default_factory=set)
    key_expires_in_s: float | None = None
    allowed_ips: set[str] = field(default_factory=set)
