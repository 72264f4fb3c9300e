"""What a command that came through Redis asks for, as an event. Whoever can write there is not known: nothing that
allows more is obeyed, and every text was cut and cleaned when it was read.
"""

from typing import Final

import structlog

from arbitrage.domain.events import Command, Event, InventoryGiven, OperatorCommand
from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.state.keys import ACK, FLATTEN, HALT, RESET_INVENTORY
from arbitrage.state.reading import CommandRow

log = structlog.get_logger()

FLATTEN_IS_NEWS_NS: Final = 60 * NS_PER_S
"""Who asked to flatten longer ago has seen that nobody did, and may have acted meanwhile: then it only halts."""

_OBEYED: Final = {HALT: Command.HALT, FLATTEN: Command.FLATTEN, ACK: Command.ACK}


def heard(row: CommandRow, now: Instant) -> Event | None:
    """Return what a row asks for; None, and a line in the log, if it may not be asked for from afar."""
    if row.command == RESET_INVENTORY:
        log.info("inventory_reset")
        return InventoryGiven(now, {})
    command = _OBEYED.get(row.command)
    if command is None:
        log.warning("command_unknown", command=row.command, who=row.who)
        return None
    if command is Command.FLATTEN and not _is_news(row, now):
        command = Command.HALT
    log.warning(f"{row.command}_asked", who=row.who, why=row.why, command=command.value)
    given_at = min(now, row.given_at or now)
    return OperatorCommand(at=now, given_at=given_at, command=command, who=row.who, why=row.why, alert=row.alert)


def _is_news(row: CommandRow, now: Instant) -> bool:
    since = row.given_at or row.written_at
    return since is not None and now - since <= FLATTEN_IS_NEWS_NS
