"""Turns the venues' knobs while they run: typed changes in, bounds checked, and back again after a time if asked."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from arbitrage.domain.instruments import Venue
from arbitrage.domain.money import plain
from arbitrage.sandbox.faults import Seconds, ShortText
from arbitrage.sandbox.floor import Floor
from arbitrage.sandbox.grid import single_step
from arbitrage.sandbox.knobs import Knobs
from arbitrage.sandbox.market_book import MarketBook
from arbitrage.sandbox.model import MarketModel

log = structlog.get_logger()

_SMALLEST_TICK: Final = Decimal("0.00000001")
_LARGEST_TICK: Final = Decimal(1_000_000)
_SHOCKS: Final = (Decimal("0.01"), Decimal(100))

Words = dict[ShortText, ShortText | None]
Numbers = dict[ShortText, Decimal | None]
Names = Annotated[set[ShortText], msgspec.Meta(max_length=100)]


class KnobSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The knobs to turn, with the meanings of `Knobs`; what is not named stays. In a mapping, null takes an entry out.

    Raises ValueError for a number out of bounds.
    """

    match_after_s: Seconds | UnsetType = UNSET
    cancel_after_s: Seconds | UnsetType = UNSET
    visible_after_s: Seconds | UnsetType = UNSET
    fill_share: Decimal | UnsetType = UNSET
    clock_ahead_ms: Annotated[int, msgspec.Meta(ge=-86_400_000, le=86_400_000)] | UnsetType = UNSET
    maintenance: bool | UnsetType = UNSET
    halted: Words | UnsetType = UNSET
    warned: Names | UnsetType = UNSET
    wallets: Words | UnsetType = UNSET
    price_shock: Numbers | UnsetType = UNSET
    tick: Numbers | UnsetType = UNSET
    permissions: Names | UnsetType = UNSET
    key_expires_in_s: Seconds | UnsetType | None = UNSET
    allowed_ips: Names | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.fill_share is not UNSET and not _within(Decimal(0), self.fill_share, Decimal(1)):
            raise ValueError("`fill_share` is from 0 to 1")
        low, high = _SHOCKS
        if not all(factor is None or _within(low, factor, high) for factor in _values(self.price_shock)):
            raise ValueError(f"`price_shock` is a factor from {low} to {high}")
        if not all(tick is None or _is_tick(tick) for tick in _values(self.tick)):
            raise ValueError(f"`tick` is above zero, of eight decimals at most, and at most {_LARGEST_TICK}")

    def given(self) -> dict[str, Any]:
        """Return what is to be turned."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}

    def markets(self) -> set[str]:
        """Return the markets that are named."""
        mappings = (self.halted, self.price_shock, self.tick)
        named = {code for mapping in mappings if mapping is not UNSET for code in mapping}
        return named | (self.warned if self.warned is not UNSET else set())


class KnobChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which venue's knobs to turn, after how long, and for how long (for good if not said)."""

    venue: Venue
    set: KnobSettings
    after_s: Seconds = 0.0
    for_s: Seconds | None = None


_Place = tuple[str, str | None]
"""A knob, or one entry of a knob that is a mapping."""


@dataclass(slots=True)
class _Timed:
    """A change that ends by itself: what it set where, and what it found there."""

    venue: Venue
    ours: dict[_Place, Any]
    before: dict[_Place, Any]


