"""What a variable's text may be, one kind for each sort of value. A kind never repeats the text: it may be a secret."""

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, core_schema

Number = TypeVar("Number", int, Decimal)

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
# Decimal() would also take "1_000", " 1", Arabic digits and exponents that fill the memory when written out
_PLAIN: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_NOT_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_BASE: Final = re.compile(r"[A-Z0-9]{2,15}", re.ASCII)
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:]{2,45}", re.ASCII)
_AUTHORITY: Final = re.compile(r"([a-z0-9._-]{1,253}|\[[0-9a-f:]{2,45}\])(:[0-9]{1,5})?", re.ASCII)
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[!-~]{1,2000}", re.ASCII)
_BETWEEN_ADDRESSES: Final = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_YES: Final = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of value, as pydantic metadata: `parse` raises ValueError, `allowed` ends the sentence "must be …"."""

    parse: Callable[[str], object]
    allowed: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let `parse` alone make the value."""
        return core_schema.no_info_plain_validator_function(self._make)

    def _make(self, given: Any) -> object:
        return self.parse(given.get_secret_value() if isinstance(given, SecretStr) else str(given))


def whole(low: int, high: int) -> Kind:
    """Make the kind of a whole number within bounds."""

    def parse(text: str) -> int:
        return _within(int(_matched(_WHOLE, text)), low, high)

    return Kind(parse, f"a whole number from {low} to {high}")


def amount(low: int, high: int) -> Kind:
    """Make the kind of a decimal number within bounds."""

    def parse(text: str) -> Decimal:
        return _within(Decimal(_matched(_PLAIN, text)), low, high)

    return Kind(parse, f"a plain number from {low} to {high}")


def one_of(*words: str) -> Kind:
    """Make the kind of a word out of a list, in any case."""
    spelt = {word.lower(): word for word in words}

    def parse(text: str) -> str:
        return spelt[_known(text.lower(), spelt)]

    return Kind(parse, f"one of {', '.join(words)}")


def url(*schemes: str) -> Kind:
    """Make the kind of an address: a scheme, a host, perhaps a port and a path, and nothing else."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        _known(parts.scheme, schemes)
        clean = parts.hostname and text.isascii() and text.isprintable() and " " not in text
        if not clean or "@" in parts.netloc or parts.query or parts.fragment or parts.port == 0:
            raise ValueError
        return text.rstrip("/")

    return Kind(parse, f"an address such as {schemes[0]}://host/path, without user, password or query")


def url_or_off(*schemes: str) -> Kind:
    """Make the kind of an address that may be switched off with the word off."""
    address = url(*schemes)
    return Kind(lambda text: None if text.lower() == "off" else address.parse(text), f"{address.allowed}, or off")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _limit(text: str) -> Decimal:
    # zero, negative and NaN are numbers: the gate judges them, and says so
    return Decimal(text) if _NOT_FINITE.fullmatch(text) else Decimal(_matched(_PLAIN, text))


def _count_limit(text: str) -> Decimal | int:
    return Decimal(text) if _NOT_FINITE.fullmatch(text) else int(_matched(_WHOLE, text))


def _yes_or_no(text: str) -> bool:
    return _YES[_known(text.lower(), _YES)]


def _pairs(text: str) -> tuple[str, ...]:
    bases = dict.fromkeys(base.strip().upper() for base in text.split(",") if base.strip())
    if not bases:
        raise ValueError
    return tuple(_matched(_BASE, base) for base in bases)


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(_matched(_HOST, host.strip().lower()) for host in text.split(",") if host.strip())


def _authorities(text: str) -> tuple[str, ...]:
    return tuple(_matched(_AUTHORITY, name.strip().lower()) for name in text.split(",") if name.strip())


def _time_zone(text: str) -> str:
    import zoneinfo  # noqa: PLC0415 - only who sets a zone waits for it

    try:
        zoneinfo.ZoneInfo(text)
    except (KeyError, OSError) as failure:
        raise ValueError from failure
    return text


def _path(text: str) -> Path:
    if not text.isprintable():
        raise ValueError
    return Path(text)


def _secret(text: str) -> SecretStr | None:
    secret = text.strip()
    if not secret.isprintable() or not secret.isascii():
        raise ValueError
    return SecretStr(secret) if secret else None


def _addresses(text: str) -> SecretStr | None:
    # a file may have one a line, and an address commas; what it means is known by the library that sends
    found = _BETWEEN_ADDRESSES.split(text.strip()) if text.strip() else ()
    return SecretStr(" ".join(_matched(_ADDRESS, address) for address in found)) if found else None


AS_WRITTEN: Final = Kind(str, "text")
LIMIT: Final = Kind(_limit, "a plain number such as 100000")
COUNT_LIMIT: Final = Kind(_count_limit, "a whole number")
YES_OR_NO: Final = Kind(_yes_or_no, "true or false")
PAIRS: Final = Kind(_pairs, "a list of at least one base asset such as BTC,ETH (2 to 15 letters or digits each)")
HOST: Final = Kind(lambda text: _matched(_HOST, text), "a host name or an IP address")
HOSTS: Final = Kind(_hosts, "a list of host names such as sandbox,127.0.0.1")
AUTHORITIES: Final = Kind(
    _authorities, "a list of hosts, with the port as browsers write it: desk.example.com,10.0.0.5:8080"
)
LABEL: Final = Kind(lambda text: _matched(_LABEL, text), "a word of at most 32 letters, digits, _ or -")
TIME_ZONE: Final = Kind(_time_zone, "a time zone such as Asia/Seoul")
PATH: Final = Kind(_path, "a path")
ADDRESSES: Final = Kind(_addresses, "a list of addresses such as tgram://token/chat (separated by spaces or commas)")
SECRET: Final = Kind(_secret, "one line of printable ASCII")


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError
    return text


def _known(word: str, words: Container[str]) -> str:
    if word not in words:
        raise ValueError
    return word


def _within(value: Number, low: int, high: int) -> Number:
    if not low <= value <= high:
        raise ValueError
    return value
