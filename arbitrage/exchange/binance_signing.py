"""Binance's signature over a request's parameters. Pure: it knows no clock and no order.

Source: binance-spot-api-docs, rest-api, "Request security": HMAC SHA-256 in hex over the parameters as they are sent,
percent-encoded.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import quote


def encoded(params: Mapping[str, str]) -> str:
    """Write parameters as they are sent and signed: percent-encoded, in their order."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in params.items())


def signature(secret: bytes, payload: str) -> str:
    """Return the signature over what is sent. Raises UnicodeEncodeError if that is not ASCII."""
    return hmac.digest(secret, payload.encode("ascii"), "sha256").hex()


class BinanceSigner:
    """Signs with one secret. What its key makes of the algorithm is worked out once."""

    def __init__(self, secret: bytes) -> None:
        self._mac = hmac.new(secret, digestmod="sha256")

    def signed(self, payload: str) -> str:
        """Return the payload with its signature behind it. Raises UnicodeEncodeError if it is not ASCII."""
        mac = self._mac.copy()
        mac.update(payload.encode("ascii"))
        return f"{payload}&signature={mac.hexdigest()}"
