"""Who may use Upbit's private side: the token by hand (HS256, HS512), nonces, query hash, key and address. No HTTP.

Written without a JWT library, so that a client's own library is not checked against itself.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode
from collections import deque
from collections.abc import Mapping, Set
from typing import Any, Final

import msgspec

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.ports import Clock
from arbitrage.sandbox.addresses import may_use
from arbitrage.sandbox.keys import Keys
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.upbit_private_errors import Refused

TRADING: Final = frozenset({"view_account", "view_orders", "make_orders", "manage_pockets"})
"""What a key may do whose permissions nobody has set: trade, and read its own permissions. It cannot withdraw."""

NONCE_KEPT_S: Final = 600
"""For how long a nonce is remembered. The venue does not tell its own time; tokens carry no date."""

# docs.upbit.com auth: a key lives for a year
_KEY_LIFE_S: Final = 365 * 86_400

# docs.upbit.com auth: the example signs with HS512, the SDK with HS256; the venue takes both
_DIGESTS: Final[Mapping[object, str]] = {"HS256": "sha256", "HS512": "sha512"}

_TOKEN: Final = re.compile(r"Bearer ([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]{1,128})", re.ASCII)
_LONGEST_NONCE: Final = 128


class KeyCheck:
    """The one API key of the account, and what was signed with it."""

    def __init__(self, keys: Keys, knobs: Knobs, clock: Clock) -> None:
        self.keys = keys
        self.created_at = clock.now()
        self._knobs = knobs
        self._clock = clock
        self._used: set[str] = set()
        self._used_when: deque[tuple[Instant, str]] = deque()

    @property
    def expires_at(self) -> Instant:
        """Return when the key ends."""
        life_s = self._knobs.key_expires_in_s
        return Instant(self.created_at + round((_KEY_LIFE_S if life_s is None else life_s) * NS_PER_S))

    @property
    def permissions(self) -> Set[str]:
        """Return what the key may do, in the venue's words."""
        return self._knobs.permissions or TRADING

    @property
    def allowed_ips(self) -> Set[str]:
        """Return the addresses that may use the key; none means any."""
        return self._knobs.allowed_ips

    def admit(self, authorization: str | None, remote: str | None, query: str | None) -> None:
        """Let a request in, or raise Refused. `query` is what was signed, or None where nothing is (a handshake).

        A nonce counts as used as soon as the signature is right, whatever is wrong beyond it.
        """
        payload = self._payload(authorization)
        self._use_nonce(payload.get("nonce"))
        now = self._clock.now()
        if now >= self.expires_at:
            raise Refused("expired_access_key")
        if not may_use(remote or "", self.allowed_ips):
            raise Refused("no_authorization_ip")
        if query is not None:
            _check_query(payload, query)

    def demand(self, permission: str) -> None:
        """Raise Refused unless the key has a permission; the empty one has everybody."""
        if permission and permission not in self.permissions:
            raise Refused("out_of_scope")

    def _payload(self, authorization: str | None) -> dict[str, Any]:
        if authorization is None:
            raise Refused("no_authorization_token")
        found = _TOKEN.fullmatch(authorization)
        if found is None:
            raise Refused("jwt_verification")
        header, payload = _decoded(found[1]), _decoded(found[2])
        if payload.get("access_key") != self.keys.access:
            raise Refused("invalid_access_key")
        digest = _DIGESTS.get(_text(header.get("alg")))
        if digest is None:
            raise Refused("jwt_verification")
        # the secret signs as it is; it is not base64
        signed = hmac.new(self.keys.secret.encode(), f"{found[1]}.{found[2]}".encode(), digest).digest()
        if not hmac.compare_digest(signed, _bytes(found[3])):
            raise Refused("jwt_verification")
        return payload

    def _use_nonce(self, nonce: object) -> None:
        if not isinstance(nonce, str) or not 0 < len(nonce) <= _LONGEST_NONCE:
            raise Refused("jwt_verification")
        now = self._clock.now()
        while self._used_when and now - self._used_when[0][0] > NONCE_KEPT_S * NS_PER_S:
            self._used.discard(self._used_when.popleft()[1])
        if nonce in self._used:
            raise Refused("nonce_used")
        self._used.add(nonce)
        self._used_when.append((now, nonce))


def _check_query(payload: Mapping[str, Any], query: str) -> None:
    claimed = payload.get("query_hash")
    if not query and claimed is None:
        return
    wanted = hashlib.sha512(query.encode()).hexdigest().encode()
    if payload.get("query_hash_alg") != "SHA512" or not hmac.compare_digest(wanted, _text(claimed).encode()):
        raise Refused("invalid_query_payload")


def _decoded(part: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(_bytes(part), type=dict[str, Any])
    except (ValueError, RecursionError) as e:
        raise Refused("jwt_verification") from e


def _bytes(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as e:
        raise Refused("jwt_verification") from e


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
