"""Reads back what an earlier run wrote. What is in Redis is not trusted: a surprise names its key and stops the start.

It writes nothing.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from arbitrage.domain.alerts import Alert
from arbitrage.domain.errors import StateUnavailable
from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.plans import Direction, TwoLegPlan
from arbitrage.domain.remembered import Remembered
from arbitrage.domain.views import EngineView, ScoreLine
from arbitrage.state.keys import COMMAND, StateKeys
from arbitrage.state.link import StateLink
from arbitrage.state.rows import DAY_MS, ORDER_DAYS_KEPT

T = TypeVar("T")

FIRST_ROW: Final = "0-0"
"""The row id that is before every row of a stream."""

LONGEST_TEXT: Final = 200
"""How much of a command's text is taken over."""

MOST_DIGITS: Final = 20
"""No instant has more: what is longer is no time."""

COMMANDS_AT_ONCE: Final = 20
"""How many commands one look takes over; whoever writes more of them waits for the next look."""


class _Seen(msgspec.Struct):
    """Of a view, when it was so: inventory is written with it, in one transaction."""

    at: Instant


_OUTCOME: Final = b"outcome:"
_COMMAND: Final = COMMAND.encode()


async def read_open_plans(link: StateLink, keys: StateKeys) -> tuple[TwoLegPlan, ...]:
    """Return the plans that nobody closed. Raises StateUnavailable naming the key that cannot be understood."""
    async with link.transaction() as pipe:
        pipe.hgetall(keys.plans_open)
        (plans,) = await pipe.execute()
    return tuple(_decoded(keys.plans_open, raw, TwoLegPlan) for raw in plans.values())


