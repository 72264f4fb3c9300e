"""Reads a day back out of Redis: ended plans, refusals, orders, what the guard did. It judges and writes nothing.

What cannot be understood is counted and left out, so that one bad row does not hide a day; what is no longer there is
said in a note.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

import msgspec

from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.guarding import GuardEntry
from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.money import won
from arbitrage.domain.plans import PlanEnd
from arbitrage.kst import at_kst
from arbitrage.report.span import DaySpan, span_of
from arbitrage.state.glance import ask
from arbitrage.state.keys import RedisAddress, RunFacts, StateKeys
from arbitrage.state.rows import CLOSED_PLANS, REFUSED_ROWS, OrderRow

T = TypeVar("T")

Row = Mapping[bytes, bytes]

PAGE: Final = 500
"""Rows asked for at a time."""

_BEFORE_MS: Final = 60_000
_AFTER_MS: Final = 3_600_000
"""A row's place is when Redis took it, which is later than what it tells of: for as long as Redis was away."""

_LARGEST: Final = Decimal(10) ** 18
"""No amount of ours comes near it; a larger one would fill the page, or end the report."""


class RefusedReason(msgspec.Struct):
    """One reason of a refusal; its code as it was written, of whichever version."""

    code: str
    seen: str = ""
    limit: str = ""


