"""The parameters of a request to Upbit's private side: as they were signed, and as they are read. Pure.

What is signed is the query without percent-encoding, in the order sent; of a body its top-level fields, written
`name=value` and joined by `&`. A list is signed as `name[]=value` for each of its items.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import unquote

import msgspec

from arbitrage.domain.money import decimal_from_wire
from arbitrage.sandbox.upbit_private_errors import Refused

# docs.upbit.com auth: what must be percent-encoded in a value and is often forgotten, as in `2026-11-22T12:00:00+09:00`
_MUST_BE_ENCODED: Final = frozenset(":+ ")


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters in their order. `signed` is what the query hash is over; `well_formed` says how they were sent."""

    signed: str
    pairs: tuple[tuple[str, str], ...]
    well_formed: bool = True

    def get(self, name: str) -> str | None:
        """Return one value; an empty one counts as not given."""
        return next((value for key, value in self.pairs if key == name), None) or None

    def need(self, name: str) -> str:
        """Return one value. Raises Refused where it is not given."""
        value = self.get(name)
        if value is None:
            raise Refused("validation_error", f"{name} is missing")
        return value

    def many(self, name: str) -> list[str]:
        """Return the values of a list, sent as `name[]`."""
        return [value for key, value in self.pairs if key == f"{name}[]"]

    def split(self, name: str) -> list[str]:
        """Return the values of a list that is sent as one text with commas."""
        return [item for item in (self.get(name) or "").split(",") if item]

    def choice(self, name: str, *allowed: str) -> str:
        """Return one of the allowed values, the first if none is given. Raises Refused for others."""
        value = self.get(name) or allowed[0]
        if value not in allowed:
            raise Refused("validation_error", f"{name} does not have a valid value")
        return value

    def count(self, name: str, default: int, most: int) -> int:
        """Return a number from 1; more than `most` means `most`. Raises Refused for anything else."""
        text = self.get(name) or str(default)
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
            raise Refused("validation_error", f"{name} does not have a valid value")
        return min(int(text), most)

    def amount(self, name: str) -> Decimal | None:
        """Return a price or a quantity above zero, or None where it is not given. Raises Refused for anything else."""
        text = self.get(name)
        if text is None:
            return None
        try:
            value = decimal_from_wire(text)
        except ValueError as e:
            raise Refused("validation_error", f"{name} does not have a valid value") from e
        if value <= 0:
            raise Refused("validation_error", f"{name} does not have a valid value")
        return value


def of_query(raw: str) -> Params:
    """Read a query as it came over the wire."""
    # bytes that are no UTF-8 arrive as lone surrogates, which no reply could carry
    raw = raw.encode(errors="replace").decode()
    parts = [part.partition("=") for part in raw.split("&")] if raw else []
    pairs = tuple((unquote(key), unquote(value)) for key, _, value in parts)
    return Params(unquote(raw), pairs, not any(_MUST_BE_ENCODED & set(value) for _, _, value in parts))


def of_body(body: bytes) -> Params:
    """Read a JSON body. Raises Refused if it is not an object."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw]) if body else {}
        pairs = tuple(pair for name, raw in fields.items() for pair in _pairs(name, raw))
    except (ValueError, RecursionError) as e:
        raise Refused("invalid_parameter", "JSON") from e
    return Params("&".join(f"{key}={value}" for key, value in pairs), pairs)


def _pairs(name: str, raw: msgspec.Raw) -> Iterator[tuple[str, str]]:
    if bytes(raw).startswith(b"["):
        for item in msgspec.json.decode(raw, type=list[msgspec.Raw]):
            yield f"{name}[]", _spelled(item)
    else:
        yield name, _spelled(raw)


def _spelled(raw: msgspec.Raw) -> str:
    """Return a text as it reads, and anything else as it is written: 0.10 stays 0.10."""
    text = bytes(raw)
    return msgspec.json.decode(text, type=str) if text.startswith(b'"') else text.decode()
