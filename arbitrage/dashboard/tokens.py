"""The two tokens: whether they are strong enough, and which of them was shown. It never shows or keeps a wrong one."""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final, Self

from arbitrage.domain.errors import ConfigurationError
from arbitrage.settings import Settings

HOW_TO: Final = "make one with `arbitrage dashboard --new-token`"

_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]{43,512}", re.ASCII)  # 43 × 6 bits
_HEX: Final = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_HEX_LENGTH: Final = 64  # × 4 bits
_FEWEST_SIGNS: Final = {True: 10, False: 20}
"""How many different signs a token has at least, hex or not: a random one has fewer once in more than 10^9 times."""


class Role(StrEnum):
    """What a token allows: to look, or to lower risk as well."""

    READ = "read"
    CONTROL = "control"


def new_token() -> str:
    """Return a token of 256 bits from the system's source of randomness."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Both tokens, strong and different from each other."""

    read: str = field(repr=False)
    control: str = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the tokens out of the settings. Raises ConfigurationError naming each variable and its weakness."""
        given = {
            "DASHBOARD_READ_TOKEN": settings.dashboard_read_token,
            "DASHBOARD_CONTROL_TOKEN": settings.dashboard_control_token,
        }
        texts = {name: secret.get_secret_value() if secret else "" for name, secret in given.items()}
        complaints = [f"{name} {why}" for name, text in texts.items() if (why := weakness(text))]
        read, control = texts.values()
        if not complaints and hmac.compare_digest(read, control):
            complaints = ["DASHBOARD_READ_TOKEN and DASHBOARD_CONTROL_TOKEN must not be the same"]
        if complaints:
            raise ConfigurationError(f"{'; '.join(complaints)}; {HOW_TO}")
        return cls(read, control)

    def role_of(self, shown: str) -> Role | None:
        """Return what a token allows, None if it is neither; takes the same time for every wrong one."""
        raw = shown.encode()
        is_read = hmac.compare_digest(raw, self.read.encode())
        is_control = hmac.compare_digest(raw, self.control.encode())
        return Role.CONTROL if is_control else Role.READ if is_read else None


def weakness(token: str) -> str:
    """Say why a token may be guessed, "" if it looks like 256 bits of randomness. Never repeats the token."""
    if not token:
        return "is not set (there is no default)"
    is_hex = bool(_HEX.fullmatch(token))
    if not _URL_SAFE.fullmatch(token) or (is_hex and len(token) < _HEX_LENGTH):
        return "must be at least 43 letters, digits, - or _ of randomness, or 64 hex digits"
    if len(set(token)) < _FEWEST_SIGNS[is_hex] or _repeats_itself(token) or _counts(token):
        return "has a pattern, so it is not random"
    return ""


def _repeats_itself(token: str) -> bool:
    """Tell whether the token is one piece written again and again, the last time perhaps in part."""
    return any(token == (token[:period] * len(token))[: len(token)] for period in range(1, len(token) // 2 + 1))


def _counts(token: str) -> bool:
    """Tell whether most signs are the one before it, or its neighbour in the alphabet."""
    steps = [abs(ord(sign) - ord(before)) for before, sign in pairwise(token)]
    return sum(step <= 1 for step in steps) > len(steps) / 2
