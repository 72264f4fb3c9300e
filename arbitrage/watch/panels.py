"""The pieces of a picture: most of them are those of `status`, the others are drawn here. They read nothing."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from arbitrage.domain.alerts import Alert, Severity
from arbitrage.domain.instants import Instant, to_ms
from arbitrage.domain.money import won
from arbitrage.domain.plans import Direction, Outcome, PlanEnd
from arbitrage.kst import at_kst
from arbitrage.status.guard import losses_line
from arbitrage.status.lines import (
    bps,
    deaf_streams,
    flight_lines,
    fx_line,
    headline,
    inventory_lines,
    lease_line,
    outages,
    plain_table,
    plans_line,
    reasons,
    refused_lines,
    runway_line,
    unexplained_lines,
    venue_table,
)
from arbitrage.status.shape import Status
from arbitrage.telemetry.cleaning import clean_text
from arbitrage.watch.reading import SERIES_S, Picture
from arbitrage.watch.spark import bar, spark

Parts = Iterator[RenderableType]

_BAR: Final = 24
_SPARK: Final = 20
_MOST_ALERTS: Final = 5
_HOT: Final = 0.8
_WARM: Final = 0.5
_SEVERITIES: Final = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


def state(picture: Picture) -> Parts:
    """Yield what matters most: mode, state and why, alerts, today's result and how much may still be lost."""
    status = picture.status
    yield headline(status)
    yield from reasons(status)
    yield from _alerts(picture.alerts)
    yield from lease_line(status["lease"])
    yield Text(plans_line(status), style="bold")
    yield from _limit(status)
    yield from flight_lines(status["flights"])
    yield from unexplained_lines(status["unexplained"])


def market(picture: Picture) -> Parts:
    """Yield edges with their last minutes, the executable rate, and the books of both venues."""
    status = picture.status
    if status["edges"]:
        yield _edges(picture)
    if status["venues"]:
        yield Text(fx_line(status["fx"]))
        yield venue_table(status)
        yield from _bad_books(status)
        yield from outages(status["venues"])
        yield from deaf_streams(status["private_streams"])


def trade(picture: Picture) -> Parts:
    """Yield the last plans, what we own and how far it reaches, and what was refused."""
    if picture.ends:
        yield _plans(picture.ends)
    yield from inventory_lines(picture.status)
    yield from runway_line(picture.status["runway"])
    yield from refused_lines(picture.status)


def _limit(status: Status) -> Iterator[Text]:
    daily = status["daily"]
    yield Text(losses_line(daily), style="red" if daily["loss_krw"] else "dim")
    limit = daily["limit_krw"]
    if limit:
        share = float((daily["loss_krw"] + daily["in_flight_krw"]) / limit)
        style = "red" if not share <= _HOT else "yellow" if share > _WARM else "green"
        told = f" {share:.0%} of the daily loss limit, with what is in flight"
        yield Text.assemble((bar(share, _BAR), style), (told, style))


def _alerts(alerts: Sequence[Alert]) -> Iterator[Text]:
    for alert in alerts[:_MOST_ALERTS]:
        again = f" ×{alert.count:,}" if alert.count > 1 else ""
        told = f"{alert.severity}{again} since {_clock(alert.at)} KST: {clean_text(alert.text)}"
        yield Text(told, style=_SEVERITIES[alert.severity])
    if alerts:
        more = f"{len(alerts) - _MOST_ALERTS:,} more; " if len(alerts) > _MOST_ALERTS else ""
        yield Text(f"{more}acknowledge with `arbitrage ack`", style="dim")


def _edges(picture: Picture) -> Table:
    minutes = f"last {SERIES_S // 60} min"
    table = plain_table("pair", ">sell upbit", minutes, ">buy upbit", minutes)
    for base, ways in picture.status["edges"].items():
        cells: list[RenderableType] = []
        for direction in (Direction.SELL_UPBIT.value, Direction.BUY_UPBIT.value):
            now = ways.get(direction, {}).get("bps")
            line = spark(picture.edges.get((base, direction), ()), SERIES_S, _SPARK)
            cells += [Text(bps(now), style="green" if now is not None and now > 0 else ""), Text(line, style="cyan")]
        table.add_row(Text(base), *cells)
    return table


def _bad_books(status: Status) -> Iterator[Text]:
    books = {symbol: book for venue in status["venues"].values() for symbol, book in venue["books"].items()}
    bad = [f"{symbol} {book['health']}" for symbol, book in books.items() if book["health"] != "good"]
    if bad:
        yield Text(f"not to be believed: {', '.join(bad)}", style="yellow")


def _plans(ends: Sequence[PlanEnd]) -> Table:
    table = plain_table("ended", "pair", "direction", "outcome", ">edge", ">result KRW", ">expected", ">neutral")
    for end in ends:
        plan, result = end.plan, won(end.result)
        neutral = "" if end.neutral_after is None else f"{to_ms(end.neutral_after):,.0f} ms"
        table.add_row(
            Text(_clock(end.at)),
            Text(clean_text(plan.base)),
            Text(plan.direction.value),
            Text(end.outcome.value, style="green" if end.outcome is Outcome.BOTH else "yellow"),
            bps(plan.net_edge_bps),
            Text(f"{result:+,.0f}", style="red" if result < 0 else ""),
            f"{plan.expected_krw:+,.0f}",
            neutral,
        )
    return table


def _clock(at: int) -> str:
    try:
        return f"{at_kst(Instant(at)):%H:%M:%S}"
    except (OverflowError, ValueError, OSError):  # an instant beyond the calendar; whoever wrote it
        return "?"
