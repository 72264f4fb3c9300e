"""The lines of the intent log: what one holds, and the checksum that chains it to all before it. It opens no file.

A line is `<CRC-32 as 8 hex digits> <JSON>\\n`. Each checksum continues the one before, so a line that was changed, lost
or swapped is seen. It guards against broken disks and cut files, not against someone who can compute a CRC.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, TypeVar
from zlib import crc32

import msgspec

from arbitrage.domain.errors import ArbitrageError
from arbitrage.domain.guarding import GuardEntry, Latch, LossMemory
from arbitrage.domain.instants import Instant
from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import AdoptPlan, Noted, ReportGuard, ReportPlanEnd, SubmitHedge, SubmitPlan
from arbitrage.domain.plans import Fill, Order, Outcome, TwoLegPlan

T = TypeVar("T")

_NO_BASE: Final = Decimal(0)

VERSION: Final = 1
"""Of the format. A log of another version is not guessed at."""


class LogDamaged(ArbitrageError):
    """The intent log cannot be believed; the text names the line and says what to do."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(
            f"the intent log is damaged at {where}: {what}; compare the losses with the venues, "
            "then `arbitrage resume --reason TEXT`"
        )


class Row(msgspec.Struct, frozen=True, kw_only=True, tag_field="row"):
    """One line. Its kind is the tag; a later version may add kinds, never change one."""


class NumberedRow(Row, frozen=True, kw_only=True):
    """An entry that changes losses or latches: `sequence` rises, with gaps; `day` is the guard's trading day."""

    sequence: int
    day: str


class PlanRow(NumberedRow, frozen=True, kw_only=True, tag="plan"):
    """A plan about to be sent, with its worst case in won units. Plan and orders are kept as they were written."""

    plan_id: str
    worst_case: int
    plan: msgspec.Raw
    orders: msgspec.Raw
    booked: Mapping[str, Fill] = {}

    def read_plan(self) -> TwoLegPlan:
        """Return the plan. Raises LogDamaged if another version wrote it in a way that this one cannot read."""
        return _read(_PLAN, self.plan, self.plan_id)

    def read_orders(self) -> tuple[Order, ...]:
        """Return the orders that it was to be sent as. Raises LogDamaged like `read_plan`."""
        return _read(_ORDERS, self.orders, self.plan_id)


class OrderRow(Row, frozen=True, kw_only=True, tag="order"):
    """An order about to be sent to lower the exposure of a plan in flight. It changes no loss and has no number."""

    plan_id: str
    order: msgspec.Raw

    def read_order(self) -> Order:
        """Return the order. Raises LogDamaged like `PlanRow.read_plan`."""
        return _read(_ORDER, self.order, self.plan_id)


class EndRow(NumberedRow, frozen=True, kw_only=True, tag="end"):
    """How a plan ended, with its result in won units, the base that it left over, and what we own since of what it
    traded: Redis is told of that behind, and may never have been.
    """

    at: Instant
    plan_id: str
    outcome: Outcome
    result: int
    base: str = ""
    residual: Decimal = _NO_BASE
    owned: Mapping[Venue, Mapping[str, Decimal]] = {}


class GuardRow(NumberedRow, frozen=True, kw_only=True, tag="guard"):
    """What happened to the guard, and the latches that hold since."""

    at: Instant
    entries: tuple[GuardEntry, ...]
    latches: tuple[Latch, ...]
    total_from_zero: bool


class Boot(msgspec.Struct, frozen=True):
    """A start of the daemon, and when it stopped on purpose, if it did."""

    at: Instant
    stopped_at: Instant | None = None


class HeadRow(Row, frozen=True, kw_only=True, tag="head"):
    """Whose log this is, and all that came before: with the lines that follow it is enough to know everything."""

    version: int = VERSION
    namespace: str
    epoch: str
    sequence: int
    losses: LossMemory
    latches: tuple[Latch, ...]
    open_plans: tuple[PlanRow, ...] = ()
    hedges: tuple[OrderRow, ...] = ()
    dust: Mapping[str, Decimal] = {}
    boots: tuple[Boot, ...] = ()


class BootFacts(Row, frozen=True, kw_only=True, tag="boot"):
    """The daemon started: with what version, configuration and limits (by name, as text)."""

    at: Instant
    version: str
    config_digest: str
    limits: Mapping[str, str]


class StopRow(Row, frozen=True, kw_only=True, tag="stop"):
    """The daemon stopped on purpose."""

    at: Instant


AnyRow = HeadRow | BootFacts | StopRow | PlanRow | OrderRow | EndRow | GuardRow

to_json: Final = msgspec.json.Encoder().encode
_ROW: Final = msgspec.json.Decoder(AnyRow)
_PLAN: Final = msgspec.json.Decoder(TwoLegPlan)
_ORDER: Final = msgspec.json.Decoder(Order)
_ORDERS: Final = msgspec.json.Decoder(tuple[Order, ...])


def _read(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, plan_id: str) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise LogDamaged(f"plan {plan_id}", f"it cannot be read ({error})") from error


def row_of(intent: Noted) -> PlanRow | OrderRow | EndRow | GuardRow:
    """Return the row that an intent is written down as."""
    match intent:
        case SubmitPlan() | AdoptPlan():
            return PlanRow(
                sequence=intent.sequence,
                day=intent.day,
                plan_id=intent.plan.plan_id,
                worst_case=intent.worst_case,
                plan=msgspec.Raw(to_json(intent.plan)),
                orders=msgspec.Raw(to_json(intent.orders)),
                booked=intent.booked if isinstance(intent, AdoptPlan) else {},
            )
        case SubmitHedge(order):
            return OrderRow(plan_id=order.plan_id, order=msgspec.Raw(to_json(order)))
        case ReportPlanEnd(end):
            return EndRow(
                sequence=intent.sequence,
                day=intent.day,
                at=end.at,
                plan_id=end.plan.plan_id,
                outcome=end.outcome,
                result=end.result,
                base=end.plan.base,
                residual=end.residual_base,
                owned=intent.owned,
            )
        case ReportGuard():
            return GuardRow(
                sequence=intent.sequence,
                day=intent.day,
                at=intent.at,
                entries=intent.entries,
                latches=intent.latches,
                total_from_zero=intent.total_from_zero,
            )


class Chain:
    """Where a log stands: the checksum that the next line continues, and the length in bytes of what is good."""

    def __init__(self) -> None:
        self.crc = 0
        self.length = 0
        self.torn = 0

    def line(self, row: AnyRow) -> bytes:
        """Return a row as the next line; the chain does not move before `added`."""
        payload = to_json(row)
        return b"%08x %b\n" % (crc32(payload, self.crc), payload)

    def added(self, line: bytes) -> None:
        """Move on behind a line."""
        self.crc = int(line[:8], 16)
        self.length += len(line)

    def read(self, lines: Iterable[bytes]) -> Iterator[AnyRow]:
        """Yield the rows of lines. What follows the last newline is not read: its length is left in `torn`.

        Raises LogDamaged at a line that does not continue the chain.
        """
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                self.torn = len(line)
                return
            payload = line[9:-1]
            if line != b"%08x %b\n" % (crc32(payload, self.crc), payload):
                raise LogDamaged(f"line {number}", "its checksum is wrong")
            self.added(line)
            try:
                yield _ROW.decode(payload)
            except msgspec.DecodeError as error:
                raise LogDamaged(f"line {number}", f"it cannot be read ({error})") from error
