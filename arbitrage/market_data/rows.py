"""Lists from a venue, read row by row, so that one row that makes no sense costs that row only."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from arbitrage.market_data.frames import NOT_DECODED

T = TypeVar("T")


def rows_by_name(rows: Iterable[msgspec.Raw], shape: type[T], name_of: Callable[[T], str]) -> dict[str, T]:
    """Decode each row into `shape` and index it; rows that are not of that shape are left out."""
    found: dict[str, T] = {}
    decoder = msgspec.json.Decoder(shape)
    for row in rows:
        try:
            read = decoder.decode(row)
        except NOT_DECODED:
            continue
        found[name_of(read)] = read
    return found