async def remember(link: StateLink, keys: StateKeys, now: Instant, day: str) -> Remembered:
    """Return what is known of the past, without open plans. Raises StateUnavailable naming the key that is wrong."""
    async with link.transaction() as pipe:
        pipe.get(keys.inventory)
        pipe.get(keys.positions)
        pipe.zrangebyscore(keys.trades, now // NS_PER_MS - DAY_MS, "+inf", withscores=True)
        pipe.hgetall(keys.score(day))
        pipe.get(keys.view)
        inventory, positions, trades, score, view = await pipe.execute()
    return Remembered(
        epoch=link.epoch,
        fence=link.fence,
        inventory=_inventory(keys.inventory, inventory) if inventory else {},
        inventory_at=_seen_at(view) if view else Instant(0),
        positions=_positions(keys.positions, positions) if positions else {},
        trade_instants=tuple(Instant(int(ms) * NS_PER_MS) for _, ms in trades),
        score=_score(keys.score(day), day, score),
        best_edges=_best_edges(view, day) if view else {},
    )


async def read_last_command(link: StateLink, keys: StateKeys) -> str:
    """Return the row id of the last command that was obeyed."""
    async with link.transaction() as pipe:
        pipe.get(keys.commands_seen)
        (seen,) = await pipe.execute()
    return _text(seen) if seen else FIRST_ROW


async def read_heartbeat(link: StateLink, keys: StateKeys) -> tuple[Instant, int]:
    """Return when a daemon last said that it lives, and its pid; zeros if it stopped on purpose or there was none."""
    async with link.transaction() as pipe:
        pipe.hmget(keys.heartbeat, "at", "pid", "stopped")
        ((at, pid, stopped),) = await pipe.execute()
    if stopped == b"true" or not (at and at.isdigit() and pid and pid.isdigit()):
        return Instant(0), 0
    return Instant(int(at)), int(pid)


@dataclass(frozen=True, slots=True)
class CommandRow:
    """What somebody asked for, as the stream holds it; nothing of it may be trusted."""

    row_id: str
    command: str
    who: str
    why: str
    given_at: Instant | None
    alert: str = ""

    @property
    def written_at(self) -> Instant | None:
        """Return when Redis took the row in, by its own clock; None if whoever wrote it made the id up."""
        ms = self.row_id.partition("-")[0]
        return Instant(int(ms) * NS_PER_MS) if ms.isdecimal() and len(ms) < MOST_DIGITS else None


async def read_commands(link: StateLink, keys: StateKeys, seen: str) -> list[CommandRow]:
    """Return what operators asked for after the row `seen`, oldest first."""
    async with link.transaction() as pipe:
        pipe.xread({keys.commands: seen}, count=COMMANDS_AT_ONCE)
        (streams,) = await pipe.execute()
    return [_command(row_id, fields) for _, rows in streams for row_id, fields in rows]


async def read_alerts(link: StateLink, keys: StateKeys) -> tuple[Alert, ...]:
    """Return the alerts that an earlier run left; one that is not understood must not stop a start, and is left out."""
    async with link.transaction() as pipe:
        pipe.hgetall(keys.alerts)
        (held,) = await pipe.execute()
    found = []
    for raw in held.values():
        with suppress(ValueError):
            found.append(msgspec.json.decode(raw, type=Alert))
    return tuple(found)


async def read_old_order_days(link: StateLink, keys: StateKeys, day: str) -> list[str]:
    """Return the trading days whose orders have been kept long enough on `day`."""
    oldest_kept = date.fromisoformat(day).toordinal() - ORDER_DAYS_KEPT
    async with link.transaction() as pipe:
        pipe.zrangebyscore(keys.order_days, "-inf", f"({oldest_kept}")
        (days,) = await pipe.execute()
    return [_text(name) for name in days]


def _command(row_id: bytes, fields: Mapping[bytes, bytes]) -> CommandRow:
    command, who, why, alert = (_one_line(fields.get(name, b"")) for name in (_COMMAND, b"who", b"why", b"alert"))
    given_at = fields.get(b"given_at", b"")
    given = Instant(int(given_at)) if given_at.isdigit() and len(given_at) < MOST_DIGITS else None
    return CommandRow(_text(row_id), command, who or "unknown", why or "no reason was given", given, alert)


def _one_line(raw: bytes) -> str:
    """Return a text that nobody vouches for in one line of printable characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in _text(raw))
    return " ".join(printable.split())[:LONGEST_TEXT]


def _inventory(key: str, raw: bytes) -> dict[Venue, dict[str, Decimal]]:
    held = _decoded(key, raw, dict[Venue, dict[str, Decimal]])
    amounts = [amount for balances in held.values() for amount in balances.values()]
    if not all(amount.is_finite() and amount >= 0 for amount in amounts):
        raise StateUnavailable(f"{key}: holds an amount that cannot be owned; delete it to start over")
    return held


def _positions(key: str, raw: bytes) -> dict[str, Decimal]:
    held = _decoded(key, raw, dict[str, Decimal])
    if not all(quantity.is_finite() for quantity in held.values()):
        raise StateUnavailable(f"{key}: holds what is no quantity; delete it to start over")
    return held


def _score(key: str, day: str, fields: Mapping[bytes, bytes]) -> ScoreLine | None:
    if not fields:
        return None
    try:
        counts = {name: int(value) for name, value in fields.items()}
    except ValueError as error:
        raise StateUnavailable(f"{key}: {error}; delete it or use another REDIS_DB") from error
    outcomes = {_text(name.removeprefix(_OUTCOME)): n for name, n in counts.items() if name.startswith(_OUTCOME)}
    plans, units = counts.get(b"plans", 0), counts.get(b"result_units", 0)
    return ScoreLine(day=day, plans=plans, outcomes=outcomes, result_units=units)


def _seen_at(raw: bytes) -> Instant:
    try:
        return msgspec.json.decode(raw, type=_Seen).at
    except ValueError:
        return Instant(0)


def _best_edges(raw: bytes, day: str) -> dict[tuple[str, Direction], float]:
    try:
        view = msgspec.json.decode(raw, type=EngineView)
        lines = view.edges if view.score_today.day == day else ()
        return {(e.base, Direction(e.direction)): e.best_today_bps for e in lines if e.best_today_bps is not None}
    except ValueError:  # the view of another version: it is for people, and a new one comes in a second
        return {}


def _decoded(key: str, raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except ValueError as error:  # msgspec's errors and broken UTF-8 are both ValueErrors
        raise StateUnavailable(f"{key}: not understood ({error}); delete it or use another REDIS_DB") from error


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
