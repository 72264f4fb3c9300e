"""Upbit's signatures: a token for each request, over its parameters (docs.upbit.com, auth). Pure but for the nonce.

Nothing here is logged, and no error text holds a key, a token or what it was made of.
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote

from arbitrage.exchange.keys import ApiKeys

Field = tuple[str, str]
"""A parameter: name and value. A list is `name[]` with one value, as often as there are values."""

ALGORITHMS: Final = {"HS256": "sha256", "HS512": "sha512"}
"""The venue takes both; its documents sign with HS512, its SDK with HS256."""


def fresh_nonce() -> str:
    """Return a UUID that has never been used: the venue refuses one that it has seen (auth, `nonce_used`)."""
    digits = secrets.token_hex(16)
    # version 4 and variant 8 in their places (RFC 9562); by hand, because uuid.UUID takes three times as long
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def signed_text(fields: Iterable[Field]) -> str:
    """Write parameters as they are hashed: in the order sent, and not percent-encoded."""
    return "&".join([f"{name}={value}" for name, value in fields])


def sent_query(fields: Iterable[Field]) -> str:
    """Write parameters as they are sent: values percent-encoded, the brackets of a list's name as they are."""
    return "&".join([f"{name}={quote(value, safe='')}" for name, value in fields])


class UpbitSigner:
    """Signs with one account's keys. What is the same in each token is prepared once."""

    def __init__(self, keys: ApiKeys, nonce: Callable[[], str] = fresh_nonce, algorithm: str = "HS512") -> None:
        self._access_key = keys.access
        self._nonce = nonce
        self._mac = hmac.new(keys.secret.encode(), digestmod=ALGORITHMS[algorithm])
        self._head = _encoded(f'{{"alg":"{algorithm}","typ":"JWT"}}'.encode()) + b"."
        self._claims = f'{{"access_key":{json.dumps(keys.access)},"nonce":"'

    @property
    def access_key(self) -> str:
        """Return the name of the key, by which the venue lists it."""
        return self._access_key

    def token(self, signed: str = "") -> str:
        """Return a token for one request with these parameters (see `signed_text`), or with none."""
        claims = f'{self._claims}{self._nonce()}"'
        if signed:
            query_hash = hashlib.sha512(signed.encode()).hexdigest()
            claims = f'{claims},"query_hash":"{query_hash}","query_hash_alg":"SHA512"'
        text = self._head + _encoded(f"{claims}}}".encode())
        mac = self._mac.copy()
        mac.update(text)
        return (text + b"." + _encoded(mac.digest())).decode()


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")
