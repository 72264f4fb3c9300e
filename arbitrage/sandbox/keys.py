"""The keys of the sandbox's two accounts. Public on purpose: they open nothing but this machine's play money."""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Keys:
    """What a client signs with: a name that everybody may see, and a secret that only signs."""

    access: str
    secret: str = field(repr=False)


UPBIT_KEYS: Final = Keys("sandbox-upbit-access-key", "sandbox-upbit-secret-key-of-no-worth")
"""The values for UPBIT_API_KEY and UPBIT_SECRET_KEY."""

BINANCE_KEYS: Final = Keys("sandbox-binance-api-key", "sandbox-binance-secret-key-of-no-worth")
"""The values for BINANCE_API_KEY and BINANCE_SECRET_KEY."""