class RefusedRow(msgspec.Struct):
    """A refused opportunity, with how often each reason was given."""

    at: int
    base: str
    direction: str
    reasons: list[tuple[RefusedReason, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRows:
    """All that is known of a day. `score` is the daemon's own count of it; `notes` say what is missing."""

    span: DaySpan
    facts: RunFacts
    ends: tuple[PlanEnd, ...]
    refused: tuple[RefusedRow, ...]
    orders: tuple[OrderRow, ...]
    guard: tuple[GuardEntry, ...]
    starts: int
    score: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def daily_limit_krw(self) -> Decimal | None:
        """Return what may be lost in a day, by the limits of the last start."""
        try:
            limit = Decimal(self.facts.limits["max_daily_loss"])
        except (KeyError, InvalidOperation):
            return None
        return limit if limit.is_finite() and limit > 0 else None


def read_day(address: RedisAddress, namespace: str, asked: str, now: Instant) -> DayRows:
    """Return a day of one namespace. Raises StateUnavailable, and ConfigurationError for what is no day."""
    keys = StateKeys(namespace)
    (raw,) = ask(address, ("GET", keys.run))
    try:
        facts = msgspec.json.decode(raw or b"", type=RunFacts)
    except ValueError as error:
        raise StateUnavailable(f"{keys.run}: not understood ({error}); was it written by another version?") from error
    return _DayReader(address, keys, span_of(asked, facts.trading_day_tz, now)).read(facts)


class _DayReader:
    """One look at one day; counts what it cannot understand."""

    def __init__(self, address: RedisAddress, keys: StateKeys, span: DaySpan) -> None:
        self._address = address
        self._keys = keys
        self._span = span
        self._unread = 0

    def read(self, facts: RunFacts) -> DayRows:
        keys, span = self._keys, self._span
        ends = [end for row in self._stream(keys.plans_closed) if (end := self._end(row))]
        refused = [told for row in self._stream(keys.refused) if (told := self._decoded(row, RefusedRow))]
        guard, starts = self._journal()
        orders, score = self._orders(), self._score()
        ended = sorted((end for end in ends if span.holds(end.at)), key=lambda end: end.at)
        return DayRows(
            span=span,
            facts=facts,
            ends=tuple(ended),
            refused=tuple(told for told in refused if span.holds(told.at)),
            orders=orders,
            guard=guard,
            starts=starts,
            score=score,
            notes=tuple(self._notes(len(ended), score)),
        )

    def _journal(self) -> tuple[tuple[GuardEntry, ...], int]:
        """Return what happened to the guard, and how often the daemon was started."""
        guard, starts = [], 0
        for row in self._stream(self._keys.journal):
            at = row.get(b"at", b"")
            if not (at.isdigit() and self._span.holds(int(at))):
                continue
            starts += row.get(b"kind") == b"boot"
            if row.get(b"kind") == b"guard" and (entry := self._decoded(row, GuardEntry)):
                guard += [entry] if self._span.holds(entry.at) else []
        return tuple(guard), starts

    def _stream(self, key: str) -> Iterator[Row]:
        """Yield the rows that a stream took on while the day ran, and somewhat longer."""
        first = f"{max(self._span.start // NS_PER_MS - _BEFORE_MS, 0)}"
        last = self._span.end // NS_PER_MS + _AFTER_MS
        while True:
            (page,) = ask(self._address, ("XRANGE", key, first, last, "COUNT", PAGE))
            for _, fields in page:
                yield dict(zip(fields[::2], fields[1::2], strict=True))
            if len(page) < PAGE:
                return
            first = f"({page[-1][0].decode(errors='replace')}"

    def _end(self, row: Row) -> PlanEnd | None:
        end = self._decoded(row, PlanEnd)
        if end is None or _is_sound(end):
            return end
        self._unread += 1
        return None

    def _decoded(self, row: Row, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(row.get(b"row", b""), type=kind)
        except ValueError:  # msgspec's errors and broken UTF-8 are both ValueErrors
            self._unread += 1
            return None

    def _orders(self) -> tuple[OrderRow, ...]:
        (reply,) = ask(self._address, ("HVALS", self._keys.orders(self._span.day)))
        return tuple(order for raw in reply if (order := self._decoded({b"row": raw}, OrderRow)))

    def _score(self) -> dict[str, int]:
        (reply,) = ask(self._address, ("HGETALL", self._keys.score(self._span.day)))
        held = dict(zip(reply[::2], reply[1::2], strict=True))
        return {name.decode(errors="replace"): int(n) for name, n in held.items() if n.removeprefix(b"-").isdigit()}

    def _notes(self, found: int, score: Mapping[str, int]) -> Iterator[str]:
        if self._unread:
            yield f"{self._unread:,} rows could not be understood and are left out; another version's?"
        if (counted := score.get("plans", 0)) != found:
            yield f"the daemon counted {counted:,} plans, {found:,} are still in Redis: these are told of here"
        capped = ((self._keys.plans_closed, CLOSED_PLANS, "plans"), (self._keys.refused, REFUSED_ROWS, "refusals"))
        for key, most, what in capped:
            if (begins := self._begins_late(key, most)) is not None:
                yield f"{what} before {at_kst(begins):%H:%M} KST are gone: Redis keeps the newest {most:,}"

    def _begins_late(self, key: str, most: int) -> Instant | None:
        """Return when a full stream's first row was taken, if that is within the day: what came before was cut off."""
        length, page = ask(self._address, ("XLEN", key), ("XRANGE", key, "-", "+", "COUNT", 1))
        if length < most or not page:
            return None
        first = Instant(int(page[0][0].partition(b"-")[0]) * NS_PER_MS)
        return first if first > self._span.start else None


def _is_sound(end: PlanEnd) -> bool:
    """Tell whether a plan's figures can be added up and shown: no other than a daemon's own row fails this."""
    plan, fills = end.plan, (end.upbit_fill, end.binance_fill, *(hedge.fill for hedge in end.hedges))
    amounts = [plan.notional_krw, plan.expected_krw, plan.fx.ask]
    amounts += [amount for fill in fills for amount in (fill.quantity, fill.funds, fill.fee)]
    is_named = plan.base.isalnum() and plan.base.isascii()
    are_figures = all(amount.is_finite() and abs(amount) <= _LARGEST for amount in (*amounts, won(end.result)))
    return is_named and 0 <= plan.decided_at <= end.at and are_figures
