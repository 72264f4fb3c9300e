"""Who may ask Binance for what: key, address, permission, signature and time of a request. Executes nothing.

Rules: the venue's rest-api page, "Request security" and "Timing security".
"""

import hmac
import re
from dataclasses import dataclass
from typing import Final

from arbitrage.domain.instants import NS_PER_MS, NS_PER_S
from arbitrage.sandbox.addresses import may_use
from arbitrage.sandbox.binance_errors import BinanceError, illegal, missing
from arbitrage.sandbox.binance_params import Params
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.keys import Keys

READING: Final = "enableReading"
TRADING: Final = "enableSpotAndMarginTrading"
WITHDRAWING: Final = "enableWithdrawals"

USUAL_PERMISSIONS: Final = frozenset({READING, TRADING})
"""What the sandbox's key may do for as long as `Knobs.permissions` says nothing."""

_KEY_FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_WINDOW_FORM: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,3})?", re.ASCII)
_USUAL_WINDOW_MS: Final = 5_000.0
_LONGEST_WINDOW_MS: Final = 60_000.0
_AHEAD_MS: Final = 1_000

# timestamps may be in microseconds; no millisecond has had as many digits yet
_FIRST_MICROSECONDS: Final = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request says of itself. `payload` is exactly what was sent, less the signature."""

    api_key: str | None
    payload: bytes
    signature: str | None
    address: str


def without_signature(raw: bytes) -> tuple[bytes, str | None]:
    """Take the signature out of a query string or form body, and leave every other byte as it is."""
    pairs = raw.split(b"&")
    signatures = [pair for pair in pairs if pair.startswith(b"signature=")]
    rest = b"&".join(pair for pair in pairs if not pair.startswith(b"signature="))
    return rest, signatures[0].partition(b"=")[2].decode(errors="replace") if signatures else None


class Gate:
    """Lets signed requests in. The key's rights are the floor's knobs, as they stand at each request."""

    def __init__(self, floor: Floor, keys: Keys) -> None:
        self._floor = floor
        self._keys = keys
        self._opened_at = floor.now()

    @property
    def permissions(self) -> frozenset[str]:
        """Return what the key may do."""
        return frozenset(self._floor.knobs.permissions) or USUAL_PERMISSIONS

    @property
    def expires_at_ms(self) -> int | None:
        """Return when the key loses its rights, or None for never."""
        lifetime_s = self._floor.knobs.key_expires_in_s
        return None if lifetime_s is None else (self._opened_at + round(lifetime_s * NS_PER_S)) // NS_PER_MS

    def admit(self, credentials: Credentials, params: Params, permission: str) -> None:
        """Raise BinanceError unless the request may pass."""
        self._check_key(credentials, permission)
        timestamp_ms, window_ms = _timing(params)
        params.optional("signature")
        if credentials.signature is None:
            raise missing("signature")
        signed = hmac.new(self._keys.secret.encode(), credentials.payload, "sha256").hexdigest()
        # the venue takes hex in either case
        if not hmac.compare_digest(signed.encode(), credentials.signature.lower().encode(errors="replace")):
            raise BinanceError(-1022, "Signature for this request is not valid.")
        self._check_time(timestamp_ms, window_ms)

    def _check_key(self, credentials: Credentials, permission: str) -> None:
        if not _KEY_FORM.fullmatch(credentials.api_key or ""):
            raise BinanceError(-2014, "API-key format invalid.", 401)
        knobs, expires_at_ms = self._floor.knobs, self.expires_at_ms
        may_pass = (
            hmac.compare_digest((credentials.api_key or "").encode(), self._keys.access.encode())
            and may_use(credentials.address, knobs.allowed_ips)
            and (expires_at_ms is None or self._now_ms() < expires_at_ms)
            and permission in self.permissions
        )
        if not may_pass:
            raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", 401)

    def _check_time(self, timestamp_ms: int, window_ms: float) -> None:
        now_ms = self._now_ms()
        if timestamp_ms >= now_ms + _AHEAD_MS:
            raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now_ms - timestamp_ms > window_ms:
            raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")

    def _now_ms(self) -> int:
        return self._floor.now() // NS_PER_MS


def _timing(params: Params) -> tuple[int, float]:
    params.text("timestamp")
    timestamp, window = params.long("timestamp") or 0, params.optional("recvWindow")
    if window is not None and not _WINDOW_FORM.fullmatch(window):
        raise illegal("recvWindow", r"^[0-9]{1,20}(\.[0-9]{1,3})?$")
    window_ms = _USUAL_WINDOW_MS if window is None else float(window)
    if window_ms > _LONGEST_WINDOW_MS:
        raise BinanceError(-1131, "recvWindow must be less than 60000.")
    return timestamp // 1_000 if timestamp >= _FIRST_MICROSECONDS else timestamp, window_ms
