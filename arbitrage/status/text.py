"""A status as people read it, a piece below the other. It reads nothing but what it is given."""

from collections.abc import Iterator
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from arbitrage.status.guard import losses_line
from arbitrage.status.lines import (
    alert_lines,
    deaf_streams,
    edge_table,
    flight_lines,
    fx_line,
    headline,
    inventory_lines,
    lease_line,
    orders_line,
    outages,
    plans_line,
    reasons,
    refused_lines,
    runway_line,
    unexplained_lines,
    venue_table,
)
from arbitrage.status.shape import Status


def show(status: Status, stream: TextIO) -> None:
    """Print a status; colours only on a terminal."""
    console = Console(file=stream, highlight=False, soft_wrap=False)
    for part in _parts(status):
        console.print(part)


def _parts(status: Status) -> Iterator[RenderableType]:
    yield headline(status)
    yield from reasons(status)
    yield from alert_lines(status)
    yield from lease_line(status["lease"])
    if status["venues"]:
        yield venue_table(status)
        yield from outages(status["venues"])
        yield from deaf_streams(status["private_streams"])
        yield Text(fx_line(status["fx"]))
    if status["edges"]:
        yield Text("edges in bps, after every fee", style="dim")
        yield edge_table(status)
    yield Text(plans_line(status))
    yield from flight_lines(status["flights"])
    yield Text(losses_line(status["daily"]), style="red" if status["daily"]["loss_krw"] else "dim")
    yield Text(orders_line(status), style="dim")
    yield from inventory_lines(status)
    yield from runway_line(status["runway"])
    yield from unexplained_lines(status["unexplained"])
    yield from refused_lines(status)