class KnobPanel:
    """Where knobs are turned. With a `model`, a shock and a tick show in the public books too, not in orders only."""

    def __init__(
        self, floors: Mapping[Venue, Floor], books: Mapping[Venue, Mapping[str, MarketBook]], model: MarketModel | None
    ) -> None:
        self._floors = floors
        self._books = books
        self._model = model
        self._timed: list[_Timed] = []
        self._listed = {code: book.listing.grid for venue in books.values() for code, book in venue.items()}

    def check(self, change: KnobChange, name: str) -> None:
        """Raise ValueError, beginning with the change's `name`, for a market that the venue does not list."""
        unknown = change.set.markets() - set(self._books[change.venue])
        if unknown:
            raise ValueError(f"{name}: {change.venue.value} does not list {', '.join(sorted(unknown))}")

    def turn(self, change: KnobChange) -> None:
        """Turn knobs now or later."""
        if change.after_s:
            asyncio.get_running_loop().call_later(change.after_s, self._turn, change)
        else:
            self._turn(change)

    def view(self, venue: Venue) -> dict[str, Any]:
        """Return a venue's knobs as they stand."""
        knobs = self._floors[venue].knobs
        shocks = self._model.shocks if self._model is not None else {}
        shown: dict[str, Any] = {
            name: _shown(value) for name in KnobSettings.__struct_fields__ for value in [getattr(knobs, name)]
        }
        own = {code: str(factor) for code, factor in shocks.items() if code in self._books[venue]}
        return {**shown, "price_shock": {**shown["price_shock"], **own}}

    def _turn(self, change: KnobChange) -> None:
        before = self._set(change.venue, change.set.given())
        log.info("knobs_turned", venue=change.venue.value, knobs=sorted(before))
        if change.for_s is not None:
            timed = _Timed(change.venue, _flat(change.set.given()), _flat(before))
            self._timed.append(timed)
            asyncio.get_running_loop().call_later(change.for_s, self._turn_back, timed)

    def _turn_back(self, over: "_Timed") -> None:
        """Set back what still is as this change set it. What a later one has covered, that one uncovers at its end."""
        self._timed.remove(over)
        back: dict[str, Any] = {}
        for place, before in over.before.items():
            if self._held(over.venue, place) == over.ours[place]:
                _put(back, place, before)
            for timed in self._timed:
                if timed.venue is over.venue and place in timed.before and timed.before[place] == over.ours[place]:
                    timed.before[place] = before
        self._set(over.venue, back)

    def _held(self, venue: Venue, place: "_Place") -> Any:
        name, key = place
        knobs = self._floors[venue].knobs
        return getattr(knobs, name) if key is None else self._mapping(knobs, name).get(key)

    def _set(self, venue: Venue, given: Mapping[str, Any]) -> dict[str, Any]:
        """Set knobs; return what sets them back."""
        knobs = self._floors[venue].knobs
        before: dict[str, Any] = {}
        for name, value in given.items():
            held = self._mapping(knobs, name) if isinstance(value, dict) else None
            if held is None:
                before[name] = getattr(knobs, name)
                setattr(knobs, name, value)
            else:
                before[name] = {key: held.get(key) for key in value}
                _merge(held, value)
        for code in given.get("tick", {}):
            tick = knobs.tick.get(code)
            self._books[venue][code].regrid(self._listed[code] if tick is None else single_step(plain(tick)))
        return before

    def _mapping(self, knobs: Knobs, name: str) -> dict[str, Any]:
        if name == "price_shock" and self._model is not None:
            return self._model.shocks
        held: dict[str, Any] = getattr(knobs, name)
        return held


def _merge(held: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if value is None:
            held.pop(key, None)
        else:
            held[key] = value


def _values(mapping: Numbers | UnsetType) -> tuple[Decimal | None, ...]:
    return () if mapping is UNSET else tuple(mapping.values())


def _within(low: Decimal, value: Decimal, high: Decimal) -> bool:
    # finite first: a comparison with a NaN raises
    return value.is_finite() and low <= value <= high


def _is_tick(tick: Decimal) -> bool:
    return _within(_SMALLEST_TICK, tick, _LARGEST_TICK) and tick == tick.quantize(_SMALLEST_TICK)


def _shown(value: object) -> object:
    return sorted(value) if isinstance(value, set) else msgspec.to_builtins(value)


def _flat(given: Mapping[str, Any]) -> dict[_Place, Any]:
    flat: dict[_Place, Any] = {}
    for name, value in given.items():
        if isinstance(value, dict):
            flat.update({(name, key): inner for key, inner in value.items()})
        else:
            flat[name, None] = value
    return flat


def _put(given: dict[str, Any], place: _Place, value: Any) -> None:
    name, key = place
    if key is None:
        given[name] = value
    else:
        given.setdefault(name, {})[key] = value
