"""`arbitrage limits`: each limit, how much of it is used, and what would trip next, from the daemon's view in Redis."""

import sys
from typing import Any, Final, TextIO

import msgspec

from arbitrage.settings import Settings
from arbitrage.status import IN_MEMORY, NEVER_RAN, read_status
from arbitrage.status.limits import next_to_trip

BAR: Final = 20
"""Columns of a bar that is full."""

_WARM: Final = 0.5
_HOT: Final = 0.8


def main(settings: Settings, as_json: bool) -> int:
    """Print the limits of the daemon that status would show. Returns 1 if none ever ran.

    Raises StateUnavailable if Redis does not answer or holds something that cannot be understood.
    """
    status = {} if settings.state == "memory" else read_status(settings)
    if not status or not status["limits"]:
        sys.stderr.write(f"arbitrage: {IN_MEMORY if settings.state == 'memory' else NEVER_RAN}\n")
        return 1
    limits = status["limits"]
    if as_json:
        facts = {"mode": status["mode"], "running": status["running"], "view_age_s": status["view_age_s"]}
        facts |= {"limits": limits, "next": next_to_trip(limits)}
        sys.stdout.write(msgspec.json.Encoder(decimal_format="number").encode(facts).decode() + "\n")
    else:
        show(status, sys.stdout)
    return 0


def show(status: dict[str, Any], stream: TextIO) -> None:
    """Print the limits as a table, with bars on a terminal."""
    from rich.console import Console  # noqa: PLC0415 - only people wait for it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream, highlight=False)
    if not status["running"]:
        console.print(Text(f"as it was {status['view_age_s']:,.0f} s ago: {status['trading_state_reason']}", "yellow"))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name, justify in (("limit", "left"), ("used", "right"), ("of", "right"), ("", "left"), ("", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # rich wants the literals
    if console.is_terminal:
        table.add_column("", no_wrap=True)
    for limit in status["limits"]:
        share, style = limit["share"], _style(limit["share"])
        cells = [Text(limit["name"]), _number(limit["used"]), _number(limit["limit"]), limit["unit"], _percent(share)]
        bar = [Text(_bar(share), style)] if console.is_terminal else []
        table.add_row(*cells, *bar)
    console.print(table)
    nearest = next_to_trip(status["limits"])
    told = f"{nearest['name']}, {_percent(nearest['share'])} used" if nearest else "nothing: no limit is used"
    console.print(Text(f"next to trip: {told}", _style(nearest["share"] if nearest else None)))


def _style(share: float | None) -> str:
    return "dim" if share is None else "red" if not share <= _HOT else "yellow" if share > _WARM else "green"


def _bar(share: float | None) -> str:
    filled = 0 if share is None else round(BAR * max(0.0, min(share, 1.0)))
    return "█" * filled + "·" * (BAR - filled)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:,}"
