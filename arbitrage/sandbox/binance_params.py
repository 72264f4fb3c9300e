"""A request's parameters, read by name: what is missing, malformed, or was never read is refused. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from arbitrage.sandbox.binance_errors import BinanceError, illegal, invalid, missing

T = TypeVar("T")

MOST_PARAMETERS: Final = 64

_DECIMAL: Final = re.compile(r"([0-9]{1,20})(\.[0-9]{1,20})?", re.ASCII)
_LONG: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_SYMBOL: Final = re.compile(r"[A-Z0-9\-_.]{1,20}", re.ASCII)
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)

# base and quote assets have eight decimals (exchangeInfo)
_DECIMALS: Final = 8


def parse_form(raw: bytes) -> dict[str, str]:
    """Read a query string or a form body. Raises BinanceError for a name that comes twice, and for too many."""
    try:
        pairs = parse_qsl(raw.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError as e:
        raise BinanceError(-1101, "Too many parameters sent for this endpoint.") from e
    form = dict(pairs)
    if len(form) != len(pairs):
        raise BinanceError(-1101, "Duplicate values for a parameter detected.")
    return form


class Params:
    """The parameters of one request. Every method raises BinanceError for what the venue would refuse."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._read: set[str] = set()

    def optional(self, name: str) -> str | None:
        """Return a parameter as text, or None if it was not sent."""
        self._read.add(name)
        text = self._given.get(name)
        if text == "":
            raise BinanceError(-1105, f"Parameter '{name}' was empty.")
        return text

    def text(self, name: str) -> str:
        """Return a parameter that must be there."""
        self._read.add(name)
        text = self._given.get(name)
        if not text:
            raise missing(name)
        return text

    def long(self, name: str) -> int | None:
        """Return a whole number, or None if it was not sent."""
        text = self.optional(name)
        if text is not None and not _LONG.fullmatch(text):
            raise illegal(name, "^[0-9]{1,20}$")
        return None if text is None else int(text)

    def decimal(self, name: str) -> Decimal | None:
        """Return a decimal number, or None if it was not sent."""
        text = self.optional(name)
        if text is None:
            return None
        found = _DECIMAL.fullmatch(text)
        if not found:
            raise illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
        if len(found[2] or "") > _DECIMALS + 1:
            raise BinanceError(-1111, f"Parameter '{name}' has too much precision.")
        return Decimal(text)

    def symbol(self) -> str:
        """Return the symbol, which must be there."""
        text = self.text("symbol")
        if not _SYMBOL.fullmatch(text):
            raise illegal("symbol", "^[A-Z0-9-_.]{1,20}$")
        return text

    def client_id(self, name: str) -> str | None:
        """Return a client's id for an order or a cancel, or None if it was not sent."""
        text = self.optional(name)
        if text is not None and not _CLIENT_ID.fullmatch(text):
            raise illegal(name, r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
        return text

    def choice(self, name: str, choices: Mapping[str, T], refusal: BinanceError | None = None) -> T | None:
        """Return what a name out of a closed list stands for, or None if it was not sent."""
        text = self.optional(name)
        if text is None:
            return None
        if text not in choices:
            raise refusal or invalid(name)
        return choices[text]

    def flag(self, name: str) -> bool:
        """Return a truth value; false if it was not sent."""
        return self.choice(name, {"true": True, "false": False, "TRUE": True, "FALSE": False}) or False

    def limit(self, default: int, most: int) -> int:
        """Return how many rows are wanted."""
        wanted = self.long("limit")
        if wanted == 0:
            raise invalid("limit")
        return min(default if wanted is None else wanted, most)

    def finish(self) -> None:
        """Raise BinanceError if something was sent that nobody read."""
        if not self._given.keys() <= self._read:
            read, sent = len(self._read & self._given.keys()), len(self._given)
            message = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
            raise BinanceError(-1104, message)
