"""`arbitrage reconcile`: what the venues say that we own, against what we believe. `--accept` believes the venues.

The daemon compares, and the daemon accepts; this shows what it found and brings it a person's word.
"""

import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from arbitrage.commands.delivery import deliver, shown_since
from arbitrage.commands.places import Files, a_request
from arbitrage.commands.waiting import PATIENCE_S, wait_until
from arbitrage.domain.events import Command
from arbitrage.domain.guarding import LatchKind
from arbitrage.domain.instants import Instant
from arbitrage.settings import Settings
from arbitrage.status import IN_MEMORY, NEVER_RAN, read_status
from arbitrage.status.shape import Status
from liveguard.mode_gate import Mode


def main(settings: Settings, accept: str | None, as_json: bool, patience_s: float = PATIENCE_S) -> int:
    """Show what differs; with a reason in `accept`, have the daemon believe the venues first.

    Returns 1 if something differs, or if there is no running daemon to say so. Raises StateUnavailable,
    ConfigurationError for a reason that says nothing, OperatorNeeded if the daemon's files cannot be written.
    """
    request = None if accept is None else a_request(Command.ACCEPT, accept)
    status = {} if settings.state == "memory" else read_status(settings)
    if not status:
        return _fail(IN_MEMORY if settings.state == "memory" else NEVER_RAN)
    if request is not None:
        if not deliver(Files(settings), request, patience_s):
            return _fail("no daemon answered: nothing was accepted")
        before, status = status, _after(settings, request.given_at, patience_s) or status
        _tell_accepted(before, status, sys.stderr if as_json else sys.stdout)
    if as_json:
        sys.stdout.write(msgspec.json.Encoder(decimal_format="number").encode(_facts(status)).decode() + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(status)))
    if not status["running"]:
        return _fail(f"this is how it was {status['view_age_s']:,.0f} s ago: {status['trading_state_reason']}")
    return 1 if status["unexplained"] or _is_latched(status) else 0


def _after(settings: Settings, since: Instant, patience_s: float) -> Status | None:
    """Return what the daemon shows once it has accepted; None if it shows nothing new in time."""
    seen: list[Status] = []

    def is_settled() -> bool:
        status = shown_since(settings, since)
        if status is not None:
            seen.append(status)
        return status is not None and not status["unexplained"] and not _is_latched(status)

    wait_until(is_settled, patience_s, 0.05)
    return seen[-1] if seen else None


def _tell_accepted(before: Status, after: Status, stream: Any) -> None:
    left = {(odd["venue"], odd["currency"]) for odd in after["unexplained"]}
    gone = [odd for odd in before["unexplained"] if (odd["venue"], odd["currency"]) not in left]
    named = ", ".join(f"{odd['venue']} {odd['difference']:+f} {odd['currency']}" for odd in gone)
    if named:
        stream.write(f"accepted: {named}\n")


def _facts(status: Status) -> dict[str, Any]:
    return {
        "mode": status["mode"],
        "running": status["running"],
        "view_age_s": status["view_age_s"],
        "latched": _is_latched(status),
        "differences": [_difference(status, odd) for odd in status["unexplained"]],
    }


def _difference(status: Status, odd: Mapping[str, Any]) -> dict[str, Any]:
    believed = status["inventory"].get(odd["venue"], {}).get(odd["currency"], Decimal(0))
    return {**odd, "believed": believed, "venue_says": believed + odd["difference"]}


def _lines(status: Status) -> list[str]:
    if status["mode"] != Mode.LIVE:
        return [f"nothing to compare: {status['mode']} owns nothing on the venues"]
    if not any(status["inventory"].values()):
        return ["nothing was compared yet: what we own has not been read"]
    if not status["unexplained"]:
        return ["the venues say what we believe"] + ([_way_on(status)] if _is_latched(status) else [])
    columns = ("venue", "currency", "we believe", "it says", "difference")
    rows = [_cells(_difference(status, odd)) for odd in status["unexplained"]]
    widths = [max(len(row[at]) for row in (columns, *rows)) for at in range(len(columns))]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (columns, *rows)]
    return [*table, _way_on(status)]


def _cells(odd: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(odd["venue"]),
        str(odd["currency"]),
        f"{odd['believed']:f}",
        f"{odd['venue_says']:f}",
        f"{odd['difference']:+f}",
    )


def _way_on(status: Status) -> str:
    if _is_latched(status):
        return "no new plans until a person explains it: `arbitrage reconcile --accept REASON`"
    return "seen once: it may have crossed a fill on its way; it counts if the next look sees it again"


def _is_latched(status: Status) -> bool:
    return any(latch["name"] == LatchKind.UNEXPLAINED_FUNDS for latch in status["latches"])


def _fail(reason: str) -> int:
    sys.stderr.write(f"arbitrage: {reason}\n")
    return 1
