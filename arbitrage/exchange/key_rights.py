"""What a key may do, as its venue says. Facts only; whether that is too much is decided elsewhere."""

from dataclasses import dataclass

from arbitrage.domain.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """The rights that matter. None is what the venue does not tell: not known, and not no.

    `may_transfer` counts every way to move funds within the venue; `expires_at` None is a key without end.
    """

    may_read: bool
    may_trade: bool
    may_withdraw: bool
    may_transfer: bool
    is_address_bound: bool | None
    expires_at: Instant | None
